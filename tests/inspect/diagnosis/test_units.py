"""Facts about dead and saturated units."""

import pytest

from nnlite.layers import Dense, ReLU, Residual, Sigmoid, Softmax, Tanh

from ...support import chain
from .setups import digits, ready, report_of


def examined(*arguments, **options):
    return report_of("during", *arguments, **options)


def verdict_of(check, *arguments, **options):
    return examined(*arguments, **options)[check].verdict


def test_dead_units_are_found():
    X, y, *_ = digits()
    model = ready(n_features=64)
    model.parameters["b1"][:20] = -100
    finding = examined(model, X, y)["dead units"]
    assert finding.verdict == "problem"
    assert finding.evidence == {"ReLU 1": pytest.approx(20 / 32, abs=0.1)}


def test_dead_units_inside_a_residual_layer_are_found():
    X, y, *_ = digits()
    model = chain(Dense(32), Residual([Dense(32), ReLU()]), Dense(10), Softmax(), n_features=64)
    model.parameters["b2"][:20] = -100
    assert verdict_of("dead units", model, X, y) == "problem"


def test_saturated_units_are_found():
    X, y, *_ = digits()
    for activation in (Tanh(), Sigmoid()):
        model = chain(Dense(32), activation, Dense(10), Softmax())
        assert verdict_of("saturated units", model, 255 * X, y) == "problem"
