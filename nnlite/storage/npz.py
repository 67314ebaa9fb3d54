"""Named vectors and their checksum in one ``.npz`` file: a zip of ``.npy`` members, never compressed or pickled.

`numpy.load` reads what `write` writes. What `reading` opens may come from a stranger: every size in the file is
compared with the size of the file before memory is allocated, and nothing in the file is evaluated.
"""

import contextlib
import hashlib
import os
import re
import stat
import struct
import zipfile
from collections.abc import Collection, Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ModelFileError
from nnlite.storage.untrusted import refusing

CHECKSUM = "sha256"  # the last member: the SHA-256 of the bytes of all other vectors
MOST_MEMBERS = 64
LARGEST_DIRECTORY = 2**14  # bytes, enough for MOST_MEMBERS
BLOCK = 2**20  # bytes read or written at once

# the records at the end of a zip; LOCATOR and END_64 are there if a size needs more than 32 bits
END, LOCATOR, END_64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")
# the header of an .npy member: magic and version 1.0, then the length of a dictionary
NPY = struct.Struct("<8sH")
NPY_MAGIC = b"\x93NUMPY\x01\x00"
LONGEST_DICTIONARY = 512
DICTIONARY = re.compile(
    rb"\{'descr': '(<f4|<f8|\|u1)', 'fortran_order': False, 'shape': \((\d{1,18}),\), \} *\n"
)  # fmt: skip

# what reads files of other libraries
ELSEWHERE = {
    ".keras": "Keras, nnlite.keras.load(path) reads it",
    ".h5": "Keras, nnlite.keras.load_weights(model, path) reads its weights",
    ".onnx": "ONNX, nnlite.onnx.load(path) reads it",
    ".safetensors": "weights, nnlite.safetensors.load(model, path) reads it",
    ".pt": "PyTorch, model.load_state_dict(torch.load(path)) takes its weights",
    ".pth": "PyTorch, model.load_state_dict(torch.load(path)) takes its weights",
}


# ---- writing -------------------------------------------------------------------------------------------------------


def write(file: BinaryIO, vectors: Mapping[str, Array]) -> None:
    """Write each vector as the member ``name.npy``, then their checksum; equal vectors give equal files.

    Parameters
    ----------
    file : binary file
    vectors : mapping of str to ndarray, (n,)
        Of float32, float64 or uint8.
    """
    digest = hashlib.sha256()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, vector in vectors.items():
            _write_member(archive, name, vector, digest)
        _write_member(archive, CHECKSUM, np.frombuffer(digest.digest(), np.uint8), hashlib.sha256())


def _write_member(archive: zipfile.ZipFile, name: str, vector: Array, digest: Any) -> None:
    vector = little_endian(vector)
    member = zipfile.ZipInfo(f"{name}.npy")  # its date is always 1980
    with archive.open(member, "w", force_zip64=vector.nbytes >= 2**31) as target:
        dictionary = {"descr": vector.dtype.str, "fortran_order": False, "shape": vector.shape}
        np.lib.format.write_array_header_1_0(target, dictionary)
        content = vector.data.cast("B") if vector.size else memoryview(b"")
        for start in range(0, len(content), BLOCK):
            target.write(content[start : start + BLOCK])
            digest.update(content[start : start + BLOCK])


def little_endian(array: Array) -> Array:
    """Return ``array`` contiguous and little-endian, as files hold it; no copy if it is so already."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))


# ---- reading -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def reading(path: str) -> Iterator["Members"]:
    """Open the vectors in a file; every ModelFileError in the block begins with the path.

    Raises
    ------
    ModelFileError
        If ``path`` is not a regular file (opening a pipe would wait forever), or not a file that `write` wrote.
    OSError
        If the file cannot be read.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            inside = os.path.join(path, "model.npz")
            hint = f"; the network of a run is in {inside}" if os.path.isfile(inside) else ""
            raise ModelFileError(f"is not a file, but a directory, device or pipe{hint}")
        with open(path, "rb") as file:
            yield Members(file)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}{_elsewhere(path)}") from error.__cause__


def _elsewhere(path: str) -> str:
    """Return what reads the files of other libraries, by the end of the name."""
    name = path.lower()
    return next((f"; if it is a file of {what}" for ending, what in ELSEWHERE.items() if name.endswith(ending)), "")


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
        Here and in every method, if the file is not one that `write` wrote.
    """

    def __init__(self, file: BinaryIO) -> None:
        size = os.fstat(file.fileno()).st_size
        with refusing():
            _check_ends(file, size)
            self._archive = zipfile.ZipFile(file)
            self._infos = {info.filename.removesuffix(".npy"): info for info in self._archive.infolist()}
        infos = self._archive.infolist()
        if len(self._infos) != len(infos) or not all(info.filename.endswith(".npy") for info in infos):
            raise ModelFileError("is damaged: a member appears twice or is not an .npy")
        if any(info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size for info in infos):
            raise ModelFileError("has compressed members; nnlite writes and reads uncompressed ones only")
        if sum(info.file_size for info in infos) > size:
            raise ModelFileError(f"is damaged: its members claim to be larger than the file of {size} bytes")
        self.names = frozenset(self._infos)

    def verify(self, names: Collection[str]) -> None:
        """Raise ModelFileError unless exactly these members and their checksum are there, and the checksum is right.

        Parameters
        ----------
        names : collection of str
            In the order in which `write` got them.
        """
        if self.names != {*names, CHECKSUM}:
            raise ModelFileError(f"is damaged: expected the members {', '.join([*names, CHECKSUM])}")
        digest = hashlib.sha256()
        for name in names:
            for block in self._blocks(name):
                digest.update(block.data)
        if self.read_bytes(CHECKSUM, digest.digest_size) != digest.digest():
            raise ModelFileError("is damaged: its content has another SHA-256 than when it was written")

    def length(self, name: str, dtype: Any) -> int:
        """Return how many numbers the member ``name`` has; ModelFileError if they are not of ``dtype``."""
        with self._open(name) as (length, found, _):
            if found != np.dtype(dtype).newbyteorder("<"):
                raise ModelFileError(f"is damaged: {name} is of dtype {found}, expected {np.dtype(dtype)}")
        return length

    def read_bytes(self, name: str, largest: int) -> bytes:
        """Return the bytes of the uint8 member ``name``; ModelFileError if there are more than ``largest``."""
        if self.length(name, np.uint8) > largest:
            raise ModelFileError(f"the {name} is larger than {largest} bytes")
        return b"".join(block.tobytes() for block in self._blocks(name))

    def read_into(self, vector: Array, name: str) -> None:
        """Copy the numbers of the member ``name`` into ``vector``, which has the same length."""
        start = 0
        for block in self._blocks(name):
            vector[start : start + len(block)] = block
            start += len(block)

    def _blocks(self, name: str) -> Iterator[Array]:
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
        """Open a member behind its header; yield length, dtype and the open file."""
        info = self._infos.get(name)
        if info is None:
            raise ModelFileError(f"is not an nnlite file: it has no member {name}")
        with refusing(), self._archive.open(info) as member:
            length, dtype, start = _read_npy_header(name, member)
            if start + length * dtype.itemsize != info.file_size:
                raise ModelFileError(
                    f"is damaged: {name} claims {length} numbers of {dtype}, but has {info.file_size} bytes"
                )
            yield length, dtype, member


def _read_npy_header(name: str, member: Any) -> tuple[int, np.dtype[Any], int]:
    """Return length and dtype of a member, and the offset of its first number.

    The dictionary is matched against a pattern, never evaluated: only three dtypes are allowed.
    """
    magic, length = NPY.unpack(member.read(NPY.size))
    if magic != NPY_MAGIC or length > LONGEST_DICTIONARY:
        raise ModelFileError(f"is damaged: {name} does not begin like an .npy")
    match = DICTIONARY.fullmatch(member.read(length))
    if match is None:
        raise ModelFileError(f"is damaged: {name} is not a vector of float32, float64 or uint8 numbers")
    return int(match[2]), np.dtype(match[1].decode()), NPY.size + length


def _check_ends(file: BinaryIO, size: int) -> None:
    """Raise ModelFileError unless the directory of the zip is small and lies directly before the end of the file.

    Only then is its size known before the zipfile module reads it.
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
