"""Networks and weights from the files of Keras."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError, ModelFileError
from nnlite.extras import require
from nnlite.keras.description import described, of_class
from nnlite.keras.files import Arrays, Content, naming, read
from nnlite.layers import BatchNorm, Conv1D, Conv2D, Dense, Identity, Layer, LayerNorm, Output
from nnlite.model import Model
from nnlite.network.building import reshape_in_front
from nnlite.network.network import Network
from nnlite.storage.rebuild import check_lengths
from nnlite.storage.untrusted import refusing
from nnlite.words import explained


class Kind(NamedTuple):
    """A kind of layer that has arrays: its names in Keras and here.

    ``names`` are those of its arrays here, in the order of the file; ``switches`` the arguments of Keras without which
    an array is missing, and the number in its place.
    """

    group: str
    class_name: str
    layer: type[Layer]
    names: tuple[str, ...]
    switches: dict[str, tuple[str, float]]


NORMS = {"gamma": ("scale", 1.0), "beta": ("center", 0.0)}
KINDS = (
    Kind("dense", "Dense", Dense, ("W", "b"), {"b": ("use_bias", 0.0)}),
    Kind("conv1d", "Conv1D", Conv1D, ("W", "b"), {"b": ("use_bias", 0.0)}),
    Kind("conv2d", "Conv2D", Conv2D, ("W", "b"), {"b": ("use_bias", 0.0)}),
    Kind("batch_normalization", "BatchNormalization", BatchNorm,
         ("gamma", "beta", "running_mean", "running_variance"), NORMS),
    Kind("layer_normalization", "LayerNormalization", LayerNorm, ("gamma", "beta"), NORMS),
)  # fmt: skip


@explained
def load(path: str | os.PathLike[str]) -> Model:
    """Read a network that Keras 3 saved as a ``.keras`` file: a Sequential, or a functional model without branches.

    Parameters
    ----------
    path : path-like
        The file. It may come from a stranger: nothing in it is executed.

    Returns
    -------
    Model
        With an `Identity` at the end if the last layer is not an output layer. It predicts what the network of Keras
        predicts; optimizer and loss are not read.

    Raises
    ------
    ImportError
        If h5py is not installed: ``pip install "nnlite[keras]"``.
    ModelFileError
        If the file is damaged, is not a chain of layers, or has a layer or activation that nnlite does not have; the
        message names the first.
    OSError
        If the file does not exist (FileNotFoundError) or cannot be read.

    Examples
    --------
    >>> import nnlite as nn
    >>> try:
    ...     nn.keras.load("missing.keras")
    ... except FileNotFoundError:
    ...     print("there is no such file")
    there is no such file
    """
    library = require("h5py", "keras", "nnlite.keras.load")
    name = checks.path("path", path)
    with naming(name):
        content = read(library, name)
        if content.config is None:
            raise ModelFileError("has weights alone; make the network, and call nnlite.keras.load_weights(model, path)")
        network = described(content.config)
        chain = network.layers
        if not chain or not isinstance(chain[-1], Output):
            chain = [*chain, Identity()]
        with refusing("the network cannot be made"):
            model = Model([*reshape_in_front(chain, network.input_shape), *chain], dtype=network.dtype)
        found = _found(content, model)
        kept = sum(array.size for _, name, array in found if name.startswith("running"))
        check_lengths(model, network.input_shape, (sum(array.size for *_, array in found) - kept, kept))
        with refusing("the network cannot be made"):
            model.build(network.input_shape)
        _fill(model, found)
    return model


@explained
def load_weights(model: Model, path: str | os.PathLike[str]) -> None:
    """Set the parameters and running averages of a network from a ``.keras`` or ``.weights.h5`` file of Keras 3.

    Parameters
    ----------
    model : Model
        A network with the layers of the one in the file; it must be built. Dense, convolutions, BatchNorm and LayerNorm
        get their arrays in the order of the network. Other layers have none.
    path : path-like
        The file. It may come from a stranger: nothing in it is executed.

    Raises
    ------
    ArgumentError
        If ``model`` is not a network.
    ImportError
        If h5py is not installed: ``pip install "nnlite[keras]"``.
    ModelFileError
        If the file is damaged, has another number of layers or other shapes, or says that BatchNorm or LayerNorm have
        another epsilon (0.001 is the default of Keras, 1e-5 that of nnlite). The network does not change then.
    NotBuiltError
        If the network has no parameters yet.
    OSError
        If the file does not exist (FileNotFoundError) or cannot be read.

    Notes
    -----
    A Dense layer or a convolution without bias gets a bias of 0. A ``.weights.h5`` file does not say what epsilon is.

    Examples
    --------
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=2)
    >>> try:
    ...     nn.keras.load_weights(model, "missing.weights.h5")
    ... except FileNotFoundError:
    ...     print("there is no such file")
    there is no such file
    """
    library = require("h5py", "keras", "nnlite.keras.load_weights")
    if not isinstance(model, Network):
        raise ArgumentError(f"model: expected a Model, got {type(model).__name__}")
    name = checks.path("path", path)
    model.require_built("load_weights")
    with naming(name):
        _fill(model, _found(read(library, name), model))


def _found(content: Content, model: Network) -> list[tuple[Layer, str, Array]]:
    """Return what each layer of the network gets: the layer, the attribute and the array."""
    unknown = content.layers.keys() - {kind.group for kind in KINDS}
    if unknown:
        first = content.layers[min(unknown)][0]
        raise ModelFileError(f"has the layer {first.place!r:.100}, whose arrays no layer of nnlite takes")
    found = []
    for kind in KINDS:
        in_file = content.layers.get(kind.group, [])
        here = [layer for layer in model.all_layers() if isinstance(layer, kind.layer)]
        if len(in_file) != len(here):
            raise ModelFileError(
                f"has {len(in_file)} layers {kind.class_name}, "
                f"and the network has {len(here)} layers {kind.layer.__name__}"
            )
        given = of_class(content.config, kind.class_name)
        arguments: Sequence[Any] = [None] * len(here) if given is None or len(given) != len(here) else given
        for layer, arrays, argument in zip(here, in_file, arguments, strict=True):
            _check_epsilon(layer, argument, arrays.place)
            found += [(layer, name, array) for name, array in _named(kind, arrays, argument).items()]
    return found


def _named(kind: Kind, arrays: Arrays, argument: Any) -> dict[str, Array]:
    """Return the arrays of a layer by their names here, those included that Keras leaves out."""
    names = list(kind.names)
    if argument is not None:
        names = [name for name in names if name not in kind.switches or argument.get(kind.switches[name][0], True)]
    elif "W" in names and len(arrays.values) == 1:
        names = ["W"]
    if len(names) != len(arrays.values):
        expected = f"{len(names)}: {', '.join(names)}"
        raise ModelFileError(f"{arrays.place} has {len(arrays.values)} arrays, expected {expected}")
    named = dict(zip(names, arrays.values, strict=True))
    last = arrays.values[-1]
    units = last.shape[-1:] if "W" in names else last.shape
    for name in kind.names:
        named.setdefault(name, np.full(units, kind.switches[name][1] if name in kind.switches else 0.0))
    return named | ({"running_weight": np.ones(units)} if kind.layer is BatchNorm else {})


def _check_epsilon(layer: Layer, argument: Any, place: str) -> None:
    epsilon = None if argument is None else argument.get("epsilon")
    here = getattr(layer, "epsilon", None) if isinstance(layer, (BatchNorm, LayerNorm)) else None
    if epsilon is not None and here is not None and epsilon != here:
        raise ModelFileError(
            f"{place} has epsilon {epsilon!r:.30}, and the network {layer}; "
            f"write nn.{type(layer).__name__}(epsilon={epsilon!r:.30})"
        )


def _fill(model: Network, found: Sequence[tuple[Layer, str, Array]]) -> None:
    """Set the arrays, after all of them have been checked."""
    for layer, name, array in found:
        shape = getattr(layer, name).shape
        if array.shape != shape:
            raise ModelFileError(f"{name} of {layer} must have the shape {shape}, and the file has {array.shape}")
        with refusing(f"{name} of {layer}"):
            checks.finite(name, array, model.dtype)
    for layer, name, array in found:
        setattr(layer, name, array)
