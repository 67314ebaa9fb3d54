"""The layers: each file is one concept."""

from nnlite.layers.activations import ReLU, Tanh
from nnlite.layers.base import Activation, Cache, Layer
from nnlite.layers.dense import Dense
from nnlite.layers.outputs import Identity, Output, Sigmoid, Softmax

__all__ = [
    "Activation", "Cache", "Dense", "Identity", "Layer", "Output", "ReLU", "Sigmoid", "Softmax", "Tanh",
]  # fmt: skip
