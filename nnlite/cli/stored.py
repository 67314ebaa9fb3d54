"""Data that need not fit into memory on the command line: which paths hold them, and tables in pieces."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from nnlite.cli.source import Options, Source, Stored, base, checksum, of_the_text, reading, short_name, table_part
from nnlite.content import open_file
from nnlite.errors import ArgumentError, DataFileError
from nnlite.images.arrays import has_images
from nnlite.stored import StoredTable, open_table
from nnlite.stored.learning import learn, learn_parts
from nnlite.stored.libraries import HDF5
from nnlite.stored.opening import ZARR, file_of_partition, names_in
from nnlite.tables import Table

LARGE = 256 * 2**20  # bytes of a file that is not read as a whole
OF_TABLES = (".csv", ".tsv", ".txt", ".parquet", ".feather", ".arrow")
OF_ARRAYS = (".npy", ".npz", ".h5", ".hdf5", ".hdf", ".he5", ".zarr", ".zarr.zip")
PACKED = ("", ".gz", ".bz2", ".xz")
ARROW = (b"PAR1", b"ARROW1")
OTHERS = (b"\x93NUMPY", b"PK\3\4", b"\x89HDF")


def holds_tables(path: str) -> bool:
    """Return whether a path is a folder with files of tables, and no others that are not hidden."""
    if not os.path.isdir(path):
        return False
    endings = tuple(ending + packed for ending in OF_TABLES for packed in PACKED)
    return _all_end(path, endings) or file_of_partition(path) is not None


def is_table(path: str) -> bool:
    """Return whether a path is a folder with tables, or a large file with one."""
    if holds_tables(path):
        return True
    if not os.path.isfile(path) or os.path.getsize(path) <= LARGE:
        return False
    with open_file(path) as file:
        start = file.read(8)
    return start.startswith(ARROW) or not start.startswith(OTHERS)


def holds_arrays(path: str, target: Any = None) -> bool:
    """Return whether a path is HDF5, Zarr, a folder of arrays, a large .npz, or a file whose target is in another."""
    if os.path.isdir(path):
        return any(os.path.exists(os.path.join(path, name)) for name in ZARR) or _all_end(path, OF_ARRAYS)
    if not os.path.isfile(path):
        return False
    with open_file(path) as file:
        start = file.read(8)
    if start == HDF5 or path.lower().endswith(".zarr.zip"):
        return True
    if isinstance(target, str) and os.path.exists(target):
        return start.startswith(OTHERS) and path.lower().endswith(OF_ARRAYS)
    is_large_npz = start.startswith(b"PK\3\4") and path.lower().endswith(".npz") and os.path.getsize(path) > LARGE
    return is_large_npz and not has_images(path) and "X" in (names_in(path) or ())


def _all_end(folder: str, endings: Sequence[str]) -> bool:
    names = [name.lower() for name in os.listdir(folder) if not name.startswith((".", "_"))]
    return bool(names) and all(name.endswith(tuple(endings)) for name in names)


def refuse_mixture(folder: str) -> None:
    """Raise DataFileError for a folder in which files of other kinds lie beside tables or arrays."""
    names = sorted(name for name in os.listdir(folder) if not name.startswith((".", "_")))
    if any(os.path.isdir(os.path.join(folder, name)) for name in names):
        return
    endings = (*OF_ARRAYS, *(ending + packed for ending in OF_TABLES for packed in PACKED if ending != ".txt"))
    known = [name for name in names if name.lower().endswith(endings)]
    if known:
        kind = OF_ARRAYS if known[0].lower().endswith(OF_ARRAYS) else endings[len(OF_ARRAYS) :]
        other = next(name for name in names if not name.lower().endswith(kind))
        raise DataFileError(
            f"{folder}: has {other} beside {known[0]}; expected tables alone, or arrays alone (files whose names begin "
            f"with . or _ are left out)"
        )


def open_stored(path: str, how: Mapping[str, Any], target: Any = None) -> StoredTable:
    """Open a table. ``how`` are arguments of `nnlite.open_table`."""
    return open_table(path, target, **how)


def summary_of(path: str, options: Options, target: Any) -> str:
    """Return what the columns of a table hold."""
    learned = learn(open_stored(path, reading(options), target))
    n, n_seen = learned.n_rows, len(learned.sample)
    said = "" if n == n_seen else f"{base(path)}: {n:,} rows; a sample of {n_seen:,} of them:\n\n"
    return f"{said}{learned.sample.summary()}"


def stored_source(path: str, options: Options, test_size: float) -> Source:
    """Return a table that need not fit into memory, in three parts."""
    target, test = options["target"], options["test"]
    if target is None:
        names = open_table(path, **of_the_text(options)).names
        raise ArgumentError(f"--target: name the column of {path} to predict; it has {', '.join(names[:30])}")
    stored, samples = _parts_of(path, options, (test_size, options["validation_size"]))
    first = samples[0]
    if len(first.class_names) == 1:
        raise DataFileError(f"{path}: all labels are {first.class_names[0]!r:.100}, so there is nothing to learn")
    train, validation, tested = (table_part(sample, first.target_name) for sample in samples)
    return Source(
        name=short_name(os.path.abspath(path)),
        train=train,
        validation=validation,
        test=tested,
        classifies=bool(first.class_names),
        class_names=first.class_names,
        feature_names=first.feature_names,
        image_shape=None,
        description=f"{base(path)}, target {first.target_name}, read in pieces.",
        sha256={name: checksum(name) for name in (path, test) if name is not None},
        stored=stored,
    )


def _parts_of(path: str, options: Options, shares: tuple[float, float]) -> tuple[Stored, list[Table]]:
    """Return the parts of a table, in one pass over it, and samples of them; the seed decides which rows they have."""
    table, seed = open_stored(path, reading(options), options["target"]), options["seed"]
    if options["test"] is None:
        rest, tested = table.split(shares[0], seed)
        train, validation = rest.split(shares[1], seed)
        learned = learn_parts([train, validation, tested])
    else:
        train, validation = table.split(shares[1], seed)
        learned = learn_parts([train, validation])
        tested = open_stored(options["test"], of_the_text(options) | {"like": learned[0].sample})
        if not tested.target_name:
            raise DataFileError(f"{options['test']}: has no column {table.target_name!r}, the target")
        learned += learn_parts([tested])
    return Stored([train, validation, tested], [one.n_selected for one in learned]), [one.sample for one in learned]
