"""Facts about mixup: mixed images and targets, and the weights of examples."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.augment.base import Batch

from ..support import refuse

mixup = nn.augment.Mixup
M = 3000
Y = np.eye(M, dtype=np.float64)[:, :]
SMALL = np.random.default_rng(0).random((6, 3, 3))
ROWS = nn.one_hot([0, 1, 2, 0, 1, 2], 3)


def shares(alpha):
    """How much of itself each of M examples keeps, from targets that name the example."""
    _, mixed = mixup(alpha)(np.zeros((M, 1, 1)), Y, seed=0)
    np.testing.assert_allclose(mixed.sum(axis=1), 1)
    assert ((mixed > 0).sum(axis=1) <= 2).all()
    return np.diag(mixed)


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_the_weights_have_the_beta_distribution(alpha):
    l = shares(alpha)
    l = l[l < 1]  # an example that was its own partner
    assert l.mean() == pytest.approx(0.5, abs=0.03)
    assert l.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_images_are_mixed_as_their_targets_are():
    """Images that are linear in their targets stay so."""
    images = (ROWS @ np.arange(27).reshape(3, 9)).reshape(6, 3, 3)
    X, mixed = mixup(1.0)(images, ROWS, seed=3)
    np.testing.assert_allclose(X, (mixed @ np.arange(27).reshape(3, 9)).reshape(6, 3, 3), atol=1e-5)
    assert not (images == X).all()


def test_the_cost_with_weights_is_that_of_both_examples():
    """The weighted cost of the mixed target is the sum of both weighted costs: cross-entropy is linear in y."""
    w = np.array([1.0, 2.0, 0.0, 4.0, 0.5, 0.0])
    batch = Batch(SMALL[..., None], ROWS, w)
    mixed = mixup(1.0).augment(batch, np.random.default_rng(0))
    rng = np.random.default_rng(0)
    l, partner = rng.beta(1.0, 1.0, 6), rng.permutation(6)
    Y_hat = nn.softmax(np.random.default_rng(1).normal(size=(6, 3)))
    ours = mixed.weights * nn.cross_entropy(Y_hat, mixed.Y)
    of_both = l * w * nn.cross_entropy(Y_hat, ROWS) + (1 - l) * w[partner] * nn.cross_entropy(Y_hat, ROWS[partner])
    np.testing.assert_allclose(ours, of_both)
    np.testing.assert_allclose(mixed.Y.sum(axis=1), 1)


def test_wrong_use_is_refused():
    refuse(lambda: mixup(0), "alpha: expected", "above 0")
    refuse(lambda: mixup()(SMALL), "y: Mixup(alpha=0.2) mixes targets too", "one_hot")
    refuse(lambda: mixup()(SMALL, [0, 1, 2, 0, 1, 2]), "y: expected rows of shape (6, C)")
    refuse(lambda: mixup()(SMALL, ROWS[:4]), "y: expected rows of shape (6, C)", "(4, 3)")
