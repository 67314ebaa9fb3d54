"""Each layer as operators of ONNX.

Two things decide which operators are written. ONNX Runtime has some of them for float32 only, so a float64 network is
written with simpler ones. And its BatchNormalization and LayerNormalization lose digits where a mean is large compared
with the deviation from it, so the equations of the layers are written out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nnlite import layers
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.functional import SELU_ALPHA, SELU_LAMBDA
from nnlite.functional.normal import ERFC_POLYNOMIAL, FAR
from nnlite.layers import Layer
from nnlite.onnx.graph import Graph

Names = Mapping[tuple[Layer, str], tuple[str, Array]]


class LayerWriter:
    """Writes layers into a graph.

    Parameters
    ----------
    graph : Graph
    arrays : mapping
        The parameters and running averages: (layer, "W") -> ("W1", array).
    places : mapping of Layer to str
        What messages call each layer, "layers[2]".
    shapes : mapping of Layer to tuple
        The shape of one example before each layer.
    others : mapping
        What writes further layers, by their forward method.
    """

    def __init__(
        self,
        graph: Graph,
        arrays: Names,
        places: Mapping[Layer, str],
        shapes: Mapping[Layer, tuple[int, ...]],
        others: Mapping[Any, Any],
    ) -> None:
        self.graph, self.arrays, self._places, self.shapes = graph, arrays, places, shapes
        self._writers = {**WRITERS, **others}
        self.single = graph.dtype == np.float32

    def chain(self, layers: Sequence[Layer], z: str) -> str:
        """Write the layers one after another; return the name of what the last one computes.

        Raises
        ------
        ArgumentError
            If a layer is not one of nnlite's.
        """
        for layer in layers:
            write = self._writers.get(type(layer).forward)
            if write is None:
                raise ArgumentError(
                    f"{self._places[layer]}: {layer} has a forward pass of its own, which ONNX has no operators for"
                )
            z = write(self, layer, z)
        return z

    def add(self, operator: str, *inputs: str | float, **attributes: Any) -> str:
        """Add a node; a number among the inputs becomes a constant. Return the name of its output."""
        names = [value if isinstance(value, str) else self.graph.number(value) for value in inputs]
        return self.graph.add(operator, *names, **attributes)

    def array(self, layer: Layer, attribute: str) -> str:
        """Add what a layer keeps, such as W, to the graph; return its name."""
        name, array = self.arrays[layer, attribute]
        return self.graph.constant(name, array)

    def shape(self, shape: Sequence[int]) -> str:
        """Add a shape; return its name."""
        return self.graph.constant("shape", np.array(shape, np.int64))


# ---- layers with parameters ------------------------------------------------------------------------------------------


def _dense(to: LayerWriter, layer: Any, a_prev: str) -> str:
    return to.add("Gemm", a_prev, to.array(layer, "W"), to.array(layer, "b"))


def _batch_norm(to: LayerWriter, layer: Any, z: str) -> str:
    """``gamma (z - mu) / sigma + beta`` with the running averages."""
    dtype = to.graph.dtype
    sigma = to.graph.constant("sigma", np.sqrt(layer.running_variance + layer.epsilon).astype(dtype))
    z_hat = to.add("Div", to.add("Sub", z, to.array(layer, "running_mean")), sigma)
    return to.add("Add", to.add("Mul", z_hat, to.array(layer, "gamma")), to.array(layer, "beta"))


def _layer_norm(to: LayerWriter, layer: Any, z: str) -> str:
    axes = [*range(1, 1 + layer.gamma.ndim)]
    near = to.add("Sub", z, to.add("ReduceMean", z, axes=axes))
    centered = to.add("Sub", near, to.add("ReduceMean", near, axes=axes))  # by how much the mean was rounded
    variance = to.add("ReduceMean", to.add("Mul", centered, centered), axes=axes)
    sigma = to.add("Sqrt", to.add("Add", variance, layer.epsilon))
    z_hat = to.add("Div", centered, sigma)
    return to.add("Add", to.add("Mul", z_hat, to.array(layer, "gamma")), to.array(layer, "beta"))


def _residual(to: LayerWriter, layer: Any, a_prev: str) -> str:
    return to.add("Add", to.chain(layer.shortcut or (), a_prev), to.chain(layer.layers, a_prev))


# ---- activations -----------------------------------------------------------------------------------------------------


def _elu_of(to: LayerWriter, z: str, alpha: float, scale: float = 1.0) -> str:
    """``scale max(0, z) + scale alpha (e^{min(0, z)} - 1)``."""
    below = to.add("Sub", to.add("Exp", to.add("Min", z, 0.0)), 1.0)
    above = to.add("Relu", z)
    return to.add("Add", to.add("Mul", above, scale) if scale != 1 else above, to.add("Mul", below, scale * alpha))


def _leaky_relu(to: LayerWriter, layer: Any, z: str) -> str:
    if to.single:
        return to.add("LeakyRelu", z, alpha=layer.negative_slope)
    return to.add("Max", z, to.add("Mul", z, layer.negative_slope))


def _elu(to: LayerWriter, layer: Any, z: str) -> str:
    return to.add("Elu", z, alpha=layer.alpha) if to.single else _elu_of(to, z, layer.alpha)


def _selu(to: LayerWriter, layer: Any, z: str) -> str:
    if to.single:
        return to.add("Selu", z, alpha=SELU_ALPHA, gamma=SELU_LAMBDA)
    return _elu_of(to, z, SELU_ALPHA, SELU_LAMBDA)


def _gelu(to: LayerWriter, layer: Any, z: str) -> str:
    if layer.approximate != "none":
        near = to.add("Min", to.add("Max", z, -40.0), 40.0)  # beyond, the gate is 0 or 1, and powers could overflow
        cubic = to.add("Add", to.add("Mul", to.add("Mul", near, near), 0.044715), 1.0)
        twice_u = to.add("Mul", to.add("Mul", near, math.sqrt(8 / math.pi)), cubic)
        return to.add("Mul", z, to.add("Sigmoid", twice_u))
    if to.single:
        twice = to.add("Add", to.add("Erf", to.add("Mul", z, math.sqrt(0.5))), 1.0)
        return to.add("Mul", z, to.add("Mul", twice, 0.5))
    return to.add("Mul", z, _normal_cdf(to, z))


def _normal_cdf(to: LayerWriter, z: str) -> str:
    """``Phi(z) = erfc(-z / sqrt 2) / 2`` in float64, for which ONNX Runtime has no Erf: as `nnlite.functional` does."""
    x = to.add("Mul", to.add("Min", to.add("Abs", z), FAR), math.sqrt(0.5))
    t = to.add("Sub", 1.0, to.add("Div", 7.5, to.add("Add", x, 3.75)))
    highest, *others = ERFC_POLYNOMIAL[np.dtype(np.float64)]
    value = to.add("Mul", t, highest)
    for c in others[:-1]:
        value = to.add("Mul", to.add("Add", value, c), t)
    value = to.add("Add", value, others[-1])
    ratio = to.add("Div", value, to.add("Add", to.add("Mul", x, 2.0), 1.0))
    erfc = to.add("Mul", to.add("Exp", to.add("Neg", to.add("Mul", x, x))), ratio)
    left = to.add("Mul", erfc, 0.5)  # Phi(-|z|)
    return to.add("Where", to.add("Greater", z, 0.0), to.add("Sub", 1.0, left), left)


def _silu(to: LayerWriter, layer: Any, z: str) -> str:
    return to.add("Mul", z, to.add("Sigmoid", z))


def _hard_swish(to: LayerWriter, layer: Any, z: str) -> str:
    if to.single:
        return to.add("HardSwish", z)
    gate = to.add("Min", to.add("Max", to.add("Add", z, 3.0), 0.0), 6.0)
    return to.add("Mul", z, to.add("Div", gate, 6.0))


def _softplus(to: LayerWriter, layer: Any, z: str) -> str:
    """``max(0, z) + log(1 + e^{-|z|})``."""
    if to.single:
        return to.add("Softplus", z)
    rest = to.add("Log", to.add("Add", to.add("Exp", to.add("Neg", to.add("Abs", z))), 1.0))
    return to.add("Add", to.add("Relu", z), rest)


def _operator(operator: str, **attributes: Any) -> Callable[[LayerWriter, Any, str], str]:
    """Return what writes a layer that is one operator."""
    return lambda to, layer, z: to.add(operator, z, **attributes)


def _nothing(to: LayerWriter, layer: Any, a_prev: str) -> str:
    return a_prev


def _reshape(to: LayerWriter, layer: Any, a_prev: str) -> str:
    return to.add("Reshape", a_prev, to.shape([0, *layer.target_shape]))  # 0: the batch keeps its size


# A subclass that does not override `forward`, such as an output with another cost, is written as its base.
WRITERS: dict[Any, Callable[[LayerWriter, Any, str], str]] = {
    layers.AlphaDropout.forward: _nothing,
    layers.BatchNorm.forward: _batch_norm,
    layers.Dense.forward: _dense,
    layers.Dropout.forward: _nothing,
    layers.ELU.forward: _elu,
    layers.Exponential.forward: _operator("Exp"),
    layers.Flatten.forward: _operator("Flatten", axis=1),
    layers.GELU.forward: _gelu,
    layers.GaussianNoise.forward: _nothing,
    layers.HardSwish.forward: _hard_swish,
    layers.Identity.forward: _nothing,
    layers.LayerNorm.forward: _layer_norm,
    layers.LeakyReLU.forward: _leaky_relu,
    layers.ReLU.forward: _operator("Relu"),
    layers.Reshape.forward: _reshape,
    layers.Residual.forward: _residual,
    layers.SELU.forward: _selu,
    layers.SiLU.forward: _silu,
    layers.Sigmoid.forward: _operator("Sigmoid"),
    layers.Softmax.forward: _operator("Softmax", axis=-1),
    layers.Softplus.forward: _softplus,
    layers.Tanh.forward: _operator("Tanh"),
}
