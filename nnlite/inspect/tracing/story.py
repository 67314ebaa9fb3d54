"""The story of one example, in words: its target, what the network predicts, and how that changes in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Exponential, Identity, Output, Sigmoid, Softmax

MOST_NAMED = 5  # outputs that a story names


class Outcome(NamedTuple):
    """The prediction for an example, (n[L],), and its loss."""

    y_hat: Array
    L: float


class Facts(NamedTuple):
    """What a story is made of.

    ``subject`` is "Example 3"; ``y`` (n[L],) its target; ``before`` and ``after`` are the outcomes around the step
    ``learned``, which is "" if no layer learns; ``names`` are those of the classes or outputs.
    """

    subject: str
    y: Array
    before: Outcome
    after: Outcome
    names: list[str] | None
    learned: str
    label_smoothing: float = 0.0

    @property
    def of_subject(self) -> str:
        """Return "example 3"."""
        return self.subject.lower()

    def name(self, j: int, otherwise: str = "class") -> str:
        """Return the name of output j, or "class 1"."""
        return self.names[j] if self.names else f"{otherwise} {j}"

    def a_name(self, j: int) -> str:
        """Return "class 1", or a name with its article: "a cat", "an owl", "an 8"."""
        if self.names is None:
            return f"class {j}"
        name = self.names[j]
        whole = name.lower() in ("", "other", "none", "nothing")
        if whole or name.lower().startswith(("a ", "an ", "the ", "no ", "not ")):
            return name
        an = name[0].lower() in "aeio" or name[0] == "8" or name in ("11", "18")
        return f"{'an' if an else 'a'} {name}"


def check_names(names: Any, output: Output, units: int) -> list[str] | None:
    """Return the names as strings, one for each class (or output); None stays None."""
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
    """Tell the story of an example.

    Parameters
    ----------
    output : Output
        The output layer of the network.
    example : int
        Its index.
    y : ndarray, (n[L],)
        Its target.
    outcomes : sequence of Outcome
        Before and after the step.
    names : list of str or None
        The names of the classes or outputs.
    learned : str
        Describes the step; "" if there was none.
    """
    smoothing = getattr(output, "label_smoothing", 0.0)
    facts = Facts(f"Example {example}", y, outcomes[0], outcomes[1], names, learned, smoothing)
    if isinstance(output, Softmax):
        return _of_one_class(facts) if np.count_nonzero(y) == 1 else _of_probabilities(facts)
    if isinstance(output, Sigmoid):
        return _of_two_classes(facts) if len(y) == 1 else _of_labels(facts)
    if isinstance(output, Identity):
        return _of_value(facts) if len(y) == 1 else _of_values(facts)
    if isinstance(output, Exponential):
        return _of_counts(facts)
    said = f"The target of {facts.of_subject} is {_row(y)}, the network predicts {_row(facts.before.y_hat)}; "
    return said + f"L = {facts.before.L:.3g}." + _then(facts)


def _of_one_class(facts: Facts) -> str:
    """Softmax, with one of C classes as the target."""
    y_hat = facts.before.y_hat
    truth, guess = int(facts.y.argmax()), int(y_hat.argmax())
    name = facts.a_name(truth)
    said = f"{facts.subject} is {name}. The network is {percent(y_hat[truth])} certain that it is {name}; "
    said += f"{_log_loss(facts.before.L, y_hat[truth], facts.label_smoothing)}."
    if guess == truth:
        said += " That is its first choice."
    elif y_hat[guess] == y_hat[truth]:
        said += f" It gives {facts.a_name(guess)} the same probability."
    else:
        said += f" Its first choice is {facts.a_name(guess)} ({percent(y_hat[guess])})."
    return said + _then(facts, f"it is {percent(facts.after.y_hat[truth])} certain; ")


def _of_probabilities(facts: Facts) -> str:
    """Softmax, with probabilities as the target."""

    def shares(probabilities: Array) -> str:
        largest = np.argsort(-probabilities, kind="stable")[:MOST_NAMED]
        return ", ".join(f"{percent(probabilities[j])} {facts.name(int(j))}" for j in largest if probabilities[j] > 0)

    said = f"{facts.subject} is {shares(facts.y)}. The network predicts {shares(facts.before.y_hat)}; "
    return said + f"L = {facts.before.L:.3g}." + _then(facts, f"it predicts {shares(facts.after.y_hat)}; ")


def _of_two_classes(facts: Facts) -> str:
    """Sigmoid with one unit."""
    y, before, after = facts.y, facts.before, facts.after
    if y[0] in (0, 1):
        pairs = [np.append(1 - values, values) for values in (y, before.y_hat, after.y_hat)]
        both = facts._replace(y=pairs[0], before=Outcome(pairs[1], before.L), after=Outcome(pairs[2], after.L))
        return _of_one_class(both)
    said = f"{facts.subject} is {facts.a_name(1)} with probability {percent(y[0])}. "
    said += f"The network predicts {percent(before.y_hat[0])}; L = {before.L:.3g}."
    return said + _then(facts, f"it predicts {percent(after.y_hat[0])}; ")


def _of_labels(facts: Facts) -> str:
    """Sigmoid with several units: the labels with the largest errors."""
    y, y_hat = facts.y, facts.before.y_hat
    worst = np.argsort(-np.abs(y_hat - y), kind="stable")[:MOST_NAMED]
    present = [facts.name(int(j)) for j in np.flatnonzero(y > 0.5)]
    shown = f"{', '.join(present[:MOST_NAMED])}{', ...' if len(present) > MOST_NAMED else ''}"
    said = {0: f"{facts.subject} has no label.", 1: f"{facts.subject} has the label {shown}."}.get(
        len(present), f"{facts.subject} has the labels {shown}."
    )
    certainties = ", ".join(
        f"{percent(y_hat[j])} certain of {facts.name(int(j))} ({'present' if y[j] > 0.5 else 'absent'})" for j in worst
    )
    return said + f" The network is {certainties}; L = {facts.before.L:.3g}." + _then(facts)


def _of_value(facts: Facts) -> str:
    """Identity with one unit."""
    y, y_hat, L = facts.y[0], facts.before.y_hat[0], facts.before.L
    what = facts.names[0] if facts.names else "value"
    error = y_hat - y
    off = f"{abs(error):.3g} too {'high' if error > 0 else 'low'}" if error else "which is right"
    said = f"The {what} of {facts.of_subject} is {y:.4g}. The network predicts {y_hat:.4g}, {off}; "
    said += f"L = 1/2 ({y_hat:.4g} - {_in_brackets(y)})^2 = {L:.3g}."
    return said + _then(facts, f"it predicts {facts.after.y_hat[0]:.4g}; ")


def _of_values(facts: Facts) -> str:
    """Identity with several units."""
    y, y_hat = facts.y, facts.before.y_hat
    worst = facts.name(int(np.abs(y_hat - y).argmax()), "output")
    said = f"The values of {facts.of_subject} are {_row(y)}. The network predicts {_row(y_hat)}; "
    return said + f"the error of {worst} is the largest. L = {facts.before.L:.3g}." + _then(facts)


def _of_counts(facts: Facts) -> str:
    """Exponential."""
    several = len(facts.y) > 1
    what = "counts" if several else f"number of {facts.names[0]}" if facts.names else "count"
    said = f"The {what} of {facts.of_subject} {'are' if several else 'is'} {_row(facts.y)}. "
    said += f"The network expects {_row(facts.before.y_hat)}; L = {facts.before.L:.3g}."
    return said + _then(facts, f"it expects {_row(facts.after.y_hat)}; ")


# ---- words -----------------------------------------------------------------------------------------------------


def percent(probability: float) -> str:
    """Return "20 %", with three digits if needed, as in the course notes."""
    value = 100 * float(probability)
    if 0 < value < 0.001:
        return "less than 0.001 %"
    if 99.999 < value < 100:
        return "more than 99.999 %"
    return f"{value:.5g} %" if value > 99 else f"{value:.3g} %"


def _then(facts: Facts, what: str = "") -> str:
    """Return the sentence about the outcome after the step."""
    return f" After {facts.learned}, {what}L = {facts.after.L:.3g}." if facts.learned else ""


def _log_loss(L: float, probability: float, smoothing: float) -> str:
    if smoothing:
        return f"L = {L:.3g} with label smoothing {smoothing:g}"
    if probability in (0, 1):
        return f"L = {L:.3g}"
    return f"L = -log {probability:.3g} = {L:.3g}"


def _in_brackets(value: float) -> str:
    """Return a number, in brackets if it is negative."""
    return f"({value:.4g})" if value < 0 else f"{value:.4g}"


def _row(values: Array) -> str:
    shown = ", ".join(f"{value:.4g}" for value in values[:MOST_NAMED])
    rest = ", ..." if len(values) > MOST_NAMED else ""
    return f"({shown}{rest})" if len(values) > 1 else shown
