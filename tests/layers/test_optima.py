"""Facts about costs that are known in advance: before training, after one step, and at the optimum."""

import math

import numpy as np
import pytest

import nnlite as nn

from ..support import for_each

# ---- the cost of an untrained network -------------------------------------------------------------------------


SHAPES = [(0, 1), (1, 8), (1, 300), (2, 64), (5, 16), (5, 100)]  # number of hidden layers, and their width


def hidden(depth, width, activation):
    return [layer for _ in range(depth) for layer in (nn.Dense(width), activation())]


def untrained(shape, X, Y, last, output, seed):
    """Return J of the untrained network, and the variance v of its z[L] over draws of the last weights."""
    model = nn.Model([*hidden(*shape), last, output], seed=seed)
    below = nn.Model([*hidden(*shape), nn.Identity()], seed=seed)  # the same seed draws the same hidden weights
    a = below.forward(X)
    model.forward(X)
    return model.cost(Y), 2 * np.square(a).sum(axis=1).mean() / (a.shape[1] + last.units)


@pytest.mark.slow
@for_each("C", [2, 300])
@for_each("activation", [nn.ReLU, nn.Sigmoid])
def test_an_untrained_network_costs_ln_c_and_at_most_half_the_variance_of_its_logits(C, activation):
    """``E J = E log sum e^z``, which by Jensen's inequality is between ``ln C`` and ``ln C + v/2``.

    One draw of the last weights says little about two classes, whose logits have one sign for most examples where the
    activations have a mean: J is the mean over several draws, and the tolerance is for them and for the labels.
    """
    rng = np.random.default_rng(C)
    X, y = rng.standard_normal((100, 20)), rng.integers(0, C, 100)
    for shape in [(0, 1, activation), (1, 60, activation), (3, 20, activation)]:
        costs = [untrained(shape, X, y, nn.Dense(C), nn.Softmax(), seed) for seed in range(8)]
        J, v = np.mean(costs, axis=0)
        assert -0.1 < J - math.log(C) < v / 2 + 0.1


@pytest.mark.parametrize("C", [2, 10, 300])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid])
def test_with_a_tenth_of_glorots_weights_before_the_output_an_untrained_network_prefers_no_class(C, activation):
    """J is near ln C, for inputs of any scale up to that of a standard normal.

    The last weights have variance 0.01 * 2 / (n_in + n_out). With activations of size 1 a logit has variance
    v <= 0.02, and J exceeds ln C by v/2 = 0.01 in the mean. The tolerance of 0.1 allows for the draw of the labels.
    """
    rng = np.random.default_rng(C)
    X, y = rng.standard_normal((200, 50)), rng.integers(0, C, 200)
    for depth, width in SHAPES:
        model = nn.Model([*hidden(depth, width, activation), nn.Dense(C, nn.GlorotUniform(0.1)), nn.Softmax()], seed=C)
        for scale in (1e-3, 1.0):
            model.forward(scale * X)
            assert model.cost(y) == pytest.approx(math.log(C), abs=0.1)


@pytest.mark.parametrize("units", [1, 4])
def test_an_untrained_sigmoid_costs_ln_2_for_each_unit_and_at_most_an_eighth_of_the_variance(units):
    """``log(1 + e^z) <= ln 2 + z/2 + z^2/8``, and z/2 - y z is 0 in the mean."""
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((300, 50)), rng.integers(0, 2, (300, units))
    shape = 1, 30, nn.ReLU
    J, v = np.mean([untrained(shape, X, Y, nn.Dense(units), nn.Sigmoid(), seed) for seed in range(8)], axis=0)
    assert -0.1 < J / units - math.log(2) < v / 8 + 0.1


@pytest.mark.parametrize("C", [2, 3, 10, 100, 1000])
def test_softmax_regression_with_zero_weights_costs_exactly_ln_c(C):
    X = np.random.default_rng(0).standard_normal((20, 5))
    model = nn.Model([nn.Dense(C, nn.Zeros()), nn.Softmax()], dtype="float64")
    np.testing.assert_allclose(model.forward(X), 1 / C, rtol=1e-14)
    assert model.cost(np.arange(20) % C) == pytest.approx(math.log(C), rel=1e-14)


def three_classes():
    """Examples of three classes that no line separates."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 2))
    y = (X @ rng.normal(size=(2, 3)) + rng.gumbel(size=(90, 3))).argmax(1)
    return X, y


def test_the_first_step_of_softmax_regression_from_zeros_is_known():
    """From W = 0 every probability is 1/C: one step gives ``W = learning_rate / M X^T (Y - 1/C)``."""
    X, y = three_classes()
    model = nn.Model([nn.Dense(3, nn.Zeros()), nn.Softmax()], dtype="float64")
    model.fit(X, y, optimizer=nn.SGD(0.3), epochs=1, batch_size=None)
    rest = np.eye(3)[y] - 1 / 3
    np.testing.assert_allclose(model.parameters["W1"], 0.3 / len(X) * X.T @ rest, rtol=1e-12)
    np.testing.assert_allclose(model.parameters["b1"], 0.3 * rest.mean(0), rtol=1e-12)


# ---- optima ---------------------------------------------------------------------------------------------------


def with_ones(X):
    return np.hstack([X, np.ones((len(X), 1))])


def softmax_regression_by_newton(X, Y):
    """The W and b of least cost by Newton's method, and that cost.

    The cost does not change when a vector is added to all columns of W, so its Hessian is singular. The step of least
    norm keeps the sum of the columns at 0, as gradient descent from 0 does.
    """
    A, C = with_ones(X), Y.shape[1]
    theta = np.zeros((A.shape[1], C))
    for _ in range(30):
        P = np.exp(A @ theta)
        P /= P.sum(1, keepdims=True)
        gradient = A.T @ (P - Y) / len(A)
        curvature = np.einsum("ij,jk->ijk", P, np.eye(C)) - np.einsum("ij,ik->ijk", P, P)
        hessian = np.einsum("ia,ijk,ib->ajbk", A, curvature, A) / len(A)
        n = theta.size
        step = np.linalg.lstsq(hessian.reshape(n, n), gradient.ravel(), rcond=1e-10)[0]
        theta -= step.reshape(theta.shape)
    assert np.linalg.norm(gradient) < 1e-12
    return theta[:-1], theta[-1], -np.mean(np.sum(Y * np.log(P), 1))


@pytest.mark.parametrize("soft", [False, True])
def test_softmax_regression_reaches_the_optimum_of_newtons_method(soft):
    X, y = three_classes()
    Y = np.eye(3)[y]
    if soft:
        Y = 0.8 * Y + 0.2 / 3
    W, b, J = softmax_regression_by_newton(X, Y)
    model = nn.Model([nn.Dense(3, nn.Zeros()), nn.Softmax()], n_features=2, dtype="float64")
    optimizer = nn.SGD(1.0, momentum=0.8)
    for _ in range(1000):
        model.forward(X)
        model.backward(Y if soft else y)
        if np.linalg.norm(model.grad) < 1e-11:
            break
        optimizer.step(model)
    assert np.linalg.norm(model.grad) < 1e-11
    assert model.cost(Y) == pytest.approx(J, rel=1e-13)
    np.testing.assert_allclose(model.parameters["W1"], W, rtol=0, atol=1e-9)
    np.testing.assert_allclose(model.parameters["b1"], b, rtol=0, atol=1e-9)


def test_at_the_optimum_of_softmax_regression_the_mean_prediction_is_the_share_of_each_class():
    X, y = three_classes()
    model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0, dtype="float64")
    model.fit(X, y, optimizer=nn.SGD(1.0, momentum=0.8), epochs=500, batch_size=None)
    share = np.bincount(y) / len(y)
    np.testing.assert_allclose(model.predict_proba(X).mean(0), share, rtol=1e-9)  # db = mean(Y_hat - Y) = 0


def test_logistic_regression_reaches_the_optimum_of_newtons_method():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 4))
    y = (X @ rng.normal(size=4) + rng.normal(size=60) > 0.3).astype(int)
    W, b, J = softmax_regression_by_newton(X, np.eye(2)[y])
    model = nn.Model([nn.Dense(1), nn.Sigmoid()], seed=0, dtype="float64")
    history = model.fit(X, y, optimizer=nn.SGD(2.0, momentum=0.8), epochs=500, batch_size=None)
    np.testing.assert_allclose(model.parameters["W1"], W[:, 1:] - W[:, :1], atol=1e-9)
    np.testing.assert_allclose(model.parameters["b1"], b[1:] - b[:1], atol=1e-9)
    assert history["loss"][-1] == pytest.approx(J, rel=1e-12)


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("M", [50, 4])
def test_full_batch_descent_of_identity_reaches_the_least_squares_solution(M, units):
    """With fewer examples than weights there are many solutions; descent from 0 reaches that of least norm."""
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(M, 6)), rng.normal(size=(M, units))
    A = with_ones(X)
    expected = np.linalg.lstsq(A, Y, rcond=None)[0]
    largest = np.linalg.eigvalsh(A.T @ A / M)[-1]  # curvature of J; steps below 2 / largest converge
    model = nn.Model([nn.Dense(units, nn.Zeros()), nn.Identity()], dtype="float64")
    y = Y if units > 1 else Y[:, 0]
    history = model.fit(X, y, optimizer=nn.SGD(1 / largest, momentum=0.5), epochs=600, batch_size=None)
    np.testing.assert_allclose(model.parameters["W1"], expected[:-1], rtol=0, atol=1e-10)
    np.testing.assert_allclose(model.parameters["b1"], expected[-1], rtol=0, atol=1e-10)
    J = 0.5 * np.mean(np.sum((A @ expected - Y) ** 2, 1))
    assert history["loss"][-1] == pytest.approx(J, rel=1e-10, abs=1e-18)
    np.testing.assert_allclose(model.predict(X), (A @ expected) if units > 1 else (A @ expected)[:, 0], atol=1e-9)


def test_poisson_regression_finds_the_rates_that_its_counts_were_drawn_from():
    """At the optimum of a regression with a bias, the mean prediction is the mean count."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = rng.poisson(np.exp(0.5 + X @ [0.7, -0.3]))
    model = nn.Model([nn.Dense(1), nn.Exponential()], seed=0, dtype="float64")
    model.fit(X, y, optimizer=nn.SGD(0.2), epochs=300, batch_size=400, progress=False)
    assert model.predict(X).mean() == pytest.approx(y.mean(), rel=1e-6)
    np.testing.assert_allclose(model.parameters["W1"][:, 0], [0.7, -0.3], atol=0.1)
    assert model.parameters["b1"][0] == pytest.approx(0.5, abs=0.1)


def test_a_smoothed_cost_is_least_at_the_smoothed_labels():
    epsilon, C = 0.2, 4
    p = np.full(C, epsilon / C) + (1 - epsilon) * np.eye(C)[1]
    for output, target, logits in (
        (nn.Softmax(epsilon), [1], np.log(p)),
        (nn.Sigmoid(epsilon), [[0, 1, 0, 0]], np.log([1 / 9, 9, 1 / 9, 1 / 9])),
    ):
        model = nn.Model([nn.Dense(C), output], n_features=1, dtype="float64")
        model.parameters["W1"][...] = logits
        model.forward([[1.0]])
        model.backward(np.array(target))
        np.testing.assert_allclose(model.grad, 0, atol=1e-15)
