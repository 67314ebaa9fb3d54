"""What has named columns, as one inner form: a `Frame`.

pandas, polars, Arrow, dictionaries of columns, lists of dictionaries and structured arrays of NumPy all become frames.
None of these libraries is imported here: an object of theirs is recognized by what it offers.
"""

from __future__ import annotations

import bisect
import datetime
import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.tables.cells import label_of_number
from nnlite.tables.options import Options
from nnlite.tables.places import Places

MOST_COLUMNS = 2**16


class Text:
    """A column of text: the different cells, each once, and which one each row has.

    Parameters
    ----------
    codes : array of int, (M,)
        Positions in ``cells``.
    cells : sequence of str
        Different, without spaces around them; an empty cell is a missing value.
    is_category : bool, default False
        Whether they are categories for certain, even if each of them is a number or a date.
    """

    def __init__(self, codes: Array, cells: Sequence[str], is_category: bool = False) -> None:
        self.codes, self.cells, self.is_category = codes, list(cells), is_category

    @classmethod
    def of(cls, cells: Iterable[str]) -> Text:
        """Return a column with these cells."""
        places: dict[str, int] = {}
        codes = np.fromiter((places.setdefault(cell.strip(), len(places)) for cell in cells), np.int32)
        return cls(codes, list(places))

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Any) -> Text:
        """Return the column with these rows, and without cells that only other rows have, unless it has categories."""
        codes = self.codes[rows]
        if self.is_category:
            return Text(codes, self.cells, True)
        there = np.bincount(codes, minlength=len(self.cells)) > 0
        place = (np.cumsum(there) - 1).astype(codes.dtype)
        return Text(place[codes], list(itertools.compress(self.cells, there)), False)

    def counts(self) -> dict[str, int]:
        """Return how often each cell occurs; cells of rows that were left out are not there."""
        counts = np.bincount(self.codes, minlength=len(self.cells))
        return {cell: int(n) for cell, n in zip(self.cells, counts, strict=True) if n}

    def to_array(self) -> Array:
        """Return the cells, (M,), as strings."""
        return np.array(self.cells, np.dtypes.StringDType())[self.codes]


Column = Array | Text  # numbers, booleans or datetime64; or text


class Frame:
    """Named columns of equal length.

    Parameters
    ----------
    columns : dict of str to Column
    plain : dict of str to bool
        Columns of numbers that were read from text with a point as the decimal mark, which nobody has named; True if
        every point in it may separate thousands as well.
    lines : sequence of (int, int)
        For some rows the line of the file where each ends; between two of them, each row is one line.
    first_row : int
        Number of the first row in the data that these rows are a piece of.
    options : Options, optional
        How the text is written, if somebody has said it.
    places : Places, optional
        Where the rows are from; by default ``lines`` or ``first_row`` says it.
    """

    def __init__(
        self, columns: dict[str, Column], plain: Mapping[str, bool] = {}, lines: Sequence[tuple[int, int]] = (),
        first_row: int = 0, options: Options | None = None, places: Places | None = None,
    ) -> None:  # fmt: skip
        self.options, self.places = options, places
        self.columns, self.plain, self.lines, self.first_row = columns, dict(plain), lines, first_row
        self.n_rows = len(next(iter(columns.values()))) if columns else 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(self.columns)

    def take(self, rows: Any) -> Frame:
        """Return a frame with these rows."""
        taken = {
            name: column.take(rows) if isinstance(column, Text) else column[rows]
            for name, column in self.columns.items()
        }
        places = None if self.places is None else self.places.take(rows)
        return Frame(taken, self.plain, options=self.options, places=places)

    def without(self, names: Collection[str]) -> Frame:
        """Return a frame without these columns."""
        kept = {name: column for name, column in self.columns.items() if name not in names}
        plain = {name: doubtful for name, doubtful in self.plain.items() if name in kept}
        return Frame(kept, plain, self.lines, self.first_row, self.options, self.places)

    def ordered(self, names: Sequence[str]) -> Frame:
        """Return the frame with its columns in this order."""
        if self.names == tuple(names):
            return self
        columns = {name: self.columns[name] for name in names}
        return Frame(columns, self.plain, self.lines, self.first_row, self.options, self.places)

    def written(self, options: Options) -> Frame:
        """Return the frame with what somebody has said about its text."""
        return Frame(self.columns, self.plain, self.lines, self.first_row, options, self.places)

    def located(self, source: str = "") -> Frame:
        """Return the frame with a place for each row, so that rows which are taken from it keep theirs."""
        places = Places.of_lines(self.lines, self.n_rows) if self.lines else Places.of_rows(self.first_row, self.n_rows)
        places = places.within(source) if source else places
        return Frame(self.columns, self.plain, self.lines, self.first_row, self.options, places)

    @property
    def tells_places(self) -> bool:
        """Whether the rows are those of files, whose lines or rows a message names."""
        return bool(self.lines) or self.places is not None

    def place(self, row: int) -> str:
        """Return where a row is: "line 7" of a file, or "row 5", counted from 0."""
        if self.places is not None:
            return self.places.of(row)
        place = bisect.bisect_right(self.lines, row, key=lambda entry: entry[0]) - 1
        return (
            f"row {self.first_row + row}" if place < 0 else f"line {self.lines[place][1] + row - self.lines[place][0]}"
        )


# ---- what becomes a frame --------------------------------------------------------------------------------------------


def has_named_columns(data: Any) -> bool:
    """Return whether `frame_of` takes ``data``: whether it has columns with names."""
    if isinstance(data, np.ndarray):
        return data.dtype.names is not None
    if isinstance(data, Mapping):
        return True
    if isinstance(data, (list, tuple)):
        return len(data) > 0 and isinstance(data[0], Mapping)
    if hasattr(data, "collect_schema"):  # a lazy frame would look at its file for the names
        return True
    return hasattr(data, "columns") or hasattr(data, "column_names") or hasattr(data, "__arrow_c_stream__")


def frame_of(data: Any, name: str = "data") -> Frame:
    """Return ``data`` as a frame.

    Parameters
    ----------
    data : mapping, list of mappings, structured array, or a table of pandas, polars or Arrow
    name : str
        What messages call it.

    Raises
    ------
    ArgumentError
        If it has no named columns, they differ in length, or two have the same name.
    """
    if isinstance(data, Frame):
        return data
    if not has_named_columns(data):
        raise ArgumentError(
            f"{name}: expected named columns (a table, a data frame, a dictionary of columns, a list of dictionaries "
            f"or a structured array), got {type(data).__name__}"
        )
    columns: dict[str, Column] = {}
    pairs = list(columns_of(data, name))
    if not pairs or len(pairs) > MOST_COLUMNS:
        raise ArgumentError(f"{name}: expected 1 to {MOST_COLUMNS} columns, got {len(pairs)}")
    for label, values in pairs:
        if label in columns:
            raise ArgumentError(f"{name}: two columns are called {label!r}")
        columns[label] = column_of(values, f"{name}: column {label!r}")
    lengths = {label: len(column) for label, column in columns.items()}
    first, n = next(iter(lengths.items()))
    for label, length in lengths.items():
        if length != n:
            raise ArgumentError(f"{name}: column {label!r} has {length} rows, and {first!r} has {n}")
    if n == 0:
        raise ArgumentError(f"{name}: has columns, but no rows")
    return Frame(columns)


def columns_of(data: Any, name: str) -> Iterable[tuple[str, Any]]:  # noqa: PLR0911  a line for each kind of table
    """Yield the name and the values of each column."""
    if isinstance(data, np.ndarray):
        return [(label, data[label].ravel()) for label in data.dtype.names or ()]
    if isinstance(data, Mapping):
        return [(str(label), values) for label, values in data.items()]
    if isinstance(data, (list, tuple)):
        return _of_records(data, name)
    if hasattr(data, "collect") and hasattr(data, "collect_schema"):
        raise ArgumentError(f"{name}: is a lazy frame; pass {name}.collect()")
    if hasattr(data, "iloc"):  # pandas: by position, since two columns may have one name
        return [(str(label), data.iloc[:, i]) for i, label in enumerate(data.columns)]
    if hasattr(data, "column_names"):
        return [(label, data.column(i)) for i, label in enumerate(data.column_names)]
    if hasattr(data, "get_column"):
        return [(label, data.get_column(label)) for label in data.columns]
    return _through_arrow(data, name)


def _through_arrow(data: Any, name: str) -> Iterable[tuple[str, Any]]:
    try:
        import pyarrow
    except ImportError:
        raise ArgumentError(
            f"{name}: a table of type {type(data).__name__} is read through Arrow; pip install pyarrow"
        ) from None
    table = pyarrow.table(data)
    return [(label, table.column(i)) for i, label in enumerate(table.column_names)]


def _of_records(records: Sequence[Any], name: str) -> Iterable[tuple[str, Any]]:
    """Yield the columns of a list of dictionaries; each has the same keys."""
    labels = list(records[0])
    for i, record in enumerate(records):
        if not isinstance(record, Mapping) or record.keys() != records[0].keys():
            got = list(record) if isinstance(record, Mapping) else type(record).__name__
            raise ArgumentError(f"{name}: row {i} has the columns {got!r:.300}, and row 0 has {labels!r:.300}")
    return [(str(label), [record[label] for record in records]) for label in labels]


# ---- one column ------------------------------------------------------------------------------------------------------


def column_of(values: Any, name: str) -> Column:  # noqa: PLR0911  a line for each type
    """Return a column as an array of numbers, booleans or dates, or as `Text`; missing values are NaN, NaT or "".

    Raises
    ------
    ArgumentError
        If it is not one-dimensional, or a value is neither number, boolean, date nor text.
    """
    if isinstance(values, Text):
        return values
    if is_categorical(values):
        listed = values.tolist() if hasattr(values, "iloc") else _listed(values)
        found = Text.of("" if _is_missing(value) else _text(value) for value in listed)
        return Text(found.codes, found.cells, is_category=True)
    array = _as_array(values, name)
    if array.ndim != 1:
        raise ArgumentError(f"{name}: expected one value for each row, got shape {array.shape}")
    if array.dtype.kind in "bui":
        return array
    if array.dtype.kind == "f":
        if np.isinf(array).any():
            raise ArgumentError(f"{name}: expected finite numbers, got {array[np.isinf(array)][0]} "
                                f"in row {int(np.isinf(array).argmax())}")  # fmt: skip
        return array.astype(np.float64, copy=False)
    if array.dtype.kind == "M":
        return array.astype("datetime64[s]")
    if array.dtype.kind == "m":
        return _days(array)
    if array.dtype.kind in "UT":
        return Text.of(map(str, array.tolist()))
    return _of_objects(array.tolist(), name)


def _as_array(values: Any, name: str) -> Array:  # noqa: PLR0911  a line for each kind of column
    """Return the values as an array; one of objects if they are of several types or some are missing."""
    if isinstance(values, np.ndarray):
        return values.filled(np.nan) if isinstance(values, np.ma.MaskedArray) and values.dtype.kind == "f" else values
    if hasattr(values, "to_pylist") or (hasattr(values, "is_null") and hasattr(values, "to_list")):
        return _of_list(_listed(values))
    if hasattr(values, "iloc"):  # pandas
        if hasattr(values.dtype, "freq"):  # periods, such as months
            values = values.dt.to_timestamp()
        kind = getattr(values.dtype, "kind", "O")
        if isinstance(values.dtype, np.dtype) and kind in "buifmM":
            return np.asarray(values.to_numpy())
        if kind == "M":  # with a time zone
            return np.asarray(values.dt.tz_localize(None).to_numpy())
        return _objects(values.astype(object).where(values.notna(), None).tolist())
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ArgumentError(f"{name}: expected a value for each row, got {values!r:.100}")
    if hasattr(values, "__array__"):
        return np.asarray(values)
    return _of_list(list(values))


def is_categorical(values: Any) -> bool:
    """Return whether values have a type for categories: category of pandas, Categorical or Enum of polars, dictionary.

    Arrow's dictionaries are named by their ``type``.
    """
    dtype = str(getattr(values, "dtype", None) or getattr(values, "type", "")).lower()
    return not isinstance(values, np.ndarray) and dtype.startswith(("category", "categorical", "enum", "dictionary"))


def _listed(values: Any) -> list[Any]:
    """Return a column of Arrow or polars as a list."""
    listed: list[Any] = values.to_pylist() if hasattr(values, "to_pylist") else values.to_list()
    return listed


def _days(spans: Array) -> Array:
    """Return spans of time as numbers of days, NaN for NaT."""
    return np.where(np.isnat(spans), np.nan, spans / np.timedelta64(1, "D"))


def _objects(values: list[Any]) -> Array:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _of_list(values: list[Any]) -> Array:
    """Return a list as an array of numbers, if all of it are numbers of one type, and else of objects."""
    types = set(map(type, values))
    if types <= {int}:
        try:
            return np.array(values, np.int64)
        except OverflowError:
            return np.array(values, np.float64)
    if types <= {bool}:
        return np.array(values, bool)
    if types <= {int, float}:
        return np.array(values, np.float64)
    return _objects(values)


def _of_objects(values: list[Any], name: str) -> Column:
    """Return objects as a column: numbers if all that are there are numbers, and so on; else text."""
    there = [value for value in values if not _is_missing(value)]
    kinds = {_kind(value) for value in there}
    if kinds == {"boolean"} and len(there) == len(values):
        return np.array(values, bool)
    if kinds == {"boolean"}:
        return Text.of("" if _is_missing(value) else str(bool(value)) for value in values)
    if kinds and kinds <= {"number", "boolean"} and "number" in kinds:
        column = np.array([np.nan if _is_missing(value) else float(value) for value in values], np.float64)
        return column_of(column, name)
    if kinds == {"date"}:
        return np.array(["NaT" if _is_missing(value) else _without_zone(value) for value in values], "datetime64[s]")
    if kinds == {"span"}:
        return _days(np.array(["NaT" if _is_missing(value) else value for value in values], "timedelta64[us]"))
    if "" in kinds:
        wrong = next(value for value in there if _kind(value) == "")
        raise ArgumentError(f"{name}: expected numbers, text, booleans or dates, got {wrong!r:.100}")
    return Text.of("" if _is_missing(value) else _text(value) for value in values)


def _is_missing(value: Any) -> bool:
    if isinstance(value, (float, np.floating)):
        return bool(np.isnan(value))
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _kind(value: Any) -> str:
    if isinstance(value, (str, np.str_, bytes)):
        return "text"
    if isinstance(value, (bool, np.bool_)):
        return "boolean"
    if isinstance(value, (datetime.date, np.datetime64)):
        return "date"
    if isinstance(value, (datetime.timedelta, np.timedelta64)):
        return "span"
    if hasattr(value, "__float__") and not isinstance(value, np.ndarray):
        return "number"
    return "" if hasattr(value, "__len__") or isinstance(value, complex) else "text"


def _without_zone(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime.datetime) else value


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return label_of_number(float(value)) if _kind(value) == "number" else str(value)
