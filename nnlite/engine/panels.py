"""Matrices in panels: all rows of the first ``width`` columns, then all rows of the next, and so on."""

from __future__ import annotations

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
