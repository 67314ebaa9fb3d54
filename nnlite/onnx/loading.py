"""Read a network from an ONNX file."""

from __future__ import annotations

import contextlib
import json
import math
import os
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError, ModelFileError
from nnlite.extras import require
from nnlite.layers import Identity, Layer, Output
from nnlite.model import Model
from nnlite.network.building import reshape_in_front
from nnlite.onnx.exporting import CLASS_NAMES
from nnlite.onnx.items import Item, make_layer, merged, set_arrays
from nnlite.onnx.layout import channels_last
from nnlite.onnx.output import Ending, ending
from nnlite.onnx.parsing import MOST_NUMBERS, Program, read
from nnlite.onnx.structure import Structure
from nnlite.storage.header import LARGEST_HEADER
from nnlite.storage.untrusted import refusing
from nnlite.words import explained

ROWS = 13  # that are sent through the network to find its layers; fewer, but LEAST_ROWS, if they are long
LEAST_ROWS = 3
MOST_SENT = 2**18  # numbers in these rows


@explained
def load(path: str | os.PathLike[str], *, output: Output | None = None) -> Model:
    """Read a network from an ONNX file that PyTorch, Keras, scikit-learn or nnlite has exported.

    The file may come from a stranger: nothing in it is executed, and its weights are never read from outside of its
    directory.

    Parameters
    ----------
    path : path-like
    output : Output, optional
        The output layer for a network that ends in another layer, such as ``nn.Softmax()`` for one of PyTorch that ends
        in logits. By default `Identity`: the network gives what the file gives.

    Returns
    -------
    Model
        In float64 if the file computes in float64, else in float32. Its batch may have any size, also if that of the
        file is fixed.

    Raises
    ------
    ArgumentError
        If ``output`` is not an output layer.
    ImportError
        If onnx is not installed: ``pip install "nnlite[onnx]"``.
    ModelFileError
        If the file is damaged, or has an operator for which nnlite has no layer: the message names the first. Also if
        the network has several inputs, or is not a chain of layers and residual connections.
    OSError
        If the file does not exist (FileNotFoundError) or cannot be read.

    Notes
    -----
    Images of ONNX and PyTorch have their channels first, (M, C, height, width); the network that is read takes them
    with channels last, (M, height, width, C): ``X.transpose(0, 2, 3, 1)``. The weights behind a Flatten are in that
    order, too.

    Operators that are one layer together, such as the five of GELU, are recognized by what they compute. A shift and
    scale of each unit becomes part of the layer before it, or a BatchNorm. Of a classifier of scikit-learn the
    probabilities are the output, and the labels become ``class_names``.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(8), nn.GELU(), nn.Dense(3), nn.Softmax()], n_features=4, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.onnx")
    ...     nn.onnx.export(model, path)
    ...     nn.onnx.load(path)
    Model([Dense(8), GELU(), Dense(3), Softmax()])
    """
    onnx = require("onnx", "onnx", "nnlite.onnx.load")
    name = checks.path("path", path)
    if output is not None and not isinstance(output, Output):
        raise ArgumentError(f"output: expected an output layer such as nn.Softmax(), got {output!r:.100}")
    try:
        program = read(onnx, name)
        end = ending(program)
        rows, shape = _input_shape(program)
        items, shape = channels_last(Structure(program, rows, shape, end.value).items(), shape)
        items = merged(items)
        return _built(items, shape, program, end, output)
    except ModelFileError as error:
        raise ModelFileError(f"{name}: {error}") from error.__cause__


def _input_shape(program: Program) -> tuple[int, tuple[int, ...]]:
    """Return how many rows to send through the network, and the shape of one."""
    batch, *dims = program.input_dims
    if dims == [None]:
        dims = [_width(program)]
    if None in dims:
        raise ModelFileError(f"the size of its input {program.input!r:.100} is not fixed")
    shape = tuple(n for n in dims if n is not None)
    if np.prod(shape, dtype=float) > MOST_NUMBERS:
        raise ModelFileError(f"one example of its input has more than {MOST_NUMBERS} numbers")
    fitting = MOST_SENT // math.prod(shape)
    rows = min(ROWS, max(LEAST_ROWS, fitting))
    return (batch if batch is not None and batch <= max(fitting, 1) else rows), shape


def _width(program: Program) -> int | None:
    """Return the number of features, from the first product with a matrix; None if there is none."""
    for node in program.nodes:
        if node.operator in ("MatMul", "Gemm") and node.inputs[1:2] and node.inputs[1] in program.constants:
            W = program.constants[node.inputs[1]]
            return int(W.shape[1 if node.attributes.get("transB") else 0]) if W.ndim == 2 else None
    return None


def _built(items: list[Item], shape: tuple[int, ...], program: Program, end: Ending, output: Output | None) -> Model:
    """Return the network with its arrays."""
    while items and not items[-1].arrays and not items[-1].inner and items[-1].make() is None:
        items.pop()  # the output (M, 1) as (M,)
    chain: list[Layer] = [make_layer(item) for item in items]
    if output is not None or not chain or not isinstance(chain[-1], Output):
        chain.append(Identity() if output is None else output)
    dtype = "float64" if program.doubles else "float32"
    with refusing("the network cannot be made"):
        front = reshape_in_front(chain, shape)
        model = Model([*front, *chain], n_features=shape, dtype=dtype)
        for item, layer in zip(items, chain, strict=False):
            set_arrays(item, layer)
        _check_finite(model.theta, model.state)
    _set_names(model, end.class_names or _names(program))
    return model


def _check_finite(*vectors: Array) -> None:
    for vector in vectors:
        if not np.isfinite(vector).all():
            raise ModelFileError("has weights that are not finite")


def _names(program: Program) -> Any:
    """Return the names of classes that nnlite wrote into the metadata."""
    raw = program.metadata.get(CLASS_NAMES, "")
    if 0 < len(raw) <= LARGEST_HEADER:
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(raw)
    return None


def _set_names(model: Model, names: Any) -> None:
    """Set the names of the classes, if they fit the network."""
    if isinstance(names, list):
        with contextlib.suppress(ArgumentError):
            model.class_names = names
