"""A table of one's own: a CSV file as X and y, read as a stranger's."""

from __future__ import annotations

import io
import operator
import os
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Never

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.datasets.base import Dataset, generator
from nnlite.datasets.content import decompressed, opened, refusing
from nnlite.errors import ArgumentError, DataFileError
from nnlite.splits import stratified_split

LONGEST_ROW = 2**20  # characters
MOST_COLUMNS = 2**16
MOST_CLASSES = 10_000
MOST_CLASSES_UNASKED = 100  # of whole numbers: more of them are more likely values
BLOCK = 2**15  # numbers that are converted at once

MISSING = frozenset(["", "?", "-", "na", "n/a", "nan", "null", "none", "nil", "missing"])
WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
WITH_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+")


class Table(NamedTuple):
    """Examples from a file, and what they are.

    Attributes
    ----------
    X : array of float32 or float64, shape (M, n_features)
        The examples, one a row, in the order of the file.
    y : array, shape (M,), or None
        Their class indices 0..C-1 (int64), or values (in the dtype of X); None without a target.
    class_names : tuple of str
        What the class indices stand for; empty where y are values.
    feature_names : tuple of str
        The names of the columns of X; empty where the file has no header.
    target_name : str
        The name of the column of y; empty where there is none.
    name : str
        That of the file.
    """

    X: Array
    y: Array | None
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    target_name: str
    name: str

    def split(self, test_fraction: float = 0.2, seed: int | None = 0) -> Dataset:
        """Shuffle the examples and set some aside for the test, of each class its share.

        Parameters
        ----------
        test_fraction : float, default 0.2
            The share of the examples to test with, above 0 and below 1.
        seed : int or None, default 0
            Draws the split and the order: the same seed gives the same data, None another split each time.

        Returns
        -------
        Dataset

        Raises
        ------
        ArgumentError
            If an argument has the wrong type or value, either part would be empty, or there is no y.
        """
        if self.y is None:
            raise ArgumentError(f"y: {self.name} was read without a target, so there is nothing to learn from it")
        rng = generator(seed)
        classes = self.y if self.class_names else np.zeros(len(self.y), np.intp)
        train, test = map(rng.permutation, stratified_split(classes, test_fraction, rng, name="test_fraction"))
        return Dataset(
            self.X[train],
            self.y[train],
            self.X[test],
            self.y[test],
            class_names=self.class_names,
            feature_names=self.feature_names,
            image_shape=None,
            name=self.name,
            description=f"{len(self.y)} examples from {self.name}.",
        )

    def __repr__(self) -> str:
        y = "no y" if self.y is None else f"y {self.y.shape}"
        what = f", {len(self.class_names)} classes" if self.class_names else ""
        return f"Table({self.name}: X {self.X.shape}, {y}{what})"


def load_csv(
    path: str | os.PathLike[str],
    target: int | str | None = -1,
    *,
    classification: bool | None = None,
    header: bool | None = None,
    delimiter: str = ",",
    encoding: str = "utf-8",
    ignore: Sequence[int | str] = (),
    dtype: str = "float32",
) -> Table:
    r"""Read a table of numbers with a column of labels or values, plain or compressed with gzip.

    Parameters
    ----------
    path : path-like
        A file of one example a line; fields in which the delimiter occurs stand in quotes. Empty lines are skipped.
    target : int, str or None, default -1
        The column that is to be learned: its name in the header, or its place, 0 for the first and -1 for the last.
        None reads a file without such a column, on which a network is to predict.
    classification : bool, optional
        True: the target is a class, whose indices are given in the order of the names (in that of the numbers, if all
        are numbers). False: it is a value. By default text and whole numbers are classes and other numbers are
        values; where there are more than 100 different whole numbers, you have to say.
    header : bool, optional
        Whether the first row has the names of the columns. By default it has if no feature in it is a number.
    delimiter : str, default ","
        What stands between two fields: one character, such as ";" or a tab.
    encoding : str, default "utf-8"
        How text is encoded, for instance "latin-1".
    ignore : sequence of int or str, optional
        Columns that are no features, such as a number of the example, by name or place.
    dtype : {"float32", "float64"}, default "float32"
        Of X, and of y where it has values.

    Returns
    -------
    Table
        ``X``, ``y``, ``class_names``, ``feature_names``; its method ``split()`` sets some examples aside for the test.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value, or names a column that is not there.
    DataFileError
        If the file is missing or damaged, or a feature is missing or no number (the message says in which line and
        column), rows have different lengths, or a limit is exceeded.

    Notes
    -----
    The file may come from a stranger: reading it takes no more memory than four times its content (and some
    megabytes) in float32. A compressed file may expand to 100 times its size. A row may have 65,536 columns and 2^20
    characters, a field 131,072 characters, a column of labels 10,000 classes.

    Features may be of any size; `BatchNorm` as the first layer brings them to one scale.

    Source of the format: Y. Shafranovich, Common Format and MIME Type for CSV Files, RFC 4180, 2005.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> text = "width,height,kind\n1.5,30,cat\n2.5,70,dog\n1.0,25,cat\n3.0,80,dog\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "pets.csv")
    ...     with open(path, "w") as file:
    ...         _ = file.write(text)
    ...     table = load_csv(path, target="kind")
    >>> table
    Table(pets.csv: X (4, 2), y (4,), 2 classes)
    >>> table.y, table.class_names, table.feature_names
    (array([0, 1, 0, 1]), ('cat', 'dog'), ('width', 'height'))
    >>> data = table.split(test_fraction=0.5, seed=0)
    >>> model = nn.Model([nn.BatchNorm(), nn.Dense(8), nn.ReLU(), nn.Dense(2), nn.Softmax()], seed=0)
    >>> history = model.fit(data.X_train, data.y_train, epochs=2, progress=False)
    """
    source = os.path.expanduser(checks.path("path", path))
    options = _Options(
        target=None if target is None else _column("target", target),
        classification=None if classification is None else checks.boolean("classification", classification),
        header=None if header is None else checks.boolean("header", header),
        ignore=_columns_to_ignore(ignore),
        dtype=_dtype(dtype),
    )
    delimiter, encoding = _delimiter(delimiter), _encoding(encoding)
    with (
        opened(source) as file,
        refusing(source),
        decompressed(file, source) as content,
        io.TextIOWrapper(content, encoding=encoding, newline="") as text,
    ):
        return _read(_Rows(text, source, delimiter), options)


class _Options(NamedTuple):
    target: int | str | None
    classification: bool | None
    header: bool | None
    ignore: tuple[int | str, ...]
    dtype: str


# ---- checks of the arguments ---------------------------------------------------------------------------------------


def _column(name: str, value: Any) -> int | str:
    if isinstance(value, str):
        return value
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise ArgumentError(f"{name}: expected the name of a column or its place (an integer), got {value!r}") from None


def _columns_to_ignore(ignore: Any) -> tuple[int | str, ...]:
    if isinstance(ignore, str) or not isinstance(ignore, Sequence):
        raise ArgumentError(f"ignore: expected a list of columns such as ['id'], got {ignore!r}")
    return tuple(_column("ignore", column) for column in ignore)


def _delimiter(delimiter: Any) -> str:
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter.isalnum() or delimiter in '"+-.\r\n\0':
        raise ArgumentError(
            f"delimiter: expected one character that is in no number, such as ',', ';' or '\\t', got {delimiter!r}"
        )
    return delimiter


def _encoding(encoding: Any) -> str:
    """The name of an encoding of text; utf-8 without the mark that some programs put in front."""
    import codecs

    try:
        "".encode(encoding)
        return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else str(encoding)
    except (LookupError, TypeError, ValueError):
        raise ArgumentError(
            f"encoding: expected an encoding of text such as 'utf-8' or 'latin-1', got {encoding!r}"
        ) from None


def _dtype(dtype: Any) -> str:
    for allowed in ("float32", "float64"):
        if isinstance(dtype, (str, type, np.dtype)) and dtype in (allowed, np.dtype(allowed), np.dtype(allowed).type):
            return allowed
    raise ArgumentError(f"dtype: expected 'float32' or 'float64', got {dtype!r}")


# ---- rows of text --------------------------------------------------------------------------------------------------


class _Rows:
    """The rows of the file, each with the number of its last line. None is longer than it may be.

    Attributes
    ----------
    line : int
        How many lines have been read.
    """

    def __init__(self, text: io.TextIOWrapper, source: str, delimiter: str) -> None:
        self.source, self.line = source, 0
        self._text, self._delimiter = text, delimiter

    def refuse(self, what: str, line: int | None = None) -> Never:
        """Raise a DataFileError that says in which line."""
        raise DataFileError(f"{self.source}: line {self.line if line is None else line}: {what}")

    def __iter__(self) -> Iterator[list[str]]:
        import csv

        rows = csv.reader(self._lines(), delimiter=self._delimiter, strict=True)
        self._length = self._n_delimiters = 0
        try:
            for row in rows:
                self._length = self._n_delimiters = 0
                if len(row) > 1 or (row and row[0].strip()):
                    yield row
        except csv.Error as error:
            self.refuse(f"is no row of a CSV file ({error}); is there a quote that never closes?")

    def _lines(self) -> Iterator[str]:
        while line := self._line():
            self.line += 1
            # of the whole row, which goes on in the next line where a quote is open
            self._length += len(line)
            self._n_delimiters += line.count(self._delimiter)
            if self._length > LONGEST_ROW:
                self.refuse(f"the row is longer than {LONGEST_ROW} characters")
            if self._n_delimiters >= MOST_COLUMNS:
                self.refuse(f"the row has more than {MOST_COLUMNS} columns")
            if "\0" in line:
                self.refuse("has a NUL byte, so this is no text, or in another encoding (encoding='utf-16'?)")
            yield line

    def _line(self) -> str:
        try:
            return self._text.readline(LONGEST_ROW + 1)
        except UnicodeError as error:
            before = getattr(error, "object", b"")[: getattr(error, "start", 0)]
            self.refuse(
                f"is no text in {self._text.encoding.removesuffix('-sig')} ({getattr(error, 'reason', error)}); "
                "say encoding=..., for instance 'latin-1' or 'utf-16'",
                self.line + 1 + before.count(b"\n"),
            )


# ---- columns -------------------------------------------------------------------------------------------------------


class _Columns(NamedTuple):
    """What each column is: its name in the header (None: there is none), the target, and the features."""

    names: tuple[str, ...] | None
    n: int
    target: int | None
    features: tuple[int, ...]

    def label(self, i: int) -> str:
        return f"column {i + 1}" + (f" ({self.names[i]!r:.100})" if self.names and self.names[i] else "")


def _columns(first: list[str], rows: _Rows, options: _Options) -> _Columns:
    """The columns, and whether the first row has their names."""
    n = len(first)
    names = tuple(name.strip() for name in first)
    by_name = [column for column in (options.target, *options.ignore) if isinstance(column, str)]
    if by_name and options.header is False:
        raise ArgumentError(f"header: is False, so there is no column called {by_name[0]!r}; give its place")
    target = None if options.target is None else _place("target", options.target, names, rows)
    ignored = {_place("ignore", column, names, rows) for column in options.ignore}
    if target in ignored:
        raise ArgumentError(f"ignore: column {target} is the target; to read no target, pass target=None")
    features = tuple(i for i in range(n) if i != target and i not in ignored)
    if not features:
        hint = next((f"; is delimiter={mark!r} right?" for mark in ";\t|,:" if n == 1 and mark in first[0]), "")
        rows.refuse(f"has {n} column{'s' * (n > 1)}, of which none is a feature{hint}")
    with_header = options.header
    if with_header is None:
        with_header = bool(by_name) or _is_header([first[i] for i in features])
    return _Columns(names if with_header else None, n, target, features)


def _is_header(features: Sequence[str]) -> bool:
    """Whether there are words and no numbers; a missing value is neither."""
    cells = [cell for cell in features if cell.strip().lower() not in MISSING]
    return bool(cells) and not any(map(_is_number, cells))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _place(argument: str, column: int | str, names: Sequence[str], rows: _Rows) -> int:
    """The place of a column, from 0."""
    if isinstance(column, str):
        if names.count(column) != 1:
            problem = "there are several called" if column in names else "there is no column"
            shown = ", ".join(repr(name) for name in names[:20]) + (", ..." if len(names) > 20 else "")
            raise ArgumentError(f"{argument}: {problem} {column!r} in {rows.source}, which has {shown:.1000}")
        return names.index(column)
    if not -len(names) <= column < len(names):
        raise ArgumentError(
            f"{argument}: expected a place in {-len(names)}..{len(names) - 1}, because {rows.source} has "
            f"{len(names)} column{'s' * (len(names) > 1)}, got {column}"
        )
    return column % len(names)


# ---- numbers -------------------------------------------------------------------------------------------------------


def _read(rows: _Rows, options: _Options) -> Table:
    """The table, converted block by block."""
    iterator = iter(rows)
    first = next(iterator, None)
    if first is None:
        raise DataFileError(f"{rows.source}: is empty")
    columns = _columns(first, rows, options)
    features = _Features(rows, columns, options.dtype)
    target = _Target(rows, columns, options)
    if columns.names is None:
        features.add(first)
        target.add(first)
    for row in iterator:
        if len(row) != columns.n:
            rows.refuse(f"has {len(row)} column{'s' * (len(row) != 1)}, expected {columns.n} as in the first row")
        features.add(row)
        target.add(row)
    X = features.finish()
    if not len(X):
        raise DataFileError(f"{rows.source}: has a header, but no examples")
    y, class_names = target.finish()
    names = columns.names or ()
    return Table(
        X,
        y,
        class_names,
        feature_names=tuple(names[i] or f"column {i + 1}" for i in columns.features) if names else (),
        target_name=names[columns.target] if names and columns.target is not None else "",
        name=os.path.basename(rows.source),
    )


class _Features:
    """X, which grows block by block of whole rows."""

    def __init__(self, rows: _Rows, columns: _Columns, dtype: str) -> None:
        self._rows, self._columns, self._dtype = rows, columns, dtype
        self._pick = _picker(columns)
        self._numbers = array(np.dtype(dtype).char)
        self._block: list[float] = []
        self._lines: list[int] = []

    def add(self, row: list[str]) -> None:
        cells = self._pick(row)
        try:
            self._block.extend(map(float, cells))
            text = "".join(cells)
            plain = text.isascii() and "_" not in text  # float("1_0") is 10, and other scripts have digits, too
        except ValueError:
            plain = False
        if not plain:
            for i, cell in zip(self._columns.features, cells, strict=True):
                _check_number(cell, i, self._rows, self._columns)
        self._lines.append(self._rows.line)
        if len(self._block) >= BLOCK:
            self._convert()

    def _convert(self) -> None:
        block = np.array(self._block).reshape(len(self._lines), -1)
        wrong = np.argwhere(~(np.abs(block) <= np.finfo(self._dtype).max))
        if len(wrong):
            row, i = wrong[0]
            where = self._columns.label(self._columns.features[i])
            self._rows.refuse(_no_finite_number(where, block[row, i], self._dtype), self._lines[row])
        self._numbers.frombytes(np.ascontiguousarray(block, self._dtype).data.cast("B"))
        self._block, self._lines = [], []

    def finish(self) -> Array:
        if self._block:
            self._convert()
        return np.frombuffer(self._numbers, self._dtype).reshape(-1, len(self._columns.features))


def _picker(columns: _Columns) -> Callable[[list[str]], Sequence[str]]:
    """What takes the features out of a row."""
    first, last = columns.features[0], columns.features[-1]
    if last - first + 1 == len(columns.features):
        return operator.itemgetter(slice(first, last + 1))
    return operator.itemgetter(*columns.features)


def _check_number(cell: str, i: int, rows: _Rows, columns: _Columns) -> None:
    """DataFileError if a feature is missing or no number."""
    where = columns.label(i)
    if cell.strip().lower() in MISSING:
        rows.refuse(f"{where} is missing ({cell!r:.20}); fill it in, or leave the row or the column out")
    if not _is_number(cell) or "_" in cell or not cell.strip().isascii():
        if WITH_COMMA.fullmatch(cell.strip()):
            hint = "; decimals are written with a point"
        elif columns.names is None and rows.line == 1:
            hint = "; if the first row has the names of the columns, say header=True"
        else:
            hint = "; a column of text can be a target, or be left out with ignore=[...]"
        rows.refuse(f"{where}: expected a number, got {cell!r:.100}{hint}")


def _no_finite_number(where: str, value: float, dtype: str) -> str:
    if np.isnan(value):
        return f"{where} is missing ('nan'); fill it in, or leave the row or the column out"
    return f"{where}: expected a finite number that {dtype} can hold, got {value}"


class _Target:
    """y, as values and as indices of labels, until it is known which of the two it is.

    A label gets an index when it is first met; their order comes at the end.
    """

    def __init__(self, rows: _Rows, columns: _Columns, options: _Options) -> None:
        self._rows, self._column, self._asked = rows, columns.target, options.classification
        self._label = "" if columns.target is None else columns.label(columns.target)
        self._dtype = options.dtype
        self._values: array[float] = array(np.dtype(options.dtype).char)
        self._indices = array("H")
        self._labels: dict[str, int] | None = None if options.classification is False else {}
        self._text = ""  # the first cell that is no number, and the first that is no whole one
        self._fraction = ""

    def add(self, row: list[str]) -> None:
        if self._column is None:
            return
        cell = row[self._column].strip()
        index = None if self._labels is None else self._labels.get(cell)
        if index is None:
            index = self._meet(cell)
        self._indices.append(index)
        if not self._text and self._asked is not True:
            self._values.append(float(cell))

    def _meet(self, cell: str) -> int:
        """The index of a label that is new (or 0, where there are only values)."""
        if cell.lower() in MISSING:
            self._rows.refuse(f"{self._label} is missing ({cell!r}); fill it in, or leave the row out")
        if self._asked is not True:
            self._look(cell)
        if self._labels is None:
            return 0
        if len(self._labels) >= MOST_CLASSES:
            if self._text or self._asked:
                self._rows.refuse(f"{self._label} has more than {MOST_CLASSES} different labels")
            self._labels = None
            return 0
        self._labels[cell] = len(self._labels)
        return self._labels[cell]

    def _look(self, cell: str) -> None:
        """What kind of target this can be, now that there is such a cell."""
        if not _is_number(cell) or "_" in cell or not cell.isascii():
            if self._asked is False or self._fraction or self._labels is None:
                hint = "" if self._asked is False else "; if all are names of classes, say classification=True"
                self._rows.refuse(f"{self._label}: expected a number, got {cell!r:.100}{hint}")
            self._text = self._text or cell
        elif not WHOLE.fullmatch(cell):
            if self._text:
                self._rows.refuse(
                    f"{self._label} has the number {cell:.100} and the text {self._text!r:.100}; "
                    "if both are names of classes, say classification=True"
                )
            if not abs(float(cell)) <= float(np.finfo(self._dtype).max):
                self._rows.refuse(_no_finite_number(self._label, float(cell), self._dtype))
            self._fraction = self._fraction or cell

    def finish(self) -> tuple[Array | None, tuple[str, ...]]:
        """Y, and the names of the classes; none for values."""
        if self._column is None:
            return None, ()
        if self._asked is False or (self._fraction and self._asked is None):
            return np.frombuffer(self._values, self._dtype), ()
        if (
            self._asked is None
            and not self._text
            and (self._labels is None or len(self._labels) > MOST_CLASSES_UNASKED)
        ):
            raise DataFileError(
                f"{self._rows.source}: {self._label} has more than {MOST_CLASSES_UNASKED} different whole numbers; "
                "say classification=True if they are classes, or classification=False if they are values"
            )
        self._values = array("f")
        labels = self._labels or {}
        names = [_plain(label) for label in labels]
        whole = all(map(WHOLE.fullmatch, names))
        ordered = sorted(set(names), key=int) if whole else sorted(set(names))
        place = {name: i for i, name in enumerate(ordered)}
        return np.array([place[name] for name in names], np.int64)[np.frombuffer(self._indices, np.uint16)], tuple(
            ordered
        )


def _plain(label: str) -> str:
    """The same name for 1, 01, +1 and 1.0."""
    if _is_number(label) and "_" not in label and label.isascii():
        number = float(label)
        if number.is_integer() and abs(number) < 1e15:
            return str(int(number))
    return label
