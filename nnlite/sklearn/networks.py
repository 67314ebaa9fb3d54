"""The network of an estimator: its layers, and ``coefs_`` and ``intercepts_`` as views into its parameters."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import BatchNorm, Dense, Dropout, Exponential, Identity, Layer, Output, ReLU, Sigmoid, Softmax, Tanh
from nnlite.model import Model

HIDDEN: dict[str, type[Layer] | None] = {"identity": None, "logistic": Sigmoid, "tanh": Tanh, "relu": ReLU}
OUTPUTS: dict[str, type[Output]] = {
    "softmax": Softmax,
    "logistic": Sigmoid,
    "identity": Identity,
    "exp": Exponential,
}
BLOCK_NUMBERS = 2**24  # of a sparse matrix that are dense at once


def hidden_sizes(hidden_layer_sizes: Any) -> list[int]:
    """Return the sizes of the hidden layers as a list."""
    sizes = list(hidden_layer_sizes) if hasattr(hidden_layer_sizes, "__iter__") else [hidden_layer_sizes]
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]


def make_network(estimator: Any, n_features: int, dtype: Any, seed: int) -> Model:
    """Return the network of an estimator that knows ``n_outputs_`` and ``out_activation_``."""
    return Model(_layers(estimator), n_features=n_features, seed=seed, dtype=dtype)


def _layers(estimator: Any) -> list[Layer]:
    output = OUTPUTS[estimator.out_activation_]
    last = [Dense(estimator.n_outputs_), output()]
    if estimator.layers is not None:
        return _own_layers(estimator, last)
    activation = HIDDEN[estimator.activation]
    layers: list[Layer] = []
    for units in hidden_sizes(estimator.hidden_layer_sizes):
        layers.append(Dense(units))
        layers += [BatchNorm()] if estimator.batch_norm else []
        layers += [] if activation is None else [activation()]
        layers += [Dropout(estimator.dropout)] if estimator.dropout else []
    return [*layers, *last]


def _own_layers(estimator: Any, last: list[Layer]) -> list[Layer]:
    """Return copies of the layers that the user gave, and the last two unless they are there already."""
    layers: list[Layer] = list(copy.deepcopy(estimator.layers))
    units = [layer.units for layer in layers if isinstance(layer, Dense)]
    if layers and type(layers[-1]) is type(last[-1]) and units[-1:] == [estimator.n_outputs_]:
        return layers
    if layers and isinstance(layers[-1], (Softmax, Exponential)):
        raise ArgumentError(
            f"layers: these targets need {last[0]}, {last[1]} at the end, which you can leave out, got {layers[-2:]}"
        )
    return [*layers, *last]


def draw_weights(estimator: Any, network: Model, random_state: Any) -> None:
    """Draw W and b of each Dense layer as scikit-learn does: ``U(-r, r)`` with ``r = sqrt(6 / (n_in + n_out))``.

    With the activation "logistic", r is ``sqrt(2 / (n_in + n_out))``.
    """
    factor = 2.0 if estimator.activation == "logistic" else 6.0
    for W, b in zip(*views(network), strict=True):
        r = np.sqrt(factor / sum(W.shape))
        W[...] = random_state.uniform(-r, r, W.shape)
        b[...] = random_state.uniform(-r, r, b.shape)


def views(network: Model) -> tuple[list[Array], list[Array]]:
    """Return W and b of each Dense layer: live views into ``network.theta``."""
    dense: list[Any] = [layer for layer in network.all_layers() if isinstance(layer, Dense)]
    return [layer.W for layer in dense], [layer.b for layer in dense]


def is_plain(estimator: Any) -> bool:
    """Whether the network is one that scikit-learn has."""
    return estimator.layers is None and not estimator.dropout and not estimator.batch_norm


def predict_rows(network: Model, X: Any) -> Array:
    """Return Y_hat (M, n[L]), from an array or a sparse matrix."""
    if isinstance(X, np.ndarray):
        return network.predict_rows(X)
    X = X.tocsr()
    rows = max(1, BLOCK_NUMBERS // X.shape[1])
    parts = [network.predict_rows(X[i : i + rows].toarray()) for i in range(0, X.shape[0], rows)]
    return np.concatenate(parts)
