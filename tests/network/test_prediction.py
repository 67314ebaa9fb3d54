"""Facts about predictions: one example or many, any dtype, and whose arrays they are."""

import copy

import numpy as np
import pytest

import nnlite as nn

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


def network(hidden, output, dtype):
    model = nn.Model(
        [nn.Flatten(), *copy.deepcopy(hidden), nn.Dense(3), output()], n_features=(2, 5), seed=0, dtype=dtype
    )
    for name, value in model.parameters.items():
        if name.startswith(("b", "gamma")):
            value[...] = np.random.default_rng(1).normal(size=value.shape)
    return model


def sizes_of_terms(model, X):
    """``|a[L-1]| |W[L]| + |b[L]|``: what z[L] would be if nothing cancelled."""
    last = model.layers[-2]
    step = model.new_pass(training=False)
    step.forward(X)
    return np.abs(step.caches[-2].a_prev) @ np.abs(last.W) + np.abs(last.b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda layers: layers[-1].__class__.__name__)
def test_a_few_examples_are_predicted_as_many_are(hidden, output, dtype):
    model = network(hidden, output, dtype)
    X = np.random.default_rng(2).normal(size=(MANY, 2, 5)).astype(dtype)
    many = model.predict(X) if output is not nn.Softmax else model.predict_proba(X)
    for n in (1, 2, MANY - 1):
        few = model.predict(X[:n]) if output is not nn.Softmax else model.predict_proba(X[:n])
        assert few.dtype == many.dtype
        assert few.shape == many[:n].shape
        if output is nn.Identity:  # terms that cancel leave a sum with their rounding, which differs between kernels
            assert np.all(np.abs(few - many[:n]) <= 16 * np.finfo(dtype).eps * sizes_of_terms(model, X[:n]))
        else:
            np.testing.assert_allclose(few, many[:n], rtol=1e-5 if dtype == "float32" else 1e-13)


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
        with pytest.raises(nn.ArgumentError, match=r"X\[0, 1\]"):
            model.predict(np.array([[0, wrong, 0]], np.float32))


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
