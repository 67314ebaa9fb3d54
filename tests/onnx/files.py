"""Small ONNX files."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def save(path, nodes, arrays=(), n=4, result=3, dtype=TensorProto.FLOAT, opset=17, dims=None):
    """Write a file with an input X (M, n), an output Y, and these nodes and constants."""
    given = helper.make_tensor_value_info("X", dtype, dims or ["M", n])
    made = helper.make_tensor_value_info("Y", dtype, ["M", result])
    constants = [numpy_helper.from_array(np.asarray(array), name) for name, array in dict(arrays).items()]
    graph = helper.make_graph(nodes, "g", [given], [made], constants)
    domains = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=domains, ir_version=8)
    onnx.save(model, path)
    return model


def node(operator, *inputs, to="Y", **attributes):
    return helper.make_node(operator, inputs, [to], **attributes)
