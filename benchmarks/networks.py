"""The networks that every framework trains, on the same examples and from the same weights."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Weights = list[tuple[Array, Array]]  # (W, b) of each layer, W (n_in, n_out)

N_CLASSES = 10
MOMENTUM = 0.9

# AdamW with clipping and one-cycle: what is the same in every framework
WEIGHT_DECAY = 0.01
CLIP_NORM = 1.0
RISE = 0.3  # the share of the steps in which the learning rate rises
FIRST, LAST = 25.0, 1e4  # ratios of the largest learning rate to the first, and of the first to the last

# batch normalization
NEWEST = 0.1  # weight of the newest batch in the running averages
EPSILON = 1e-5


class Network(NamedTuple):
    """A multilayer network of ReLU units with a softmax output, and how it is trained.

    Attributes
    ----------
    sizes : tuple of int
        Units of each layer from the input n[0] to the output n[L].
    batch : int
        Examples per step.
    optimizer : {"SGD", "momentum", "Adam", "AdamW"}
        "momentum" is SGD with momentum 0.9. "AdamW" also clips the gradient and has a one-cycle schedule.
    rate : float
        Learning rate; of a schedule, the largest.
    n_examples : int
        Size of the training set, a multiple of ``batch``: no framework has to compile for a smaller last batch.
    epochs : int
        Epochs per measurement, which then takes between a tenth of a second and two seconds.
    dropout : float
        If it is above 0, each hidden layer is Dense, BatchNorm, ReLU, Dropout with this rate.
    all_epochs : int
        Epochs of the whole training, for the schedule.
    """

    sizes: tuple[int, ...]
    batch: int
    optimizer: str
    rate: float
    n_examples: int
    epochs: int
    dropout: float = 0.0
    all_epochs: int = 1

    @property
    def name(self) -> str:
        """Such as 784-8x256-10."""
        groups: list[list[int]] = []
        for size in self.sizes:
            if groups and groups[-1][0] == size:
                groups[-1][1] += 1
            else:
                groups.append([size, 1])
        # two equal layers are written out
        layers = "-".join(f"{count}x{size}" if count > 2 else "-".join([str(size)] * count) for size, count in groups)
        return layers + "-regularized" * self.regularized

    @property
    def title(self) -> str:
        """Such as 784-8x256-10, batch 64, Adam."""
        layers = self.name.replace("-regularized", " with BatchNorm and Dropout")
        extras = " with clipping and one-cycle" if self.optimizer == "AdamW" else ""
        return f"{layers}, batch {self.batch:,}, {self.optimizer}{extras}"

    @property
    def regularized(self) -> bool:
        """Whether it has BatchNorm and Dropout."""
        return self.dropout > 0

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return self.n_examples // self.batch

    @property
    def all_steps(self) -> int:
        """Steps of the whole training."""
        return self.all_epochs * self.steps

    def shortened(self) -> Network:
        """Return the network with a quarter of the examples, but at least twelve steps per epoch, for a quick run."""
        return self._replace(n_examples=max(self.n_examples // 4, 12 * self.batch))


NETWORKS = {
    network.name: network
    for network in (
        Network((64, 32, 10), 32, "SGD", 0.1, 8192, epochs=8),
        Network((784, 128, 10), 128, "momentum", 0.01, 8192, epochs=8),
        Network((784, 512, 512, 10), 128, "Adam", 1e-3, 8192, epochs=2),
        Network((784, *[256] * 8, 10), 64, "Adam", 3e-4, 8192, epochs=1),  # at 1e-3 a fifth of the last units die
        Network((784, 4096, 10), 512, "SGD", 0.01, 8192, epochs=1),
        Network((784, *[2048] * 3, 10), 256, "Adam", 3e-4, 4096, epochs=1),
        Network((784, 512, 512, 10), 128, "AdamW", 1e-3, 8192, epochs=2, dropout=0.2),
    )
}


def examples(network: Network) -> tuple[Array, Array]:
    """Return X (M, n[0]) float32, standard normal, and y (M,) int64, labels that a random linear map gives.

    Such data can be learned. With random labels, units die: their gradient is 0, their momentum decays below 1e-38, and
    the benchmark measures how slow a processor is with denormal numbers.
    """
    rng = np.random.default_rng(0)
    X = rng.standard_normal((network.n_examples, network.sizes[0]), np.float32)
    teacher = rng.standard_normal((network.sizes[0], N_CLASSES), np.float32)
    return X, (X @ teacher).argmax(axis=1)


def initial_weights(sizes: tuple[int, ...]) -> Weights:
    """Return the common initial weights: W ~ N(0, 2 / n_in) (He et al., 2015), a tenth of it for the output; b = 0."""
    rng = np.random.default_rng(1)
    weights = []
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        scale = np.sqrt(2 / n_in) * (0.1 if layer == len(sizes) - 2 else 1)
        W = rng.standard_normal((n_in, n_out), np.float32)
        W *= np.float32(scale)
        weights.append((W, np.zeros(n_out, np.float32)))
    return weights


def folded(dense: tuple[Array, Array], gamma: Array, beta: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
    """Return (W, b) of a Dense layer that does what a Dense layer and its BatchNorm do in prediction."""
    W, b = dense
    scale = gamma / np.sqrt(variance + EPSILON)
    return W * scale, (b - mean) * scale + beta


def probabilities(weights: Weights, X: Array) -> Array:
    """Return Y_hat (M, C), in plain NumPy, with which every framework's predictions are compared."""
    z = X
    for layer, (W, b) in enumerate(weights):
        z = (np.maximum(z, 0) if layer else z) @ W + b
    z = z.astype(np.float64)
    exponentials: Array = np.exp(z - z.max(axis=1, keepdims=True))
    exponentials /= exponentials.sum(axis=1, keepdims=True)
    return exponentials


def loss(weights: Weights, X: Array, y: Array) -> float:
    """Return the mean cross-entropy of these weights, computed in the same way for every framework."""
    of_the_truth = probabilities(weights, X)[np.arange(len(y)), y]
    return float(-np.log(np.maximum(of_the_truth, 1e-300)).mean())
