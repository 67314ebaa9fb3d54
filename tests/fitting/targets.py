"""Ten examples, with targets for each output layer."""

import numpy as np

import nnlite as nn

M, N = 10, 4
RNG = np.random.default_rng(0)
X = RNG.standard_normal((M, N))
CLASSES = np.array([0, 1, 2, 0, 1, 0, 0, 2, 0, 0])
WEIGHT = np.array([2, 1, 0, 3, 1, 2, 1, 1, 0, 2])
SOFT = RNG.dirichlet(np.ones(3), M)

TARGETS = {
    "classes": (nn.Softmax, 3, CLASSES),
    "one-hot": (nn.Softmax, 3, nn.one_hot(CLASSES, 3)),
    "soft": (nn.Softmax, 3, SOFT),
    "smoothed": (lambda: nn.Softmax(label_smoothing=0.2), 3, CLASSES),
    "binary": (nn.Sigmoid, 1, CLASSES % 2),
    "labels": (nn.Sigmoid, 2, np.stack([CLASSES % 2, CLASSES // 2], axis=1)),
    "values": (nn.Identity, 2, RNG.standard_normal((M, 2))),
    "counts": (nn.Exponential, 1, RNG.poisson(2.0, M)),
}


def model_for(kind="classes", *, dtype="float64"):
    """A network for these targets."""
    output, units, _ = TARGETS[kind]
    return nn.Model([nn.Dense(5), nn.Tanh(), nn.Dense(units), output()], n_features=N, seed=0, dtype=dtype)


def close(actual, expected):
    """Check that numbers are the same but for rounding in float64."""
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)
