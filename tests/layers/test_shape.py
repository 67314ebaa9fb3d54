"""Facts about Flatten and Reshape."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.layers import Flatten, Reshape

from ..support import for_each, refuse, training_cache
from .common import network_of


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (2, 2, 5)])
def test_a_network_of_images_with_flatten_is_the_network_of_their_rows(shape, dtype):
    rng = np.random.default_rng(0)
    images, y = rng.integers(0, 9, (30, *shape)).astype(dtype), np.arange(30) % 3
    layers = lambda: [nn.Dense(6), nn.ReLU(), nn.Dense(3), nn.Softmax()]  # noqa: E731
    model, twin = nn.Model([Flatten(), *layers()], seed=0), nn.Model(layers(), seed=0)
    for network, X in ((model, images), (twin, images.reshape(30, -1))):
        network.fit(X, y, optimizer=nn.SGD(0.01), epochs=2, batch_size=8, validation_data=(X, y), progress=False)
    np.testing.assert_array_equal(model.theta, twin.theta)
    np.testing.assert_array_equal(model.predict_proba(images), twin.predict_proba(images.reshape(30, -1)))
    assert model.input_shape == shape
    assert model.evaluate(images, y) == twin.evaluate(images.reshape(30, -1), y)


def test_images_of_another_shape_than_the_networks_are_refused():
    model = nn.Model([Flatten(), nn.Dense(2), nn.Softmax()], n_features=(4, 5))
    for wrong in ((3, 5, 4), (3, 20), (3, 4, 5, 1)):
        refuse(lambda: model.predict(np.zeros(wrong)), "X: expected examples of shape (4, 5)")  # noqa: B023


@pytest.mark.parametrize(
    ("target", "shape"),
    [((2, 6), (2, 6)), ((-1,), (12,)), ((3, -1), (3, 4)), ([2, -1, 2], (2, 3, 2)), ((-1, 12), (1, 12))],
)
def test_reshape_keeps_the_numbers_in_order(target, shape):
    layer, cache = Reshape(target), training_cache()
    a_prev = np.arange(60.0).reshape(5, 4, 3)
    assert layer.output_shape((4, 3)) == shape
    a = layer.forward(a_prev, cache)
    assert a.shape == (5, *shape)
    np.testing.assert_array_equal(a.ravel(), np.arange(60))
    np.testing.assert_array_equal(layer.backward(a, cache), a_prev)


def test_flatten_and_reshape_return_views():
    a_prev = np.arange(60.0).reshape(5, 4, 3)
    for layer in (Flatten(), Reshape((3, 4))):
        assert np.shares_memory(layer.forward(a_prev, training_cache()), a_prev)


def test_flatten_undoes_reshape_in_a_network():
    plain = network_of([nn.Dense(12), nn.Tanh(), nn.Dense(2)], 4)
    shaped = network_of([Reshape((2, 2)), Flatten(), nn.Dense(12), Reshape((3, -1)), nn.Tanh(), Flatten(),
                         nn.Dense(2)], 4)  # fmt: skip
    X, Y = np.random.default_rng(0).normal(size=(7, 4)), np.zeros((7, 2))
    np.testing.assert_array_equal(shaped.forward(X), plain.forward(X))
    for model in (shaped, plain):
        model.backward(Y)
    np.testing.assert_array_equal(shaped.grad, plain.grad)


@for_each("wrong", [None, 3, "ab", (), [], (0,), (2, 0), (-1, -1), (-2, 3), (2.0, 3), (True,), {2, 3}])
def test_a_target_shape_is_positive_integers_and_at_most_one_minus_1(wrong):
    refuse(lambda: Reshape(wrong), "target_shape: expected")


@pytest.mark.parametrize("target", [(5, 2), (7, -1), (13,), (24, -1)])
def test_a_target_shape_of_another_size_is_refused(target):
    call = lambda: nn.Model([Reshape(target), Flatten(), nn.Dense(2), nn.Softmax()], n_features=(4, 3))  # noqa: E731
    refuse(call, "n_features: Reshape(", "cannot hold the 12 numbers of examples of shape (4, 3)")


def test_a_network_must_end_in_rows_of_units():
    call = lambda: nn.Model([Reshape((2, 2)), nn.Identity()], n_features=4)  # noqa: E731
    refuse(call, "layers: the output must be rows of units, got shape (2, 2)")


@pytest.mark.parametrize("text", ["Flatten()", "Reshape((2, -1))"])
def test_repr_is_the_call_that_makes_the_layer(text):
    assert repr(eval(text, {"Flatten": Flatten, "Reshape": Reshape})) == text
