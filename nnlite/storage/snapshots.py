"""Write plain values and arrays to a file, and read them: all that a training depends on.

A snapshot is an ``.npz`` file with three vectors: ``header``, the bytes of a JSON object with the values, in which
each array is replaced by its index; ``data``, the bytes of these arrays; and ``sha256``, the checksum of both.
Reading a snapshot executes and imports nothing.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnlite.atomic import replacing
from nnlite.checks import Array
from nnlite.errors import ModelFileError
from nnlite.storage import npz
from nnlite.storage.untrusted import check_format, refusing
from nnlite.version import __version__

FORMAT = "nnlite checkpoint"
VERSION = 1  # of the format
MEMBERS = ("header", "data")
LARGEST_HEADER = 2**28  # bytes
ALIGNMENT = 16  # bytes; every array begins at a multiple of it
DTYPES = ("<f4", "<f8", "<f2", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "|b1")
SHORTEST_VECTOR = 9  # a list of at least as many floats is stored as an array


class UnsavableError(TypeError):
    """A value that a snapshot cannot hold."""


# ---- files -----------------------------------------------------------------------------------------------------


def write(path: str, values: Mapping[str, Any]) -> None:
    """Write ``values`` to a file, completely or not at all.

    Parameters
    ----------
    path : str
    values : mapping
        Of numbers, strings, True, False, None, arrays of numbers, and lists, tuples and dicts of these.

    Raises
    ------
    UnsavableError
        If another kind of value is among them.
    OSError
        If the file cannot be written; an existing file then stays unchanged.
    """
    arrays: list[Array] = []
    header = {"format": FORMAT, "version": VERSION, "nnlite": __version__, "values": encode(values, arrays)}
    arrays = [npz.little_endian(array) for array in arrays]
    header["arrays"] = [[array.dtype.str, list(array.shape)] for array in arrays]
    raw = json.dumps(header, separators=(",", ":")).encode()
    if len(raw) > LARGEST_HEADER:
        raise UnsavableError(f"{len(raw)} bytes of values outside arrays, more than {LARGEST_HEADER}")
    with replacing(path) as file:
        npz.write(file, {"header": np.frombuffer(raw, np.uint8), "data": _concatenate(arrays)})


def read(path: str) -> dict[str, Any]:
    """Read what `write` wrote, into new arrays.

    Raises
    ------
    ModelFileError
        If the file is damaged, not a snapshot, or of a later version of the format.
    OSError
        If the file cannot be read.
    """
    with npz.reading(path) as members:
        with refusing("the header is damaged"):
            header: dict[str, Any] = json.loads(members.read_bytes("header", LARGEST_HEADER))
            check_format(header, FORMAT, VERSION)
        members.verify(MEMBERS)
        data: Array = np.empty(members.length("data", np.uint8), np.uint8)
        members.read_into(data, "data")
        with refusing("the header is damaged"):
            values: dict[str, Any] = decode(header["values"], _separate(data, header["arrays"]))
        return values


# ---- arrays, one behind the other --------------------------------------------------------------------------------


def _concatenate(arrays: list[Array]) -> Array:
    """Return the bytes of all arrays in one vector."""
    data = np.zeros(sum(map(_room, arrays)), np.uint8)
    start = 0
    for array in arrays:
        data[start : start + array.nbytes] = array.reshape(-1).view(np.uint8)
        start += _room(array)
    return data


def _separate(data: Array, kinds: Any) -> list[Array]:
    """Return a copy of each array in ``data``, given the list of their dtypes and shapes."""
    arrays: list[Array] = []
    start = 0
    for dtype, shape in kinds:
        if dtype not in DTYPES or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise ModelFileError("the header is damaged: an array has an unknown dtype or a wrong shape")
        stop = start + math.prod(shape) * np.dtype(dtype).itemsize
        arrays.append(data[start:stop].view(dtype).reshape(shape).copy())
        start += _room(arrays[-1])
    return arrays


def _room(array: Array) -> int:
    """Return the bytes from the beginning of the array to the beginning of the next one."""
    return -(-array.nbytes // ALIGNMENT) * ALIGNMENT


# ---- values ------------------------------------------------------------------------------------------------------


def encode(value: Any, arrays: list[Array]) -> Any:
    """Return ``value`` as JSON can hold it; each array in it is appended to ``arrays`` and becomes its index."""
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
    if isinstance(value, list) and len(value) >= SHORTEST_VECTOR and all(type(entry) is float for entry in value):
        arrays.append(np.array(value))
        return {"floats": len(arrays) - 1}
    if isinstance(value, (list, tuple)):
        entries = [encode(entry, arrays) for entry in value]
        return {"tuple": entries} if isinstance(value, tuple) else entries
    raise UnsavableError(f"{value!r:.100} of type {type(value).__name__}")


def decode(value: Any, arrays: list[Array]) -> Any:
    """Return the value that `encode` encoded."""
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
    raise ValueError(f"{kind!r} is not a kind of value")


def can_hold(value: Any) -> bool:
    """Return whether a snapshot can hold ``value``."""
    try:
        encode(value, [])
    except UnsavableError:
        return False
    return True
