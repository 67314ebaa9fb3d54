"""Vectors in an ``.npz`` file, NumPy's own format: a zip of ``.npy`` members, here never compressed and never pickled.

`numpy.load` reads what is written here. What is read here may come from a stranger: no size in the file is believed
before it is held against the size of the file itself, and nothing in it is evaluated.
"""

import contextlib
import os
import re
import struct
import zipfile
from collections.abc import Collection, Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ModelFileError

MOST_MEMBERS = 64
LARGEST_DIRECTORY = 2**14  # bytes: for so many members
BLOCK = 2**20  # bytes that are read or written at once

# the ends of a zip: its last record, and two in front of it where a size is beyond 32 bits
END, LOCATOR, END_64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")
# of an .npy member: magic, version 1.0, length of the dictionary
NPY = struct.Struct("<8sH")
NPY_MAGIC = b"\x93NUMPY\x01\x00"
LONGEST_DICTIONARY = 512
DICTIONARY = re.compile(
    rb"\{'descr': '(<f4|<f8|\|u1)', 'fortran_order': False, 'shape': \((\d{1,18}),\), \} *\n"
)  # fmt: skip


def write(file: BinaryIO, vectors: Mapping[str, Array]) -> None:
    """Write each vector (float32, float64 or uint8) as the member ``name.npy``; equal vectors give equal files."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, vector in zip(vectors, map(little_endian, vectors.values()), strict=True):
            member = zipfile.ZipInfo(f"{name}.npy")  # dated 1980
            with archive.open(member, "w", force_zip64=vector.nbytes >= 2**31) as target:
                dictionary = {"descr": vector.dtype.str, "fortran_order": False, "shape": vector.shape}
                np.lib.format.write_array_header_1_0(target, dictionary)
                for part in parts(vector):
                    target.write(part)


def little_endian(vector: Array) -> Array:
    """``vector`` as it lies in the file, without a copy where it lies so in memory."""
    return np.ascontiguousarray(vector, vector.dtype.newbyteorder("<"))


def parts(vector: Array) -> Iterator[memoryview]:
    """The bytes of a contiguous vector, block by block."""
    view = vector.data.cast("B") if vector.size else memoryview(b"")
    for start in range(0, len(view), BLOCK):
        yield view[start : start + BLOCK]


class Members:
    """The vectors in an open ``.npz`` file.

    Parameters
    ----------
    file : binary file

    Attributes
    ----------
    names : frozenset of str

    Raises
    ------
    ModelFileError
        By every method, if the file is not what `write` writes.
    """

    def __init__(self, file: BinaryIO) -> None:
        size = os.fstat(file.fileno()).st_size
        with refusing():
            _check_ends(file, size)
            self._archive = zipfile.ZipFile(file)
            self._infos = {info.filename.removesuffix(".npy"): info for info in self._archive.infolist()}
        infos = self._archive.infolist()
        if len(self._infos) != len(infos) or not all(info.filename.endswith(".npy") for info in infos):
            raise ModelFileError("is damaged: a member is there twice, or is no .npy")
        if any(info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size for info in infos):
            raise ModelFileError("has compressed members, which a model file has not")
        if sum(info.file_size for info in infos) > size:
            raise ModelFileError(f"is damaged: its members claim to be larger than the file of {size} bytes")
        self.names = frozenset(self._infos)

    def require(self, names: Collection[str]) -> None:
        """Raise ModelFileError unless exactly these members are there."""
        if self.names != set(names):
            raise ModelFileError(f"is no model file, or damaged: expected the members {', '.join(sorted(names))}")

    def size(self, name: str, dtype: Any, *, largest: int | None = None) -> int:
        """How many numbers of ``dtype`` the member has; ModelFileError if it has others, or more than ``largest``."""
        with self._open(name) as (length, found, _):
            if found != np.dtype(dtype).newbyteorder("<"):
                raise ModelFileError(f"is damaged: {name} is of dtype {found}, expected {np.dtype(dtype)}")
        if largest is not None and length > largest:
            raise ModelFileError(f"{name} is too large: {length}, expected at most {largest}")
        return length

    def blocks(self, name: str) -> Iterator[Array]:
        """The member's numbers, block by block."""
        with self._open(name) as (length, dtype, member), refusing():
            left = length * dtype.itemsize
            while left:
                block = member.read(min(BLOCK, left))
                left -= len(block)
                if not block:
                    raise ModelFileError(f"is damaged: {name} ends too early")
                yield np.frombuffer(block, dtype)

    @contextlib.contextmanager
    def _open(self, name: str) -> Iterator[tuple[int, np.dtype[Any], Any]]:
        """Length, dtype and file of a member, which stands behind its header."""
        info = self._infos.get(name)
        if info is None:
            raise ModelFileError(f"is no model file: it has no member {name}")
        with refusing(), self._archive.open(info) as member:
            length, dtype, start = _read_npy_header(name, member)
            if start + length * dtype.itemsize != info.file_size:
                raise ModelFileError(
                    f"is damaged: {name} claims {length} numbers of {dtype}, but has {info.file_size} bytes"
                )
            yield length, dtype, member


def _read_npy_header(name: str, member: Any) -> tuple[int, np.dtype[Any], int]:
    """Length, dtype and where the numbers begin.

    The dictionary is matched, not evaluated: there are only three that are right.
    """
    magic, length = NPY.unpack(member.read(NPY.size))
    if magic != NPY_MAGIC or length > LONGEST_DICTIONARY:
        raise ModelFileError(f"is damaged: {name} has no header of an .npy")
    match = DICTIONARY.fullmatch(member.read(length))
    if match is None:
        raise ModelFileError(f"{name} is no vector of float32, float64 or uint8 numbers")
    return int(match[2]), np.dtype(match[1].decode()), NPY.size + length


def _check_ends(file: BinaryIO, size: int) -> None:
    """ModelFileError unless the zip ends as `write` ends it: its directory is small, and right in front of the end.

    Only so is it known, before the directory is read, that it is no larger than it should be.
    """
    length = min(size, END.size + LOCATOR.size + END_64.size)
    file.seek(size - length)
    tail = file.read(length)
    if len(tail) < END.size or not tail[-END.size :].startswith(b"PK\5\6"):
        raise ModelFileError("is not an .npz file, or its end is missing")
    *_, members, directory, start, comment = END.unpack(tail[-END.size :])
    stop = size - END.size
    if tail[: -END.size][-LOCATOR.size :].startswith(b"PK\6\7") and len(tail) == length:
        _, _, where, _ = LOCATOR.unpack(tail[-END.size - LOCATOR.size : -END.size])
        stop -= LOCATOR.size + END_64.size
        magic, *_, members, directory, start = END_64.unpack(tail[: END_64.size])
        if magic != b"PK\6\6" or where != stop:
            raise ModelFileError("is damaged: the directory of the zip is not where it should be")
    if comment or members > MOST_MEMBERS or directory > LARGEST_DIRECTORY or start + directory != stop:
        raise ModelFileError("is damaged: the directory of the zip is too large, or not where it should be")
    file.seek(0)


@contextlib.contextmanager
def refusing(what: str = "is damaged") -> Iterator[None]:
    """Turn any error into a ModelFileError, for code that works on what a stranger wrote."""
    try:
        yield
    except (ModelFileError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelFileError(f"{what}: {reason if len(reason) <= 300 else reason[:300] + '...'}") from error
