"""Which layers have kernels, and what the kernels need to know of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nnlite import layers as all_layers
from nnlite.functional import SELU_ALPHA, SELU_LAMBDA
from nnlite.layers import Layer


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
CHANNEL_NOISE = (all_layers.Dropout1D, all_layers.Dropout2D)  # one random number for each channel
NOISE = (all_layers.Dropout, all_layers.AlphaDropout, all_layers.GaussianNoise, *CHANNEL_NOISE)
CONVOLUTIONS = (all_layers.Conv1D, all_layers.Conv2D)
MAX_POOLS = (all_layers.MaxPool1D, all_layers.MaxPool2D)
IMAGES: dict[type[Layer], str] = {  # layers for images and sequences, and the kinds of their stages
    **dict.fromkeys(CONVOLUTIONS, "convolution"),
    **dict.fromkeys((*MAX_POOLS, all_layers.AveragePool1D, all_layers.AveragePool2D), "pooling"),
    **dict.fromkeys((all_layers.GlobalAveragePool1D, all_layers.GlobalAveragePool2D), "pooling"),
    **dict.fromkeys((all_layers.ZeroPadding1D, all_layers.ZeroPadding2D), "padding"),
}
SHAPES = (all_layers.Flatten, all_layers.Reshape)
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


def n_draws(layer: Layer, shape: tuple[int, ...]) -> int:
    """Return how many random numbers a layer draws for an example of that shape."""
    if type(layer) in CHANNEL_NOISE:
        return shape[-1]
    return math.prod(shape) * (2 if isinstance(layer, all_layers.GaussianNoise) else 1)


def works_on_images(layer: Layer) -> bool:
    """Whether it is a layer for images, or has one inside."""
    return type(layer) in (*IMAGES, *CHANNEL_NOISE) or any(map(works_on_images, layer.inner_layers))


def shortcut(layer: Any) -> Sequence[Layer]:
    """Return the layers on the connection around others."""
    return layer.shortcut or ()


def n_random(layers: Sequence[Layer]) -> int:
    """Return how many of the layers draw random numbers, also inside others."""
    own = sum(type(layer) in NOISE and noise_level(layer) > 0 for layer in layers)
    return own + sum(n_random(layer.inner_layers) for layer in layers)


def without_kernel(layers: Sequence[Layer], inside: bool = False) -> Layer | None:
    """Return the first layer that has no kernel, or None."""
    for i, layer in enumerate(layers):
        kind = type(layer)
        last = i == len(layers) - 1 and not inside
        if kind is all_layers.Residual:
            found = without_kernel(layer.inner_layers, inside=True)
            if found is not None:
                return found
        elif last:
            if kind not in OUTPUTS and kind is not all_layers.Softmax:
                return layer
        elif not (
            kind in ACTIVATIONS
            or kind in NOISE
            or kind in SHAPES
            or kind in IMAGES
            or kind
            in (all_layers.Dense, all_layers.BatchNorm, all_layers.LayerNorm, all_layers.Softmax, all_layers.Identity)
        ):
            return layer
    return None
