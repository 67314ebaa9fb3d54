"""What building a network needs: checks of its arguments, and the default initializers."""

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.errors import ArgumentError
from nnlite.initializers import GlorotUniform, Initializer
from nnlite.layers import (
    Activation,
    AveragePool2D,
    Conv2D,
    Dense,
    Dropout2D,
    GlobalAveragePool2D,
    Layer,
    MaxPool2D,
    Output,
    Reshape,
    ZeroPadding2D,
    as_layer,
    chain,
)
from nnlite.layers.base import Shape
from nnlite.layers.convolution import Convolution
from nnlite.layers.windows import TO_LAST, channels_first
from nnlite.network.vectors import Segment

# What a network calls each layer with; those of an output too.
METHODS = {
    "output_shape": ["input_shape"],
    "parameter_shapes": ["input_shape"],
    "state_shapes": ["input_shape"],
    "initialize": ["rng", "initializer"],
    "forward": ["a_prev", "cache"],
    "backward": ["da", "cache"],
    "losses": ["Y", "cache"],
    "start_backward": ["Y", "cache"],
}
OF_IMAGES = (Conv2D, MaxPool2D, AveragePool2D, GlobalAveragePool2D, ZeroPadding2D, Dropout2D)


def default_initializer(following: Sequence[Layer]) -> Initializer:
    """Return what the next activation asks for, which is Glorot's uniform initializer unless it says otherwise."""
    for layer in following:
        if isinstance(layer, Activation):
            return layer.initializer
        if isinstance(layer, (Dense, Convolution)):
            break
    return GlorotUniform()


def check_channels_last(layers: Sequence[Layer], input_shape: Shape, name: str) -> None:
    """Raise ArgumentError if the first layer that works on images gets images with their channels first.

    An image whose height is 1 or 3 and that has many channels is possible; a mistake is likelier.
    """
    if not channels_first(input_shape):
        return
    for layer in chain.flattened(layers):
        if isinstance(layer, OF_IMAGES):
            C, H, W = input_shape
            raise ArgumentError(
                f"{name}: {layer} expects images (height, width, channels), but {input_shape} looks like {C} channels "
                f"of {H} x {W} pixels; {TO_LAST}; for images of height {C} put nn.Reshape({input_shape}) in front"
            )
        if isinstance(layer, Reshape) or layer.output_shape(input_shape) != input_shape:
            return


def reshape_in_front(layers: Sequence[Layer], input_shape: Shape) -> list[Layer]:
    """Return what a network from a file needs in front, if its images look like ones with their channels first.

    The file says where the channels are, so this is no mistake.
    """
    try:
        check_channels_last(layers, input_shape, "n_features")
    except ArgumentError:
        return [Reshape(input_shape)]
    return []


def layers_with_parameters(layers: Sequence[Layer], segments: Sequence[Segment]) -> list[list[Layer]]:
    """For each layer of the chain, itself and the layers inside it that have parameters."""
    with_parameters = {segment.layer for segment in segments if segment.size}
    return [[inner for inner in chain.flattened([layer]) if inner in with_parameters] for layer in layers]


def check_layers(layers: Any) -> tuple[Layer, ...]:
    """Return the layers as a tuple, or raise ArgumentError: the last is an output layer, and none occurs twice."""
    if isinstance(layers, (Layer, str)) or not isinstance(layers, Sequence) or not layers:
        raise ArgumentError(
            "layers: expected a list of at least one layer, ending in Softmax, Sigmoid, Identity or Exponential, "
            f"got {layers!r}"
        )
    layers = [as_layer(f"layers: entry {i}", layer) for i, layer in enumerate(layers)]
    if not isinstance(layers[-1], Output):
        raise ArgumentError(
            f"layers: the last must be an output layer (Softmax, Sigmoid, Identity or Exponential), got {layers[-1]}"
        )
    seen: dict[Layer, str] = {}
    for layer, place in chain.with_places(layers):
        if layer in seen:
            raise ArgumentError(
                f"{place} {layer} occurs twice in the network, first as {seen[layer]}; make one layer for each place"
            )
        seen[layer] = place
        _check_methods(layer, place)
    return tuple(layers)


def _check_methods(layer: Layer, place: str) -> None:
    """Raise ArgumentError unless the network can call the methods of the layer."""
    if type(layer).forward is Layer.forward:
        of_nnlite = type(layer).__module__.partition(".")[0] == "nnlite"
        hint = "take a layer that has one, such as nn.ReLU()" if of_nnlite else "define forward(self, a_prev, cache)"
        raise ArgumentError(f"{place} {layer} has no forward pass; {hint}")
    for method, arguments in METHODS.items():
        if hasattr(layer, method) and (wrong := checks.wrong_arguments(getattr(layer, method), *arguments)):
            raise ArgumentError(f"{place} {layer}.{method} {wrong}")


def check_dtype(dtype: Any) -> np.dtype[Any]:
    """Return float32 or float64, or raise ArgumentError."""
    for allowed in (np.dtype(np.float32), np.dtype(np.float64)):
        with contextlib.suppress(TypeError, SyntaxError):
            if dtype is not None and np.dtype(dtype) == allowed:
                return allowed
    raise ArgumentError(f"dtype: expected 'float32' or 'float64', got {dtype!r}")


def check_input_shape(n_features: Any) -> Shape:
    """Return the shape of one example, or raise ArgumentError."""
    if isinstance(n_features, tuple) and n_features:
        return tuple(checks.integer("n_features", n) for n in n_features)
    return (checks.integer("n_features", n_features),)
