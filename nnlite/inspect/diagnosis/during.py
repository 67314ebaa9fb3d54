"""Checks during training: the size of the steps and the learning rate, of a trial on a copy or of a real training."""

import math

import numpy as np

from nnlite.checks import Array
from nnlite.inspect.diagnosis.report import Finding, Result, Skipped
from nnlite.inspect.diagnosis.subject import BLOCK, Subject
from nnlite.inspect.diagnosis.trial import LEAST_STEPS, Record, Trial
from nnlite.inspect.diagnosis.units import units
from nnlite.inspect.diagnosis.verdicts import VERDICTS, advise, judge

PHASE = "during"

# About 1e-3 is the rule of thumb (A. Karpathy, Stanford CS231n, "Neural networks 3: learning and evaluation", 2015). In
# the first steps ten times as much is common; with 0.2 in the mean, ten steps replace the whole matrix.
LARGE_UPDATES = (0.1, 0.2)  # |theta_new - theta| / |theta| of a weight matrix
SMALL_UPDATES = (1e-5, 1e-6)
UNCHANGED = "frozen, without a gradient, or by less than their dtype shows"

RISEN = 1.0  # mean loss at the end over that at the beginning: from here on nothing has been learned
BOUNCED = 1.0  # sum of all rises of the averaged loss, over the first loss
HARDLY_MOVED = (0.05, 0.01)  # share of the loss that is gone after the trial
FASTER = 3.0  # another rate is better if it brings this many times the progress
FACTORS = (10.0, 100.0, 0.1, 1e3, 0.01, 1e4, 1e5)  # of the rate, to try in turn if the loss hardly moves


def check(subject: Subject) -> list[Result]:
    """Return the findings about a trial on a copy, of a trained network only those about its units."""
    if subject.trained:
        skipped = [Skipped(name, "the network has been trained") for name in ("size of updates", "learning rate")]
        return [*skipped, *units(subject.copy(noise=False), _probe(subject))]
    trial = Trial.run(subject)
    return [updates(trial.record), learning_rate(subject, trial), *units(trial.model, _probe(subject))]


def _probe(subject: Subject) -> Array:
    return subject.drawn(subject.sample, BLOCK).X


def updates(record: Record) -> Result:
    """Compare the size of the steps with the size of the weights."""
    usual, largest = {}, {}
    for i, (name, values) in enumerate(record.updates.items(), start=1):
        quarter = max(10, len(values) // 4)
        usual[name] = float(np.median(values[:quarter]))  # later steps are smaller, as the gradient is
        # weights that are far too small for the steps grow within ten of them; those before the output may start small,
        # and count only at the end
        if i < len(record.updates):
            largest[name] = max(float(np.mean(values[:10])), usual[name])
            if usual[name] == 0 and largest[name] > LARGE_UPDATES[0]:
                usual[name] = largest[name]  # the first steps have killed all units, and then none changes it
        else:
            largest[name] = float(np.median(values[-quarter:]))
    unchanged = [name for name, ratio in usual.items() if ratio == 0]
    usual = {name: ratio for name, ratio in usual.items() if ratio != 0}
    if not usual:
        return Skipped("size of updates", f"no step changed the weights ({UNCHANGED})")
    low, high = min(usual, key=usual.__getitem__), max(largest, key=largest.__getitem__)
    large = judge(largest[high], *LARGE_UPDATES)
    small = judge(-usual[low], -SMALL_UPDATES[0], -SMALL_UPDATES[1])
    by = f"{usual[low]:.1e} ({low})"
    if low != high:
        by += f" to {largest[high]:.1e} ({high})"
    message = f"A step changes the weights by {by} of their size; about 1e-3 is usual."
    if unchanged:
        message += f" It does not change {', '.join(unchanged)} ({UNCHANGED})."
    too_large = VERDICTS.index(large) >= VERDICTS.index(small)
    verdict = large if too_large else small
    advice = "a smaller learning rate, or clip_norm=1." if too_large else "a larger learning rate."
    evidence = usual | {"largest": largest[high]}
    return Finding("size of updates", PHASE, verdict, message, evidence, advise(verdict, advice))


def learning_rate(subject: Subject, trial: Trial) -> Finding:
    """Check that the loss falls in the trial, and look for a rate with which it falls faster if it hardly does."""
    finding = stability(trial.record)
    if finding.verdict != "ok":
        return finding
    Y = subject.targets
    floor, start, prior = subject.least_cost(Y), min(trial.J_before, trial.record.blank), subject.prior_cost(Y)
    if prior - floor > HARDLY_MOVED[0] * (start - floor):  # there is more to learn than the mean
        start = min(start, prior)
    gone = _progress(trial, start, floor)
    verdict = "ok" if _unlearns(subject, trial, floor, prior) else judge(-gone, -HARDLY_MOVED[0], -HARDLY_MOVED[1])
    message = f"In {len(trial.record.losses)} steps on a copy, J went from {trial.J_before:.3g} to {trial.J_after:.3g}."
    evidence = {**finding.evidence, "progress": gone, "J_before": trial.J_before, "J_after": trial.J_after}
    advice = ""
    if verdict != "ok":
        factor, progress = _better_rate(subject, gone, start, floor)
        evidence |= {"better_factor": factor, "progress_with_it": progress}
        if factor != 1:
            times = f"{factor:.0f} times" if factor > 1 else f"1/{1 / factor:.0f} of"
            further = float(f"{progress / max(gone, 0.001):.1g}")  # trials are not repeatable more exactly
            message += f" With {times} the rate, it would have fallen about {further:.0f} times as far."
            advice = f"a {'larger' if factor > 1 else 'smaller'} learning rate; find_learning_rate suggests one."
        else:
            verdict = "notice"
            message += " No other rate is better."
            advice = "the rate is not the reason: look at the gradients, the units and the labels."
    return Finding("learning rate", PHASE, verdict, message, evidence, advice)


def _unlearns(subject: Subject, trial: Trial, floor: float, prior: float) -> bool:
    """Whether a classifier is still on its way from the cost of random weights down to that of a constant guess."""
    on_the_way = subject.output.classifies and trial.J_after > prior and _largest(trial.record) <= LARGE_UPDATES[0]
    return on_the_way and trial.J_before - trial.J_after > HARDLY_MOVED[0] * (trial.J_before - floor)


def _better_rate(subject: Subject, gone: float, start: float, floor: float) -> tuple[float, float]:
    """Return the first factor of the rate with clearly more progress, and that progress; 1 if there is none."""
    for factor in FACTORS:
        progress = _progress(Trial.run(subject, factor), start, floor)
        if progress > FASTER * max(gone, 0) and progress > HARDLY_MOVED[0]:
            return factor, progress
    return 1.0, gone


def _progress(trial: Trial, start: float, floor: float) -> float:
    """Return which share of the way from ``start`` down to the least cost J has gone; 0 if J is not finite."""
    gone = (start - trial.J_after) / max(start - floor, 1e-12)
    return gone if math.isfinite(gone) else 0.0


def stability(record: Record) -> Finding:
    """Check that the loss neither rises nor bounces, as it does with a rate that is too high."""
    losses = record.averaged()
    n = len(record.losses)
    advice = "a smaller learning rate (find_learning_rate suggests one), a warm-up, or clip_norm=1 in the optimizer."
    if not np.isfinite(losses).all():
        message = f"The loss is NaN or infinite after {np.flatnonzero(~np.isfinite(record.losses))[0]} steps."
        return Finding("learning rate", PHASE, "problem", message, {"n_steps": n}, advice)
    first, last = record.first, float(losses[-max(1, len(losses) // 4) :].mean())
    rises = float(np.maximum(np.diff(losses), 0).sum())
    ratio, bounced = last / max(first, 1e-12), rises / max(first, 1e-12)
    evidence = {"last_over_first": ratio, "bounced": bounced, "n_steps": n}
    went = f"in {n} steps from {first:.3g} to {last:.3g}"
    if ratio > RISEN and bounced > 0.1 * BOUNCED and not _largest(record) < SMALL_UPDATES[0]:  # else it is noise
        return Finding("learning rate", PHASE, "problem", f"The loss rises or bounces: {went}.", evidence, advice)
    if bounced > BOUNCED:
        message = f"The loss bounces: {went}, with rises of {rises:.3g} in between."
        return Finding("learning rate", PHASE, "notice", message, evidence, advice)
    return Finding("learning rate", PHASE, "ok", f"The loss went {went}.", evidence)


def course_of_training(record: Record, trained: bool) -> Finding:
    """Judge the learning rate of a whole training; a network that was ``trained`` before need not improve."""
    finding = stability(record)
    if finding.verdict != "ok" or trained or len(record.losses) < LEAST_STEPS:
        return finding
    ratio = finding.evidence["last_over_first"]
    over_blank = ratio * record.first / record.blank
    verdict = judge(max(ratio, over_blank), 1 - HARDLY_MOVED[0], 1 - HARDLY_MOVED[1])
    message = finding.message
    if verdict != "ok":
        hardly = ratio >= 1 - HARDLY_MOVED[0]
        message += " It hardly moves." if hardly else f" A network that knows nothing has {record.blank:.3g}."
    size = "smaller" if _largest(record) > LARGE_UPDATES[0] else "larger"
    advice = f"a {size} learning rate (find_learning_rate suggests one), if the gradients do not vanish."
    return Finding(finding.check, PHASE, verdict, message, finding.evidence, advise(verdict, advice))


def _largest(record: Record) -> float:
    """Return the size of the first updates, relative to the weights, of the matrix where it is largest or NaN."""
    return max((float(np.mean(values[:10])) for values in record.updates.values()), default=math.nan)
