"""Facts about layers one after another: shapes, the pass forward and back, and what a layer may do in it."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.layers import chain

from ..support import NEVER_SAVED, for_each, network, refuse

pytestmark = NEVER_SAVED
X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
y = np.array([0, 1, 2, 0, 1])


# ---- shapes ---------------------------------------------------------------------------------------------------


def nested():
    """Layers inside layers: Dense, a residual layer with Tanh and another one around Dense, and Dense."""
    deepest = nn.Dense(6)
    inner = nn.Residual([deepest])
    outer = nn.Residual([nn.Tanh(), inner])
    return nn.Dense(6), outer, outer.layers[0], inner, deepest, nn.Dense(2)


def test_flattened_yields_each_layer_before_the_layers_inside_it():
    first, outer, tanh, inner, deepest, last = nested()
    assert list(chain.flattened([first, outer, last])) == [first, outer, tanh, inner, deepest, last]
    assert list(chain.flattened([])) == []


def test_shapes_along_a_chain_are_those_of_one_example_from_the_input_to_the_output():
    layers = [nn.Flatten(), nn.Dense(6), nn.ReLU(), nn.Reshape((2, 3))]
    assert chain.shapes_along(layers, (4, 5)) == [(4, 5), (20,), (6,), (6,), (2, 3)]
    assert chain.shapes_along([], (4,)) == [(4,)]


def test_each_layer_comes_with_the_shape_of_its_input_also_inside_others():
    first, outer, tanh, inner, deepest, last = nested()
    layers = [first, outer, last]
    pairs = list(chain.with_input_shapes(layers, chain.shapes_along(layers, (3,))))
    assert pairs == [(first, (3,)), (outer, (6,)), (tanh, (6,)), (inner, (6,)), (deepest, (6,)), (last, (6,))]


def test_an_inner_layer_gets_the_shape_that_the_layer_before_it_gives():
    flatten, dense, reshape = nn.Flatten(), nn.Dense(4), nn.Reshape((2, 2))
    residual = nn.Residual([flatten, dense, reshape])
    pairs = list(chain.with_input_shapes([residual], [(2, 2)]))
    assert pairs == [(residual, (2, 2)), (flatten, (2, 2)), (dense, (4,)), (reshape, (4,))]


# ---- the pass -------------------------------------------------------------------------------------------------


def test_forward_and_backward_call_each_layer_on_the_result_of_the_one_before():
    layers = [nn.Tanh(), nn.Flatten(), nn.Sigmoid()]
    a_prev, da = np.random.default_rng(0).normal(size=(2, 3, 2, 2))
    shapes = chain.shapes_along(layers, (2, 2))
    caches, expected = [nn.Cache() for _ in layers], nn.sigmoid(np.tanh(a_prev)).reshape(3, 4)
    a = chain.forward(layers, a_prev, caches, shapes)
    np.testing.assert_allclose(a, expected, rtol=1e-14)
    da_prev = chain.backward(layers, da.reshape(3, 4), caches, shapes)
    slope = (expected * (1 - expected)).reshape(3, 2, 2) * (1 - np.tanh(a_prev) ** 2)
    np.testing.assert_allclose(da_prev, da * slope, rtol=1e-12)


def test_backward_ends_behind_the_layer_that_needs_no_input_gradient():
    layers = [nn.Tanh(), nn.Tanh(), nn.Tanh()]
    shapes, called = [(4,)] * 4, []
    observe = lambda layer, method, *arrays: called.append((method, layers.index(layer)))  # noqa: E731
    caches = [nn.Cache(input_gradient=i != 1, observer=observe) for i in range(3)]
    chain.forward(layers, X, caches, shapes)
    assert chain.backward(layers, X, caches, shapes) is None
    assert called[3:] == [("backward", 2), ("backward", 1)]


# ---- observers ------------------------------------------------------------------------------------------------


def test_an_observer_sees_each_layer_after_the_layers_inside_it():
    inner = nn.Dense(4)
    model = network(nn.Residual([inner, nn.ReLU()]))
    seen = []
    step = model.new_pass(training=True, observer=lambda *what: seen.append(what))
    step.forward(X)
    step.backward(model.signature.target_rows(y))
    residual, dense, softmax = model.layers
    assert [layer for layer, method, *_ in seen if method == "forward"] == [
        inner, residual.layers[1], residual, dense, softmax
    ]  # fmt: skip
    assert [layer for layer, method, *_ in seen if method == "backward"] == [dense, residual.layers[1], inner, residual]
    by_layer = {(layer, method): (given, result) for layer, method, given, result in seen}
    np.testing.assert_array_equal(by_layer[inner, "forward"][0], X)
    np.testing.assert_allclose(by_layer[inner, "forward"][1], X @ inner.W + inner.b, rtol=1e-6)
    given, result = by_layer[residual, "forward"]
    np.testing.assert_array_equal(given, X)
    np.testing.assert_allclose(result, X + np.maximum(0, X @ inner.W + inner.b), rtol=1e-6)
    assert by_layer[dense, "backward"][1] is not None


# ---- what a layer may do --------------------------------------------------------------------------------------


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
    "a dtype of fewer digits": (lambda array: array.astype(np.float16), "dtype float16"),
    "written": (overwritten, "writes into a read-only array: "),
    "written with out=": (written_with_out, "writes into a read-only array: "),
}


@for_each("inside", [False, True], ids=["in the chain", "in a Residual"])
@for_each("what", WRONG)
@for_each("method", ["forward", "backward"])
def test_a_layer_that_breaks_the_rules_is_named(method, what, inside):
    make, fragment = WRONG[what]
    layer = Returns(method, make)
    model = network(nn.Dense(6), nn.Residual([layer, nn.ReLU()]) if inside else layer)

    def step():
        model.forward(X)
        model.backward(y)

    place = "layers[1][0]" if inside else "layers[1]"
    refuse(step, f"{place} Returns().{method} ", fragment)
    refuse(lambda: model.fit(X, y, epochs=1), f"{place} Returns().{method} ", fragment)


def test_an_error_about_read_only_arrays_uses_the_names_of_the_layers_own_arguments():
    class Doubling(nn.Activation):
        def forward(self, z, cache):
            z *= 2
            return z

    refuse(
        lambda: network(Doubling()),
        "layers[0] Doubling().forward writes into a read-only array: z and",
        "z * 2 instead of z *= 2",
    )


def test_another_error_of_a_layer_is_raised_unchanged():
    def fail(array):
        raise ValueError("something else")

    model = network(nn.Dense(6), Returns("forward", fail))
    with pytest.raises(ValueError, match=r"^something else$"):
        model.forward(X)


@pytest.mark.parametrize("make", [lambda array: array, lambda array: array[:], lambda array: array[::-1][::-1]])
def test_a_layer_may_return_its_input_or_a_view(make):
    model, other = network(nn.Dense(6), Returns("forward", make), Returns("backward", make)), network(nn.Dense(6))
    np.testing.assert_array_equal(model.forward(X), other.forward(X))
    model.backward(y)
    other.backward(y)
    np.testing.assert_array_equal(model.grad, other.grad)


@pytest.mark.parametrize("kind", [np.matrix, np.ma.MaskedArray])
def test_a_subclass_of_ndarray_which_computes_otherwise_is_refused(kind):
    model = network(nn.Dense(6), Returns("forward", lambda array: array.view(kind)))
    refuse(lambda: model.forward(X), "layers[1] Returns", f"got {kind.__name__}")


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
