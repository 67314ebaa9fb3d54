"""Facts about `Model.input_gradient`, dJ/dX."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import nnlite as nn

from .. import oracle
from ..support import away_from_zero, everything, for_each, network, refuse

RNG = np.random.default_rng(0)
X, y = RNG.normal(size=(6, 4)), np.array([0, 1, 2, 2, 1, 0])


def model(*hidden, **options):
    return away_from_zero(network(*hidden, dtype="float64", **options), 0.6)


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
        (nn.Softmax, RNG.dirichlet(np.ones(3), 6)),
        (nn.Sigmoid, RNG.random((6, 3))),
        (nn.Identity, RNG.normal(size=(6, 3))),
        (nn.Exponential, RNG.gamma(2.0, 1.0, (6, 3))),
    ],
)
def test_the_input_gradient_is_that_of_autograd(output, y):
    network = model(nn.Dense(5), nn.Tanh(), output=output())
    parameters = [(network.parameters[f"W{l}"], network.parameters[f"b{l}"]) for l in (1, 2)]

    def J(X):
        return oracle.cost(parameters, ["Tanh", output.__name__], X, anp.array(y))

    np.testing.assert_allclose(network.input_gradient(X, y), autograd.grad(J)(X), rtol=1e-10, atol=1e-14)


def test_it_is_the_derivative_of_the_loss_in_prediction():
    """Nothing is dropped, and normalization uses its running averages."""
    noisy = nn.Dense(6), nn.BatchNorm(), nn.SiLU(), nn.Dropout(0.5), nn.GaussianNoise(1.0)
    network = model(*noisy, nn.Residual([nn.LayerNorm(), nn.Dense(6)]))
    network.fit(X, y, epochs=2, progress=False)
    np.testing.assert_allclose(network.input_gradient(X, y), differences(network, X, y), rtol=1e-6, atol=1e-9)


def test_each_row_belongs_to_one_example_whose_own_gradient_is_M_times_as_large():
    network = model(nn.Dense(5), nn.ReLU())
    dX = network.input_gradient(X, y)
    for i in range(6):
        np.testing.assert_allclose(6 * dX[i : i + 1], network.input_gradient(X[i : i + 1], y[i : i + 1]), rtol=1e-12)


@pytest.mark.parametrize("M", [1, 8, 2500])
def test_without_a_hidden_layer_it_is_one_equation_for_any_number_of_examples(M):
    network = model()
    X, y = RNG.normal(size=(M, 4)), RNG.integers(0, 3, M)
    dz = network.predict_proba(X) - nn.one_hot(y, 3)
    np.testing.assert_allclose(network.input_gradient(X, y), dz @ network.parameters["W1"].T / M, rtol=1e-10)


def test_a_step_along_it_increases_the_loss():
    digits = nn.load_digits()
    network = nn.Model([nn.Dense(32), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    network.fit(digits.X_train, digits.y_train, epochs=3, progress=False)
    X, y = digits.X_test[:50], digits.y_test[:50]
    fooled = X + 0.1 * np.sign(network.input_gradient(X, y))
    assert network.evaluate(fooled, y)["loss"] > 2 * network.evaluate(X, y)["loss"]
    assert network.evaluate(fooled, y)["accuracy"] < network.evaluate(X, y)["accuracy"]


def test_frozen_layers_pass_it_on():
    network = model(nn.Dense(5), nn.LayerNorm(), nn.Tanh())
    free = network.input_gradient(X, y)
    for layer in network.layers:
        layer.trainable = False
    assert np.array_equal(network.input_gradient(X, y), free)
    assert free.any()


def test_label_smoothing_counts():
    network = model(output=nn.Softmax(label_smoothing=0.2))
    np.testing.assert_allclose(network.input_gradient(X, y), differences(network, X, y), rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_images_keep_their_shape_and_it_has_the_dtype_of_the_network(dtype):
    images = RNG.integers(0, 255, (4, 2, 5)).astype(np.uint8)
    dX = network(nn.Flatten(), n_features=(2, 5), dtype=dtype).input_gradient(images, [0, 1, 2, 0])
    assert dX.shape == (4, 2, 5)
    assert dX.dtype == dtype


def test_the_model_and_the_data_stay_as_they_are_and_the_result_is_new():
    network = model(nn.Dense(5), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.3))
    undisturbed = network.copy()
    for one in (network, undisturbed):
        one.forward(X)
    data = X.copy()
    data.flags.writeable = False
    dX = network.input_gradient(data, y)
    kept = dX.copy()
    for one in (network, undisturbed):  # the step that was begun continues
        one.backward(y)
    network.input_gradient(data[::-1], y)
    assert np.array_equal(dX, kept)
    assert everything(network) == everything(undisturbed)


# ---- wrong use ------------------------------------------------------------------------------------------------


def test_an_unbuilt_network_has_none():
    unbuilt = nn.Model([nn.Dense(3), nn.Softmax()])
    refuse(lambda: unbuilt.input_gradient(X, y), "input_gradient: ", "call fit or forward", error=nn.NotBuiltError)


@for_each(
    ("X", "y", "message"),
    [
        (np.ones((2, 3)), [0, 1], "X: expected 4 features"),
        (np.ones(4), [0], "X: expected two dimensions"),
        (np.full((2, 4), np.nan), [0, 1], "X: expected finite"),
        (np.ones((2, 4)), [0, 3], "y: label 3 is out of range"),
        (np.ones((2, 4)), [0], "y: expected 2 labels"),
        (np.ones((2, 4)), None, "y: expected numbers"),
    ],
)
def test_wrong_data_is_refused(X, y, message):
    refuse(lambda: network().input_gradient(X, y), message)


def test_a_layer_that_gives_no_gradient_of_its_input_is_named():
    class Mute(nn.Layer):
        def forward(self, a_prev, cache):
            return a_prev

        def backward(self, da, cache):
            return None

    refuse(
        lambda: network(Mute()).input_gradient(X, y),
        "layers[0] Mute().backward must return an array of shape (6, 4)",
        "got NoneType",
    )
