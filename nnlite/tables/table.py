"""`Table`: examples with named columns, and what of them is to be predicted."""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.draws import train_test_rows
from nnlite.errors import ArgumentError, DataFileError
from nnlite.tables.cells import is_infinite
from nnlite.tables.choosing import choose_columns, positions_of, shown
from nnlite.tables.frames import Frame, Text, column_of, frame_of
from nnlite.tables.kinds import Kind, kinds_of, numbers_of, refuse_doubtful_points
from nnlite.tables.labels import ClassIndices
from nnlite.tables.settings import Settings, check_settings
from nnlite.tables.summary import ColumnSummary, as_html, as_text, cell_text, column_summary, target_summary
from nnlite.tables.target import Target
from nnlite.words import Explained, explained

NOTHING_TO_PREDICT = "has no target, so there is nothing to learn; name its column with target="


class Table(Explained):
    r"""Examples with named columns of any kind: numbers, categories, booleans, dates, and what is to be predicted.

    A network takes it as it is: ``model.fit(table)``, ``model.evaluate(table)``, ``model.predict(table)``. `read_table`
    and `load_csv` read one from a file. Printing it shows each column, and what becomes of it.

    Parameters
    ----------
    data : data frame, dict of columns, list of dicts, structured array
        Of pandas, polars or Arrow, or of plain Python and NumPy. Missing values are None, NaN, NaT or empty text.
    target : str or int, optional
        The column to predict, by name or position. By default there is none, or that of ``like``.
    classification : bool, optional
        True takes the target as classes, False as values. By default text, booleans and up to 20 different whole
        numbers are classes, also 0 and 1 written as 0.0 and 1.0; numbers with fractions are values. More than 20
        different whole numbers may be either, so that an error asks.
    kinds : dict of str to str, optional
        The kind of a column, where it should be another than the one found: "numeric", "category", "boolean", "date",
        or "ignore" to leave the column out.
    ignore : collection of str or int, optional
        Columns to leave out altogether, such as an identifier, by name or position.
    class_names : sequence of str, optional
        The classes of the target, in the order of their indices. By default those that occur, sorted.
    like : Table or Model, optional
        Read the columns as this one does: the same kinds, target, classes and notation of numbers. So a test file gets
        the classes of the training file. If this text is written in another way, ``dates``, ``decimal``, ``thousands``
        and ``missing`` say so; what a training has decided (``kinds``, ``scaling``, ``fill``, ``classification``,
        ``class_names``) stays, and another value is an error.
    missing : list of str, optional
        Further texts that stand for a missing value. Without being asked, "?", "NA", "N/A", "NaN" and "null" do, and in
        columns of numbers or dates also "-", "none", "missing" and the like; in a target of classes none of these. An
        empty cell is always missing; with an empty list, nothing else is.
    decimal : {".", ","} or dict of str to str, optional
        The decimal mark of numbers in text. By default it is guessed where only one is possible. A dictionary is for
        single columns, such as ``{"price": ","}``.
    thousands : {",", ".", " ", "'"} or dict of str to str, optional
        The separator of thousands, for all columns or for single ones. By default it is guessed where only one is
        possible.
    dates : {"ymd", "dmy", "mdy"} or dict of str to str, optional
        The order of year, month and day of dates in text, for all columns or for single ones. By default it is guessed
        where only one is possible. Beside dates with numbers for day and month there may be others, such as
        "2024-01-31" or "31 Jan 2024", which can be read in one way only.
    scaling : {"standardize", "robust", "none"}, default "standardize"
        What happens to numbers: minus the mean, divided by the standard deviation; minus the median, divided by the
        range between the quartiles; or nothing.
    fill : "median" or float, default "median"
        What takes the place of a missing number.
    dtype : {"float32", "float64"}, default "float32"
        The type of `X`, and of ``y`` if it holds values.
    name : str, default "table"
        What messages and pictures call it.

    Attributes
    ----------
    name : str
    feature_names : tuple of str
        The columns but for the target, also those that a network will leave out.
    target_name : str
        The column of y; empty if there is none.
    y : array, shape (M,), or None
        Class indices 0..C-1 (int64), or values; None without a target.
    class_names : tuple of str
        The name of each class index; empty if y holds values.
    ignored : tuple of str
        The columns that ``ignore`` left out. A network that learns from the table accepts them later, and does not use
        them.

    Raises
    ------
    ArgumentError
        If an argument is wrong, or the target can be read in two ways.

    Examples
    --------
    >>> import nnlite as nn
    >>> pets = nn.Table({"size": [10, 30, 20, None], "coat": ["long", "short", "long", "short"],
    ...                  "kind": ["cat", "dog", "cat", "dog"]}, target="kind")
    >>> pets.y, pets.class_names
    (array([0, 1, 0, 1]), ('cat', 'dog'))
    >>> pets.kinds
    {'size': 'numeric', 'coat': 'category'}
    >>> print(pets)
    table: 4 rows, 2 columns and the target 'kind'
    column         kind      missing  values           what becomes of it
    ----...
    size           numeric         1  10 to 30         a number, standardized; missing: the median, and whether
    coat           category        0  long 2, short 2  one-hot, 2 categories
    kind (target)  classes         0  cat 2, dog 2     2 classes
    """

    def __init__(
        self,
        data: Any,
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
        name: str = "table",
    ) -> None:
        if isinstance(data, Table):
            raise ArgumentError("data: expected a data frame or the like, got a Table, which is complete")
        settings = check_settings(classification=classification, kinds=kinds, class_names=class_names, like=like,
                                  missing=missing, decimal=decimal, thousands=thousands, dates=dates, scaling=scaling,
                                  fill=fill, dtype=dtype)  # fmt: skip
        if not isinstance(name, str):
            raise ArgumentError(f"name: expected text, got {name!r:.100}")
        frame = frame_of(data)
        at, ignored = choose_columns(frame.names, target, ignore, name, settings.pattern.target)
        self._become(frame, "" if at is None else frame.names[at], name, settings, [frame.names[i] for i in ignored])
        self._read_target(settings)

    @classmethod
    def of_file(
        cls, frame: Frame, target_name: str, settings: Settings, source: str, label: str, ignored: Collection[str] = ()
    ) -> Table:
        """Return the table of the columns of a file; what is wrong with its target is a DataFileError."""
        table = object.__new__(cls)
        table._become(frame, target_name, os.path.basename(source), settings, ignored)
        table._read_target(settings, source, label)
        table._refuse_infinite(source)
        return table

    def _refuse_infinite(self, source: str) -> None:
        """Raise DataFileError if an infinite number is among numbers in text, such as 1e999 among decimal commas."""
        texts = [column for column in self.features.columns.values() if isinstance(column, Text)]
        if any(is_infinite(cell) for column in texts for cell in column.cells):
            try:
                self.column_kinds  # noqa: B018  names the cell
            except ArgumentError as error:
                raise DataFileError(f"{source}: {str(error).removeprefix(f'{self.name}: ')}") from None

    def _become(self, frame: Frame, target_name: str, name: str, settings: Settings, ignored: Collection[str]) -> None:
        frame = frame.without(ignored).written(settings.options)
        self.frame, self.target_name, self.name, self._settings = frame, target_name, name, settings
        self.ignored = tuple(sorted(ignored))
        self.options = settings.options
        self.features = frame.without([target_name] if target_name else [])
        self.y: Array | None = None
        self.class_names: tuple[str, ...] = ()
        if not self.features.columns:
            raise ArgumentError(
                f"target: {name} has no other column than {target_name!r}, so there is nothing to learn from"
            )
        if target_name in self.options.kinds:
            raise ArgumentError(f"kinds: {target_name!r}: is the target; classification= says what it is")
        for column, option in self.options.columns.items():
            if column not in (*frame.columns, *settings.pattern.kinds, settings.pattern.target):
                raise ArgumentError(f"{option}: {column!r}: there is no such column")

    def _read_target(self, settings: Settings, source: str = "", label: str = "") -> None:
        if self.target_name:
            target = Target(self.frame, self.target_name, self.options, source, label)
            if target.is_classes(settings.classification):
                indices, self.class_names = target.classes(settings.class_names)
                self.y = ClassIndices.of(indices, self.class_names)
            else:
                self.y = target.values(settings.dtype)

    # ---- what it holds -------------------------------------------------------------------------------------------

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the columns but for the target."""
        return self.features.names

    def target_as(self, *, classes: bool) -> Any:
        """Return the target as `Text` with the names of classes, or as values, (M,) in float64."""
        target = Target(self.frame, self.target_name, self.options)
        return target.labels() if classes else target.values()

    @functools.cached_property
    def column_kinds(self) -> dict[str, Kind]:
        """The kind of each column but for the target, with notations and reasons."""
        try:
            kinds = kinds_of(self.features, self.options, self._settings.pattern.kinds)
            for_all = (self.options.decimal, self.options.thousands)
            if not self._settings.pattern.kinds and not any(isinstance(mark, str) for mark in for_all):
                refuse_doubtful_points(self.frame, kinds, self.options, "" if self.class_names else self.target_name)
            return kinds
        except ArgumentError as error:
            message = str(error)
            raise ArgumentError(message if message.startswith("kinds: ") else f"{self.name}: {message}") from None

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of each column: "numeric", "category", "boolean" or "date".

        Columns that a network leaves out are "id", "constant", "index" or "ignore".
        """
        return {name: kind.name for name, kind in self.column_kinds.items()}

    @property
    def X(self) -> Array:
        """The columns but for the target as numbers, (M, n), if all are numbers or booleans and none is missing.

        Raises
        ------
        ArgumentError
            If a column holds anything else: give the table itself to the network, which makes it into numbers.
        """
        columns = [self._as_numbers(name) for name in self.feature_names]
        return np.column_stack(columns)

    def _as_numbers(self, name: str) -> Array:
        column, use = (
            self.features.columns[name],
            "give the table itself to fit and predict, which make it into numbers",
        )
        if isinstance(column, Text):
            kind = self.column_kinds[name]
            if kind.name != "numeric":
                raise ArgumentError(f"X: column {name!r} of {self.name} holds text; {use}")
            column = numbers_of(column, kind.notation, self.options.of(name))
        elif column.dtype.kind == "M":
            raise ArgumentError(f"X: column {name!r} of {self.name} holds dates; {use}")
        with np.errstate(over="ignore"):
            numbers = column.astype(self._settings.dtype)
        if not np.isfinite(numbers).all():
            row = int((~np.isfinite(numbers)).argmax())
            where = f"X: column {name!r} of {self.name}, {self.frame.place(row)}"
            if np.isnan(column[row]):
                raise ArgumentError(f"{where}: a value is missing; {use}, or fill it in")
            raise ArgumentError(
                f"{where}: expected a finite number that {self._settings.dtype} can hold, got {column[row]}"
            )
        return numbers

    def __len__(self) -> int:
        return self.frame.n_rows

    def __getitem__(self, name: Any) -> Any:
        """Return the values of one column, (M,): numbers, booleans, dates, or text ("" where it is missing).

        A slice such as ``table[:32]`` returns a table with these rows.
        """
        if isinstance(name, slice):
            return self.rows(name)
        column = self.frame.columns[self._position(name)]
        if isinstance(column, Text):
            return column.to_array()
        narrow = column.dtype.kind in "uif" and column.dtype.itemsize < 8  # whose sums and products would overflow
        return column.astype(np.float64) if narrow else column.copy()

    def _position(self, name: Any) -> str:
        if name not in self.frame.columns:
            raise ArgumentError(f"name: there is no column {name!r} in {self.name}; it has {shown(self.frame.names)}")
        return str(name)

    @explained
    def row(self, i: int) -> dict[str, str]:
        """Return one row as a person reads it: the text of each column by name, the target included.

        Parameters
        ----------
        i : int
            From 0; negative numbers count from the end.
        """
        if not -len(self) <= checks.integer("i", i, minimum=-len(self)) < len(self):
            raise ArgumentError(f"i: expected a row in 0..{len(self) - 1}, got {i}")
        return {name: cell_text(column, i) for name, column in self.frame.columns.items()}

    @explained
    def rows(self, indices: Any) -> Table:
        """Return a table with these rows, in this order; kinds and classes stay the same.

        Parameters
        ----------
        indices : array_like of int, or slice
        """
        taken = indices if isinstance(indices, slice) else positions_of(indices, len(self))
        frame = self.frame.take(taken)
        if frame.n_rows == 0:
            raise ArgumentError("indices: expected at least one row")
        return self._with(frame, None if self.y is None else self.y[taken])

    @explained
    def replace(self, name: str, values: Any) -> Table:
        """Return a table in which one column has other values; kinds and classes stay the same.

        Parameters
        ----------
        name : str
            A column that is not the target.
        values : array_like, (M,)
        """
        if self._position(name) == self.target_name:
            raise ArgumentError(f"name: {name!r} is the target")
        column = column_of(values, "values")
        if len(column) != len(self):
            raise ArgumentError(f"values: expected {len(self)}, one for each row, got {len(column)}")
        frame = Frame({**self.frame.columns, name: column}, self.frame.plain, self.frame.lines)
        return self._with(frame, self.y)

    def _with(self, frame: Frame, y: Array | None) -> Table:
        """Return a table of the same kinds and classes."""
        kinds = self.column_kinds
        other = object.__new__(type(self))
        other._become(frame, self.target_name, self.name, self._settings, self.ignored)
        other.y, other.class_names = y, self.class_names
        other.__dict__["column_kinds"] = kinds
        return other

    # ---- parts ---------------------------------------------------------------------------------------------------

    @explained
    def split(self, test_fraction: float = 0.2, seed: int | None = 0) -> Split:
        """Shuffle the rows and split them into a training table and a test table.

        The split is stratified: each class has the same share of both parts.

        Parameters
        ----------
        test_fraction : float, default 0.2
            The fraction of rows to test with, above 0 and below 1.
        seed : int or None, default 0
            Seed of the split and the order. None gives another split on each call.

        Returns
        -------
        Split
            ``train, test = table.split()``; or ``data.X_train``, ``data.y_train`` and so on.

        Raises
        ------
        ArgumentError
            If an argument has the wrong type or value, a part would be empty, or the table has no target.
        """
        if self.y is None:
            raise ArgumentError(f"y: {self.name} {NOTHING_TO_PREDICT}")
        classes = self.y if self.class_names else np.zeros(len(self.y), np.intp)
        train, test = train_test_rows(classes, test_fraction, seed)
        return Split(self.rows(train), self.rows(test))

    # ---- shown ---------------------------------------------------------------------------------------------------

    @property
    def columns(self) -> tuple[ColumnSummary, ...]:
        """What each column holds and what becomes of it, in words."""
        return tuple(column_summary(name, column, self.column_kinds[name], self.options)
                     for name, column in self.features.columns.items())  # fmt: skip

    @property
    def target(self) -> ColumnSummary | None:
        """What the target holds, in words; None without a target."""
        if self.y is None:
            return None
        return target_summary(self.target_name, self.y, self.class_names)

    def summary(self) -> str:
        """Return a printed table: each column, its kind, missing values, range or categories, what becomes of it."""
        return as_text(self._title(), self.columns, self.target)

    def _title(self) -> str:
        n = len(self.features.columns)
        target = f" and the target {self.target_name!r}" if self.target_name else ""
        return f"{self.name}: {len(self)} row{'s' * (len(self) > 1)}, {n} column{'s' * (n > 1)}{target}"

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return as_html(self._title(), self.columns, self.target)

    def __repr__(self) -> str:
        y = "no y" if self.y is None else f"y {self.y.shape}"
        n_classes = len(self.class_names)
        classes = f", {n_classes} class{'es' * (n_classes > 1)}" if n_classes else ""
        n = len(self.features.columns)
        return f"Table({self.name}: {len(self)} row{'s' * (len(self) > 1)}, {n} column{'s' * (n > 1)}, {y}{classes})"


class Split(NamedTuple):
    """A table for the training and a table for the test: ``train, test = table.split()``.

    ``X_train``, ``y_train``, ``X_test`` and ``y_test`` are their arrays, for tables of numbers.

    Attributes
    ----------
    train, test : Table

    Examples
    --------
    >>> import nnlite as nn
    >>> pets = nn.Table({"size": [10, 30, 20, 40], "kind": ["cat", "dog", "cat", "dog"]}, target="kind")
    >>> train, test = pets.split(0.5)
    >>> test.y.tolist(), pets.split(0.5).X_test.shape
    ([1, 0], (2, 1))
    """

    train: Table
    test: Table

    @property
    def X_train(self) -> Array:
        """The columns of the training table as numbers, see `Table.X`."""
        return self.train.X

    @property
    def y_train(self) -> Array:
        """The target of the training table."""
        assert self.train.y is not None
        return self.train.y

    @property
    def X_test(self) -> Array:
        """The columns of the test table as numbers, see `Table.X`."""
        return self.test.X

    @property
    def y_test(self) -> Array:
        """The target of the test table."""
        assert self.test.y is not None
        return self.test.y

    @property
    def name(self) -> str:
        """The name of the table."""
        return self.train.name

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class index; empty if the target are values."""
        return self.train.class_names

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the columns but for the target."""
        return self.train.feature_names
