"""Facts about the gradient check: right layers pass, wrong ones are caught and named, the model stays as it is."""

import html.parser
import inspect
import re

import numpy as np
import pytest

import nnlite as nn
from nnlite.errors import ArgumentError
from nnlite.inspect.gradient_check import gradient_check

RNG = np.random.default_rng(0)
X, y = RNG.normal(size=(8, 4)), RNG.integers(0, 3, 8)


class Square(nn.Layer):
    """a = z^2."""

    def forward(self, a_prev, cache):
        cache.z = a_prev
        return a_prev**2

    def backward(self, da, cache):
        return 2 * da * cache.z


class Affine(nn.Layer):
    """z = a_prev W + b, for the layers below to get something wrong in."""

    def output_shape(self, input_shape):
        return (5,)

    def parameter_shapes(self, input_shape):
        return {"W": (input_shape[0], 5), "b": (5,)}

    def initialize(self, rng, initializer):
        self.W = rng.normal(0, 0.5, self.W.shape)
        self.b = rng.normal(0, 0.5, 5)

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


class ChangesW(Affine):
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


class OverwritesInput(Square):
    def forward(self, a_prev, cache):
        cache.z = a_prev.copy()
        a_prev *= a_prev
        return a_prev


class OverwritesInputInBackward(Square):
    def backward(self, da, cache):
        cache.z *= 2
        return da * cache.z


class ReturnsNothing(Square):
    def backward(self, da, cache):
        da *= 2 * cache.z


class WrongShape(Square):
    def backward(self, da, cache):
        return (2 * da * cache.z).sum(axis=0)


class DrawsElsewhere(Square):
    def __init__(self):
        self._draws = np.random.default_rng(0)

    def forward(self, a_prev, cache):
        return super().forward(a_prev + self._draws.normal(), cache)


class OneColumn(Square):
    """Right but for one unit."""

    def backward(self, da, cache):
        da_prev = super().backward(da, cache)
        da_prev[:, 2] *= 1.001
        return da_prev


WRONG = [
    (WrongdW, "dW2 is off by"),
    (Wrongdb, "db2 is off by"),
    (Wrongda, "da_prev is off by"),
    (DividesByM, r"dW2 is 0.125 times the numerical one \(1/M; the mean over the 8 examples is taken already"),
    (ForgetsdW, "backward does not write dW2"),
    (ForgetsPart, "backward writes only a part of dW2"),
    (Accumulates, "backward adds to dW2 instead of setting it"),
    (ChangesW, "backward changes W2"),
    (ForgottenFactor, "da_prev is 0.5 times the numerical one"),
    (WrongSign, "da_prev is -1 times the numerical one"),
    (OverwritesInput, "forward overwrites a_prev"),
    (OverwritesInputInBackward, "backward overwrites a_prev"),
    (ReturnsNothing, "backward returns None"),
    (WrongShape, r"backward must return an array of shape \(8, 5\), as a_prev has, got shape \(5,\)"),
    (DrawsElsewhere, "draw from cache.rng"),
    (OneColumn, "da_prev is off by"),
]


def network(*middle, output=None, units=3, dtype="float32", seed=0, n_features=4):
    layers = [nn.Dense(5), nn.Tanh(), *middle, nn.Dense(units), output or nn.Softmax()]
    model = nn.Model(layers, n_features=n_features, seed=seed, dtype=dtype)
    model.theta[...] = np.random.default_rng(seed).normal(0, 0.5, model.n_parameters)
    return model


# ---- right layers pass ----------------------------------------------------------------------------------------

MIDDLE = [
    nn.Dense(6), nn.ReLU(), nn.LeakyReLU(), nn.ELU(), nn.SELU(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(),
    nn.HardSwish(), nn.Softplus(), nn.Tanh(), nn.Softmax(), nn.Sigmoid(), nn.Identity(), nn.Exponential(),
    nn.Dropout(0.5), nn.AlphaDropout(0.3), nn.GaussianNoise(0.5), nn.BatchNorm(), nn.BatchNorm(trainable=False),
    nn.LayerNorm(), nn.Reshape((5,)), nn.Residual([nn.Dense(5), nn.ReLU()]), Square(), Affine(),
]  # fmt: skip


@pytest.mark.parametrize("layer", MIDDLE, ids=repr)
def test_every_layer_of_the_library_and_a_right_one_of_ones_own_pass(layer):
    check = gradient_check(network(type(layer)(**layer.hyperparameters())), X, y)
    assert check.ok, str(check)
    assert all(comparison.relative_error < 1e-7 for comparison in check.parameters.values())
    assert not check.culprits
    assert check.conclusion()[0].startswith("All gradients are right.")


def test_every_layer_of_the_library_was_among_them():
    public = [getattr(nn.layers, name) for name in nn.layers.__all__]
    layers = {c for c in public if inspect.isclass(c) and issubclass(c, nn.Layer) and "forward" in vars(c)}
    assert layers - {nn.Layer, nn.Flatten} <= {type(layer) for layer in MIDDLE}


@pytest.mark.parametrize(
    ("output", "targets"),
    [
        (nn.Softmax(0.1), RNG.dirichlet(np.ones(3), 8)),
        (nn.Sigmoid(0.1), RNG.random((8, 3))),
        (nn.Identity(), RNG.normal(size=(8, 3))),
        (nn.Exponential(), RNG.poisson(2.0, (8, 3))),
    ],
)
@pytest.mark.parametrize("sample_weight", [None, RNG.random(8)])
def test_every_output_passes_with_and_without_weights(output, targets, sample_weight):
    again = type(output)(**output.hyperparameters())
    assert gradient_check(network(output=again), X, targets, sample_weight=sample_weight).ok


def test_images_and_a_network_that_does_not_know_its_input_yet():
    model = nn.Model([nn.Flatten(), nn.Dense(3), nn.Softmax()], seed=0)
    check = gradient_check(model, RNG.normal(size=(8, 2, 2)), y)
    assert check.ok
    assert not model.built


def test_the_gradients_are_those_of_float64_whatever_the_network_computes_in():
    one, other = (gradient_check(network(dtype=dtype), X, y) for dtype in ("float32", "float64"))
    assert max(comparison.relative_error for comparison in one.parameters.values()) < 1e-8
    assert list(one.parameters) == list(other.parameters) == ["W1", "b1", "W2", "b2"]


def test_the_analytic_gradient_is_that_of_the_model():
    model = network(dtype="float64")
    check = gradient_check(model, X, y, max_entries=10_000)
    model.forward(X)
    model.backward(y)
    for name, comparison in check.parameters.items():
        assert comparison.analytic == model.gradients[f"d{name}"][comparison.worst]
        assert comparison.n_compared == comparison.n_entries == model.parameters[name].size


# ---- wrong layers are caught and named ------------------------------------------------------------------------


@pytest.mark.parametrize(("layer", "reason"), WRONG, ids=[layer.__name__ for layer, _ in WRONG])
def test_a_wrong_layer_is_caught_and_named(layer, reason):
    check = gradient_check(network(layer()), X, y)
    assert not check.ok
    (culprit,) = check.culprits
    assert culprit.layer.__class__ is layer
    assert culprit.name.startswith("layers[2] ")
    assert culprit.verdict == "WRONG"
    (sentence,) = check.conclusion()
    assert re.search(reason, sentence), sentence
    assert [layer.ok for layer in check.layers] == [True, True, False, True, True]


@pytest.mark.parametrize(("layer", "reason"), WRONG[:4], ids=[layer.__name__ for layer, _ in WRONG[:4]])
def test_a_wrong_layer_inside_another_is_named_and_not_the_other(layer, reason):
    check = gradient_check(network(nn.Residual([nn.Tanh(), layer()])), X, y)
    (culprit,) = check.culprits
    assert culprit.name.startswith("layers[2][1] ")
    assert check.layers[2].verdict == "wrong inside"
    assert not check.ok


def test_a_wrong_da_shows_in_the_layers_in_front_and_is_blamed_on_the_layer_that_gave_it():
    check = gradient_check(network(ForgottenFactor()), X, y)
    assert not check.parameters["W1"].ok
    assert check.parameters["W2"].ok
    assert check.verdict("W1") == check.verdict("b1") == "wrong through layers[2]"
    assert check.verdict("W2") == "right"


def test_a_wrong_parameter_gradient_is_wrong_itself():
    check = gradient_check(network(WrongdW()), X, y)
    assert {name: check.verdict(name) for name in check.parameters} == {
        "W1": "right", "b1": "right", "W2": "WRONG", "b2": "right", "W3": "right", "b3": "right",
    }  # fmt: skip


def test_two_wrong_layers_are_both_named():
    check = gradient_check(network(WrongdW(), ForgottenFactor()), X, y)
    assert [culprit.name.split()[0] for culprit in check.culprits] == ["layers[2]", "layers[3]"]


def test_a_wrong_output_layer_is_caught():
    class Halved(nn.Identity):
        def start_backward(self, Y, cache):
            return 0.5 * super().start_backward(Y, cache)

    check = gradient_check(network(output=Halved()), X, RNG.normal(size=(8, 3)))
    (culprit,) = check.culprits
    assert "Halved" in culprit.name
    assert culprit.reasons() == ["dz is 0.5 times the numerical one"]


def test_a_gradient_that_is_nan_is_not_right():
    class Nan(Square):
        def backward(self, da, cache):
            return da * np.nan

    check = gradient_check(network(Nan()), X, y)
    assert not check.ok
    assert check.culprits[0].reasons() == ["da_prev is not finite"]


def test_the_first_layer_need_not_return_a_gradient():
    class Mute(Affine):
        def backward(self, da, cache):
            super().backward(da, cache)

    model = nn.Model([Mute(), nn.Dense(3), nn.Softmax()], n_features=4, seed=0)
    assert gradient_check(model, X, y).ok


# ---- what is no error -----------------------------------------------------------------------------------------


def test_a_step_over_a_kink_is_no_error():
    """Units of which one is nearer to ReLU's kink than the quotient's step, and one exactly on it."""
    model = nn.Model([nn.Dense(4), nn.ReLU(), nn.Dense(3), nn.Softmax()], n_features=4, seed=0, dtype="float64")
    model.theta[...] = np.random.default_rng(1).normal(0, 0.5, model.n_parameters)
    z = X @ model.parameters["W1"]
    model.parameters["b1"][...] = -z[0] + [0, 2e-6, -3e-6, 1e-9]
    check = gradient_check(model, X, y)
    assert check.ok, str(check)
    assert sum(comparison.n_kinks for comparison in check.parameters.values()) > 0
    assert "entries on a kink were left out" in check.conclusion()[0]


def test_a_wrong_layer_with_kinks_is_still_an_error():
    class WrongReLU(nn.ReLU):
        def backward(self, da, cache):
            return da * (cache.a >= 0)

    check = gradient_check(network(WrongReLU()), X, y)
    assert not check.ok
    assert "WrongReLU" in check.culprits[0].name


def test_gradients_that_are_zero_are_right():
    """The bias in front of a normalization has no effect; what its quotients give is rounding."""
    check = gradient_check(network(nn.Dense(5), nn.BatchNorm()), X, y)
    assert check.ok
    assert abs(check.parameters["b2"].numerical) < 1e-9


def test_parameters_of_frozen_layers_are_not_checked():
    model = network(nn.Dense(5), nn.BatchNorm())
    model.layers[2].trainable = False
    check = gradient_check(model, X, y)
    assert check.ok
    assert "W1" in check.parameters
    assert "W2" not in check.parameters


# ---- the sample of entries ------------------------------------------------------------------------------------


def test_of_large_arrays_a_sample_is_checked_and_the_table_says_so():
    check = gradient_check(network(nn.Dense(40)), X, y, max_entries=10)
    assert check.ok
    assert check.parameters["W2"].n_compared == 10
    assert check.parameters["W2"].n_entries == 200
    assert "of arrays with more than 10 entries so many were drawn" in str(check)
    assert "were drawn" not in str(gradient_check(network(), X, y))


def test_another_seed_draws_other_entries():
    model = network(nn.Dense(40))
    one, again, other = (gradient_check(model, X, y, max_entries=5, seed=seed) for seed in (0, 0, 1))
    assert str(one) == str(again) != str(other)


# ---- how it looks ---------------------------------------------------------------------------------------------


class Cells(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.texts = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize("layer", [Square, ForgottenFactor, ReturnsNothing])
def test_the_tables_fit_their_places(layer):
    check = gradient_check(network(nn.Residual([layer()])), X, y)
    assert max(map(len, str(check).splitlines())) < 100
    assert repr(check) == str(check)
    texts = Cells(check._repr_html_()).texts
    for text in ("layers[2][0] Square()" if layer is Square else f"layers[2][0] {layer.__name__}()", "verdict"):
        assert text in texts
        assert text in str(check)
    assert ("WRONG" in texts) == (not check.ok)


# ---- the model stays as it is ---------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [Affine, ForgetsdW, OverwritesInput, ChangesW])
def test_the_model_stays_as_it_is(layer):
    model = network(nn.BatchNorm(), nn.Dropout(0.5), layer())
    undisturbed = model.copy()
    data = X.astype(np.float32)
    for one in (model, undisturbed):
        one.forward(X)
    gradient_check(model, data, y)
    assert np.array_equal(data, X.astype(np.float32))
    assert not any("forward" in vars(one) for one in model.all_layers())
    for one in (model, undisturbed):  # the pass that was under way goes on
        one.backward(y)
    for name in ("theta", "grad", "state"):
        assert np.array_equal(getattr(model, name), getattr(undisturbed, name)), name
    assert model.rng.bit_generator.state == undisturbed.rng.bit_generator.state


# ---- wrong use ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": None}, r"X: a gradient check sends examples through the network; pass some, such as X\[:32\]"),
        ({"y": None}, "y: a gradient check starts backward from the labels"),
        ({"X": np.ones((2000, 4)), "y": np.zeros(2000, int)}, r"at most 1,024 examples, got 2,000; pass X\[:32\]"),
        ({"X": np.ones((8, 3))}, "X: expected 4 features"),
        ({"y": y[:3]}, "y: expected 8 labels"),
        ({"y": y + 1}, "y: label 3 is out of range"),
        ({"tolerance": 0}, "tolerance"),
        ({"max_entries": 0}, "max_entries"),
        ({"seed": -1}, "seed"),
        ({"sample_weight": [1, 2]}, "sample_weight"),
        ({"model": "model"}, "model: expected a Model, got 'model'"),
    ],
)
def test_wrong_arguments_say_what_would_be_right(arguments, message):
    given = {"model": network(), "X": X, "y": y} | arguments
    with pytest.raises(ArgumentError, match=message):
        gradient_check(given.pop("model"), given.pop("X"), given.pop("y"), **given)


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.Dense(5), nn.Tanh(), nn.Dense(5), nn.ReLU()],
        lambda: [nn.Dense(5), nn.LeakyReLU(), nn.Dense(5), nn.LeakyReLU()],
        lambda: [nn.Residual([nn.Dense(4), nn.ReLU()])],
    ],
)
def test_an_example_of_zeros_is_no_reason_to_accuse_anybody(layers):
    X, y = np.random.default_rng(0).standard_normal((8, 4)), np.arange(8) % 3
    X[0] = 0
    accused = 0
    for seed in range(5):
        model = nn.Model([*layers(), nn.Dense(3), nn.Softmax()], n_features=4, seed=seed)
        accused += not gradient_check(model, X, y).ok
    assert accused <= 1  # where both slopes of many kinks nearly coincide there is next to nothing to compare


def test_large_gradients_are_not_taken_for_gradients_that_are_added():
    X, y = np.random.default_rng(0).standard_normal((8, 3)), np.arange(8) % 3
    X[:, 0] = 1.7e9
    model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=3, seed=0)
    assert "adds to" not in str(gradient_check(model, X, y))
