"""ONNX Runtime, which predicts and does not train."""

from __future__ import annotations

from collections.abc import Callable

import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.networks import Array, Weights


def onnx_model(weights: Weights) -> bytes:
    """The network as an ONNX file: Gemm and Relu, and a Softmax at the end."""
    nodes, arrays, a = [], [], "X"
    for layer, (W, b) in enumerate(weights, start=1):
        arrays += [numpy_helper.from_array(W, f"W{layer}"), numpy_helper.from_array(b, f"b{layer}")]
        nodes.append(helper.make_node("Gemm", [a, f"W{layer}", f"b{layer}"], [f"z{layer}"]))
        a = f"a{layer}" if layer < len(weights) else "Y_hat"
        nodes.append(helper.make_node("Relu" if layer < len(weights) else "Softmax", [f"z{layer}"], [a]))
    X = helper.make_tensor_value_info("X", TensorProto.FLOAT, ["M", len(weights[0][0])])
    Y_hat = helper.make_tensor_value_info("Y_hat", TensorProto.FLOAT, ["M", weights[-1][0].shape[1]])
    graph = helper.make_graph(nodes, "network", [X], [Y_hat], arrays)
    # versions that every ONNX Runtime of the last years reads
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def predictor(weights: Weights) -> Callable[[Array], Array]:
    """A session with its default settings: all graph optimizations, a thread for each core."""
    session = onnxruntime.InferenceSession(onnx_model(weights), providers=["CPUExecutionProvider"])

    def predict(X: Array) -> Array:
        probabilities: Array = session.run(None, {"X": X})[0]
        return probabilities

    return predict
