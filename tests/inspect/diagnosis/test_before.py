"""Facts about the checks before training."""

import math

import numpy as np
import pytest

from nnlite.initializers import Constant, GlorotUniform, TruncatedNormal, Zeros
from nnlite.layers import Dense, Exponential, Identity, ReLU, Sigmoid, Softmax, Tanh
from nnlite.optimizers import SGD

from ...support import chain
from .setups import counts, digits, ready, report_of


def examined(*arguments, **options):
    return report_of("before", *arguments, **options)


def verdict_of(check, *arguments, **options):
    return examined(*arguments, **options)[check].verdict


def test_an_initial_loss_far_from_ln_c_is_found():
    X, y, *_ = digits()
    report = examined(chain(Dense(32), ReLU(), Dense(10, GlorotUniform(gain=20)), Softmax(), seed=1), X, y)
    assert report["initial loss"].verdict == "problem"
    assert report["initial output"].verdict == "notice"
    assert report["initial loss"].evidence["expected"] == pytest.approx(math.log(10))


def test_an_initial_output_that_is_certain_is_found():
    X, y, *_ = digits()
    model = chain(Dense(32), ReLU(), Dense(10, GlorotUniform(gain=40)), Softmax(), seed=1)
    assert verdict_of("initial output", model, X, y) == "problem"


def test_an_initial_count_that_overflows_is_found():
    X, y, *_ = counts()
    model = chain(Dense(32), ReLU(), Dense(1, GlorotUniform(gain=20)), Exponential())
    assert verdict_of("initial output", model, X, y) == "problem"


@pytest.mark.parametrize("initializer", [Zeros(), Constant(0.1)])
def test_units_that_start_with_equal_weights_are_found(initializer):
    X, y, *_ = digits()
    model = chain(Dense(16, initializer), Tanh(), Dense(10, initializer), Softmax())
    assert verdict_of("different units", model, X, y) == "problem"


def test_weights_of_zero_before_the_output_are_no_fault():
    X, y, *_ = digits()
    report = examined(chain(Dense(32), ReLU(), Dense(10, Zeros()), Softmax()), X, y)
    assert report["different units"].verdict == report["gradients by layer"].verdict == "ok"


def test_gradients_that_vanish_are_found():
    X, y, *_ = digits()
    layers = [layer for _ in range(7) for layer in (Dense(16), Sigmoid())]
    report = examined(chain(*layers, Dense(10), Softmax()), X, y)
    assert report["gradients by layer"].verdict == "problem"
    assert "vanish" in report["gradients by layer"].message
    assert "ReLU" in report["gradients by layer"].advice


def test_gradients_that_explode_are_found():
    X, y, *_ = digits()
    layers = [layer for _ in range(5) for layer in (Dense(32, TruncatedNormal(2.0)), ReLU())]
    report = examined(chain(*layers, Dense(10), Softmax()), X, y)
    assert report["gradients by layer"].verdict == "problem"
    assert "explode" in report["gradients by layer"].message


class Forgetful(Identity):
    """A user's layer that passes no gradient on."""

    def backward(self, da, cache):
        return 0 * da


def test_a_layer_that_passes_no_gradient_on_is_found():
    X, y, *_ = digits()
    report = examined(chain(Dense(32), ReLU(), Forgetful(), Dense(10), Softmax()), X, y)
    assert report["gradients by layer"].verdict == "problem"


class Blind(ReLU):
    """A user's layer that lets next to nothing through."""

    def forward(self, a_prev, cache):
        return super().forward(1e-6 * a_prev, cache)


def test_a_network_that_cannot_learn_a_handful_is_found():
    X, y, *_ = digits()
    assert verdict_of("a handful by heart", chain(Dense(32), Blind(), Dense(10), Softmax()), X, y) == "problem"
    layers = [layer for _ in range(7) for layer in (Dense(16), Sigmoid())]
    assert verdict_of("a handful by heart", chain(*layers, Dense(10), Softmax()), X, y) == "problem"


def test_a_rate_that_is_too_low_is_not_taken_for_a_network_that_cannot_learn():
    X, y, *_ = digits()
    report = examined(ready(), X, y, optimizer=SGD(1e-6))
    assert report["a handful by heart"].verdict == "ok"
    assert "Adam" in report["a handful by heart"].message


def test_a_network_without_a_layer_that_learns_is_not_asked_to_learn():
    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60) % 3
    model = chain(Dense(3, trainable=False), Softmax(), n_features=3)
    found = examined(model, X, y)
    assert "a handful by heart" in found.skipped
