"""Facts about predictions: classes, labels, values and probabilities, of one example or many."""

import copy

import numpy as np
import pytest

import nnlite as nn
from nnlite.network import network

from ..support import ENGINES_SLOWLY, for_each, refuse
from .common import KINDS, RNG, X, of_kind

MANY = 17
HIDDEN = [
    [nn.Dense(7), nn.ReLU()],
    [nn.Dense(7), nn.Tanh(), nn.Dropout(0.5)],
    [nn.AlphaDropout(0.5), nn.GaussianNoise(1.0), nn.Dense(7), nn.Sigmoid()],
    [nn.ReLU(), nn.Dense(7), nn.Softmax()],
    [nn.Dense(7), nn.Identity(), nn.Dense(6), nn.Exponential()],
    [nn.Reshape((5, -1)), nn.Flatten(), nn.LeakyReLU(0.1), nn.Dense(7), nn.LeakyReLU()],
    [nn.Dense(7), nn.BatchNorm(), nn.ELU()],
    [nn.Residual([nn.Dense(10), nn.GELU()]), nn.LayerNorm()],
]
OUTPUTS = [nn.Softmax, nn.Sigmoid, nn.Identity, nn.Exponential]


# ---- what is predicted ----------------------------------------------------------------------------------------


def test_the_probabilities_of_classes_sum_to_1():
    for kind, C in (("softmax", 3), ("sigmoid", 2)):
        probabilities = of_kind(kind).predict_proba(X * 10)
        assert probabilities.shape == (24, C)
        assert probabilities.dtype == np.float32
        assert np.all((probabilities >= 0) & (probabilities <= 1))
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_a_single_sigmoid_unit_gives_the_probability_of_either_class():
    model = of_kind("sigmoid")
    Y_hat = model.forward(X)
    np.testing.assert_allclose(model.predict_proba(X), np.hstack([1 - Y_hat, Y_hat]), rtol=1e-6)


def test_the_probabilities_of_several_labels_are_the_outputs():
    model = of_kind("labels")
    np.testing.assert_allclose(model.predict_proba(X), model.forward(X), rtol=1e-6)


def test_softmax_predicts_the_most_probable_class():
    model = of_kind("softmax")
    classes = model.predict(X)
    assert classes.shape == (24,)
    assert classes.dtype.kind == "i"
    np.testing.assert_array_equal(classes, model.predict_proba(X).argmax(axis=1))
    assert len(set(classes)) > 1


def test_a_single_sigmoid_unit_predicts_class_1_where_its_probability_is_above_one_half():
    model = of_kind("sigmoid")
    model.parameters["W3"][...] *= 100
    classes = model.predict(X)
    assert classes.shape == (24,)
    assert classes.dtype.kind == "i"
    np.testing.assert_array_equal(classes, model.predict_proba(X)[:, 1] > 0.5)
    assert set(classes) == {0, 1}


def test_several_sigmoid_units_predict_each_label():
    model = of_kind("labels")
    labels = model.predict(X)
    assert labels.shape == (24, 2)
    np.testing.assert_array_equal(labels, model.predict_proba(X) > 0.5)


@pytest.mark.parametrize(("kind", "shape"), [("identity", (24,)), ("values", (24, 2)), ("counts", (24, 2))])
def test_a_regression_predicts_its_outputs(kind, shape):
    model = of_kind(kind)
    assert model.predict(X).shape == shape
    np.testing.assert_allclose(model.predict(X), model.forward(X).reshape(shape), rtol=1e-6)


@for_each("kind", KINDS)
def test_predict_rows_are_the_outputs_of_the_last_layer(kind):
    model = of_kind(kind)
    rows = model.predict_rows(X)
    assert rows.shape == (24, KINDS[kind][0])
    np.testing.assert_allclose(rows, model.forward(X), rtol=1e-6)


# ---- one example or many --------------------------------------------------------------------------------------


def deep_network(hidden, output, dtype):
    """A network for images of shape (2, 5) whose biases and gamma are drawn."""
    model = nn.Model(
        [nn.Flatten(), *copy.deepcopy(hidden), nn.Dense(3), output()], n_features=(2, 5), seed=0, dtype=dtype
    )
    for name, value in model.parameters.items():
        if name.startswith(("b", "gamma")):
            value[...] = np.random.default_rng(1).normal(size=value.shape)
    return model


def sizes_of_terms(model, X):
    """``|a[L-1]| |W[L]| + |b[L]|``: z[L] if no terms canceled."""
    last = model.layers[-2]
    step = model.new_pass(training=False)
    step.forward(X)
    return np.abs(step.caches[-2].a_prev) @ np.abs(last.W) + np.abs(last.b)


@for_each("dtype", ["float32", "float64"])
@for_each("output", OUTPUTS)
@for_each("hidden", HIDDEN, ids=lambda layers: layers[-1].__class__.__name__)
def test_a_few_examples_are_predicted_as_many_are(hidden, output, dtype):
    model = deep_network(hidden, output, dtype)
    X = np.random.default_rng(2).normal(size=(MANY, 2, 5)).astype(dtype)
    many = model.predict(X) if output is not nn.Softmax else model.predict_proba(X)
    for n in (1, 2, MANY - 1):
        few = model.predict(X[:n]) if output is not nn.Softmax else model.predict_proba(X[:n])
        assert few.dtype == many.dtype
        assert few.shape == many[:n].shape
        if output is nn.Identity:  # where terms cancel, their rounding remains, which differs between kernels
            assert np.all(np.abs(few - many[:n]) <= 16 * np.finfo(dtype).eps * sizes_of_terms(model, X[:n]))
        else:
            np.testing.assert_allclose(few, many[:n], rtol=1e-5 if dtype == "float32" else 1e-13)


def test_predictions_do_not_depend_on_the_number_of_examples():
    model = of_kind(dtype="float64")
    data = RNG.standard_normal((2500, 5))
    whole = model.predict_proba(data)
    in_parts = np.concatenate([model.predict_proba(data[start : start + 700]) for start in range(0, 2500, 700)])
    np.testing.assert_allclose(whole, in_parts, rtol=1e-12)
    np.testing.assert_allclose(whole, model.forward(data), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", ">f4"])
def test_a_prediction_is_a_new_array_and_x_does_not_change(dtype):
    X = np.full((3, 4), 2, dtype)
    before = X.copy()
    for layers in ([nn.Identity()], [nn.Dropout(0.5), nn.Exponential()], [nn.ReLU(), nn.Identity()]):
        model = nn.Model(layers, n_features=4)
        first, second = model.predict(X), model.predict(X)
        assert first.dtype == np.float32
        assert not np.shares_memory(first, X)
        assert not np.shares_memory(first, second)
        first[...] = -1
        np.testing.assert_array_equal(X, before)
        assert (second > 0).all()


@pytest.mark.parametrize("rows", [1, MANY])
@pytest.mark.parametrize(
    ("output", "expected"), [(nn.Softmax, [1, 0]), (nn.Sigmoid, [1, 0]), (nn.Exponential, [np.inf, 0])]
)
@pytest.mark.filterwarnings("error")
def test_large_numbers_are_predicted_without_a_warning(output, expected, rows):
    model = nn.Model([nn.Dense(2), output()], n_features=1, seed=0)
    model.theta[...] = [1, -1, 0, 0]
    for large in (1e4, 1e20):  # the square of the second is too large for a float32
        X = np.full((rows, 1), large, np.float32)
        Y_hat = model.predict(X) if output is nn.Exponential else model.predict_proba(X)
        np.testing.assert_array_equal(Y_hat, [expected] * rows)


def test_a_single_example_must_be_finite():
    model = nn.Model([nn.Dense(2), nn.Softmax()], n_features=3, seed=0)
    for wrong in (np.nan, np.inf, -np.inf):
        refuse(lambda: model.predict(np.array([[0, wrong, 0]], np.float32)), "X", "X[0, 1]")  # noqa: B023


# ---- the network at this moment -------------------------------------------------------------------------------


def test_a_layer_derived_from_relu_predicts_with_its_own_forward():
    class Shifted(nn.ReLU):
        def forward(self, a_prev, cache):
            return super().forward(a_prev, cache) + 1

    X = np.array([[-1.0, 2.0]], np.float32)
    model = nn.Model([Shifted(), nn.Identity()], n_features=2)
    assert model.predict(X).tolist() == [[1, 3]]


def test_a_prediction_uses_the_present_weights():
    model = nn.Model([nn.Dense(2), nn.Identity()], n_features=2, seed=0)
    X = np.ones((1, 2), np.float32)
    model.predict(X)
    model.theta[...] = 1
    assert model.predict(X).tolist() == [[3, 3]]
    other = model.copy()
    model.theta[...] = 0
    assert other.predict(X).tolist() == [[3, 3]]
    assert model.predict(X).tolist() == [[0, 0]]


# ---- one example ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
@pytest.mark.parametrize("kind", KINDS)
def test_a_single_example_is_predicted_like_a_batch_of_one(kind, engine, monkeypatch):
    monkeypatch.setenv("NNLITE_ENGINE", engine)
    model = of_kind(kind)
    calls = [model.predict, *([model.predict_proba] if model.output.classifies else [])]
    for call in calls:
        for form in (X[3], X[3].tolist(), X[3].astype(np.float32), tuple(X[3])):
            alone, in_batch = call(form), call(X[3:4])
            assert np.shape(alone) == in_batch.shape[1:]
            np.testing.assert_array_equal(alone, in_batch[0])


def test_a_single_image_is_one_example():
    model = nn.Model([nn.Flatten(), nn.Dense(3), nn.Softmax()], n_features=(4, 4), seed=0)
    images = np.random.default_rng(0).normal(size=(4, 4, 4))
    assert model.predict(images).shape == (4,)
    assert model.predict(images[2]) == model.predict(images)[2]


def test_a_single_example_of_another_size_is_refused():
    model = of_kind("softmax")
    for wrong in (X[0, :3], X[:, 0], 3.0):
        refuse(lambda: model.predict(wrong), "X: expected")  # noqa: B023
    one = nn.Model([nn.Dense(1), nn.Identity()], n_features=1, seed=0)
    assert np.shape(one.predict([2.0])) == ()
    refuse(lambda: one.predict([2.0, 3.0]), "X: expected", "examples of one feature are X.reshape(-1, 1)")


# ---- weights that are not finite ------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", ["W1", "b1", "gamma1", "W2", "b2", "W3"])
def test_weights_that_are_not_finite_predict_nothing(engine, wrong, which, monkeypatch):
    """Also if ReLU would hide them, and also if the network has predicted before."""
    monkeypatch.setenv("NNLITE_ENGINE", engine)
    layers = [nn.Dense(20), nn.BatchNorm(), nn.ReLU(), nn.Dense(20), nn.ReLU(), nn.Dense(3), nn.Softmax()]
    model = nn.Model(layers, n_features=10, seed=0)
    many = np.random.default_rng(0).normal(size=(700, 10)).astype(np.float32)
    y = np.arange(700) % 3
    calls = {
        "predict": [lambda: model.predict(many[:1]), lambda: model.predict(many[:5]), lambda: model.predict(many)],
        "predict_proba": [lambda: model.predict_proba(many[0]), lambda: model.predict_proba(many.tolist())],
        "evaluate": [lambda: model.evaluate(many, y)],
    }
    for name, several in calls.items():
        for call in several:
            call()
            before = model.parameters[which].copy()
            model.parameters[which].flat[-1] = wrong
            refuse(call, f"theta: {name} needs finite weights, but {which} of layers[")
            model.parameters[which][...] = before
            call()


def test_running_averages_that_are_not_finite_predict_nothing():
    model = nn.Model([nn.BatchNorm(), nn.Dense(3), nn.Softmax()], n_features=X.shape[1], seed=0)
    model.state[3] = np.nan
    refuse(lambda: model.predict(X), "theta: predict needs finite weights, but running_mean1 of layers[0] BatchNorm()")


def test_large_images_go_through_the_textbook_a_few_at_a_time(monkeypatch):
    monkeypatch.setenv("NNLITE_ENGINE", "textbook")
    layers = [nn.Conv2D(4, 3), nn.GlobalAveragePool2D(), nn.Softmax()]
    model = nn.Model(layers, n_features=(5, 4, 1), seed=0, dtype="float64")
    X = RNG.normal(size=(7, 5, 4, 1))
    expected, J = model.predict_proba(X), model.evaluate(X, [0, 1, 2, 3, 0, 1, 2])["loss"]
    passes = []
    new_pass = model.new_pass
    monkeypatch.setattr(network, "NUMBERS_OF_BLOCK", 3 * 3 * 2 * 4)
    monkeypatch.setattr(model, "new_pass", lambda **options: passes.append(options) or new_pass(**options))
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=0, atol=1e-15)
    assert len(passes) == 3
    assert model.evaluate(X, [0, 1, 2, 3, 0, 1, 2])["loss"] == pytest.approx(J, rel=1e-14)
