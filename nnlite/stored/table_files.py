"""Tables in files, some rows at a time: CSV, Parquet, Feather, and data sets of Arrow."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.content import open_file
from nnlite.errors import ArgumentError, DataFileError
from nnlite.extras import require
from nnlite.stored.npy import ZIP
from nnlite.stored.stamps import Stamp, check_stamp, stamp_of
from nnlite.tables.csv_file import Form, Pieces
from nnlite.tables.encoders import labels_of
from nnlite.tables.frames import Column, Frame, Text, frame_of
from nnlite.tables.kinds import Kind, text_columns, unused_columns
from nnlite.tables.options import Options
from nnlite.tables.places import Places

AT_ONCE = 2**16  # cells of a piece
BUFFER = 2**16  # bytes that pyarrow reads at once
FORMATS = {b"PAR1": "parquet", b"ARROW1": "feather"}


class Reading(NamedTuple):
    """How the files are read.

    Attributes
    ----------
    form : Form
        Of CSV files.
    options : Options
    target : str, int or None
    named : bool
        Whether a column was asked for by name, so that a CSV file must have a header.
    kinds : mapping of str to Kind
        Of the columns of another table that this one is read like.
    """

    form: Form
    options: Options
    target: str | int | None
    named: bool
    kinds: Mapping[str, Kind] = {}


class TableFile(NamedTuple):
    """One file, or a data set of Arrow.

    Attributes
    ----------
    source : str
        The file.
    names : tuple of str
        Its columns.
    rows : iterable of Frame
        Its rows, some at a time.
    stamp : Stamp, optional
        What a change of the file changes; None where that is not known.
    """

    source: str
    names: tuple[str, ...]
    rows: Iterable[Frame]
    stamp: Stamp | None = None

    @property
    def frames(self) -> Iterator[Frame]:
        """The rows, some at a time; DataFileError if the file is not what it was when it was opened."""
        check_stamp(self.source, self.stamp)
        yield from self.rows
        check_stamp(self.source, self.stamp)


def open_file_of_table(path: str, reading: Reading) -> TableFile:
    """Open a file. Its first bytes tell the format.

    Raises
    ------
    DataFileError
        If it is damaged, or of a format that cannot be read in pieces.
    ImportError
        If it needs pyarrow.
    """
    with open_file(path) as file:
        start = file.read(8)
    for magic, name in FORMATS.items():
        if start.startswith(magic):
            return _of_arrow_file(path, name)
    if start.startswith((b"\x93NUMPY", b"\x89HDF")) or (start.startswith(ZIP) and path.lower().endswith(".npz")):
        raise DataFileError(f"{path}: holds arrays, not a table; open it, or its folder, with nn.open_data")
    form, options, target, named, kinds = reading
    pieces = Pieces(
        path, path, form, options.marks, text_columns=text_columns(kinds) | options.text_columns,
        all_text=options.all_text, named=named, known=list(kinds), unused=unused_columns(kinds), target=target,
    )  # fmt: skip
    return TableFile(path, pieces.names, pieces, stamp_of(path))


def open_dataset(dataset: Any, name: str = "the data set") -> list[TableFile]:
    """Open a data set of pyarrow: each of its files, or all of it where rows or columns were chosen."""
    names = tuple(dataset.schema.names)
    try:
        fragments = list(dataset.get_fragments())
    except ValueError:  # rows or columns were chosen
        fragments = []
    if not all(getattr(fragment, "path", None) for fragment in fragments) or not fragments:
        return [TableFile(name, names, _Arrow(name, names, lambda rows: _batches(dataset, rows)))]

    def opened(fragment: Any) -> TableFile:
        if fragment.format.default_extname == "parquet":
            batches = lambda rows: _of_parquet_fragment(fragment, dataset.schema, rows)  # noqa: E731
        else:
            batches = lambda rows: _batches(fragment, rows, schema=dataset.schema)  # noqa: E731
        return TableFile(fragment.path, names, _Arrow(fragment.path, names, batches), _stamp_if_local(fragment.path))

    return [opened(fragment) for fragment in fragments]


def _of_parquet_fragment(fragment: Any, schema: Any, n_rows: int) -> Iterator[Any]:
    """Yield the rows of a Parquet file of a data set, with the columns that its folders name.

    The scanner of pyarrow would hold whole groups of rows in memory, of a million rows as other programs write them.
    """
    import pyarrow
    from pyarrow.dataset import get_partition_keys

    keys = get_partition_keys(fragment.partition_expression)

    def column(batch: Any, field: Any) -> Any:
        if field.name in batch.schema.names:
            values = batch.column(field.name)
            return values if values.type == field.type else values.cast(field.type)
        return pyarrow.array([keys.get(field.name)] * batch.num_rows).cast(field.type)

    groups = [group.id for group in fragment.row_groups]
    with fragment.open() as content:
        for batch in _of_parquet(content, n_rows, groups):
            yield pyarrow.record_batch([column(batch, field) for field in schema], schema=schema)


def _of_parquet(content: Any, n_rows: int, groups: list[int] | None = None) -> Iterator[Any]:
    """Yield the rows of a Parquet file, which is read a little at a time: by default pyarrow reads ahead in threads."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(content, buffer_size=BUFFER, pre_buffer=False) as file:
        yield from file.iter_batches(n_rows, row_groups=groups, use_threads=False)
    pyarrow.default_memory_pool().release_unused()


def _batches(source: Any, n_rows: int, **options: Any) -> Iterator[Any]:
    return iter(source.to_batches(batch_size=n_rows, batch_readahead=1, fragment_readahead=1, **options))


def _stamp_if_local(path: str) -> Stamp | None:
    return stamp_of(path) if os.path.exists(path) else None


def open_partitioned(folder: str, file: str) -> list[TableFile]:
    """Open a folder of folders such as ``year=2024``, whose names are values of columns; ``file`` is one of its files.

    Raises
    ------
    DataFileError
        If it is damaged, or its files are neither Parquet nor Feather.
    ImportError
        Without pyarrow.
    """
    with open_file(file) as content:
        start = content.read(8)
    found = next((name for magic, name in FORMATS.items() if start.startswith(magic)), None)
    if found is None:
        raise DataFileError(
            f"{file}: expected a Parquet or Feather file in a folder that names the value of a column; open other "
            f"files as a data set of pyarrow, or put all of them into one folder"
        )
    require("pyarrow", "arrow", f"reading {folder}")
    import pyarrow.dataset

    try:
        dataset = pyarrow.dataset.dataset(folder, format=found, partitioning="hive")
    except Exception as error:
        raise _cannot(folder, error) from error
    return open_dataset(dataset, folder)


def _of_arrow_file(path: str, kind: str) -> TableFile:
    require("pyarrow", "arrow", f"reading {path}")
    import pyarrow.ipc
    import pyarrow.parquet

    def parquet(n_rows: int) -> Iterator[Any]:
        return _of_parquet(path, n_rows)

    def feather(n_rows: int) -> Iterator[Any]:
        with pyarrow.OSFile(path) as content, pyarrow.ipc.open_file(content) as file:  # a map dies of a file cut short
            for i in range(file.num_record_batches):
                batch = file.get_batch(i)
                yield from (batch.slice(start, n_rows) for start in range(0, batch.num_rows, n_rows))

    try:
        if kind == "parquet":
            names = tuple(pyarrow.parquet.read_schema(path).names)
        else:
            with pyarrow.OSFile(path) as content:
                names = tuple(pyarrow.ipc.open_file(content).schema.names)
    except Exception as error:  # the columns are listed at the end of the file
        raise _cannot(
            path, error, "cannot be read" if isinstance(error, OSError) else "is cut off or damaged"
        ) from error
    return TableFile(path, names, _Arrow(path, names, parquet if kind == "parquet" else feather), stamp_of(path))


class _Arrow:
    """The rows of a file or data set of Arrow."""

    def __init__(self, source: str, names: Sequence[str], batches: Any) -> None:
        self._source, self._n_rows, self._batches = source, max(1, AT_ONCE // max(1, len(names))), batches

    def __iter__(self) -> Iterator[Frame]:
        n = 0
        try:
            for batch in self._batches(self._n_rows):
                if batch.num_rows:
                    columns = {name: _column(batch.column(i)) for i, name in enumerate(batch.schema.names)}
                    _refuse_infinite(columns, self._source, n)
                    yield Frame(frame_of(columns, self._source).columns, first_row=n)
                    n += batch.num_rows
        except (DataFileError, MemoryError):
            raise
        except ArgumentError as error:
            raise DataFileError(f"{self._source}: {str(error).removeprefix(f'{self._source}: ')}") from None
        except Exception as error:  # Arrow has its own, of several kinds
            raise _cannot(self._source, error) from error


def _column(values: Any) -> Any:
    """Return a column of Arrow; one of numbers as an array, with NaN in place of null."""
    import pyarrow.types

    if pyarrow.types.is_floating(values.type) or pyarrow.types.is_integer(values.type):
        return values.to_numpy(zero_copy_only=False)
    return values


def _refuse_infinite(columns: dict[str, Any], source: str, first: int) -> None:
    """Raise DataFileError for an infinite number; ``first`` is the number of the first row."""
    for name, values in columns.items():
        if isinstance(values, np.ndarray) and values.dtype.kind == "f" and np.isinf(values).any():
            i = int(np.isinf(values).argmax())
            raise DataFileError(
                f"{source}: row {first + i}: column {name!r}: expected a finite number, got {values[i]}"
            )


def _cannot(source: str, error: Exception, what: str = "cannot be read") -> DataFileError:
    text = " ".join(str(error).split()) or type(error).__name__
    return DataFileError(f"{source}: {what} ({text:.300})")


def joined_frame(frames: Sequence[Frame]) -> Frame:
    """Return some frames with the same columns as one. A column that is text in one of them is text in all."""
    columns: dict[str, Column] = {}
    for name in frames[0].names:
        parts = [frame.columns[name] for frame in frames]
        columns[name] = _joined_column(parts)
    plain = {name: all(frame.plain.get(name, True) for frame in frames) for name in frames[0].plain
             if not isinstance(columns[name], Text)}  # fmt: skip
    places = [frame.places for frame in frames if frame.places is not None]
    return Frame(columns, plain, places=Places.joined(places) if len(places) == len(frames) else None)


def _joined_column(parts: Sequence[Column]) -> Column:
    arrays = [part for part in parts if not isinstance(part, Text)]
    if len(arrays) == len(parts) and len({array.dtype.kind == "M" for array in arrays}) == 1:
        return np.concatenate(arrays)
    places: dict[str, int] = {}
    codes = []
    for part in parts:
        cells = part if isinstance(part, Text) else labels_of(part, Options())
        own = np.array([places.setdefault(cell, len(places)) for cell in cells.cells] or [0])
        codes.append(own[cells.codes])
    is_category = all(isinstance(part, Text) and part.is_category for part in parts)
    return Text(np.concatenate(codes), list(places), is_category)
