"""The networks that everyone trains, on the same examples and from the same weights."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Weights = list[tuple[Array, Array]]  # (W, b) of each layer, W (n_in, n_out)

N_CLASSES = 10
N_FACTORS = 12  # dimensions in which the examples differ
MOMENTUM = 0.9


class Network(NamedTuple):
    """A multilayer network of ReLU units with a softmax output, and how it is trained.

    Attributes
    ----------
    sizes : tuple of int
        Units of each layer from the input n[0] to the output n[L].
    batch : int
        Examples to a step.
    optimizer : {"SGD", "momentum", "Adam"}
        SGD with momentum 0.9 is "momentum".
    rate : float
        Learning rate.
    n_examples : int
        Size of the training set, a multiple of ``batch``: no framework has to compile for a smaller last batch.
    epochs : int
        To one measurement: what takes from a tenth of a second to two.
    """

    sizes: tuple[int, ...]
    batch: int
    optimizer: str
    rate: float
    n_examples: int
    epochs: int

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
        return "-".join(f"{count}x{size}" if count > 2 else "-".join([str(size)] * count) for size, count in groups)

    @property
    def title(self) -> str:
        """Such as 784-8x256-10, batch 64, Adam."""
        return f"{self.name}, batch {self.batch:,}, {self.optimizer}"

    @property
    def steps(self) -> int:
        """Steps to an epoch."""
        return self.n_examples // self.batch

    def shortened(self) -> Network:
        """Of a quarter of the examples, but at least six steps, for those in a hurry."""
        return self._replace(n_examples=max(self.n_examples // 4, 6 * self.batch))


NETWORKS = {
    network.name: network
    for network in (
        Network((64, 32, 10), 32, "SGD", 0.1, 8192, epochs=8),
        Network((784, 128, 10), 128, "momentum", 0.02, 8192, epochs=8),
        Network((784, 512, 512, 10), 128, "Adam", 1e-3, 8192, epochs=2),
        Network((784, *[256] * 8, 10), 64, "Adam", 1e-3, 8192, epochs=1),
        Network((784, 4096, 10), 512, "SGD", 0.1, 8192, epochs=1),
        Network((784, *[2048] * 3, 10), 256, "Adam", 1e-3, 4096, epochs=1),
    )
}


def examples(network: Network) -> tuple[Array, Array]:
    """X (M, n[0]) float32 and y (M,) int64: ten overlapping clouds, with a tenth of the labels drawn by lot.

    The clouds lie in 12 of the n[0] dimensions, as images do in few of theirs, so that labels drawn by lot are not soon
    learned by heart: a training set that is known to the last example has gradients near 0, and numbers below 1e-38 are
    slow to compute with. Pixels are of about the size of MNIST's.
    """
    rng = np.random.default_rng(0)
    n, width = network.n_examples, network.sizes[0]
    classes = rng.integers(N_CLASSES, size=n)
    centers = rng.standard_normal((N_CLASSES, N_FACTORS), np.float32)
    factors = 0.75 * rng.standard_normal((n, N_FACTORS), np.float32) + centers[classes]
    X = factors @ rng.standard_normal((N_FACTORS, width), np.float32)
    X *= np.float32(0.3) / X.std()
    X += 0.02 * rng.standard_normal(X.shape, np.float32)
    by_lot = rng.random(n) < 0.1
    y = np.where(by_lot, rng.integers(N_CLASSES, size=n), classes)
    return X, y


def initial_weights(sizes: tuple[int, ...]) -> Weights:
    """Where everyone starts: W ~ N(0, 2 / n_in) (He et al., 2015), a tenth of it before the output, and b = 0."""
    rng = np.random.default_rng(1)
    weights = []
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        scale = np.sqrt(2 / n_in) * (0.1 if layer == len(sizes) - 2 else 1)
        W = rng.standard_normal((n_in, n_out), np.float32)
        W *= np.float32(scale)
        weights.append((W, np.zeros(n_out, np.float32)))
    return weights


def probabilities(weights: Weights, X: Array) -> Array:
    """Y_hat (M, C), in plain NumPy: what every framework's predictions are held against."""
    z = X
    for layer, (W, b) in enumerate(weights):
        z = (np.maximum(z, 0) if layer else z) @ W + b
    z = z.astype(np.float64)
    exponentials: Array = np.exp(z - z.max(axis=1, keepdims=True))
    exponentials /= exponentials.sum(axis=1, keepdims=True)
    return exponentials


def loss(weights: Weights, X: Array, y: Array) -> float:
    """Mean cross-entropy of these weights: computed here, the same way for everyone, not by the framework."""
    of_the_truth = probabilities(weights, X)[np.arange(len(y)), y]
    return float(-np.log(np.maximum(of_the_truth, 1e-300)).mean())
