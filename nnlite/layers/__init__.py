"""The layers: each file is one concept."""

from nnlite.layers.activations import ELU, SELU, LeakyReLU, ReLU, Tanh
from nnlite.layers.base import Activation, Cache, Layer
from nnlite.layers.by_name import as_layer
from nnlite.layers.convolution import Conv1D, Conv2D
from nnlite.layers.dense import Dense
from nnlite.layers.noise import AlphaDropout, Dropout, Dropout1D, Dropout2D, GaussianNoise
from nnlite.layers.normalization import BatchNorm, LayerNorm
from nnlite.layers.outputs import Exponential, Identity, Output, Sigmoid, Softmax
from nnlite.layers.padding import ZeroPadding1D, ZeroPadding2D
from nnlite.layers.pooling import (
    AveragePool1D,
    AveragePool2D,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    MaxPool1D,
    MaxPool2D,
)
from nnlite.layers.residual import Residual
from nnlite.layers.shape import Flatten, Reshape
from nnlite.layers.smooth import GELU, HardSwish, SiLU, Softplus

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "AlphaDropout",
    "AveragePool1D",
    "AveragePool2D",
    "BatchNorm",
    "Cache",
    "Conv1D",
    "Conv2D",
    "Dense",
    "Dropout",
    "Dropout1D",
    "Dropout2D",
    "Exponential",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePool1D",
    "GlobalAveragePool2D",
    "HardSwish",
    "Identity",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "MaxPool1D",
    "MaxPool2D",
    "Output",
    "ReLU",
    "Reshape",
    "Residual",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "as_layer",
]
