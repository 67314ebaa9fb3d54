"""Columns that grow while a file is read: numbers as long as every cell is a plain number, or else text."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from nnlite.tables.cells import Missing, has_leading_zeros, may_mislead_float, to_number
from nnlite.tables.frames import Column, Text

MOST_DIFFERENT = 2**22  # different cells of text in a file; each takes some hundred bytes


class NotNumbersError(Exception):
    """A cell is no plain number, so the column is text."""


class NumberBuilder:
    """A column of plain numbers and missing values.

    Parameters
    ----------
    missing : Missing
        Which cells are missing values.
    """

    def __init__(self, missing: Missing) -> None:
        self._missing = missing
        self._values = array("d")

    def add(self, cells: Sequence[str]) -> None:
        """Append some cells; NotNumbersError if one is neither a number nor missing. Nothing is appended then."""
        try:
            values = list(map(float, cells))
        except ValueError:
            values = list(map(self._number, cells))
        else:
            if may_mislead_float("".join(cells)):
                values = list(map(self._number, cells))
        self._values.extend(values)

    def _number(self, cell: str) -> float:
        cell = cell.strip()
        number = to_number(cell)
        if number is None:
            if not self._missing.in_numbers(cell):
                raise NotNumbersError
            return np.nan
        return number

    def infinite(self) -> Sequence[int]:
        """Return the rows of infinite numbers."""
        return np.flatnonzero(np.isinf(np.frombuffer(self._values))).tolist()

    def column(self) -> Column:
        """Return the column."""
        return np.frombuffer(self._values)


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


def begins_with_numbers(cells: Sequence[str], missing: Missing) -> bool:
    """Return whether the first cells of a column are plain numbers, and not codes such as "0123"."""
    try:
        NumberBuilder(missing).add(cells)
    except NotNumbersError:
        return False
    stripped = [cell.strip() for cell in cells]
    return not any(map(has_leading_zeros, stripped)) and any(to_number(cell) is not None for cell in stripped)
