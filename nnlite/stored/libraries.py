"""Arrays of HDF5 and Zarr as rows; each library is imported when such a file is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from nnlite.errors import DataFileError
from nnlite.extras import require
from nnlite.stored.rows import Rows, Slices, chunk_of, folder_of

HDF5 = b"\x89HDF\r\n\x1a\n"


def hdf5_rows(path: str, name: str) -> Rows:
    """Return the rows of a data set in an HDF5 file.

    Raises
    ------
    DataFileError
        If the file is damaged, or has no such data set.
    ImportError
        Without h5py; the message names the extra.
    """
    h5py = require("h5py", "hdf5", f"reading {path}")
    try:
        with h5py.File(path, "r") as file:
            found = file.get(name)
            if not isinstance(found, h5py.Dataset):
                raise DataFileError(f"{path}: has no data set {name!r}; it has {_listed(_data_sets(file, h5py))}")
            return slices_of(_DataSet(h5py, path, name, found), f"{path}: {name}", path)
    except OSError as error:
        raise _cannot(path, error) from error


def _cannot(path: str, error: OSError) -> DataFileError:
    """Return the error for a file that h5py refuses; HDF5 tells a file that was cut off from one it may not read."""
    text = " ".join(str(error).split())
    what = "is cut off or damaged" if error.errno is None and error.strerror is None else "cannot be read"
    return DataFileError(f"{path}: {what} ({text:.300})")


class _DataSet:
    """A data set of HDF5 whose file is open only while it is read: a process has few open files, data many."""

    def __init__(self, h5py: Any, path: str, name: str, found: Any) -> None:
        self._h5py, self._path, self._name = h5py, path, name
        self.shape, self.dtype, self.chunks = found.shape, found.dtype, found.chunks

    def __getitem__(self, rows: slice) -> Any:
        with self._h5py.File(self._path, "r") as file:
            return file[self._name][rows]


def _data_sets(file: Any, h5py: Any) -> list[str]:
    names: list[str] = []
    file.visititems(lambda name, found: names.append(name) if isinstance(found, h5py.Dataset) else None)
    return names


def zarr_rows(path: str, name: str | None) -> Rows:
    """Return the rows of an array of Zarr, or of one in a group of Zarr.

    Raises
    ------
    DataFileError
        If there is no such array.
    ImportError
        Without zarr; the message names the extra.
    """
    found = _opened_zarr(path)
    file = path if os.path.isfile(path) else None
    if hasattr(found, "shape"):
        return slices_of(found, path, file or folder_of(found))
    arrays = dict(_arrays_of(found))
    if name is None or name not in arrays:
        raise DataFileError(f"{path}: has no array {name!r}; it has {_listed(list(arrays))}")
    return slices_of(arrays[name], f"{path}: {name}", file or folder_of(arrays[name]))


def _opened_zarr(path: str) -> Any:
    """Return the array or the group in a folder, or in a zip file."""
    zarr = require("zarr", "zarr", f"reading {path}")
    try:
        return zarr.open(zarr.storage.ZipStore(path, mode="r") if os.path.isfile(path) else path, mode="r")
    except Exception as error:  # of several kinds, which differ between its versions
        raise DataFileError(f"{path}: cannot be read as Zarr ({type(error).__name__}: {error})") from error


def _arrays_of(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the arrays of a group, and of the groups in it, by name."""
    for key in sorted(group):
        found = group[key]
        if hasattr(found, "shape"):
            yield f"{before}{key}", found
        else:
            yield from _arrays_of(found, f"{before}{key}/")


def slices_of(found: Any, name: str, path: str | None) -> Rows:
    """Return the rows of an array of one of these libraries, which is stored in chunks or in one piece."""
    if not found.shape:
        raise DataFileError(f"{name}: holds a single value, expected rows")
    return Slices(name, found, chunk_of(found), path)


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:20])) or "none"


def hdf5_names(path: str) -> list[str]:
    """Return the names of the data sets in an HDF5 file."""
    h5py = require("h5py", "hdf5", f"reading {path}")
    try:
        with h5py.File(path, "r") as file:
            return _data_sets(file, h5py)
    except OSError as error:
        raise _cannot(path, error) from error


def zarr_names(path: str) -> list[str] | None:
    """Return the names of the arrays in a group of Zarr, and in the groups in it; None for a single array."""
    found = _opened_zarr(path)
    return None if hasattr(found, "shape") else [name for name, _ in _arrays_of(found)]
