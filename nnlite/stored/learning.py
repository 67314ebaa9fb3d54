"""What one pass over a stored table tells: its rows, its classes, and a sample from which its columns are learned.

What is exact: the number of rows and the classes of the target. What comes from a sample of training rows, of which
each is as likely as any other: the kinds of the columns, their categories, means, standard deviations, medians, and
whether values are missing. The sample has at most 100,000 rows and 2 million cells. A table with fewer training rows
is its own sample.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from nnlite import counters
from nnlite.checks import Array
from nnlite.errors import ArgumentError, DataFileError
from nnlite.stored.order import KEY
from nnlite.stored.table import StoredTable, TablePiece
from nnlite.stored.table_files import joined_frame
from nnlite.tables.cells import sorted_names
from nnlite.tables.encoding import Encoding
from nnlite.tables.frames import Frame
from nnlite.tables.settings import Pattern
from nnlite.tables.table import Table
from nnlite.tables.target import Target

SAMPLE, CELLS = 100_000, 2_000_000  # rows, and cells
MOST_CLASSES = 10_000
SHOWN = 3  # labels, in a message


class Learned(NamedTuple):
    """What is known of a table after one pass.

    Attributes
    ----------
    sample : Table
        Some training rows.
    encoding : Encoding
        What makes the columns into numbers.
    labels : tuple of str, or None
        The labels that occur in the target, sorted; None if there are too many to be classes.
    n_rows : int
        Of the whole table, all parts of a split.
    n_selected : int
        Of this part.
    rare : tuple of str
        What messages say of labels that few rows have, the rarest first.
    """

    sample: Table
    encoding: Encoding
    labels: tuple[str, ...] | None
    n_rows: int
    n_selected: int
    rare: tuple[str, ...] = ()


def learn(table: StoredTable) -> Learned:
    """Go through a table once, and learn its columns from a sample of the rows of this part. It is done only once.

    Raises
    ------
    DataFileError
        If a row is damaged, or has no target; the message names the file and the line.
    """
    if not isinstance(table.known, Learned):
        learn_parts([table])
    assert isinstance(table.known, Learned)
    return table.known


def learn_parts(parts: Sequence[StoredTable]) -> list[Learned]:
    """Do the same for the parts of a split in one pass: the columns are learned from the first part alone.

    Raises
    ------
    DataFileError
        If a row is damaged or has no target, or a part has no rows.
    """
    table = parts[0]
    samples, sizes, labels = [_Sample(len(table.names)) for _ in parts], [0] * len(parts), _Labels(table)
    n_rows = 0
    for piece in table.pieces():
        labels.add(piece)
        n_rows = piece.stop
        for i, part in enumerate(parts):
            kept = part.selected(piece)
            rows = np.arange(piece.stop - piece.start) if kept is None else np.flatnonzero(kept)
            samples[i].add(piece, rows)
            sizes[i] += len(rows)
    if not all(sizes):
        raise DataFileError(f"{table.name}: {n_rows} rows are too few, no row is left for a part of the split")
    with _naming_files(table):
        first = _sample_table(table, samples[0], labels.names, None)
        encoding = Encoding.learn(first)
        tables = [first, *(_sample_table(part, sample, labels.names, first)
                           for part, sample in zip(parts[1:], samples[1:], strict=True))]  # fmt: skip
    found = [
        Learned(made, encoding, labels.names, n_rows, n, labels.rare) for made, n in zip(tables, sizes, strict=True)
    ]
    for part, learned in zip(parts, found, strict=True):
        part.known = learned
    return found


@contextmanager
def _naming_files(table: StoredTable) -> Iterator[None]:
    """Let an error be one of the file that a row of the sample is from, or else of the whole table."""
    try:
        yield
    except (ArgumentError, DataFileError) as error:
        base = os.path.basename(table.name)  # what `Table` calls itself
        text = str(error).removeprefix("X: ").removeprefix(f"{table.name}: ").removeprefix(f"{base}: ")
        if text.startswith(("kinds: ", "target: ")):
            raise
        of_file = any(text.startswith(f"{file.source}: ") for file in table.files)
        raise DataFileError(text if of_file else f"{table.name}: {text}") from None


def _sample_table(table: StoredTable, sample: _Sample, labels: tuple[str, ...] | None, like: Table | None) -> Table:
    """Return some rows as a table, whose classes are those of all rows."""
    label, settings, frame = f"column {table.target_name!r}", table.settings, sample.frame()
    if like is not None:
        names = like.class_names or None
        settings = settings._replace(pattern=Pattern.of(like), class_names=names, classification=names is not None)
        return Table.of_file(frame, table.target_name, settings, table.name, label, table.ignored)
    plain = settings._replace(class_names=None)
    made = Table.of_file(frame, table.target_name, plain, table.name, label, table.ignored)
    if not made.class_names:
        return made
    names = settings.class_names or labels
    if names is None:
        raise DataFileError(f"{table.name}: {label} has more than {MOST_CLASSES} different labels")
    named = settings._replace(class_names=names)
    return Table.of_file(frame, table.target_name, named, table.name, label, table.ignored)


class _Sample:
    """Rows that are drawn as they come by: those with the smallest random numbers, at most twice as many as wanted."""

    def __init__(self, n_columns: int) -> None:
        self._most = max(1, min(SAMPLE, CELLS // n_columns))
        self._frames: list[Frame] = []
        self._numbers: list[Array] = []
        self._below = KEY

    def add(self, piece: TablePiece, rows: Array) -> None:
        """Add some rows of a piece, as far as they are drawn."""
        key = np.uint64(piece.start * int(counters.GAMMA) % KEY)
        numbers = counters.random_bits(key, piece.stop - piece.start)[rows]
        if self._below < KEY:
            drawn = numbers < np.uint64(self._below)
            rows, numbers = rows[drawn], numbers[drawn]
        if len(rows):
            self._frames.append(piece.frame.located(piece.source).take(rows))
            self._numbers.append(numbers)
        while sum(map(len, self._numbers)) > 2 * self._most:
            self._thin_out()

    def _thin_out(self) -> None:
        self._below //= 2
        kept = [numbers < np.uint64(self._below) for numbers in self._numbers]
        self._frames = [frame.take(np.flatnonzero(rows)) for frame, rows in zip(self._frames, kept, strict=True)]
        self._numbers = [numbers[rows] for numbers, rows in zip(self._numbers, kept, strict=True)]
        self._frames = [joined_frame([frame for frame in self._frames if frame.n_rows])]
        self._numbers = [np.concatenate(self._numbers)]

    def frame(self) -> Frame:
        """Return the rows, in their order; at most as many as wanted."""
        frame, numbers = joined_frame(self._frames), np.concatenate(self._numbers)
        if len(numbers) > self._most:
            frame = frame.take(np.sort(np.argsort(numbers)[: self._most]))
        return frame


class _Labels:
    """The labels that occur in the target, as long as there are not too many to be classes."""

    def __init__(self, table: StoredTable) -> None:
        self._table, self._found, self._places = table, Counter[str](), dict[str, str]()
        self._are_classes = bool(table.target_name) and table.settings.classification is not False

    def add(self, piece: TablePiece) -> None:
        """Add those of a piece."""
        if not self._are_classes:
            return
        name = self._table.target_name
        target = Target(piece.frame, name, self._table.settings.options, piece.source, f"column {name!r}")
        labels = target.labels()
        if len(labels.cells) > MOST_CLASSES + 1:
            self._are_classes = False
            return
        counts = {label: n for label, n in labels.counts().items() if n}
        if not counts.keys() <= self._places.keys():
            for code, row in zip(*np.unique(labels.codes, return_index=True), strict=True):
                self._places.setdefault(labels.cells[code], f"{piece.source}: {piece.frame.place(int(row))}")
        self._found.update(counts)
        self._are_classes = len(self._found) <= MOST_CLASSES

    @property
    def names(self) -> tuple[str, ...] | None:
        """The labels, sorted; None if there are too many."""
        return tuple(sorted_names(sorted(self._found))) if self._are_classes else None

    @property
    def rare(self) -> tuple[str, ...]:
        """What messages say of the labels that the fewest rows have: their numbers, and where the rarest is first."""
        fewest = sorted(self._found.items(), key=lambda entry: (entry[1], entry[0]))[:SHOWN]
        said = [f"{label!r:.100} in {n:,} row{'s' * (n > 1)}" for label, n in fewest]
        if fewest and (place := self._places.get(fewest[0][0])):
            said[0] += f" ({'first in ' * (fewest[0][1] > 1)}{place})"
        return tuple(said)
