"""Read an ONNX file as a program: constants, and nodes in the order in which they are computed."""

from __future__ import annotations

import os
import stat
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ModelFileError
from nnlite.onnx.graph import ML_DOMAIN
from nnlite.onnx.tensors import TensorReader
from nnlite.onnx.wire import check_fields
from nnlite.storage.untrusted import refusing

LARGEST_FILE = 2**31 - 1  # bytes, the limit of the format
MOST_NODES = 2**12
MOST_NUMBERS = 2**18  # of one example


class Node(NamedTuple):
    """One operator.

    Attributes
    ----------
    operator : str
        "Gemm", or "ai.onnx.ml.Scaler" for an operator outside of ONNX itself.
    name : str
    inputs, outputs : list of str
        Names of values; an input that is left out is "".
    attributes : dict
        Numbers, strings, lists and arrays.
    """

    operator: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.operator} (node {self.name!r:.100})" if self.name else self.operator


class Program(NamedTuple):
    """What a file computes.

    Attributes
    ----------
    nodes : list of Node
        Each after those that it needs.
    constants : dict of str to ndarray
    input : str
    input_dims : list of int or None
        Of the input, the batch first; None for a size that is not fixed.
    input_type : numpy.dtype
    outputs : list of str
        Those that may be numbers with fractions.
    opset : int
        The version of ONNX' operators.
    metadata : dict of str to str
    doubles : bool
        Whether the weights are float64.
    """

    nodes: list[Node]
    constants: dict[str, Array]
    input: str
    input_dims: list[int | None]
    input_type: np.dtype[Any]
    outputs: list[str]
    opset: int
    metadata: dict[str, str]
    doubles: bool


def read(library: Any, path: str) -> Program:
    """Read a file; it may come from a stranger.

    Raises
    ------
    ModelFileError
        If it is damaged, is not an ONNX file, or has other inputs than one array.
    OSError
        If it does not exist or cannot be read.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise ModelFileError("is not a file, but a directory, device or pipe")
    if found.st_size > LARGEST_FILE:
        raise ModelFileError("is larger than 2 GiB")
    with open(path, "rb") as file:
        raw = file.read(found.st_size)
    with refusing("is not an ONNX file"):
        check_fields(memoryview(raw), library.ModelProto.DESCRIPTOR)
        model = library.ModelProto.FromString(raw)
    del raw
    with refusing():
        return _program(library, model, TensorReader(library, os.path.dirname(path)))


def _program(library: Any, model: Any, tensors: TensorReader) -> Program:
    graph = model.graph
    if not graph.node and not graph.output:
        raise ModelFileError("is not an ONNX file: it has no graph")
    if len(graph.node) > MOST_NODES:
        raise ModelFileError(f"has more than {MOST_NODES} operators")
    if graph.sparse_initializer:
        raise ModelFileError("has sparse constants, which nnlite does not read")
    constants = {tensor.name: tensors.array(tensor) for tensor in graph.initializer}
    given = [value for value in graph.input if value.name not in constants]
    if len(given) != 1:
        names = ", ".join(repr(value.name[:40]) for value in given[:10])
        what = "a table" if any(node.op_type == "LabelEncoder" for node in graph.node) else "several arrays"
        raise ModelFileError(
            f"has {len(given)} inputs ({names}): it takes {what}, and nnlite reads networks of one array"
        )
    name, dims, dtype = _input(library, given[0])
    opsets = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    nodes = [_node(node, tensors) for node in graph.node]
    weights = [tensor for tensor in graph.initializer if len(tensor.dims) == 2]
    _check_order(nodes, {name, *constants})
    return Program(
        nodes=nodes,
        constants=constants,
        input=name,
        input_dims=dims,
        input_type=dtype,
        outputs=[value.name for value in graph.output if _may_be_floats(library, value)],
        opset=opsets[0] if opsets else 1,
        metadata={entry.key: entry.value for entry in model.metadata_props},
        doubles=bool(weights) and all(tensor.data_type == library.TensorProto.DOUBLE for tensor in weights),
    )


def _input(library: Any, value: Any) -> tuple[str, list[int | None], np.dtype[Any]]:
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not kind.HasField("shape"):
        raise ModelFileError(f"the input {value.name!r:.100} has no shape")
    dtype = np.dtype(library.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    if dtype.kind not in "fiub":
        raise ModelFileError(f"the input {value.name!r:.100} is not an array of numbers")
    dims = [d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in kind.shape.dim]
    if not 2 <= len(dims) <= 8:
        raise ModelFileError(f"the input {value.name!r:.100} has {len(dims)} dimensions; expected rows, (M, n)")
    return value.name, dims, dtype


def _may_be_floats(library: Any, value: Any) -> bool:
    """Whether an output may be an array of floats; labels are not."""
    types = library.TensorProto
    if not value.type.HasField("tensor_type"):
        return True  # such as the list of dictionaries that scikit-learn's classifiers give
    return value.type.tensor_type.elem_type in (types.UNDEFINED, types.FLOAT, types.DOUBLE, types.FLOAT16)


def _node(node: Any, tensors: TensorReader) -> Node:
    domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
    attributes = {attribute.name: _attribute(attribute, tensors) for attribute in node.attribute}
    return Node(f"{domain}{node.op_type}", node.name, list(node.input), list(node.output), attributes)


def _attribute(attribute: Any, tensors: TensorReader) -> Any:
    """Return the value of an attribute; None for one that no operator here has, such as a graph."""
    kinds = type(attribute)
    if attribute.type == kinds.TENSOR:
        return tensors.array(attribute.t)
    if attribute.type == kinds.STRING:
        return attribute.s.decode(errors="replace")
    if attribute.type == kinds.STRINGS:
        return [text.decode(errors="replace") for text in attribute.strings]
    plain = {kinds.FLOAT: "f", kinds.INT: "i", kinds.FLOATS: "floats", kinds.INTS: "ints"}
    value: Any = getattr(attribute, plain[attribute.type]) if attribute.type in plain else None
    return list(value) if attribute.type in (kinds.FLOATS, kinds.INTS) else value


def _check_order(nodes: list[Node], known: set[str]) -> None:
    """Raise ModelFileError unless each node comes after what it needs, and no name is given twice."""
    for node in nodes:
        for name in node.inputs:
            if name and name not in known:
                raise ModelFileError(f"is damaged: {node} needs {name!r:.100}, which nothing before it computes")
        for name in node.outputs:
            if name and name in known:
                raise ModelFileError(f"is damaged: {name!r:.100} is computed twice")
            known.add(name)


def is_ml(node: Node, operator: str) -> bool:
    """Whether a node is an operator of ONNX-ML."""
    return node.operator == f"{ML_DOMAIN}.{operator}"
