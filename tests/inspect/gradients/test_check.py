"""Facts about the gradient check: right layers pass, wrong ones are named with the reason, the model stays."""

import inspect

import numpy as np
import pytest

import nnlite as nn

from ...support import Square, away_from_zero, everything, network, refuse
from ..networks import HIDDEN, OUTPUTS, RNG, UNITS, M, X, deep, y


class Affine(nn.Layer):
    """z = a_prev W + b. The layers below get something of it wrong."""

    def parameter_shapes(self, input_shape):
        return {"W": (UNITS, UNITS), "b": (UNITS,)}

    def initialize(self, rng, initializer):
        self.W = rng.normal(0, 0.5, self.W.shape)
        self.b = rng.normal(0, 0.5, UNITS)

    def forward(self, a_prev, cache):
        cache.a_prev = a_prev
        return a_prev @ self.W + self.b

    def backward(self, da, cache):
        self.dW = cache.a_prev.T @ da
        self.db = da.sum(axis=0)
        return da @ self.W.T


class WrongdW(Affine):
    def backward(self, da, cache):
        da_prev = super().backward(da, cache)
        self.dW = cache.a_prev.T @ (da + 0.1)
        return da_prev


class Wrongdb(Affine):
    def backward(self, da, cache):
        da_prev = super().backward(da, cache)
        self.db = da.max(axis=0)
        return da_prev


class Wrongda(Affine):
    def backward(self, da, cache):
        super().backward(da, cache)
        return da @ np.abs(self.W).T


class DividesByM(Affine):
    def backward(self, da, cache):
        da_prev = super().backward(da, cache)
        self.dW = self.dW / len(da)
        return da_prev


class ForgetsdW(Affine):
    def backward(self, da, cache):
        self.db = da.sum(axis=0)
        return da @ self.W.T


class ForgetsPart(Affine):
    def backward(self, da, cache):
        self.dW[1:] = (cache.a_prev.T @ da)[1:]
        self.db = da.sum(axis=0)
        return da @ self.W.T


class Accumulates(Affine):
    def backward(self, da, cache):
        self.dW += cache.a_prev.T @ da
        self.db = da.sum(axis=0)
        return da @ self.W.T


class ChangesWForward(Affine):
    def forward(self, a_prev, cache):
        a = super().forward(a_prev, cache)
        self.W *= 1.01
        return a


class ChangesWBackward(Affine):
    def backward(self, da, cache):
        da_prev = super().backward(da, cache)
        self.W -= 0.1 * self.dW
        return da_prev


class ForgottenFactor(Square):
    def backward(self, da, cache):
        return da * cache.z


class WrongSign(Square):
    def backward(self, da, cache):
        return -2 * da * cache.z


class NoGradient(Square):
    def backward(self, da, cache):
        return 0 * da


class NotFinite(Square):
    def backward(self, da, cache):
        return da * np.nan


class WritesIntoItsInput(Square):
    def backward(self, da, cache):
        cache.z *= 2
        return da * cache.z


class WritesIntoDa(Affine):
    def backward(self, da, cache):
        da *= 2
        return super().backward(da, cache)


class ReturnsNone(Affine):
    def backward(self, da, cache):
        super().backward(da, cache)


class WrongShape(Square):
    def backward(self, da, cache):
        return (2 * da * cache.z).sum(axis=0)


class WrongDtype(Square):
    def backward(self, da, cache):
        return (2 * da * cache.z).astype(np.float32)


class DrawsElsewhere(Square):
    def __init__(self):
        self._draws = np.random.default_rng(0)

    def forward(self, a_prev, cache):
        return super().forward(a_prev + self._draws.normal(), cache)


class OneColumn(Square):
    def backward(self, da, cache):
        return super().backward(da, cache) * [1, 1, 1.001, 1]


WRONG = {
    WrongdW: "dW2 is off by",
    Wrongdb: "db2 is off by",
    Wrongda: "da_prev is off by",
    DividesByM: "dW2 is 0.1667 times the numerical one (1/M: the backward pass starts with the mean over the 6 ex",
    ForgetsdW: "backward does not set self.dW (dW2 in the network)",
    ForgetsPart: "backward sets only a part of self.dW (dW2 in the network)",
    Accumulates: "backward adds to self.dW (dW2 in the network) instead of setting it",
    ChangesWForward: "forward changes self.W, but only the optimizer may",
    ChangesWBackward: "backward changes self.W, but only the optimizer may",
    ForgottenFactor: "da_prev is 0.5 times the numerical one",
    WrongSign: "da_prev is -1 times the numerical one",
    NoGradient: "da_prev is 0 everywhere, but the numerical one is not",
    NotFinite: "da_prev is not finite",
    WritesIntoItsInput: "backward must not write into da or a_prev",
    WritesIntoDa: "backward must not write into da or a_prev",
    ReturnsNone: "backward must return an array of shape (6, 4) and dtype float64, got NoneType",
    WrongShape: "backward must return an array of shape (6, 4) and dtype float64, got shape (4,)",
    WrongDtype: "backward must return an array of shape (6, 4) and dtype float64, got shape (6, 4) and dtype float32",
    DrawsElsewhere: "draw from cache.rng",
    OneColumn: "da_prev is off by",
}


def check_of(*middle, targets=y, **options):
    return nn.gradient_check(deep(nn.Tanh(), *middle, **options), X, targets)


# ---- right layers pass ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [*HIDDEN, Affine()], ids=repr)
def test_every_layer_of_the_library_and_a_users_right_layer_pass(layer):
    check = check_of(layer, dtype="float32")
    assert check.ok, str(check)
    assert all(comparison.relative_error < 1e-7 for comparison in check.parameters.values())
    assert not check.culprits
    assert check.conclusion()[0].startswith("All gradients are right.")


def test_every_layer_of_the_library_was_among_them():
    public = [getattr(nn.layers, name) for name in nn.layers.__all__]
    layers = {c for c in public if inspect.isclass(c) and issubclass(c, nn.Layer) and "forward" in vars(c)}
    assert layers - {nn.Layer} <= {type(layer) for layer in HIDDEN}


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


# ---- wrong layers are named with the reason -------------------------------------------------------------------


@pytest.mark.parametrize("layer", WRONG)
def test_a_wrong_layer_is_named_with_the_reason(layer):
    check = check_of(layer())
    assert not check.ok
    (culprit,) = check.culprits
    assert type(culprit.layer) is layer
    assert culprit.name == f"layers[2] {layer.__name__}()"
    assert culprit.verdict == "WRONG"
    (sentence,) = check.conclusion()
    assert WRONG[layer] in sentence
    assert [layer.ok for layer in check.layers] == [True, True, False, True, True]


@pytest.mark.parametrize("layer", [WrongdW, DividesByM, ForgottenFactor, ReturnsNone, WritesIntoDa])
def test_a_wrong_layer_inside_another_is_named_and_not_the_other(layer):
    check = check_of(nn.Residual([nn.Tanh(), layer()]))
    (culprit,) = check.culprits
    assert culprit.name.startswith("layers[2][1] ")
    assert WRONG[layer] in check.conclusion()[0]
    assert check.layers[2].verdict == "wrong inside"
    assert not check.ok


def test_a_layer_that_breaks_a_rule_forward_is_named_by_an_error():
    class InTraining(Square):
        def forward(self, a_prev, cache):
            if cache.training:
                a_prev *= 2
            return super().forward(a_prev, cache)

    refuse(lambda: check_of(InTraining()), "layers: InTraining().forward must not write into a_prev")


def test_what_a_layer_that_returns_nothing_sets_is_still_compared():
    class WrongTwice(ReturnsNone):
        def backward(self, da, cache):
            super().backward(da, cache)
            self.dW = 2 * self.dW

    (culprit,) = check_of(WrongTwice()).culprits
    assert culprit.reasons()[0].endswith("got NoneType")
    assert culprit.reasons()[1:] == ["dW2 is 2 times the numerical one"]


def test_a_layer_that_breaks_a_rule_before_it_sets_its_gradients_is_accused_of_that_alone():
    (culprit,) = check_of(WritesIntoDa()).culprits
    assert len(culprit.reasons()) == 1


def test_a_wrong_da_shows_in_the_layers_in_front_and_is_blamed_on_the_layer_that_gave_it():
    check = check_of(ForgottenFactor())
    assert not check.parameters["W1"].ok
    assert check.parameters["W2"].ok
    assert check.verdict("W1") == check.verdict("b1") == "wrong through layers[2]"
    assert check.verdict("W2") == "right"


def test_a_wrong_parameter_gradient_is_wrong_itself():
    check = check_of(WrongdW())
    assert {name: check.verdict(name) for name in check.parameters} == {
        "W1": "right", "b1": "right", "W2": "WRONG", "b2": "right", "W3": "right", "b3": "right",
    }  # fmt: skip


def test_two_wrong_layers_are_both_named():
    assert [culprit.place for culprit in check_of(WrongdW(), ForgottenFactor()).culprits] == ["layers[2]", "layers[3]"]


def test_a_wrong_output_layer_is_named():
    class Halved(nn.Identity):
        def start_backward(self, Y, cache):
            return 0.5 * super().start_backward(Y, cache)

    check = check_of(output=Halved(), targets=RNG.normal(size=(M, UNITS)))
    (culprit,) = check.culprits
    assert "Halved" in culprit.name
    assert culprit.reasons() == ["dz is 0.5 times the numerical one"]


def test_layers_that_disturb_each_other_make_the_network_wrong():
    class Shared(Square):
        memory = {}  # noqa: RUF012  # the fault

        def forward(self, a_prev, cache):
            self.memory["z"] = a_prev
            return a_prev**2

        def backward(self, da, cache):
            return 2 * da * self.memory["z"]

    check = check_of(Shared(), Shared())
    assert not check.culprits
    assert not check.ok
    assert check.conclusion()[0].startswith("Each layer is right by itself, but the gradients of the network are not")


def test_the_first_layer_that_learns_need_not_return_a_gradient():
    model = nn.Model([nn.Flatten(), nn.Dense(4), nn.Dense(4), nn.Softmax()], n_features=3, seed=0)
    assert nn.gradient_check(model, X, y).ok
    for first in ([ReturnsNone()], [nn.Flatten(), ReturnsNone()]):
        model = nn.Model([*first, nn.Dense(3), nn.Softmax()], n_features=UNITS, seed=0)
        assert nn.gradient_check(model, RNG.normal(size=(M, UNITS)), np.arange(M) % 3).ok


class Twice(nn.Layer):
    """A user's layer that calls another one itself, so that no observer sees the inner one."""

    def __init__(self, layer):
        self.layer = layer
        self.inner_layers = (layer,)

    def forward(self, a_prev, cache):
        (cache.inside,) = cache.inner(1)
        return 2 * self.layer.forward(a_prev, cache.inside)

    def backward(self, da, cache):
        return self.layer.backward(2 * da, cache.inside)


def test_a_layer_that_calls_another_one_itself_is_checked_with_its_parameters():
    assert check_of(Twice(Affine())).ok
    (culprit,) = check_of(Twice(WrongdW())).culprits
    assert culprit.place == "layers[2]"
    assert culprit.reasons()[0].startswith("dW2 is off by")


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


# ---- what is right ----------------------------------------------------------------------------------------------


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
