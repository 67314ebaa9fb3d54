"""Windows: what a kernel sees of an image or a sequence at each of its places.

A kernel of k entries with dilation d covers ``e = (k - 1) d + 1`` pixels, and moves by the stride s. Along an axis of n
pixels it has ``floor((n - e) / s) + 1`` places inside the image ("valid"). With padding "same" it has ``ceil(n / s)``
places, as in TensorFlow: the image gets ``max((places - 1) s + e - n, 0)`` pixels more, half of them before it (rounded
down) and the others behind it.

References
----------
V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import Layer, Shape

LARGEST_BLOCK = 2**25  # bytes of the windows of a block of examples; one example may have more
LARGEST_OF_FILE = 2**28  # numbers of the windows of one example, in a network that comes from a file
OF_AXES = {1: ("sequences", "(length, channels)"), 2: ("images", "(height, width, channels)")}
COLORS = (1, 3)  # channels of most image files
SMALLEST_SIDE = 8  # of images that somebody would read from a file
PADDINGS = ("valid", "same")


class Windows(NamedTuple):
    """The windows of a kernel, along one axis (sequences) or two (images).

    Attributes
    ----------
    kernel, strides, dilation : tuple of int
        One number for each axis.
    padding : str
        "valid" or "same".
    """

    kernel: Shape
    strides: Shape
    dilation: Shape
    padding: str

    @property
    def covered(self) -> Shape:
        """How many pixels the kernel covers along each axis, with the gaps of the dilation."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def places(self, size: Shape) -> Shape:
        """Return how many places the kernel has along each axis of an image of that size; below 1 if it has none."""
        sides = zip(size, self.covered, self.strides, strict=True)
        return tuple(-(-n // s) if self.padding == "same" else (n - e) // s + 1 for n, e, s in sides)

    def pads(self, size: Shape) -> list[tuple[int, int]]:
        """Return how many pixels padding adds before and behind an image of that size, along each axis."""
        sides = zip(size, self.places(size), self.covered, self.strides, strict=True)
        added = [max((places - 1) * s + e - n, 0) if self.padding == "same" else 0 for n, places, e, s in sides]
        return [(n // 2, n - n // 2) for n in added]

    def of(self, a: Array, outside: float = 0.0) -> Array:
        """Return the windows of ``a`` (M, H, W, C) as (M, places H, places W, kernel H, kernel W, C), a view.

        Padding gives the pixels around the image the value ``outside``, in a copy of the image.
        """
        axes = range(1, a.ndim - 1)
        pads = self.pads(a.shape[1:-1])
        if any(map(any, pads)):
            a = np.pad(a, [(0, 0), *pads, (0, 0)], constant_values=outside)
        windows = np.lib.stride_tricks.sliding_window_view(a, self.covered, tuple(axes))  # (M, H, W, C, kernel)
        every_place = tuple(slice(None, None, s) for s in self.strides)
        every_entry = tuple(slice(None, None, d) for d in self.dilation)
        windows = windows[:, *every_place, :, *every_entry]
        return np.moveaxis(windows, len(axes) + 1, -1)

    def n_numbers(self, input_shape: Shape) -> int:
        """Return how many numbers the windows of one example have, or the image with its padding if that has more."""
        *size, C = input_shape
        padded = math.prod(n + sum(pad) for n, pad in zip(size, self.pads(tuple(size)), strict=True))
        return C * max(padded, math.prod(self.places(tuple(size))) * math.prod(self.kernel))

    @property
    def entries(self) -> list[Shape]:
        """The place of each entry of the kernel: (0, 0), (0, 1), ..."""
        return list(np.ndindex(*self.kernel))

    def added(self, d_windows: Iterable[Array], a: Array) -> Array:
        """Return dJ/da in the shape of ``a`` (M, H, W, C): each pixel adds up what its windows have for it.

        ``d_windows`` are dJ/dwindows (M, places H, places W, C) for each of `entries`.
        """
        M, *size, C = a.shape
        pads = self.pads(tuple(size))
        da = np.zeros((M, *(n + sum(pad) for n, pad in zip(size, pads, strict=True)), C), a.dtype)
        for entry, d_entry in zip(self.entries, d_windows, strict=True):
            da[self._under(entry, tuple(size))] += d_entry
        inside = (slice(before, before + n) for n, (before, _) in zip(size, pads, strict=True))
        return da[:, *inside]

    def _under(self, entry: Shape, size: Shape) -> tuple[slice, ...]:
        """Return the pixels that this entry of the kernel sees, one for each place of the kernel."""
        sides = zip(entry, self.places(size), self.strides, self.dilation, strict=True)
        return (slice(None), *(slice(p * d, p * d + (places - 1) * s + 1, s) for p, places, s, d in sides))

    def blocks(self, a: Array) -> Iterator[slice]:
        """Yield the examples of ``a`` in blocks whose windows have at most `LARGEST_BLOCK` bytes together."""
        places, entries = np.prod(self.places(a.shape[1:-1])), np.prod(self.kernel)
        n = max(int(LARGEST_BLOCK // (places * entries * a.shape[-1] * a.itemsize)), 1)
        for start in range(0, len(a), n):
            yield slice(start, start + n)


# ---- arguments --------------------------------------------------------------------------------------------------


def per_axis(name: str, value: Any, axes: int) -> int | Shape:
    """Return an integer that holds for each axis, or a tuple with one for each; ArgumentError for anything else."""
    if isinstance(value, (tuple, list)):
        if len(value) != axes:
            raise ArgumentError(
                f"{name}: expected an integer or {axes} of them, one for each axis of {OF_AXES[axes][0]}, got {value!r}"
            )
        numbers = tuple(checks.integer(name, n) for n in value)
        return numbers[0] if len(set(numbers)) == 1 else numbers
    return checks.integer(name, value)


def as_tuple(value: int | Shape, axes: int) -> Shape:
    """Return one number for each axis."""
    return (value,) * axes if isinstance(value, int) else value


def check_padding(value: Any, axes: int) -> str:
    """Return "valid" or "same"; ArgumentError for anything else, such as PyTorch's number of pixels."""
    try:
        return checks.choice("padding", value, PADDINGS)
    except ArgumentError as error:
        hint = ""
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            around = f"nn.ZeroPadding{axes}D({value!r})"
            hint = f"; to pad with {value} zeros on each side write {around} in front" if value else "; 0 is 'valid'"
        raise ArgumentError(f"{error}{hint}") from None


# ---- shapes of examples -----------------------------------------------------------------------------------------


def require_channels(layer: Layer, input_shape: Shape, axes: int) -> None:
    """Raise ArgumentError unless examples have that many axes and one of channels behind them."""
    if len(input_shape) == axes + 1:
        return
    examples, form = OF_AXES[axes]
    hint = ""
    if len(input_shape) == axes:
        with_channel = (*input_shape, 1)
        hint = f"; add the axis of channels: X[..., None], or nn.Reshape({with_channel}) in front"
    elif len(input_shape) == 1:
        side = int(input_shape[0] ** 0.5)
        target = f"({side}, {side}, 1)" if side * side == input_shape[0] else "(height, width, channels)"
        hint = f"; nn.Reshape({target}) in front makes images of rows"
    elif axes == 1 and len(input_shape) == 3:
        hint = f"; for images write nn.{type(layer).__name__.replace('1D', '2D')}"
    raise ArgumentError(f"{layer} expects {examples} {form}, got examples of shape {input_shape}{hint}")


def require_room(layer: Layer, windows: Windows, input_shape: Shape) -> None:
    """Raise ArgumentError if the kernel has no place in the image."""
    size = input_shape[:-1]
    if min(windows.places(size)) >= 1:
        return
    hint = "use a smaller kernel, padding='same', or less pooling in front"
    if channels_first(input_shape):
        hint = f"channels come last: {TO_LAST}"
    examples, form = OF_AXES[len(size)]
    raise ArgumentError(
        f"{layer}: the kernel is larger than its {examples[:-1]}: it covers {_by(windows.covered)} pixels, but the "
        f"{examples} {form} have the shape {input_shape}; {hint}"
    )


TO_LAST = "X.transpose(0, 2, 3, 1) turns (M, C, H, W) into (M, H, W, C)"


def channels_first(shape: Sequence[int]) -> bool:
    """Whether examples look like images with their channels first, such as (3, 32, 32)."""
    return len(shape) == 3 and shape[0] in COLORS and min(shape[1:]) >= SMALLEST_SIDE


def _by(size: Shape) -> str:
    return " x ".join(map(str, size))
