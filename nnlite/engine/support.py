"""Which layers have kernels, and what the kernels need to know of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nnlite import layers as all_layers
from nnlite.functional import SELU_ALPHA, SELU_LAMBDA
from nnlite.layers import Layer
from nnlite.layers.base import Shape


class Elementwise(NamedTuple):
    """An activation: the names of its kernels, what the backward pass needs (z or a), and its numbers."""

    name: str
    needs: str
    numbers: Callable[[Any], Sequence[float]] = lambda layer: ()


ACTIVATIONS: dict[type[Layer], Elementwise] = {
    all_layers.ReLU: Elementwise("relu", "a"),
    all_layers.LeakyReLU: Elementwise("leaky_relu", "z", lambda layer: (layer.negative_slope,)),
    all_layers.ELU: Elementwise("elu", "z", lambda layer: (1.0, layer.alpha)),
    all_layers.SELU: Elementwise("elu", "z", lambda layer: (SELU_LAMBDA, SELU_ALPHA)),
    all_layers.Tanh: Elementwise("tanh", "a"),
    all_layers.Sigmoid: Elementwise("sigmoid", "a"),
    all_layers.Exponential: Elementwise("exponential", "a"),
    all_layers.GELU: Elementwise("gelu", "z"),
    all_layers.SiLU: Elementwise("silu", "z"),
    all_layers.HardSwish: Elementwise("hard_swish", "z"),
    all_layers.Softplus: Elementwise("softplus", "z"),
}
NOISE = (all_layers.Dropout, all_layers.AlphaDropout, all_layers.GaussianNoise)
SHAPES = (all_layers.Flatten, all_layers.Reshape)
ROWS = (all_layers.Dense, all_layers.LayerNorm, all_layers.Softmax, all_layers.Identity)
MIDDLE = {*ACTIVATIONS, *NOISE, *SHAPES, *ROWS}
OUTPUTS = {
    all_layers.Sigmoid: "sigmoid_targets",
    all_layers.Identity: "identity_targets",
    all_layers.Exponential: "exponential_targets",
}


def elementwise(layer: Layer) -> Elementwise | None:
    """Return the kernels of an activation, or None."""
    found = ACTIVATIONS.get(type(layer))
    if isinstance(layer, all_layers.GELU) and found and layer.approximate == "tanh":
        return found._replace(name="gelu_tanh")
    return found


def noise_level(layer: Any) -> float:
    """Return the rate or standard deviation of a layer that draws random numbers; 0 does nothing."""
    return float(layer.stddev if isinstance(layer, all_layers.GaussianNoise) else layer.rate)


def without_kernel(layers: Sequence[Layer], input_shape: Shape | None = None, inside: bool = False) -> Layer | None:
    """Return the first layer that has no kernel, or None.

    Without ``input_shape``, layers are taken to work on rows.
    """
    shape = input_shape
    for i, layer in enumerate(layers):
        kind = type(layer)
        last = i == len(layers) - 1 and not inside
        if kind is all_layers.Residual and layer.inner_chains.keys() == {"layers"}:
            found = without_kernel(layer.inner_layers, shape, inside=True)
            if found is not None:
                return found
        elif last:
            if kind not in OUTPUTS and kind is not all_layers.Softmax:
                return layer
        elif not _has_kernel(layer, shape):
            return layer
        shape = None if shape is None else layer.output_shape(shape)
    return None


def _has_kernel(layer: Layer, input_shape: Shape | None) -> bool:
    """Whether a layer in the middle of a network has a kernel for examples of that shape."""
    if type(layer) is all_layers.BatchNorm:  # a unit is what its kernel normalizes: images have channels
        return input_shape is None or len(input_shape) == 1
    return type(layer) in MIDDLE
