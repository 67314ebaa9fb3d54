"""Which optimizers have kernels, and how their rules are carried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.optimizers import SGD, Adagrad, Adam, AdamW, Lion, NAdam, Optimizer, RMSProp


class Rule(NamedTuple):
    """How a rule is carried out.

    Attributes
    ----------
    steps : sequence of (kernel, names of the vectors that it takes, whether it takes theta, numbers)
        One after the other, on each piece of theta.
    per_step : callable
        ``per_step(t, rates)`` with the numbers t of the steps and their learning rates: (n_steps, k), what changes from
        step to step. The first column is the learning rate.
    """

    steps: Sequence[tuple[str, tuple[str, ...], bool, tuple[float, ...]]]
    per_step: Callable[[Array, Array], Array]


def _rates(t: Array, rates: Array) -> Array:
    return rates[:, None]


def _averages(rule: Any) -> tuple[float, ...]:
    """Beta and 1 - beta of both averages: in float32, 1 - 0.999 would be wrong in the fifth digit."""
    return rule.beta_1, 1 - rule.beta_1, rule.beta_2, 1 - rule.beta_2


def _sgd(rule: Any) -> Rule:
    if not rule.momentum:
        return Rule([("sgd", (), True, ())], _rates)
    return Rule([("nesterov" if rule.nesterov else "momentum", ("velocity",), True, (rule.momentum,))], _rates)


def _adam(rule: Any) -> Rule:
    def per_step(t: Array, rates: Array) -> Array:
        return np.stack([rates, rates / (1 - rule.beta_1**t), 1 / np.sqrt(1 - rule.beta_2**t)], axis=1)

    vectors = rule.state_names
    return Rule([("amsgrad" if rule.amsgrad else "adam", vectors, True, (*_averages(rule), rule.epsilon))], per_step)


def _nadam(rule: Any) -> Rule:
    def per_step(t: Array, rates: Array) -> Array:
        mu, mu_next = (np.array([rule.mu(k) for k in (t + later).tolist()]) for later in (0, 1))
        return np.stack([rates, mu, mu_next, 1 / np.sqrt(1 - rule.beta_2**t)], axis=1)

    return Rule([("nadam", ("m", "v", "P"), True, (*_averages(rule), rule.epsilon))], per_step)


def _adagrad(rule: Any) -> Rule:
    return Rule([("adagrad", ("accumulator",), True, (rule.epsilon,))], _rates)


def _rmsprop(rule: Any) -> Rule:
    numbers = (rule.rho, 1 - rule.rho, rule.epsilon)
    first: tuple[str, tuple[str, ...], bool, tuple[float, ...]]
    if rule.centered:
        first = ("centered_mean_square", ("mean_square", "mean"), False, numbers)
    else:
        first = ("mean_square", ("mean_square",), False, numbers)
    if rule.momentum:
        return Rule([first, ("momentum", ("velocity",), True, (rule.momentum,))], _rates)
    return Rule([first, ("sgd", (), True, ())], _rates)


def _lion(rule: Any) -> Rule:
    return Rule([("lion", ("m",), True, _averages(rule))], _rates)


RULES: dict[type[Optimizer], Callable[[Any], Rule]] = {
    SGD: _sgd,
    Adam: _adam,
    AdamW: _adam,
    NAdam: _nadam,
    Adagrad: _adagrad,
    RMSProp: _rmsprop,
    Lion: _lion,
}


class Options:
    """A rule and the options of an optimizer, which are carried out by kernels of their own."""

    def __init__(self, optimizer: Any) -> None:
        self.rule = RULES[type(optimizer)](optimizer)
        self.names: tuple[str, ...] = optimizer.state_names
        self.l1 = optimizer.l1
        self.decays = bool(optimizer.weight_decay) or type(optimizer).decay_of is not Optimizer.decay_of
        self.penalty: float = optimizer.reported_penalty
        self.clip_value, self.clip_norm, self.max_norm = optimizer.clip_value, optimizer.clip_norm, optimizer.max_norm
        self.decoupled = optimizer.decoupled

    def per_step(self, t: Array, rates: Array, decays: Array) -> Array:
        """What changes from step to step: the numbers of the rule, and in the last column the weight decay lambda."""
        return np.column_stack([self.rule.per_step(t, rates), decays])
