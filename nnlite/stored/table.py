"""`StoredTable`: a table in files that need not fit into memory, which is read some rows at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple, Never

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError, DataFileError
from nnlite.stored.order import Share, selected, share_key
from nnlite.stored.rows import LEAVE_OUT, usual
from nnlite.stored.table_files import TableFile
from nnlite.tables.cells import is_float
from nnlite.tables.csv_file import NUMBERED
from nnlite.tables.frames import Frame
from nnlite.tables.settings import Settings
from nnlite.words import Explained, explained


class TablePiece(NamedTuple):
    """Some rows of a table.

    Attributes
    ----------
    frame : Frame
        All columns but those that are ignored; the target is among them.
    start, stop : int
        Their numbers among all rows of the table.
    source : str
        The file.
    """

    frame: Frame
    start: int
    stop: int
    source: str


class StoredTable(Explained):
    r"""A table in files that need not fit into memory. `fit`, `evaluate` and `predict` take it in place of a `Table`.

    `open_table` makes one. Nothing is read until it is needed: a training goes through the files twice, first to learn
    what the columns hold, then to write their numbers into a temporary file, which it reads in blocks from then on.

    Attributes
    ----------
    name : str
        What messages call it.
    names : tuple of str
        The columns but for those that are ignored.
    target_name : str
        The column to predict; empty if there is none.
    memory : int or None
        Bytes of examples that a training keeps in memory at most, see `open_data`.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for i in range(2):
    ...         with open(os.path.join(folder, f"part-{i}.csv"), "w") as file:
    ...             _ = file.write("size,coat,kind\n10,long,cat\n30,short,dog\n12,long,cat\n28,short,dog\n")
    ...     pets = nn.open_table(folder, target="kind")
    ...     model = nn.Model([nn.Dense(4), nn.ReLU(), nn.Dense(2), nn.Softmax()], seed=0)
    ...     history = model.fit(pets, epochs=2, progress=False)
    ...     classes = model.predict(pets, names=True)
    >>> pets.names, model.class_names, classes.shape
    (('size', 'coat', 'kind'), ('cat', 'dog'), (8,))
    """

    def __init__(
        self, name: str, files: Sequence[TableFile], target_name: str, ignored: Collection[str], settings: Settings,
        memory: int | None, shares: tuple[Share, ...] = (),
    ) -> None:  # fmt: skip
        self.name, self.files, self.target_name, self.ignored = name, tuple(files), target_name, frozenset(ignored)
        self.settings, self.memory, self.shares = settings, memory, shares
        self.known: Any = None  # what one pass has told, see learning.py
        self.names = tuple(column for column in files[0].names if column not in self.ignored)

    def __repr__(self) -> str:
        n = len(self.files)
        target = f", target {self.target_name!r}" if self.target_name else ""
        return f"StoredTable({self.name}: {n} file{'s' * (n > 1)}, {len(self.names)} columns{target})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Never:
        """Raise ArgumentError: NumPy calls this to make an array of what need not fit into memory."""
        raise ArgumentError(f"{self!r} stays on the disk, and is for fit, evaluate and predict; for all else read a "
                            f"part of it with read_table")  # fmt: skip

    @explained
    def split(self, fraction: float, seed: int = 0) -> tuple[StoredTable, StoredTable]:
        """Return what is left, and the part that is held out. Nothing is read.

        Parameters
        ----------
        fraction : float
            The probability with which each row is held out, in (0, 1).
        seed : int, default 0
            The same seed holds out the same rows: a row is held out by its number alone.

        Returns
        -------
        rest, held_out : StoredTable

        Raises
        ------
        ArgumentError
            If an argument has a wrong value.
        """
        fraction = checks.real("fraction", fraction, above=0, below=1)
        key = share_key(checks.integer("seed", seed, minimum=0), len(self.shares))
        rest, held_out = (self.of_shares((*self.shares, Share(key, fraction, part))) for part in (False, True))
        return rest, held_out

    def of_shares(self, shares: tuple[Share, ...]) -> StoredTable:
        """Return the rows of these shares."""
        return StoredTable(self.name, self.files, self.target_name, self.ignored, self.settings, self.memory, shares)

    def with_target(self, name: str) -> StoredTable:
        """Return the table with another column as its target."""
        return StoredTable(self.name, self.files, name, self.ignored, self.settings, self.memory, self.shares)

    def without(self, name: str) -> StoredTable:
        """Return the table without one column, which may be none of its own."""
        ignored = {*self.ignored, name}
        return StoredTable(self.name, self.files, "", ignored, self.settings, self.memory, self.shares)

    def pieces(self) -> Iterator[TablePiece]:
        """Yield all rows of the files, some at a time, also those that belong to another part of a split."""
        start = 0
        for file in self.files:
            for frame in file.frames:
                if sorted(frame.names) != sorted(self.files[0].names):
                    raise DataFileError(f"{file.source}: {other_columns(frame.names, self.files[0])}")
                left = frame.ordered(self.files[0].names).without(self.ignored)
                yield TablePiece(left, start, start + left.n_rows, file.source)
                start += left.n_rows
        if not start:
            raise DataFileError(f"{self.name}: has no rows")

    def selected(self, piece: TablePiece) -> Array | None:
        """Return which rows of a piece belong to this part of the table; None for all."""
        return selected(self.shares, piece.start, piece.stop)


def refuse_other_columns(files: Sequence[TableFile]) -> None:
    """Raise DataFileError if a file has other columns than most files; the message names it."""
    most = usual([tuple(sorted(file.names)) for file in files])
    columns = sorted(files[most].names)
    n_others = sum(sorted(file.names) == columns for file in files)
    for file in files:
        if sorted(file.names) == columns:
            continue
        if set(file.names) & set(columns):
            raise DataFileError(f"{file.source}: {other_columns(file.names, files[most])}; {LEAVE_OUT}")
        others = f"the other {n_others} files" if n_others > 1 else files[most].source
        has_header = not any(NUMBERED.fullmatch(name) or is_float(name) for name in file.names)
        hint = "" if has_header else "; this file seems to have no header"
        raise DataFileError(f"{file.source}: has the columns {_listed(file.names)}, unlike {others}{hint}; {LEAVE_OUT}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")


def other_columns(names: Sequence[str], first: TableFile) -> str:
    """Say how the columns of a file differ from those of another one."""
    missing = [name for name in first.names if name not in names]
    more = [name for name in names if name not in first.names]
    found = [f"there is no column {name!r}" for name in missing[:1]] + [f"column {name!r} is new" for name in more[:1]]
    return f"{' and '.join(found) or 'two columns have the same name'}; expected those of {first.source}"
