"""Facts about the backward pass of whole networks: every gradient is the derivative of the cost.

Two witnesses: difference quotients of the network's own cost, and autograd, which differentiates the equations in
`oracle`.
"""

import functools
import itertools

import numpy as np
import pytest

import nnlite as nn
from nnlite import layers as nn_layers

from .. import oracle
from ..derivatives import (
    KINK,
    assert_gradients_are_derivatives,
    derivatives,
    draw_parameters,
    draw_targets,
    relative_error,
)
from ..support import for_each, training_cache
from .common import KINDS, X, of_kind

OUTPUTS = [nn.Softmax, nn.Sigmoid, nn.Identity, nn.Exponential]


class RandomNetwork:
    """A network drawn from a seed, with a batch for it, for nnlite and for the oracle."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.activations = list(
            rng.choice([name for name in oracle.ACTIVATIONS if name != "Exponential"], rng.integers(0, 6))
        )
        self.activations.append(str(rng.choice(list(oracle.LOSSES))))
        sizes = rng.integers(1, 13, len(self.activations) + 1)
        if self.activations[-1] == "Softmax":
            sizes[-1] = max(sizes[-1], 2)
        self.parameters = [
            (rng.normal(0, 1.5 / np.sqrt(n_in), (n_in, n_out)), rng.normal(0, 0.5, n_out))
            for n_in, n_out in itertools.pairwise(sizes)
        ]
        self.parameters[-1][0][...] *= 0.3  # the oracle's log(1 - y_hat) loses its digits where y_hat is near 1
        self.M = int(rng.integers(1, 17))
        pool = rng.normal(size=(4000, sizes[0]))
        smooth = oracle.distance_to_kinks(self.parameters, self.activations, pool) > KINK
        self.X = pool[smooth][: self.M]
        assert len(self.X) == self.M
        self.Y, self.rows = self.draw_targets(rng, self.activations[-1], sizes[-1])

    def draw_targets(self, rng, output, C):
        """Y in a form that the output layer takes, and as rows (M, C)."""
        if output == "Identity":
            Y = rng.normal(size=(self.M, C))
            return (Y[:, 0] if C == 1 and rng.integers(2) else Y), Y
        if output == "Exponential":
            return (Y := rng.gamma(2.0, 1.0, (self.M, C))), Y
        if output == "Sigmoid":
            Y = rng.random((self.M, C)) if rng.integers(2) else rng.integers(0, 2, (self.M, C))
            return (Y[:, 0] if C == 1 and rng.integers(2) else Y), Y
        y = rng.integers(0, C, self.M)
        rows = (np.arange(C) == y[:, None]).astype(float)
        soft = rng.dirichlet(np.ones(C), self.M)
        return [(y, rows), (rows, rows), (soft, soft)][rng.integers(3)]

    def model(self, dtype="float64"):
        layers = []
        for (_, b), name in zip(self.parameters, self.activations, strict=True):
            layers.append(nn.Dense(len(b)))
            if name != "nothing":
                layers.append(getattr(nn_layers, name)())
        model = nn.Model(layers, n_features=self.X.shape[1], dtype=dtype)
        for l, (W, b) in enumerate(self.parameters, start=1):
            model.parameters[f"W{l}"][...] = W
            model.parameters[f"b{l}"][...] = b
        return model


SEEDS = range(80)
random_network = functools.cache(RandomNetwork)


def gradients_of(model, X, Y):
    model.forward(X)
    model.backward(Y)
    return {name: g.copy() for name, g in model.gradients.items()}


# ---- random networks ------------------------------------------------------------------------------------------


def test_the_random_networks_have_every_activation_output_and_depth():
    networks = [random_network(seed) for seed in SEEDS]
    hidden = set(oracle.ACTIVATIONS) - {"Exponential"}  # exp overflows in a chain of them
    assert {name for drawn in networks for name in drawn.activations[:-1]} == hidden
    assert {drawn.activations[-1] for drawn in networks} == set(oracle.LOSSES)
    assert {len(drawn.activations) - 1 for drawn in networks} == set(range(6))
    assert {drawn.M for drawn in networks} == set(range(1, 17))
    forms = {(drawn.activations[-1], drawn.Y.ndim, drawn.Y.dtype.kind) for drawn in networks}
    assert {("Softmax", 1, "i"), ("Softmax", 2, "f"), ("Sigmoid", 2, "i"), ("Sigmoid", 2, "f")} < forms


@pytest.mark.parametrize("seed", SEEDS[::2])
def test_gradients_of_any_network_are_derivatives(seed):
    drawn = random_network(seed)
    assert_gradients_are_derivatives(drawn.model(), drawn.X, drawn.Y)


@for_each("seed", SEEDS)
def test_cost_and_gradients_are_those_of_autograd(seed):
    drawn = random_network(seed)
    model = drawn.model()
    Y_hat = model.forward(drawn.X)
    passes = oracle.forward(drawn.parameters, drawn.activations, drawn.X)
    np.testing.assert_allclose(Y_hat, passes[-1][1], rtol=1e-11, atol=1e-13)
    arguments = drawn.parameters, drawn.activations, drawn.X, drawn.rows
    assert model.cost(drawn.Y) == pytest.approx(oracle.cost(*arguments), rel=1e-12)
    model.backward(drawn.Y)
    for l, (dW, db) in enumerate(oracle.gradients(*arguments), start=1):
        for name, expected in ((f"dW{l}", dW), (f"db{l}", db)):
            assert relative_error(model.gradients[name], expected, small=1e-5) < 1e-10, name


@for_each("seed", SEEDS[:20])
def test_gradients_in_float32_are_those_in_float64_rounded(seed):
    drawn = random_network(seed)
    exact, rounded = drawn.model("float64"), drawn.model("float32")
    for model in (exact, rounded):
        model.forward(drawn.X)
        model.backward(drawn.Y)
    for name, g in rounded.gradients.items():
        assert g.dtype == np.float32
        assert relative_error(g, exact.gradients[name], small=1e-2) < 1e-4, name


@for_each("seed", range(8))
def test_layers_called_one_by_one_give_the_derivative_by_x(seed):
    drawn = random_network(seed)
    model = drawn.model()
    caches = [training_cache() for _ in model.layers]
    X, Y = drawn.X, drawn.rows.astype(float)

    def sum_of_losses():
        a = X
        for layer, cache in zip(model.layers, caches, strict=True):
            a = layer.forward(a, cache)
        return np.sum(model.output.losses(Y, caches[-1]))

    n = derivatives(sum_of_losses, X)
    sum_of_losses()
    da = model.output.start_backward(Y, caches[-1])
    for layer, cache in zip(model.layers[-2::-1], caches[-2::-1], strict=True):
        da = layer.backward(da, cache)
    assert relative_error(da, n, small=1e-3) < 1e-7  # a sum of losses has more rounding than their mean


@for_each("seed", SEEDS[:20])
def test_backward_twice_gives_the_same_gradients(seed):
    drawn = random_network(seed)
    model = drawn.model()
    once = gradients_of(model, drawn.X, drawn.Y)
    model.backward(drawn.Y)
    for name, g in model.gradients.items():
        np.testing.assert_array_equal(g, once[name])


@for_each("seed", SEEDS[:20])
def test_cost_and_predict_between_forward_and_backward_change_no_gradient(seed):
    drawn = random_network(seed)
    model = drawn.model()
    once = gradients_of(model, drawn.X, drawn.Y)
    model.forward(drawn.X)
    model.predict(drawn.X[::-1])
    model.cost(drawn.Y)
    model.evaluate(drawn.X[:1], drawn.Y[:1])
    model.backward(drawn.Y)
    for name, g in model.gradients.items():
        np.testing.assert_array_equal(g, once[name])


@for_each("seed", SEEDS[:20])
def test_the_gradient_of_a_batch_is_the_mean_of_the_gradients_of_its_examples(seed):
    drawn = random_network(seed)
    model = drawn.model()
    of_batch = gradients_of(model, drawn.X, drawn.Y)
    of_each = [gradients_of(model, drawn.X[[i]], drawn.Y[[i]]) for i in range(drawn.M)]
    for name, g in of_batch.items():
        np.testing.assert_allclose(g, np.mean([each[name] for each in of_each], 0), rtol=1e-10, atol=1e-14)


@for_each("seed", SEEDS[:20])
def test_gradients_do_not_depend_on_the_batches_before(seed):
    drawn = random_network(seed)
    model, fresh = drawn.model(), drawn.model()
    for M in (drawn.M, 1, drawn.M):
        again = gradients_of(model, drawn.X[:M], drawn.Y[:M])
    for name, g in gradients_of(fresh, drawn.X, drawn.Y).items():
        np.testing.assert_array_equal(again[name], g)


# ---- small networks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_derivatives_for_targets_of_every_form(kind):
    assert_gradients_are_derivatives(of_kind(kind, nn.Sigmoid, dtype="float64"), X.astype(float), KINDS[kind][2])


@for_each("units", [2, 3, 7])
@for_each("output", OUTPUTS)
def test_gradients_of_a_network_without_hidden_layer_are_derivatives(output, units):
    rng = np.random.default_rng(units)
    model = nn.Model([nn.Dense(units), output()], n_features=4, dtype="float64")
    draw_parameters(model, rng)
    assert_gradients_are_derivatives(model, rng.normal(size=(6, 4)), draw_targets(output, rng, 6, units))


def two_layers(output, seed=0):
    """A network with two Dense layers, and a batch for it."""
    rng = np.random.default_rng(seed)
    model = nn.Model([nn.Dense(6), nn.Tanh(), nn.Dense(4), output()], n_features=5, dtype="float64")
    draw_parameters(model, rng)
    return model, rng.normal(size=(7, 5)), draw_targets(output, rng, 7, 4)


@pytest.mark.parametrize("output", OUTPUTS)
def test_backward_starts_with_dz_equal_to_y_hat_minus_y(output):
    model, X, Y = two_layers(output)
    Y_hat = model.forward(X)
    model.backward(Y)
    np.testing.assert_allclose(model.gradients["db2"], (Y_hat - Y).mean(0), rtol=1e-13)


@pytest.mark.parametrize("output", OUTPUTS)
def test_dw_is_the_mean_of_the_outer_products_of_a_prev_and_dz(output):
    model, X, Y = two_layers(output)
    Y_hat = model.forward(X)
    model.backward(Y)
    a1 = np.tanh(X @ model.parameters["W1"] + model.parameters["b1"])
    dz2 = Y_hat - Y
    dz1 = dz2 @ model.parameters["W2"].T * (1 - a1**2)
    for l, a_prev, dz in ((2, a1, dz2), (1, X, dz1)):
        outer = [np.outer(a, d) for a, d in zip(a_prev, dz, strict=True)]
        np.testing.assert_allclose(model.gradients[f"dW{l}"], np.mean(outer, 0), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(model.gradients[f"db{l}"], dz.mean(0), rtol=1e-12, atol=1e-15)


def test_one_hot_rows_and_class_indices_give_the_same_gradients():
    model, X, _ = two_layers(nn.Softmax)
    y = np.array([0, 3, 1, 1, 2, 0, 3])
    for_indices = gradients_of(model, X, y)
    for name, g in gradients_of(model, X, nn.one_hot(y, 4)).items():
        np.testing.assert_array_equal(g, for_indices[name])


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_gradient_is_zero_where_y_hat_is_y(output):
    model, X, _ = two_layers(output)
    Y_hat = model.forward(X)
    for g in gradients_of(model, X, Y_hat).values():
        np.testing.assert_allclose(g, 0, atol=1e-15)
