"""Facts about output layers: each with its cost, alone and at the end of a network."""

import math

import numpy as np
import pytest

import nnlite as nn

DTYPES = ["float32", "float64"]


# ---- two classes: softmax and sigmoid -------------------------------------------------------------------------


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
    rng = np.random.default_rng(2)
    W, b = rng.normal(size=(n_in, 2)), rng.normal(size=2)
    if kind == "zeros":
        return W * 0, b * 0
    if kind == "antisymmetric":
        return W * [1, 0] - W[:, ::-1] * [0, 1], b * [1, 0] - b[::-1] * [0, 1]
    return W, b


KINDS = ["zeros", "antisymmetric", "any"]


def two_classes(M=60, n_features=4, seed=1):
    """Examples of two classes that overlap."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(M, n_features))
    return X, (X @ rng.normal(size=n_features) + rng.normal(size=M) > 0.3).astype(int)


@pytest.mark.parametrize("kind", KINDS)
def test_two_class_softmax_and_sigmoid_give_the_same_probabilities_cost_and_accuracy(kind):
    X, y = two_classes()
    softmax, sigmoid = pair(W=draw_last(kind, 4)[0], b=draw_last(kind, 4)[1])
    np.testing.assert_allclose(softmax.predict_proba(X), sigmoid.predict_proba(X), rtol=1e-13)
    np.testing.assert_allclose(softmax.forward(X)[:, 1:], sigmoid.forward(X), rtol=1e-13)
    assert softmax.cost(y) == pytest.approx(sigmoid.cost(y), rel=1e-13)
    np.testing.assert_array_equal(softmax.predict(X), sigmoid.predict(X))
    assert softmax.evaluate(X, y) == pytest.approx(sigmoid.evaluate(X, y), rel=1e-13)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("momentum", [0, 0.9])
def test_two_class_softmax_is_logistic_regression_at_twice_the_learning_rate(kind, momentum):
    r"""Softmax with learning rate eta and sigmoid with 2 eta are the same run.

    With p the probability of class 1 and y in {0, 1}, dz of the softmax is (y - p, p - y): its columns differ in sign
    only. So one step of the softmax, with ``g = 1/M X^T (p - y)``, is ``W1 <- W1 - eta g`` and ``W0 <- W0 + eta g``,
    and for the difference ``w = W1 - W0``::

        w <- w - 2 eta g

    while dz of the sigmoid is p - y and its step is ``w <- w - eta_sigmoid g``, with the same g as long as w, and so
    p, is the same. The runs are equal if and only if eta_sigmoid = 2 eta, from whatever W the softmax starts: the
    sum W0 + W1, on which no probability depends, stays as it is. The velocity of momentum is linear in the gradients,
    so that it differs by the same sign and the same factor.
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


def test_the_first_step_of_softmax_regression_from_zeros_is_known():
    """From W = 0 every probability is 1/C, so that ``W = learning_rate / M X^T (Y - 1/C)`` after one step."""
    X, y = three_classes()
    model = nn.Model([nn.Dense(3, nn.Zeros()), nn.Softmax()], dtype="float64")
    model.fit(X, y, optimizer=nn.SGD(0.3), epochs=1, batch_size=None)
    rest = np.eye(3)[y] - 1 / 3
    np.testing.assert_allclose(model.parameters["W1"], 0.3 / len(X) * X.T @ rest, rtol=1e-12)
    np.testing.assert_allclose(model.parameters["b1"], 0.3 * rest.mean(0), rtol=1e-12)


def test_at_the_same_learning_rate_the_two_runs_differ():
    X, y = two_classes()
    models = pair()
    for model in models:
        model.fit(X, y, optimizer=nn.SGD(0.15), epochs=5, batch_size=None)
    assert np.abs(models[0].predict_proba(X) - models[1].predict_proba(X)).max() > 0.01


def test_weight_decay_of_the_softmax_counts_half_for_the_sigmoid():
    """Of ``W <- W - eta (g + lambda W)`` the columns' difference is ``w <- w - 2 eta (g + lambda/2 w)``."""
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
    histories = []
    for model, learning_rate in zip(pair(), (0.15, 0.3), strict=True):
        histories.append(
            model.fit(
                X,
                y,
                optimizer=nn.SGD(learning_rate),
                epochs=50,
                batch_size=batch_size,
                shuffle=shuffle,
                validation_data=(X_val, y_val),
            )
        )
    for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(histories[0][key], histories[1][key], rtol=1e-12)


def hidden_layers():
    return (lambda: nn.Dense(5), nn.Tanh, lambda: nn.Dense(3), nn.ReLU)


def test_two_class_softmax_and_sigmoid_send_the_same_gradient_to_the_hidden_layers():
    """``da = dz W^T = (p - y) (W1 - W0)``, which is what the sigmoid sends."""
    X, y = two_classes()
    softmax, sigmoid = pair(hidden_layers(), W=draw_last("any", 3)[0], b=draw_last("any", 3)[1])
    for model in (softmax, sigmoid):
        model.forward(X)
        model.backward(y)
    for name in ("dW1", "db1", "dW2", "db2"):
        g = softmax.gradients[name]
        np.testing.assert_allclose(g, sigmoid.gradients[name], rtol=1e-11, atol=1e-15)
        assert np.abs(g).max() > 1e-3
    np.testing.assert_allclose(softmax.gradients["dW3"], sigmoid.gradients["dW3"] * [-1, 1], rtol=1e-12, atol=1e-15)


def test_behind_hidden_layers_only_the_last_layer_of_the_sigmoid_takes_twice_the_step():
    X, y = two_classes()
    softmax, sigmoid = pair(hidden_layers(), W=draw_last("any", 3)[0], b=draw_last("any", 3)[1])
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


# ---- the cost of a network that has learned nothing -----------------------------------------------------------


@pytest.mark.parametrize("C", [2, 3, 10, 100, 1000])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid])
@pytest.mark.parametrize(("depth", "width"), [(0, 1), (1, 8), (1, 300), (2, 64), (5, 16), (5, 100)])
def test_an_untrained_network_favours_no_class(C, activation, depth, width):
    """J is near ln C, for inputs of any scale up to that of a standard normal.

    The last weights have variance 0.01 * 2 / (n_in + n_out), so with activations of size 1 a logit has variance
    v <= 0.02, and J exceeds ln C by v/2 = 0.01 in the mean. Narrow layers of ReLU may enlarge what they get; a tenth
    is left for that and for the draw of the labels.
    """
    rng = np.random.default_rng(C)
    X, y = rng.standard_normal((300, 50)), rng.integers(0, C, 300)
    layers = [layer for _ in range(depth) for layer in (nn.Dense(width), activation())]
    model = nn.Model([*layers, nn.Dense(C), nn.Softmax()], seed=C)
    for scale in (1e-3, 0.3, 1.0):
        model.forward(scale * X)
        assert model.cost(y) == pytest.approx(math.log(C), abs=0.1)


@pytest.mark.parametrize("units", [1, 4])
def test_an_untrained_sigmoid_costs_ln_2_for_each_unit(units):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((300, 50)), rng.integers(0, 2, (300, units))
    model = nn.Model([nn.Dense(30), nn.ReLU(), nn.Dense(units), nn.Sigmoid()], seed=0)
    model.forward(X)
    assert model.cost(Y) == pytest.approx(units * math.log(2), abs=0.1 * units)


@pytest.mark.parametrize("C", [2, 3, 10, 100, 1000])
def test_from_zeros_softmax_regression_costs_exactly_ln_c(C):
    X = np.random.default_rng(0).standard_normal((20, 5))
    model = nn.Model([nn.Dense(C, nn.Zeros()), nn.Softmax()], dtype="float64")
    np.testing.assert_allclose(model.forward(X), 1 / C, rtol=1e-14)
    assert model.cost(np.arange(20) % C) == pytest.approx(math.log(C), rel=1e-14)


# ---- optima that are known from elsewhere ---------------------------------------------------------------------


def with_ones(X):
    return np.hstack([X, np.ones((len(X), 1))])


def softmax_regression_by_newton(X, Y):
    """The W and b of least cost by Newton's method, and that cost.

    The cost does not change when a vector is added to all columns of W, so its Hessian is singular; the step of least
    norm keeps the sum of the columns, 0 at the start, where it is. Gradient descent does so by itself.
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


def three_classes():
    """Examples of three classes, none of which a line can separate from the others."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 2))
    y = (X @ rng.normal(size=(2, 3)) + rng.gumbel(size=(90, 3))).argmax(1)
    return X, y


@pytest.mark.parametrize("soft", [False, True])
def test_softmax_regression_trained_to_the_end_is_the_optimum_of_newtons_method(soft):
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


def test_logistic_regression_trained_to_the_end_is_the_optimum_of_newtons_method():
    X, y = two_classes()
    W, b, J = softmax_regression_by_newton(X, np.eye(2)[y])
    model = nn.Model([nn.Dense(1), nn.Sigmoid()], seed=0, dtype="float64")
    history = model.fit(X, y, optimizer=nn.SGD(2.0, momentum=0.8), epochs=500, batch_size=None)
    np.testing.assert_allclose(model.parameters["W1"], W[:, 1:] - W[:, :1], atol=1e-9)
    np.testing.assert_allclose(model.parameters["b1"], b[1:] - b[:1], atol=1e-9)
    assert history["loss"][-1] == pytest.approx(J, rel=1e-12)


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("M", [50, 4])
def test_full_batch_descent_of_identity_reaches_the_least_squares_solution(M, units):
    """With fewer examples than weights there are many solutions; from 0, descent reaches that of least norm."""
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


# ---- cost from z: finite for logits of any size ---------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_certain_error_costs_the_distance_of_the_logits(dtype):
    for output, W, J in ((nn.Softmax, [[1e4, -1e4]], 2e4), (nn.Sigmoid, [[-1e4]], 1e4)):
        model = nn.Model([nn.Dense(np.shape(W)[1]), output()], n_features=1, dtype=dtype)
        model.parameters["W1"][...] = W
        model.forward([[1.0]])
        assert model.cost([1]) == J
        assert model.cost([0]) == 0
        model.backward([1])
        assert np.abs(model.grad).max() == 1


@pytest.mark.parametrize("output", [nn.Softmax, nn.Sigmoid])
@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softmax])
@pytest.mark.parametrize("dtype", DTYPES)
def test_cost_and_gradients_are_finite_for_weights_of_ten_thousand(dtype, activation, depth, output):
    rng = np.random.default_rng(depth)
    layers = [layer for _ in range(depth) for layer in (nn.Dense(6), activation())]
    model = nn.Model([*layers, nn.Dense(4), output()], n_features=5, dtype=dtype)
    model.theta[...] = rng.choice([-1e4, 1e4], model.theta.size)
    X, Y = rng.standard_normal((20, 5)), np.eye(4)[rng.integers(0, 4, 20)]
    Y_hat = model.forward(X)
    assert np.isfinite(Y_hat).all()
    J = model.cost(Y)
    assert math.isfinite(J)
    assert J > 100
    model.backward(Y)
    assert np.isfinite(model.grad).all()
    assert np.abs(model.gradients[f"db{depth + 1}"]).max() > 0.01
    assert model.evaluate(X, Y)["loss"] == pytest.approx(J, rel=1e-5)
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("output", [nn.Softmax, nn.Sigmoid])
def test_cost_of_huge_logits_is_the_same_in_float32_and_float64(output):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((50, 5)), np.eye(4)[rng.integers(0, 4, 50)]
    theta = rng.choice([-1e4, 1e4], 24)
    J = {}
    for dtype in DTYPES:
        model = nn.Model([nn.Dense(4), output()], n_features=5, dtype=dtype)
        model.theta[...] = theta
        model.forward(X)
        J[dtype] = model.cost(Y)
    assert J["float32"] == pytest.approx(J["float64"], rel=1e-5)
    z = (X @ theta[:20].reshape(5, 4) + theta[20:]).astype(np.longdouble)
    if output is nn.Softmax:
        L = np.log(np.exp(z - z.max(1, keepdims=True)).sum(1)) + z.max(1) - (Y * z).sum(1)
    else:
        L = (np.logaddexp(0, z) - Y * z).sum(1)
    assert J["float64"] == pytest.approx(float(L.mean()), rel=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", [nn.Softmax, nn.Sigmoid, nn.Identity])
def test_training_goes_on_from_weights_of_ten_thousand(output, dtype):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((40, 5)), np.eye(4)[rng.integers(0, 4, 40)]
    model = nn.Model([nn.Dense(4), output()], n_features=5, dtype=dtype)
    model.theta[...] = rng.choice([-1e4, 1e4], model.theta.size)
    loss = model.fit(X, Y, optimizer=nn.SGD(0.1), epochs=5)["loss"]
    assert np.isfinite(loss).all()
    assert loss[-1] < loss[0]


# ---- costs, predictions and correct answers, each by its definition -------------------------------------------


def logits_as_network(output, units, dtype="float64"):
    """A network whose logits are X itself."""
    model = nn.Model([nn.Dense(units), output()], n_features=units, dtype=dtype)
    model.parameters["W1"][...] = np.eye(units)
    return model


@pytest.mark.parametrize("M", [1, 9])
@pytest.mark.parametrize("units", [2, 5])
def test_cost_is_the_mean_of_the_losses_by_their_equations(M, units):
    rng = np.random.default_rng(units)
    z, y = rng.normal(size=(M, units)), rng.integers(0, units, M)
    for output, Y, L in (
        (nn.Softmax, y, nn.cross_entropy(nn.softmax(z), nn.one_hot(y, units))),
        (nn.Softmax, p := rng.dirichlet(np.ones(units), M), nn.cross_entropy(nn.softmax(z), p)),
        (nn.Sigmoid, q := rng.random((M, units)), nn.binary_cross_entropy(nn.sigmoid(z), q).sum(1)),
        (nn.Identity, t := rng.normal(size=(M, units)), 0.5 * ((z - t) ** 2).sum(1)),
    ):
        model = logits_as_network(output, units)
        model.forward(z)
        assert model.cost(Y) == pytest.approx(L.mean(), rel=1e-12)
        assert model.evaluate(z, Y)["loss"] == pytest.approx(L.mean(), rel=1e-12)


def test_the_figures_of_the_course_come_out_of_a_network():
    model = logits_as_network(nn.Softmax, 4)
    np.testing.assert_array_equal(model.forward([[5, 2, -1, 3]]).round(3), [[0.842, 0.042, 0.002, 0.114]])
    model.forward(np.log([[0.3, 0.2, 0.1, 0.4]]))
    assert model.cost([[0, 1, 0, 0]]) == pytest.approx(-math.log(0.2), rel=1e-14)
    model.backward([[0, 1, 0, 0]])
    np.testing.assert_allclose(model.gradients["db1"], [0.3, -0.8, 0.1, 0.4], rtol=1e-14)  # y_hat - y


def test_outputs_predict_by_their_definition():
    z = np.array([[-1.0, 2.0, 0.5], [3.0, 3.0, -2.0]])
    np.testing.assert_array_equal(logits_as_network(nn.Softmax, 3).predict(z), [1, 0])
    np.testing.assert_array_equal(logits_as_network(nn.Sigmoid, 3).predict(z), [[0, 1, 1], [1, 1, 0]])
    np.testing.assert_array_equal(logits_as_network(nn.Identity, 3).predict(z), z)
    np.testing.assert_array_equal(logits_as_network(nn.Sigmoid, 1).predict([[-1.0], [0.0], [1.0]]), [0, 0, 1])
    np.testing.assert_array_equal(logits_as_network(nn.Identity, 1).predict([[-1.0], [0.5]]), [-1, 0.5])


@pytest.mark.parametrize("output", [nn.Softmax, nn.Sigmoid, nn.Identity])
def test_what_an_output_returned_does_not_change_with_the_next_batch(output):
    rng = np.random.default_rng(0)
    z, Y = rng.normal(size=(5, 3)), np.eye(3)[[0, 1, 2, 2, 1]]
    model = logits_as_network(output, 3)
    results = [model.forward(z), model.predict(z)]
    if output.classifies:
        results.append(model.predict_proba(z))
    before = [result.copy() for result in results]
    model.backward(Y)
    model.fit(-z, Y, epochs=2)
    model.predict(-z)
    for result, was in zip(results, before, strict=True):
        np.testing.assert_array_equal(result, was)


def test_probabilities_of_one_sigmoid_unit_are_those_of_two_classes():
    p = logits_as_network(nn.Sigmoid, 1).predict_proba([[0.0], [2.0]])
    np.testing.assert_allclose(p, [[0.5, 0.5], [1 - nn.sigmoid(2), nn.sigmoid(2)]], rtol=1e-14)


def test_accuracy_is_the_share_of_correct_answers():
    z = np.array([[-1.0, 2.0, 0.5], [3.0, 1.0, -2.0], [0.0, 0.0, 1.0], [9.0, 0.0, 0.0]])
    assert logits_as_network(nn.Softmax, 3).evaluate(z, [1, 0, 0, 2])["accuracy"] == 0.5
    Y = np.array([[0, 1, 1], [1, 1, 1], [1, 0, 1], [1, 0, 0]])  # two of the 12 labels are predicted wrong
    assert logits_as_network(nn.Sigmoid, 3).evaluate(z, Y)["accuracy"] == pytest.approx(10 / 12)
    assert "accuracy" not in logits_as_network(nn.Identity, 3).evaluate(z, z)


# ---- wrong use ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "units", "y"),
    [
        (nn.Softmax, 3, [0, 3]),
        (nn.Softmax, 3, [0, -1]),
        (nn.Softmax, 3, [0.0, 1.0]),
        (nn.Softmax, 3, [[0, 1], [1, 0]]),
        (nn.Softmax, 3, [[0], [1]]),
        (nn.Softmax, 3, [[0.5, 0.4, 0.0], [0, 0, 1]]),
        (nn.Softmax, 3, [[0, 0, 1], [2, -1, 0]]),
        (nn.Softmax, 3, [[0, 0, 1], [np.nan, 0, 1]]),
        (nn.Softmax, 3, ["a", "b"]),
        (nn.Softmax, 3, None),
        (nn.Sigmoid, 1, [0, 2]),
        (nn.Sigmoid, 1, [0, -1]),
        (nn.Sigmoid, 1, [0, np.nan]),
        (nn.Sigmoid, 3, [0, 1]),
        (nn.Sigmoid, 3, [[0, 1], [1, 0]]),
        (nn.Identity, 1, [[0, 1], [1, 0]]),
        (nn.Identity, 3, [0, 1]),
        (nn.Identity, 1, [0, np.inf]),
        (nn.Identity, 1, ["0", "1"]),
    ],
)
def test_targets_that_the_output_cannot_learn_are_refused_by_their_name(output, units, y):
    model = nn.Model([nn.Dense(units), output()], n_features=2)
    X = np.ones((2, 2))
    model.forward(X)
    before = model.theta.copy()
    for name, call in (
        ("Y", lambda: model.cost(y)),
        ("Y", lambda: model.backward(y)),
        ("y", lambda: model.fit(X, y)),
        ("y", lambda: model.evaluate(X, y)),
    ):
        with pytest.raises(nn.ArgumentError, match=rf"^{name}: "):
            call()
    np.testing.assert_array_equal(model.theta, before)


def test_softmax_over_a_single_unit_is_refused():
    with pytest.raises(nn.ArgumentError, match=r"^layers: Softmax over 1 unit is always 1"):
        nn.Model([nn.Dense(1), nn.Softmax()], n_features=2)


def test_a_regression_has_no_probabilities():
    model = nn.Model([nn.Dense(1), nn.Identity()], n_features=2)
    with pytest.raises(nn.ArgumentError, match=r"^predict_proba: .*Identity"):
        model.predict_proba([[1.0, 2.0]])


# ---- the largest logit ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 10), (10, 10), (11, 10), (500, 64), (500, 65), (3, 200)])
def test_softmax_of_any_number_of_examples_and_classes_is_that_of_each_row(shape):
    z = np.random.default_rng(0).normal(0, 50, shape).astype(np.float32)
    a = nn.Softmax().forward(z, nn.Cache())
    for row, expected in zip(a, z.astype(np.float64), strict=True):
        e = np.exp(expected - expected.max())
        np.testing.assert_allclose(row, e / e.sum(), rtol=1e-5, atol=1e-30)
