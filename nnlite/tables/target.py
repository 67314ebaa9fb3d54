"""The target of a table: class indices with the names of the classes, or values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Never

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError, DataFileError
from nnlite.tables.cells import canonical_label, is_infinite, is_whole, label_of_number, sorted_names, to_number
from nnlite.tables.choosing import shown
from nnlite.tables.frames import Column, Frame, Text
from nnlite.tables.kinds import numbers_of
from nnlite.tables.notation import Ambiguous, Notation, guess_notation, is_number
from nnlite.tables.options import Options

MOST_CLASSES = 10_000
MOST_SPELLINGS = 20  # of the numbers 0 and 1
MANY_CLASSES = 20  # more different whole numbers may be values (ages, counts), so the user has to decide; so may texts
SHOWN = 5  # rows in a message
ASK = "pass classification=True if they are classes, or classification=False if they are values"


class Target:
    """The column that is predicted.

    In a target of classes only an empty cell is a missing value, or a mark that the user has named: "none", "-" or "NA"
    is the name of a class.

    Parameters
    ----------
    frame : Frame
    name : str
        The column of the frame.
    options : Options
    source : str, optional
        The file it comes from; errors are then DataFileError, and else ArgumentError.
    label : str, optional
        What messages call it; by default its name.
    """

    def __init__(self, frame: Frame, name: str, options: Options, source: str = "", label: str = "") -> None:
        self.column: Column = frame.columns[name]
        self._frame, self._options, self._source = frame, options.of(name), source
        self._label, self._name = label or f"column {name!r}", name
        if not isinstance(self.column, Text) and self.column.dtype.kind == "M":
            self._refuse_all("holds dates; expected classes or values")

    # ---- classes or values ---------------------------------------------------------------------------------------

    def is_classes(self, classification: bool | None) -> bool:
        """Return whether the target are classes: what the user says, or else what the cells say.

        Raises
        ------
        ArgumentError
            If it may be both.
        """
        if classification is not None:
            return classification
        if not isinstance(self.column, Text):
            kind = self.column.dtype.kind
            if kind == "f":
                return _are_0_and_1(self.column)
            return kind == "b" or self._are_whole_classes(len(np.unique(self.column)))
        counts = self.column.counts()
        cells = [cell for cell in counts if not self._options.marks.in_numbers(cell)]
        numbers = [cell for cell in cells if is_number(cell)]
        if cells and len(numbers) == len(cells) and self._notation(cells) is not None:
            return self._are_numbers_classes(cells, counts)
        fraction = next((cell for cell in numbers if not is_whole(cell)), None)
        text = next((cell for cell in cells if not is_number(cell)), None)
        if text is not None and fraction is not None:
            if is_infinite(text):
                self._refuse(text, f"expected a finite number, got {text}")
            names = "if these are names of classes, pass classification=True"
            self._refuse(text, f"expected a number, as {fraction!r:.100}, got {text!r:.100}; {names}")
        if len(counts) > MANY_CLASSES and len(counts) > len(self.column) / 2:
            self._refuse_all(f"has {len(counts)} different texts in {len(self.column)} rows; {ASK}")
        return True

    def _are_numbers_classes(self, cells: list[str], counts: dict[str, int]) -> bool:
        missing = next((cell for cell in counts if self._options.marks.in_numbers(cell)), None)
        if missing is not None:
            self._refuse_missing(missing, "" if not missing else ", or pass classification=True if it is a class")
        if not all(map(is_whole, cells)):
            return len(cells) <= MOST_SPELLINGS and _are_0_and_1(
                np.array([to_number(cell) for cell in cells], np.float64)
            )
        return self._are_whole_classes(len({int(cell) for cell in cells}))

    def _are_whole_classes(self, n_different: int) -> bool:
        if n_different > MANY_CLASSES:
            self._refuse_all(f"has {n_different} different whole numbers in {len(self.column)} rows; {ASK}")
        return True

    # ---- as classes ----------------------------------------------------------------------------------------------

    def labels(self) -> Text:
        """Return the name of each row's class; ArgumentError if one is missing."""
        if not isinstance(self.column, Text):
            if self.column.dtype.kind == "f" and np.isnan(self.column).any():
                self._refuse_rows(np.flatnonzero(np.isnan(self.column)), "missing value")
            distinct, codes = np.unique(self.column, return_inverse=True)
            if self.column.dtype.kind == "b":
                return Text(codes, [str(value) for value in distinct.tolist()])
            return Text(codes, [label_of_number(value) for value in distinct.tolist()])
        counts = self.column.counts()
        for cell in counts:
            if self._options.marks.in_labels(cell):
                self._refuse_missing(cell)
        return Text(self.column.codes, [canonical_label(cell) for cell in self.column.cells])

    def classes(self, names: Sequence[str] | None = None) -> tuple[Array, tuple[str, ...]]:
        """Return class indices (M,) and the names of the classes.

        Parameters
        ----------
        names : sequence of str, optional
            The classes, in their order; by default those that occur, sorted.

        Raises
        ------
        ArgumentError
            If a label is missing, is not among ``names``, or there are more than 10,000.
        """
        labels = self.labels()
        present = [label for label, n in labels.counts().items() if n]
        if names is None:
            names = sorted_names(present)
            if len(names) > MOST_CLASSES:
                self._refuse_all(f"has more than {MOST_CLASSES} different labels")
        place = {name: k for k, name in enumerate(names)}
        known = {canonical_label(name): k for k, name in enumerate(names)} | place
        for label in present:
            if label not in known:
                self._refuse(label, f"the class {label!r:.100} is not among {shown(names)}", labels)
        indices = np.array([known.get(label, -1) for label in labels.cells] or [0], np.int64)
        return indices[labels.codes], tuple(names)

    # ---- as values -----------------------------------------------------------------------------------------------

    def values(self, dtype: str = "float64") -> Array:
        """Return the values, (M,); ArgumentError if one is missing or not a finite number."""
        if isinstance(self.column, Text):
            return self._values_of_text(self.column, dtype)
        values = self.column.astype(np.float64)
        if np.isnan(values).any():
            self._refuse_rows(np.flatnonzero(np.isnan(values)), "missing value 'nan'")
        row = _first_too_large(values, dtype)
        if row is not None:
            self._refuse_row(row, f"expected a finite number that {dtype} can hold, got {values[row]}")
        return values.astype(dtype)

    def _values_of_text(self, column: Text, dtype: str) -> Array:
        counts = column.counts()
        for cell in counts:
            if self._options.marks.in_numbers(cell):
                self._refuse_missing(cell)
        infinite = next((cell for cell in counts if is_infinite(cell)), None)
        if infinite is not None:
            self._refuse(infinite, f"expected a finite number, got {infinite}")
        written = self._notation(list(counts))
        if written is None:
            cell = next((cell for cell in counts if not is_number(cell)), next(iter(counts)))
            rows = np.flatnonzero(column.codes == column.cells.index(cell))
            self._refuse_row(int(rows[0]), f"expected a number, got {cell!r:.100}{self._others(rows)}")
        cells = [cell if cell in counts else "" for cell in column.cells]  # each once: there are fewer than rows
        try:
            values = numbers_of(Text(np.arange(len(cells)), cells), written, self._options)
        except ArgumentError as error:
            self._refuse_all(str(error))
        i = _first_too_large(values, dtype)
        if i is not None:
            self._refuse(cells[i], f"expected a finite number that {dtype} can hold, got {values[i]}")
        return values.astype(dtype)[column.codes]

    def _notation(self, cells: list[str]) -> Notation | None:
        found = guess_notation(cells, decimal=self._options.decimal, thousands=self._options.thousands)
        if isinstance(found, Ambiguous):
            self._refuse(
                found.cell,
                f"{found.cell!r} may be {found.first.number(found.cell):g} or "
                f"{found.second.number(found.cell):g}; pass {found.first} or {found.second}{self._alone(found)}",
            )
        return found

    def _alone(self, found: Ambiguous) -> str:
        first, second = (one.for_column(self._name) for one in (found.first, found.second))
        return f" (for this column alone {first} or {second})"

    # ---- errors --------------------------------------------------------------------------------------------------

    def _refuse_missing(self, cell: str, hint: str = "") -> Never:
        assert isinstance(self.column, Text)
        rows = np.flatnonzero(self.column.codes == self.column.cells.index(cell))
        self._refuse_rows(rows, f"missing value {cell!r}", hint)

    def _refuse(self, cell: str, problem: str, column: Text | None = None) -> Never:
        column = self.column if column is None else column  # type: ignore[assignment]
        assert isinstance(column, Text)
        self._refuse_row(int((column.codes == column.cells.index(cell)).argmax()), problem)

    def _refuse_rows(self, rows: Array, problem: str, hint: str = "") -> Never:
        """Name the first row, and how many there are and where, all of them to be mended in the same way."""
        cure = "fill it in, or remove the row" if len(rows) == 1 else "fill them in, or remove the rows"
        self._refuse_row(int(rows[0]), f"{problem}{self._others(rows)}; {cure}{hint}")

    def _others(self, rows: Array) -> str:
        """Return how many rows there are but for the first, and where; "" if there are none."""
        if len(rows) == 1:
            return ""
        more = ", ..." if len(rows) > SHOWN else ""
        others = ", ".join(self._frame.place(int(row)) for row in rows[1:SHOWN])
        return f", as in {len(rows) - 1:,} other row{'s' * (len(rows) > 2)} ({others}{more})"

    def _refuse_row(self, row: int, problem: str) -> Never:
        self._raise(f"{self._frame.place(row)}: {self._label}: {problem}")

    def _refuse_all(self, problem: str) -> Never:
        self._raise(f"{self._label} {problem}")

    def _raise(self, message: str) -> Never:
        raise DataFileError(f"{self._source}: {message}") if self._source else ArgumentError(f"target: {message}")


def _are_0_and_1(values: Array) -> bool:
    """Return whether both numbers occur, and no other: they are classes, though a file may write 0.0 and 1.0."""
    return bool(np.isin(values, (0, 1)).all()) and {0.0, 1.0} == set(values.tolist())


def _first_too_large(values: Array, dtype: str) -> int | None:
    """Return where the first number is that a dtype cannot hold."""
    too_large = np.abs(values) > np.finfo(dtype).max
    return int(too_large.argmax()) if too_large.any() else None
