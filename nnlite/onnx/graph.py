"""The nodes and constants of an ONNX graph, while it is written."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnlite.checks import Array

OPSET = 17  # of the operators; ONNX Runtime has read it since 2022
ML_OPSET = 3  # of ONNX-ML, for tables
IR_VERSION = 8
ML_DOMAIN = "ai.onnx.ml"
OUTPUT = "Y_hat"
BATCH = "M"  # the name of the dynamic axis


class Graph:
    """A graph that grows node by node.

    Parameters
    ----------
    library : module
        onnx.
    dtype : numpy.dtype
        float32 or float64: what the network computes with.
    """

    def __init__(self, library: Any, dtype: np.dtype[Any]) -> None:
        self.library, self.dtype = library, dtype
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.inputs: list[Any] = []
        self.uses_ml = False
        self._names: set[str] = set()
        self._scalars: dict[tuple[str, float], str] = {}

    def fresh(self, name: str) -> str:
        """Return a name that nothing in the graph has yet: ``name``, or ``name`` with a number."""
        found, number = name, 1
        while found in self._names:
            number += 1
            found = f"{name}_{number}"
        self._names.add(found)
        return found

    def input(self, name: str, numpy_type: Any, shape: tuple[int, ...]) -> str:
        """Add an input with rows of ``shape``; return its name. ``numpy_type`` may be str."""
        helper, types = self.library.helper, self.library.TensorProto
        kind = types.STRING if numpy_type is str else helper.np_dtype_to_tensor_dtype(np.dtype(numpy_type))
        name = self.fresh(name)
        self.inputs.append(helper.make_tensor_value_info(name, kind, [BATCH, *shape]))
        return name

    def constant(self, name: str, array: Array) -> str:
        """Add an array to the graph; return its name."""
        name = self.fresh(name)
        self.initializers.append(self.library.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def number(self, value: float, dtype: Any = None) -> str:
        """Return the name of a constant that is one number, in the dtype of the network."""
        dtype = np.dtype(self.dtype if dtype is None else dtype)
        key = dtype.name, value
        if key not in self._scalars:
            self._scalars[key] = self.constant("constant", np.array(value, dtype))
        return self._scalars[key]

    def add(self, operator: str, *inputs: str, output: str = "", domain: str = "", **attributes: Any) -> str:
        """Add a node with one output; return the name of the output."""
        output = output or self.fresh(operator.lower())
        self.uses_ml |= domain == ML_DOMAIN
        node = self.library.helper.make_node(operator, inputs, [output], domain=domain, **attributes)
        node.name = f"{operator}_{len(self.nodes) + 1}"
        self.nodes.append(node)
        return output

    def model(self, output: str, n_units: int, metadata: dict[str, str], version: str) -> Any:
        """Return the finished model, whose only output has rows of ``n_units`` numbers."""
        helper = self.library.helper
        kind = helper.np_dtype_to_tensor_dtype(self.dtype)
        outputs = [helper.make_tensor_value_info(output, kind, [BATCH, n_units])]
        graph = helper.make_graph(self.nodes, "nnlite", self.inputs, outputs, self.initializers)
        opsets = [helper.make_opsetid("", OPSET)]
        if self.uses_ml:
            opsets.append(helper.make_opsetid(ML_DOMAIN, ML_OPSET))
        model = helper.make_model(graph, opset_imports=opsets, producer_name="nnlite", producer_version=version)
        model.ir_version = IR_VERSION
        helper.set_model_props(model, metadata)
        return model
