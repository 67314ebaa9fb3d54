"""Checks before training: can this network learn at all?"""

from typing import Any

import numpy as np

from nnlite.inspect.diagnosis.handful import overfit_a_handful, train_step
from nnlite.inspect.diagnosis.probe import gradient_norms, weight_matrices
from nnlite.inspect.diagnosis.report import Finding, Result, Skipped
from nnlite.inspect.diagnosis.subject import BLOCK, Subject
from nnlite.inspect.diagnosis.verdicts import VERDICTS, advise, judge, listed
from nnlite.layers import Identity, Sigmoid, Tanh
from nnlite.optimizers import Adam

PHASE = "before"
INITIAL = ("initial loss", "initial output")

# A network that knows nothing gives each class the same probability: J = ln C (A. Karpathy, "A recipe for training
# neural networks", 2019). Random weights before the output add up to half the variance of z[L]: with the default less
# than a fifth of ln C in most networks, but several times ln C where a layer has few units and its inputs are a little
# large, as in softmax regression on unscaled iris. What default weights add is no fault of the weights.
INITIAL_LOSS = (2.0, 4.0)  # J over that for default weights, or for z[L] = 0 if this is larger
OF_WEIGHTS = 3.0  # default weights explain at most this many times J for z[L] = 0; the rest is due to the inputs

# A sigmoid layer changes a gradient by a factor of at most 1/4, five of them by a thousandth (X. Glorot and Y. Bengio,
# "Understanding the difficulty of training deep feedforward neural networks", 2010).
VANISHING = (1e2, 1e3)  # gradient at the last hidden layer over that at the first, or its inverse

CERTAIN = 0.99  # a probability that an untrained network has no reason for
SATURATED = (0.1, 0.5)  # share of the examples with such a probability
OVERFLOWING = (1e3, 1e6)  # largest initial count over the largest target


def check(subject: Subject) -> list[Result]:
    """Return all findings before training, and the checks that were not made."""
    if subject.trained:
        start: list[Result] = [Skipped(name, "the network has been trained") for name in INITIAL]
    else:
        loss = initial_loss(subject)
        start = [loss, *initial_output(subject, loss.verdict)]
    return [*start, symmetry(subject), gradients(subject), overfit_a_handful(subject)]


def initial_loss(subject: Subject) -> Finding:
    """Compare J with its values for z[L] = 0, such as ln C, and for default weights."""
    J, _ = subject.measured(subject.copy(noise=False), subject.sample, training=True)
    expected = subject.blank_cost(subject.targets)
    floor = subject.least_cost(subject.targets)
    usual = subject.usual_cost()
    ratio = (J - floor) / max(min(usual - floor, OF_WEIGHTS * (expected - floor)), expected - floor, 1e-12)
    name = f"ln {subject.units}" if subject.n_classes == subject.units else "all z[L] = 0"
    verdict = judge(ratio, *INITIAL_LOSS)
    message = f"J = {J:.3g}; a network that knows nothing has J = {expected:.3g} ({name})."
    advice = "scale the inputs, and draw small initial weights before the output, such as nn.GlorotUniform(0.1)."
    evidence = {"J": J, "expected": expected, "usual": usual, "ratio": ratio}
    return Finding("initial loss", PHASE, verdict, message, evidence, advise(verdict, advice))


def initial_output(subject: Subject, most: str) -> list[Finding]:
    """Look for predictions of which the untrained network is certain.

    The verdict on a classifier is ``most``, that on its loss, or a milder one: what costs little is soon unlearned.
    """
    if isinstance(subject.output, Identity):
        return []
    _, Y_hat = subject.measured(subject.copy(noise=False), subject.sample, training=True)
    if subject.output.classifies:
        certain = Y_hat.max(axis=1) > CERTAIN
        if subject.units == 1 or subject.n_classes is None:
            certain = (np.abs(Y_hat - 0.5) > CERTAIN - 0.5).mean(axis=1)
        share = float(certain.mean())
        verdict, evidence = min(judge(share, *SATURATED), most, key=VERDICTS.index), {"share": share}
        of = f"{share:.0%}" if share else "none"
        message = f"The untrained network is at least {CERTAIN:.0%} certain of {of} of its predictions."
    else:
        ratio = float(Y_hat.max() / max(subject.targets.max(), 1.0))
        verdict, evidence = judge(ratio, *OVERFLOWING), {"ratio": ratio}
        message = f"The untrained network expects up to {Y_hat.max():.3g}; y is at most {subject.targets.max():.3g}."
    advice = "scale the inputs, and draw smaller initial weights before the output: with z far from 0 it hardly learns."
    return [Finding("initial output", PHASE, verdict, message, evidence, advise(verdict, advice))]


def symmetry(subject: Subject) -> Finding:
    """Look for units of a layer with the same weights: they get the same gradient and stay equal."""
    weights = list(weight_matrices(subject.model).values())
    inner = [i for i, W in enumerate(weights[:-1]) if W.shape[1] > 1 and np.ptp(W, axis=1).max() == 0]
    stuck = [i for i in inner if np.ptp(weights[i + 1], axis=0).max() == 0]
    verdict = "problem" if stuck else "notice" if inner else "ok"
    message = "The units of each layer start with different weights."
    if inner:
        message = f"All units of hidden layer {listed([i + 1 for i in inner])} have the same weights" + (
            ", in and out: they get the same gradient and always stay equal." if stuck else "."
        )
    advice = "draw the weights at random: use the default initializer of Dense, or nn.HeNormal()."
    return Finding("different units", PHASE, verdict, message, {"n_layers": len(inner)}, advise(verdict, advice))


def gradients(subject: Subject) -> Result:
    """Look for gradients that vanish or explode from the last hidden layer to the first."""
    model = subject.copy(noise=False)
    probe = subject.drawn(subject.sample, BLOCK)
    matrices = list(weight_matrices(model).values())
    if matrices and not matrices[-1].any():
        # weights of 0 before the output pass no gradient back in the first step, but in the second
        train_step(model, probe, Adam(1e-3))
    norms = gradient_norms(model, probe.X, probe.y)
    hidden = norms[:-1]
    if not hidden:
        return Skipped("gradients by layer", "fewer than two layers with weights get a gradient")
    evidence: dict[str, Any] = {f"layer_{i + 1}": norm for i, norm in enumerate(norms)}
    message = f"|dz| of an example, from the first layer to the last: {', '.join(f'{norm:.2g}' for norm in norms)}."
    if not np.isfinite(norms).all():
        message, verdict, kind = f"The gradient is not finite: {message}", "problem", "explode"
    elif min(hidden) == 0:
        message, verdict, kind = f"No gradient reaches a hidden layer: {message}", "problem", "vanish"
    else:
        ratio = evidence["ratio"] = hidden[-1] / hidden[0]
        factor = max(ratio, 1 / ratio)
        verdict, kind = judge(factor, *VANISHING), "vanish" if ratio > 1 else "explode"
        if verdict != "ok":
            message = f"Gradients {kind} by a factor of {factor:.2g}. {message}"
    squashing = any(isinstance(layer, (Sigmoid, Tanh)) for layer in model.all_layers()[:-1])
    other = (
        "ReLU instead of Sigmoid or Tanh, the default initializers" if squashing else "HeNormal weights, biases of 0"
    )
    remedies = {
        "vanish": f"{other}, BatchNorm, or Residual layers.",
        "explode": "the default initializers, scaled inputs, BatchNorm, or clip_norm=1 in the optimizer.",
    }
    return Finding("gradients by layer", PHASE, verdict, message, evidence, advise(verdict, remedies[kind]))
