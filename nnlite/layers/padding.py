"""Padding: zeros around an image or a sequence."""

from typing import Any, ClassVar

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import Cache, Layer, Shape
from nnlite.layers.windows import require_channels

Sides = tuple[int, int]


class ZeroPadding(Layer):
    """Base class of `ZeroPadding1D` and `ZeroPadding2D`."""

    axes: ClassVar[int]

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a`` is a_prev inside, and 0 around it."""
        cache.size = a_prev.shape[1:-1]
        return np.pad(a_prev, [(0, 0), *self.sides, (0, 0)])

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da`` inside."""
        inside = (slice(before, before + n) for n, (before, _) in zip(cache.size, self.sides, strict=True))
        return da[:, *inside]

    @property
    def sides(self) -> tuple[Sides, ...]:
        """How many zeros are before and behind the image, along each axis."""
        raise NotImplementedError

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape with the zeros."""
        require_channels(self, input_shape, self.axes)
        sides = zip(input_shape[:-1], self.sides, strict=True)
        return (*(before + n + after for n, (before, after) in sides), input_shape[-1])


class ZeroPadding2D(ZeroPadding):
    """Zeros around images: ``a[i + top, j + left, c] = a_prev[i,j,c]``, else 0.

    Parameters
    ----------
    padding : int, (int, int) or ((int, int), (int, int)), default 1
        How many zeros: on each side; above and below, left and right; or ``((top, bottom), (left, right))``.

    Raises
    ------
    ArgumentError
        If ``padding`` has none of these forms, or the examples are not images with channels last.

    Notes
    -----
    a_prev (M, H, W, C) -> a (M, H + top + bottom, W + left + right, C). Backward: the inner part of da. In front of a
    convolution with stride 2, ``ZeroPadding2D(1)`` is PyTorch's ``padding=1``, where "same" pads one side only.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.ZeroPadding2D(((0, 1), (2, 3))).output_shape((28, 28, 1))
    (29, 33, 1)
    """

    axes = 2

    def __init__(self, padding: int | Sides | tuple[Sides, Sides] = 1) -> None:
        self.padding: Any = _checked(padding)

    @property
    def sides(self) -> tuple[Sides, ...]:
        """((top, bottom), (left, right))."""
        vertical, horizontal = _both(self.padding)
        return (_both(vertical), _both(horizontal))


class ZeroPadding1D(ZeroPadding):
    """Zeros around sequences: ``a[i + left, c] = a_prev[i,c]``, else 0.

    Parameters
    ----------
    padding : int or (int, int), default 1
        How many zeros: on each side, or ``(left, right)``.

    Raises
    ------
    ArgumentError
        If ``padding`` has none of these forms, or the examples are not sequences with channels last.

    Notes
    -----
    a_prev (M, L, C) -> a (M, left + L + right, C). Backward: the inner part of da. In front of a convolution with a
    kernel of length k and dilation d, ``ZeroPadding1D(((k - 1) * d, 0))`` makes it causal: no output sees what comes
    later.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.ZeroPadding1D((2, 0)).output_shape((100, 8))
    (102, 8)
    """

    axes = 1

    def __init__(self, padding: int | Sides = 1) -> None:
        if isinstance(padding, (tuple, list)) and any(isinstance(n, (tuple, list)) for n in padding):
            raise ArgumentError(f"padding: expected an integer or (left, right), got {padding!r}")
        self.padding: Any = _checked(padding)

    @property
    def sides(self) -> tuple[Sides, ...]:
        """((left, right),)."""
        return (_both(self.padding),)


def _checked(padding: Any) -> Any:
    """Return an integer of at least 0, or a pair of these or of pairs; ArgumentError for anything else."""
    if isinstance(padding, (tuple, list)):
        if len(padding) != 2:
            raise ArgumentError(f"padding: expected an integer or a pair, got {padding!r}")
        first, second = map(_checked, padding)
        if any(isinstance(n, tuple) and any(isinstance(m, tuple) for m in n) for n in (first, second)):
            raise ArgumentError(f"padding: expected ((top, bottom), (left, right)), got {padding!r}")
        return first if first == second and isinstance(first, int) else (first, second)
    return checks.integer("padding", padding, minimum=0)


def _both(value: Any) -> Any:
    """Return a pair as it is, and a number twice."""
    return value if isinstance(value, tuple) else (value, value)
