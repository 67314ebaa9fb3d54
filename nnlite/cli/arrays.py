"""Arrays in files on the command line: HDF5, Zarr, and folders of .npz and .npy files, which need not fit into memory.

Examples are those of the array "X", targets those of "y", unless ``--features`` and ``--target`` name others.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.cli.source import Options, Source, Stored, base, checksum, flag, short_name
from nnlite.errors import ArgumentError, DataFileError
from nnlite.report import Part
from nnlite.stored import StoredArrays, open_data
from nnlite.stored.opening import names_in
from nnlite.stored.sampling import sample_of
from nnlite.tables.cells import sorted_names
from nnlite.tables.labels import as_labels

SAMPLE, SAMPLE_BYTES = 100_000, 2**26  # examples, and bytes of them, in the report
MOST_CLASSES, MANY_CLASSES = 10_000, 20  # more different whole numbers may be values, so the user has to decide
AT_ONCE = 2**18  # targets


def open_arrays(path: str, features: str | None, target: Any = None) -> StoredArrays:
    """Open arrays; what is missing is named with the options that name it."""
    if target is not None and not isinstance(target, str):
        raise ArgumentError(f"--target: expected the name of an array in {path}, or of a file, got {target!r}")
    try:
        return open_data(path, target, X="X" if features is None else features)
    except (ArgumentError, DataFileError) as error:
        names = names_in(path)
        wanted = "X" if features is None else features
        if names is not None and wanted not in names:
            raise ArgumentError(
                f"--features: {path} has no array {wanted!r}; it has {_listed(names)}: name the one with the examples"
            ) from None
        text = str(error)
        if isinstance(error, ArgumentError) and text.startswith("y: "):
            raise ArgumentError(f"--target: {text.removeprefix('y: ')}") from None
        raise


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:20])) or "none"


def arrays_source(path: str, options: Options, test_size: float) -> Source:
    """Return arrays in three parts, and samples of them for the report."""
    data = _with_targets(path, options["features"], options["target"])
    labels = _labels(data, options["classification"])
    test = options["test"]
    if test is None:
        rest, tested = _split(data, test_size, "--test-size", options["seed"])
    else:
        rest, tested = data, _with_targets(test, options["features"], options["target"])
    train, validation = _split(rest, options["validation_size"], "--validation-size", options["seed"])
    parts = [train, validation, tested]
    if labels is not None and len(labels) == 1:
        raise DataFileError(f"{path}: all labels are {labels[0]!r:.100}, so there is nothing to learn")
    samples = [_sample(part, labels) for part in parts]
    target = "y" if options["target"] is None else options["target"]
    shape = " x ".join(map(str, data.shape[1:]))
    return Source(
        name=short_name(os.path.abspath(path)),
        train=samples[0],
        validation=samples[1],
        test=samples[2],
        classifies=labels is not None,
        class_names=labels or (),
        feature_names=(),
        image_shape=None,
        description=f"{base(path)}: examples of {shape} numbers, target {target}, read in pieces.",
        sha256={name: checksum(name) for name in (path, test) if name is not None},
        stored=Stored(parts, [len(part) for part in parts]),
        n_values=1 if samples[0].y.ndim == 1 else samples[0].y.shape[1],
    )


def _with_targets(path: str, features: str | None, target: Any) -> StoredArrays:
    data = open_arrays(path, features, target)
    if data.y_rows is None:
        raise no_targets(path)
    return data


def no_targets(path: str) -> ArgumentError:
    """Return the error for a file in which no array has the name of targets."""
    names = names_in(path)
    if names is None:
        return ArgumentError(f"--target: {path} has no targets; give the file with them, such as --target y.npy")
    return ArgumentError(
        f"--target: name the array of {path} with the targets, since none is called 'y'; it has {_listed(names)}"
    )


def _split(data: StoredArrays, fraction: float, option: str, seed: int) -> tuple[StoredArrays, StoredArrays]:
    try:
        return data.split(fraction, seed)
    except ArgumentError as error:
        raise DataFileError(f"too few examples: {str(error).replace('fraction', option, 1)}") from None


def _labels(data: StoredArrays, classification: bool | None) -> tuple[str, ...] | None:
    """Return the names of the classes, from a pass over the targets; None if they are values.

    Whole numbers are class indices, from 0 on; text is the names of classes; other numbers are values.
    """
    rows = data.y_rows
    assert rows is not None
    if rows.dtype.kind in "USTO":
        return _names(data)
    if len(rows.shape) > 1 or classification is False or (rows.dtype.kind == "f" and classification is None):
        if classification:
            raise ArgumentError(f"--classes: {rows.name} has the shape {rows.shape}; expected one label for each row")
        return None
    if rows.dtype.kind == "b":
        return ("False", "True")
    found: set[float] = set()
    for y in _targets(data):
        found.update(np.unique(y).tolist())
        if len(found) > MOST_CLASSES:
            break
    low, high = min(found), max(found)
    if any(value != value // 1 for value in found) or low < 0 or high >= MOST_CLASSES:
        problem = f"{rows.name} has numbers from {low:g} to {high:g}"
        if classification:
            raise ArgumentError(f"--classes: {problem}; expected indices of classes: 0, 1, 2, ...")
        raise ArgumentError(f"--target: {problem}; give --values if they are values; classes are 0, 1, 2, ...")
    if len(found) > MANY_CLASSES and classification is None:
        raise ArgumentError(
            f"--target: {rows.name} has {len(found)} different whole numbers; give --classes if they are classes, or "
            f"--values if they are values"
        )
    return tuple(str(k) for k in range(int(high) + 1))


def _names(data: StoredArrays) -> tuple[str, ...]:
    assert data.y_rows is not None
    found: set[str] = set()
    for y in _targets(data):
        labels = as_labels(y)
        if labels is None:
            raise DataFileError(f"{data.y_rows.name}: expected numbers or names of classes")
        found.update(labels.counts())
        if len(found) > MOST_CLASSES:
            raise DataFileError(f"{data.y_rows.name}: has more than {MOST_CLASSES} different labels")
    return tuple(sorted_names(sorted(found)))


def _targets(data: StoredArrays) -> Iterator[Array]:
    """Yield the targets of all rows, some at a time."""
    assert data.y_rows is not None
    for start, stop in itertools.pairwise(data.y_rows.edges(AT_ONCE).tolist()):
        yield data.y_rows.read(start, stop)


def _sample(data: StoredArrays, labels: tuple[str, ...] | None) -> Part:
    part = sample_of(data, SAMPLE, SAMPLE_BYTES)
    y = np.asarray(part.y)
    if labels is None:
        return Part(part.X, np.asarray(y, np.float64))
    named = as_labels(y)
    if named is not None:
        place = {name: k for k, name in enumerate(labels)}
        y = np.array([place.get(cell, 0) for cell in named.cells], np.intp)[named.codes]
    return Part(part.X, y.astype(np.intp))


def refuse_columns(path: str, options: Options, names: tuple[str, ...]) -> None:
    """Raise ArgumentError for options that are for tables."""
    for option in names:
        if options.get(option) is not None:
            raise ArgumentError(f"{flag(option)}: is for a table, and {path} has arrays")
