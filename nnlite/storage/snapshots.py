"""Plain values and arrays in a file: all that a training depends on.

A snapshot is an ``.npz`` file: ``header``, the bytes of a JSON object in which each array is a number; ``data``, the
bytes of these arrays; and ``sha256``, of the bytes of both. It is written as a whole or not at all, and reading one
executes and imports nothing.
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ModelFileError
from nnlite.storage import npz
from nnlite.storage.atomic import replacing

FORMAT = "nnlite checkpoint"
VERSION = 1
LARGEST_HEADER = 2**28  # bytes
ALIGNED = 16  # bytes; where an array begins
DTYPES = ("<f4", "<f8", "<f2", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "|b1")


class UnsavableError(TypeError):
    """A value that a snapshot cannot hold."""


def write(path: str, values: Mapping[str, Any]) -> None:
    """Write ``values``: numbers, strings, True, False, None, arrays of numbers, and lists, tuples and dicts of these.

    Raises
    ------
    UnsavableError
        If there is something else among them.
    OSError
        If the file cannot be written; one that was there is whole.
    """
    from nnlite.version import __version__

    arrays: list[Array] = []
    header = {"format": FORMAT, "version": VERSION, "nnlite": __version__, "values": encode(values, arrays)}
    arrays = [npz.little_endian(array) for array in arrays]
    header["arrays"] = [[array.dtype.str, list(array.shape)] for array in arrays]
    raw = json.dumps(header, separators=(",", ":")).encode()
    if len(raw) > LARGEST_HEADER:
        raise UnsavableError(f"so many values that are no arrays: {len(raw)} bytes")
    data = np.zeros(sum(map(_room, arrays)), np.uint8)
    start = 0
    for array in arrays:
        data[start : start + array.nbytes] = array.reshape(-1).view(np.uint8)
        start += _room(array)
    members = {"header": np.frombuffer(raw, np.uint8), "data": data}
    digest = hashlib.sha256(raw)
    for part in npz.parts(data):
        digest.update(part)
    members["sha256"] = np.frombuffer(digest.digest(), np.uint8)
    with replacing(path) as file:
        npz.write(file, members)


def _room(array: Array) -> int:
    """How many bytes the array takes."""
    return -(-array.nbytes // ALIGNED) * ALIGNED


def read(path: str) -> dict[str, Any]:
    """What `write` wrote; its arrays are new ones.

    Raises
    ------
    ModelFileError
        If the file is damaged, no snapshot, or of a later version of the format.
    OSError
        If it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            members = npz.Members(file)
            digest = hashlib.sha256()
            header = _read_header(members, digest)
            members.require(["header", "data", "sha256"])
            data = _read_data(members, digest)
            if b"".join(block.tobytes() for block in members.blocks("sha256")) != digest.digest():
                raise ModelFileError("is damaged: its content has another SHA-256 than it had when it was written")
            with npz.refusing("the header is damaged"):
                values: dict[str, Any] = decode(header["values"], _arrays(header["arrays"], data))
            return values
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error.__cause__


def encode(value: Any, arrays: list[Array]) -> Any:
    """``value`` as JSON can hold it; arrays are added to ``arrays`` and become their numbers."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray):
        if value.dtype.newbyteorder("<").str not in DTYPES:
            raise UnsavableError(f"an array of dtype {value.dtype}")
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {"dict": {key: encode(entry, arrays) for key, entry in value.items()}}
        return {"pairs": [[encode(key, arrays), encode(entry, arrays)] for key, entry in value.items()]}
    if isinstance(value, list) and len(value) > 8 and all(type(entry) is float for entry in value):
        arrays.append(np.array(value))
        return {"floats": len(arrays) - 1}
    if isinstance(value, (list, tuple)):
        entries = [encode(entry, arrays) for entry in value]
        return {"tuple": entries} if isinstance(value, tuple) else entries
    raise UnsavableError(f"{value!r:.100} of type {type(value).__name__}")


def decode(value: Any, arrays: list[Array]) -> Any:
    """What `encode` made ``value`` of."""
    if isinstance(value, list):
        return [decode(entry, arrays) for entry in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind in ("array", "floats"):
        return arrays[content] if kind == "array" else arrays[content].tolist()
    if kind == "tuple":
        return tuple(decode(entry, arrays) for entry in content)
    if kind == "pairs":
        return {decode(key, arrays): decode(entry, arrays) for key, entry in content}
    if kind == "dict":
        return {key: decode(entry, arrays) for key, entry in content.items()}
    raise ValueError(f"there is no {kind!r}")


def can_hold(value: Any) -> bool:
    """Whether `encode` takes ``value``."""
    try:
        encode(value, [])
    except UnsavableError:
        return False
    return True


def _read_header(members: npz.Members, digest: Any) -> dict[str, Any]:
    members.size("header", np.uint8, largest=LARGEST_HEADER)
    raw = b"".join(block.tobytes() for block in members.blocks("header"))
    digest.update(raw)
    with npz.refusing("the header is damaged"):
        header: dict[str, Any] = json.loads(raw)
        if header["format"] != FORMAT:
            raise ModelFileError(f"is no checkpoint, but {header['format']!r:.50}")
        if header["version"] > VERSION:
            raise ModelFileError(f"needs nnlite {header['nnlite']!s:.30} or newer: this one knows version {VERSION}")
        for dtype, shape in header["arrays"]:
            if dtype not in DTYPES or not all(isinstance(n, int) and n >= 0 for n in shape):
                raise ModelFileError("the header is damaged: it has an array of no known kind")
    return header


def _read_data(members: npz.Members, digest: Any) -> Array:
    """The bytes of all arrays; the file is known to be as large as it says."""
    data: Array = np.empty(members.size("data", np.uint8), np.uint8)
    start = 0
    for block in members.blocks("data"):
        digest.update(block.data)
        data[start : start + block.size] = block
        start += block.size
    return data


def _arrays(entries: Any, data: Array) -> list[Array]:
    """The arrays that lie in ``data`` as ``entries`` say."""
    arrays: list[Array] = []
    start = 0
    for name, shape in entries:
        dtype = np.dtype(name)
        stop = start + math.prod(shape) * dtype.itemsize
        if stop > data.size:
            raise ModelFileError("is damaged: its arrays are larger than the data")
        arrays.append(data[start:stop].view(dtype).reshape(shape).copy())
        start += _room(arrays[-1])
    return arrays


def step_of(name: str) -> int | None:
    """The number in the name of a snapshot, ``checkpoint-000123.npz``; None for other files."""
    stem, extension = os.path.splitext(name)
    number = stem.removeprefix("checkpoint-")
    return int(number) if extension == ".npz" and stem != number and number.isdecimal() else None
