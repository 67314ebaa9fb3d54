"""scikit-learn's MLPClassifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.networks import MOMENTUM, N_CLASSES, Array, Network, Weights


def classifier(sizes: tuple[int, ...], **options: Any) -> MLPClassifier:
    """A network without its default L2 penalty, which the others do not have either."""
    return MLPClassifier(sizes[1:-1], alpha=0.0, random_state=0, **options)


def start_from(network: MLPClassifier, weights: Weights, X: Array) -> None:
    """Let it lay out its arrays, for which it must see every class once, and put these weights into them.

    Its optimizer has seen one batch more than the others' by that, which its averages soon forget.
    """
    n = max(len(X), N_CLASSES)
    network.partial_fit(np.resize(X, (n, X.shape[1])), np.arange(n) % N_CLASSES, classes=np.arange(N_CLASSES))
    for W, b, (W0, b0) in zip(network.coefs_, network.intercepts_, weights, strict=True):
        W[...], b[...] = W0, b0


class Training:
    """``partial_fit`` on all examples, which is one epoch of shuffled batches. It computes in float32, as X is.

    ``fit`` runs the same loop, but begins anew at every call; with ``warm_start`` it keeps the weights, and begins
    anew with Adam's averages and the momentum.
    """

    def __init__(self, network: Network, weights: Weights, X: Array, y: Array) -> None:
        self.X, self.y = X, y
        solver: dict[str, Any] = {
            "SGD": {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False},
            "momentum": {"solver": "sgd", "momentum": MOMENTUM, "nesterovs_momentum": False},
            "Adam": {"solver": "adam"},
        }[network.optimizer]
        self.network = classifier(network.sizes, batch_size=network.batch, learning_rate_init=network.rate, **solver)
        start_from(self.network, weights, X[: network.batch])

    def train(self, epochs: int) -> float:
        """Train for ``epochs`` more epochs; return the loss of the last one."""
        for _ in range(epochs):
            self.network.partial_fit(self.X, self.y)
        return float(self.network.loss_)

    def weights(self) -> Weights:
        """Return the weights so far."""
        return list(zip(self.network.coefs_, self.network.intercepts_, strict=True))


def predictor(weights: Weights) -> Callable[[Array], Array]:
    """The public ``predict_proba``, its checks included."""
    sizes = (len(weights[0][0]), *(W.shape[1] for W, _ in weights))
    network = classifier(sizes)
    start_from(network, weights, np.zeros((N_CLASSES, sizes[0]), np.float32))
    return network.predict_proba
