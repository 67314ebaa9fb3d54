"""ONNX Runtime as the other end of what nnlite exports."""

import numpy as np
import onnx
import onnxruntime

onnxruntime.set_default_logger_severity(3)


def checked(path):
    """The file, after the checks of onnx."""
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    return model


def run(path, feeds):
    """What ONNX Runtime computes from a dictionary of inputs, or from an array for the only one."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    if not isinstance(feeds, dict):
        feeds = {session.get_inputs()[0].name: np.asarray(feeds)}
    return session.run(None, feeds)[0]
