"""Facts about the gradient check: right layers pass, and the model stays as it was."""

import inspect

import numpy as np
import pytest

import nnlite as nn

from ...support import away_from_zero, everything, network, refuse
from ..networks import ALL_HIDDEN, HIDDEN, OUTPUTS, RNG, M, X, deep, y
from .faulty import Affine, ChangesWBackward, ForgetsdW, ReturnsNone, check_of


@pytest.mark.parametrize("layer", [*HIDDEN, Affine()], ids=repr)
def test_every_layer_of_the_library_and_a_users_right_layer_pass(layer):
    check = check_of(layer, dtype="float32")
    assert check.ok, str(check)
    assert all(comparison.relative_error < 1e-7 for comparison in check.parameters.values())
    assert not check.culprits
    assert check.conclusion()[0].startswith("All gradients are right.")


def test_every_layer_of_the_library_was_among_them():
    public = [getattr(nn.layers, name) for name in nn.layers.__all__]
    layers = {c for c in public if inspect.isclass(c) and issubclass(c, nn.Layer) and c.forward is not nn.Layer.forward}
    assert layers <= ALL_HIDDEN


@pytest.mark.parametrize(("output", "targets"), OUTPUTS, ids=lambda value: repr(value)[:25])
@pytest.mark.parametrize("sample_weight", [None, RNG.random(M)], ids=["even", "weighted"])
def test_every_output_passes_with_and_without_weights(output, targets, sample_weight):
    assert nn.gradient_check(deep(output=output), X, targets, sample_weight=sample_weight).ok


def test_images_and_a_network_that_is_not_built_yet():
    model = nn.Model([nn.Flatten(), nn.Dense(4), nn.Softmax()], seed=0)
    check = nn.gradient_check(model, X.reshape(M, 3, 1), y)
    assert check.ok
    assert not model.built


def test_the_gradients_are_those_of_float64_whatever_the_network_computes_in():
    one, other = (check_of(dtype=dtype) for dtype in ("float32", "float64"))
    assert max(comparison.relative_error for comparison in one.parameters.values()) < 1e-8
    assert list(one.parameters) == list(other.parameters) == ["W1", "b1", "W2", "b2"]


def test_the_analytic_gradient_is_that_of_the_model():
    model = deep(nn.Tanh())
    check = nn.gradient_check(model, X, y, max_entries=10_000)
    model.forward(X)
    model.backward(y)
    for name, comparison in check.parameters.items():
        assert comparison.analytic == model.gradients[f"d{name}"][comparison.worst]
        assert comparison.n_compared == comparison.n_entries == model.parameters[name].size


class Following(nn.Layer):
    """a = a_prev (1 + m), where m is a running average of the batches before."""

    def state_shapes(self, input_shape):
        return {"mean": input_shape}

    def forward(self, a_prev, cache):
        a = a_prev * (1 + self.mean)
        cache.slope = 1 + self.mean
        self.mean = 0.5 * self.mean + a_prev.mean(axis=0)
        return a

    def backward(self, da, cache):
        return da * cache.slope


def test_a_step_over_a_kink_is_no_error():
    """Three units lie nearer to ReLU's kink than the step of the quotients, and one lies exactly on it."""
    model = away_from_zero(network(nn.Dense(4), nn.ReLU(), units=4, n_features=3, dtype="float64"), seed=1)
    z = X @ model.parameters["W1"]
    model.parameters["b1"][...] = -z[0] + [0, 2e-6, -3e-6, 1e-9]
    check = nn.gradient_check(model, X, y)
    assert check.ok, str(check)
    assert sum(comparison.n_kinks for comparison in check.parameters.values()) > 0
    assert "entries on a kink were left out" in check.conclusion()[0]


def test_a_wrong_layer_with_kinks_is_still_an_error():
    class WrongReLU(nn.ReLU):
        def forward(self, a_prev, cache):
            cache.above = a_prev > -0.5
            return np.maximum(a_prev, 0)

        def backward(self, da, cache):
            return da * cache.above

    check = check_of(WrongReLU())
    assert "WrongReLU" in check.culprits[0].name


def test_a_layer_whose_state_counts_is_evaluated_from_the_same_state_each_time():
    check = check_of(Following())
    assert check.ok, str(check)


def test_gradients_that_are_zero_are_right():
    """The bias in front of a normalization has no effect; its quotients are rounding errors."""
    check = check_of(nn.Dense(4), nn.BatchNorm())
    assert check.ok
    assert abs(check.parameters["b2"].numerical) < 1e-9


def test_parameters_of_frozen_layers_are_not_checked():
    check = check_of(nn.Dense(4, trainable=False), nn.BatchNorm())
    assert check.ok
    assert {"W1", "W3"} <= set(check.parameters)
    assert "W2" not in check.parameters


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.Dense(5), nn.Tanh(), nn.Dense(5), nn.ReLU()],
        lambda: [nn.Dense(5), nn.LeakyReLU(), nn.Dense(5), nn.LeakyReLU()],
        lambda: [nn.Residual([nn.Dense(4), nn.ReLU()])],
    ],
)
def test_an_example_of_zeros_is_no_reason_to_accuse_a_layer(layers):
    X, y = np.random.default_rng(0).standard_normal((8, 4)), np.arange(8) % 3
    X[0] = 0
    accused = sum(not nn.gradient_check(network(*layers(), seed=seed), X, y).ok for seed in range(5))
    assert accused <= 1  # if both slopes of many kinks nearly coincide, there is next to nothing to compare


def test_large_gradients_are_not_taken_for_gradients_that_are_added():
    X, y = np.random.default_rng(0).standard_normal((8, 3)), np.arange(8) % 3
    X[:, 0] = 1.7e9
    assert "adds to" not in str(nn.gradient_check(network(n_features=3), X, y))


# ---- the sample of entries ------------------------------------------------------------------------------------


def test_entries_of_large_arrays_are_drawn_and_the_table_says_so():
    model = network(nn.Dense(40), units=4, n_features=3)
    check = nn.gradient_check(model, X, y, max_entries=10)
    assert check.ok
    assert check.parameters["W1"].n_compared == 10
    assert check.parameters["W1"].n_entries == 120
    assert "of larger arrays, 10 entries were drawn" in str(check)
    assert "were drawn" not in str(check_of())


def test_another_seed_draws_other_entries():
    model = network(nn.Dense(40), units=4, n_features=3)
    one, again, other = (nn.gradient_check(model, X, y, max_entries=5, seed=seed) for seed in (0, 0, 1))
    assert str(one) == str(again) != str(other)


# ---- the model does not change --------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [Affine, ForgetsdW, ChangesWBackward, ReturnsNone])
def test_the_model_does_not_change(layer):
    model = deep(nn.BatchNorm(), nn.Dropout(0.5), layer(), nn.Dense(4), dtype="float32")
    model.layers[0].trainable = layer is not ReturnsNone
    undisturbed = model.copy()
    data = X.astype(np.float32)
    for one in (model, undisturbed):
        one.forward(X)
    nn.gradient_check(model, data, y)
    assert np.array_equal(data, X.astype(np.float32))
    assert everything(model) == everything(undisturbed)
    if layer is not ReturnsNone:
        for one in (model, undisturbed):  # the step that was begun continues
            one.backward(y)
        assert everything(model) == everything(undisturbed)


# ---- wrong use ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": None}, "X: a gradient check sends examples through the network; pass some, such as X[:32]"),
        ({"y": None}, "y: a gradient check starts the backward pass from the labels"),
        (
            {"X": np.ones((2000, 3)), "y": np.zeros(2000, int)},
            "X: a gradient check takes at most 1,024 examples, got 2,000; pass X[:32]",
        ),
        ({"X": np.ones((6, 4))}, "X: expected 3 features"),
        ({"y": y[:3]}, "y: expected 6 labels"),
        ({"y": y + 1}, "y: label 4 is out of range"),
        ({"tolerance": 0}, "tolerance"),
        ({"max_entries": 0}, "max_entries"),
        ({"seed": -1}, "seed"),
        ({"sample_weight": [1, 2]}, "sample_weight"),
        ({"model": "model"}, "model: expected a Model, got 'model'"),
    ],
)
def test_wrong_arguments_say_what_would_be_right(arguments, message):
    refuse(lambda: nn.gradient_check(**{"model": deep(), "X": X, "y": y} | arguments), message)
