"""Checks during training: of its first steps, tried on a copy, or of a real one that a callback watches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.inspect.diagnosis.layers import walk, weight_matrices
from nnlite.inspect.diagnosis.report import VERDICTS, Finding, advise, judge
from nnlite.inspect.diagnosis.subject import BLOCK, Part, Subject
from nnlite.layers import Sigmoid, Tanh
from nnlite.model import Model

PHASE = "during"

TRIAL_STEPS = 200
TRIAL_EXAMPLES = 2500  # so many are seen, however small the batches,
MOST_STEPS = 500  # in no more than so many steps
LARGEST_BATCH = 2048  # examples to a step of the trial; more hardly tell more
TRIAL_WORK = 4e8  # parameters times steps: larger networks get fewer steps, so that this takes seconds
LEAST_STEPS = 40
CHUNKS = 20  # the losses of the batches are averaged in so many pieces

# A thousandth is the rule of thumb of A. Karpathy, Stanford CS231n, "Neural networks 3: learning and evaluation", 2015.
# In the first steps ten times more is common; with a fifth, a matrix is another one after ten steps.
LARGE_UPDATES = (0.1, 0.2)  # |theta_new - theta| / |theta| of a weight matrix
SMALL_UPDATES = (1e-5, 1e-6)

RISEN = 1.0  # mean loss at the end over that at the beginning: from here on it has learned nothing
BOUNCED = 1.0  # sum of all rises of the averaged loss, over the first loss: what was won was lost as often
HARDLY_MOVED = (0.05, 0.01)  # share of the loss that is gone after the trial
FASTER = 3.0  # a rate is too low if larger ones bring so many times as much
FACTORS = (10.0, 100.0, 0.1, 1e3, 0.01, 1e4, 1e5)  # of the rate, tried in turn where the loss hardly moves

# With a rate that is too high 40 % may be dead (CS231n, "Neural networks 1"); in small networks a fifth is not rare.
DEAD = (0.25, 0.5)  # share of a layer's units whose slope is 0 for every example
# A unit all of whose z lie far out gives a constant, and its weights a tenth of the gradient or less (X. Glorot and
# Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010).
SATURATED = (0.25, 0.5)  # share of a layer's units
FLAT = 0.1  # slope, over the steepest: |tanh z| > 0.95
NEARLY_ALWAYS = 0.95  # of the examples
PROBE_FROM = 20  # examples before a unit that is off for all of them says anything

WATCHED_STEPS = (20, 20)  # a callback measures updates in the first steps, and then in every 20th


@dataclass
class Record:
    """What is noted of a training: the loss of each batch, and |update| / |weights| of each matrix, by name.

    ``first`` is the loss before the first step, or that of the first batches, of at least 16 examples together.
    """

    first: float = math.nan
    losses: list[float] = field(default_factory=list)
    updates: dict[str, list[float]] = field(default_factory=dict)

    def note_update(self, before: dict[str, Array], after: dict[str, Array]) -> None:
        """Compare the weights before and after a step."""
        for name, W in before.items():
            norm = float(np.linalg.norm(W))
            if norm > 0:
                self.updates.setdefault(name, []).append(float(np.linalg.norm(after[name] - W)) / norm)

    def averaged(self) -> Array:
        """The mean loss in each of CHUNKS pieces of the training (or of fewer, if it was short)."""
        pieces = np.array_split(np.array(self.losses), min(CHUNKS, len(self.losses)))
        return np.array([piece.mean() for piece in pieces])


def weights_of(model: Model) -> dict[str, Array]:
    """Copies of the weight matrices, by name."""
    return {name: W.copy() for name, W in weight_matrices(model).items()}


def check(subject: Subject) -> tuple[list[Finding], dict[str, str]]:
    """All findings about the first steps of training, tried on a copy; of a trained network only its units."""
    if subject.trained:
        skipped = dict.fromkeys(("size of updates", "learning rate"), "the network has been trained")
        return units(subject.copy(noise=False), _probe(subject)), skipped
    trial = Trial.run(subject)
    findings = [*updates(trial.record), learning_rate(subject, trial)]
    return findings + units(trial.model, _probe(subject)), {}


def _probe(subject: Subject) -> Array:
    return subject.drawn(subject.sample, BLOCK).X


# ---- a trial ------------------------------------------------------------------------------------------------------


class Trial(NamedTuple):
    """A short training on a copy: what was noted, the network after it, and its cost before and after."""

    record: Record
    model: Model
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
        record = Record(J_before)
        for rows in _batches(len(subject.train.X), size, n_steps, np.random.default_rng(0)):
            y = subject.train.y[rows]
            model.forward(subject.train.X[rows])
            record.losses.append(model.cost(y))
            if not math.isfinite(record.losses[-1]):
                break
            model.backward(y)
            before = weights_of(model)
            optimizer.step(model)
            record.note_update(before, weight_matrices(model))
        quiet.theta, quiet.state = model.theta, model.state
        return cls(record, quiet, J_before, _cost(quiet, part))


def _cost(model: Model, part: Part) -> float:
    """J as in training, so that running averages that lag behind do no harm."""
    model.forward(part.X)
    return model.cost(part.y)


def _batches(n: int, size: int, n_steps: int, rng: np.random.Generator) -> Iterator[Array]:
    """Rows of ``n_steps`` batches, every example once before any comes again."""
    order = rng.permutation(n)
    for _ in range(n_steps):
        if len(order) < size:
            order = np.concatenate([order, rng.permutation(n)])
        yield order[:size]
        order = order[size:]


def shortened(rate: Callable[[int], float], n_steps: int) -> Callable[[int], float]:
    """A schedule for a short trial: ``rate`` itself, or a straight way up to its peak where that is too late."""
    steps = [*range(1000), *map(int, np.geomspace(1000, 1e6, 200))]
    rates = []
    for step in steps:
        try:
            rates.append(float(rate(step)))
        except Exception:  # a user's own function may know no such step
            break
    peak = int(np.argmax(rates)) if rates else 0
    if steps[peak] <= n_steps / 2:
        return rate
    return lambda step: rates[peak] * min(1.0, (step + 1) / (n_steps / 2))


# ---- verdicts -----------------------------------------------------------------------------------------------------


def updates(record: Record) -> list[Finding]:
    """How large is a step, next to the weights that it changes?"""
    usual, largest = {}, {}
    for i, (name, values) in enumerate(record.updates.items(), start=1):
        quarter = max(10, len(values) // 4)
        usual[name] = float(np.median(values[:quarter]))  # later on, steps shrink as the gradient does
        # weights that are far too small for their steps have grown after ten of them; those in front of the output
        # begin small, and that is as it should be
        telling = values[-quarter:] if i == len(record.updates) else values[:10]
        largest[name] = max(float(np.median(telling)), usual[name] if i < len(record.updates) else 0.0)
    usual = {name: ratio for name, ratio in usual.items() if ratio != 0}  # not frozen, nor without a gradient
    if not usual:
        return []
    low, high = min(usual, key=usual.__getitem__), max(largest, key=largest.__getitem__)
    large = judge(largest[high], *LARGE_UPDATES)
    small = judge(-usual[low], -SMALL_UPDATES[0], -SMALL_UPDATES[1])
    by = f"{usual[low]:.1e} ({low})"
    if low != high:
        by += f" to {largest[high]:.1e} ({high})"
    message = f"A step changes the weights by {by} of their size; about 1e-3 is usual."
    too_large = VERDICTS.index(large) >= VERDICTS.index(small)
    verdict = large if too_large else small
    advice = "a smaller learning rate, or clip_norm=1." if too_large else "a larger learning rate."
    return [
        Finding("size of updates", PHASE, verdict, message, usual | {"largest": largest[high]}, advise(verdict, advice))
    ]


def learning_rate(subject: Subject, trial: Trial) -> Finding:
    """Does the loss fall in a trial, and would it fall faster with a larger rate?"""
    finding = stability(trial.record)
    if finding.verdict != "ok":
        return finding
    Y = subject.targets
    floor, start, prior = subject.least_cost(Y), trial.J_before, subject.prior_cost(Y)
    if prior - floor > HARDLY_MOVED[0] * (start - floor):  # unless there is nothing more to learn than the mean
        start = min(start, prior)
    gone = _progress(trial, start, floor)
    verdict = judge(-gone, -HARDLY_MOVED[0], -HARDLY_MOVED[1])
    message = f"In {len(trial.record.losses)} steps on a copy J went from {trial.J_before:.3g} to {trial.J_after:.3g}."
    evidence = {**finding.evidence, "progress": gone, "J_before": trial.J_before, "J_after": trial.J_after}
    advice = ""
    if verdict != "ok":
        factor, progress = _better_rate(subject, gone, start, floor)
        evidence |= {"better_factor": factor, "progress_with_it": progress}
        if factor != 1:
            times = f"{factor:.0f} times" if factor > 1 else f"1 / {1 / factor:.0f} of"
            further = float(f"{progress / max(gone, 0.001):.1g}")  # trials repeat no better than that
            message += f" With {times} the rate it would have come about {further:.0f} times as far."
            advice = f"a {'larger' if factor > 1 else 'smaller'} learning rate; find_learning_rate suggests one."
        else:
            verdict = "notice"
            message += " Another rate does no better."
            advice = "it is not the rate: look at the gradients, the units and the labels."
    return Finding("learning rate", PHASE, verdict, message, evidence, advice)


def _better_rate(subject: Subject, gone: float, start: float, floor: float) -> tuple[float, float]:
    """The first factor of the rate that brings clearly more, and how much; 1 if none does."""
    for factor in FACTORS:
        progress = _progress(Trial.run(subject, factor), start, floor)
        if progress > FASTER * max(gone, 0) and progress > HARDLY_MOVED[0]:
            return factor, progress
    return 1.0, gone


def _progress(trial: Trial, start: float, floor: float) -> float:
    """How far J came from ``start``, or from that of the best constant guess, towards the least; else 0."""
    gone = (start - trial.J_after) / max(start - floor, 1e-12)
    return gone if math.isfinite(gone) else 0.0


def stability(record: Record) -> Finding:
    """Does the loss rise or bounce, as with a rate that is too high?"""
    losses = record.averaged()
    n = len(record.losses)
    advice = "a smaller learning rate (find_learning_rate suggests one), a warm-up, or clip_norm=1 in the optimizer."
    if not np.isfinite(losses).all():
        message = f"The loss is no longer a number after {np.flatnonzero(~np.isfinite(record.losses))[0]} steps."
        return Finding("learning rate", PHASE, "problem", message, {"n_steps": n}, advice)
    first = record.first
    last = float(losses[-max(1, len(losses) // 4) :].mean())
    rises = float(np.maximum(np.diff(losses), 0).sum())
    ratio, bounced = last / max(first, 1e-12), rises / max(first, 1e-12)
    evidence = {"last_over_first": ratio, "bounced": bounced, "n_steps": n}
    message = f"In {n} steps the loss went from {first:.3g} to {last:.3g}."
    if ratio > RISEN and bounced > 0.1 * BOUNCED:
        message = f"The loss rises or bounces: in {n} steps from {first:.3g} to {last:.3g}."
        return Finding("learning rate", PHASE, "problem", message, evidence, advice)
    if bounced > BOUNCED:
        message = (
            f"The loss bounces: in {n} steps from {first:.3g} to {last:.3g}, with rises of {rises:.3g} on the way."
        )
        return Finding("learning rate", PHASE, "notice", message, evidence, advice)
    return Finding("learning rate", PHASE, "ok", message, evidence)


def course_of_training(record: Record, trained: bool) -> Finding:
    """What a whole training says of its learning rate."""
    finding = stability(record)
    left = finding.evidence.get("last_over_first", 0.0)
    if finding.verdict != "ok" or trained or len(record.losses) < LEAST_STEPS:
        return finding
    verdict = judge(left, 1 - HARDLY_MOVED[0], 1 - HARDLY_MOVED[1])
    advice = "a larger learning rate (find_learning_rate suggests one), if the gradients do not vanish."
    message = finding.message + (" It hardly moves." if verdict != "ok" else "")
    return Finding(finding.check, PHASE, verdict, message, finding.evidence, advise(verdict, advice))


def units(model: Model, X: Array) -> list[Finding]:
    """Dead and saturated units of the activations, after the trial or the training."""
    if len(X) < PROBE_FROM:
        return []
    walked = walk(model, X)
    dead, saturated = {}, {}
    for i, watched in enumerate(walked.activations, start=1):
        if watched.slopes is None:
            continue
        slopes = np.abs(watched.slopes.reshape(len(X), -1))
        name = f"{type(watched.layer).__name__} {i}"
        if isinstance(watched.layer, (Tanh, Sigmoid)):
            steepest = 1.0 if isinstance(watched.layer, Tanh) else 0.25
            saturated[name] = float(((slopes < FLAT * steepest).mean(axis=0) >= NEARLY_ALWAYS).mean())
        else:
            dead[name] = float((slopes == 0).all(axis=0).mean())
    return [*_dead(dead), *_saturated(saturated)]


def _dead(shares: dict[str, float]) -> list[Finding]:
    if not shares:
        return []
    worst_layer = max(shares, key=shares.__getitem__)
    verdict = judge(shares[worst_layer], *DEAD)
    message = f"{shares[worst_layer]:.0%} of the units of {worst_layer} are off for every example and cannot learn."
    if len(shares) > 1:
        message += f" (By layer: {', '.join(f'{share:.0%}' for share in shares.values())}.)"
    advice = "a smaller learning rate, scaled inputs, HeNormal weights, biases of 0, LeakyReLU or BatchNorm."
    return [Finding("dead units", PHASE, verdict, message, dict(shares), advise(verdict, advice))]


def _saturated(shares: dict[str, float]) -> list[Finding]:
    if not shares:
        return []
    worst_layer = max(shares, key=shares.__getitem__)
    verdict = judge(shares[worst_layer], *SATURATED)
    message = f"{shares[worst_layer]:.0%} of the units of {worst_layer} are saturated for nearly every example."
    if len(shares) > 1:
        message += f" (By layer: {', '.join(f'{share:.0%}' for share in shares.values())}.)"
    advice = "scaled inputs, Glorot's weights, a smaller learning rate, BatchNorm in front of it, or ReLU."
    return [Finding("saturated units", PHASE, verdict, message, dict(shares), advise(verdict, advice))]
