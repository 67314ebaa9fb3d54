"""Copies of a network that may be changed, and the batch that goes through them."""

import copy
from typing import Any

from nnlite import checks
from nnlite.errors import ArgumentError
from nnlite.fitting.preparing import Prepared, prepare
from nnlite.layers import Layer
from nnlite.network.examples import Examples
from nnlite.network.knowledge import Knowledge, is_table
from nnlite.network.network import Network
from nnlite.network.vectors import Segment
from nnlite.tables.labels import as_labels
from nnlite.tables.table import Table

MOST_EXAMPLES = 1024


def require_network(model: Any) -> Network:
    """Return ``model``, or raise ArgumentError if it is not a network."""
    if not isinstance(model, Network):
        raise ArgumentError(f"model: expected a Model, got {model!r}")
    return model


def twin_and_batch(model: Any, X: Any, y: Any, what: str, sample_weight: Any = None) -> tuple[Network, Examples]:
    """Return a copy of the network, built for X, and the checked batch.

    ``what`` names the caller in the messages of ArgumentError.
    """
    model = require_network(model)
    if X is None:
        raise ArgumentError(f"X: {what} sends examples through the network; pass some, such as X[:32]")
    if y is None and not isinstance(X, Table):
        raise ArgumentError(f"y: {what} starts the backward pass from the labels; pass those of X, such as y[:32]")
    model, X, y = as_arrays(model, X, y)
    X = checks.numeric_array("X", X)
    if X.ndim > 1 and len(X) > MOST_EXAMPLES:
        raise ArgumentError(f"X: {what} takes at most {MOST_EXAMPLES:,} examples, got {len(X):,}; pass X[:32], y[:32]")
    examples = model.signature_for(X).check(X, y, sample_weight)
    return twin(model, X.shape[1:]), examples


def as_arrays(model: Network, X: Any, y: Any) -> tuple[Network, Any, Any]:
    """Return a network and its examples as arrays: what `fit` would make of a table, of names of classes and of values.

    The network is the same one if nothing has to be made, and else a copy that takes these arrays.
    """
    ready = prepared(model, X, y)
    if ready is None:
        return model, X, y
    return for_arrays(model), ready.train.X, ready.signature.inside(ready.train.y)


def prepared(model: Network, X: Any, y: Any) -> Prepared | None:
    """Return what `fit` would make of the examples; None if they are arrays of numbers that it takes as they are."""
    if not is_table(X) and model.encoding is None and model.target_scale is None and as_labels(y) is None:
        return None
    return prepare(model, X, y, None, split=None, seed=0, standardize=None)


def for_arrays(model: Network) -> Network:
    """Return a copy of a network that takes numbers, and targets as they are inside the network."""
    other = model.copy()
    other.knowledge = Knowledge(None, model.class_names, None)
    return other


def twin(model: Network, input_shape: tuple[int, ...]) -> Network:
    """Return an independent copy; it is built, with the initial weights that `fit` would draw."""
    other = model.copy()
    if not other.built:
        other.build(input_shape)
    return other


def in_float64(model: Network) -> Network:
    """Return an independent copy of a built network that computes in float64."""
    assert model.input_shape is not None
    other = Network(copy.deepcopy(model.layers), dtype="float64")
    other.lay_out(model.input_shape)
    other.theta, other.state = model.theta, model.state
    other.rng = copy.deepcopy(model.rng)
    return other


def segments_by_layer(model: Network) -> dict[Layer, list[Segment]]:
    """Return where the parameters of each layer lie."""
    found: dict[Layer, list[Segment]] = {}
    for segment in model.segments:
        found.setdefault(segment.layer, []).append(segment)
    return found
