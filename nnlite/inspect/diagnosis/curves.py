"""Checks after training: the learning curves."""

from collections.abc import Mapping, Sequence

import numpy as np

from nnlite.inspect.diagnosis.report import Finding, Result, Skipped
from nnlite.inspect.diagnosis.verdicts import advise, judge

PHASE = "after"

STILL_FALLING = 0.02  # per epoch, over the last ones: more epochs are the first thing to try
VALIDATION_RISEN = 1.2  # the lowest validation loss of the last three epochs over that of all
UNSTABLE = (0.25, 0.6)  # mean rise and fall of the validation loss from epoch to epoch, over its mean
SETTLED = 0.05  # of the first validation loss: smaller changes do not matter
UNSTABLE_FROM = 6  # epochs
RISEN = 0.01  # of the first training loss: less is noise

Curves = Mapping[str, Sequence[float]]


def course(history: Curves) -> list[Finding]:
    """Check that the training loss is finite and falls."""
    losses = np.array(history.get("loss", []), np.float64)
    if not len(losses):
        return []
    if not np.isfinite(losses).all():
        epoch = int(np.flatnonzero(~np.isfinite(losses))[0]) + 1
        message = f"The training loss is NaN or infinite from epoch {epoch} on."
        advice = "a smaller learning rate, scaled inputs, clip_norm=1 in the optimizer."
        return [Finding("course of the loss", PHASE, "problem", message, {"epoch": epoch}, advice)]
    message = f"The training loss went from {losses[0]:.3g} in the first epoch to {losses[-1]:.3g} in the last."
    change = (losses[-1] - losses[0]) / abs(losses[0] or 1)
    verdict, advice = "ok", ""
    if change > RISEN:
        verdict, advice = "problem", "a smaller learning rate."
    elif len(losses) > 1 and change > -RISEN:
        verdict = "notice"
        advice = "a larger learning rate, and what else this report suggests: it has learned next to nothing."
    evidence = {"first": float(losses[0]), "last": float(losses[-1])}
    return [Finding("course of the loss", PHASE, verdict, message, evidence, advise(verdict, advice))]


def still_falling(history: Curves | None) -> bool:
    """Return whether the training loss was falling in the last epochs."""
    losses = np.array([] if history is None else history.get("loss", [])[-5:])
    return len(losses) > 1 and bool(losses[-1] < losses[0] * (1 - STILL_FALLING) ** (len(losses) - 1))


def validation_rise(history: Curves | None) -> tuple[float | None, str]:
    """Return how far the validation loss rose at the end, over its lowest value, and a sentence if it rose much."""
    losses = [] if history is None else list(history.get("val_loss", []))
    if not losses or not np.isfinite(losses).all() or min(losses) <= 0:
        return None, ""
    lowest, late = min(losses), min(losses[-3:])  # a single jump at the end is another finding
    sentence = ""
    if late > VALIDATION_RISEN * lowest and late - lowest > SETTLED * losses[0]:
        epoch = int(np.argmin(losses)) + 1
        sentence = f" The validation loss was lowest in epoch {epoch} ({lowest:.3g}) and rose to {late:.3g}."
    return late / lowest, sentence


def unstable_validation(history: Curves) -> list[Result]:
    """Look for a validation loss that jumps from epoch to epoch."""
    losses = np.array(history.get("val_loss", []), np.float64)
    if not len(losses):
        return []
    if len(losses) < UNSTABLE_FROM or not np.isfinite(losses).all():
        reason = f"there are fewer than {UNSTABLE_FROM} epochs, or a validation loss that is not finite"
        return [Skipped("steady validation", reason)]
    late = losses[len(losses) // 3 :]  # in the first epochs any fall is fine
    steps = np.diff(late)
    wavering = max(float(np.abs(steps).mean() - np.abs(steps.mean())), 0.0)
    level = max(float(late.mean()), SETTLED * float(losses[0]), 1e-12)
    share = wavering / level
    verdict = judge(share, *UNSTABLE)
    message = f"From epoch to epoch, the validation loss goes up and down by {share:.0%} of its mean."
    advice = "a smaller learning rate or one that decays, larger batches, more validation examples, or EMA."
    return [Finding("steady validation", PHASE, verdict, message, {"wavering": share}, advise(verdict, advice))]
