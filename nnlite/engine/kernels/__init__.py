"""The equations of layers, outputs, costs and optimizers as compiled loops: a kernel for each."""

from nnlite.engine.kernels import (
    activations,
    examples,
    noise,
    normalization,
    outputs,
    prediction,
    products,
    rules,
    steps,
)

__all__ = ["activations", "examples", "noise", "normalization", "outputs", "prediction", "products", "rules", "steps"]
