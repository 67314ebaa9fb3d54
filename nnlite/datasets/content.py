"""The content of an untrusted data file: plain, or compressed with gzip and bounded in size."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from nnlite.errors import DataFileError

# A compressed file may expand to EXPANSION times its size plus UNASKED bytes. Images and tables of numbers expand
# 2 to 30 times, a file made to fill the memory a thousand times.
EXPANSION = 100
UNASKED = 2**20


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
    import zlib

    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise DataFileError(f"{source}: cannot be read or decompressed ({error})") from error


def decompressed(file: BinaryIO, source: str) -> BinaryIO:
    """Return a file with the decompressed content of ``file``.

    The first two bytes tell whether the file is compressed. Its name may be wrong, because some browsers decompress
    what they download. Reading raises DataFileError as soon as the content exceeds the limit of expansion.
    """
    compressed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return io.BufferedReader(_Decompressor(file, source)) if compressed else file


class _Decompressor(io.RawIOBase):
    """The content of a gzip file, up to the limit of expansion."""

    def __init__(self, file: BinaryIO, source: str) -> None:
        import gzip

        self._file, self._source = file, source
        self._gzip = gzip.GzipFile(fileobj=file)
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        n: int = self._gzip.readinto(buffer)
        self._size += n
        if self._size > UNASKED + EXPANSION * self._file.tell():
            raise DataFileError(
                f"{self._source}: expands to more than {EXPANSION} times its size, as no real data does; "
                "if you trust this file, decompress it first"
            )
        return n

    def close(self) -> None:
        self._gzip.close()
        super().close()
