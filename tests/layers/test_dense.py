"""Facts about the fully connected layer."""

import numpy as np
import pytest

import nnlite as nn

from ..derivatives import derivatives, relative_error
from ..support import for_each, refuse, training_cache


def dense_of_a_network(units, n_in, rng):
    """A Dense layer with drawn W and b; its gradients are NaN until backward sets them."""
    dense = nn.Dense(units)
    model = nn.Model([dense, nn.Identity()], n_features=n_in, dtype="float64")
    model.theta[...] = rng.normal(size=model.theta.size)
    model.grad[...] = np.nan
    return dense


def test_forward_is_a_prev_times_w_plus_b():
    rng = np.random.default_rng(0)
    dense, a_prev = dense_of_a_network(3, 4, rng), rng.normal(size=(5, 4))
    z = dense.forward(a_prev, nn.Cache())
    for i in range(5):
        for j in range(3):
            assert z[i, j] == pytest.approx(sum(a_prev[i, k] * dense.W[k, j] for k in range(4)) + dense.b[j])


@pytest.mark.parametrize(("M", "n_in", "units"), [(6, 4, 5), (1, 4, 5), (6, 1, 1)])
def test_backward_is_the_derivative_by_its_input_and_its_parameters(M, n_in, units):
    rng = np.random.default_rng(0)
    dense = dense_of_a_network(units, n_in, rng)
    X, dz = rng.normal(size=(M, n_in)), rng.normal(size=(M, units))
    cache = training_cache()

    def J():
        return np.sum(dz * dense.forward(X, cache))

    expected = {name: derivatives(J, theta) for name, theta in (("X", X), ("W", dense.W), ("b", dense.b))}
    J()
    dX = dense.backward(dz.copy(), cache)
    for name, g in (("X", dX), ("W", dense.dW), ("b", dense.db)):
        assert relative_error(g, expected[name]) < 1e-7, name


def test_without_input_gradient_backward_computes_only_dw_and_db():
    rng = np.random.default_rng(0)
    dense = dense_of_a_network(3, 4, rng)
    X, dz = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    cache = training_cache(input_gradient=False)
    dense.forward(X, cache)
    assert dense.backward(dz.copy(), cache) is None
    np.testing.assert_allclose(dense.dW, X.T @ dz, rtol=1e-13)
    np.testing.assert_allclose(dense.db, dz.sum(0), rtol=1e-13)


def test_backward_needs_a_forward_pass_before_it():
    dense = dense_of_a_network(2, 2, np.random.default_rng(0))
    with pytest.raises(AttributeError, match="forward must set it, with this cache, before"):
        dense.backward(np.ones((1, 2)), nn.Cache())


def test_a_dense_layer_gives_its_units_and_has_w_and_b():
    dense = nn.Dense(3)
    assert dense.output_shape((4,)) == (3,)
    assert dense.parameter_shapes((4,)) == {"W": (4, 3), "b": (3,)}


def test_the_initializer_draws_w_and_b_starts_at_0():
    class Counting(nn.Initializer):
        def __call__(self, shape, rng):
            return np.arange(np.prod(shape)).reshape(shape)

    dense = nn.Dense(3, Counting())
    nn.Model([dense, nn.Identity()], n_features=2)
    np.testing.assert_array_equal(dense.W, [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(dense.b, 0)


@pytest.mark.parametrize("W", [np.ones((3, 2)), np.ones(6), 1.0, np.full((2, 3), np.nan), np.full((2, 3), np.inf)])
def test_an_initializer_must_give_finite_numbers_of_the_shape_of_w(W):
    class Wrong(nn.Initializer):
        def __call__(self, shape, rng):
            return W

    call = lambda: nn.Model([nn.Dense(3, Wrong()), nn.Identity()], n_features=2)  # noqa: E731
    refuse(call, "initializer: Wrong() must give finite numbers of shape (2, 3), got")


def test_dense_on_images_says_how_to_flatten_them():
    model = nn.Model([nn.Dense(2), nn.Softmax()])
    refuse(lambda: model.forward(np.zeros((3, 4, 5))), "X: Dense(2)", "examples of shape (4, 5)", "flatten them with")


@for_each("units", [0, -1, 2.0, "3", None, True, [3]])
def test_units_are_an_integer_of_at_least_1(units):
    refuse(lambda: nn.Dense(units), "units: expected", repr(units))


@pytest.mark.parametrize("initializer", ["he", 0.1, nn.HeNormal, np.zeros])
def test_an_initializer_is_an_initializer(initializer):
    refuse(lambda: nn.Dense(3, initializer), "initializer: expected an Initializer such as nn.HeNormal(), got")


@pytest.mark.parametrize("trainable", ["no", 1, None])
def test_trainable_is_true_or_false(trainable):
    refuse(lambda: nn.Dense(3, trainable=trainable), "trainable: expected True or False")


@pytest.mark.parametrize("text", ["Dense(3)", "Dense(3, initializer=Zeros())", "Dense(3, trainable=False)"])
def test_repr_is_the_call_that_makes_the_layer(text):
    assert repr(eval(text, {"Dense": nn.Dense, "Zeros": nn.Zeros})) == text
