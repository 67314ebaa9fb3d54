"""Checks before training: can this network learn at all?"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nnlite.inspect.diagnosis.layers import walk, weight_matrices
from nnlite.inspect.diagnosis.report import Finding, advise, judge, listed
from nnlite.inspect.diagnosis.subject import BLOCK, Part, Subject
from nnlite.layers import Identity, Sigmoid, Tanh
from nnlite.model import Model
from nnlite.optimizers import Adam, Optimizer

PHASE = "before"

# A network that knows nothing says the same for every class: J = ln C (A. Karpathy, "A recipe for training neural
# networks", 2019). He's weights in front of the output add about 1/2 to it; twice as much must first be unlearned.
INITIAL_LOSS = (2.0, 4.0)  # J over that of z[L] = 0

HANDFUL = 8  # examples, which any network with so many parameters can learn by heart
HANDFUL_STEPS = 500
HANDFUL_RATE = 0.01  # Adam's, for so few examples
LEARNED = (0.2, 0.5)  # share of the loss of the best constant guess that may be left
HANDFUL_WORK = 5e8  # parameters times steps: larger networks get fewer steps, so that this takes seconds
LEAST_STEPS = 60

# The factor by which a gradient changes through a sigmoid layer is at most 1/4: through five it is a thousandth
# (X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010).
VANISHING = (1e2, 1e3)  # gradient at the last hidden layer over that at the first, and the other way round

CERTAIN = 0.99  # a probability that an untrained network has no reason for
SATURATED = (0.1, 0.5)  # share of the examples with one
OVERFLOWING = (1e3, 1e6)  # largest initial count over the largest of the targets


def check(subject: Subject) -> tuple[list[Finding], dict[str, str]]:
    """All findings before training, and what was not checked."""
    findings, skipped = [], {}
    if subject.trained:
        reason = "the network has been trained"
        skipped = {"initial loss": reason, "initial output": reason}
    else:
        findings.append(initial_loss(subject))
        findings += initial_output(subject)
    findings += [symmetry(subject), *gradients(subject)]
    handful = overfit_a_handful(subject)
    if handful is None:
        skipped["a handful by heart"] = "there are too few different examples, or no layer learns"
    else:
        findings.append(handful)
    return findings, skipped


def initial_loss(subject: Subject) -> Finding:
    """Is J near ln C, or what it is for the output at hand where z[L] = 0?"""
    J, _ = subject.measured(subject.copy(noise=False), subject.sample, training=True)
    expected = subject.blank_cost(subject.targets)
    floor = subject.least_cost(subject.targets)
    ratio = (J - floor) / max(expected - floor, 1e-12)
    name = f"ln {subject.units}" if subject.n_classes == subject.units else "all z[L] = 0"
    verdict = judge(ratio, *INITIAL_LOSS)
    message = f"J = {J:.3g}, where {expected:.3g} is that of a network that knows nothing ({name})."
    advice = (
        "scale the inputs, and draw small weights in front of the output (which Dense does by itself: leave its "
        "initializer away)."
    )
    evidence = {"J": J, "expected": expected, "ratio": ratio}
    return Finding("initial loss", PHASE, verdict, message, evidence, advise(verdict, advice))


def initial_output(subject: Subject) -> list[Finding]:
    """Is an untrained network certain of anything?"""
    if isinstance(subject.output, Identity):
        return []
    _, Y_hat = subject.measured(subject.copy(noise=False), subject.sample, training=True)
    if subject.output.classifies:
        certain = Y_hat.max(axis=1) > CERTAIN
        if subject.units == 1 or subject.n_classes is None:
            certain = (np.abs(Y_hat - 0.5) > CERTAIN - 0.5).mean(axis=1)
        share = float(certain.mean())
        verdict = judge(share, *SATURATED)
        message = f"Of {share:.0%} of its answers the untrained network is at least {CERTAIN:.0%} certain."
        evidence = {"share": share}
    else:
        ratio = float(Y_hat.max() / max(subject.targets.max(), 1.0))
        verdict = judge(ratio, *OVERFLOWING)
        message = (
            f"The untrained network expects up to {Y_hat.max():.3g}, where y is at most {subject.targets.max():.3g}."
        )
        evidence = {"ratio": ratio}
    advice = "scale the inputs; smaller weights in front of the output: its z are far from 0, where it hardly learns."
    return [Finding("initial output", PHASE, verdict, message, evidence, advise(verdict, advice))]


def symmetry(subject: Subject) -> Finding:
    """Units of a layer with the same weights, in and out, get the same gradient and stay the same for ever."""
    weights = list(weight_matrices(subject.model).values())
    alike = [i for i, W in enumerate(weights) if W.shape[1] > 1 and np.ptp(W, axis=1).max() == 0]
    stuck = [i for i in alike if i < len(weights) - 1 and np.ptp(weights[i + 1], axis=0).max() == 0]
    inner = [i for i in alike if i < len(weights) - 1]
    verdict = "problem" if stuck else "notice" if inner else "ok"
    message = "The units of each layer begin with different weights."
    if inner:
        names = listed([i + 1 for i in inner])
        message = f"All units of hidden layer {names} have the same weights" + (
            ", in and out: they get the same gradient and stay one unit for ever." if stuck else "."
        )
    advice = "draw the weights at random: leave the initializer of Dense away, or give nn.HeNormal()."
    return Finding("different units", PHASE, verdict, message, {"n_layers": len(inner)}, advise(verdict, advice))


def gradients(subject: Subject) -> list[Finding]:
    """Do gradients vanish or explode on their way from the last hidden layer to the first?"""
    model = subject.copy(noise=False)
    probe = subject.drawn(subject.sample, BLOCK)
    matrices = list(weight_matrices(model).values())
    if matrices and not matrices[-1].any():
        # weights of 0 in front of the output let no gradient through in the first step, but they do in the next
        _step(model, probe, Adam(1e-3))
    walked = walk(model, probe.X, subject.rows(probe.y))
    norms = [layer.gradient for layer in walked.layers if layer.weighted]
    hidden = norms[:-1]
    if not hidden:
        return []
    first, last = hidden[0], hidden[-1]
    evidence: dict[str, Any] = {f"layer_{i + 1}": norm for i, norm in enumerate(norms)}
    shown = ", ".join(f"{norm:.2g}" for norm in norms)
    message = f"|dz| of an example from the first layer to the last: {shown}."
    if not np.isfinite(norms).all():
        message, verdict, kind = f"The gradient is not finite: {message}", "problem", "explode"
    elif min(hidden) == 0:
        message, verdict, kind = f"No gradient reaches a hidden layer: {message}", "problem", "vanish"
    else:
        ratio = last / first
        evidence["ratio"] = ratio
        verdict = judge(max(ratio, 1 / ratio), *VANISHING)
        kind = "vanish" if ratio > 1 else "explode"
        if verdict != "ok":
            message = f"Gradients {kind} by a factor of {max(ratio, 1 / ratio):.2g}. {message}"
    squashing = any(isinstance(layer, (Sigmoid, Tanh)) for layer in model.all_layers()[:-1])
    instead = "ReLU instead of Sigmoid or Tanh, " if squashing else "weights and biases that leave the units on, "
    remedies = {
        "vanish": f"{instead}the layers' own initializers, BatchNorm, or Residual layers.",
        "explode": "the layers' own initializers, scaled inputs, BatchNorm, or clip_norm=1 in the optimizer.",
    }
    return [Finding("gradients by layer", PHASE, verdict, message, evidence, advise(verdict, remedies[kind]))]


# ---- a handful of examples by heart -------------------------------------------------------------------------------


class Attempt(NamedTuple):
    """How much of the loss was left after so many steps."""

    left: float
    n_steps: int


def overfit_a_handful(subject: Subject) -> Finding | None:
    """Can the network learn a few examples by heart, with nothing that regularizes?"""
    part = _handful(subject)
    Y = subject.rows(part.y)
    floor, first = subject.least_cost(Y), subject.prior_cost(Y)
    learns = any(segment.layer.trainable for segment in subject.model._vectors.segments)
    if len(part.X) < 2 or not first - floor > 1e-9 or not learns:
        return None
    size = max(subject.model.n_parameters, 1)
    n_steps = int(np.clip(HANDFUL_WORK / size, LEAST_STEPS, HANDFUL_STEPS))
    optimizer = _unregularized(subject.optimizer())
    attempt = _learn_by_heart(subject, part, optimizer, n_steps, floor, first)
    by, verdict = type(optimizer).__name__, judge(attempt.left, *LEARNED)
    if verdict != "ok":
        other = _learn_by_heart(subject, part, Adam(HANDFUL_RATE), n_steps, floor, first)
        if not attempt.left <= other.left:
            attempt, by, verdict = other, f"Adam({HANDFUL_RATE})", judge(other.left, *LEARNED)
    left = f"{attempt.left:.1%} were" if attempt.left < 10 else f"{attempt.left:.2g} times as much was"
    message = f"Of the loss on {len(part.X)} examples {left} left after {attempt.n_steps} steps of {by}."
    advice = (
        "look for what keeps it from learning even these: gradients that vanish, saturated units, inputs that are not "
        "scaled, a layer of your own (gradient_check), labels that contradict each other; or too few units."
    )
    evidence = {"left": attempt.left, "n_examples": len(part.X), "n_steps": attempt.n_steps}
    return Finding("a handful by heart", PHASE, verdict, message, evidence, advise(verdict, advice))


def _handful(subject: Subject) -> Part:
    """Up to HANDFUL different examples, fewer for a network with few parameters, of the classes in turn."""
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
    return Part(subject.sample.X[rows], subject.sample.y[rows])


def _unregularized(optimizer: Optimizer) -> Optimizer:
    optimizer.weight_decay = optimizer.l1 = 0.0
    optimizer.max_norm = None
    return optimizer


def _learn_by_heart(
    subject: Subject, part: Part, optimizer: Optimizer, n_steps: int, floor: float, first: float
) -> Attempt:
    model = subject.copy(noise=False)
    left = np.inf
    for step in range(n_steps):
        J = _step(model, part, optimizer)
        left = (J - floor) / (first - floor)
        if left <= LEARNED[0] or not np.isfinite(left):
            return Attempt(left, step)
    return Attempt(left, n_steps)


def _step(model: Model, part: Part, optimizer: Optimizer) -> float:
    model.forward(part.X)
    J = model.cost(part.y)
    model.backward(part.y)
    optimizer.step(model)
    return J
