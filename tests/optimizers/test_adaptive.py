"""Facts about Adagrad, RMSProp and Lion; test_pytorch.py compares the first two with PyTorch."""

import numpy as np
import pytest

from nnlite.optimizers import Adagrad, Lion, RMSProp

from .common import STEPS, classifier, decay_mask, make, slope, train


@pytest.mark.parametrize("weight_decay", [0, 0.5])
@pytest.mark.parametrize(("beta_1", "beta_2"), [(0.9, 0.99), (0.5, 0.3)])
def test_lion_is_the_program_of_its_paper(beta_1, beta_2, weight_decay):
    """Chen 2023, program 1: update = sign(interp(g, m, beta1)), m = interp(g, m, beta2), minus lr (update + wd w)."""
    model = classifier()
    w, m, mask, path = model.theta.copy(), np.zeros(model.theta.size), decay_mask(model), []
    for _ in range(STEPS):
        g = slope(w)
        update = np.sign((1 - beta_1) * g + beta_1 * m)
        m = (1 - beta_2) * g + beta_2 * m
        w = w - 0.02 * (update + weight_decay * mask * w)
        path.append(w)
    lion = Lion(0.02, beta_1=beta_1, beta_2=beta_2, weight_decay=weight_decay)
    np.testing.assert_allclose(train(model, lion), path, rtol=0, atol=1e-12 * np.abs(path).max())


def test_each_parameter_moves_by_the_learning_rate_in_a_step_of_lion():
    model = classifier()
    path = train(model, Lion(0.02), 5)
    np.testing.assert_allclose(np.abs(np.diff(path, axis=0)), 0.02, rtol=1e-12)


def test_adagrad_divides_by_the_root_of_the_sum_of_squares():
    """Duchi 2011, with the diagonal of G."""
    model = classifier()
    theta, squares, path = model.theta.copy(), np.full(model.theta.size, 0.5), []
    for _ in range(STEPS):
        g = slope(theta)
        squares = squares + g**2
        theta = theta - 0.1 * g / (np.sqrt(squares) + 1e-3)
        path.append(theta)
    adagrad = Adagrad(0.1, initial_accumulator_value=0.5, epsilon=1e-3)
    np.testing.assert_allclose(train(model, adagrad), path, rtol=0, atol=1e-12 * np.abs(path).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_centered_rmsprop_stays_finite_if_the_gradient_never_changes(dtype, rho):
    """Its variance is then 0, and rounding must not make it negative."""
    model = classifier(dtype=dtype)
    optimizer = RMSProp(1e-12, rho=rho, centered=True)
    for _ in range(400):
        model.grad[:] = np.linspace(-3, 3, model.theta.size)
        optimizer.step(model)
    assert np.isfinite(model.theta).all()


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, {"mean_square"}),
        ({"centered": True}, {"mean_square", "mean"}),
        ({"momentum": 0.5}, {"mean_square", "velocity"}),
        ({"momentum": 0.5, "centered": True}, {"mean_square", "mean", "velocity"}),
    ],
)
def test_rmsprop_remembers_only_the_vectors_that_its_options_need(options, names):
    optimizer, model = RMSProp(**options), classifier()
    train(model, optimizer, 1)
    assert set(optimizer.state(model).vectors) == names


@pytest.mark.parametrize(
    "text",
    [
        "Adagrad(0.01)",
        "Adagrad(0.01, initial_accumulator_value=0.1)",
        "RMSProp(0.01)",
        "RMSProp(0.01, rho=0.9, centered=True)",
        "Lion(0.0001, weight_decay=0.1, clip_norm=1.0)",
    ],
)
def test_repr_shows_what_differs_from_the_defaults_of_the_rule(text):
    assert repr(make(text)) == text
