"""Stamps of files: they tell whether a file is still the one that was opened."""

from __future__ import annotations

import os
import zlib

from nnlite.errors import DataFileError

Stamp = tuple[int, ...]  # device, number, size and time of a file
OF_FILE = 2  # of them belong to the file itself, whatever is in it


def stamp_of(path: str) -> Stamp:
    """Return device, number, size and time of a file, which a change or another file in its place changes."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read ({error.strerror or error})") from error
    return _stamp(found)


def stamp_of_open(file: int) -> Stamp:
    """Return the same of an open file."""
    return _stamp(os.fstat(file))


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def folder_stamp(folder: str) -> Stamp:
    """Return the number of files in a folder, and a checksum (CRC-32) of their names and stamps."""
    number, n = 0, 0
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(place, name)
            number, n = zlib.crc32(repr((path, stamp_of(path))).encode(), number), n + 1
    return n, number


def check_stamp(path: str, stamp: Stamp | None) -> None:
    """Raise DataFileError if a file or folder is not what it was when it was opened."""
    if stamp is None:
        return
    found = folder_stamp(path) if os.path.isdir(path) else stamp_of(path)
    if found[: len(stamp)] != stamp:
        what = "has changed" if found[:OF_FILE] == stamp[:OF_FILE] or os.path.isdir(path) else "has been replaced"
        raise DataFileError(f"{path}: {what} since it was opened; open it again, and begin the training anew")
