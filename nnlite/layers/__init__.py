"""The layers: each file is one concept."""

from nnlite.layers.activations import ELU, SELU, LeakyReLU, ReLU, Tanh
from nnlite.layers.base import Activation, Cache, Layer
from nnlite.layers.by_name import as_layer
from nnlite.layers.dense import Dense
from nnlite.layers.noise import AlphaDropout, Dropout, GaussianNoise
from nnlite.layers.normalization import BatchNorm, LayerNorm
from nnlite.layers.outputs import Exponential, Identity, Output, Sigmoid, Softmax
from nnlite.layers.residual import Residual
from nnlite.layers.shape import Flatten, Reshape
from nnlite.layers.smooth import GELU, HardSwish, SiLU, Softplus

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "AlphaDropout",
    "BatchNorm",
    "Cache",
    "Dense",
    "Dropout",
    "Exponential",
    "Flatten",
    "GaussianNoise",
    "HardSwish",
    "Identity",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Output",
    "ReLU",
    "Reshape",
    "Residual",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "as_layer",
]
