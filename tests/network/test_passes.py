"""Facts about the pass of a batch: where it ends, what an observer sees, and what a layer may do."""

import numpy as np
import pytest

import nnlite as nn

from ..support import Square, network, refuse

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


def test_where_no_layer_learns_no_gradient_is_computed():
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


# ---- observers ------------------------------------------------------------------------------------------------------


def test_an_observer_sees_each_layer_and_those_inside_it():
    inner = nn.Dense(4)
    model = network(nn.Residual([inner, nn.ReLU()]))
    seen = observed(model)
    forward = [layer for layer, method, *_ in seen if method == "forward"]
    assert forward == [inner, model.layers[0].layers[1], *model.layers]
    by_layer = {(layer, method): (given, result) for layer, method, given, result in seen}
    np.testing.assert_array_equal(by_layer[inner, "forward"][0], X)
    np.testing.assert_allclose(by_layer[inner, "forward"][1], X @ inner.W + inner.b, rtol=1e-6)
    straight, result = by_layer[model.layers[0], "forward"]
    np.testing.assert_allclose(result, straight + np.maximum(0, X @ inner.W + inner.b), rtol=1e-6)


# ---- what a layer may do --------------------------------------------------------------------------------------------


class Returns(nn.Layer):
    """Returns what a function makes of its input, forward or backward."""

    def __init__(self, method, make):
        self.method, self.make = method, make

    def forward(self, a_prev, cache):
        return self.make(a_prev) if self.method == "forward" and cache.training else a_prev * 1

    def backward(self, da, cache):
        return self.make(da) if self.method == "backward" else da * 1

    def __repr__(self):
        return "Returns()"


def overwritten(array):
    array *= 2
    return array


def written_with_out(array):
    return np.multiply(array, 2, out=array)


WRONG = {
    "None": (lambda array: None, "got NoneType"),
    "a list": (lambda array: array.tolist(), "got list"),
    "another shape": (lambda array: array[:, :-1].copy(), "got shape (5, 5)"),
    "fewer examples": (lambda array: array[1:].copy(), "got shape (4, 6)"),
    "another dtype": (lambda array: array.astype(np.float64), "dtype float64"),
    "written": (overwritten, "must not write into"),
    "written with out=": (written_with_out, "must not write into"),
}


@pytest.mark.parametrize("inside", [False, True], ids=["in the chain", "in a Residual"])
@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("method", ["forward", "backward"])
def test_a_layer_that_breaks_the_rules_is_named(method, what, inside):
    make, fragment = WRONG[what]
    layer = Returns(method, make)
    model = network(nn.Dense(6), nn.Residual([layer, nn.ReLU()]) if inside else layer)

    def step():
        model.forward(X)
        model.backward(y)

    refuse(step, f"layers: Returns().{method} must", fragment)
    refuse(lambda: model.fit(X, y, epochs=1), f"layers: Returns().{method} must", fragment)


def test_another_error_of_a_layer_is_raised_as_it_is():
    def fail(array):
        raise ValueError("something else")

    model = network(nn.Dense(6), Returns("forward", fail))
    with pytest.raises(ValueError, match=r"^something else$"):
        model.forward(X)


def test_a_layer_may_return_a_view_or_its_input():
    model = network(nn.Dense(6), Returns("forward", lambda array: array), Returns("backward", lambda array: array))
    other = network(nn.Dense(6))
    np.testing.assert_array_equal(model.forward(X), other.forward(X))
    model.backward(y)
    other.backward(y)
    np.testing.assert_array_equal(model.grad, other.grad)


def test_a_layer_may_keep_its_output_and_write_into_it_later():
    class Own(nn.Layer):
        def forward(self, a_prev, cache):
            cache.a = a_prev * 2
            return cache.a

        def backward(self, da, cache):
            cache.a[...] = 2
            return da * cache.a

    model = network(nn.Dense(6), Own())
    model.forward(X)
    model.backward(y)
    assert model.layers[0].dW.any()


def test_a_users_layer_trains():
    history = network(nn.Dense(6), Square()).fit(X, y, epochs=20, optimizer=nn.SGD(0.1))
    assert history["loss"][-1] < history["loss"][0]
