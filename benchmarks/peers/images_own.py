"""nnlite on images: ``fit``, with everything that it does by default."""

from __future__ import annotations

import nnlite as nn
from benchmarks.images import Array, ImageNetwork, Weights, model_of, names_of
from benchmarks.networks import MOMENTUM

PADDED = False


class Training:
    """The public ``fit``. Its progress bar is drawn (standard error is a terminal) and its history kept."""

    engine = "textbook"

    def __init__(self, network: ImageNetwork, weights: Weights, X: Array, y: Array) -> None:
        self.model = model_of(network, weights)
        self.X, self.y, self.batch = X, y, network.batch
        self.optimizer = nn.SGD(network.rate, momentum=MOMENTUM)

    def train(self, epochs: int) -> float:
        """Train for ``epochs`` more epochs; return the loss of the last one."""
        history = self.model.fit(
            self.X, self.y, optimizer=self.optimizer, epochs=epochs, batch_size=self.batch, progress=True
        )
        if history.engine != self.engine:
            raise RuntimeError(f"expected the engine {self.engine!r}, but {history.engine!r} trained")
        last: float = history["loss"][-1]
        return last

    def weights(self) -> Weights:
        """Return the weights so far."""
        layers = (layer for layer in self.model.all_layers() if isinstance(layer, (nn.Conv2D, nn.Dense, nn.BatchNorm)))
        return [tuple(getattr(layer, name) for name in names_of(layer)) for layer in layers]
