"""Save a network to a file and load it.

A model file is an ``.npz`` file with four vectors: ``header``, the bytes of a JSON object that describes the network;
``theta`` and ``state``, its numbers; and ``sha256``, the checksum of these three.
"""

import os
import warnings
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.atomic import replacing
from nnlite.errors import ArgumentError, ModelFileError
from nnlite.network.class_names import check_class_names
from nnlite.network.network import Network
from nnlite.storage import npz, snapshots
from nnlite.storage.header import LARGEST_HEADER, Header
from nnlite.storage.layers_json import encode, encode_layers, known_classes
from nnlite.storage.rebuild import N, add_vectors, check_lengths, complete_state, make_network

MEMBERS = ("header", "theta", "state")


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network to a file, completely or not at all; `nnlite.load` reads it.

    Parameters
    ----------
    network : Network
        It must be built.
    path : path-like
        The file, saved under exactly this name; an existing file is replaced.

    Raises
    ------
    ArgumentError
        If a layer has an argument that a file cannot hold, or cannot be made again from its arguments. Nothing is
        written then.
    NotBuiltError
        If the network has no parameters yet.
    OSError
        If the file cannot be written; an existing file then stays unchanged.

    Notes
    -----
    Saved are the layers with their arguments, whether each is frozen, the parameters, running averages, class names,
    what makes a table or pictures into numbers, the scale of the target, and the seed. The states of the random
    generator and of an optimizer are not saved.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=2, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(os.path.join(folder, "model.npz"))
    ...     again = nn.load(os.path.join(folder, "model.npz"))
    >>> bool((again.theta == model.theta).all())
    True
    """
    network.require_built("save")
    name = checks.path("path", path)
    raw = describe(network)
    # copies, so that the checksum is right even if another thread trains at the same time
    theta, state = network.theta.copy(), network.state.copy()
    with replacing(name) as file:
        npz.write(file, {"header": np.frombuffer(raw, np.uint8), "theta": theta, "state": state})


def describe(network: Network) -> bytes:
    """Return the JSON of the header of a built network; ArgumentError if it could not be made again from that."""
    header, classes = _header(network)
    return _readable_json(header, classes, network)


def warn_if_unsavable(network: Network) -> None:
    """Warn, before any training, if `save` would refuse a layer of the network."""
    try:
        encode_layers(network.layers)
    except ArgumentError as error:
        warnings.warn(f"layers: model.save will refuse this network: {error}", stacklevel=5)


def load_as(make: type[N], path: Any, layers: Any) -> N:
    """Read a network, as `nnlite.load` does, and return it as an object of the class ``make``."""
    name = checks.path("path", path)
    known = known_classes(layers)
    with npz.reading(name) as members:
        if members.names == {*snapshots.MEMBERS, npz.CHECKSUM}:
            raise ModelFileError(
                "is a checkpoint of a training, not a model; to resume the training, call fit with the same arguments, "
                "checkpoint=<its directory> and resume=True"
            )
        header = Header.from_json(members.read_bytes("header", LARGEST_HEADER))
        members.verify(MEMBERS)
        network = make_network(header, known, make)
        lengths = members.length("theta", header.dtype), members.length("state", header.dtype)
        check_lengths(network, header.input_shape, lengths)
        add_vectors(network, header)
        members.read_into(network.theta, "theta")
        state = np.empty(lengths[1], header.dtype)
        members.read_into(state, "state")
        network.state = complete_state(network, state)
    return network


def _header(network: Network) -> tuple[Header, set[type]]:
    """Return the header of the network, and the classes of its layers and initializers."""
    layers, classes = encode_layers(network.layers)
    assert network.input_shape is not None
    header = Header(
        dtype=network.dtype.name,
        input_shape=network.input_shape,
        # again: when they were set, the number of classes may not have been known
        class_names=check_class_names(network.class_names, network.output, network.n_units),
        seed=encode(network.seed, "seed", set()),
        entropy=encode(network.actual_seed, "seed", set()),
        layers=layers,
        trainable=[bool(layer.trainable) for layer in network.all_layers()],
        encoding=network.encoding,
        target_scale=None if network.target_scale is None else [part.tolist() for part in network.target_scale],
        image_encoding=network.image_encoding,
    )
    return header, classes


def _readable_json(header: Header, classes: set[type], network: Network) -> bytes:
    """Return the header as JSON; ArgumentError if `nnlite.load` could not make the same layers from it."""
    known = known_classes(sorted(classes, key=lambda cls: cls.__name__))
    try:
        raw = header.to_json()
        again = make_network(Header.from_json(raw), known, Network)
        check_lengths(again, header.input_shape, (network.theta.size, network.state.size))
    except ModelFileError as error:
        raise ArgumentError(f"layers: the network could not be read again from a file: {error}") from error.__cause__
    records: list[Any] = encode_layers(again.layers)[0]
    for layer, made, before, after in zip(network.layers, again.layers, header.layers, records, strict=True):
        if before != after:
            raise ArgumentError(
                f"layers: {layer}, made again from its arguments, is {made}; "
                f"{type(layer).__name__}.__init__ must store its arguments as they are given"
            )
    return raw
