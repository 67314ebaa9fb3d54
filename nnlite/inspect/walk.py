"""A batch on its way through the layers of a network one by one, so that one can look at it between them."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import contextlib
import copy
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Cache, Layer
from nnlite.model import Model
from nnlite.network import examples as data
from nnlite.network.vectors import Segment, flattened

MOST_EXAMPLES = 1024  # that are looked at one by one


class Walk:
    """The forward and the backward pass of one batch, layer by layer.

    Parameters
    ----------
    model : Model
        Whose gradients the backward pass overwrites: work on a `twin`.
    training : bool
        Whether to compute as a training step does, drawing from ``model.rng``, or as prediction does.
    first : int, default -1
        Index of the layer where the backward pass ends; what it would pass on is not asked for. By default none:
        the pass goes on to the input.
    """

    def __init__(self, model: Model, *, training: bool, first: int = -1) -> None:
        self.model = model
        self.first = first
        rng = model.rng if training else None
        self.caches = [Cache(model.dtype, rng, input_gradient=i > first) for i in range(len(model.layers))]

    def forward(self, X: Array) -> Array:
        """``a[l] = g[l](a[l-1])`` from a[0] = X; return a[L], in the caches' memory."""
        a = X
        for layer, cache in zip(self.model.layers, self.caches, strict=True):
            a = layer.forward(a, cache)
        return a

    def losses(self, Y: Array) -> Array:
        """L(y_hat, y) of each example, (M,), in the cache's memory."""
        return self.model.output.losses(Y, self.caches[-1])

    def backward(self, Y: Array, n_examples: int) -> Array | None:
        """From ``dz[L] = (Y_hat - Y) / n_examples`` down to the layer ``first``; return what that one returns."""
        dz = self.model.output.start_backward(Y, self.caches[-1])
        dz *= 1 / n_examples
        da: Array | None = dz
        for i in range(len(self.model.layers) - 2, max(self.first, 0) - 1, -1):
            layer, cache = self.model.layers[i], self.caches[i]
            expected = layer_input_shape(self.model, i)
            da = layer.backward(da, cache)  # type: ignore[arg-type]
            if cache.input_gradient and (not isinstance(da, np.ndarray) or da.shape != (len(Y), *expected)):
                got = f"shape {da.shape}" if isinstance(da, np.ndarray) else type(da).__name__
                raise ArgumentError(
                    f"layers: {layer}.backward must return an array of shape {(len(Y), *expected)}, got {got}"
                )
        return da


def layer_input_shape(model: Model, i: int) -> tuple[int, ...]:
    """Shape of one example in front of layer i of a built network; i = L gives that of the output."""
    assert model.input_shape is not None
    shape = model.input_shape
    for layer in model.layers[:i]:
        shape = layer.output_shape(shape)
    return shape


def check_batch(model: Any, X: Any, y: Any, what: str, most: int | None = None) -> tuple[Array, Array, Model]:
    """X and y as arrays, and a twin of the network; ArgumentError if they do not belong together."""
    if not isinstance(model, Model):
        raise ArgumentError(f"model: expected a Model, got {model!r}")
    if X is None:
        raise ArgumentError(f"X: {what} sends examples through the network; pass some, such as X[:32]")
    if y is None:
        raise ArgumentError(f"y: {what} starts backward from the labels; pass those of X, such as y[:32]")
    X = checks.numeric_array("X", X)
    if most is not None and X.ndim > 1 and len(X) > most:
        raise ArgumentError(f"X: {what} takes at most {most:,} examples, got {len(X):,}; pass X[:32], y[:32]")
    X = data.check_X(X, model.input_shape, model.dtype)
    other = twin(model, X)
    units = layer_input_shape(other, len(other.layers))[0]
    y = other.output.check_targets(y, units, "y")
    checks.finite("y", y, model.dtype)
    data.check_lengths(X, y)
    return X, y, other


def target_rows(model: Model, y: Array) -> Array:
    """Y (M, n[L]) in the network's dtype, from checked targets: class indices become one-hot rows."""
    if y.ndim > 1:
        rows: Array = y.astype(model.dtype)
    else:
        rows = (y[:, None] == np.arange(layer_input_shape(model, len(model.layers))[0])).astype(model.dtype)
    return rows


def twin(model: Model, X: Array) -> Model:
    """An independent copy; of a network that is not built yet, as it will be when it sees X."""
    other = model.copy()
    if not other.built:
        other.forward(X[:1], training=False)
    return other


def in_float64(model: Model) -> Model:
    """An independent copy of a built network that computes in float64."""
    layers = copy.deepcopy(model.layers)
    other = Model(layers, n_features=model.input_shape, dtype="float64")
    other.theta, other.state = model.theta, model.state
    other.rng = copy.deepcopy(model.rng)
    return other


def segments_of(model: Model) -> dict[Layer, list[Segment]]:
    """The parameters of each layer of a built network, in their order."""
    found: dict[Layer, list[Segment]] = {}
    for segment in model._vectors.segments:
        found.setdefault(segment.layer, []).append(segment)
    return found


def places(layers: Sequence[Layer], within: str = "layers") -> dict[Layer, str]:
    """Where each layer stands, those inside others too: "layers[2]", "layers[2][0]"."""
    found: dict[Layer, str] = {}
    for i, layer in enumerate(layers):
        found[layer] = f"{within}[{i}]"
        found |= places(layer.inner_layers, found[layer])
    return found


def first_that_learns(model: Model) -> int:
    """Index of the first layer that is (or holds) one that learns; the number of layers if none does."""
    learning = {layer for layer, segments in segments_of(model).items() if layer.trainable and _size(segments)}
    for i, layer in enumerate(model.layers):
        if any(inner in learning for inner in flattened([layer])):
            return i
    return len(model.layers)


def _size(segments: Sequence[Segment]) -> int:
    return sum(math.prod(segment.shape) for segment in segments)


class Record:
    """What went into a layer and came out of it, forward and backward; None where no pass came by.

    Attributes
    ----------
    a_prev, a : ndarray or None
    da, da_prev : ndarray or None
    """

    def __init__(self) -> None:
        self.a_prev: Array | None = None
        self.a: Array | None = None
        self.da: Array | None = None
        self.da_prev: Array | None = None


@contextlib.contextmanager
def recording(layers: Sequence[Layer]) -> Iterator[dict[Layer, Record]]:
    """A record of each of these layers, filled by all passes that are made inside the ``with``."""
    records = {layer: Record() for layer in layers}
    try:
        for layer, record in records.items():
            vars(layer)["forward"] = _recorded(layer.forward, record, "a_prev", "a")
            vars(layer)["backward"] = _recorded(layer.backward, record, "da", "da_prev")
        yield records
    finally:
        for layer in records:
            for method in ("forward", "backward"):
                vars(layer).pop(method, None)


def _recorded(method: Callable[..., Any], record: Record, given: str, returned: str) -> Callable[..., Any]:
    def recorded(value: Array, cache: Cache) -> Any:
        setattr(record, given, value.copy())
        result = method(value, cache)
        setattr(record, returned, result.copy() if isinstance(result, np.ndarray) else None)
        return result

    return recorded
