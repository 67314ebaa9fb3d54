"""The training that the tests of callbacks share: a small regression."""

import numpy as np

import nnlite as nn

M = 12
RNG = np.random.default_rng(0)
X = RNG.standard_normal((M, 3))
y = RNG.standard_normal((M, 2))


def regression(*hidden, seed=0):
    """A regression in float64, with the given layers in its middle."""
    return nn.Model([nn.Dense(4), *hidden, nn.Tanh(), nn.Dense(2), nn.Identity()], seed=seed, dtype="float64")


def train(model, *callbacks, epochs=3, batch_size=4, **options):
    """Train with these callbacks."""
    return model.fit(X, y, epochs=epochs, batch_size=batch_size, callbacks=callbacks, **options)


def follow(curve, model, *callbacks):
    """Train with the curve as the learning rates, one step in an epoch: a logged value that is known beforehand."""
    options = {"epochs": len(curve), "batch_size": None, "optimizer": nn.SGD(lambda step: curve[step])}
    return train(model, *callbacks, **options)
