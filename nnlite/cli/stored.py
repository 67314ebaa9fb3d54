"""Tables that need not fit into memory on the command line: a folder of files, or one large file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nnlite.content import open_file
from nnlite.stored import StoredTable, open_table
from nnlite.stored.learning import learn_parts
from nnlite.stored.opening import files_in
from nnlite.tables import Table

LARGE = 256 * 2**20  # bytes of a file that is not read as a whole
ENDINGS = (".csv", ".tsv", ".txt", ".parquet", ".feather", ".arrow")
PACKED = ("", ".gz", ".bz2", ".xz")
ARROW = (b"PAR1", b"ARROW1")
OTHERS = (b"\x93NUMPY", b"PK\3\4", b"\x89HDF")


class StoredParts(NamedTuple):
    """The parts of a table that is not read as a whole, with samples of them.

    Attributes
    ----------
    tables : list of StoredTable
        For training, validation and test.
    samples : list of Table
        Of each, at most 100,000 rows.
    sizes : list of int
    """

    tables: list[StoredTable]
    samples: list[Table]
    sizes: list[int]


def holds_tables(path: str) -> bool:
    """Return whether a path is a folder with files of tables, and no others that are not hidden."""
    if not os.path.isdir(path):
        return False
    names = [name.lower() for name in os.listdir(path) if not name.startswith((".", "_"))]
    endings = tuple(ending + packed for ending in ENDINGS for packed in PACKED)
    return bool(names) and all(name.endswith(endings) for name in names)


def is_stored(path: str) -> bool:
    """Return whether a path is a folder with tables, or a large file with one."""
    if holds_tables(path):
        return True
    if not os.path.isfile(path) or os.path.getsize(path) <= LARGE:
        return False
    with open_file(path) as file:
        start = file.read(8)
    return start.startswith(ARROW) or not start.startswith(OTHERS)


def open_stored(path: str, reading: Mapping[str, Any], target: Any = None) -> StoredTable:
    """Open a table. ``reading`` are arguments of `nnlite.open_table`."""
    return open_table(path, target, **reading)


def parts_of(
    path: str, reading: Mapping[str, Any], target: Any, test: str | None, shares: Sequence[float], seed: int
) -> StoredParts:
    """Return the parts of a table, in one pass over it.

    Parameters
    ----------
    path : str
    reading : mapping
        Arguments of `nnlite.open_table`.
    target : str or int
    test : str, optional
        Another file or folder to test with.
    shares : (float, float)
        Of the rows to test with, and of the other rows to validate with.
    seed : int
        Decides which rows these are.
    """
    table, of_test, of_validation = open_stored(path, reading, target), *shares
    if test is None:
        rest, tested = table.split(of_test, seed)
        train, validation = rest.split(of_validation, seed)
        tables = [train, validation, tested]
        learned = learn_parts(tables)
    else:
        train, validation = table.split(of_validation, seed)
        learned = learn_parts([train, validation])
        tested = open_stored(test, {name: reading.get(name) for name in OF_THE_TEXT} | {"like": learned[0].sample})
        tables = [train, validation, tested]
        learned += learn_parts([tested])
    return StoredParts(tables, [one.sample for one in learned], [one.n_selected for one in learned])


def files_of(path: str) -> list[str]:
    """Return the files of a table."""
    return files_in(path) if os.path.isdir(path) else [path]
