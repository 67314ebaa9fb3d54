"""Checks after training: what has the network learned, and does it hold for other examples?"""

from typing import Any

import numpy as np

from nnlite import metrics
from nnlite.checks import Array
from nnlite.inspect.diagnosis.classes import classification, for_metrics, metric
from nnlite.inspect.diagnosis.curves import Curves, course, still_falling, unstable_validation, validation_rise
from nnlite.inspect.diagnosis.parts import FiniteExamples
from nnlite.inspect.diagnosis.report import Finding, Result, Skipped
from nnlite.inspect.diagnosis.subject import Subject
from nnlite.inspect.diagnosis.verdicts import advise, judge, worst

PHASE = "after"
AFTER = ("underfitting", "overfitting", "confusion", "calibration")

EVALUATED = 5000  # examples of each set: enough to know an accuracy to about 0.5 %
UNLEARNED = (0.7, 0.95)  # share of the loss of the best constant guess that is left on the training examples
BEHIND = (0.02, 0.05)  # score of a linear model, on examples it was not fitted to, minus that of the network
GAP = (0.05, 0.15)  # accuracy (or R2) on training minus validation
BY_CHANCE = 2.0  # standard errors of the validation accuracy; a smaller gap may be chance
NOTHING_TO_LEARN = 1e-9  # between the cost of the best constant guess and the least cost


def check(subject: Subject, history: Curves | None) -> list[Result]:
    """Return all findings about a trained network, and the checks that were not made."""
    results: list[Result] = []
    if history is not None:
        results += [*course(history), *unstable_validation(history)]
    if not subject.trained:
        untrained = "the network has not been trained (if it has, pass trained=True)"
        return results + [Skipped(name, untrained) for name in AFTER]
    model = subject.copy(noise=False)
    train = subject.drawn(subject.train, EVALUATED)
    J, Y_hat = subject.measured(model, train)
    results.append(underfitting(subject, train, J, Y_hat, history))
    judged, name, judged_Y_hat = train, "training", Y_hat
    if subject.validation is None:
        results.append(Skipped("overfitting", "there are no validation data"))
    else:
        judged, name = subject.drawn(subject.validation, EVALUATED), "validation"
        _, judged_Y_hat = subject.measured(model, judged)
        results.append(overfitting(subject, (train, Y_hat), (judged, judged_Y_hat), history))
    if not np.isfinite(judged_Y_hat).all():
        results += [Skipped(name, "the predictions are not finite") for name in ("confusion", "calibration")]
    elif subject.output.classifies:
        results += classification(subject, judged, judged_Y_hat, name)
    return results


def score(subject: Subject, part: FiniteExamples, Y_hat: Array) -> float:
    """Return the accuracy, or R2 for values."""
    if not np.isfinite(Y_hat).all():
        return -np.inf
    if subject.output.classifies:
        return float(metric(subject, "accuracy")(part.y, for_metrics(Y_hat)))
    return float(metrics.r2(subject.rows(part.y), Y_hat))


def underfitting(subject: Subject, part: FiniteExamples, J: float, Y_hat: Array, history: Curves | None) -> Finding:
    """Check that it has learned its training examples, and more than a linear model."""
    Y, weights = subject.rows(part.y), subject.weights(part.y)
    floor = subject.least_cost(Y, weights)
    to_learn = subject.prior_cost(Y, weights) - floor
    if weights is not None:
        J = subject.weighted_cost(Y_hat, Y, weights)
    if to_learn < NOTHING_TO_LEARN:
        message = f"y is the same in all examples: there is nothing to learn; J = {J:.3g}."
        return Finding("underfitting", PHASE, "ok", message)
    left = (J - floor) / to_learn
    own = score(subject, part, Y_hat)
    verdict = judge(left, *UNLEARNED)
    measure, how = "accuracy" if subject.output.classifies else "R2", ""
    if weights is not None and np.isfinite(Y_hat).all():
        own = float(np.average(subject.output.predict(Y_hat) == subject.classes(part.y), weights=weights))
        measure, how = "weighted accuracy", ", with the class weights of the training"
    message = (
        f"On the training examples{how}, J = {J:.3g} ({left:.0%} of that of the best constant guess), {measure} "
        f"{own:.3g}."
    )
    evidence = {"J": J, "left": left, measure: own}
    if subject.clues is not None:
        linear = evidence["linear"] = _linear_score(subject, subject.clues.linear, subject.weights(subject.sample.y))
        behind = judge(linear - own, *BEHIND)
        if behind != "ok":
            verdict = worst(verdict, behind)
            message += f" A linear model reaches {linear:.3g} on examples that it was not fitted to."
    advice = "another learning rate, more or wider layers, less regularization; then look at the data."
    if still_falling(history):
        advice = "more epochs: the loss was still falling."
    return Finding("underfitting", PHASE, verdict, message, evidence, advise(verdict, advice))


def _linear_score(subject: Subject, guesses: Array, weights: Array | None) -> float:
    """Return the accuracy (or R2) of the linear model on the sample."""
    if subject.n_classes is not None and subject.units > 1:
        return float(np.average(guesses.argmax(axis=1) == subject.targets.argmax(axis=1), weights=weights))
    if subject.output.classifies:
        return float(np.average(((guesses > 0.5) == (subject.targets > 0.5)).mean(axis=1), weights=weights))
    return float(metrics.r2(subject.targets, guesses))


def overfitting(
    subject: Subject,
    train: tuple[FiniteExamples, Array],
    held_out: tuple[FiniteExamples, Array],
    history: Curves | None,
) -> Finding:
    """Check that it is not much better on its training examples than on others."""
    own, other = score(subject, *train), score(subject, *held_out)
    n = len(held_out[0].X)
    measure = "accuracy" if subject.output.classifies else "R2"
    gap = own - other
    by_chance = 0.0
    if subject.output.classifies:
        p = (own * len(train[0].X) + other * n) / (len(train[0].X) + n)  # the accuracy on both
        by_chance = BY_CHANCE * np.sqrt(max(p * (1 - p), 1 / n) / n)
    verdict = judge(gap, *GAP) if gap > by_chance else "ok"
    examples = f"{n:,} {'example' if n == 1 else 'examples'}"
    message = f"{measure} {own:.3g} on training, {other:.3g} on validation ({examples})."
    if np.isnan(gap):
        verdict, gap = "notice", 0.0
        message = f"{measure} is undefined on validation, because y does not vary there ({examples})."
    evidence: dict[str, Any] = {"training": own, "validation": other, "gap": gap}
    risen, sentence = validation_rise(history)
    if risen is not None:
        evidence["val_loss_risen"] = risen
    if sentence:
        verdict = worst(verdict, "notice")
        message += sentence
    advice = "more data; EarlyStopping; weight_decay, Dropout; fewer units."
    return Finding("overfitting", PHASE, verdict, message, evidence, advise(verdict, advice))
