"""`open_table`: from files to a table that is read some rows at a time."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nnlite import checks
from nnlite.errors import ArgumentError, DataFileError
from nnlite.stored.learning import learn
from nnlite.stored.opening import are_paths, file_of_partition, files_of, refuse_no_list
from nnlite.stored.table import StoredTable, refuse_other_columns
from nnlite.stored.table_files import Reading, TableFile, open_dataset, open_file_of_table, open_partitioned
from nnlite.tables.choosing import check_column, check_list, choose_columns
from nnlite.tables.csv_file import NUMBERED, Form
from nnlite.tables.dialect import check_comment, check_delimiter, check_encoding
from nnlite.tables.frames import has_named_columns
from nnlite.tables.settings import check_settings
from nnlite.words import explained


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
        the same columns, in any order. Parquet and Feather files may lie in folders such as ``year=2024/city=Bern``,
        which are columns then.
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
        If a file is missing, damaged, or has other columns than most of them.
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
    refuse_other_columns(files)
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
    return learn(like).sample


def _files(source: Any, reading: Reading) -> tuple[str, list[TableFile]]:
    """Return what messages call a table, and its files."""
    refuse_no_list(source)
    if not are_paths(source):
        if hasattr(source, "get_fragments") and hasattr(source, "schema"):
            return "the data set", open_dataset(source)
        if has_named_columns(source):
            raise ArgumentError(
                f"source: expected files, got a {type(source).__name__}, which lies in memory; pass "
                f"nn.Table(..., target=...) of it to fit"
            )
        raise ArgumentError(f"source: expected a file, a folder, a list of files or a data set of pyarrow, got "
                            f"{type(source).__name__}")  # fmt: skip
    if isinstance(source, (str, os.PathLike)) and (inside := file_of_partition(os.path.expanduser(source))):
        folder = os.path.expanduser(os.fspath(source))
        return folder, open_partitioned(folder, inside)
    paths = files_of(source)
    name = paths[0] if isinstance(source, (list, tuple)) else os.path.expanduser(os.fspath(source))
    return name, [open_file_of_table(path, reading) for path in paths]
