"""What happens inside the network: gradients that arrive at each layer, slopes of the activations, weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.layers import Activation, Cache, Layer, chain
from nnlite.layers.convolution import as_rows_of_units
from nnlite.network.network import Network


def gradient_norms(model: Network, X: Array, y: Array) -> list[float]:
    """Return the norm of dJ/dz at the output of each layer with weights, from the first that learns to the last.

    Each is the mean over the examples of the norm of the gradient of an example's own loss.

    Parameters
    ----------
    model : Network
        A copy: its gradients and running averages change.
    X : ndarray, (M, ...)
    y : ndarray, (M,) or (M, n[L])
    """
    with_weights = {segment.layer for segment in model.segments if segment.decayed and len(segment.shape) >= 2}
    norms = {}

    def observe(layer: Layer, method: str, given: Array, returned: Any) -> None:
        if method == "backward" and any(inner in with_weights for inner in chain.flattened([layer])):
            rows = len(X) * given.reshape(len(X), -1).astype(np.float64)
            norms[layer] = float(np.sqrt(np.square(rows).sum(axis=1)).mean())

    step = model.new_pass(training=True, observer=observe)
    step.forward(model.signature.cast(X))
    step.backward(model.signature.target_rows(y))
    return [norms[layer] for layer in model.layers if layer in norms]


def slopes(model: Network, X: Array) -> list[tuple[Activation, Array]]:
    """Return each hidden activation with its slopes g'(z), (M, n), for a batch in training.

    Behind a convolution the units are channels, and each pixel counts as an example.

    Parameters
    ----------
    model : Network
        A copy: its running averages change.
    X : ndarray, (M, ...)
    """
    found, layers = [], model.all_layers()

    def observe(layer: Layer, method: str, given: Array, returned: Any) -> None:
        if isinstance(layer, Activation) and layer is not model.output:
            apart = Cache(training=True, rng=model.rng)
            ones = np.ones_like(layer.forward(given, apart))
            slope = layer.backward(ones, apart)  # dz = da g'(z), with da = 1
            if isinstance(slope, np.ndarray):
                found.append((layer, as_rows_of_units(slope, layers)))

    model.new_pass(training=True, observer=observe).forward(model.signature.cast(X))
    return found


def weight_matrices(model: Network) -> dict[str, Array]:
    """Return live views of the weight matrices (inputs, units) by name: W1, W2, ..., also those of inner layers."""
    return {
        segment.name: segment.view(model.theta).reshape(-1, segment.shape[-1])
        for segment in model.segments
        if segment.decayed and len(segment.shape) >= 2
    }


def copied_weights(model: Network) -> dict[str, Array]:
    """Return copies of the weight matrices by name."""
    return {name: W.copy() for name, W in weight_matrices(model).items()}
