"""Convolutions: the same small kernel of weights at each place of an image or a sequence."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.initializers import Initializer, draw
from nnlite.layers.base import Cache, Layer, Shape
from nnlite.layers.windows import Windows, as_tuple, check_padding, per_axis, require_channels, require_room


class Convolution(Layer):
    """Base class of `Conv1D` and `Conv2D`, whose docstrings say what it computes.

    Each group of filters sees a group of channels. With G groups and N places of the kernel in the batch, the windows
    are matrices (G, N, k C / G), W is (G, k C / G, F / G) and z (G, N, F / G), where k is the number of entries of the
    kernel. NumPy multiplies the matrices of each group.

    Attributes
    ----------
    axes : int
        Class attribute: 1 for sequences, 2 for images.
    """

    axes: ClassVar[int]
    W: Array
    b: Array
    dW: Array
    db: Array

    def __init__(
        self,
        filters: int,
        kernel_size: int | Shape,
        initializer: Initializer | None = None,
        trainable: bool = True,
        *,
        strides: int | Shape = 1,
        padding: str = "valid",
        dilation: int | Shape = 1,
        groups: int = 1,
    ) -> None:
        self.filters = checks.integer("filters", filters)
        self.kernel_size = per_axis("kernel_size", kernel_size, self.axes)
        if not (initializer is None or isinstance(initializer, Initializer)):
            raise ArgumentError(_no_initializer(self, initializer))
        self.initializer = initializer
        self.trainable = checks.boolean("trainable", trainable)
        self.strides = per_axis("strides", strides, self.axes)
        self.padding = check_padding(padding, self.axes)
        self.dilation = per_axis("dilation", dilation, self.axes)
        self.groups = checks.integer("groups", groups)
        if self.filters % self.groups:
            raise ArgumentError(f"groups: {self.groups} groups need a multiple of {self.groups} filters, got {filters}")

    @property
    def windows(self) -> Windows:
        """What the kernel sees."""
        kernel, strides, dilation = (as_tuple(n, self.axes) for n in (self.kernel_size, self.strides, self.dilation))
        return Windows(kernel, strides, dilation, self.padding)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``z = windows W + b``: each row of ``windows`` is what the kernel sees at one place."""
        cache.a_prev = a_prev
        W = self._by_group(self.W)
        z = np.empty((len(a_prev), *self.windows.places(a_prev.shape[1:-1]), self.filters), a_prev.dtype)
        for block in self.windows.blocks(a_prev):
            z[block] = self._together(self._rows(a_prev[block]) @ W, z[block].shape)
        return z + self.b

    def backward(self, dz: Array, cache: Cache) -> Array | None:
        """``dW = windows^T dz``, ``db = sum dz``, ``d_windows = dz W^T``; da_prev adds up d_windows at each pixel."""
        a_prev, W = cache.a_prev, self._by_group(self.W)
        dW, da_prev = np.zeros_like(W), np.empty_like(a_prev)
        for block in self.windows.blocks(a_prev):
            dz_by_group = self._by_group(dz[block])
            dW += self._rows(a_prev[block]).mT @ dz_by_group
            if cache.input_gradient:
                d_windows = self._as_windows(dz_by_group @ W.mT, dz[block].shape[:-1])
                da_prev[block] = self.windows.added(d_windows, a_prev[block])
        self.dW = self._together(dW, self.W.shape)
        self.db = dz.reshape(-1, self.filters).sum(axis=0)
        return da_prev if cache.input_gradient else None

    def _rows(self, a_prev: Array) -> Array:
        """Return the windows of a_prev as rows: (G, N, k C / G)."""
        windows = self.windows.of(a_prev)
        by_group = np.moveaxis(windows.reshape(*windows.shape[:-1], self.groups, -1), -2, 0)
        n_places = np.prod(windows.shape[: 1 + self.axes])
        return by_group.reshape(self.groups, n_places, -1)

    def _as_windows(self, rows: Array, places: Shape) -> Iterator[Array]:
        """Yield for each entry of the kernel what rows (G, N, k C / G) have for it, as (M, places, C)."""
        by_entry = np.moveaxis(rows.reshape(self.groups, *places, len(self.windows.entries), -1), 0, -2)
        for i in range(by_entry.shape[-3]):
            yield by_entry[..., i, :, :].reshape(*places, -1)

    def _by_group(self, array: Array) -> Array:
        """Return an array (..., F) as matrices (G, ..., F / G)."""
        return np.moveaxis(array.reshape(-1, self.groups, self.filters // self.groups), 1, 0)

    def _together(self, matrices: Array, shape: Shape) -> Array:
        """Return matrices (G, ..., F / G) as an array (..., F) of that shape."""
        return np.moveaxis(matrices, 0, 1).reshape(shape)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the number of places of the kernel along each axis, and the number of filters."""
        require_channels(self, input_shape, self.axes)
        if input_shape[-1] % self.groups:
            raise ArgumentError(
                f"{self}: {self.groups} groups need a multiple of {self.groups} channels, got examples of shape "
                f"{input_shape}, whose last axis are the channels"
            )
        require_room(self, self.windows, input_shape)
        return (*self.windows.places(input_shape[:-1]), self.filters)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes of W (kernel, C / groups, filters) and b (filters,)."""
        return {"W": (*self.windows.kernel, input_shape[-1] // self.groups, self.filters), "b": (self.filters,)}

    def initialize(self, rng: np.random.Generator, initializer: Initializer) -> None:
        """Draw W; b stays 0."""
        self.W = draw(self.initializer or initializer, self.W.shape, rng)


class Conv2D(Convolution):
    r"""Convolution of images: ``z[i,j,f] = sum_{p,q,c} a_prev[s i + d p, s j + d q, c] W[p,q,c,f] + b[f]``.

    s is the stride and d the dilation. (In mathematics this is a cross-correlation: the kernel is not mirrored.)

    Parameters
    ----------
    filters : int
        Number of filters F, the channels of the output; at least 1.
    kernel_size : int or (int, int)
        Height and width of the kernel, at least 1.
    initializer : Initializer, optional
        How to draw W; b starts at 0. The default depends on the activation that follows, as for `Dense`. A unit has
        ``n_in = height * width * C / groups`` inputs, and ``n_out = height * width * F``.
    trainable : bool, default True
        False freezes W and b.
    strides : int or (int, int), default 1
        How many pixels the kernel moves from place to place.
    padding : {"valid", "same"}, default "valid"
        "valid": the kernel stays inside the image. "same": zeros around the image give ``ceil(H / s)`` places, with the
        odd zero below and on the right, as in TensorFlow and Keras. `ZeroPadding2D` in front gives any other padding,
        such as PyTorch's.
    dilation : int or (int, int), default 1
        Distance between the pixels that neighboring entries of the kernel see.
    groups : int, default 1
        Number of groups G into which channels and filters are divided; it divides both. Each group of filters sees only
        its group of channels. With ``groups=C`` the convolution is depthwise.

    Attributes
    ----------
    W, dW : ndarray, (height, width, C / groups, F)
        Weights and their gradient, as soon as the model knows its input size.
    b, db : ndarray, (F,)
        Biases and their gradient.

    Raises
    ------
    ArgumentError
        If an argument is out of its range, the examples are not images with channels last, or the kernel is larger than
        the image.

    Notes
    -----
    a_prev (M, H, W, C) -> z (M, H', W', F). With padding "valid" ``H' = floor((H - e) / s) + 1`` for a kernel of height
    k that covers ``e = (k - 1) d + 1`` pixels. Backward, with dz = dJ/dz::

        dW[p,q,c,f] = sum_{m,i,j} a_prev[m, s i + d p, s j + d q, c] dz[m,i,j,f]
        db[f] = sum_{m,i,j} dz[m,i,j,f]
        da_prev[m,x,y,c] = sum_{p,q,f} dz[m,i,j,f] W[p,q,c,f]  over the i, j with s i + d p = x, s j + d q = y

    Forward and backward are products of matrices: the windows that the kernel sees are the rows of a matrix, and W is
    the other. That matrix holds each pixel up to ``height * width`` times, so it is made for a block of examples at a
    time: 32 MiB, or one example.

    References
    ----------
    Y. LeCun et al., "Backpropagation applied to handwritten zip code recognition", 1989; Y. LeCun, L. Bottou, Y. Bengio
    and P. Haffner, "Gradient-based learning applied to document recognition", 1998; V. Dumoulin and F. Visin, "A guide
    to convolution arithmetic for deep learning", 2016.

    Examples
    --------
    >>> import nnlite as nn
    >>> layers = [nn.Conv2D(8, 3), nn.ReLU(), nn.MaxPool2D(2), nn.Flatten(), nn.Dense(10), nn.Softmax()]
    >>> model = nn.Model(layers, n_features=(28, 28, 1))
    >>> model.shapes
    ((28, 28, 1), (26, 26, 8), (26, 26, 8), (13, 13, 8), (1352,), (10,), (10,))
    >>> model.parameters["W1"].shape
    (3, 3, 1, 8)
    """

    axes = 2


class Conv1D(Convolution):
    r"""Convolution of sequences: ``z[i,f] = sum_{p,c} a_prev[s i + d p, c] W[p,c,f] + b[f]``.

    s is the stride and d the dilation.

    Parameters
    ----------
    filters : int
        Number of filters F, the channels of the output; at least 1.
    kernel_size : int
        Length of the kernel, at least 1.
    initializer : Initializer, optional
        How to draw W; b starts at 0. The default depends on the activation that follows, as for `Dense`. A unit has
        ``n_in = kernel_size * C / groups`` inputs, and ``n_out = kernel_size * F``.
    trainable : bool, default True
        False freezes W and b.
    strides : int, default 1
        How many steps the kernel moves from place to place.
    padding : {"valid", "same"}, default "valid"
        "valid": the kernel stays inside the sequence. "same": zeros around it give ``ceil(L / s)`` places, as in
        `Conv2D`.
    dilation : int, default 1
        Distance between the steps that neighboring entries of the kernel see.
    groups : int, default 1
        Number of groups into which channels and filters are divided, as in `Conv2D`.

    Attributes
    ----------
    W, dW : ndarray, (kernel_size, C / groups, F)
        Weights and their gradient, as soon as the model knows its input size.
    b, db : ndarray, (F,)
        Biases and their gradient.

    Raises
    ------
    ArgumentError
        If an argument is out of its range, the examples are not sequences with channels last, or the kernel is longer
        than the sequence.

    Notes
    -----
    a_prev (M, L, C) -> z (M, L', F). With padding "valid" ``L' = floor((L - e) / s) + 1`` for a kernel of length k that
    covers ``e = (k - 1) d + 1`` steps. Backward: as in `Conv2D`, with one axis.

    References
    ----------
    A. Waibel et al., "Phoneme recognition using time-delay neural networks", 1989.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.Model([nn.Conv1D(4, 5, padding="same"), nn.Flatten(), nn.Identity()], n_features=(100, 3)).n_parameters
    64
    """

    axes = 1


def as_rows_of_units(a: Array, layers: Iterable[Layer]) -> Array:
    """Return numbers (M, ...) as rows of units: in a network with convolutions, the channels of an image are units."""
    has_channels = a.ndim > 2 and any(isinstance(layer, Convolution) for layer in layers)
    return a.reshape(-1, a.shape[-1]) if has_channels else a.reshape(len(a), -1)


def _no_initializer(layer: Convolution, value: Any) -> str:
    hint = "an activation is a layer of its own"
    if isinstance(value, int) and not isinstance(value, bool):
        name = type(layer).__name__
        hint = f"{name} takes only the number of outputs: write nn.{name}({layer.kernel_size}, {value})"
    return f"initializer: expected an Initializer such as nn.HeNormal(), got {value!r} ({hint})"
