"""Pooling: the largest or the mean number of each window of an image or a sequence, channel by channel."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from nnlite.checks import Array
from nnlite.layers.base import Cache, Layer, Shape
from nnlite.layers.windows import Windows, as_tuple, check_padding, per_axis, require_channels, require_room


class Pooling(Layer):
    """Base class of the layers that make one number of each window.

    Attributes
    ----------
    axes : int
        Class attribute: 1 for sequences, 2 for images.
    """

    axes: ClassVar[int]

    def __init__(self, pool_size: int | Shape = 2, strides: int | Shape | None = None, padding: str = "valid") -> None:
        self.pool_size = per_axis("pool_size", pool_size, self.axes)
        self.strides = None if strides is None else per_axis("strides", strides, self.axes)
        self.padding = check_padding(padding, self.axes)

    @property
    def windows(self) -> Windows:
        """The windows; without ``strides`` they lie side by side."""
        size = as_tuple(self.pool_size, self.axes)
        strides = size if self.strides is None else as_tuple(self.strides, self.axes)
        return Windows(size, strides, (1,) * self.axes, self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the number of windows along each axis, and the channels."""
        require_channels(self, input_shape, self.axes)
        require_room(self, self.windows, input_shape)
        return (*self.windows.places(input_shape[:-1]), input_shape[-1])

    @property
    def _kernel_axes(self) -> tuple[int, ...]:
        """The axes of the kernel in windows (M, places, kernel, C)."""
        return tuple(range(1 + self.axes, 1 + 2 * self.axes))


class MaxPooling(Pooling):
    """Base class of `MaxPool1D` and `MaxPool2D`."""

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = max(window)``. Padding is lower than every number."""
        cache.a_prev, cache.windows = a_prev, self.windows.of(a_prev, outside=-np.inf)
        cache.a = cache.windows.max(axis=self._kernel_axes)
        return cache.a

    def backward(self, da: Array, cache: Cache) -> Array:
        """``d_window = da`` where the window has its largest number, else 0; da_prev adds them up at each pixel."""

        def d_windows() -> Iterator[Array]:
            found = np.zeros(da.shape, bool)
            for entry in self.windows.entries:
                is_largest = (cache.windows[(..., *entry, slice(None))] == cache.a) & ~found  # the first of several
                found |= is_largest
                yield da * is_largest

        return self.windows.added(d_windows(), cache.a_prev)


class AveragePooling(Pooling):
    """Base class of `AveragePool1D` and `AveragePool2D`."""

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = sum(window) / n``, where n counts the pixels of the window that lie in the image."""
        cache.a_prev = a_prev
        cache.n = self.windows.of(np.ones_like(a_prev[:1, ..., :1])).sum(axis=self._kernel_axes)
        return self.windows.of(a_prev).sum(axis=self._kernel_axes) / cache.n

    def backward(self, da: Array, cache: Cache) -> Array:
        """``d_window = da / n`` at each pixel of a window; da_prev adds them up at each pixel."""
        share = da / cache.n
        return self.windows.added([share] * len(self.windows.entries), cache.a_prev)


class GlobalAveragePooling(Layer):
    """Base class of `GlobalAveragePool1D` and `GlobalAveragePool2D`."""

    axes: ClassVar[int]

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = mean(a_prev)`` over the pixels."""
        cache.shape = a_prev.shape
        return a_prev.reshape(len(a_prev), -1, a_prev.shape[-1]).mean(axis=1)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da / n`` for each of the n pixels."""
        M, *size, C = cache.shape
        share = (da / da.dtype.type(np.prod(size))).reshape(M, *(1 for _ in size), C)
        return np.broadcast_to(share, cache.shape)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (C,), the channels."""
        require_channels(self, input_shape, self.axes)
        return input_shape[-1:]


class MaxPool2D(MaxPooling):
    """Max pooling of images: ``a[i,j,c] = max_{p,q} a_prev[s i + p, s j + q, c]``.

    Parameters
    ----------
    pool_size : int or (int, int), default 2
        Height and width of the windows, at least 1.
    strides : int or (int, int), optional
        How many pixels lie between neighboring windows; ``pool_size`` if omitted, so that they lie side by side.
    padding : {"valid", "same"}, default "valid"
        "valid": windows stay inside the image, and what is left at its end is ignored. "same": ``ceil(H / s)`` windows,
        as in `Conv2D`; only pixels of the image count.

    Raises
    ------
    ArgumentError
        If an argument is out of its range, the examples are not images with channels last, or the window is larger than
        the image.

    Notes
    -----
    a_prev (M, H, W, C) -> a (M, H', W', C). Backward: da goes to the pixel that was the largest of its window (to the
    first of several), and each pixel adds up what it gets from its windows.

    References
    ----------
    M. Ranzato et al., "Unsupervised learning of invariant feature hierarchies with applications to object recognition",
    2007.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> image = np.array([[1.0, 3.0], [2.0, 0.0]]).reshape(1, 2, 2, 1)
    >>> layer, cache = nn.MaxPool2D(2), nn.Cache()
    >>> layer.forward(image, cache)[0, 0, 0]
    array([3.])
    >>> layer.backward(np.array([[[[5.0]]]]), cache)[0, :, :, 0]
    array([[0., 5.],
           [0., 0.]])
    """

    axes = 2


class MaxPool1D(MaxPooling):
    """Max pooling of sequences: ``a[i,c] = max_p a_prev[s i + p, c]``.

    Parameters
    ----------
    pool_size : int, default 2
        Length of the windows, at least 1.
    strides : int, optional
        How many steps lie between neighboring windows; ``pool_size`` if omitted.
    padding : {"valid", "same"}, default "valid"
        As in `MaxPool2D`.

    Raises
    ------
    ArgumentError
        As for `MaxPool2D`, with sequences in place of images.

    Notes
    -----
    a_prev (M, L, C) -> a (M, L', C). Backward: as in `MaxPool2D`.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.MaxPool1D(3).output_shape((100, 8))
    (33, 8)
    """

    axes = 1


class AveragePool2D(AveragePooling):
    """Average pooling of images: ``a[i,j,c] = 1/n sum_{p,q} a_prev[s i + p, s j + q, c]``.

    Parameters
    ----------
    pool_size : int or (int, int), default 2
        Height and width of the windows, at least 1.
    strides : int or (int, int), optional
        How many pixels lie between neighboring windows; ``pool_size`` if omitted, so that they lie side by side.
    padding : {"valid", "same"}, default "valid"
        As in `MaxPool2D`: n counts the pixels of a window that lie in the image, so that padding does not change the
        mean.

    Raises
    ------
    ArgumentError
        As for `MaxPool2D`.

    Notes
    -----
    a_prev (M, H, W, C) -> a (M, H', W', C). Backward: each pixel of a window gets da / n, and adds up what it gets from
    its windows.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition", 1998.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> image = np.array([[1.0, 3.0], [2.0, 0.0]]).reshape(1, 2, 2, 1)
    >>> nn.AveragePool2D(2).forward(image, nn.Cache())[0, 0, 0]
    array([1.5])
    """

    axes = 2


class AveragePool1D(AveragePooling):
    """Average pooling of sequences: ``a[i,c] = 1/n sum_p a_prev[s i + p, c]``.

    Parameters
    ----------
    pool_size : int, default 2
        Length of the windows, at least 1.
    strides : int, optional
        How many steps lie between neighboring windows; ``pool_size`` if omitted.
    padding : {"valid", "same"}, default "valid"
        As in `AveragePool2D`.

    Raises
    ------
    ArgumentError
        As for `MaxPool2D`, with sequences in place of images.

    Notes
    -----
    a_prev (M, L, C) -> a (M, L', C). Backward: as in `AveragePool2D`.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.AveragePool1D(3, strides=1, padding="same").output_shape((100, 8))
    (100, 8)
    """

    axes = 1


class GlobalAveragePool2D(GlobalAveragePooling):
    """Mean of each channel over the image: ``a[c] = 1 / (H W) sum_{i,j} a_prev[i,j,c]``.

    Raises
    ------
    ArgumentError
        If the examples are not images with channels last.

    Notes
    -----
    a_prev (M, H, W, C) -> a (M, C). Backward: ``da_prev[i,j,c] = da[c] / (H W)``. A `Dense` layer behind it sees each
    channel once, at whatever place of the image.

    References
    ----------
    M. Lin, Q. Chen and S. Yan, "Network in network", 2014.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.GlobalAveragePool2D().output_shape((7, 7, 64))
    (64,)
    """

    axes = 2


class GlobalAveragePool1D(GlobalAveragePooling):
    """Mean of each channel over the sequence: ``a[c] = 1/L sum_i a_prev[i,c]``.

    Raises
    ------
    ArgumentError
        If the examples are not sequences with channels last.

    Notes
    -----
    a_prev (M, L, C) -> a (M, C). Backward: ``da_prev[i,c] = da[c] / L``.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.GlobalAveragePool1D().output_shape((100, 8))
    (8,)
    """

    axes = 1
