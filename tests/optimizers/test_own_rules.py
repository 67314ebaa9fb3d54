"""Facts about a user's own rule."""

import numpy as np
import pytest

import nnlite as nn

from ..support import refuse
from .common import classifier, indices


class SignDescent(nn.Optimizer):
    """theta <- theta - learning_rate / t sign(grad), in step t; it remembers the sum of all gradients."""

    state_names = ("total",)

    def update(self, part, g, learning_rate):
        part.total += g
        part.theta -= learning_rate / part.t * np.sign(g)


def test_a_users_rule_is_one_method():
    model = classifier()
    start = model.theta.copy()
    optimizer = SignDescent(0.1)
    model.grad[:] = -2
    for _ in range(3):
        optimizer.step(model)
    np.testing.assert_allclose(model.theta, start + 0.1 * (1 + 1 / 2 + 1 / 3), rtol=1e-12)
    np.testing.assert_array_equal(optimizer.state(model).vectors["total"], -6)
    assert repr(optimizer) == "SignDescent(0.1)"


def test_a_users_rule_has_the_options_of_every_rule():
    model = classifier()
    model.theta[:] = 1
    model.grad[:] = 0
    SignDescent(0.1, weight_decay=0.5).step(model)
    np.testing.assert_allclose(model.theta[: model.n_weights], 0.9)
    np.testing.assert_array_equal(model.theta[model.n_weights :], 1)


def test_a_users_rule_may_decouple_weight_decay():
    class Decoupled(SignDescent):
        decoupled = True

    model = classifier()
    model.theta[:] = 1
    model.grad[:] = 0
    Decoupled(0.1, weight_decay=0.5).step(model)
    np.testing.assert_allclose(model.theta[indices(model, "W1", "W2")], 1 - 0.1 * 0.5)
    np.testing.assert_array_equal(model.theta[indices(model, "b1", "b2")], 1)


@pytest.mark.parametrize("decoupled", [False, True])
def test_a_users_rule_may_change_the_decay_from_step_to_step(decoupled):
    class Fading(nn.SGD):
        def decay_of(self, step):
            return 0.5 / (step + 1)

    Fading.decoupled = decoupled
    model, optimizer = classifier(), Fading(0.1)
    model.theta[:] = expected = 1.0
    model.grad[:] = 0
    for t in (1, 2, 3):
        optimizer.step(model)
        expected *= 1 - 0.1 * 0.5 / t
    np.testing.assert_allclose(model.theta[: model.n_weights], expected)
    np.testing.assert_array_equal(model.theta[model.n_weights :], 1)


def test_the_loss_that_fit_reports_includes_the_penalty_if_the_rule_says_so():
    class Penalized(nn.SGD):
        reported_penalty = 0.5

    X, y = np.random.default_rng(0).standard_normal((20, 3)), np.arange(20) % 2
    losses, first = [], nn.Model([nn.Dense(4), nn.ReLU(), nn.Dense(2), nn.Softmax()], n_features=3, seed=0)
    W = first.theta[: first.n_weights].astype(float)
    for rule in (nn.SGD, Penalized):
        options = {"optimizer": rule(0.1, weight_decay=3.0), "epochs": 1, "batch_size": None, "progress": False}
        losses.append(first.copy().fit(X, y, **options)["loss"][0])
    np.testing.assert_allclose(losses[1] - losses[0], 0.5 * 3.0 / 2 * (W @ W), rtol=1e-5)


def test_an_optimizer_without_a_rule_says_so():
    model = classifier()
    model.grad = 1
    refuse(lambda: nn.Optimizer(0.1).step(model), "optimizer: Optimizer has no update rule; define update(self, part")
