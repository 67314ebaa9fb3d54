"""Facts about two classes: a network that ends in Dense(2), Softmax and one that ends in Dense(1), Sigmoid."""

import numpy as np
import pytest

import nnlite as nn


def pair(layers=(), *, W=None, b=None):
    """A network that ends in Dense(2), Softmax and one that ends in Dense(1), Sigmoid, with the same logit.

    The sigmoid has the difference of the softmax's columns: ``w = W[:, 1] - W[:, 0]``, and the same of the biases.
    """
    models = []
    for units, output in ((2, nn.Softmax), (1, nn.Sigmoid)):
        last = nn.Dense(units, nn.Zeros())
        chain = [*(make() for make in layers), last, output()]
        model = nn.Model(chain, n_features=4, seed=0, dtype="float64")
        if W is not None:
            last.W[...] = W if units == 2 else W[:, 1:] - W[:, :1]
            last.b[...] = b if units == 2 else b[1:] - b[:1]
        models.append(model)
    return models


def draw_last(kind, n_in):
    """W and b of the last layer of the softmax."""
    rng = np.random.default_rng(2)
    W, b = rng.normal(size=(n_in, 2)), rng.normal(size=2)
    if kind == "zeros":
        return W * 0, b * 0
    if kind == "antisymmetric":
        return W * [1, 0] - W[:, ::-1] * [0, 1], b * [1, 0] - b[::-1] * [0, 1]
    return W, b


OF_EACH_START = pytest.mark.parametrize("kind", ["zeros", "antisymmetric", "any"])
HIDDEN = (lambda: nn.Dense(5), nn.Tanh, lambda: nn.Dense(3), nn.ReLU)


def two_classes(M=60, n_features=4, seed=1):
    """Examples of two classes that overlap."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(M, n_features))
    return X, (X @ rng.normal(size=n_features) + rng.normal(size=M) > 0.3).astype(int)


@OF_EACH_START
def test_two_class_softmax_and_sigmoid_give_the_same_probabilities_cost_and_accuracy(kind):
    X, y = two_classes()
    softmax, sigmoid = pair(W=draw_last(kind, 4)[0], b=draw_last(kind, 4)[1])
    np.testing.assert_allclose(softmax.predict_proba(X), sigmoid.predict_proba(X), rtol=1e-13)
    np.testing.assert_allclose(softmax.forward(X)[:, 1:], sigmoid.forward(X), rtol=1e-13)
    assert softmax.cost(y) == pytest.approx(sigmoid.cost(y), rel=1e-13)
    np.testing.assert_array_equal(softmax.predict(X), sigmoid.predict(X))
    assert softmax.evaluate(X, y) == pytest.approx(sigmoid.evaluate(X, y), rel=1e-13)


@OF_EACH_START
@pytest.mark.parametrize("momentum", [0, 0.9])
def test_two_class_softmax_is_logistic_regression_at_twice_the_learning_rate(kind, momentum):
    r"""Softmax with learning rate eta and sigmoid with 2 eta are the same run.

    With p the probability of class 1 and y in {0, 1}, dz of the softmax is (y - p, p - y): its columns differ only in
    sign. With ``g = 1/M X^T (p - y)``, a step of the softmax is ``W1 <- W1 - eta g`` and ``W0 <- W0 + eta g``. Its
    difference ``w = W1 - W0`` takes the step::

        w <- w - 2 eta g

    dz of the sigmoid is p - y, and its step is ``w <- w - eta_sigmoid g``. Both have the same g as long as w, and so p,
    is the same. The runs are equal if and only if eta_sigmoid = 2 eta, from whatever W the softmax starts; the sum
    W0 + W1, on which no probability depends, stays as it is. The velocity of momentum is linear in the gradients, so it
    differs by the same sign and the same factor.
    """
    X, y = two_classes()
    W, b = draw_last(kind, 4)
    softmax, sigmoid = pair(W=W, b=b)
    for_softmax, for_sigmoid = nn.SGD(0.15, momentum=momentum), nn.SGD(0.3, momentum=momentum)
    first = None
    for _ in range(50):
        J = []
        for model, optimizer in ((softmax, for_softmax), (sigmoid, for_sigmoid)):
            model.forward(X)
            J.append(model.cost(y))
            model.backward(y)
            optimizer.step(model)
        assert J[0] == pytest.approx(J[1], rel=1e-12)
        first = first or J[0]
        V, c = softmax.parameters["W1"], softmax.parameters["b1"]
        np.testing.assert_allclose(V[:, 1:] - V[:, :1], sigmoid.parameters["W1"], rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(c[1:] - c[:1], sigmoid.parameters["b1"], rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(V.sum(1), W.sum(1), rtol=1e-12, atol=1e-13)
    assert J[0] < 0.9 * first
    np.testing.assert_allclose(softmax.predict_proba(X), sigmoid.predict_proba(X), rtol=1e-11)


def test_at_the_same_learning_rate_the_two_runs_differ():
    X, y = two_classes()
    models = pair()
    for model in models:
        model.fit(X, y, optimizer=nn.SGD(0.15), epochs=5, batch_size=None)
    assert np.abs(models[0].predict_proba(X) - models[1].predict_proba(X)).max() > 0.01


def test_weight_decay_of_the_softmax_counts_half_for_the_sigmoid():
    """The columns of ``W <- W - eta (g + lambda W)`` differ by ``w <- w - 2 eta (g + lambda/2 w)``."""
    X, y = two_classes()
    softmax, sigmoid = pair(W=draw_last("any", 4)[0], b=draw_last("any", 4)[1])
    softmax.fit(X, y, optimizer=nn.SGD(0.15, weight_decay=0.2), epochs=50, batch_size=None)
    sigmoid.fit(X, y, optimizer=nn.SGD(0.3, weight_decay=0.1), epochs=50, batch_size=None)
    np.testing.assert_allclose(softmax.predict_proba(X), sigmoid.predict_proba(X), rtol=1e-11)


@pytest.mark.parametrize("batch_size", [None, 7, 60])
@pytest.mark.parametrize("shuffle", [True, False])
def test_two_class_softmax_and_sigmoid_have_the_same_history_of_fit(batch_size, shuffle):
    X, y = two_classes()
    X_val, y_val = two_classes(M=30, seed=5)
    options = {"epochs": 20, "batch_size": batch_size, "shuffle": shuffle, "validation_data": (X_val, y_val)}
    histories = []
    for model, learning_rate in zip(pair(), (0.15, 0.3), strict=True):
        histories.append(model.fit(X, y, optimizer=nn.SGD(learning_rate), **options))
    for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(histories[0][key], histories[1][key], rtol=1e-12)


# ---- with hidden layers ---------------------------------------------------------------------------------------


def test_two_class_softmax_and_sigmoid_send_the_same_gradient_to_the_hidden_layers():
    """The softmax sends ``da = dz W^T = (p - y) (W1 - W0)``, as the sigmoid does."""
    X, y = two_classes()
    softmax, sigmoid = pair(HIDDEN, W=draw_last("any", 3)[0], b=draw_last("any", 3)[1])
    for model in (softmax, sigmoid):
        model.forward(X)
        model.backward(y)
    for name in ("dW1", "db1", "dW2", "db2"):
        g = softmax.gradients[name]
        np.testing.assert_allclose(g, sigmoid.gradients[name], rtol=1e-11, atol=1e-15)
        assert np.abs(g).max() > 1e-3
    np.testing.assert_allclose(softmax.gradients["dW3"], sigmoid.gradients["dW3"] * [-1, 1], rtol=1e-12, atol=1e-15)


def test_with_hidden_layers_only_the_last_layer_of_the_sigmoid_takes_twice_the_step():
    X, y = two_classes()
    softmax, sigmoid = pair(HIDDEN, W=draw_last("any", 3)[0], b=draw_last("any", 3)[1])
    costs = []
    for _ in range(50):
        for model in (softmax, sigmoid):
            model.forward(X)
            costs.append(model.cost(y))
            model.backward(y)
            for name, g in model.gradients.items():
                twice = model is sigmoid and name in ("dW3", "db3")
                model.parameters[name[1:]][...] -= (0.2 if twice else 0.1) * g
    np.testing.assert_allclose(costs[::2], costs[1::2], rtol=1e-11)
    assert costs[-1] < 0.95 * costs[0]
