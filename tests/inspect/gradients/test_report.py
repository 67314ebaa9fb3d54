"""Facts about the report of a gradient check: it fits a terminal and is well-formed HTML."""

import numpy as np
import pytest

import nnlite as nn

from ...support import Square
from ..networks import Page, X, deep, y


class ForgottenFactor(Square):
    def backward(self, da, cache):
        return da * cache.z


class ReturnsNone(Square):
    def backward(self, da, cache):
        pass


class LongName(nn.ReLU):
    def __init__(self, name="x" * 100):
        self.name = name

    def __repr__(self):
        return f"LongName({self.name})"


@pytest.mark.parametrize("layer", [Square, ForgottenFactor, ReturnsNone])
def test_the_tables_fit_their_places(layer):
    check = nn.gradient_check(deep(nn.Tanh(), nn.Residual([layer()])), X, y)
    assert max(map(len, str(check).splitlines())) < 100
    assert repr(check) == str(check)
    texts = Page(check._repr_html_()).texts
    for text in (f"layers[2][0] {layer.__name__}()", "verdict", "numerical"):
        assert text in texts
        assert text in str(check)
    assert ("WRONG" in texts) == ("WRONG" in str(check)) == (not check.ok)


def test_long_names_are_shortened():
    shown = str(nn.gradient_check(deep(LongName()), X, y))
    assert max(map(len, shown.splitlines())) < 100
    assert "xxx..." in shown


def test_a_network_without_gradients_to_compare():
    model = deep()
    for layer in model.layers:
        layer.trainable = False
    check = nn.gradient_check(model, X, y)
    assert check.ok
    assert "(no gradient to compare)" in str(check)


def test_the_text_of_a_user_is_not_html():
    class Nasty(nn.Tanh):
        def __repr__(self):
            return "<script>"

    assert "<script>" not in nn.gradient_check(deep(Nasty()), X, y)._repr_html_()


def test_the_report_is_data():
    check = nn.gradient_check(deep(), X, y)
    comparison = check.parameters["W1"]
    assert isinstance(check, nn.GradientCheck)
    assert comparison.name == "dW1"
    assert np.isclose(comparison.analytic, comparison.numerical)
    assert [layer.place for layer in check.layers] == ["layers[0]", "layers[1]", "layers[2]"]
    assert [gradient.name for gradient in check.layers[0].comparisons] == ["da_prev", "dW1", "db1"]
