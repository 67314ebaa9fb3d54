"""Facts about Adam, AdamW and NAdam; test_pytorch.py compares them with PyTorch."""

import numpy as np
import pytest

import nnlite as nn

from ..support import for_each
from .common import classifier, make, slope, train


def test_fifty_steps_are_those_of_the_paper():
    """Kingma and Ba 2015, algorithm 1."""
    model = classifier()
    theta, m, v, path = model.theta.copy(), 0.0, 0.0, []
    for t in range(1, 51):
        g = slope(theta)
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        theta = theta - 0.05 * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-3)
        path.append(theta)
    adam = nn.Adam(0.05, beta_1=0.8, beta_2=0.95, epsilon=1e-3)
    np.testing.assert_allclose(train(model, adam), path, rtol=0, atol=1e-12 * np.abs(path).max())


@pytest.mark.parametrize("beta_2", [0.999, 0.3])
@pytest.mark.parametrize("rule", ["Adam", "NAdam"])
def test_the_first_step_is_the_learning_rate_in_each_direction(rule, beta_2):
    model = classifier()
    start = model.theta.copy()
    model.grad[:] = g = np.linspace(1, 1e6, model.theta.size)
    optimizer = make(f"{rule}(0.1, beta_1=0.5, beta_2={beta_2})")
    optimizer.step(model)
    mu = [0.5 * (1 - 0.5 * 0.96 ** (0.004 * t)) for t in (1, 2)]
    length = 1 if rule == "Adam" else 1 + 0.5 * mu[1] / (1 - mu[0] * mu[1])
    np.testing.assert_allclose(start - model.theta, 0.1 * length * np.sign(g), rtol=1e-7)


def test_adam_with_coupled_decay_is_not_adamw():
    ends = [train(classifier(), make(f"{rule}(0.05, weight_decay=0.2)"))[-1] for rule in ("Adam", "AdamW")]
    assert np.abs(ends[0] - ends[1]).max() > 1e-2


def test_adamw_without_decay_is_adam():
    ends = [train(classifier(), make(call), 5) for call in ("Adam(0.05)", "AdamW(0.05, weight_decay=0.0)")]
    np.testing.assert_array_equal(*ends)


def test_amsgrad_never_forgets_the_largest_v():
    model, optimizer = classifier(), nn.Adam(0.05, beta_2=0.5, amsgrad=True)
    largest = 0.0
    for size in (3.0, 1.0, 0.1, 2.0):
        model.grad[:] = size
        optimizer.step(model)
        vectors = optimizer.state(model).vectors
        largest = np.maximum(largest, vectors["v"])
        np.testing.assert_array_equal(vectors["largest_v"], largest)
    assert np.all(vectors["largest_v"] > vectors["v"])


@pytest.mark.parametrize("n_models", [1, 2])
def test_nadam_looks_ahead_with_the_products_of_its_own_momenta(n_models):
    """Also for two models at different steps, and after its hyperparameters have changed."""
    optimizer, models = nn.NAdam(0.05), [classifier(seed) for seed in range(n_models)]
    for steps, model in enumerate(models, start=1):
        train(model, optimizer, 120 * steps)
    for model in models:
        optimizer.beta_1, optimizer.momentum_decay = 0.8, 0.1
        vectors = {name: vector.copy() for name, vector in optimizer.state(model).vectors.items()}
        theta, g, t = model.theta.copy(), slope(model.theta), optimizer.state(model).n_steps + 1
        train(model, optimizer, 1)
        mu = [0.8 * (1 - 0.5 * 0.96 ** (0.1 * i)) for i in range(1, t + 2)]
        m, v = 0.8 * vectors["m"] + 0.2 * g, 0.999 * vectors["v"] + 0.001 * g**2
        ahead = (1 - mu[t - 1]) / (1 - np.prod(mu[:t])) * g + mu[t] / (1 - np.prod(mu)) * m
        expected = theta - 0.05 * ahead / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(model.theta, expected, rtol=1e-12)


@for_each(
    "text",
    [
        "Adam(0.001)",
        "Adam(0.001, amsgrad=True)",
        "AdamW(0.001)",
        "AdamW(0.001, weight_decay=0.0)",
        "AdamW(0.001, beta_1=0.8, weight_decay=0.1, max_norm=3.0)",
        "NAdam(0.002, momentum_decay=0.1)",
    ],
)
def test_repr_shows_what_differs_from_the_defaults_of_the_rule(text):
    assert repr(make(text)) == text


def test_the_default_learning_rates_are_those_of_the_docstrings():
    assert (nn.Adam().learning_rate, nn.AdamW().learning_rate, nn.NAdam().learning_rate) == (0.001, 0.001, 0.002)
    assert (nn.Adam().weight_decay, nn.AdamW().weight_decay) == (0, 0.01)


def test_the_product_of_nadam_has_each_mu_as_it_was_used():
    def product_of(betas):
        optimizer, P = nn.NAdam(0.01), 1.0
        model = nn.Model([nn.Dense(1), nn.Identity()], n_features=1, seed=0, dtype="float64")
        model.theta[:], theta, m, v = 1, 1.0, 0.0, 0.0
        for t, beta in enumerate(betas, start=1):
            optimizer.beta_1 = beta
            model.grad[:] = g = 0.5 + 0.1 * t
            optimizer.step(model)
            mu, mu_next = (beta * (1 - 0.5 * 0.96 ** (k * optimizer.momentum_decay)) for k in (t, t + 1))
            P *= mu
            m, v = beta * m + (1 - beta) * g, 0.999 * v + 0.001 * g**2
            step = (1 - mu) / (1 - P) * g + mu_next / (1 - P * mu_next) * m
            theta -= 0.01 * step / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return model.theta[0], theta

    for betas in ([0.9] * 8, [0.9, 0.9, 0.5, 0.5, 0.8, 0.9]):
        found, expected = product_of(betas)
        assert abs(found - expected) < 1e-14
