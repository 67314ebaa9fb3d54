"""nnlite, as its README shows it: ``fit``, with everything that it does by default."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import numpy as np

import nnlite as nn
from benchmarks import networks
from benchmarks.networks import Array, Network, Weights, folded
from benchmarks.parts import REST, Clock


def model_of(weights: Weights, dropout: float = 0.0) -> nn.Model:
    """Return a network that starts from these weights."""
    layers: list[nn.Layer] = []
    for W, _ in weights[:-1]:
        layers += [nn.Dense(W.shape[1])]
        layers += (
            [nn.BatchNorm(networks.NEWEST, networks.EPSILON), nn.ReLU(), nn.Dropout(dropout)]
            if dropout
            else [nn.ReLU()]
        )
    layers += [nn.Dense(weights[-1][0].shape[1]), nn.Softmax()]
    model = nn.Model(layers, n_features=len(weights[0][0]), seed=0)
    for number, (W, b) in enumerate(weights, start=1):
        model.parameters[f"W{number}"][...] = W
        model.parameters[f"b{number}"][...] = b
    return model


def optimizer_of(network: Network) -> nn.Optimizer:
    """Return the optimizer that a network is trained with."""
    if network.optimizer == "SGD":
        return nn.SGD(network.rate)
    if network.optimizer == "momentum":
        return nn.SGD(network.rate, momentum=networks.MOMENTUM)
    if network.optimizer == "Adam":
        return nn.Adam(network.rate)
    schedule = nn.schedules.OneCycle(
        network.rate, network.all_steps, networks.RISE, div_factor=networks.FIRST, final_div_factor=networks.LAST
    )
    return nn.AdamW(schedule, weight_decay=networks.WEIGHT_DECAY, clip_norm=networks.CLIP_NORM)


class Training:
    """The public ``fit``. Its progress bar is drawn (standard error is a terminal) and its history kept."""

    engine = "textbook"

    def __init__(self, network: Network, weights: Weights, X: Array, y: Array) -> None:
        self.model = model_of(weights, network.dropout)
        self.X, self.y, self.batch = X, y, network.batch
        self.optimizer = optimizer_of(network)

    def train(self, epochs: int) -> float:
        """Train for ``epochs`` more epochs; return the loss of the last one."""
        history = self.model.fit(
            self.X, self.y, optimizer=self.optimizer, epochs=epochs, batch_size=self.batch, progress=True
        )
        if history.engine != self.engine:
            raise RuntimeError(f"expected the engine {self.engine!r}, but {history.engine!r} trained")
        return history["loss"][-1]

    def weights(self) -> Weights:
        """Return the weights so far; those of a BatchNorm are folded into its Dense layer."""
        learned: Weights = []
        for layer in self.model.layers:
            if isinstance(layer, nn.Dense):
                learned.append((layer.W, layer.b))
            elif isinstance(layer, nn.BatchNorm):
                learned[-1] = folded(learned[-1], layer.gamma, layer.beta, layer.running_mean, layer.running_variance)
        return learned


def seconds_of_parts(training: Training, epochs: int) -> dict[str, float]:
    """Train for ``epochs`` epochs and return the seconds of each part. The training keeps its clocks afterwards."""
    clock = Clock(training.model, training.optimizer)
    start = time.perf_counter()
    training.train(epochs)
    seconds = time.perf_counter() - start
    return clock.seconds | {REST: seconds - sum(clock.seconds.values())}


def predictor(weights: Weights) -> Callable[[Array], Array]:
    """The public ``predict_proba``, its checks included."""
    return model_of(weights).predict_proba


def seconds_of_products(network: Network, steps: int) -> float:
    """Return the seconds of the matrix products alone of ``steps`` steps: the limit of what NumPy can reach.

    Forward z = a W; backward dW = a' dz and, but for layer 1, da = dz W'; into memory that is there already.
    """
    rng = np.random.default_rng(0)
    layers = []
    for number, (n_in, n_out) in enumerate(itertools.pairwise(network.sizes)):
        a, W, dz = (
            rng.standard_normal(s, np.float32) for s in ((network.batch, n_in), (n_in, n_out), (network.batch, n_out))
        )
        da = np.empty_like(a) if number else None
        layers.append((a, W, np.empty_like(dz), dz, np.empty_like(W), da))

    def one_step() -> None:
        for a, W, z, _, _, _ in layers:
            a.dot(W, out=z)
        for a, W, _, dz, dW, da in reversed(layers):
            a.T.dot(dz, out=dW)
            if da is not None:
                dz.dot(W.T, out=da)

    one_step()  # the first to write into new memory waits for the system to hand it over
    start = time.perf_counter()
    for _ in range(steps):
        one_step()
    return time.perf_counter() - start
