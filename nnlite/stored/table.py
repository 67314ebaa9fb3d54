"""`StoredTable`: a table in files that need not fit into memory, which is read some rows at a time."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Never

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError, DataFileError
from nnlite.stored.opening import are_paths, file_of_partition, files_of
from nnlite.stored.order import Share, selected, share_key
from nnlite.stored.table_files import Reading, TableFile, open_dataset, open_file_of_table, open_partitioned
from nnlite.tables.choosing import check_column, check_list, choose_columns
from nnlite.tables.csv_file import NUMBERED, Form
from nnlite.tables.dialect import check_comment, check_delimiter, check_encoding
from nnlite.tables.frames import Frame
from nnlite.tables.settings import Settings, check_settings
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
                if frame.names != self.files[0].names:
                    raise DataFileError(f"{file.source}: {_other_columns(frame.names, self.files[0])}")
                left = frame.without(self.ignored)
                yield TablePiece(left, start, start + left.n_rows, file.source)
                start += left.n_rows
        if not start:
            raise DataFileError(f"{self.name}: has no rows")

    def selected(self, piece: TablePiece) -> Array | None:
        """Return which rows of a piece belong to this part of the table; None for all."""
        return selected(self.shares, piece.start, piece.stop)


@explained
def open_table(
    source: Any,
    target: int | str | None = None,
    *,
    classification: bool | None = None,
    kinds: Mapping[str, str] | None = None,
    ignore: Collection[int | str] = (),
    class_names: Sequence[str] | None = None,
    like: Any = None,
    missing: Sequence[str] | None = None,
    decimal: str | Mapping[str, str] | None = None,
    thousands: str | Mapping[str, str] | None = None,
    dates: str | Mapping[str, str] | None = None,
    scaling: str = "standardize",
    fill: str | float = "median",
    dtype: Any = "float32",
    header: bool | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    comment: str | None = None,
    memory: int | None = None,
) -> StoredTable:
    r"""Open a table in files that need not fit into memory: CSV, Parquet or Feather, or a data set of pyarrow.

    Parameters
    ----------
    source : path-like, list of them, or pyarrow.dataset.Dataset
        A file, a list of files, or a folder of them, whose rows follow each other in the order of the names. All have
        the same columns. Parquet and Feather files may lie in folders such as ``year=2024/city=Bern``, which are
        columns then.
    target : str or int, optional
        The column to predict, by name or position. Without it the table can be predicted.
    classification, kinds, ignore, class_names, missing, decimal, thousands, dates, scaling, fill, dtype
        See `Table`.
    like : Table, StoredTable or Model, optional
        Read the files as this table, or the table that this model learned from: the same kinds, classes and notations,
        and by default the same target, if it is there. A `StoredTable` is gone through once, unless a training has
        done so.
    header, delimiter, encoding, comment
        For CSV, see `read_table`.
    memory : int, optional
        Bytes of examples that a training keeps in memory at most, see `open_data`.

    Returns
    -------
    StoredTable

    Raises
    ------
    ArgumentError
        If an argument has a wrong value, or names a column that does not exist.
    DataFileError
        If a file is missing, damaged, or has other columns than the first one.
    ImportError
        If a file needs pyarrow, which ``pip install "nnlite[arrow]"`` brings.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "pets.csv")
    ...     with open(path, "w") as file:
    ...         _ = file.write("size,coat,kind\n10,long,cat\n30,short,dog\n")
    ...     nn.open_table(path, target="kind").names
    ('size', 'coat', 'kind')
    """
    settings = check_settings(classification=classification, kinds=kinds, class_names=class_names, like=_known(like),
                              missing=missing, decimal=decimal, thousands=thousands, dates=dates, scaling=scaling,
                              fill=fill, dtype=dtype)  # fmt: skip
    memory = None if memory is None else checks.integer("memory", memory)
    ignore = check_list("ignore", ignore)
    for argument, several in (("target", [] if target is None else [target]), ("ignore", ignore)):
        for column in several:
            check_column(argument, column)
    form = Form(
        None if header is None else checks.boolean("header", header),
        check_delimiter(delimiter), check_encoding(encoding), check_comment(comment),
    )  # fmt: skip
    named = any(isinstance(column, str) and not NUMBERED.fullmatch(column) for column in (target, *ignore))
    if named and form.header is False:
        raise ArgumentError("header: with header=False no column has a name; give positions")
    pattern = settings.pattern
    wanted = pattern.target if target is None else target
    reading = Reading(form, settings.options, wanted, named, pattern.kinds)
    name, files = _files(source, reading)
    for file in files:
        if file.names != files[0].names:
            raise DataFileError(f"{file.source}: {_other_columns(file.names, files[0])}")
    at, ignored = choose_columns(files[0].names, target, ignore, name, pattern.target)
    target_name = "" if at is None else files[0].names[at]
    for column, option in settings.options.columns.items():
        there = (*files[0].names, *pattern.kinds, pattern.target)
        if column not in there or (option == "kinds" and column == target_name):
            raise ArgumentError(f"{option}: there is no column {column!r}{' besides the target' * (option == 'kinds')}")
    if len(files[0].names) - len(ignored) - (at is not None) < 1:
        raise DataFileError(f"{name}: none of its {len(files[0].names)} columns is a feature")
    return StoredTable(name, files, target_name, [files[0].names[i] for i in ignored], settings, memory)


def _known(like: Any) -> Any:
    """Return the table that another one is read like: of a stored table, a sample."""
    if not isinstance(like, StoredTable):
        return like
    from nnlite.stored.learning import learn

    return learn(like).sample


def _files(source: Any, reading: Reading) -> tuple[str, list[TableFile]]:
    """Return what messages call a table, and its files."""
    if not are_paths(source):
        if hasattr(source, "to_batches") and hasattr(source, "schema"):
            return "the data set", open_dataset(source)
        raise ArgumentError(f"source: expected a file, a folder, a list of files or a data set of pyarrow, got "
                            f"{type(source).__name__}")  # fmt: skip
    if isinstance(source, (str, os.PathLike)) and (inside := file_of_partition(os.path.expanduser(source))):
        folder = os.path.expanduser(os.fspath(source))
        return os.path.basename(os.path.normpath(folder)), open_partitioned(folder, inside)
    paths = files_of(source)
    name = os.path.basename(os.path.normpath(os.fspath(source))) if not isinstance(source, (list, tuple)) else paths[0]
    return name, [open_file_of_table(path, reading) for path in paths]


def _other_columns(names: Sequence[str], first: TableFile) -> str:
    missing = [name for name in first.names if name not in names]
    more = [name for name in names if name not in first.names]
    found = [f"there is no column {name!r}" for name in missing[:1]] + [f"column {name!r} is new" for name in more[:1]]
    return f"{' and '.join(found) or 'its columns have another order'}; expected those of {first.source}"
