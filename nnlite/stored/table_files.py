"""Tables in files, some rows at a time: CSV, Parquet, Feather, and data sets of Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.content import open_file
from nnlite.errors import ArgumentError, DataFileError
from nnlite.extras import require
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
    """One file, or a data set of Arrow: the names of its columns, and its rows, some at a time."""

    source: str
    names: tuple[str, ...]
    frames: Iterable[Frame]


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
    if start.startswith((b"\x93NUMPY", b"\x89HDF")):
        raise DataFileError(f"{path}: holds arrays, not a table; open it with nn.open_data")
    form, options, target, named, kinds = reading
    pieces = Pieces(
        path, path, form, options.marks, text_columns=text_columns(kinds) | options.text_columns,
        all_text=options.all_text, named=named, known=list(kinds), unused=unused_columns(kinds), target=target,
    )  # fmt: skip
    return TableFile(path, pieces.names, pieces)


def open_arrow(dataset: Any) -> TableFile:
    """Open a data set of pyarrow."""
    names = tuple(dataset.schema.names)
    return TableFile("the data set", names, _Arrow("the data set", names, lambda rows: _of_dataset(dataset, rows)))


def _of_dataset(dataset: Any, n_rows: int) -> Iterator[Any]:
    return iter(dataset.to_batches(batch_size=n_rows, batch_readahead=2, fragment_readahead=1))


def _of_arrow_file(path: str, kind: str) -> TableFile:
    require("pyarrow", "arrow", f"reading {path}")
    import pyarrow.ipc
    import pyarrow.parquet

    def parquet(n_rows: int) -> Iterator[Any]:
        with pyarrow.parquet.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False) as file:
            yield from file.iter_batches(batch_size=n_rows)

    def feather(n_rows: int) -> Iterator[Any]:
        with pyarrow.memory_map(path) as mapped, pyarrow.ipc.open_file(mapped) as file:
            for i in range(file.num_record_batches):
                batch = file.get_batch(i)
                yield from (batch.slice(start, n_rows) for start in range(0, batch.num_rows, n_rows))

    try:
        if kind == "parquet":
            names = tuple(pyarrow.parquet.read_schema(path).names)
        else:
            with pyarrow.memory_map(path) as mapped:
                names = tuple(pyarrow.ipc.open_file(mapped).schema.names)
    except Exception as error:
        raise _cannot(path, error) from error
    return TableFile(path, names, _Arrow(path, names, parquet if kind == "parquet" else feather))


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
        except (OSError, ValueError) as error:  # those of Arrow are ValueErrors
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
            raise DataFileError(f"{source}: row {first + i}: column {name!r}: expected a finite number, got {values[i]}")


def _cannot(source: str, error: Exception) -> DataFileError:
    text = " ".join(str(error).split()) or type(error).__name__
    return DataFileError(f"{source}: cannot be read ({text:.300})")


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
