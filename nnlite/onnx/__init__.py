"""ONNX files: networks for other runtimes, and from PyTorch, Keras and scikit-learn. Needs ``nnlite[onnx]``."""

from nnlite.onnx.exporting import export
from nnlite.onnx.feeding import inputs
from nnlite.onnx.loading import load

__all__ = ["export", "inputs", "load"]


def __dir__() -> list[str]:
    return __all__
