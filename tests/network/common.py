"""What the tests of networks share: a batch, and a small network for each kind of output with targets for it."""

import numpy as np

import nnlite as nn

from ..support import network

RNG = np.random.default_rng(0)
X = RNG.standard_normal((24, 5)).astype(np.float32)
y = RNG.integers(0, 3, 24)

KINDS = {  # units, output and targets
    "softmax": (3, nn.Softmax, y),
    "sigmoid": (1, nn.Sigmoid, y % 2),
    "labels": (2, nn.Sigmoid, np.stack([y % 2, y // 2], axis=1)),
    "identity": (1, nn.Identity, X[:, 0]),
    "values": (2, nn.Identity, X[:, :2]),
    "counts": (2, nn.Exponential, np.stack([y, y % 2], axis=1)),
}
CLASSIFIERS = ("softmax", "sigmoid", "labels")


def of_kind(kind="softmax", hidden=nn.ReLU, *, n_features=5, seed=0, dtype="float32"):
    """A network with two hidden layers for the targets of that kind."""
    units, output, _ = KINDS[kind]
    layers = [nn.Dense(7), hidden(), nn.Dense(6), nn.Tanh()]
    return network(*layers, units=units, output=output(), n_features=n_features, seed=seed, dtype=dtype)
