"""Optional libraries: each is imported where it is used, and the error says which extra brings it."""

import importlib
from typing import Any


def require(library: str, extra: str, what: str) -> Any:
    """Import an optional library and return it.

    Parameters
    ----------
    library : str
        The module, such as "onnx" or "safetensors.numpy".
    extra : str
        The extra of nnlite that installs it.
    what : str
        The call that needs it, for the message.

    Raises
    ------
    ImportError
        If the library is not installed; the message names the extra.

    Examples
    --------
    >>> require("no_such_library", "onnx", "nnlite.onnx.export")
    Traceback (most recent call last):
        ...
    ImportError: nnlite.onnx.export needs no_such_library; run pip install "nnlite[onnx]"
    """
    try:
        return importlib.import_module(library)
    except ImportError as error:
        package = library.partition(".")[0]
        raise ImportError(f'{what} needs {package}; run pip install "nnlite[{extra}]"', name=package) from error
