"""Facts about output layers: their costs, predictions, targets and label smoothing, each by its definition."""

import math

import numpy as np
import pytest

import nnlite as nn
from nnlite.layers import Exponential

from ..support import NEVER_SAVED, assert_matches, for_each, refuse, training_cache
from .common import DTYPES, NOT_NUMBERS, of_pytorch

pytestmark = NEVER_SAVED


def logits_as_network(output, units, dtype="float64"):
    """A network whose logits are X itself."""
    model = nn.Model([nn.Dense(units), output], n_features=units, dtype=dtype)
    model.parameters["W1"][...] = np.eye(units)
    return model


def cost_and_gradient(output, z, y, sample_weight=None):
    """J and dJ/dz of an output, from a network whose weights are z."""
    M, C = z.shape
    model = nn.Model([nn.Dense(C), output], n_features=M, dtype="float64")
    model.parameters["W1"][...] = z
    model.forward(np.eye(M))
    model.backward(y, sample_weight)
    return model.cost(y, sample_weight), model.gradients["dW1"]


# ---- costs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("M", [1, 9])
@pytest.mark.parametrize("units", [2, 5])
def test_cost_is_the_mean_of_the_losses_by_their_equations(M, units):
    rng = np.random.default_rng(units)
    z, y = rng.normal(size=(M, units)), rng.integers(0, units, M)
    p, q, t = rng.dirichlet(np.ones(units), M), rng.random((M, units)), rng.normal(size=(M, units))
    for output, Y, L in (
        (nn.Softmax(), y, nn.cross_entropy(nn.softmax(z), nn.one_hot(y, units))),
        (nn.Softmax(), p, nn.cross_entropy(nn.softmax(z), p)),
        (nn.Sigmoid(), q, nn.binary_cross_entropy(nn.sigmoid(z), q).sum(1)),
        (nn.Identity(), t, 0.5 * ((z - t) ** 2).sum(1)),
    ):
        model = logits_as_network(output, units)
        model.forward(z)
        assert model.cost(Y) == pytest.approx(L.mean(), rel=1e-12)
        assert model.evaluate(z, Y)["loss"] == pytest.approx(L.mean(), rel=1e-12)


def test_the_numbers_of_the_course_come_out_of_a_network():
    model = logits_as_network(nn.Softmax(), 4)
    np.testing.assert_array_equal(model.forward([[5, 2, -1, 3]]).round(3), [[0.842, 0.042, 0.002, 0.114]])
    model.forward(np.log([[0.3, 0.2, 0.1, 0.4]]))
    assert model.cost([[0, 1, 0, 0]]) == pytest.approx(-math.log(0.2), rel=1e-14)
    model.backward([[0, 1, 0, 0]])
    np.testing.assert_allclose(model.gradients["db1"], [0.3, -0.8, 0.1, 0.4], rtol=1e-14)  # y_hat - y


def test_class_weights_divide_the_cross_entropy_by_the_sum_of_the_weights_as_in_pytorch():
    expected = of_pytorch("weighted")
    weights = expected["class_weights"][expected["y"]]
    assert weights.min() == 0
    J, dz = cost_and_gradient(nn.Softmax(), expected["z"], expected["y"], weights)
    assert_matches(J, expected["J"])
    assert_matches(dz, expected["dz"])


def test_class_weights_of_fit_are_those_of_pytorch():
    expected = of_pytorch("weighted")
    M, C = expected["z"].shape
    model = nn.Model([nn.Dense(C), nn.Softmax()], n_features=M, dtype="float64")
    model.parameters["W1"][...] = expected["z"]
    options = {"optimizer": nn.SGD(1.0), "epochs": 1, "batch_size": M, "shuffle": False, "progress": False}
    history = model.fit(np.eye(M), expected["y"], class_weight=list(expected["class_weights"]), **options)
    assert_matches(expected["z"] - model.parameters["W1"], expected["dz"])
    assert history["loss"][0] == pytest.approx(expected["J"], rel=1e-12)


@pytest.mark.parametrize("what", ["poisson", "poisson_of_three"])
def test_the_poisson_cost_is_that_of_pytorch_plus_the_mean_of_y_log_y_minus_y(what):
    """This constant (0 for y = 0) makes the cost 0 where the prediction is y."""
    expected = of_pytorch(what)
    y = expected["y"]
    assert (y == 0).any()
    J, dz = cost_and_gradient(Exponential(), expected["z"], y)
    assert_matches(dz, expected["dz"])
    constant = np.sum(np.where(y > 0, y * np.log(np.maximum(y, 1)) - y, 0)) / len(y)
    assert_matches(J - constant, expected["J"])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_poisson_cost_is_half_the_deviance(dtype):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(9, 2)).astype(dtype), rng.poisson(1.5, (9, 2)).astype(dtype)
    output, cache = Exponential(), training_cache()
    y_hat = output.forward(z, cache)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviance = 2 * np.sum(np.where(y > 0, y * np.log(y / y_hat), 0) - (y - y_hat), axis=1)
    np.testing.assert_allclose(output.losses(y, cache), deviance / 2, rtol=1e-4 if dtype == "float32" else 1e-12)
    np.testing.assert_array_equal(output.start_backward(y, cache), y_hat - y)
    truth = output.forward(np.log(np.maximum(y, 1e-30)), cache)
    np.testing.assert_allclose(output.losses(y, cache), 0, atol=1e-5 if dtype == "float32" else 1e-14)
    np.testing.assert_allclose(truth, y, rtol=1e-5, atol=1e-29)


# ---- label smoothing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "output"),
    [
        ("smooth", nn.Softmax(label_smoothing=0.1)),
        ("smooth_soft", nn.Softmax(label_smoothing=0.3)),
        ("smooth_labels", nn.Sigmoid(label_smoothing=0.2)),
    ],
)
def test_label_smoothing_is_that_of_pytorch(what, output):
    expected = of_pytorch(what)
    J, dz = cost_and_gradient(output, expected["z"], expected["y"])
    assert_matches(J, expected["J"])
    assert_matches(dz, expected["dz"])
    J, _ = cost_and_gradient(type(output)(), expected["z"], expected["y"])
    assert abs(J - expected["J"]) > 1e-3


def test_label_smoothing_changes_the_loss_and_not_the_accuracy():
    z, y = np.random.default_rng(0).normal(size=(50, 4)), np.arange(50) % 4
    for plain, smoothed, Y in (
        (nn.Softmax(), nn.Softmax(0.9), y),
        (nn.Sigmoid(), nn.Sigmoid(0.9), np.eye(4)[y]),
    ):
        results = [logits_as_network(output, 4).evaluate(z, Y) for output in (plain, smoothed)]
        assert results[0]["accuracy"] == results[1]["accuracy"]
        assert results[0]["loss"] != results[1]["loss"]


def test_label_smoothing_does_not_change_the_users_targets():
    Y = np.eye(3, dtype=np.float32)
    model = nn.Model([nn.Dense(3), nn.Softmax(label_smoothing=0.3)], n_features=2)
    model.forward(np.ones((3, 2)))
    model.backward(Y)
    model.cost(Y)
    np.testing.assert_array_equal(Y, np.eye(3))


# ---- logits of any size ---------------------------------------------------------------------------------------


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


@for_each("output", [nn.Softmax, nn.Sigmoid])
@for_each("depth", [0, 1, 3])
@for_each("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softmax])
@for_each("dtype", DTYPES)
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
def test_the_cost_of_huge_logits_is_the_same_in_float32_and_float64(output):
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


@for_each("dtype", DTYPES)
@for_each("output", [nn.Softmax, nn.Sigmoid, nn.Identity])
def test_a_network_learns_from_weights_of_ten_thousand(output, dtype):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((40, 5)), np.eye(4)[rng.integers(0, 4, 40)]
    model = nn.Model([nn.Dense(4), output()], n_features=5, dtype=dtype)
    model.theta[...] = rng.choice([-1e4, 1e4], model.theta.size)
    loss = model.fit(X, Y, optimizer=nn.SGD(0.1), epochs=5)["loss"]
    assert np.isfinite(loss).all()
    assert loss[-1] < loss[0]


@pytest.mark.parametrize("shape", [(1, 10), (11, 10), (100, 64), (3, 200)])
def test_softmax_of_large_logits_is_the_softmax_of_each_row(shape):
    z = np.random.default_rng(0).normal(0, 50, shape).astype(np.float32)
    a = nn.Softmax().forward(z, nn.Cache())
    for row, expected in zip(a, z.astype(np.float64), strict=True):
        e = np.exp(expected - expected.max())
        np.testing.assert_allclose(row, e / e.sum(), rtol=1e-5, atol=1e-30)


# ---- predictions ----------------------------------------------------------------------------------------------


def test_outputs_predict_classes_labels_or_values():
    z = np.array([[-1.0, 2.0, 0.5], [3.0, 3.0, -2.0]])
    np.testing.assert_array_equal(logits_as_network(nn.Softmax(), 3).predict(z), [1, 0])
    np.testing.assert_array_equal(logits_as_network(nn.Sigmoid(), 3).predict(z), [[0, 1, 1], [1, 1, 0]])
    np.testing.assert_array_equal(logits_as_network(nn.Identity(), 3).predict(z), z)
    np.testing.assert_allclose(logits_as_network(nn.Exponential(), 3).predict(z), np.exp(z), rtol=1e-14)
    np.testing.assert_array_equal(logits_as_network(nn.Sigmoid(), 1).predict([[-1.0], [0.0], [1.0]]), [0, 0, 1])
    np.testing.assert_array_equal(logits_as_network(nn.Identity(), 1).predict([[-1.0], [0.5]]), [-1, 0.5])
    np.testing.assert_array_equal(logits_as_network(nn.Exponential(), 1).predict([[0.0], [0.0]]), [1, 1])


@pytest.mark.parametrize("output", [nn.Softmax, nn.Sigmoid, nn.Identity])
def test_a_result_does_not_change_with_the_next_batch(output):
    rng = np.random.default_rng(0)
    z, Y = rng.normal(size=(5, 3)), np.eye(3)[[0, 1, 2, 2, 1]]
    model = logits_as_network(output(), 3)
    results = [model.forward(z), model.predict(z)]
    if output.classifies:
        results.append(model.predict_proba(z))
    before = [result.copy() for result in results]
    model.backward(Y)
    model.fit(-z, Y, epochs=2)
    model.predict(-z)
    for result, was in zip(results, before, strict=True):
        np.testing.assert_array_equal(result, was)


def test_a_single_sigmoid_unit_gives_the_probabilities_of_two_classes():
    p = logits_as_network(nn.Sigmoid(), 1).predict_proba([[0.0], [2.0]])
    np.testing.assert_allclose(p, [[0.5, 0.5], [1 - nn.sigmoid(2), nn.sigmoid(2)]], rtol=1e-14)


def test_accuracy_is_the_share_of_correct_answers():
    z = np.array([[-1.0, 2.0, 0.5], [3.0, 1.0, -2.0], [0.0, 0.0, 1.0], [9.0, 0.0, 0.0]])
    assert logits_as_network(nn.Softmax(), 3).evaluate(z, [1, 0, 0, 2])["accuracy"] == 0.5
    Y = np.array([[0, 1, 1], [1, 1, 1], [1, 0, 1], [1, 0, 0]])  # two of the 12 labels are predicted wrong
    assert logits_as_network(nn.Sigmoid(), 3).evaluate(z, Y)["accuracy"] == pytest.approx(10 / 12)
    assert "accuracy" not in logits_as_network(nn.Identity(), 3).evaluate(z, z)


@pytest.mark.parametrize(
    ("output", "units", "n_classes"),
    [(nn.Softmax, 3, 3), (nn.Sigmoid, 1, 2), (nn.Sigmoid, 3, None), (nn.Identity, 3, None), (Exponential, 1, None)],
)
def test_the_number_of_classes_that_an_output_chooses_from(output, units, n_classes):
    assert output().n_classes(units) == n_classes


@pytest.mark.parametrize("output", [nn.Identity, Exponential])
def test_a_regression_has_no_probabilities(output):
    model = nn.Model([nn.Dense(1), output()], n_features=2)
    refuse(lambda: model.predict_proba([[1.0, 2.0]]), "predict_proba: ", output.__name__, "not probabilities")


# ---- targets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "y", "rows"),
    [
        (nn.Softmax, [2, 0], [[0, 0, 1], [1, 0, 0]]),
        (nn.Softmax, [[0, 1, 0], [0.2, 0.3, 0.5]], [[0, 1, 0], [0.2, 0.3, 0.5]]),
        (nn.Sigmoid, [[0, 1, 1], [1, 0.5, 0]], [[0, 1, 1], [1, 0.5, 0]]),
        (nn.Identity, [[0, -1, 1], [9, 0.5, 0]], [[0, -1, 1], [9, 0.5, 0]]),
        (Exponential, [[0, 1, 1], [9, 0.5, 0]], [[0, 1, 1], [9, 0.5, 0]]),
    ],
)
def test_targets_become_rows_of_the_networks_dtype(output, y, rows):
    layer = output()
    Y = layer.target_rows(layer.check_targets(y, 3), 3, np.float32)
    assert Y.dtype == np.float32
    np.testing.assert_array_equal(Y, np.array(rows, np.float32))


@pytest.mark.parametrize("output", [nn.Sigmoid, nn.Identity, Exponential])
def test_one_unit_takes_targets_of_shape_m_or_m_1(output):
    for y in ([0, 1, 1], [[0], [1], [1]]):
        np.testing.assert_array_equal(output().check_targets(y, 1), [[0], [1], [1]])


@for_each(
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
        (nn.Softmax, 3, np.full((2, 3, 1), 1 / 3)),
        (nn.Softmax, 3, ["a", "b"]),
        (nn.Softmax, 3, None),
        (nn.Sigmoid, 1, [0, 2]),
        (nn.Sigmoid, 1, [0, -1]),
        (nn.Sigmoid, 1, [0, np.nan]),
        (nn.Sigmoid, 3, [0, 1]),
        (nn.Sigmoid, 3, [[0, 1], [1, 0]]),
        (nn.Sigmoid, 3, np.ones((2, 3, 1))),
        (nn.Identity, 1, [[0, 1], [1, 0]]),
        (nn.Identity, 3, [0, 1]),
        (nn.Identity, 3, np.ones((2, 3, 1))),
        (nn.Identity, 1, [0, np.inf]),
        (nn.Identity, 1, ["0", "1"]),
        (Exponential, 1, [-1, 2]),
        (Exponential, 1, [0.5, -1e-9]),
        (Exponential, 1, [np.nan, 1]),
        (Exponential, 1, [np.inf, 1]),
        (Exponential, 1, ["a", "b"]),
        (Exponential, 1, [[1, 2], [1, 2]]),
    ],
)
def test_targets_that_the_output_cannot_learn_are_refused_by_their_name(output, units, y):
    model = nn.Model([nn.Dense(units), output()], n_features=2)
    X = np.ones((2, 2))
    model.forward(X)
    before = model.theta.copy()
    refuse(lambda: model.cost(y), "Y: ")
    refuse(lambda: model.backward(y), "Y: ")
    refuse(lambda: model.fit(X, y), "y: ")
    refuse(lambda: model.evaluate(X, y), "y: ")
    np.testing.assert_array_equal(model.theta, before)


@pytest.mark.parametrize(
    ("y", "hint"),
    [([[0], [1]], "; y.ravel() makes it one-dimensional"), ([[0, 1], [1, 0], [0, 0]], "; y.T has such rows")],
)
def test_softmax_says_how_to_reshape_targets(y, hint):
    refuse(lambda: nn.Softmax().check_targets(y, 3), "y: expected class indices of shape (M,) or rows", hint)


# ---- arguments ------------------------------------------------------------------------------------------------


def test_softmax_over_a_single_unit_is_refused():
    call = lambda: nn.Model([nn.Dense(1), nn.Softmax()], n_features=2)  # noqa: E731
    refuse(call, "layers: Softmax over 1 unit is always 1")


@for_each("value", [*NOT_NUMBERS, -0.1, 1, 1.5])
@for_each("output", [nn.Softmax, nn.Sigmoid])
def test_label_smoothing_is_at_least_0_and_below_1(output, value):
    refuse(lambda: output(label_smoothing=value), "label_smoothing: expected ", f"got {value!r}")


@for_each("output", [nn.Softmax, nn.Sigmoid])
@for_each("units", [2, 10, np.int64(10)])
def test_a_number_of_units_for_an_output_is_answered_with_the_dense_layer_in_front(output, units):
    hint = f"a number of units is given to the Dense layer before it: Dense({units}), {output.__name__}()"
    refuse(lambda: output(units), "label_smoothing: expected a finite number of at least 0 and below 1", hint)


@for_each("value", [True, -1, 1.5, 1, 10.0, "10"])
@for_each("output", [nn.Softmax, nn.Sigmoid])
def test_a_smoothing_that_cannot_be_a_number_of_units_gets_no_hint_about_dense(output, value):
    with pytest.raises(nn.ArgumentError, match=r"^label_smoothing: expected ") as caught:
        output(label_smoothing=value)
    assert "Dense" not in str(caught.value)


def test_an_output_without_equations_says_which_is_missing():
    output = nn.Output()
    for call, name in (
        (lambda: output.losses(np.ones((1, 2)), nn.Cache()), "losses"),
        (lambda: output.check_targets([0], 2), "check_targets"),
        (lambda: output.n_correct(np.ones(1), np.ones((1, 2))), "n_correct"),
    ):
        refuse(call, f"Output has no {name}", error=NotImplementedError)


@pytest.mark.parametrize("text", ["Softmax()", "Softmax(label_smoothing=0.1)", "Sigmoid(label_smoothing=0.1)"])
def test_repr_is_the_call_that_makes_the_output(text):
    assert repr(eval(text, {"Softmax": nn.Softmax, "Sigmoid": nn.Sigmoid})) == text


# ---- mistakes of a user's output ------------------------------------------------------------------------------------


class Mistaken(nn.Identity):
    """Half the squared error, with a mistake in one of its methods."""

    def __init__(self, method, make):
        self.method, self.make = method, make

    def losses(self, Y, cache):
        return self.make(Y, cache) if self.method == "losses" else super().losses(Y, cache)

    def start_backward(self, Y, cache):
        return self.make(Y, cache) if self.method == "start_backward" else super().start_backward(Y, cache)

    def __repr__(self):
        return "Mistaken()"


def overwritten(Y, cache):
    Y -= cache.a
    return Y


MISTAKES = {
    "losses of each unit": ("losses", lambda Y, cache: (cache.a - Y) ** 2, "got shape (4, 2)"),
    "no losses": ("losses", lambda Y, cache: None, "got NoneType"),
    "losses that write into Y": ("losses", overwritten, "writes into a read-only array: Y and"),
    "one dz for all units": (
        "start_backward",
        lambda Y, cache: (cache.a - Y).sum(axis=1, keepdims=True),
        "got shape (4, 1)",
    ),
    "dz in float64": ("start_backward", lambda Y, cache: (cache.a - Y) * np.float64(1), "dtype float64"),
    "no dz": ("start_backward", lambda Y, cache: None, "got NoneType"),
}


@for_each("what", MISTAKES)
def test_an_output_that_breaks_the_rules_is_named(what):
    method, make, fragment = MISTAKES[what]
    X, Y = np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)
    model = nn.Model([nn.Dense(2), Mistaken(method, make)], n_features=3, seed=0)
    refuse(lambda: model.fit(X, Y, epochs=1, shuffle=False), f"layers[1] Mistaken().{method} ", fragment)
    np.testing.assert_array_equal(Y, 1)


def test_an_output_needs_no_more_than_its_equations():
    class Cubic(nn.Output):
        """``L = 1/4 sum_j (y_hat_j - y_j)^4``."""

        def forward(self, a_prev, cache):
            cache.a = a_prev
            return a_prev

        def check_targets(self, y, units, name="y"):
            return np.asarray(y, float).reshape(-1, units)

        def losses(self, Y, cache):
            return ((cache.a - Y) ** 4).sum(axis=-1) / 4

        def start_backward(self, Y, cache):
            return (cache.a - Y) ** 3

    model = nn.Model([nn.Dense(1), Cubic()], seed=0)
    X, y = np.linspace(-1, 1, 20)[:, None], np.linspace(-1, 1, 20)
    history = model.fit(X, y, epochs=20, optimizer=nn.SGD(0.3))
    assert history["loss"][-1] < history["loss"][0]
    assert model.predict(X).shape == (20,)
    assert "accuracy" not in history
