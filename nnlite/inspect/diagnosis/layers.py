"""A batch on its way through the layers, watched: what comes out of each, and what gradient arrives there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.checks import Array
from nnlite.layers import Activation, Cache, Layer

if TYPE_CHECKING:
    from nnlite.model import Model


@dataclass
class Watched:
    """What one layer did with the batch.

    ``gradient`` is the mean over the examples of the norm of the gradient that arrived at its output, of the sum of
    losses; ``slopes`` are the g'(z) of an activation, (M, n).
    """

    layer: Layer
    weighted: bool = False
    gradient: float = np.nan
    slopes: Array | None = None


@dataclass
class Walk:
    """The layers of a network in the order of the forward pass; those inside a Residual are in ``activations`` only."""

    layers: list[Watched]
    activations: list[Watched] = field(default_factory=list)


def walk(model: Model, X: Array, Y: Array | None = None) -> Walk:
    """Send a batch forward and, if there are targets, back through a copy of the network, and watch.

    Parameters
    ----------
    model : Model
        Built; a copy, since its layers are changed so that they can be watched, and its running averages move.
    X : ndarray, (M, ...)
    Y : ndarray, (M, n[L]), optional
    """
    caches = [Cache(model.dtype, model.rng) for _ in model.layers]
    activations = _watch_activations(model)
    watched = []
    a = X.astype(model.dtype)
    for layer, cache in zip(model.layers, caches, strict=True):
        watched.append(Watched(layer, _has_weights(layer)))
        a = layer.forward(a, cache)
    if Y is None:
        return Walk(watched, activations)
    Y = model.output.smoothed(Y.astype(model.dtype), caches[-1])
    da: Any = model.output.start_backward(Y, caches[-1])
    for i in range(len(model.layers) - 2, -1, -1):
        watched[i].gradient = float(np.sqrt(np.square(da.reshape(len(X), -1), dtype=np.float64).sum(axis=1)).mean())
        if da is None or not any(layer.weighted for layer in watched[: i + 1]):
            break
        da = model.layers[i].backward(da, caches[i])
    return Walk(watched, activations)


def weight_matrices(model: Model) -> dict[str, Array]:
    """The matrices of weights, live, by name: W1, W2, ..., those of inner layers too."""
    matrices: dict[str, Array] = {}
    for layer in model.all_layers():
        for W in _matrices(layer):
            matrices[f"W{len(matrices) + 1}"] = W
    return matrices


def _matrices(layer: Layer) -> list[Array]:
    """The weights of one layer, without those of layers inside it: the matrices that weight decay acts on."""
    weights = [vars(layer).get(name) for name in sorted(layer.decayed)]
    return [W for W in weights if isinstance(W, np.ndarray) and W.ndim == 2]


def _has_weights(layer: Layer) -> bool:
    return bool(_matrices(layer)) or any(map(_has_weights, layer.inner_layers))


def _watch_activations(model: Model) -> list[Watched]:
    """Let every hidden activation note its slopes whenever the batch goes through it."""
    watched = []
    for layer in model.all_layers():
        if isinstance(layer, Activation) and layer is not model.output:
            watched.append(Watched(layer))
            layer.forward = _noting_slopes(layer, watched[-1])  # type: ignore[method-assign, assignment]
    return watched


def _noting_slopes(layer: Activation, watched: Watched) -> Callable[[Array, Cache], Array]:
    forward = layer.forward

    def noting(a_prev: Array, cache: Cache) -> Array:
        apart = Cache(cache.dtype, cache.rng)
        forward(a_prev, apart)
        watched.slopes = np.array(layer.backward(np.ones_like(a_prev), apart))  # dz = da g'(z), with da = 1
        return forward(a_prev, cache)

    return noting
