"""Facts about how a network is built: input size, default initializers, layers with parameters, and failures."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.initializers import GlorotUniform, LeCunNormal, Orthogonal
from nnlite.layers import Residual
from nnlite.network.building import default_initializer, layers_with_parameters

from ..support import for_each, network, refuse
from .common import RNG, X, of_kind, y

# ---- the size of the input ------------------------------------------------------------------------------------


def test_the_input_size_is_given_or_taken_from_the_first_data():
    given, by_tuple = of_kind(), of_kind(n_features=(5,))
    by_forward, by_fit = of_kind(n_features=None), of_kind(n_features=None)
    assert given.built
    assert given.input_shape == by_tuple.input_shape == (5,)
    assert not by_forward.built
    assert by_forward.input_shape is None
    by_forward.forward(X)
    assert by_forward.built
    for model in (by_forward, by_tuple):
        np.testing.assert_array_equal(model.theta, given.theta)
    by_fit.fit(X, y, epochs=2, batch_size=5)
    given.fit(X, y, epochs=2, batch_size=5)
    np.testing.assert_array_equal(by_fit.theta, given.theta)


def test_an_example_may_have_several_dimensions():
    images = RNG.standard_normal((10, 4, 3))
    model = nn.Model([nn.Flatten(), nn.Dense(3), nn.Softmax()], seed=0)
    model.fit(images, y[:10], epochs=1)
    assert model.input_shape == (4, 3)
    assert model.shapes == ((4, 3), (12,), (3,), (3,))
    assert model.predict(images).shape == (10,)
    flat = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
    flat.fit(images.reshape(10, -1), y[:10], epochs=1)
    np.testing.assert_array_equal(model.theta, flat.theta)


def test_the_number_of_units_and_classes_is_known_before_the_network_is_built():
    model = of_kind("sigmoid", n_features=None)
    assert (model.n_units, model.n_classes) == (1, 2)
    model.forward(X)
    assert (model.n_units, model.n_classes) == (1, 2)
    unknown = nn.Model([nn.Tanh(), nn.Softmax()])
    assert (unknown.n_units, unknown.n_classes) == (None, None)
    unknown.forward(X)
    assert (unknown.n_units, unknown.n_classes) == (5, 5)


# ---- initial parameters ---------------------------------------------------------------------------------------


def test_biases_start_at_zero_and_weights_do_not():
    for name, value in of_kind().parameters.items():
        assert np.all(value == 0) if name[0] == "b" else np.all(value != 0)


def test_the_same_seed_draws_the_same_weights():
    np.testing.assert_array_equal(of_kind(seed=3).theta, of_kind(seed=3).theta)
    assert np.any(of_kind(seed=3).theta != of_kind(seed=4).theta)
    assert np.any(of_kind(seed=None).theta != of_kind(seed=None).theta)


class Demanding(nn.ReLU):
    """An activation that asks for weights of its own."""

    initializer = Orthogonal()


@for_each(
    ("following", "expected"),
    [
        ([nn.ReLU(), nn.Dense(3), nn.Softmax()], GlorotUniform()),
        ([nn.Tanh(), Demanding(), nn.Dense(3), nn.Softmax()], GlorotUniform()),
        ([nn.SELU(), nn.Dense(3), nn.Softmax()], LeCunNormal()),
        ([Demanding(), nn.Dense(3), nn.Softmax()], Orthogonal()),
        ([nn.BatchNorm(), nn.Dropout(0.5), Demanding(), nn.Dense(3), nn.Softmax()], Orthogonal()),
        ([nn.Dense(3), Demanding(), nn.Softmax()], GlorotUniform()),
        ([nn.Softmax()], GlorotUniform()),
        ([nn.BatchNorm(), nn.Identity()], GlorotUniform()),
    ],
    ids=repr,
)
def test_the_default_initializer_is_glorots_unless_the_next_activation_asks_for_another(following, expected):
    assert default_initializer(following) == expected


def test_each_dense_layer_draws_from_its_default_initializer_or_the_given_one():
    n = 200
    layers = [nn.Dense(n), nn.ReLU(), nn.Dense(n), nn.Tanh(), nn.Dense(n, nn.Zeros()), nn.Dense(n), nn.Softmax()]
    model = nn.Model(layers, n_features=n, seed=0)
    assert not model.parameters["W3"].any()
    for name in ("W1", "W2", "W4"):  # U(-r, r) with r = sqrt(6 / 2n): variance 1 / n
        W = model.parameters[name]
        assert W.std() == pytest.approx(np.sqrt(1 / n), rel=0.02)
        assert np.abs(W).max() <= np.sqrt(3 / n)


# ---- layers that learn ----------------------------------------------------------------------------------------


def nested():
    """Dense layers, two of them in nested residual layers."""
    inner, deepest = nn.Dense(6), nn.Dense(6)
    return nn.Dense(6), Residual([nn.Tanh(), inner, Residual([deepest])]), nn.ReLU(), nn.Dense(3), inner, deepest


def test_layers_with_parameters_are_found_inside_others():
    first, residual, relu, last, inner, deepest = nested()
    model = nn.Model([first, residual, relu, last, nn.Softmax()], n_features=4)
    assert layers_with_parameters(model.layers, model.segments) == [[first], [inner, deepest], [], [last], []]


def test_the_first_layer_that_learns_may_have_its_parameters_deep_inside():
    first, residual, relu, last, inner, deepest = nested()
    model = nn.Model([first, residual, relu, last, nn.Softmax()], n_features=4)
    found = [model.first_trainable]
    for layer in (first, inner, deepest, last):
        layer.trainable = False
        found.append(model.first_trainable)
    assert found == [0, 1, 1, 3, 5]
    deepest.trainable = True
    assert model.first_trainable == 1
    assert residual.trainable


def test_layers_without_parameters_are_not_the_first_that_learns():
    model = nn.Model([nn.Dropout(0.5), nn.ReLU(), nn.Dense(3), nn.Softmax()], n_features=4)
    assert model.first_trainable == 2
    assert nn.Model([nn.ReLU(), nn.Softmax()], n_features=4).first_trainable == 2


# ---- failures -------------------------------------------------------------------------------------------------


class Broken(nn.Layer):
    """Fails when its parameters are drawn."""

    def parameter_shapes(self, input_shape):
        return {"W": input_shape}

    def initialize(self, rng, initializer):
        raise RuntimeError("broken")

    def forward(self, a_prev, cache):
        return a_prev


def test_a_network_that_cannot_be_built_is_as_before():
    dense = nn.Dense(3)
    model = nn.Model([dense, Broken(), nn.Softmax()], seed=0)
    drawn = model.rng.bit_generator.state
    with pytest.raises(RuntimeError, match="broken"):
        model.forward(X)
    assert not model.built
    assert not dense.bound
    assert model.rng.bit_generator.state == drawn
    nn.Model([dense, nn.Softmax()], n_features=5)


def test_shapes_that_do_not_fit_name_the_argument_or_the_layers():
    model = nn.Model([nn.Dense(3), nn.Softmax()])
    refuse(lambda: model.infer_shapes((4, 5)), "X: Dense(3) expects examples of one dimension")
    refuse(lambda: model.infer_shapes((4, 5), "n_features"), "n_features: Dense(3) expects")
    refuse(lambda: nn.Model([nn.Dense(1), nn.Softmax()]).infer_shapes((4,)), "layers: Softmax over 1 unit")
    assert model.infer_shapes((4,)) == ((4,), (3,), (3,))
    assert not model.built


@for_each("dtype", ["float16", "int", int, None, "double?", ">f8", 32, np.complex64])
def test_a_dtype_is_float32_or_float64(dtype):
    refuse(lambda: network(dtype=dtype), "dtype: expected 'float32' or 'float64', got")


@for_each("dtype", ["float32", "f4", np.float32, np.dtype("float32"), float, "double"])
def test_a_dtype_has_several_names(dtype):
    assert network(dtype=dtype).theta.dtype == np.dtype(dtype)


@for_each("n_features", [0, -1, 2.0, "4", True, (), (4, 0), [4], (2.5,)])
def test_n_features_are_positive_integers(n_features):
    refuse(lambda: network(n_features=n_features), "n_features: expected")


@for_each(
    ("layers", "message"),
    [
        ([], "layers: expected a list of at least one layer"),
        (nn.Softmax(), "layers: expected a list of at least one layer"),
        ({nn.Softmax()}, "layers: expected a list of at least one layer"),
        ([nn.Dense(3), nn.Softmax], "layers: entry 1 is not a layer, got <class"),
        ([nn.Dense(3), None, nn.Softmax()], "layers: entry 1 is not a layer, got None"),
        ([nn.Dense(3)], "layers: the last must be an output layer"),
    ],
)
def test_layers_are_a_list_that_ends_in_an_output(layers, message):
    refuse(lambda: nn.Model(layers), message)


def test_a_class_in_place_of_a_layer_is_answered_with_the_call():
    refuse(lambda: nn.Model([nn.Dense(3), nn.Softmax]), "layers: entry 1 is not a layer", "; write nn.Softmax()")
