"""Matrices in panels: all rows of the first ``width`` columns, then all rows of the next, and so on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnlite.checks import Array

PAGE, LINE, SHIFT = 4096, 64, 1088


class Memory:
    """Makes vectors that begin at different places of a page.

    If they all began at the same place, a load would wait for a store 4,096 bytes away.
    """

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self._shift = 0

    def zeros(self, n: int, dtype: Any = None) -> Array:
        """Return n zeros, of the type of the memory or another one."""
        kind = self.dtype if dtype is None else np.dtype(dtype)
        self._shift += SHIFT
        raw = np.zeros(n * kind.itemsize + PAGE + LINE, np.uint8)
        start = (self._shift - raw.ctypes.data) % PAGE
        start += -(raw.ctypes.data + start) % LINE
        start %= PAGE
        return raw[start : start + n * kind.itemsize].view(kind)

    def panels(self, rows: int, units: int, width: int) -> Panels:
        """Return a matrix of zeros in panels of that width."""
        return Panels(self.zeros(-(-units // width) * rows * width), rows, units, width)

    def images(self, n: int, height: int, units: int) -> Images:
        """Return n images of zeros, each of ``height`` lines and ``units`` numbers."""
        return Images(self.zeros(n * units), n, height)


class Panels:
    """A matrix in panels. Columns that fill up the last panel, and rows beyond those that are set, are 0.

    Attributes
    ----------
    rows, units, width : int
    view : ndarray, (n_panels, rows, width)
    """

    def __init__(self, numbers: Array, rows: int, units: int, width: int) -> None:
        self.rows, self.units, self.width = rows, units, width
        self.view = numbers.reshape(-1, rows, width)
        self.address: int = numbers.ctypes.data

    @property
    def n_panels(self) -> int:
        """Number of panels."""
        return len(self.view)

    @property
    def matrix(self) -> list[int]:
        """The operand for a kernel that takes the whole matrix."""
        return [self.address, self.rows, self.width, self.units]

    @property
    def examples(self) -> Panels:
        """The matrix whose rows are examples."""
        return self

    @property
    def block(self) -> list[int]:
        """The operand for a kernel that takes a block of rows of a panel."""
        row = self.width * self.view.itemsize
        return [self.address, self.rows * row, row, 0]

    @property
    def units_of_panel(self) -> list[int]:
        """The operand for a kernel that takes one number for each unit of a panel."""
        return [self.address, self.rows * self.width * self.view.itemsize, 0]

    def beside(self, A: Array) -> list[tuple[Array, Array]]:
        """Return views of the full panels and of the last one, each beside its columns of A: a matrix or a vector."""
        A = A.reshape(-1, self.units)
        n, rest = divmod(self.units, self.width)
        full = A[:, : n * self.width].reshape(len(A), n, self.width).transpose(1, 0, 2) if n else None
        parts = [] if full is None else [(self.view[:n, : len(A)], full)]
        if rest:
            parts.append((self.view[n, : len(A), :rest], A[:, n * self.width :]))
        return parts


class Images(Panels):
    """Images one after the other, line by line, each pixel with its channels.

    For operations on units they are a matrix with a single panel, whose rows are lines. For operations on examples they
    are one whose rows are images.

    Attributes
    ----------
    rows : int
        Number of lines of all images.
    units, width : int
        Numbers of a line.
    height : int
        Lines of an image.
    """

    def __init__(self, numbers: Array, n: int, height: int) -> None:
        line = numbers.size // (n * height)
        super().__init__(numbers, n * height, line, line)
        self.height = height
        self._n, self._units = n, height * line

    @property
    def matrix(self) -> list[int]:
        """The operand for a kernel that takes the whole matrix of examples."""
        return self.examples.matrix

    @property
    def examples(self) -> Panels:
        """The same numbers as a matrix whose rows are images."""
        return Panels(self.view.reshape(-1), self._n, self._units, self._units)

    def of_size(self, size: tuple[int, int, int]) -> list[int]:
        """Return the operand for a kernel that takes images, of height, width and channels ``size``."""
        assert math.prod(size) == self._units, (size, self._units)
        return [self.address, *size]
