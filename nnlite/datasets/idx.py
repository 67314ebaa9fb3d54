"""Reading the IDX file format of MNIST and similar data sets: a header followed by an array of bytes."""

import math
from typing import BinaryIO

import numpy as np

from nnlite.checks import Array
from nnlite.content import decompressed, refusing_damage
from nnlite.errors import DataFileError

LARGEST = 2**30  # bytes, decompressed
BLOCK = 2**18  # bytes per read


def read_idx(file: BinaryIO, source: str, item_shape: tuple[int, ...], sha256: str | None = None) -> Array:
    """Read an IDX file of bytes, plain or compressed with gzip.

    An IDX file has the bytes 0, 0, 8 (the code for bytes) and the number of dimensions, then each dimension as a
    big-endian 32-bit integer, then the items.

    Parameters
    ----------
    file : binary file
    source : str
        Name of the file for error messages.
    item_shape : tuple of int
        Expected shape of an item.
    sha256 : str, optional
        Expected SHA-256 of the decompressed content, in hexadecimal.

    Returns
    -------
    array of uint8, shape (M, *item_shape)

    Raises
    ------
    DataFileError
        If the file is damaged, has items of another shape, or has another SHA-256.
    """
    with refusing_damage(source), decompressed(file, source) as content:
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
    """Read at most ``size`` bytes. Memory grows with the bytes that come, because the header may lie about the size."""
    body = bytearray()
    while block := content.read(min(BLOCK, size - len(body))):
        body += block
    return body


def _shape(header: bytes, source: str, item_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape (M, *item_shape) that the header gives, or raise DataFileError if it has another form."""
    n_dimensions = 1 + len(item_shape)
    if len(header) != 4 + 4 * n_dimensions:
        raise DataFileError(f"{source}: ends within the header of an IDX file, after {len(header)} bytes")
    if header[:4] != bytes((0, 0, 8, n_dimensions)):
        raise DataFileError(
            f"{source}: is not an IDX file of bytes with {n_dimensions} dimensions: expected the first bytes "
            f"0 0 8 {n_dimensions}, got {' '.join(map(str, header[:4]))}"
        )
    shape = tuple(int(n) for n in np.frombuffer(header, dtype=">u4", offset=4))
    if shape[1:] != item_shape or shape[0] == 0 or math.prod(shape) > LARGEST:
        expected = " x ".join(map(str, ("M", *item_shape)))
        raise DataFileError(
            f"{source}: expected {expected} bytes with M of at least 1 and at most {LARGEST} bytes in all, "
            f"got {' x '.join(map(str, shape))} in the header"
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
