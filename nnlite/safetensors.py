"""Weights in files of the format safetensors, as PyTorch and Hugging Face write them. Needs ``nnlite[safetensors]``.

The tensors have the names and the orientation of `Model.state_dict`, so that PyTorch's ``load_state_dict`` takes them.
"""

from __future__ import annotations

import math
import os
import stat
from typing import Any

from nnlite import checks
from nnlite.atomic import replacing
from nnlite.errors import ArgumentError, ModelFileError
from nnlite.extras import require
from nnlite.model import Model
from nnlite.network.network import Network
from nnlite.network.state_dict import COUNTER
from nnlite.storage.header import Header
from nnlite.storage.layers_json import builtin_classes
from nnlite.storage.model_files import describe
from nnlite.storage.rebuild import add_vectors, check_lengths, make_network
from nnlite.storage.untrusted import refusing
from nnlite.words import explained

__all__ = ["load", "save"]

DESCRIPTION = "nnlite"  # the entry of the metadata that describes the network
NUMBERS = ("F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8")


def __dir__() -> list[str]:
    return __all__


@explained
def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write the weights of a network to a safetensors file, completely or not at all.

    Parameters
    ----------
    model : Model
        It must be built. The file has the arrays of `Model.state_dict`, and the layers, the names of the classes and
        the encoding of a table as metadata, from which `load` makes the network again.
    path : path-like
        The name of the file, used as it is. An existing file is replaced.

    Raises
    ------
    ArgumentError
        If ``model`` is not a network, or an argument of a layer cannot be written.
    ImportError
        If safetensors is not installed: ``pip install "nnlite[safetensors]"``.
    NotBuiltError
        If the network has no parameters yet.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=2, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.safetensors")
    ...     nn.safetensors.save(model, path)
    ...     again = nn.safetensors.load(path)
    >>> bool((again.theta == model.theta).all())
    True
    """
    library = require("safetensors.numpy", "safetensors", "nnlite.safetensors.save")
    if not isinstance(model, Network):
        raise ArgumentError(f"model: expected a Model, got {type(model).__name__}")
    name = checks.path("path", path)
    arrays = model.state_dict()
    raw = library.save(arrays, metadata={"format": "pt", DESCRIPTION: describe(model).decode()})
    with replacing(name) as file:
        file.write(raw)


@explained
def load(model: Model | str | os.PathLike[str], path: str | os.PathLike[str] | None = None) -> Model:
    """Read the weights of a network from a safetensors file: ``load(path)``, or ``load(model, path)``.

    Parameters
    ----------
    model : Model or path-like
        The network that gets the weights; it must be built. A path alone makes the network anew, from the metadata that
        `save` wrote.
    path : path-like, optional
        The file. It may come from a stranger.

    Returns
    -------
    Model
        ``model``, or the new network.

    Raises
    ------
    ArgumentError
        If ``model`` is neither a network nor a path.
    ImportError
        If safetensors is not installed: ``pip install "nnlite[safetensors]"``.
    ModelFileError
        If the file is damaged, or does not fit the network: the message names the tensors that are missing, unexpected
        or of another shape. The network does not change then.
    NotBuiltError
        If the network has no parameters yet.
    OSError
        If the file does not exist (FileNotFoundError) or cannot be read.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=2, seed=0)
    >>> other = nn.Model([nn.Dense(3), nn.Softmax()], n_features=2, seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.safetensors")
    ...     nn.safetensors.save(model, path)
    ...     other = nn.safetensors.load(other, path)
    >>> bool((other.theta == model.theta).all())
    True
    """
    library = require("safetensors", "safetensors", "nnlite.safetensors.load")
    network, name = _arguments(model, path)
    if network is not None:
        network.require_built("load")
    try:
        if not stat.S_ISREG(os.stat(name).st_mode):
            raise ModelFileError("is not a file, but a directory, device or pipe")
        with refusing(), library.safe_open(name, framework="numpy") as file:
            sizes = _sizes(file)
            made: Model = _described(file.metadata() or {}, sizes) if network is None else network
            arrays = {key: file.get_tensor(key) for key in sizes}
        try:
            made.load_state_dict(arrays)
        except ArgumentError as error:
            raise ModelFileError(str(error).removeprefix("state_dict: ")) from error
    except ModelFileError as error:
        raise ModelFileError(f"{name}: {error}") from error.__cause__
    return made


def _arguments(model: Any, path: Any) -> tuple[Any, str]:
    """Return the network, None if a new one is to be made, and the path."""
    if isinstance(path, Network) and not isinstance(model, Network):
        model, path = path, model
    if path is None and isinstance(model, Network):
        raise ArgumentError("path: load needs this argument")
    if path is None:
        return None, checks.path("model", model)
    if not isinstance(model, Network):
        raise ArgumentError(f"model: expected a Model, got {type(model).__name__}")
    return model, checks.path("path", path)


def _sizes(file: Any) -> dict[str, int]:
    """Return how many numbers each tensor has; ModelFileError if one holds no numbers that NumPy has."""
    sizes = {}
    for key in file.keys():  # noqa: SIM118 (it is no dict)
        tensor = file.get_slice(key)
        if tensor.get_dtype() not in NUMBERS:
            raise ModelFileError(
                f"the tensor {key!r:.100} is of type {tensor.get_dtype()}, which NumPy does not have; "
                f"save it as float32"
            )
        sizes[key] = math.prod(tensor.get_shape())
    return sizes


def _described(metadata: dict[str, str], sizes: dict[str, int]) -> Model:
    """Return the network that the metadata describes, with all parameters 0."""
    if DESCRIPTION not in metadata:
        raise ModelFileError(
            "does not say which layers the network has, since nnlite did not write it; make the network, and pass it: "
            "nnlite.safetensors.load(model, path)"
        )
    header = Header.from_json(metadata[DESCRIPTION].encode())
    model = make_network(header, builtin_classes(), Model)
    names = ("running_mean", "running_var", COUNTER)
    mean, variance, counters = (sum(n for key, n in sizes.items() if key.endswith(f".{name}")) for name in names)
    learned = sum(sizes.values()) - mean - variance - counters
    check_lengths(model, header.input_shape, (learned, mean + 2 * variance))  # the averages' weight is in the counters
    add_vectors(model, header)
    return model
