"""Reading a CSV file as a `Table`: `load_csv`, and the checks of its arguments.

The file is treated as untrusted: memory is bounded, and nothing in the file is executed.
"""

from __future__ import annotations

import io
import itertools
import operator
import os
from collections.abc import Collection
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.datasets.content import decompressed, open_file, refusing_damage
from nnlite.datasets.tables.columns import Columns, choose_columns
from nnlite.datasets.tables.features import FeatureColumns
from nnlite.datasets.tables.rows import Rows
from nnlite.datasets.tables.table import Table
from nnlite.datasets.tables.target import TargetColumn
from nnlite.errors import ArgumentError, DataFileError


def load_csv(
    path: str | os.PathLike[str],
    target: int | str | None = -1,
    *,
    classification: bool | None = None,
    header: bool | None = None,
    delimiter: str = ",",
    encoding: str = "utf-8",
    ignore: Collection[int | str] = (),
    dtype: str = "float32",
) -> Table:
    r"""Read a CSV file of numeric features and a target, plain or compressed with gzip.

    Parameters
    ----------
    path : path-like
        The file, with one example per row. A field that contains the delimiter must be quoted. Empty rows are skipped.
    target : int, str or None, default -1
        The column to predict: its name in the header, or its position (0 is the first column, -1 the last). None
        reads a file without a target, for example to predict with a trained network.
    classification : bool, optional
        True reads the target as classes, False as values. Class indices follow the sorted class names (sorted as
        numbers if all of them are whole numbers). By default text and whole numbers are classes, and other numbers
        are values; with more than 100 different whole numbers this argument is required.
    header : bool, optional
        Whether the first row has the names of the columns. By default it does if it has no number among the features.
    delimiter : str, default ","
        The character between two fields, for example ";" or a tab.
    encoding : str, default "utf-8"
        The encoding of the text, for example "latin-1".
    ignore : collection of int or str, optional
        Columns to leave out, such as an identifier, by name or position.
    dtype : {"float32", "float64"}, default "float32"
        The type of X, and of y if it holds values.

    Returns
    -------
    Table
        ``X``, ``y``, ``class_names``, ``feature_names``. Its method ``split()`` returns training and test examples.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value, or names a column that does not exist.
    DataFileError
        If the file is missing or damaged, a feature or target is missing or not a number where one is expected, rows
        differ in length, or a limit is exceeded. The message names the line and the column.

    Notes
    -----
    The file may come from an untrusted source. Reading it takes at most four times the memory of its content (plus
    some megabytes) in float32. A compressed file may expand to 100 times its size. A row may have 65,536 columns and
    2^20 characters, a field 131,072 characters, and a target 10,000 classes.

    Features are not scaled. With `BatchNorm` as its first layer, a network does this itself.

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
    target = None if target is None else _column("target", target)
    classification = None if classification is None else checks.boolean("classification", classification)
    header = None if header is None else checks.boolean("header", header)
    delimiter, encoding = _delimiter(delimiter), _encoding(encoding)
    ignore, dtype = _columns_to_ignore(ignore), _dtype(dtype)
    with (
        open_file(source) as file,
        refusing_damage(source),
        decompressed(file, source) as content,
        io.TextIOWrapper(content, encoding=encoding, newline="") as text,
    ):
        rows = Rows(text, source, delimiter)
        first = next(rows, None)
        if first is None:
            raise DataFileError(f"{source}: is empty")
        columns = choose_columns(first, rows, target, ignore, header)
        return _read(first, rows, columns, classification, dtype)


def _read(first: list[str], rows: Rows, columns: Columns, classification: bool | None, dtype: str) -> Table:
    """Read the examples; ``first`` is one of them if the file has no header."""
    features = FeatureColumns(rows, columns, dtype)
    target = None if columns.target is None else TargetColumn(rows, columns, classification, dtype)
    for row in itertools.chain([first] if columns.names is None else [], rows):
        if len(row) != columns.n:
            rows.refuse(f"has {len(row)} column{'s' * (len(row) != 1)}, expected {columns.n} as in the first row")
        features.add(row)
        if target is not None:
            target.add(row)
    X = features.to_array()
    if not len(X):
        raise DataFileError(f"{rows.source}: has a header, but no examples")
    y, class_names = (None, ()) if target is None else target.to_array()
    return Table(
        X,
        y,
        class_names,
        feature_names=columns.feature_names,
        target_name=columns.target_name,
        name=os.path.basename(rows.source),
    )


def _column(name: str, value: Any) -> int | str:
    if isinstance(value, str):
        return value
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise ArgumentError(
            f"{name}: expected the name of a column or its position (an integer), got {value!r}"
        ) from None


def _columns_to_ignore(ignore: Any) -> tuple[int | str, ...]:
    columns = checks.collection("ignore", ignore, "a list of columns such as ['id']")
    return tuple(_column("ignore", column) for column in columns)


def _delimiter(delimiter: Any) -> str:
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter.isalnum() or delimiter in '"+-.\r\n\0':
        raise ArgumentError(
            "delimiter: expected one character that does not occur in numbers, such as ',', ';' or '\\t', "
            f"got {delimiter!r}"
        )
    return delimiter


def _encoding(encoding: Any) -> str:
    """Return the name of a text encoding. For UTF-8 it is the variant that skips a byte order mark."""
    import codecs

    try:
        "".encode(encoding)
        return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else str(encoding)
    except (LookupError, TypeError, ValueError):
        raise ArgumentError(
            f"encoding: expected the name of a text encoding such as 'utf-8' or 'latin-1', got {encoding!r}"
        ) from None


def _dtype(dtype: Any) -> str:
    for allowed in ("float32", "float64"):
        if isinstance(dtype, (str, type, np.dtype)) and dtype in (allowed, np.dtype(allowed), np.dtype(allowed).type):
            return allowed
    raise ArgumentError(f"dtype: expected 'float32' or 'float64', got {dtype!r}")
