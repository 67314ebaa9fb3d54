"""What happened to one example, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Exponential, Identity, Output, Sigmoid, Softmax

MOST_NAMED = 5  # outputs that a story mentions one by one


class Outcome(NamedTuple):
    """What the network says of an example, and what that costs."""

    y_hat: Array
    L: float


def check_class_names(names: Any, output: Output, units: int) -> list[str] | None:
    """One name for each class (or output), as strings; None stays None."""
    if names is None:
        return None
    n = 2 if isinstance(output, Sigmoid) and units == 1 else units
    if isinstance(names, (str, Mapping)) or not hasattr(names, "__len__") or len(names) != n:
        what = "classes" if output.classifies else "outputs"
        raise ArgumentError(f"class_names: expected a list of {n} names, one for each of the {what}, got {names!r}")
    return [str(name) for name in names]


def tell(
    output: Output, example: int, y: Array, outcomes: Sequence[Outcome], names: list[str] | None, learned: str
) -> str:
    """The story of an example: the truth, what the network says of it and what that costs, before and after a step.

    Parameters
    ----------
    output : Output
        The network's.
    example : int
        Its index.
    y : ndarray, (n[L],)
        The truth.
    outcomes : sequence of Outcome
        Before and after the step.
    names : list of str or None
        Of the classes or outputs.
    learned : str
        What step it was; "" if there was none.
    """
    before, after = outcomes
    for kind, sentences in (
        (Softmax, _of_classes),
        (Sigmoid, _of_labels),
        (Identity, _of_values),
        (Exponential, _of_counts),
    ):
        if isinstance(output, kind):
            return sentences(output, f"Example {example}", y, before, after, names, learned)
    rest = f" After {learned} L = {after.L:.3g}." if learned else ""
    return (
        f"The truth of example {example} is {_row(y)}, the network says {_row(before.y_hat)}; L = {before.L:.3g}.{rest}"
    )


def _of_classes(
    output: Any, subject: str, y: Array, before: Outcome, after: Outcome, names: list[str] | None, learned: str
) -> str:
    """Softmax: one of C classes."""
    if np.count_nonzero(y) != 1:
        return _of_shares(output, subject, y, before, after, names, learned)
    truth, guess = int(y.argmax()), int(before.y_hat.argmax())
    name = _class(truth, names)
    said = f"{subject} is {name}. The network is {percent(before.y_hat[truth])} certain that it is {name}; "
    said += f"{_log_loss(before.L, before.y_hat[truth], output.label_smoothing)}."
    if guess == truth:
        said += " That is its first choice."
    elif before.y_hat[guess] == before.y_hat[truth]:
        said += f" It is as certain that it is {_class(guess, names)}."
    else:
        said += f" It would rather say {_class(guess, names)} ({percent(before.y_hat[guess])})."
    if learned:
        said += f" After {learned} it is {percent(after.y_hat[truth])} certain; L = {after.L:.3g}."
    return said


def _of_shares(
    output: Any, subject: str, y: Array, before: Outcome, after: Outcome, names: list[str] | None, learned: str
) -> str:
    """Softmax with probabilities as the truth."""

    def shares(probabilities: Array) -> str:
        largest = np.argsort(-probabilities, kind="stable")[:MOST_NAMED]
        return ", ".join(f"{percent(probabilities[j])} {_name(int(j), names)}" for j in largest if probabilities[j] > 0)

    said = f"{subject} is {shares(y)}. The network says {shares(before.y_hat)}; L = {before.L:.3g}."
    return said + (f" After {learned} it says {shares(after.y_hat)}; L = {after.L:.3g}." if learned else "")


def _of_labels(
    output: Any, subject: str, y: Array, before: Outcome, after: Outcome, names: list[str] | None, learned: str
) -> str:
    """Sigmoid: two classes, or labels that do not exclude one another."""
    if len(y) > 1:
        return _of_several_labels(subject, y, before, after, names, learned)
    if y[0] not in (0, 1):
        name = _class(1, names)
        said = f"{subject} is {name} with probability {percent(y[0])}. The network says {percent(before.y_hat[0])}; "
        said += f"L = {before.L:.3g}."
        return said + (f" After {learned} it says {percent(after.y_hat[0])}; L = {after.L:.3g}." if learned else "")
    pair = [np.append(1 - outcome.y_hat, outcome.y_hat) for outcome in (before, after)]
    Y = np.append(1 - y, y)
    return _of_classes(output, subject, Y, Outcome(pair[0], before.L), Outcome(pair[1], after.L), names, learned)


def _of_several_labels(
    subject: str, y: Array, before: Outcome, after: Outcome, names: list[str] | None, learned: str
) -> str:
    """The labels on which the network errs most."""
    worst = np.argsort(-np.abs(before.y_hat - y), kind="stable")[:MOST_NAMED]
    has = [_name(int(j), names) for j in np.flatnonzero(y > 0.5)]
    shown = f"{', '.join(has[:MOST_NAMED])}{', ...' if len(has) > MOST_NAMED else ''}" if has else "none"
    said = f"{subject} has the labels {shown}." if len(has) != 1 else f"{subject} has the label {shown}."
    certainties = ", ".join(
        f"{percent(before.y_hat[j])} certain of {_name(int(j), names)} ({'right' if y[j] > 0.5 else 'not there'})"
        for j in worst
    )
    said += f" The network is {certainties}; L = {before.L:.3g}."
    return said + (f" After {learned} L = {after.L:.3g}." if learned else "")


def _of_values(
    output: Any, subject: str, y: Array, before: Outcome, after: Outcome, names: list[str] | None, learned: str
) -> str:
    """Identity: values."""
    error = before.y_hat - y
    if len(y) > 1:
        j = int(np.abs(error).argmax())
        said = (
            f"The values of {subject.lower()} are {_row(y)}. The network says {_row(before.y_hat)}, which is farthest "
        )
        said += f"off for {_name(j, names, 'output')}; L = {before.L:.3g}."
        return said + (f" After {learned} L = {after.L:.3g}." if learned else "")
    what = f"{names[0]} of {subject.lower()}" if names else f"value of {subject.lower()}"
    off = f"{abs(error[0]):.3g} too {'high' if error[0] > 0 else 'low'}" if error[0] else "which is right"
    said = f"The {what} is {y[0]:.4g}. The network says {before.y_hat[0]:.4g}, {off}; "
    said += f"L = 1/2 ({before.y_hat[0]:.4g} - {_signed(y[0])})^2 = {before.L:.3g}."
    return said + (f" After {learned} it says {after.y_hat[0]:.4g}; L = {after.L:.3g}." if learned else "")


def _of_counts(
    output: Any, subject: str, y: Array, before: Outcome, after: Outcome, names: list[str] | None, learned: str
) -> str:
    """Exponential: counts."""
    several = len(y) > 1
    what = f"number of {names[0]}" if names and not several else "counts" if several else "count"
    said = f"The {what} of {subject.lower()} {'are' if several else 'is'} {_row(y)}. "
    said += f"The network expects {_row(before.y_hat)}; L = {before.L:.3g}."
    return said + (f" After {learned} it expects {_row(after.y_hat)}; L = {after.L:.3g}." if learned else "")


# ---- words -----------------------------------------------------------------------------------------------------


def percent(probability: float) -> str:
    """As in the notes: "20 %", with three digits where there are so many."""
    value = 100 * float(probability)
    if 0 < value < 0.001:
        return "less than 0.001 %"
    if 99.999 < value < 100:
        return "more than 99.999 %"
    return f"{value:.5g} %" if value > 99 else f"{value:.3g} %"


def _log_loss(L: float, probability: float, smoothing: float) -> str:
    if smoothing:
        return f"L = {L:.3g} with label smoothing {smoothing:g}"
    if probability in (0, 1):
        return f"L = {L:.3g}"
    return f"L = -log {probability:.3g} = {L:.3g}"


def _class(j: int, names: list[str] | None) -> str:
    """Return "class 1", or a given name with its article: "a cat", "an owl", "an 8"."""
    if names is None:
        return f"class {j}"
    name = names[j]
    known = name.lower().startswith(("a ", "an ", "the ", "no ", "not ")) or name.lower() in (
        "other",
        "none",
        "nothing",
    )
    if known or not name:
        return name
    an = name[0].lower() in "aeio" or name[0] == "8" or name in ("11", "18")
    return f"{'an' if an else 'a'} {name}"


def _name(j: int, names: list[str] | None, otherwise: str = "class") -> str:
    return names[j] if names else f"{otherwise} {j}"


def _signed(value: float) -> str:
    return f"({value:.4g})" if value < 0 else f"{value:.4g}"


def _row(values: Array) -> str:
    shown = ", ".join(f"{value:.4g}" for value in values[:MOST_NAMED])
    rest = ", ..." if len(values) > MOST_NAMED else ""
    return f"({shown}{rest})" if len(values) > 1 else shown
