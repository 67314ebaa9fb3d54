"""The update rules of scikit-learn's solvers "sgd" and "adam", to the letter."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.engine.optimizing import RULES, Rule
from nnlite.network.network import Network
from nnlite.optimizers import SGD, Adam, Optimizer
from nnlite.optimizers.state import Part


class Penalized:
    """The penalty of scikit-learn: ``alpha / (2 n) |W|^2``, where n is the sum of the weights in the batch.

    So lambda is ``alpha / n``, and the smaller last batch of an epoch has a larger one. The cost that training reports
    includes the penalty.
    """

    alpha = 0.0
    reported_penalty = 1.0
    _first_step = 0
    _batch_weights: Array = np.ones(1)

    def begin_epoch(self, step: int, batch_weights: Array) -> None:
        """Take the sums of the weights in the batches of an epoch that begins with that step."""
        self._first_step, self._batch_weights = step, batch_weights

    def decay_of(self, step: int) -> float:
        """``alpha / n``."""
        return self.alpha / (float(self._batch_weights[step - self._first_step]) or 1.0)


class PenalizedSGD(Penalized, SGD):
    """`SGD` with the penalty of scikit-learn."""


class PenalizedAdam(Penalized, Adam):
    """`Adam` with the penalty of scikit-learn, and with epsilon beside the root of v, not of v_hat.

    That is the form at the end of section 2 of the paper:
    ``theta = theta - learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)``.
    """

    def update(self, part: Part, g: Array, learning_rate: float) -> None:
        """``m``, ``v``, and the step."""
        m, v = self._averages(part, g)
        rate = learning_rate * (1 - self.beta_2**part.t) ** 0.5 / (1 - self.beta_1**part.t)
        part.theta -= rate * m / (np.sqrt(v) + self.epsilon)


def _adam(rule: Any) -> Rule:
    """The kernel of `Adam` computes ``rate m / (root sqrt(v) + epsilon)``."""

    def per_step(t: Array, rates: Array) -> Array:
        scaled = rates * np.sqrt(1 - rule.beta_2**t) / (1 - rule.beta_1**t)
        return np.stack([rates, scaled, np.ones_like(rates)], axis=1)

    numbers = rule.beta_1, 1 - rule.beta_1, rule.beta_2, 1 - rule.beta_2, rule.epsilon
    return Rule([("adam", rule.state_names, True, numbers)], per_step)


RULES[PenalizedSGD] = RULES[SGD]
RULES[PenalizedAdam] = _adam


def make_rule(estimator: Any) -> Optimizer:
    """Return the optimizer of a solver."""
    rate = estimator.learning_rate if callable(estimator.learning_rate) else estimator.learning_rate_init
    rule: PenalizedSGD | PenalizedAdam
    if estimator.solver == "sgd":
        rule = PenalizedSGD(rate)
        rule.momentum = float(estimator.momentum)  # 1 is allowed, unlike in nnlite
        rule.nesterov = bool(estimator.nesterovs_momentum and estimator.momentum)
    else:
        rule = PenalizedAdam(rate, beta_1=estimator.beta_1, beta_2=estimator.beta_2, epsilon=estimator.epsilon)
    rule.alpha = float(estimator.alpha)
    return rule


def change_rate(optimizer: Optimizer, network: Network, rate: float) -> None:
    """Change the learning rate as scikit-learn does, whose velocity holds steps: ``u = learning_rate v``.

    u does not change with the rate, so v is multiplied by the old rate over the new one.
    """
    velocity = optimizer.state(network).vectors.get("velocity")
    old = optimizer.learning_rate
    assert not callable(old)
    if velocity is not None:
        velocity *= old / rate
    optimizer.learning_rate = rate
