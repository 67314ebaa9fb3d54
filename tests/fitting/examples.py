"""Data and networks that the tests of fit share."""

import numpy as np

import nnlite as nn

from ..support import Spy

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 4)).astype(np.float32)
y = RNG.integers(0, 3, 50)
SLOW = nn.SGD(1e-6)  # for tests that look at something else than learning


def classifier(*, seed=0, dtype="float32", n_features=None):
    """A network for X and y."""
    return nn.Model([nn.Dense(6), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=seed, dtype=dtype, n_features=n_features)


def spied_classifier(seed=0, output=nn.Softmax, units=3):
    """A network for one feature, and the layer in front that notes what comes by."""
    spy = Spy()
    model = nn.Model([spy, nn.Dense(units), output()], n_features=1, seed=seed)
    spy.predicted.clear()  # building tries the layers out
    return model, spy


def numbered(m):
    """Examples whose only feature is their number."""
    return np.arange(m, dtype=np.float32)[:, None]
