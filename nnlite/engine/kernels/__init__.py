"""The equations of layers, outputs, costs and optimizers as compiled loops: a kernel for each."""

from nnlite.engine.kernels import (
    activations,
    channels,
    convolutions,
    examples,
    grouped,
    images,
    noise,
    normalization,
    outputs,
    pooling,
    prediction,
    products,
    rules,
    steps,
)

__all__ = [
    "activations",
    "channels",
    "convolutions",
    "examples",
    "grouped",
    "images",
    "noise",
    "normalization",
    "outputs",
    "pooling",
    "prediction",
    "products",
    "rules",
    "steps",
]
