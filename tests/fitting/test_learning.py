"""Facts about networks that learn: from digits to a curve."""

import numpy as np
import pytest

import nnlite as nn

from .examples import X, classifier, y


@pytest.mark.parametrize("seed", [0, 1])
def test_digits_are_read(seed):
    digits = nn.load_digits()
    model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=seed)
    history = model.fit(digits.X_train, digits.y_train, optimizer=nn.SGD(0.1, momentum=0.9), epochs=30)
    assert model.evaluate(digits.X_test, digits.y_test)["accuracy"] >= 0.965
    assert np.mean(model.predict(digits.X_test) == digits.y_test) >= 0.965
    assert history["loss"][-1] < 0.01
    assert history["loss"][0] > 0.3
    assert sum(history["seconds"]) < 10


def test_iris_flowers_are_told_apart():
    iris = nn.load_iris()
    model = nn.Model([nn.Dense(16), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)
    model.fit(iris.X_train, iris.y_train, optimizer=nn.SGD(0.02, momentum=0.9), epochs=100, batch_size=16)
    assert model.evaluate(iris.X_test, iris.y_test)["accuracy"] >= 0.9


@pytest.mark.parametrize("hidden", [nn.Tanh, nn.ReLU, pytest.param(nn.Sigmoid, marks=pytest.mark.slow)])
def test_xor_is_learned(hidden):
    inputs, truth = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    model = nn.Model([nn.Dense(8), hidden(), nn.Dense(1), nn.Sigmoid()], seed=0)
    history = model.fit(inputs, truth, optimizer=nn.SGD(0.1, momentum=0.9), epochs=2000, batch_size=None)
    np.testing.assert_array_equal(model.predict(inputs), truth)
    assert history["loss"][-1] < 0.05


def test_xor_cannot_be_learned_without_a_hidden_layer():
    inputs, truth = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    history = model.fit(inputs, truth, optimizer=nn.SGD(0.5), epochs=500, batch_size=None)
    assert history["loss"][-1] == pytest.approx(np.log(2), abs=1e-4)


def test_moons_are_told_apart():
    data, labels = nn.make_moons(400, noise=0.1, seed=0)
    model = nn.Model([nn.Dense(32), nn.ReLU(), nn.Dense(1), nn.Sigmoid()], seed=0)
    model.fit(data, labels, optimizer=nn.SGD(0.1, momentum=0.9, nesterov=True), epochs=60)
    X_test, y_test = nn.make_moons(400, noise=0.1, seed=1)
    assert model.evaluate(X_test, y_test)["accuracy"] > 0.98


def test_spirals_are_told_apart():
    data, labels = nn.make_spirals(600, noise=0.1, seed=0)
    model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(32), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=0)
    model.fit(data, labels, optimizer=nn.SGD(0.05, momentum=0.9), epochs=100)
    X_test, y_test = nn.make_spirals(600, noise=0.1, seed=1)
    assert model.evaluate(X_test, y_test)["accuracy"] > 0.97


def test_several_labels_are_learned_at_once():
    data = np.random.default_rng(0).standard_normal((500, 3))
    labels = data > 0
    model = nn.Model([nn.Dense(3), nn.Sigmoid()], seed=0)
    model.fit(data, labels, optimizer=nn.SGD(1.0), epochs=50)
    assert model.evaluate(data, labels)["accuracy"] > 0.99


def test_linear_regression_finds_least_squares():
    rng = np.random.default_rng(0)
    data = rng.standard_normal((200, 3))
    values = data @ [[1, -2], [0.5, 0], [0, 3]] + [4, -1] + 0.1 * rng.standard_normal((200, 2))
    model = nn.Model([nn.Dense(2), nn.Identity()], seed=0, dtype="float64")
    model.fit(data, values, optimizer=nn.SGD(0.5), epochs=300, batch_size=None)
    exact = np.linalg.lstsq(np.column_stack([data, np.ones(200)]), values, rcond=None)[0]
    np.testing.assert_allclose(model.parameters["W1"], exact[:3], atol=1e-10)
    np.testing.assert_allclose(model.parameters["b1"], exact[3], atol=1e-10)


def test_a_curve_is_learned():
    data = np.linspace(-1, 1, 200)[:, None]
    values = np.sin(3 * data[:, 0])
    model = nn.Model([nn.Dense(32), nn.Tanh(), nn.Dense(1), nn.Identity()], seed=0)
    model.fit(data, values, optimizer=nn.SGD(0.1, momentum=0.9), epochs=400)
    assert np.sqrt(np.mean(np.square(model.predict(data) - values))) < 0.07  # the values go from -1 to 1


def test_weight_decay_keeps_weights_small():
    sizes = []
    for weight_decay in (0, 0.01, 0.1):
        model = classifier()
        model.fit(X, y, optimizer=nn.SGD(0.1, weight_decay=weight_decay), epochs=100)
        sizes.append(np.linalg.norm(model.theta[: model.n_weights]))
    assert sizes[0] > sizes[1] > sizes[2]
