"""The target of a table, read into y: class indices or values."""

import math
from array import array
from typing import Never

import numpy as np

from nnlite.checks import Array
from nnlite.datasets.tables.cells import canonical_label, is_missing, is_whole, to_number
from nnlite.datasets.tables.columns import Columns
from nnlite.datasets.tables.rows import Rows
from nnlite.errors import DataFileError

MOST_CLASSES = 10_000
MOST_WHOLE_CLASSES = 100  # more different whole numbers are probably values, so the user has to decide


class TargetColumn:
    """The column of y, which is read as classes and as values until one of the two is ruled out.

    Text rules out values, and a number with a fraction rules out classes. Whole numbers can be either.

    Parameters
    ----------
    rows : Rows
        Where the rows come from, for the line numbers in error messages.
    columns : Columns
        With a target.
    classification : bool or None
        True rules out values, False rules out classes, and None leaves the decision to the cells.
    dtype : {"float32", "float64"}
        Of values.
    """

    def __init__(self, rows: Rows, columns: Columns, classification: bool | None, dtype: str) -> None:
        assert columns.target is not None
        self._rows, self._column, self._where = rows, columns.target, columns.label(columns.target)
        self._asked, self._dtype = classification, dtype
        self._labels = None if classification is False else _Labels()
        self._values: array[float] | None = None if classification is True else array(np.dtype(dtype).char)
        self._text = ""  # the first cell that is not a number
        self._has_fractions = False

    def add(self, row: list[str]) -> None:
        """Append the target of a row; raise DataFileError if it is missing or contradicts the rows before."""
        cell = row[self._column].strip()
        if self._labels is None or cell not in self._labels:
            self._check(cell)
        if self._labels is not None:
            self._labels.add(cell)
        if self._values is not None:
            self._values.append(float(cell))

    def to_array(self) -> tuple[Array, tuple[str, ...]]:
        """Return y (M,) and the names of the classes, which are empty for values."""
        undecided = self._asked is None and not self._text and not self._has_fractions
        if undecided and (self._labels is None or len(self._labels) > MOST_WHOLE_CLASSES):
            raise DataFileError(
                f"{self._rows.source}: {self._where} has more than {MOST_WHOLE_CLASSES} different whole numbers; "
                "pass classification=True if they are classes, or classification=False if they are values"
            )
        if self._labels is None:
            assert self._values is not None
            return np.frombuffer(self._values, self._dtype), ()
        self._values = None  # frees their memory
        return self._labels.to_array()

    def _check(self, cell: str) -> None:
        """Rule out classes or values by a cell that was not seen before; refuse it if neither is left."""
        number = to_number(cell)
        if is_missing(cell) or (number is not None and math.isnan(number) and self._asked is not True):
            self._refuse(f"missing value {cell!r}; fill it in, or remove the row")
        if self._asked is not True:
            if number is None:
                self._rule_out_values(cell)
            elif not is_whole(cell):
                self._rule_out_classes(cell, number)
        if self._labels is not None and len(self._labels) >= MOST_CLASSES:
            if self._values is None:
                self._refuse(f"more than {MOST_CLASSES} different labels")
            self._labels = None

    def _rule_out_values(self, cell: str) -> None:
        if self._labels is None:
            hint = "; if these are names of classes, pass classification=True" if self._asked is None else ""
            self._refuse(f"expected a number, got {cell!r:.100}{hint}")
        self._values = None
        self._text = self._text or cell

    def _rule_out_classes(self, cell: str, number: float) -> None:
        if self._values is None:
            self._refuse(
                f"got the number {cell:.100} after the text {self._text!r:.100}; "
                "if both are names of classes, pass classification=True"
            )
        if abs(number) > float(np.finfo(self._dtype).max):
            self._refuse(f"expected a finite number that {self._dtype} can hold, got {number}")
        self._labels = None
        self._has_fractions = True

    def _refuse(self, problem: str) -> Never:
        self._rows.refuse(f"{self._where}: {problem}")


class _Labels:
    """The labels of the examples, each stored as the index of its first occurrence among the different labels."""

    def __init__(self) -> None:
        self._index_of: dict[str, int] = {}
        self._indices = array("H")  # 16 bits hold MOST_CLASSES

    def __len__(self) -> int:
        return len(self._index_of)

    def __contains__(self, label: str) -> bool:
        return label in self._index_of

    def add(self, label: str) -> None:
        self._indices.append(self._index_of.setdefault(label, len(self._index_of)))

    def to_array(self) -> tuple[Array, tuple[str, ...]]:
        """Return class indices (M,) and class names, sorted as numbers if all of them are whole numbers."""
        names = [canonical_label(label) for label in self._index_of]
        class_names = sorted(set(names), key=int if all(map(is_whole, names)) else None)
        class_of = {name: k for k, name in enumerate(class_names)}
        classes = np.array([class_of[name] for name in names], np.int64)
        return classes[np.frombuffer(self._indices, np.uint16)], tuple(class_names)
