"""Columns that grow while a file is read: numbers as long as every cell is a plain number, and else text."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence

import numpy as np

from nnlite.checks import Array
from nnlite.tables.cells import CODE, Missing, may_mislead_float, to_number
from nnlite.tables.frames import Column, Text
from nnlite.tables.notation import has_doubtful_points

TYPES = "Bhifd"  # of numbers, each wider than the one before: uint8, int16, int32, float32, float64
# No line break among the spaces: a run of empty cells would be searched again from each of its breaks.
CODE_AMONG_LINES = re.compile(rf"\n[^\S\n]*{CODE}[^\S\n]*\n")
MOST_DIFFERENT = 2**22  # different cells of text in a file; each takes some hundred bytes


class NotNumbersError(Exception):
    """A cell is no plain number, so the column is text."""


class NumberBuilder:
    """A column of plain numbers and missing values, in the narrowest type that holds each of them exactly.

    Parameters
    ----------
    missing : Missing
        Which cells are missing values.

    Attributes
    ----------
    has_doubtful_points : bool or None
        Whether every point in the numbers may separate thousands; None if there is none.
    """

    def __init__(self, missing: Missing) -> None:
        self._missing = missing
        self._values = array(TYPES[0])
        self.has_doubtful_points: bool | None = None  # None: there was no point yet

    def add(self, cells: Sequence[str]) -> None:
        """Append some cells; NotNumbersError if one is text, or a code such as "0123". Nothing is appended then."""
        text = "\n".join(cells)
        if CODE_AMONG_LINES.search(f"\n{text}\n"):
            raise NotNumbersError
        try:
            if may_mislead_float(text):
                raise ValueError
            values = np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            numbers = {cell: self._number(cell) for cell in set(cells)}
            values = np.fromiter(map(numbers.__getitem__, cells), np.float64, len(cells))
        if "." in text and self.has_doubtful_points is not False:
            self.has_doubtful_points = has_doubtful_points(
                cell for cell in map(str.strip, cells) if not self._missing.in_numbers(cell)
            )
        self._extend(values)

    def _number(self, cell: str) -> float:
        cell = cell.strip()
        number = to_number(cell)
        if number is None:
            if not self._missing.in_numbers(cell):
                raise NotNumbersError
            return np.nan
        return number

    def _extend(self, values: Array) -> None:
        wide_enough = TYPES[TYPES.index(self._values.typecode) :]
        with np.errstate(invalid="ignore", over="ignore"):
            narrowest = next(code for code in wide_enough if _holds(code, values))
        both = np.result_type(self._values.typecode, narrowest)  # of int32 and float32: float64
        if both.char != self._values.typecode:
            self._values = array(both.char, self._values)
        self._values.frombytes(values.astype(both).tobytes())

    def is_empty(self) -> bool:
        """Return whether all values are missing."""
        return self._values.typecode in "fd" and bool(np.isnan(self.column()).all())

    def infinite(self) -> Array:
        """Return the rows of infinite numbers."""
        return np.flatnonzero(np.isinf(self.column())) if self._values.typecode in "fd" else np.array([], np.intp)

    def column(self) -> Array:
        """Return the column."""
        return np.frombuffer(self._values, self._values.typecode)


def _holds(typecode: str, values: Array) -> bool:
    """Return whether a type holds each of the values, in float64, exactly."""
    if typecode == "d":
        return True
    same = values.astype(typecode) == values
    if typecode == "f":
        same |= np.isnan(values)
    return bool(same.all())


class TextBuilder:
    """A column of text; the different cells are kept once.

    Parameters
    ----------
    n_different : list of int
        How many different cells all columns of the file have together, in one entry.
    """

    def __init__(self, n_different: list[int]) -> None:
        self._places: dict[str, int] = {}
        self._codes = array("B")
        self._n_different = n_different

    def add(self, cells: Sequence[str]) -> None:
        """Append some cells; OverflowError if there are too many different ones."""
        places, before = self._places, len(self._places)
        codes = [places.setdefault(cell.strip(), len(places)) for cell in cells]
        if len(places) > 2 ** (8 * self._codes.itemsize):
            self._codes = array("H" if len(places) <= 2**16 else "i", self._codes)
        self._codes.extend(codes)
        self._n_different[0] += len(places) - before
        if self._n_different[0] > MOST_DIFFERENT:
            raise OverflowError

    def column(self) -> Column:
        """Return the column."""
        return Text(np.frombuffer(self._codes, self._codes.typecode), list(self._places))
