"""The numbers of a stored table: encoded piece by piece, or written into a temporary file that a training reads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError, DataFileError
from nnlite.stored.arrays import StoredArrays
from nnlite.stored.table import StoredTable
from nnlite.stored.temporary import TemporaryFolder, WrittenRows
from nnlite.tables.encoding import Encoding
from nnlite.tables.frames import Frame, Text
from nnlite.tables.kinds import WrongCellError
from nnlite.tables.target import Target

NUMBERS = 2**20  # that rows become at once


class Numbers(NamedTuple):
    """The numbers of some rows.

    Attributes
    ----------
    X : ndarray, (m, n)
    target : Text, ndarray or None
        Names of classes, or values; None without a target.
    frame : Frame
        The features of the rows that they are from, which knows their lines.
    source : str
        The file.
    """

    X: Array
    target: Text | Array | None
    frame: Frame
    source: str


def numbers_of(
    table: StoredTable, encoding: Encoding, dtype: str, target_name: str, *, classes: bool, everything: bool = False
) -> Iterator[Numbers]:
    """Yield the numbers of a table, some rows at a time.

    Parameters
    ----------
    table : StoredTable
    encoding : Encoding
    dtype : {"float32", "float64"}
    target_name : str
        The target; empty for none.
    classes : bool
        Whether the target are classes.
    everything : bool, default False
        Also the rows of other parts of a split.

    Raises
    ------
    DataFileError
        If a value is not of the kind that it was in training, or a target is missing; the message names file and line.
    """
    at_once = max(1, NUMBERS // len(encoding.feature_names))
    may_choose = getattr(table.known, "encoding", None) is encoding  # learned from this table, not given
    for piece in table.pieces():
        frame = piece.frame
        target: Text | Array | None = None
        if target_name:
            options = table.settings.options
            column = Target(frame, target_name, options, piece.source, f"column {target_name!r}")
            target = column.labels() if classes else column.values()
        kept = None if everything else table.selected(piece)
        rows = np.arange(frame.n_rows) if kept is None else np.flatnonzero(kept)
        features = frame.without([target_name]).written(table.settings.options).located()
        for part in np.split(rows, range(at_once, len(rows), at_once)) if len(rows) else ():
            taken = features.take(part)
            try:
                X = encoding.transform(taken, dtype=dtype)
            except WrongCellError as error:
                place = taken.place(error.row)
                text = str(error).removeprefix("X: ").replace(f" ({place})", "", 1)
                hint = (
                    f"; if these are names, pass kinds={{{error.column!r}: 'category'}}"
                    if may_choose and error.column
                    else ""
                )
                raise DataFileError(f"{piece.source}: {place}: {text}{hint}") from None
            except ArgumentError as error:
                raise DataFileError(f"{piece.source}: {str(error).removeprefix('X: ')}") from None
            of_part = target.take(part) if isinstance(target, Text) else None if target is None else target[part]
            yield Numbers(X, of_part, taken, piece.source)


def write_numbers(
    table: StoredTable, encoding: Encoding, n_rows: int, dtype: str, class_names: Sequence[str] | None
) -> StoredArrays:
    """Write the numbers of a whole table into a temporary file, and return them as stored examples.

    Parameters
    ----------
    table : StoredTable
    encoding : Encoding
    n_rows : int
        Of the table, all parts of a split.
    dtype : {"float32", "float64"}
    class_names : sequence of str or None
        None for a target of values.

    Raises
    ------
    DataFileError
        If there is not enough room for them, or a row is wrong.
    """
    folder = TemporaryFolder()
    n = len(encoding.feature_names)
    folder.require(n_rows * (n * np.dtype(dtype).itemsize + 8), f"{table.name}: its numbers take")
    place = None if class_names is None else {name: k for k, name in enumerate(class_names)}
    y_type = np.float64 if place is None else np.int64
    with open(os.path.join(folder.name, "X"), "wb") as X, open(os.path.join(folder.name, "y"), "wb") as y:
        everything = numbers_of(table, encoding, dtype, table.target_name, classes=place is not None, everything=True)
        for numbers in everything:
            X.write(np.ascontiguousarray(numbers.X).data)
            y.write(np.ascontiguousarray(_targets(table, numbers, place), y_type).data)
        n_written = y.tell() // np.dtype(y_type).itemsize
    if n_written != n_rows:
        raise DataFileError(f"{table.name}: had {n_rows} rows, now has {n_written}; open it again")
    return StoredArrays(
        WrittenRows(folder, "X", (n_rows, n), dtype, table.name),
        WrittenRows(folder, "y", (n_rows,), y_type, f"{table.name}: {table.target_name}"),
        None,
        table.memory,
        table.shares,
    )


def _targets(table: StoredTable, numbers: Numbers, place: dict[str, int] | None) -> Array:
    if place is None or not isinstance(numbers.target, Text):
        return np.asarray(numbers.target)
    labels = numbers.target
    codes = np.array([place.get(label, -1) for label in labels.cells] or [0])[labels.codes]
    if (codes < 0).any():
        row = int((codes < 0).argmax())
        raise DataFileError(
            f"{numbers.source}: {numbers.frame.place(row)}: column {table.target_name!r}: the class "
            f"{labels.cells[labels.codes[row]]!r:.100} is not among {', '.join(map(repr, place))}"
        )
    return codes
