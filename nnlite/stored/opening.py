"""`open_data`: from files and arrays on the disk to examples that a network takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.content import open_file
from nnlite.errors import ArgumentError, DataFileError
from nnlite.stored.arrays import StoredArrays
from nnlite.stored.libraries import HDF5, hdf5_names, hdf5_rows, zarr_names, zarr_rows
from nnlite.stored.npy import NPY, ZIP, npy_rows, npz_names, npz_rows
from nnlite.stored.rows import LEAVE_OUT, InMemory, Rows, joined, mapped_rows, rows_of, usual
from nnlite.words import explained

ZARR = ("zarr.json", ".zgroup", ".zarray")
SMALL = 24 * 2**20  # bytes of a mapped array that is taken as if it lay in memory
LIBRARIES = ("h5py", "zarr")


@explained
def open_data(
    source: Any, y: Any = None, *, sample_weight: Any = None, X: str = "X", memory: int | None = None
) -> StoredArrays:
    """Open examples on the disk, for a training, an evaluation or a prediction in bounded memory.

    Parameters
    ----------
    source : path-like, list of them, or array
        Where X is: an ``.npy`` file, an ``.npz``, HDF5 or Zarr file with an array called ``X``, a folder with a file
        ``X.npy``, a list of such files or a folder of them, whose examples follow each other in the order of the names;
        an array of np.memmap, h5py or Zarr; or anything else that has a shape, a dtype and slices
        ``source[start:stop]``.
    y : str, path-like, list of paths, or array, optional
        The targets. For files with several arrays, the name of theirs, by default "y" if there is one; otherwise a file
        of its own, or an array, also one in memory.
    sample_weight : str, path-like, list of paths, or array, optional
        Weights of the examples, in the same ways; by default "sample_weight" of a file with several arrays, if there is
        one.
    X : str, default "X"
        What the array of the examples is called in files with several arrays.
    memory : int, optional
        Bytes of examples that a training keeps in memory at most. More memory makes a better shuffle. By default an
        eighth of the data, at least 24 MiB and at most 384 MiB, and up to a quarter if chunks are large. Data that are
        not larger are read as a whole, and are shuffled as arrays are.

    Returns
    -------
    StoredArrays

    Raises
    ------
    ArgumentError
        If an argument has a wrong value, or the parts do not fit each other.
    DataFileError
        If a file is missing, damaged, or of other rows than the ones before it. The message names it.
    ImportError
        If the file needs h5py or zarr, which ``pip install "nnlite[hdf5]"`` or ``"nnlite[zarr]"`` brings.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import nnlite as nn
    >>> iris = nn.load_iris()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for i in range(3):
    ...         part = slice(40 * i, 40 * i + 40)
    ...         np.savez(os.path.join(folder, f"part-{i}.npz"), X=iris.X_train[part], y=iris.y_train[part])
    ...     data = nn.open_data(folder)
    ...     model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=0)
    ...     history = model.fit(data, epochs=2, progress=False)
    >>> len(data), history.epochs
    (120, 2)
    """
    memory = None if memory is None else checks.integer("memory", memory)
    if not isinstance(X, str):
        raise ArgumentError(f"X: expected the name of an array in the files, got {X!r:.100}")
    refuse_no_list(source)
    if not are_paths(source):
        if type(source).__module__.partition(".")[0] in LIBRARIES:
            source = _array_of_library(source, "source")
        return StoredArrays(
            rows_of(source, "source"), _rows_or_files(y, "y"), _rows_or_files(sample_weight, "sample_weight"), memory
        )
    files = _opened(_files_with(X, source))
    if not files[0].has_names:
        rows = joined([file.rows(None) for file in files])
        return StoredArrays(rows, _rows_or_files(y, "y"), _rows_or_files(sample_weight, "sample_weight"), memory)
    of_X = _array_of(files, X)
    targets, weights = (
        _in_files(files, name if value is None and any(name in file.names for file in files) else value, name)
        for name, value in (("y", y), ("sample_weight", sample_weight))
    )
    return StoredArrays(of_X, targets, weights, memory)


def as_stored(X: Any, y: Any = None, sample_weight: Any = None) -> StoredArrays | None:
    """Return examples on the disk as `StoredArrays`; None for all that is not, or is small and mapped into memory.

    A `StoredTable` is none of them: what it becomes depends on the network.

    Parameters
    ----------
    X : StoredArrays, array of np.memmap, or array of h5py or Zarr
    y, sample_weight : array_like, optional

    Raises
    ------
    ArgumentError
        If X has targets of its own and y is given too, or the lengths differ.
    """
    if isinstance(X, StoredArrays):
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if value is not None:
                raise ArgumentError(f"{name}: belongs into open_data(..., {name}=) for examples on the disk")
        return X
    if isinstance(X, (str, os.PathLike)):
        raise ArgumentError(
            f"X: expected examples or a source of batches, got the path {os.fspath(X)!r:.100}; open it with "
            f"nn.open_data (arrays), or with nn.open_table or nn.read_table (a table)"
        )
    rows = _stored_rows(X, "X")
    if rows is None:
        return None
    return StoredArrays(rows, _targets(y, "y"), _targets(sample_weight, "sample_weight"))


def _stored_rows(X: Any, name: str) -> Rows | None:
    """Return the rows of an array on the disk; None for what lies in memory, or is small."""
    if type(X).__module__.partition(".")[0] in LIBRARIES:
        return rows_of(_array_of_library(X, name), name)
    if isinstance(X, np.ndarray) and X.nbytes > SMALL and X.ndim > 1 and X.dtype.kind in "buif":
        return mapped_rows(X, name)
    return None


def _array_of_library(X: Any, name: str) -> Any:
    """Return an array of h5py or Zarr, or raise ArgumentError for a file or group of theirs, or a closed file."""
    if type(X).__module__.startswith("h5py") and not X:
        raise ArgumentError(f"{name}: the HDF5 file is closed; keep it open, or pass its path to nn.open_data")
    if not hasattr(X, "shape"):
        raise ArgumentError(
            f"{name}: expected an array, got a {type(X).__name__} of {type(X).__module__.partition('.')[0]}; pass its "
            f"arrays, such as group['X'], or its path to nn.open_data"
        )
    return X


def _targets(values: Any, name: str) -> Rows | None:
    """Return targets or weights as rows; whatever is no array on the disk becomes one in memory."""
    if values is None:
        return None
    found = _stored_rows(values, name)
    if found is not None:
        return found
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.ndim == 0:
        raise ArgumentError(f"{name}: expected an entry for each row of X, got {values!r:.100}")
    return InMemory(name, array)


# ---- files -----------------------------------------------------------------------------------------------------------


class _Opened:
    """One file or folder with arrays."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._rows, names = _recognized(path)
        self.has_names = names is not None
        self.names = names or []

    def rows(self, name: str | None) -> Rows:
        """Return the rows of an array by name, or of the only one."""
        return self._rows(name if name is None else name.lstrip("/"))


def _opened(paths: Sequence[str]) -> list[_Opened]:
    """Open files; DataFileError if some have one array without a name, and others several with names."""
    files = [_Opened(path) for path in paths]
    most = files[usual([file.has_names for file in files])]
    for file in files:
        if file.has_names != most.has_names:
            one, several = "one array without a name", "arrays with names"
            has, others = (several, one) if file.has_names else (one, several)
            raise DataFileError(f"{file.path}: has {has}, and {most.path} has {others}; {LEAVE_OUT}")
    return files


def _array_of(files: Sequence[_Opened], name: str) -> Rows:
    """Return an array of all files by its name."""
    parts = []
    for file in files:
        try:
            parts.append(file.rows(name))
        except DataFileError as error:
            if name.lstrip("/") in file.names:
                raise
            elsewhere = any(name.lstrip("/") in other.names for other in files)
            hint = LEAVE_OUT if elsewhere else "name the arrays: open_data(path, y=..., X=...)"
            raise DataFileError(f"{error}; {hint}") from None
    return joined(parts)


def _recognized(path: str) -> tuple[Callable[[Any], Rows], list[str] | None]:
    """Return what gives the rows of an array in a file, and the names of the arrays; None for a single array."""
    if os.path.isdir(path):
        if any(os.path.exists(os.path.join(path, name)) for name in ZARR):
            return _zarr(path)
        names = [name.removesuffix(".npy") for name in sorted(os.listdir(path)) if name.endswith(".npy")]
        if names:
            return lambda name: npy_rows(_npy_of(path, name, names)), names
        raise DataFileError(f"{path}: expected a file, or a folder that Zarr wrote; pass a list of files")
    with open_file(path) as file:
        start = file.read(8)
    if start.startswith(NPY):
        return lambda name: npy_rows(path), None
    if start.startswith(ZIP) and not path.endswith(".zarr.zip"):
        return lambda name: npz_rows(path, name), npz_names(path)
    if start == HDF5:
        return _hdf5(path)
    if start.startswith(ZIP):
        return _zarr(path)
    raise DataFileError(
        f"{path}: is none of .npy, .npz, HDF5 and Zarr; a table is opened with nn.open_table; {LEAVE_OUT}"
    )


def _npy_of(folder: str, name: str, names: list[str]) -> str:
    if name not in names:
        raise DataFileError(f"{folder}: has no array {name!r}; it has {', '.join(map(repr, names))}")
    return os.path.join(folder, f"{name}.npy")


def _files_with(X: str, source: Any) -> list[str]:
    """Return the files of a source; a folder with a file ``X.npy`` is one of them."""
    if isinstance(source, (str, os.PathLike)):
        folder = os.path.expanduser(checks.path("source", source))
        if os.path.isfile(os.path.join(folder, f"{X}.npy")):
            return [folder]
    return files_of(source)


def arrays_in(source: Any) -> dict[str, Rows]:
    """Return the arrays of all files of a source by name; a single array has the name ""."""
    opened = _opened(_files_with("X", source))
    if not opened[0].has_names:
        return {"": joined([file.rows(None) for file in opened])}
    return {name: _array_of(opened, name) for name in opened[0].names}


def names_in(source: Any, X: str = "X") -> list[str] | None:
    """Return the names of the arrays in the first file of a source; None if it is a single array."""
    found = _Opened(_files_with(X, source)[0])
    return found.names if found.has_names else None


def _hdf5(path: str) -> tuple[Callable[[Any], Rows], list[str]]:
    return lambda name: hdf5_rows(path, name), hdf5_names(path)


def _zarr(path: str) -> tuple[Callable[[Any], Rows], list[str] | None]:
    return lambda name: zarr_rows(path, name), zarr_names(path)


def are_paths(source: Any) -> bool:
    """Return whether ``source`` names a file or several."""
    if isinstance(source, (list, tuple)):
        return bool(source) and all(isinstance(entry, (str, os.PathLike)) for entry in source)
    return isinstance(source, (str, os.PathLike))


def refuse_no_list(source: Any) -> None:
    """Raise ArgumentError for a list without files, and for a generator, whose order may be another one each time."""
    if isinstance(source, (list, tuple)) and not source:
        raise ArgumentError("source: expected at least one file, got an empty list; does a pattern match no file?")
    if hasattr(source, "__next__"):
        raise ArgumentError(
            f"source: expected a list of files, got a {type(source).__name__}; pass sorted(...) of it, so that their "
            f"order is the same each time"
        )


def files_of(source: Any) -> list[str]:
    """Return the files of a list or a folder, or the only one."""
    if isinstance(source, (list, tuple)):
        return [os.path.expanduser(checks.path("source", entry)) for entry in source]
    path = os.path.expanduser(checks.path("source", source))
    if not os.path.isdir(path) or any(os.path.exists(os.path.join(path, name)) for name in ZARR):
        return [path]
    return files_in(path)


def files_in(folder: str) -> list[str]:
    """Return the files of a folder, sorted by name; hidden ones are left out.

    Raises
    ------
    DataFileError
        If there are none.
    """
    names = sorted(name for name in os.listdir(folder) if not name.startswith((".", "_")))
    found = [os.path.join(folder, name) for name in names]
    if not found:
        raise DataFileError(f"{folder}: is empty; expected files with examples")
    return found


def file_of_partition(folder: str | os.PathLike[str]) -> str | None:
    """Return a file in folders such as ``year=2024/month=1``; None if the folder has no such folder."""
    if not os.path.isdir(folder):
        return None
    for place, folders, names in os.walk(folder):
        shown = sorted(name for name in names if not name.startswith((".", "_")))
        folders[:] = sorted(name for name in folders if "=" in name and not name.startswith((".", "_")))
        if place != os.fspath(folder) and shown:
            return os.path.join(place, shown[0])
        if place == os.fspath(folder) and (shown or not folders):
            return None
    return None


def _in_files(files: Sequence[_Opened], value: Any, name: str) -> Rows | None:
    """Return an array of all files by its name, or one from elsewhere."""
    if value is None:
        return None
    if isinstance(value, str) and any(value.lstrip("/") in file.names for file in files):
        return _array_of(files, value)
    if isinstance(value, str) and not os.path.exists(value):
        raise ArgumentError(
            f"{name}: {files[0].path} has no array {value!r}; it has {', '.join(map(repr, files[0].names))}"
        )
    return _rows_or_files(value, name)


def _rows_or_files(value: Any, name: str) -> Rows | None:
    """Return the rows of an array, or of files with one array each."""
    if value is None:
        return None
    if not are_paths(value):
        if not hasattr(value, "__array__") and all(hasattr(value, word) for word in ("shape", "dtype", "__getitem__")):
            return rows_of(value, name)
        found = _stored_rows(value, name)
        return _targets(value, name) if found is None else found
    files = [_Opened(path) for path in files_of(value)]
    for file in files:
        if file.has_names:
            raise ArgumentError(f"{name}: {file.path} has several arrays; expected an .npy file, or an array")
    return joined([file.rows(None) for file in files])
