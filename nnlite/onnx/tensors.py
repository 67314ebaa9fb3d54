"""The arrays in an ONNX file, and beside it: a file may keep its weights in another file of the same directory."""

from __future__ import annotations

import math
import os
import stat
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ModelFileError

TYPES = ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", "INT64", "INT32", "INT8", "UINT8", "BOOL", "STRING")
SMALL = 2**16  # numbers; constants up to this size are computed with in float64


class TensorReader:
    """Reads arrays from the messages of an ONNX file.

    Parameters
    ----------
    library : module
        onnx.
    folder : str
        The directory of the file. Weights are never read from elsewhere.
    """

    def __init__(self, library: Any, folder: str) -> None:
        self._library, self._folder = library, folder

    def array(self, tensor: Any) -> Array:
        """Return an array; floats of small ones as float64.

        Raises
        ------
        ModelFileError
            If it is of another type than numbers and text, is not complete, or lies outside of the directory.
        """
        types = self._library.TensorProto
        name = types.DataType.Name(tensor.data_type) if tensor.data_type in types.DataType.values() else "unknown"
        if name not in TYPES:
            raise ModelFileError(f"the constant {tensor.name!r:.100} is of the type {name}, which nnlite does not read")
        shape = tuple(tensor.dims)
        if any(n < 0 for n in shape) or len(shape) > 8:
            raise ModelFileError(f"the constant {tensor.name!r:.100} has the shape {shape!r:.100}")
        if tensor.data_location == types.EXTERNAL:
            array = self._external(tensor, shape)
        else:
            array = self._library.numpy_helper.to_array(tensor)
        if array.shape != shape:
            raise ModelFileError(f"the constant {tensor.name!r:.100} is not complete")
        if name in ("FLOAT16", "BFLOAT16"):
            array = array.astype(np.float32)
        return array.astype(np.float64) if array.dtype.kind == "f" and array.size <= SMALL else array

    def _external(self, tensor: Any, shape: tuple[int, ...]) -> Array:
        """Return an array that lies in another file."""
        entries = {entry.key: entry.value for entry in tensor.external_data}
        dtype = np.dtype(self._library.helper.tensor_dtype_to_np_dtype(tensor.data_type))
        if dtype.kind not in "fiub" and dtype.itemsize != 2:
            raise ModelFileError(f"the constant {tensor.name!r:.100} cannot lie in another file")
        location, needed = entries.get("location", ""), math.prod(shape) * dtype.itemsize
        offset = _integer(entries.get("offset", "0"))
        length = _integer(entries["length"]) if "length" in entries else needed
        if length != needed:
            raise ModelFileError(f"the constant {tensor.name!r:.100} needs {needed} bytes, and has {length}")
        path = self._path_inside(location)
        with open(path, "rb") as file:
            if offset + length > os.fstat(file.fileno()).st_size:
                raise ModelFileError(f"its file {location!r:.100} ends too early")
            file.seek(offset)
            return np.frombuffer(file.read(length), dtype.newbyteorder("<")).reshape(shape)

    def _path_inside(self, location: str) -> str:
        """Return the path of a file in the directory; ModelFileError if it is outside, or no file."""
        folder = os.path.realpath(self._folder)
        path = os.path.realpath(os.path.join(folder, location)) if location and "\0" not in location else ""
        if os.path.isabs(location) or not path or os.path.commonpath([folder, path]) != folder:
            raise ModelFileError(f"its weights lie in {location!r:.100}, outside of its directory")
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise ModelFileError(f"its weights lie in {location!r:.100}, which is not a file")
        except OSError:
            raise ModelFileError(f"its weights lie in {location!r:.100}, which is not there") from None
        return path


def _integer(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ModelFileError(f"a place in another file is no number: {text!r:.40}")
    return int(text)
