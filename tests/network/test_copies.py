"""Facts about copies and pickles of a network."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest

import nnlite as nn

from ..support import refuse
from .common import X, of_kind, y

COPIES = {
    "copy": lambda model: model.copy(),
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "pickle, oldest protocol": lambda model: pickle.loads(pickle.dumps(model, protocol=2)),
}
OF_EACH = pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)


@OF_EACH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_copy_is_equal_and_trains_the_same(make_copy, dtype):
    model = of_kind(dtype=dtype)
    model.fit(X, y, epochs=2, batch_size=5, validation_split=0.25)
    model.forward(X)
    model.backward(y)
    twin = make_copy(model)
    assert repr(twin) == repr(model)
    assert twin.summary() == model.summary()
    assert (twin.seed, twin.dtype, twin.input_shape) == (model.seed, model.dtype, model.input_shape)
    assert twin.theta.dtype == dtype
    np.testing.assert_array_equal(twin.theta, model.theta)
    np.testing.assert_array_equal(twin.grad, model.grad)
    np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
    options = {"epochs": 2, "batch_size": 5, "validation_split": 0.25}
    history = model.fit(X, y, optimizer=nn.SGD(0.1, momentum=0.9), **options)
    twin_history = twin.fit(X, y, optimizer=nn.SGD(0.1, momentum=0.9), **options)
    np.testing.assert_array_equal(twin.theta, model.theta)
    for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert twin_history[key] == history[key]


@OF_EACH
def test_training_a_copy_leaves_the_original_as_it_is(make_copy):
    model = of_kind()
    model.fit(X, y, epochs=1)
    twin = make_copy(model)
    theta, grad, rng = model.theta.copy(), model.grad.copy(), model.rng.bit_generator.state
    twin.fit(X, y, epochs=2, batch_size=7)
    assert not np.array_equal(twin.theta, model.theta)
    np.testing.assert_array_equal(model.theta, theta)
    np.testing.assert_array_equal(model.grad, grad)
    assert model.rng.bit_generator.state == rng
    assert not np.shares_memory(twin.theta, model.theta)
    assert not {*map(id, twin.layers)} & {*map(id, model.layers)}


@OF_EACH
def test_the_parameters_of_a_copy_are_views_of_its_own_vectors(make_copy):
    model = of_kind()
    twin = make_copy(model)
    twin.theta[:] = 3
    assert np.all(twin.parameters["W2"] == 3)
    assert np.all(twin.layers[0].W == 3)
    twin.layers[0].dW[...] = 2
    assert np.count_nonzero(twin.grad == 2) == 35
    assert not np.any(model.theta == 3)
    assert twin.n_weights == model.n_weights


@OF_EACH
def test_a_frozen_layer_is_frozen_in_the_copy(make_copy):
    model = of_kind()
    model.layers[0].trainable = False
    twin = make_copy(model)
    assert twin.first_trainable == 2
    twin.layers[0].trainable = True
    assert (twin.first_trainable, model.first_trainable) == (0, 2)


@OF_EACH
def test_a_copy_of_a_network_that_is_not_built_builds_the_same(make_copy):
    model = of_kind(n_features=None)
    twin = make_copy(model)
    assert not twin.built
    model.fit(X, y, epochs=1, batch_size=5)
    assert not twin.built
    twin.fit(X, y, epochs=1, batch_size=5)
    np.testing.assert_array_equal(twin.theta, model.theta)


def test_a_copy_needs_memory_for_theta_and_grad_only():
    model = nn.Model([nn.Dense(500), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=1000, seed=0)
    tracemalloc.start()
    model.copy()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.2 * model.theta.nbytes


def test_a_copy_does_not_have_the_batch_of_the_last_forward():
    model = of_kind()
    model.forward(X)
    refuse(lambda: model.copy().cost(y), "cost: call forward(X) first", error=nn.NotBuiltError)


def test_a_pickle_holds_no_batches():
    model = of_kind()
    fresh = len(pickle.dumps(model))
    model.fit(np.resize(X, (5000, 5)), np.resize(y, 5000), epochs=1, batch_size=2000)
    model.predict(np.resize(X, (5000, 5)))
    assert len(pickle.dumps(model)) < fresh + 100
