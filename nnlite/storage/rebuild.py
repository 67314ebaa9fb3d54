"""Rebuild a network from the header of a model file.

Every size is checked before memory is allocated, no weights are drawn, and nothing passes through the layers.
"""

import math
from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ModelFileError
from nnlite.initializers import Zeros
from nnlite.layers import Layer, chain
from nnlite.layers.base import Shape
from nnlite.network.knowledge import Knowledge, TargetScale
from nnlite.network.network import Network
from nnlite.storage.header import Header
from nnlite.storage.layers_json import KnownClasses, builtin_classes, decode_layers
from nnlite.storage.untrusted import refusing

N = TypeVar("N", bound=Network)
FAILED = "the network cannot be made"
BUILTIN = {cls.initialize for cls in builtin_classes().layers.values()}


def make_network(header: Header, known: KnownClasses, make: type[N]) -> N:
    """Return the network that the header describes, of the class ``make``, without its vectors yet."""
    layers = decode_layers(header.layers, known)
    with refusing(FAILED):
        network = make(layers, seed=header.entropy, dtype=header.dtype)
        network.seed = header.seed
        all_layers = network.all_layers()
        if len(all_layers) != len(header.trainable):
            raise ModelFileError(f"has {len(all_layers)} layers, but {len(header.trainable)} values of trainable")
        for layer, flag in zip(all_layers, header.trainable, strict=True):  # outer layers before those inside them
            if layer.trainable != flag:
                layer.trainable = flag
        return network


def check_lengths(network: Network, input_shape: Shape, lengths: tuple[int, int]) -> None:
    """Raise ModelFileError unless theta and state of the network have these lengths.

    The state of an older file may lack what layers have in `added_state`.
    """
    with refusing(FAILED):
        layers = _with_shapes(network, input_shape)
        states = [(layer, layer.state_shapes(shape)) for layer, shape in layers]
        needed = _count(layer.parameter_shapes(shape) for layer, shape in layers), _count(of for _, of in states)
        older = _count({name: of[name] for name in of if name not in layer.added_state} for layer, of in states)
    for name, n, found in zip(("theta", "state"), needed, lengths, strict=True):
        if n != found and not (name == "state" and found == older):
            raise ModelFileError(f"its layers need {n} numbers in {name}, but there are {found}")


def complete_state(network: Network, state: Array) -> Array:
    """Return ``state`` of an older file with the numbers that it lacks."""
    if state.size == network.state.size:
        return state
    completed, start = np.empty_like(network.state), 0
    for segment in network.state_segments:
        if segment.attribute in segment.layer.added_state:
            segment.view(completed)[...] = segment.layer.added_state[segment.attribute]
        else:
            segment.view(completed)[...] = state[start : start + segment.size].reshape(segment.shape)
            start += segment.size
    return completed


def add_vectors(network: Network, header: Header) -> None:
    """Give the network its vectors, full of zeros, its class names, and what it knows of its table."""
    with refusing(FAILED):
        network.lay_out(header.input_shape)
        for layer in network.all_layers():
            if type(layer).initialize not in BUILTIN:  # a user's layer may prepare more there than its parameters
                layer.initialize(np.random.default_rng(0), Zeros())
        network.knowledge = Knowledge(header.encoding, header.class_names, _scale(network, header))
        network.image_encoding = header.image_encoding


def _scale(network: Network, header: Header) -> TargetScale | None:
    """Return the scale of the target; ModelFileError if it, or the table, does not fit the network."""
    n_numbers = None if header.encoding is None else len(header.encoding.feature_names)
    if n_numbers is not None and header.input_shape != (n_numbers,):
        raise ModelFileError(f"its table becomes {n_numbers} numbers, and the network takes {header.input_shape}")
    if header.target_scale is None:
        return None
    mean, std = (np.array(values) for values in header.target_scale)
    if len(mean) != network.n_units:
        raise ModelFileError(f"its target has {len(mean)} scales for {network.n_units} outputs")
    return TargetScale(mean, std)


def _with_shapes(network: Network, input_shape: Shape) -> list[tuple[Layer, Shape]]:
    """Return every layer, also those inside others, with the shape of its input."""
    return list(chain.with_input_shapes(network.layers, network.infer_shapes(input_shape)))


def _count(shapes: Iterable[dict[str, Shape]]) -> int:
    return sum(math.prod(shape) for of_layer in shapes for shape in of_layer.values())
