"""A check before training: can the network learn a handful of examples by heart, without any regularization?"""

from typing import NamedTuple

import numpy as np

from nnlite.inspect.diagnosis.parts import FiniteExamples
from nnlite.inspect.diagnosis.report import Finding, Result, Skipped
from nnlite.inspect.diagnosis.subject import Subject
from nnlite.inspect.diagnosis.verdicts import advise, judge
from nnlite.network.network import Network
from nnlite.optimizers import Adam, Optimizer

HANDFUL = 8  # examples
HANDFUL_STEPS = 500
TINY = 100  # parameters: networks with fewer make four times as many steps, to unlearn random weights first
HANDFUL_RATE = 0.01  # learning rate of Adam for so few examples
LEARNED = (0.2, 0.5)  # share of the loss of the best constant guess that may be left
HANDFUL_WORK = 5e8  # parameters times steps: larger networks make fewer steps, so that the check takes seconds
LEAST_STEPS = 60


class Attempt(NamedTuple):
    """The share of the loss that was left, and the number of steps."""

    left: float
    n_steps: int


def overfit_a_handful(subject: Subject) -> Result:
    """Train on a few examples, first with the user's optimizer, then with Adam."""
    part = _handful(subject)
    Y = subject.rows(part.y)
    floor, first = subject.least_cost(Y), subject.prior_cost(Y)
    learns = subject.model.first_trainable < len(subject.model.layers)
    if not learns:
        return Skipped("a handful by heart", "no layer learns")
    if len(part.X) < 2 or not first - floor > 1e-9:
        return Skipped("a handful by heart", "there are too few different examples")
    size = max(subject.model.n_parameters, 1)
    n_steps = int(np.clip(HANDFUL_WORK / size, LEAST_STEPS, HANDFUL_STEPS if size > TINY else 4 * HANDFUL_STEPS))
    optimizer = _unregularized(subject.optimizer())
    attempt = _learn_by_heart(subject, part, optimizer, n_steps, floor, first)
    by, verdict = type(optimizer).__name__, judge(attempt.left, *LEARNED)
    if verdict != "ok":
        other = _learn_by_heart(subject, part, Adam(HANDFUL_RATE), n_steps, floor, first)
        if not attempt.left <= other.left:
            attempt, by, verdict = other, f"Adam({HANDFUL_RATE})", judge(other.left, *LEARNED)
    left = f"{attempt.left:.1%} of the loss" if attempt.left < 10 else f"{attempt.left:.2g} times the loss"
    message = f"{left} on {len(part.X)} examples is left after {attempt.n_steps} steps of {by}."
    if attempt.n_steps == 0 and verdict == "ok":
        message = f"It knows {len(part.X)} training examples by heart without another step."
    advice = (
        "look for the reason why it cannot learn even these: vanishing gradients, saturated units, inputs that are not "
        "scaled, a wrong gradient in a layer of your own (gradient_check), contradictory labels, or too few units."
    )
    evidence = {"left": attempt.left, "n_examples": len(part.X), "n_steps": attempt.n_steps}
    return Finding("a handful by heart", "before", verdict, message, evidence, advise(verdict, advice))


def _handful(subject: Subject) -> FiniteExamples:
    """Return up to HANDFUL different examples, fewer for a network with few parameters, of all classes in turn."""
    n = int(np.clip(subject.model.n_parameters // (4 * subject.units), 2, HANDFUL))
    different = np.unique(subject.features, axis=0, return_index=True)[1]
    order = subject.rng.permutation(different)
    if subject.n_classes is not None:
        classes = subject.classes(subject.sample.y)[order]
        turn = np.zeros(len(order), np.intp)
        for c in np.unique(classes):
            turn[classes == c] = np.arange(np.count_nonzero(classes == c))
        order = order[np.argsort(turn, kind="stable")]
    rows = order[:n]
    return FiniteExamples(subject.sample.X[rows], subject.sample.y[rows])


def _unregularized(optimizer: Optimizer) -> Optimizer:
    optimizer.weight_decay = optimizer.l1 = 0.0
    optimizer.max_norm = None
    return optimizer


def _learn_by_heart(
    subject: Subject, part: FiniteExamples, optimizer: Optimizer, n_steps: int, floor: float, first: float
) -> Attempt:
    model = subject.copy(noise=False)
    left = np.inf
    for step in range(n_steps):
        left = (train_step(model, part, optimizer) - floor) / (first - floor)
        if left <= LEARNED[0] or not np.isfinite(left):
            return Attempt(left, step)
    return Attempt(left, n_steps)


def train_step(model: Network, part: FiniteExamples, optimizer: Optimizer) -> float:
    """Make one training step on all examples of ``part``; return J before it."""
    model.forward(part.X)
    J = model.cost(part.y)
    model.backward(part.y)
    optimizer.step(model)
    return J
