"""Arrays in ``.npy`` and ``.npz`` files as rows that are read a block at a time."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

from nnlite.checks import Array
from nnlite.content import EXPANSION, UNASKED, open_file
from nnlite.errors import DataFileError
from nnlite.stored.rows import FileRows, Rows
from nnlite.stored.stamps import check_stamp, stamp_of

NPY, ZIP = b"\x93NUMPY", b"PK\3\4"
LOCAL_HEADER = 30  # bytes before the name of a member of a zip


class _Header:
    """What an ``.npy`` says of itself."""

    def __init__(self, content: Any, name: str) -> None:
        version = np.lib.format.read_magic(content)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        self.shape, fortran, self.dtype = read(content)
        if self.dtype.hasobject:
            raise DataFileError(f"{name}: holds Python objects, which nnlite never reads, because that can run code")
        if not self.shape:
            raise DataFileError(f"{name}: holds a single number, expected rows")
        if fortran and len(self.shape) > 1:
            raise DataFileError(
                f"{name}: is in Fortran order, one column after the other; save np.ascontiguousarray of the array"
            )
        self.n_bytes = math.prod(self.shape) * self.dtype.itemsize


@contextmanager
def _reading(path: str) -> Iterator[BinaryIO]:
    """Open a file; what is wrong with it is a DataFileError that names it."""
    with open_file(path) as file:
        try:
            yield file
        except (DataFileError, MemoryError):
            raise
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            raise DataFileError(f"{path}: cannot be read ({text:.300})") from error


def npy_rows(path: str) -> Rows:
    """Return the rows of an ``.npy`` file; DataFileError if it is damaged, or holds objects or a single number."""
    with _reading(path) as file:
        if file.read(len(NPY)) != NPY:
            raise DataFileError(f"{path}: is not an .npy file")
        file.seek(0)
        header = _Header(file, path)
        return FileRows(path, file.tell(), header.shape, header.dtype)


def npz_names(path: str) -> list[str]:
    """Return the names of the arrays in an ``.npz`` file."""
    with _reading(path) as file:
        return [member.filename.removesuffix(".npy") for member in _archive(file, path).infolist()]


def _archive(file: BinaryIO, path: str) -> Any:
    """Open a zip, whose list of members is at its end."""
    import zipfile

    try:
        return zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise DataFileError(f"{path}: is cut off, or no .npz file ({error})") from error


def npz_rows(path: str, name: str) -> Rows:
    """Return the rows of one array of an ``.npz`` file. A compressed one is read as a whole, when its turn comes.

    Raises
    ------
    DataFileError
        If the file is damaged, has no such array, or would expand too much.
    """
    import zipfile

    label = f"{path}: {name}"
    with _reading(path) as file:
        archive = _archive(file, path)
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        if name not in members:
            raise DataFileError(f"{path}: has no array {name!r}; it has {', '.join(map(repr, members))}")
        member = members[name]
        with archive.open(member) as content:
            header = _Header(content, label)
            length = content.tell()
        if header.n_bytes > member.file_size - length:
            raise DataFileError(f"{label}: claims {header.n_bytes} bytes of numbers, has {member.file_size - length}")
        if member.compress_type == zipfile.ZIP_STORED:
            file.seek(member.header_offset)
            local = file.read(LOCAL_HEADER)
            n_name, n_extra = struct.unpack("<HH", local[26:30])
            offset = member.header_offset + LOCAL_HEADER + n_name + n_extra + length
            return FileRows(path, offset, header.shape, header.dtype, name=label)
        if member.file_size > UNASKED + EXPANSION * member.compress_size:
            raise DataFileError(f"{label}: expands to more than {EXPANSION} times its size, as no real data does")
        return Compressed(path, member.filename, label, header)


class Compressed(Rows):
    """The rows of a compressed array: all are read, in one block.

    Parameters
    ----------
    path, member, name : str
    header : _Header
    """

    def __init__(self, path: str, member: str, name: str, header: _Header) -> None:
        super().__init__(name, header.shape, header.dtype, chunk=max(1, header.shape[0]))
        self._path, self._member, self._in_file = path, member, header.dtype
        self._stamp = stamp_of(path)

    def check_unchanged(self) -> None:
        """Raise DataFileError if the file is not what it was."""
        check_stamp(self._path, self._stamp)

    def fill(self, start: int, out: Array) -> None:
        """Decompress the rows up to the last one that is wanted."""
        import zipfile

        check_stamp(self._path, self._stamp)
        size = self.row_bytes
        with _reading(self._path) as file, zipfile.ZipFile(file).open(self._member) as content:
            _Header(content, self.name)
            skipped = 0
            while skipped < start * size:
                skipped += len(content.read(min(2**20, start * size - skipped)) or self._end())
            raw = content.read(len(out) * size)
            if len(raw) < len(out) * size:
                self._end()
        out[...] = np.frombuffer(raw, self._in_file).reshape(out.shape)

    def _end(self) -> bytes:
        raise DataFileError(f"{self.name}: ends too early")
