"""Checks after training of a classifier: confused classes, classes that are never predicted, and calibration."""

from collections.abc import Sequence

import numpy as np

from nnlite import metrics
from nnlite.checks import Array
from nnlite.inspect.diagnosis.parts import FiniteExamples
from nnlite.inspect.diagnosis.report import Finding, Result, Skipped
from nnlite.inspect.diagnosis.subject import Subject
from nnlite.inspect.diagnosis.verdicts import advise, judge, listed

PHASE = "after"

CONFUSED = (0.2, 0.5)  # share of a class that is taken for one other class
CONFUSED_FROM = 5  # such examples
NEVER_FROM = 5  # examples of a class; with fewer, it is no wonder that none is predicted
COMMON_LABEL = 0.2  # share of the examples; a label that as many have should be predicted sometimes

# The networks in C. Guo et al., "On calibration of modern neural networks", 2017, table 1, have about these errors.
MISCALIBRATED = (0.05, 0.15)  # expected calibration error, minus that of a perfect network on as many examples
CALIBRATION_FROM = 50  # examples
SIMULATIONS = 20


def classification(subject: Subject, part: FiniteExamples, Y_hat: Array, name: str) -> list[Result]:
    """Return the findings about the predictions for the ``name`` examples."""
    findings: list[Result] = []
    if subject.n_classes is not None:
        counts = np.zeros((subject.n_classes, subject.n_classes), np.intp)
        np.add.at(counts, (subject.classes(part.y), subject.output.predict(Y_hat)), 1)
        names = subject.model.class_names
        findings += [confusion(counts, name, names), never_predicted(counts, name, names, subject.class_weight)]
    else:
        findings.append(labels_never_given(subject, part, Y_hat, name))
    if subject.class_weight is not None:
        findings.append(Skipped("calibration", "class weights make rare classes more probable than they are"))
    elif len(part.X) >= CALIBRATION_FROM:
        findings.append(calibration(subject, part, Y_hat, name))
    else:
        findings.append(Skipped("calibration", f"there are fewer than {CALIBRATION_FROM} {name} examples"))
    return findings


def metric(subject: Subject, name: str) -> metrics.Metric:
    """Return a metric that knows whether the outputs are labels that do not exclude one another."""
    return metrics.resolve(name, True, multi_label=subject.n_classes is None)[1]


def for_metrics(Y_hat: Array) -> Array:
    """Return Y_hat as metrics take it: (M,) for a single output unit."""
    return Y_hat[:, 0] if Y_hat.shape[1] == 1 else Y_hat


def confusion(counts: Array, name: str, names: Sequence[str] | None = None) -> Finding:
    """Find the class that is most often taken for one other; ``counts`` has a row for each true class."""
    wrong = counts - np.diag(np.diag(counts))
    shares = wrong / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    often = np.where(wrong >= CONFUSED_FROM, shares, 0)
    ranked = often if often.any() else wrong
    true, guessed = np.unravel_index(ranked.argmax(), wrong.shape)
    n, share = int(wrong[true, guessed]), float(shares[true, guessed])
    wrong_class, right_class = (listed([int(k)], names=names) for k in (guessed, true))
    verdict = judge(float(often.max()), *CONFUSED)
    message = (
        f"Most confused: {n} of {counts[true].sum():,} {name} examples of class {right_class} are taken for class "
        f"{wrong_class}."
        if n
        else f"No {name} example is taken for another class."
    )
    advice = "look at these examples: are their labels right, and can you distinguish them? Add examples or features."
    evidence = {"true": int(true), "predicted": int(guessed), "n": n, "share": share}
    return Finding("confused classes", PHASE, verdict, message, evidence, advise(verdict, advice))


def never_predicted(
    counts: Array, name: str, names: Sequence[str] | None = None, class_weight: Array | None = None
) -> Finding:
    """Look for classes that occur, but are never predicted."""
    never = np.flatnonzero((counts.sum(axis=1) >= NEVER_FROM) & (counts.sum(axis=0) == 0))
    message = "Each class is predicted for some examples."
    if len(never):
        them = listed(never, names=names)
        who = f"Class {them} is" if len(never) == 1 else f"Classes {them} are"
        message = f"{who} never predicted, although there are {counts[never].sum():,} such {name} examples."
    verdict = "problem" if len(never) else "ok"
    advice = "more examples, or a smaller learning rate (dead units look like this)."
    if class_weight is None:
        advice = f'fit(class_weight="balanced"), {advice}'
    return Finding("silent classes", PHASE, verdict, message, {"n_never": len(never)}, advise(verdict, advice))


def labels_never_given(subject: Subject, part: FiniteExamples, Y_hat: Array, name: str) -> Finding:
    """Look for labels that some examples have, but none is given."""
    has = subject.rows(part.y) > 0.5
    never = np.flatnonzero((has.sum(axis=0) >= NEVER_FROM) & ~(Y_hat > 0.5).any(axis=0))
    common = bool((has[:, never].mean(axis=0) >= COMMON_LABEL).any()) if len(never) else False
    message = "Each label is given to some examples."
    if len(never):
        message = f"Label {listed(never)} is never given, although {has[:, never].sum():,} {name} examples have it."
    verdict = "problem" if common else "notice" if len(never) else "ok"
    advice = "a lower threshold than 1/2 for rare labels, sample_weight for their examples, or longer training."
    return Finding("silent classes", PHASE, verdict, message, {"n_never": len(never)}, advise(verdict, advice))


def calibration(subject: Subject, part: FiniteExamples, Y_hat: Array, name: str) -> Finding:
    """Compare how certain the network is with how often it is right."""
    Y = subject.rows(part.y)
    hard = _hard(subject, Y)
    error = metric(subject, "expected_calibration_error")(hard, for_metrics(Y_hat))
    excess = max(error - _error_by_chance(subject, Y_hat), 0.0)
    verdict = judge(excess, *MISCALIBRATED)
    if subject.n_classes is None:
        confidence = float(np.maximum(Y_hat, 1 - Y_hat).mean())
        right = float(((Y_hat > 0.5) == hard).mean())
    else:
        P = subject.output.predict_proba(Y_hat)
        confidence = float(P.max(axis=1).mean())
        right = float((P.argmax(axis=1) == subject.classes(part.y)).mean())
    too_certain = confidence > right
    if not too_certain and verdict == "problem":
        verdict = "notice"  # its predictions are better than it claims
    message = f"On {name} data, its mean certainty is {confidence:.0%} and its accuracy {right:.0%} (ECE {error:.2g})."
    if verdict != "ok":
        message += f" It is {'too' if too_certain else 'not'} certain{'' if too_certain else ' enough'}."
    advice = (
        "EarlyStopping on val_loss, weight_decay or label smoothing"
        if too_certain
        else "longer training, or less label smoothing"
    ) + "; do not read its output as a probability."
    evidence = {"ece": error, "beyond_chance": excess, "confidence": confidence, "accuracy": right}
    return Finding("calibration", PHASE, verdict, message, evidence, advise(verdict, advice))


def _hard(subject: Subject, Y: Array) -> Array:
    """Return the labels as integers, as the metric takes them."""
    if subject.n_classes is None:
        return (Y > 0.5).astype(np.intp)
    return (Y[:, 0] > 0.5).astype(np.intp) if Y.shape[1] == 1 else Y.argmax(axis=1)


def _error_by_chance(subject: Subject, Y_hat: Array) -> float:
    """Return the calibration error of a perfect network: labels are drawn from its own probabilities."""
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(SIMULATIONS):
        if subject.n_classes is None or subject.units == 1:
            drawn = (rng.random(Y_hat.shape) < Y_hat).astype(np.intp)
            labels = drawn[:, 0] if subject.units == 1 else drawn
        else:
            labels = (Y_hat.cumsum(axis=1) < rng.random((len(Y_hat), 1)) * Y_hat.sum(axis=1, keepdims=True)).sum(axis=1)
            labels = np.minimum(labels, subject.units - 1)
        errors.append(metric(subject, "expected_calibration_error")(labels, for_metrics(Y_hat)))
    return float(np.mean(errors))
