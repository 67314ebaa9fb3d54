"""Facts about the pass of a batch: its losses, its gradients, and where the backward pass ends."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.network.passes import mean_loss

from ..support import network

X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
y = np.array([0, 1, 2, 0, 1])


def observed(model, **options):
    """What an observer sees in one training step."""
    seen = []
    step = model.new_pass(training=True, observer=lambda *what: seen.append(what), **options)
    step.forward(X)
    step.backward(model.signature.target_rows(y))
    return seen


# ---- where the backward pass ends -----------------------------------------------------------------------------------


def test_the_backward_pass_ends_at_the_first_layer_that_learns():
    model = network(nn.Dense(6), nn.ReLU(), nn.Dense(5), nn.Tanh())
    model.layers[0].trainable = False
    backward = [layer for layer, method, *_ in observed(model) if method == "backward"]
    assert backward == [model.layers[4], model.layers[3], model.layers[2]]


def test_the_first_layer_that_learns_computes_no_gradient_of_its_input():
    model = network(nn.Dense(6), nn.ReLU())
    results = {layer: result for layer, method, _, result in observed(model) if method == "backward"}
    assert results[model.layers[0]] is None
    assert results[model.layers[2]].shape == (5, 6)


def test_on_request_the_backward_pass_continues_to_the_input():
    model = network(nn.Dense(6), nn.ReLU())
    model.layers[0].trainable = False
    last = observed(model, to_input=True)[-1]
    assert last[0] is model.layers[0]
    assert last[3].shape == X.shape


def test_if_no_layer_learns_the_backward_pass_calls_no_layer():
    model = network(nn.Dense(6), nn.ReLU())
    for layer in model.layers:
        layer.trainable = False
    assert all(method == "forward" for _, method, *_ in observed(model))


@pytest.mark.parametrize("frozen", [0, 2, 4])
def test_the_gradient_of_a_frozen_layer_is_zero(frozen):
    model = network(nn.Dense(6), nn.Tanh(), nn.Dense(5), nn.Tanh())
    model.forward(X)
    model.backward(y)
    assert model.layers[frozen].dW.any()
    model.layers[frozen].trainable = False
    model.forward(X)
    model.backward(y)
    assert not model.layers[frozen].dW.any()
    assert not model.layers[frozen].db.any()
    others = {0, 2, 4} - {frozen}
    assert all(model.layers[i].dW.any() for i in others)


def test_a_pass_for_prediction_continues_to_the_input():
    model = network(nn.Dense(6), nn.ReLU())
    step = model.new_pass(training=False)
    step.forward(X)
    assert step.backward(model.signature.target_rows(y)).shape == X.shape


def test_a_pass_ends_at_a_layer_that_learns_inside_another():
    inner = nn.Dense(6)
    model = network(nn.Dense(6), nn.Residual([nn.Tanh(), inner]), nn.Tanh())
    model.layers[0].trainable = False
    backward = [layer for layer, method, *_ in observed(model) if method == "backward"]
    residual = model.layers[1]
    assert backward == [model.layers[3], model.layers[2], inner, residual.layers[0], residual]
    assert inner.dW.any()


# ---- what a pass computes -------------------------------------------------------------------------------------------


def test_only_a_training_pass_may_draw_random_numbers():
    model = network(nn.Dense(6))
    assert all(cache.rng is model.rng and cache.training for cache in model.new_pass(training=True).caches)
    assert all(cache.rng is None and not cache.training for cache in model.new_pass(training=False).caches)


def test_each_pass_has_its_own_caches():
    model = network(nn.Dense(6))
    one, other = model.new_pass(training=True), model.new_pass(training=True)
    one.forward(X)
    other.forward(X * 2)
    np.testing.assert_array_equal(one.caches[0].a_prev, X)
    np.testing.assert_array_equal(other.caches[0].a_prev, X * 2)


def test_a_pass_gives_y_hat_and_the_loss_of_each_example():
    model = network(nn.Dense(6), dtype="float64")
    step = model.new_pass(training=True)
    Y_hat = step.forward(X.astype(float))
    assert step.Y_hat is Y_hat
    losses = step.losses(model.signature.target_rows(y))
    np.testing.assert_allclose(losses, -np.log(Y_hat[np.arange(5), y]), rtol=1e-12)
    model.forward(X)
    assert mean_loss(losses) == pytest.approx(model.cost(y), rel=1e-12)


def test_the_mean_loss_weighs_each_example():
    losses = np.array([1.0, 2.0, 6.0])
    assert mean_loss(losses) == 3
    assert mean_loss(losses, np.array([1.0, 2.0, 1.0])) == 11 / 4
    assert mean_loss(losses, np.zeros(3)) == 0
    assert isinstance(mean_loss(losses.astype(np.float32)), float)
    assert mean_loss(np.full(4, 3e38, np.float32)) == pytest.approx(3e38)  # the sum overflows in float32


def test_with_weights_of_0_the_gradients_are_0():
    model = network(nn.Dense(6))
    model.forward(X)
    model.backward(y)
    assert model.grad.any()
    step = model.new_pass(training=True)
    step.forward(X)
    step.backward(model.signature.target_rows(y), np.zeros(5))
    assert not model.grad.any()


# ---- cost -----------------------------------------------------------------------------------------------------------


def test_the_mean_loss_is_weighted_and_0_without_weight():
    assert mean_loss(np.array([1.0, 2.0])) == 1.5
    assert mean_loss(np.array([1.0, 2.0]), np.array([3.0, 1.0])) == 1.25
    assert mean_loss(np.array([1.0, 2.0]), np.zeros(2)) == 0
