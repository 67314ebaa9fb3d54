"""Facts about dJ/dX."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import nnlite as nn
from nnlite.errors import ArgumentError, NotBuiltError
from nnlite.inspect.input_gradient import input_gradient

from .. import oracle

RNG = np.random.default_rng(0)


def network(*layers, n_features=4, dtype="float64", seed=0):
    model = nn.Model(layers, n_features=n_features, dtype=dtype, seed=seed)
    model.theta[...] = np.random.default_rng(seed).normal(0, 0.6, model.n_parameters)
    return model


def differences(model, X, y, h=1e-5):
    dX = np.empty(X.shape)
    for i in np.ndindex(*X.shape):
        values = []
        for step in (h, -h):
            moved = X.copy()
            moved[i] += step
            values.append(model.evaluate(moved, y)["loss"])
        dX[i] = (values[0] - values[1]) / (2 * h)
    return dX


@pytest.mark.parametrize(
    ("output", "y"),
    [
        ("Softmax", RNG.dirichlet(np.ones(3), 6)),
        ("Sigmoid", RNG.random((6, 3))),
        ("Identity", RNG.normal(size=(6, 3))),
        ("Exponential", RNG.gamma(2.0, 1.0, (6, 3))),
    ],
)
def test_it_is_what_autograd_gives(output, y):
    model = network(nn.Dense(5), nn.Tanh(), nn.Dense(3), getattr(nn, output)())
    X = RNG.normal(size=(6, 4))
    parameters = [(model.parameters[f"W{l}"], model.parameters[f"b{l}"]) for l in (1, 2)]

    def J(X):
        return oracle.cost(parameters, ["Tanh", output], X, anp.array(y))

    np.testing.assert_allclose(input_gradient(model, X, y), autograd.grad(J)(X), rtol=1e-10, atol=1e-14)


def test_it_is_the_derivative_of_the_loss_in_prediction():
    """Nothing is dropped, and normalization uses its running averages."""
    layers = nn.Dense(6), nn.BatchNorm(), nn.SiLU(), nn.Dropout(0.5), nn.GaussianNoise(1.0)
    model = network(*layers, nn.Residual([nn.LayerNorm(), nn.Dense(6)]), nn.Dense(3), nn.Softmax())
    X, y = RNG.normal(size=(5, 4)), np.array([0, 1, 2, 2, 1])
    model.fit(X, y, epochs=2, progress=False)
    np.testing.assert_allclose(input_gradient(model, X, y), differences(model, X, y), rtol=1e-6, atol=1e-9)


def test_each_row_belongs_to_one_example_whose_own_gradient_is_M_times_as_large():
    model = network(nn.Dense(5), nn.ReLU(), nn.Dense(3), nn.Softmax())
    X, y = RNG.normal(size=(7, 4)), RNG.integers(0, 3, 7)
    dX = input_gradient(model, X, y)
    for i in range(7):
        np.testing.assert_allclose(7 * dX[i : i + 1], input_gradient(model, X[i : i + 1], y[i : i + 1]), rtol=1e-12)


def test_of_a_network_without_hidden_layer_it_is_one_equation():
    model = network(nn.Dense(3), nn.Softmax())
    X, y = RNG.normal(size=(8, 4)), RNG.integers(0, 3, 8)
    dz = model.predict_proba(X) - nn.one_hot(y, 3)
    np.testing.assert_allclose(input_gradient(model, X, y), dz @ model.parameters["W1"].T / 8, rtol=1e-12)


def test_a_step_along_it_makes_the_loss_larger():
    digits = nn.load_digits()
    model = nn.Model([nn.Dense(32), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    model.fit(digits.X_train, digits.y_train, epochs=3, progress=False)
    X, y = digits.X_test[:50], digits.y_test[:50]
    fooled = X + 0.1 * np.sign(input_gradient(model, X, y))
    assert model.evaluate(fooled, y)["loss"] > 2 * model.evaluate(X, y)["loss"]
    assert model.evaluate(fooled, y)["accuracy"] < model.evaluate(X, y)["accuracy"]


def test_frozen_layers_pass_it_on():
    X, y = RNG.normal(size=(5, 4)), RNG.integers(0, 3, 5)
    model = network(nn.Dense(5), nn.LayerNorm(), nn.Tanh(), nn.Dense(3), nn.Softmax())
    free = input_gradient(model, X, y)
    for layer in model.layers:
        layer.trainable = False
    assert np.array_equal(input_gradient(model, X, y), free)
    assert free.any()


def test_label_smoothing_counts():
    X, y = RNG.normal(size=(5, 4)), RNG.integers(0, 3, 5)
    model = network(nn.Dense(3), nn.Softmax(label_smoothing=0.2))
    np.testing.assert_allclose(input_gradient(model, X, y), differences(model, X, y), rtol=1e-6, atol=1e-10)


def test_images_keep_their_shape_and_it_has_the_dtype_of_the_network():
    model = nn.Model([nn.Flatten(), nn.Dense(3), nn.Softmax()], n_features=(2, 5), seed=0)
    X = RNG.integers(0, 255, (4, 2, 5)).astype(np.uint8)
    dX = input_gradient(model, X, [0, 1, 2, 0])
    assert dX.shape == (4, 2, 5)
    assert dX.dtype == np.float32
    assert input_gradient(network(nn.Dense(2), nn.Softmax()), np.ones((1, 4)), [0]).dtype == np.float64


def test_it_takes_any_number_of_examples():
    model = network(nn.Dense(3), nn.Softmax())
    X, y = RNG.normal(size=(2500, 4)), RNG.integers(0, 3, 2500)
    dz = model.predict_proba(X) - nn.one_hot(y, 3)
    np.testing.assert_allclose(input_gradient(model, X, y), dz @ model.parameters["W1"].T / 2500, rtol=1e-10)


def test_the_model_and_the_data_stay_as_they_are_and_the_result_is_new():
    layers = nn.Dense(5), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.3), nn.Dense(3), nn.Softmax()
    model, undisturbed = (nn.Model(layers, n_features=4, seed=0) for layers in (layers, [*map(_again, layers)]))
    X, y = RNG.normal(size=(6, 4)).astype(np.float32), np.array([0, 1, 2, 0, 1, 2])
    for one in (model, undisturbed):
        one.forward(X)
    X.flags.writeable = False
    dX = input_gradient(model, X, y)
    kept = dX.copy()
    for one in (model, undisturbed):  # the pass that was under way goes on
        one.backward(y)
    input_gradient(model, X[::-1], y)
    assert np.array_equal(dX, kept)
    for name in ("theta", "grad", "state"):
        assert np.array_equal(getattr(model, name), getattr(undisturbed, name)), name
    assert model.rng.bit_generator.state == undisturbed.rng.bit_generator.state


def _again(layer):
    return type(layer)(**layer.hyperparameters())


# ---- wrong use ------------------------------------------------------------------------------------------------


def test_an_unbuilt_network_is_told_to_learn_first():
    with pytest.raises(NotBuiltError, match=r"input_gradient: .* call fit or forward first"):
        input_gradient(nn.Model([nn.Dense(3), nn.Softmax()]), np.ones((2, 4)), [0, 1])


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones((2, 3)), [0, 1], "X: expected 4 features"),
        (np.ones(4), [0], r"X.reshape\(1, -1\)"),
        (np.full((2, 4), np.nan), [0, 1], "X: expected finite"),
        (np.ones((2, 4)), [0, 3], "y: label 3 is out of range"),
        (np.ones((2, 4)), [0], "y: expected 2 labels"),
        (np.ones((2, 4)), None, "y: .*labels"),
    ],
)
def test_wrong_data_says_what_is_wrong(X, y, message):
    with pytest.raises(ArgumentError, match=message):
        input_gradient(network(nn.Dense(3), nn.Softmax()), X, y)


def test_something_else_than_a_model_is_refused():
    with pytest.raises(ArgumentError, match="model: expected a Model"):
        input_gradient(nn.Dense(3), np.ones((2, 4)), [0, 1])


def test_a_layer_that_gives_no_gradient_of_its_input_is_named():
    class Mute(nn.Layer):
        def forward(self, a_prev, cache):
            return a_prev

        def backward(self, da, cache):
            return None

    with pytest.raises(ArgumentError, match=r"Mute.*\.backward must return an array of shape \(2, 4\), got NoneType"):
        input_gradient(network(Mute(), nn.Dense(3), nn.Softmax()), np.ones((2, 4)), [0, 1])
