"""The geometry of layers that work on images: sizes, windows, and how many lines fit the cache together.

Sequences (L, C) are images with one pixel in each line, (L, 1, C). Rows (C,) are images of one pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from nnlite.layers import Layer, chain
from nnlite.layers.base import Shape

COPIED = 2**18  # bytes of the lines that a thread copies at once, if the lines for one line of the result are not more

Size = tuple[int, int, int]  # height, width, channels


def as_image(shape: Shape) -> Size:
    """Return height, width and channels of an example."""
    if len(shape) == 2:
        return shape[0], 1, shape[1]
    return math.prod(shape[:-2]), (1, *shape)[-2], shape[-1]


def n_multiplications(layers: Sequence[Layer], input_shape: Shape) -> int:
    """Return how many multiplications the products of all layers make for one example."""
    total = 0
    for layer, shape in chain.with_input_shapes(layers, chain.shapes_along(layers, input_shape)):
        n_weights = math.prod(layer.parameter_shapes(shape).get("W", (0,)))
        total += n_weights * math.prod(layer.output_shape(shape)[:-1])
    return total


class Window(NamedTuple):
    """What a kernel of weights or a pool sees: the words of `nnlite.engine.language.Window`."""

    height: int
    width: int
    down: int
    right: int
    gap_down: int
    gap_right: int
    top: int
    left: int

    @classmethod
    def of(cls, kernel: Shape, strides: Shape, dilation: Shape, before: Sequence[int]) -> Window:
        """Return a window from one number for each axis; sequences have one."""
        if len(kernel) == 1:
            kernel, strides, dilation, before = (*kernel, 1), (*strides, 1), (*dilation, 1), (*before, 0)
        return cls(*kernel, *strides, *dilation, *before)

    def lines(self, n: int) -> int:
        """How many lines n lines of places see."""
        return (n - 1) * self.down + (self.height - 1) * self.gap_down + 1

    def pixels(self, n: int) -> int:
        """How many pixels of a line n places see."""
        return (n - 1) * self.right + (self.width - 1) * self.gap_right + 1

    def line(self, before: Size, after: Size) -> tuple[int, int]:
        """How many numbers a line has of those that are seen, and whether images are padded: 1, else 0."""
        H, W, C = before
        if self.top or self.left or self.lines(after[0]) > H or self.pixels(after[1]) > W:
            return self.pixels(after[1]) * C, 1
        return W * C, 0

    def span(self, channels: int) -> int:
        """How many numbers that a kernel sees lie side by side: see `nnlite.engine.kernels.convolutions`."""
        return channels * (self.width if self.gap_right == 1 else 1)

    def n_spans(self) -> int:
        """The number of spans."""
        return self.height * (1 if self.gap_right == 1 else self.width)


class Bands(NamedTuple):
    """How many lines a convolution works on at once, and the workspace that it needs.

    Attributes
    ----------
    forward : int
        Lines of the output, forward and for the gradient.
    backward : int
        Lines of the input.
    workspace : int
        Numbers, beside a tile.
    """

    forward: int
    backward: int
    workspace: int

    @classmethod
    def of(cls, window: Window, before: Size, after: Size, width: int, size: int) -> Bands:
        """Return the bands of a convolution of images of size ``before``.

        Parameters
        ----------
        window : Window
        before, after : Size
            Input and output.
        width : int
            Columns of a panel.
        size : int
            Bytes of a number.
        """
        H, W, C = before
        line = window.pixels(after[1]) * C
        out = after[1] * -(-after[2] // width) * width
        budget = COPIED // size

        def numbers(n: int) -> int:
            return window.lines(n) * line + n * out

        forward = max([1, *(n for n in range(1, after[0] + 1) if numbers(n) <= budget)])
        back = max(window.pixels(after[1]), window.left + W) * C
        backward = min(H, max(1, (budget - width) // back))
        return cls(forward, backward, max(numbers(forward), backward * back) + width)
