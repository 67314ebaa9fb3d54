"""Write a network as an ONNX file."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.atomic import replacing
from nnlite.errors import ArgumentError
from nnlite.extras import require
from nnlite.layers import chain
from nnlite.network.network import Network
from nnlite.onnx.graph import OUTPUT, Graph
from nnlite.onnx.images import WRITERS_OF_IMAGES
from nnlite.onnx.operators import LayerWriter
from nnlite.onnx.tables import add_table
from nnlite.version import __version__
from nnlite.words import explained

LARGEST = 2**31 - 2**24  # bytes of the parameters: an ONNX file has less than 2 GiB
INPUT = "X"
CLASS_NAMES = "class_names"  # the entry of the metadata, a JSON list


@explained
def export(model: Network, path: str | os.PathLike[str]) -> None:
    """Write a network as an ONNX file, which other runtimes and languages can run.

    Parameters
    ----------
    model : Model
        It must be built, and have nnlite's own layers. Dropout and the other layers that act in training alone are left
        out, and BatchNorm uses its running averages.
    path : path-like
        The name of the file, used as it is. An existing file is replaced.

    Raises
    ------
    ArgumentError
        If ``model`` is not a network, a layer is one of your own, the table has a column of dates, or the parameters
        take more than 2 GiB.
    ImportError
        If onnx is not installed: ``pip install "nnlite[onnx]"``.
    NotBuiltError
        If the network has no parameters yet.

    Notes
    -----
    The input ``X`` has the shape (M, n[0]), or (M, height, width, channels) for images, with any M, and the output
    ``Y_hat`` (M, n[L]), both in the dtype of the network. Y_hat are probabilities after Softmax and Sigmoid. Names of
    classes are in the metadata as ``class_names``, a JSON list.

    A network that was trained on a table has an input (M, 1) for each column instead, with the name of the column:
    float64 for numbers and for yes and no (1 and 0), with NaN where a value is missing, and text for categories, empty
    where it is missing. `inputs` makes such arrays. A target that was standardized inside the network comes out in its
    own units.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(3), nn.Softmax()], n_features=4, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nn.onnx.export(model, os.path.join(folder, "model.onnx"))
    ...     os.listdir(folder)
    ['model.onnx']
    """
    onnx = require("onnx", "onnx", "nnlite.onnx.export")
    if not isinstance(model, Network):
        raise ArgumentError(f"model: expected a Model, got {type(model).__name__}")
    name = checks.path("path", path)
    model.require_built("export")
    if model.theta.nbytes + model.state.nbytes > LARGEST:
        raise ArgumentError(f"model: has {model.theta.nbytes} bytes of parameters, and an ONNX file holds 2 GiB")
    raw = _written(onnx, model).SerializeToString(deterministic=True)
    with replacing(name) as file:
        file.write(raw)


def _written(onnx: Any, model: Network) -> Any:
    """Return the network as a ModelProto."""
    graph = Graph(onnx, model.dtype)
    graph.fresh(OUTPUT)
    if model.encoding is None:
        assert model.input_shape is not None
        X = graph.input(INPUT, model.dtype, model.input_shape)
    else:
        X = add_table(graph, model.encoding)
    arrays = {(s.layer, s.attribute): (s.name, s.view(model.theta)) for s in model.segments}
    arrays |= {(s.layer, s.attribute): (s.name, s.view(model.state)) for s in model.state_segments}
    shapes = dict(chain.with_input_shapes(model.layers, model.require_built("export")))
    writer = LayerWriter(graph, arrays, chain.places(model.layers), shapes, WRITERS_OF_IMAGES)
    Y_hat = writer.chain(model.layers, X)
    if model.target_scale is not None:
        Y_hat = _in_units(graph, Y_hat, *model.target_scale)
    graph.add("Identity", Y_hat, output=OUTPUT)
    return graph.model(OUTPUT, model.n_units or 1, _metadata(model), __version__)


def _in_units(graph: Graph, Y_hat: str, mean: Any, std: Any) -> str:
    """``Y_hat std + mean`` in float64, as `TargetScale` computes it."""
    helper, types = graph.library.helper, graph.library.TensorProto
    scale, shift = graph.constant("target_std", std), graph.constant("target_mean", mean)
    outside = graph.add("Add", graph.add("Mul", graph.add("Cast", Y_hat, to=types.DOUBLE), scale), shift)
    return graph.add("Cast", outside, to=helper.np_dtype_to_tensor_dtype(np.dtype(graph.dtype)))


def _metadata(model: Network) -> dict[str, str]:
    metadata = {}
    if model.class_names is not None:
        metadata[CLASS_NAMES] = json.dumps(list(model.class_names), ensure_ascii=False)
    if model.encoding is not None and model.encoding.target_name:
        metadata["target_name"] = model.encoding.target_name
    return metadata
