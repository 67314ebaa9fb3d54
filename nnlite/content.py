"""The content of an untrusted data file: plain, or compressed and bounded in size."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO

from nnlite.errors import DataFileError

# A compressed file may expand to EXPANSION times its size plus UNASKED bytes. Images and tables of numbers expand
# 2 to 30 times, a file made to fill the memory a thousand times.
EXPANSION = 100
UNASKED = 2**20
MOST_MEMORY = 2**28  # bytes that a decompressor may use
PIECE = 2**16  # bytes read at once


@contextlib.contextmanager
def open_file(path: str) -> Iterator[BinaryIO]:
    """Open a file to read its bytes.

    Raises
    ------
    DataFileError
        If the file cannot be read or is not a regular file. (Reading a pipe could wait forever.)
    """
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
        file = open(path, "rb") if regular else None  # noqa: SIM115
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read ({error.strerror or error})") from error
    if file is None:
        raise DataFileError(f"{path}: is not a regular file")
    with file:
        yield file


@contextlib.contextmanager
def refusing_damage(source: str) -> Iterator[None]:
    """Turn the errors of reading a damaged file into a DataFileError that begins with ``source``."""
    import zipfile
    import zlib

    try:
        yield
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise DataFileError(f"{source}: cannot be read or decompressed ({error})") from error


JSON = "JSON; read it with json or pandas, and pass nnlite.Table(records)"
ARFF = "an ARFF file; remove the lines down to @data, and read it without a header"
LIBSVM = re.compile(rb"\s*[-+0-9.]+(?: +[0-9]+:[-+0-9.eE]+)+[ \r]*\n")  # a label, and numbers with their places
# What the first bytes of a file say about it, if they say that no reader here takes it.
FOREIGN = {
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard; unpack it first",
    b"\x1f\x9d": "compressed with compress (.Z); unpack it first",
    b"\x04\x22\x4d\x18": "compressed with LZ4; unpack it first",
    b"%PDF": "a PDF; export the table as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls); save it as .xlsx or CSV",
    b"SQLite format 3": "an SQLite database; export the table as CSV",
    b"\x89HDF": "an HDF5 file; read it with h5py or pandas, and pass nnlite.Table(frame)",
    b"<!DOCTYPE": "an HTML page, perhaps that of a failed download",
    b"<!doctype": "an HTML page, perhaps that of a failed download",
    b"<html": "an HTML page, perhaps that of a failed download",
    b'[{"': JSON,
    b'{"': JSON,
    b"@relation": ARFF,
    b"@RELATION": ARFF,
    b"\x80\x04\x95": "a pickle, which nnlite never reads, because that can run code",
    b"\x80\x05\x95": "a pickle, which nnlite never reads, because that can run code",
}  # fmt: skip
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")


def refuse_foreign(start: bytes, source: str) -> None:
    """Raise DataFileError if the first bytes of a file are those of a format that is not read."""
    for magic, what in FOREIGN.items():
        if start.lstrip().startswith(magic):
            raise DataFileError(f"{source}: is {what}")
    if LIBSVM.match(start):
        raise DataFileError(f"{source}: is in the format of LIBSVM; read it with sklearn.datasets.load_svmlight_file")


def decompressed(file: BinaryIO, source: str) -> BinaryIO:
    """Return a file with the decompressed content of ``file``: gzip, bzip2, xz, or a zip with a single member.

    The first bytes tell whether the file is compressed. Its name may be wrong, because some browsers decompress what
    they download. Reading raises DataFileError as soon as the content exceeds the limit of expansion.
    """
    start = file.read(6)
    file.seek(0)
    if start.startswith(PACKED):
        return io.BufferedReader(_Decompressor(file, _unpacked(start, file), source))
    if start.startswith(b"PK\3\4"):
        return io.BufferedReader(_Decompressor(file, _only_member(file, source), source))
    return file


def _unpacked(start: bytes, file: BinaryIO) -> Any:
    """Return the content of a file that is compressed with gzip, bzip2 or xz."""
    if start.startswith(b"BZh"):
        import bz2

        return bz2.BZ2File(file)
    if start.startswith(b"\xfd7zXZ"):
        return _Xz(file)
    import gzip

    return gzip.GzipFile(fileobj=file)


def _only_member(file: BinaryIO, source: str) -> Any:
    """Return the content of the single file in a zip."""
    import zipfile

    try:
        archive = zipfile.ZipFile(file)
        members = [member for member in archive.infolist() if not _is_extra(member)]
        content = archive.open(members[0]) if len(members) == 1 else None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
        raise DataFileError(f"{source}: is a zip that cannot be read ({str(error)[:100]}); unpack it first") from error
    if content is None:
        shown = ", ".join(repr(member.filename) for member in members[:5]) + (", ..." if len(members) > 5 else "")
        raise DataFileError(f"{source}: is a zip of {len(members)} files ({shown:.300}); unpack it first")
    return content


def _is_extra(member: Any) -> bool:
    """Return whether a member is a folder, or what macOS adds."""
    return bool(member.is_dir()) or member.filename.startswith("__MACOSX/") or member.filename.endswith(".DS_Store")


class _Xz:
    """The content of an xz file, in bounded memory: the file says how much it wants."""

    def __init__(self, file: BinaryIO) -> None:
        import lzma

        self._file, self._module = file, lzma
        self._decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY)

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer with the next bytes, and return how many they are; 0 at the end."""
        part = self._read(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def _read(self, size: int) -> bytes:
        try:
            while not self._decompressor.eof:
                packed = self._file.read(PIECE) if self._decompressor.needs_input else b""
                if not packed and self._decompressor.needs_input:
                    raise EOFError("the file ends too early")
                if part := self._decompressor.decompress(packed, size):
                    return part
        except self._module.LZMAError as error:
            raise OSError(str(error)) from error
        if self._decompressor.unused_data or self._file.read(1):
            raise OSError("something follows the compressed data")
        return b""

    def close(self) -> None:
        """Do nothing: the file is closed by whoever opened it."""


class _Decompressor(io.RawIOBase):
    """The content of a compressed file, up to the limit of expansion."""

    def __init__(self, file: BinaryIO, content: Any, source: str) -> None:
        self._file, self._content, self._source = file, content, source
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        n: int = self._content.readinto(buffer)
        self._size += n
        if self._size > UNASKED + EXPANSION * self._file.tell():
            raise DataFileError(
                f"{self._source}: expands to more than {EXPANSION} times its size, as no real data does; "
                "if you trust this file, decompress it first"
            )
        return n

    def close(self) -> None:
        self._content.close()
        super().close()
