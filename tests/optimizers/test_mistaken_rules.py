"""Facts about mistakes in a rule that a user writes: each is named, and nothing changes."""

import numpy as np
import pytest

import nnlite as nn

from ..support import everything, refuse
from .common import classifier


class Momentum(nn.Optimizer):
    state_names = ("v",)

    def update(self, part, g, learning_rate):
        part.v = 0.9 * part.v + g
        part.theta -= learning_rate * part.v


class NamedByAString(Momentum):
    state_names = "velocity"


class TakesAnothersName(Momentum):
    state_names = ("v", "theta")


class WithoutRate(Momentum):
    def update(self, part, g):
        part.theta -= 0.1 * g


class WithoutSuper(Momentum):
    def __init__(self, learning_rate):
        self.rate = learning_rate


class WithoutRule(nn.Optimizer):
    pass


class WithoutNames(Momentum):
    state_names = ("m",)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (NamedByAString, "NamedByAString.state_names must be a tuple of names such as ('velocity',), got 'velocity'"),
        (TakesAnothersName, "TakesAnothersName.state_names: part.theta has its own meaning; choose another name"),
        (WithoutRate, "WithoutRate.update must take (self, part, g, learning_rate), but takes (self, part, g)"),
        (WithoutRule, "WithoutRule has no update rule; define update(self, part, g, learning_rate)"),
        (WithoutNames, "WithoutNames.update uses part.v; write state_names = ('m', 'v') in the class"),
        (WithoutSuper, "WithoutSuper.__init__ must call super().__init__(learning_rate, **options)"),
    ],
)
def test_a_rule_that_cannot_work_is_named_before_anything_changes(rule, message):
    model = classifier()
    model.grad[:] = 1
    before = everything(model)
    refuse(lambda: rule(0.1).step(model), f"optimizer: {message}")
    if rule is not WithoutNames:  # only its step can tell
        refuse(lambda: model.fit(np.ones((3, 4)), [0, 1, 2], optimizer=rule(0.1)), f"optimizer: {message}")
    assert everything(model) == before


def test_a_rule_that_fails_in_the_middle_of_its_first_step_undoes_the_step():
    class Late(Momentum):
        decoupled = True
        fails = True

        def update(self, part, g, learning_rate):
            super().update(part, g, learning_rate)
            if self.fails and not part.decayed:  # the weights have changed by now
                _ = part.mean

    model, rule = classifier(), Late(0.1, weight_decay=0.1)
    model.grad[:] = 1
    before = model.theta.copy()
    refuse(lambda: rule.step(model), "optimizer: Late.update uses part.mean; write state_names = ('v', 'mean')")
    np.testing.assert_array_equal(model.theta, before)
    Late.fails = False
    rule.step(model)
    np.testing.assert_array_equal(rule.state(model).vectors["v"], 1)


def test_an_attribute_that_the_rule_itself_lacks_is_missed_as_usual():
    class Lacking(Momentum):
        def update(self, part, g, learning_rate):
            part.v = self.momentum * part.v + g

    model = classifier()
    model.grad[:] = 1
    with pytest.raises(AttributeError, match="momentum"):
        Lacking(0.1).step(model)


def test_dir_of_an_optimizer_shows_what_a_user_needs():
    names = {*dir(nn.Adam())}
    assert {"learning_rate", "current_learning_rate", "step", "beta_1", "weight_decay", "state_names"} <= names
    assert not {"count_steps", "rate_of", "state"} & names


def test_a_vector_on_the_optimizer_is_pointed_to_state_names():
    class OnSelf(nn.Optimizer):
        v = 0

        def update(self, part, g, learning_rate):
            self.v = 0.9 * self.v + g
            part.theta -= learning_rate * self.v

    model = classifier()
    model.grad[:] = 1
    refuse(
        lambda: OnSelf(0.1).step(model),
        "optimizer: OnSelf.update keeps an array on self, self.v, but is called for several parts of theta",
        "state_names = ('v',)",
    )
