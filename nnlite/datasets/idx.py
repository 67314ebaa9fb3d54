"""The IDX file format, in which MNIST and its relatives are published: a header and an array of bytes."""

import math
from typing import BinaryIO

import numpy as np

from nnlite.checks import Array
from nnlite.datasets.content import decompressed, refusing
from nnlite.errors import DataFileError

LARGEST = 2**30  # bytes, decompressed
BLOCK = 2**18  # bytes that are read at once


def read_idx(file: BinaryIO, source: str, item_shape: tuple[int, ...], sha256: str | None = None) -> Array:
    """The bytes of an IDX file as an array (M, *item_shape) of uint8; DataFileError begins with ``source``.

    The file is 0, 0, 8 (for bytes), the number of dimensions; each dimension as a big-endian 32-bit integer;
    then the items, and nothing behind them. It may be compressed with gzip.
    """
    with refusing(source), decompressed(file, source) as content:
        header = content.read(4 + 4 * (1 + len(item_shape)))
        shape = _shape(header, source, item_shape)
        body = _read(content, math.prod(shape))
        surplus = content.read(1)
    if len(body) != math.prod(shape) or surplus:
        found = "more" if surplus else f"only {len(body)}"
        raise DataFileError(
            f"{source}: the header promises {math.prod(shape)} bytes of shape {shape}, but {found} follow"
        )
    if sha256 is not None:
        _verify(header, body, source, sha256)
    return np.frombuffer(body, dtype=np.uint8).reshape(shape)


def _read(content: BinaryIO, size: int) -> bytearray:
    """Up to so many bytes, for which memory is taken as they come: the header may lie, and no more is inflated."""
    body = bytearray()
    while block := content.read(min(BLOCK, size - len(body))):
        body += block
    return body


def _shape(header: bytes, source: str, item_shape: tuple[int, ...]) -> tuple[int, ...]:
    n_dimensions = 1 + len(item_shape)
    if len(header) != 4 + 4 * n_dimensions:
        raise DataFileError(f"{source}: ends within the header of an IDX file, after {len(header)} bytes")
    if header[:4] != bytes((0, 0, 8, n_dimensions)):
        raise DataFileError(
            f"{source}: not an IDX file of bytes with {n_dimensions} dimensions, which begins with the bytes "
            f"0 0 8 {n_dimensions}; this one begins with {' '.join(map(str, header[:4]))}"
        )
    shape = tuple(int(n) for n in np.frombuffer(header, dtype=">u4", offset=4))
    if shape[1:] != item_shape or shape[0] == 0 or math.prod(shape) > LARGEST:
        expected = " x ".join(map(str, ("M", *item_shape)))
        raise DataFileError(
            f"{source}: the header says {' x '.join(map(str, shape))} bytes; expected {expected}, "
            f"at least one and at most {LARGEST} bytes"
        )
    return shape


def _verify(header: bytes, body: bytearray, source: str, sha256: str) -> None:
    import hashlib

    digest = hashlib.sha256(header)
    digest.update(body)
    if digest.hexdigest() != sha256:
        raise DataFileError(
            f"{source}: is not the expected file: the SHA-256 of its content is {digest.hexdigest()}, expected {sha256}"
        )
