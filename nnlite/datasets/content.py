"""The content of a data file that may come from a stranger: plain, or compressed with gzip and then of bounded size."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from nnlite.errors import DataFileError

# A compressed file may have a content of EXPANSION times its size, and UNASKED bytes more. Images and tables of
# numbers have 2 to 30 times; a file made to fill the memory has a thousand times.
EXPANSION = 100
UNASKED = 2**20


@contextlib.contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """The file, open to be read; DataFileError if it is none (a pipe, say, on which one would wait for ever)."""
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
        file = open(path, "rb") if regular else None  # noqa: SIM115
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read ({error.strerror or error})") from error
    if file is None:
        raise DataFileError(f"{path}: is no file")
    with file:
        yield file


@contextlib.contextmanager
def refusing(source: str) -> Iterator[None]:
    """Turn what reading a damaged file raises into a DataFileError that begins with ``source``."""
    import zlib

    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise DataFileError(f"{source}: cannot be read or decompressed ({error})") from error


def decompressed(file: BinaryIO, source: str) -> BinaryIO:
    """The file's content; by its first bytes, not by its name, because browsers decompress unasked.

    Reading from it raises DataFileError where a compressed file expands beyond what its size makes believable.
    """
    compressed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return io.BufferedReader(_Inflated(file, source)) if compressed else file


class _Inflated(io.RawIOBase):
    def __init__(self, file: BinaryIO, source: str) -> None:
        import gzip

        self._file, self._source = file, source
        self._inflating = gzip.GzipFile(fileobj=file)
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        n: int = self._inflating.readinto(buffer)
        self._size += n
        if self._size > UNASKED + EXPANSION * self._file.tell():
            raise DataFileError(
                f"{self._source}: expands to more than {EXPANSION} times its size, which no data does; "
                "if it is right, decompress it first"
            )
        return n

    def close(self) -> None:
        self._inflating.close()
        super().close()
