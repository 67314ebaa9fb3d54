"""Facts about the gradient check of wrong layers: each is named with the reason, and no other layer is."""

import numpy as np
import pytest

import nnlite as nn

from ...support import Square, refuse
from ..networks import RNG, UNITS, M, X, y
from .faulty import (
    WRONG,
    Affine,
    DividesByM,
    ForgottenFactor,
    OneColumn,
    ReturnsNone,
    WritesIntoDa,
    WrongdW,
    check_of,
)


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

    refuse(lambda: check_of(InTraining()), "layers[2] InTraining().forward writes into a read-only array: a_prev and")


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


@pytest.mark.parametrize("layer", [WrongdW, OneColumn])
def test_a_difference_without_a_simple_form_is_given_in_norm_and_at_the_worst_entry(layer):
    (culprit,) = check_of(layer()).culprits
    (comparison,) = (comparison for comparison in culprit.comparisons if not comparison.ok)
    assert comparison.reason() == (
        f"{comparison.name} is off by {comparison.relative_error:.2g} in norm, most at "
        f"[{', '.join(map(str, comparison.worst))}], where it is {comparison.analytic:.4g} and the numerical one "
        f"{comparison.numerical:.4g}"
    )
    assert f"{comparison.analytic:.4g}" != f"{comparison.numerical:.4g}"
    if layer is OneColumn:
        assert comparison.worst[1] == 2
