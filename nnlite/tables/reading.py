"""Reading a table from a file: `read_table` for every format, `load_csv` for CSV."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import IO, Any

from nnlite import checks
from nnlite.errors import ArgumentError, DataFileError
from nnlite.tables.choosing import check_column, check_list, choose_columns
from nnlite.tables.csv_file import NUMBERED, Form, read_frame
from nnlite.tables.dialect import check_comment, check_delimiter, check_encoding
from nnlite.tables.frames import Frame
from nnlite.tables.kinds import text_columns, unused_columns
from nnlite.tables.label_first import FIRST_OR_LAST, may_be_first
from nnlite.tables.other_files import read_other
from nnlite.tables.settings import Settings, check_settings
from nnlite.tables.table import Table
from nnlite.words import explained


@explained
def read_table(
    path: str | os.PathLike[str] | IO[Any],
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
) -> Table:
    r"""Read a table from a file: CSV, Parquet, Feather, Excel, .npz or .npy. Its first bytes tell which.

    Parameters
    ----------
    path : path-like or open file
        The file. CSV may be compressed with gzip, bzip2 or xz, or be the only file in a zip. An open file, such as
        ``sys.stdin.buffer``, is read to its end.
    target : str or int, optional
        The column to predict: its name, or its position (0 is the first column, -1 the last). Without it the table has
        nothing to learn from; it can be predicted.
    classification, kinds, ignore, class_names, like, missing, decimal, thousands, dates, scaling, fill, dtype
        See `Table`. ``like=model`` reads a file as the model was trained: the same kinds, classes and notations.
    header : bool, optional
        For CSV: whether the first row has the names of the columns. By default it does if it has no number among the
        features.
    delimiter : str, optional
        For CSV: the character between two cells, such as ";" or a tab; " " stands for runs of spaces. By default it is
        recognized.
    encoding : str, optional
        For CSV: the encoding of the text, for example "latin-1". By default UTF-8, or what a byte order mark says.
    comment : str, optional
        For CSV: what lines begin with that are no rows, such as "#"; "" for nothing. By default it is recognized.

    Returns
    -------
    Table

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value, or names a column that does not exist.
    DataFileError
        If the file is missing, damaged or of another format, or the target is missing in a row. The message names the
        line and the column. For Parquet and Feather it is also raised without pyarrow, for Excel without openpyxl.

    Notes
    -----
    The file may come from an untrusted source: nothing in it is executed, and memory is bounded. A compressed file may
    expand to 100 times its size; a CSV file may have 65,536 columns, 2^20 characters in a row, 131,072 in a cell,
    4,194,304 different texts and 10,000 classes.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> text = "size;coat;kind\n1,5;long;cat\n30;short;dog\n2,5;;cat\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "pets.csv")
    ...     with open(path, "w") as file:
    ...         _ = file.write(text)
    ...     pets = nn.read_table(path, target="kind")
    >>> pets
    Table(pets.csv: 3 rows, 2 columns, y (3,), 2 classes)
    >>> pets["coat"].tolist(), pets.class_names
    (['long', 'short', ''], ('cat', 'dog'))
    """
    settings = check_settings(classification=classification, kinds=kinds, class_names=class_names, like=like,
                              missing=missing, decimal=decimal, thousands=thousands, dates=dates, scaling=scaling,
                              fill=fill, dtype=dtype)  # fmt: skip
    form = _check_form(header, delimiter, encoding, comment)
    ignore = _check_columns(target, ignore)
    with _on_disk(path) as (name, source):
        found = None if _asks_for_csv(form) else read_other(name, source)
        if found is not None:
            return _table_of(found, found.names, target, ignore, settings, source)
        return _read_csv(name, source, target, ignore, settings, form)


class _Default(int):
    """A default, which is not the same as if the user had said it."""


@explained
def load_csv(
    path: str | os.PathLike[str] | IO[Any],
    target: int | str | None = _Default(-1),
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
) -> Table:
    r"""Read a CSV file whose last column is the target, unless ``target`` says otherwise.

    Parameters
    ----------
    path : path-like or open file
        The file, with one example per row. A cell that contains the delimiter must be quoted. Rows without any text are
        skipped.
    target : int, str or None, default -1
        The column to predict, by position or name. None reads a file without a target. If the columns are pixels, and
        the first one looks like their classes, an error asks.
    classification, kinds, ignore, class_names, like, missing, decimal, thousands, dates, scaling, fill, dtype
        See `Table`.
    header, delimiter, encoding, comment
        See `read_table`.

    Returns
    -------
    Table
        ``train, test = table.split()`` splits it; ``model.fit(train)`` learns from it.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value, or names a column that does not exist.
    DataFileError
        If the file is missing or damaged, rows differ in length, a target is missing, or a limit is exceeded. The
        message names the line and the column.

    Notes
    -----
    Source of the format: Y. Shafranovich, Common Format and MIME Type for CSV Files, RFC 4180, 2005. `read_table`
    says what limits hold for a file from an untrusted source.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> text = "width,height,kind\n1.5,30,cat\n2.5,70,dog\n1.0,25,cat\n3.0,80,dog\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "pets.csv")
    ...     with open(path, "w") as file:
    ...         _ = file.write(text)
    ...     table = nn.load_csv(path)
    >>> table.y, table.class_names, table.feature_names
    (array([0, 1, 0, 1]), ('cat', 'dog'), ('width', 'height'))
    >>> train, test = table.split(test_fraction=0.5, seed=0)
    >>> model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(2), nn.Softmax()], seed=0)
    >>> history = model.fit(train, epochs=2, progress=False)
    """
    settings = check_settings(classification=classification, kinds=kinds, class_names=class_names, like=like,
                              missing=missing, decimal=decimal, thousands=thousands, dates=dates, scaling=scaling,
                              fill=fill, dtype=dtype)  # fmt: skip
    form = _check_form(header, delimiter, encoding, comment)
    ignore = _check_columns(target, ignore)
    with _on_disk(path) as (name, source):
        table = _read_csv(name, source, target, ignore, settings, form)
    if isinstance(target, _Default) and like is None and may_be_first(table.frame):
        raise ArgumentError(f"target: {FIRST_OR_LAST.format(table.name)}")
    return table


def _read_csv(path: str, source: str, target: int | str | None, ignore: Any, settings: Settings, form: Form) -> Table:
    """Read a CSV file."""
    names_given = [column for column in (target, *ignore) if isinstance(column, str)]
    by_name = [
        name for name in names_given if not NUMBERED.fullmatch(name)
    ]  # "column 3" is that of a file without names
    if by_name and form.header is False:
        raise ArgumentError(f"header: with header=False no column is called {by_name[0]!r}; give its position")
    known, options, wanted = settings.pattern.kinds, settings.options, target
    if target is None and settings.pattern.target is not None:
        wanted = settings.pattern.target
    frame, names = read_frame(
        path,
        source,
        form,
        options.marks,
        text_columns=text_columns(known) | options.text_columns,
        all_text=options.all_text,
        named=bool(by_name),
        known=list(known),
        unused=unused_columns(known),
        target=wanted,
    )
    return _table_of(frame, names, target, ignore, settings, source)


def _table_of(
    frame: Frame, names: Sequence[str], target: int | str | None, ignore: Any, settings: Settings, source: str
) -> Table:
    """Return the table of the columns of a file; ``names`` are those of its header."""
    at, ignored = choose_columns(names, target, ignore, source, settings.pattern.target)
    if len(names) - len(ignored) - (at is not None) < 1:
        n = len(names)
        raise DataFileError(f"{source}: has {n} column{'s' * (n > 1)} and none of them is a feature{_hint(n)}")
    target_name = "" if at is None else frame.names[at]
    label = "" if at is None else f"column {at + 1}" + f" ({names[at]!r:.100})" * (names[at] != f"column {at + 1}")
    return Table.of_file(frame, target_name, settings, source, label, [frame.names[i] for i in ignored])


def _hint(n: int) -> str:
    return "; is delimiter= right?" if n == 1 else ""


@contextlib.contextmanager
def _on_disk(path: Any) -> Iterator[tuple[str, str]]:
    """Yield the path of a file, and what messages call it; an open file is copied to the disk first."""
    if not hasattr(path, "read"):
        name = os.path.expanduser(checks.path("path", path))
        yield name, name
        return
    import shutil
    import tempfile

    source = path.name if isinstance(getattr(path, "name", None), str) else "<file>"
    with tempfile.TemporaryDirectory(prefix="nnlite-") as folder:
        name = os.path.join(folder, "table")
        start = path.read(0)
        options: dict[str, Any] = {"encoding": "utf-8", "newline": ""} if isinstance(start, str) else {}
        with open(name, "w" if options else "wb", **options) as copy:
            shutil.copyfileobj(path, copy)
        yield name, source


def _asks_for_csv(form: Form) -> bool:
    """Return whether an argument was given that only CSV has."""
    return any(value is not None for value in form)


def _check_form(header: Any, delimiter: Any, encoding: Any, comment: Any) -> Form:
    return Form(
        None if header is None else checks.boolean("header", header),
        check_delimiter(delimiter),
        check_encoding(encoding),
        check_comment(comment),
    )


def _check_columns(target: Any, ignore: Any) -> list[Any]:
    """Return the columns to ignore; ArgumentError, before the file is read, for what is no name and no position."""
    columns = check_list("ignore", ignore)
    for name, several in (("target", [] if target is None else [target]), ("ignore", columns)):
        for column in several:
            check_column(name, column)
    return columns
