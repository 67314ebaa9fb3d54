"""Checks after training: what was learned, and does it hold for other examples?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlite import metrics
from nnlite.checks import Array
from nnlite.inspect.diagnosis.report import Finding, advise, judge, listed, worst
from nnlite.inspect.diagnosis.subject import Part, Subject

PHASE = "after"

EVALUATED = 5000  # examples of each set: an accuracy is then known to about 0.5 in 100

UNLEARNED = (0.7, 0.95)  # share of the loss of the best constant guess that is left on the training examples
BEHIND = (0.02, 0.05)  # by which a linear model, on examples it has not seen, may be better than the network
STILL_FALLING = 0.02  # by an epoch, over the last ones: then more epochs are the first thing to try

GAP = (0.05, 0.15)  # accuracy (or R2) on training minus validation
BY_CHANCE = 2.0  # standard errors of the accuracy on validation that a gap must exceed
VALIDATION_RISEN = 1.2  # the lowest validation loss of the last three epochs over that of all

UNSTABLE = (0.25, 0.6)  # mean rise and fall of the validation loss from epoch to epoch, over its mean
SETTLED = 0.05  # of the first validation loss: changes below nobody cares for
UNSTABLE_FROM = 6  # epochs

NOTHING_TO_LEARN = 1e-9  # between the best constant guess and the lowest cost there is
RISEN = 0.01  # of the first training loss: less is noise

CONFUSED = (0.2, 0.5)  # share of a class that is taken for one other
CONFUSED_FROM = 5  # such examples
NEVER_FROM = 5  # examples of a class before it is strange that none is predicted
COMMON_LABEL = 0.2  # share of the examples that have a label: then it should be predicted sometimes

# The networks of C. Guo et al., "On calibration of modern neural networks", 2017, table 1, lie about there.
MISCALIBRATED = (0.05, 0.15)  # expected calibration error, less that of a perfect network on as many examples
CALIBRATION_FROM = 50
SIMULATIONS = 20


def check(subject: Subject, history: Mapping[str, Sequence[float]] | None) -> tuple[list[Finding], dict[str, str]]:
    """All findings about a trained network, and what was not checked."""
    findings: list[Finding] = []
    skipped: dict[str, str] = {}
    if history is not None:
        findings += [*course(history), *unstable_validation(history)]
    if not subject.trained:
        untrained = "the network has not been trained (trained=True says that it has)"
        return findings, dict.fromkeys(("underfitting", "overfitting", "confusion", "calibration"), untrained)
    model = subject.copy(noise=False)
    train = subject.drawn(subject.train, EVALUATED)
    J, Y_hat = subject.measured(model, train)
    findings.append(underfitting(subject, train, J, Y_hat, history))
    judged, name, judged_Y_hat = train, "training", Y_hat
    if subject.validation is None:
        skipped["overfitting"] = "there are no validation data"
    else:
        judged, name = subject.drawn(subject.validation, EVALUATED), "validation"
        _, judged_Y_hat = subject.measured(model, judged)
        findings.append(overfitting(subject, (train, Y_hat), (judged, judged_Y_hat), history))
    if subject.output.classifies and np.isfinite(judged_Y_hat).all():
        findings += classification(subject, judged, judged_Y_hat, name)
    return findings, skipped


def score(subject: Subject, part: Part, Y_hat: Array) -> float:
    """Accuracy, or R2 for values."""
    if not np.isfinite(Y_hat).all():
        return -np.inf
    Y = subject.rows(part.y)
    if subject.output.classifies:
        return float(_metric(subject, "accuracy")(part.y, _for_metrics(Y_hat)))
    return float(metrics.r2(Y, Y_hat))


def _metric(subject: Subject, name: str) -> metrics.Metric:
    """The metric, told whether each output is a label of its own instead of guessing it from the sums of rows."""
    return metrics.resolve(name, True, multi_label=subject.n_classes is None)[1]


def _for_metrics(Y_hat: Array) -> Array:
    return Y_hat[:, 0] if Y_hat.shape[1] == 1 else Y_hat


# ---- underfitting and overfitting ---------------------------------------------------------------------------------


def underfitting(
    subject: Subject, part: Part, J: float, Y_hat: Array, history: Mapping[str, Sequence[float]] | None
) -> Finding:
    """Has it learned its own training examples, and more than a linear model?"""
    Y = subject.rows(part.y)
    floor = subject.least_cost(Y)
    to_learn = subject.prior_cost(Y) - floor
    if to_learn < NOTHING_TO_LEARN:
        return Finding(
            "underfitting", PHASE, "ok", f"y is the same everywhere: there is nothing to learn; J = {J:.3g}."
        )
    left = (J - floor) / to_learn
    own = score(subject, part, Y_hat)
    verdict = judge(left, *UNLEARNED)
    measure = "accuracy" if subject.output.classifies else "R2"
    message = (
        f"On the training examples J = {J:.3g}, {left:.0%} of that of the best constant guess; {measure} {own:.3g}."
    )
    evidence = {"J": J, "left": left, measure: own}
    if subject.clues is not None:
        linear = _linear_score(subject, subject.clues.linear)
        evidence["linear"] = linear
        behind = judge(linear - own, *BEHIND)
        if behind != "ok":
            verdict = worst(verdict, behind)
            message += f" A linear model reaches {linear:.3g} on examples that it has not seen."
    advice = (
        "more epochs, for the loss was still falling."
        if history is not None and _still_falling(history)
        else "another learning rate, more or wider layers, less regularization; then look at the data."
    )
    return Finding("underfitting", PHASE, verdict, message, evidence, advise(verdict, advice))


def _linear_score(subject: Subject, guesses: Array) -> float:
    if subject.n_classes is not None and subject.units > 1:
        return float((guesses.argmax(axis=1) == subject.targets.argmax(axis=1)).mean())
    if subject.output.classifies:
        return float(((guesses > 0.5) == (subject.targets > 0.5)).mean())
    return float(metrics.r2(subject.targets, guesses))


def _still_falling(history: Mapping[str, Sequence[float]]) -> bool:
    losses = np.array(history.get("loss", [])[-5:])
    return len(losses) > 1 and losses[-1] < losses[0] * (1 - STILL_FALLING) ** (len(losses) - 1)


def overfitting(
    subject: Subject,
    train: tuple[Part, Array],
    held_out: tuple[Part, Array],
    history: Mapping[str, Sequence[float]] | None,
) -> Finding:
    """Is it much better on its training examples than on others?"""
    own, other = score(subject, *train), score(subject, *held_out)
    n = len(held_out[0].X)
    measure = "accuracy" if subject.output.classifies else "R2"
    gap = own - other
    by_chance = 0.0
    if subject.output.classifies:
        p = (own * len(train[0].X) + other * n) / (len(train[0].X) + n)  # of both, if there is no difference
        by_chance = BY_CHANCE * np.sqrt(max(p * (1 - p), 1 / n) / n)
    verdict = judge(gap, *GAP) if gap > by_chance else "ok"
    message = (
        f"{measure} {own:.3g} on training, {other:.3g} on validation ({n:,} {'example' if n == 1 else 'examples'})."
    )
    if np.isnan(gap):
        verdict, gap = "notice", 0.0
        message = f"{measure} says nothing of {n:,} validation examples whose values are all the same."
    evidence: dict[str, Any] = {"training": own, "validation": other, "gap": gap}
    losses = [] if history is None else list(history.get("val_loss", []))
    if losses and np.isfinite(losses).all() and min(losses) > 0:
        late = min(losses[-3:])  # of the last epochs the best: a single jump is another finding
        risen = late / min(losses)
        evidence["val_loss_risen"] = risen
        if risen > VALIDATION_RISEN and late - min(losses) > SETTLED * losses[0]:
            verdict = worst(verdict, "notice")
            message += f" The validation loss was lowest in epoch {int(np.argmin(losses)) + 1} ({min(losses):.3g}) and "
            message += f"rose to {late:.3g}."
    advice = "more data; EarlyStopping; weight_decay, Dropout; fewer units."
    return Finding("overfitting", PHASE, verdict, message, evidence, advise(verdict, advice))


# ---- the learning curves -------------------------------------------------------------------------------------------


def course(history: Mapping[str, Sequence[float]]) -> list[Finding]:
    """Did the training loss fall, and stay a number?"""
    losses = np.array(history.get("loss", []), np.float64)
    if not len(losses):
        return []
    if not np.isfinite(losses).all():
        epoch = int(np.flatnonzero(~np.isfinite(losses))[0]) + 1
        message = f"The training loss was no number from epoch {epoch} on."
        advice = "a smaller learning rate, scaled inputs, clip_norm=1 in the optimizer."
        return [Finding("course of the loss", PHASE, "problem", message, {"epoch": epoch}, advice)]
    message = f"The training loss went from {losses[0]:.3g} in the first epoch to {losses[-1]:.3g} in the last."
    change = (losses[-1] - losses[0]) / abs(losses[0] or 1)
    verdict, advice = "ok", ""
    if change > RISEN:
        verdict, advice = "problem", "a smaller learning rate."
    elif len(losses) > 1 and change > -RISEN:
        verdict, advice = (
            "notice",
            "a larger learning rate, and what else is found here: it has learned next to nothing.",
        )
    evidence = {"first": float(losses[0]), "last": float(losses[-1])}
    return [Finding("course of the loss", PHASE, verdict, message, evidence, advise(verdict, advice))]


def unstable_validation(history: Mapping[str, Sequence[float]]) -> list[Finding]:
    """Does the validation loss jump from epoch to epoch?"""
    losses = np.array(history.get("val_loss", []), np.float64)
    if len(losses) < UNSTABLE_FROM or not np.isfinite(losses).all():
        return []
    late = losses[len(losses) // 3 :]  # the first epochs may fall as they like
    steps = np.diff(late)
    wavering = max(float(np.abs(steps).mean() - np.abs(steps.mean())), 0.0)
    level = max(float(late.mean()), SETTLED * float(losses[0]), 1e-12)
    share = wavering / level
    verdict = judge(share, *UNSTABLE)
    message = f"From epoch to epoch the validation loss goes up and down by {share:.0%} of its size."
    advice = "a smaller learning rate or one that decays, larger batches, more validation examples, or EMA."
    return [Finding("steady validation", PHASE, verdict, message, {"wavering": share}, advise(verdict, advice))]


# ---- classes ------------------------------------------------------------------------------------------------------


def classification(subject: Subject, part: Part, Y_hat: Array, name: str) -> list[Finding]:
    """What a classifier mistakes, never says, and how sure it is of it."""
    findings = []
    if subject.n_classes is not None:
        truth = subject.classes(part.y)
        guess = subject.output.predict(Y_hat)
        counts = np.zeros((subject.n_classes, subject.n_classes), np.intp)
        np.add.at(counts, (truth, guess), 1)
        findings += [confusion(counts, name), never_predicted(counts, name)]
    else:
        findings.append(labels_never_given(subject, part, Y_hat, name))
    if len(part.X) >= CALIBRATION_FROM:
        findings.append(calibration(subject, part, Y_hat, name))
    return findings


def confusion(counts: Array, name: str) -> Finding:
    """The class that is most often taken for one other."""
    wrong = counts - np.diag(np.diag(counts))
    shares = wrong / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    true, guessed = np.unravel_index(wrong.argmax(), wrong.shape)
    often = np.where(wrong >= CONFUSED_FROM, shares, 0)
    if often.any():
        true, guessed = np.unravel_index(often.argmax(), often.shape)
    n, share = int(wrong[true, guessed]), float(shares[true, guessed])
    verdict = judge(float(often.max()), *CONFUSED)
    message = (
        f"Most confused: {n} of {counts[true].sum():,} {name} examples of class {true} are taken for class {guessed}."
        if n
        else f"No {name} example is taken for another class."
    )
    advice = "look at these examples: are their labels right, can you tell them apart? More of them, or more features."
    evidence = {"true": int(true), "predicted": int(guessed), "n": n, "share": share}
    return Finding("confused classes", PHASE, verdict, message, evidence, advise(verdict, advice))


def never_predicted(counts: Array, name: str) -> Finding:
    """Classes that are there, but never predicted."""
    never = np.flatnonzero((counts.sum(axis=1) >= NEVER_FROM) & (counts.sum(axis=0) == 0))
    message = "Each class is predicted for some examples."
    if len(never):
        who = f"Class {listed(never)} is" if len(never) == 1 else f"Classes {listed(never)} are"
        message = f"{who} never predicted, though {name} has {counts[never].sum():,} such examples."
    verdict = "problem" if len(never) else "ok"
    advice = 'fit(class_weight="balanced"), more examples of it, a smaller learning rate (dead units look like this).'
    return Finding("silent classes", PHASE, verdict, message, {"n_never": len(never)}, advise(verdict, advice))


def labels_never_given(subject: Subject, part: Part, Y_hat: Array, name: str) -> Finding:
    """Of several labels, those that no example is given, though some have them."""
    has = subject.rows(part.y) > 0.5
    never = np.flatnonzero((has.sum(axis=0) >= NEVER_FROM) & ~(Y_hat > 0.5).any(axis=0))
    common = bool((has[:, never].mean(axis=0) >= COMMON_LABEL).any()) if len(never) else False
    message = "Each label is given to some examples."
    if len(never):
        message = f"Label {listed(never)} is never given, though {name} has {has[:, never].sum():,} examples with it."
    verdict = "problem" if common else "notice" if len(never) else "ok"
    advice = "a lower threshold than 1/2 for rare labels, sample_weight for their examples, or longer training."
    return Finding("silent classes", PHASE, verdict, message, {"n_never": len(never)}, advise(verdict, advice))


def calibration(subject: Subject, part: Part, Y_hat: Array, name: str) -> Finding:
    """Is it right as often as it says?"""
    Y = subject.rows(part.y)
    P = np.hstack([1 - Y_hat, Y_hat]) if subject.units == 1 else Y_hat
    error = _metric(subject, "expected_calibration_error")(_hard(subject, Y), _for_metrics(Y_hat))
    excess = max(error - _error_by_chance(subject, Y_hat), 0.0)
    verdict = judge(excess, *MISCALIBRATED)
    if subject.n_classes is None:
        confidence = float(np.maximum(Y_hat, 1 - Y_hat).mean())
        right = float(((Y_hat > 0.5) == (Y > 0.5)).mean())
    else:
        confidence = float(P.max(axis=1).mean())
        right = float((P.argmax(axis=1) == subject.classes(part.y)).mean())
    sure = "surer" if confidence > right else "less sure"
    if sure == "less sure" and verdict == "problem":
        verdict = "notice"  # its answers are better than it says
    message = (
        f"On {name} it is {confidence:.0%} certain in the mean and right in {right:.0%} of the cases (ECE {error:.2g})."
    )
    if verdict != "ok":
        message += f" It is {sure} than it should be."
    advice = {
        "surer": "EarlyStopping on val_loss, weight_decay, label smoothing; do not read its output as a probability.",
        "less sure": "longer training, less label smoothing; do not read its output as a probability.",
    }[sure]
    evidence = {"ece": error, "beyond_chance": excess, "confidence": confidence, "accuracy": right}
    return Finding("calibration", PHASE, verdict, message, evidence, advise(verdict, advice))


def _hard(subject: Subject, Y: Array) -> Array:
    """Labels as the metric takes them."""
    if subject.n_classes is None:
        return (Y > 0.5).astype(np.intp)
    return (Y[:, 0] > 0.5).astype(np.intp) if Y.shape[1] == 1 else Y.argmax(axis=1)


def _error_by_chance(subject: Subject, Y_hat: Array) -> float:
    """The calibration error of a network that is right, on labels drawn from its own probabilities."""
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(SIMULATIONS):
        if subject.n_classes is None or subject.units == 1:
            drawn = (rng.random(Y_hat.shape) < Y_hat).astype(np.intp)
            labels = drawn[:, 0] if subject.units == 1 else drawn
        else:
            labels = (Y_hat.cumsum(axis=1) < rng.random((len(Y_hat), 1)) * Y_hat.sum(axis=1, keepdims=True)).sum(axis=1)
            labels = np.minimum(labels, subject.units - 1)
        errors.append(_metric(subject, "expected_calibration_error")(labels, _for_metrics(Y_hat)))
    return float(np.mean(errors))
