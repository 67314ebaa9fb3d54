"""A short training on a copy, and what is recorded of a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.inspect.diagnosis.parts import FiniteExamples
from nnlite.inspect.diagnosis.probe import copied_weights, weight_matrices
from nnlite.inspect.diagnosis.subject import BLOCK, Subject
from nnlite.network.network import Network

TRIAL_STEPS = 200
TRIAL_EXAMPLES = 2500  # with small batches, more steps are made so that as many examples are seen,
MOST_STEPS = 500  # but not more steps than this
LARGEST_BATCH = 2048  # examples; a larger batch hardly shows more
TRIAL_WORK = 4e8  # parameters times steps: larger networks make fewer steps, so that the trial takes seconds
LEAST_STEPS = 40
CHUNKS = 20  # pieces of the training; the losses are averaged in each


@dataclass
class Record:
    """What is recorded of a training.

    Attributes
    ----------
    first : float
        The loss before the first step, or the mean over the first batches with at least 16 examples together.
    blank : float
        The cost of a network that knows nothing, or infinity. Random weights may add to it, and that is soon unlearned.
    losses : list of float
        The loss of each batch.
    updates : dict of str to list of float
        |update| / |weights| of each weight matrix.
    """

    first: float = math.nan
    blank: float = math.inf
    losses: list[float] = field(default_factory=list)
    updates: dict[str, list[float]] = field(default_factory=dict)

    def note_update(self, before: dict[str, Array], after: dict[str, Array]) -> None:
        """Record how far a step changed the weights."""
        for name, W in before.items():
            size = float(np.linalg.norm(W))
            if size > 0:
                self.updates.setdefault(name, []).append(float(np.linalg.norm(after[name] - W)) / size)

    def averaged(self) -> Array:
        """Return the mean loss in each of CHUNKS pieces of the training, or in fewer if it was short."""
        pieces = np.array_split(np.array(self.losses), min(CHUNKS, len(self.losses)))
        return np.array([piece.mean() for piece in pieces])


class Trial(NamedTuple):
    """A short training on a copy.

    Attributes
    ----------
    record : Record
    model : Network
        After the training, without noise.
    J_before, J_after : float
        Its cost on some training examples.
    """

    record: Record
    model: Network
    J_before: float
    J_after: float

    @classmethod
    def run(cls, subject: Subject, factor: float = 1.0) -> Trial:
        """Train with ``factor`` times the user's learning rate."""
        model, optimizer, quiet = subject.copy(), subject.optimizer(factor), subject.copy(noise=False)
        part = subject.drawn(subject.sample, BLOCK)
        size = min(subject.batch_size, LARGEST_BATCH)
        n_steps = min(max(TRIAL_STEPS, math.ceil(TRIAL_EXAMPLES / size)), MOST_STEPS)
        n_steps = int(np.clip(TRIAL_WORK / max(model.n_parameters, 1), LEAST_STEPS, n_steps))
        if callable(optimizer.learning_rate):
            optimizer.learning_rate = shortened(optimizer.learning_rate, n_steps)
        J_before = _cost(quiet, part)
        record = Record(J_before, subject.blank_cost(subject.targets))
        for rows in _batches(len(subject.train.X), size, n_steps, np.random.default_rng(0)):
            y = subject.train.y[rows]
            model.forward(subject.train.X[rows])
            record.losses.append(model.cost(y))
            if not math.isfinite(record.losses[-1]):
                break
            model.backward(y)
            before = copied_weights(model)
            optimizer.step(model)
            record.note_update(before, weight_matrices(model))
        quiet.theta, quiet.state = model.theta, model.state
        return cls(record, quiet, J_before, _cost(quiet, part))


def _cost(model: Network, part: FiniteExamples) -> float:
    """Return J as in training, so that running averages that are not yet right do not matter."""
    model.forward(part.X)
    return model.cost(part.y)


def _batches(n: int, size: int, n_steps: int, rng: np.random.Generator) -> Iterator[Array]:
    """Yield the rows of ``n_steps`` batches; an example comes again only after all others."""
    order = rng.permutation(n)
    for _ in range(n_steps):
        if len(order) < size:
            order = np.concatenate([order, rng.permutation(n)])
        yield order[:size]
        order = order[size:]


def shortened(rate: Callable[[int], float], n_steps: int) -> Callable[[int], float]:
    """Return a schedule for a short trial: ``rate``, or a linear rise to its peak if the peak comes too late."""
    steps = [*range(1000), *map(int, np.geomspace(1000, 1e6, 200))]
    rates = []
    for step in steps:
        try:
            rates.append(float(rate(step)))
        except Exception:  # a user's function may have no value for this step
            break
    peak = int(np.argmax(rates)) if rates else 0
    if steps[peak] <= n_steps / 2:
        return rate
    return lambda step: rates[peak] * min(1.0, (step + 1) / (n_steps / 2))
