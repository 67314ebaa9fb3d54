"""Checks of the targets: classes, labels and values of very different sizes, and labels that do not fit the inputs."""

import numpy as np

from nnlite.inspect.diagnosis.report import Finding, Result, Skipped
from nnlite.inspect.diagnosis.subject import CLUES_FROM, Subject
from nnlite.inspect.diagnosis.verdicts import advise, judge, listed, worst
from nnlite.layers import Exponential

PHASE = "data"

# H. He and E. Garcia, "Learning from imbalanced data", 2009, section 2, study ratios of 100 : 1 and more; from 10 : 1
# on, accuracy says little.
IMBALANCE = (10.0, 100.0)  # largest class over smallest
RARE_LABEL = 0.01  # share of the examples; accuracy says nothing about a rarer label

SHUFFLED_FROM = 300  # examples; with fewer, weak clues may not show
BY_CHANCE = 3.0  # standard errors: shuffled labels stay below in 998 of 1000 cases

# The gradient of half the squared error is y_hat - y: it is as large as the targets, and so are the steps.
LARGE_TARGETS = (10.0, 100.0)  # root mean square
SMALL_TARGETS = (0.01, 0.001)
UNEQUAL_SCALES = (10.0, 100.0)  # largest over smallest standard deviation
LARGE_COUNTS = (50.0, 1000.0)  # mean; an untrained Exponential output predicts 1, so its gradient is 1 - y


def targets(subject: Subject) -> Finding:
    """Check the sizes of the classes, labels or values."""
    if subject.n_classes is not None:
        return class_balance(subject)
    return label_rates(subject) if subject.output.classifies else target_scale(subject)


def class_balance(subject: Subject) -> Finding:
    """Look for classes of very different sizes, or without any example."""
    counts = np.bincount(subject.classes(subject.train.y), minlength=subject.n_classes or 0)
    present = counts[counts > 0]
    ratio = float(present.max() / present.min())
    names = subject.model.class_names
    empty = np.flatnonzero(counts == 0)
    message = f"{len(present)} classes with {present.min():,} to {present.max():,} examples ({ratio:.3g} : 1)."
    if ratio == 1:
        message = f"{len(present)} classes with {present.max():,} example{'s' if present.max() > 1 else ''} each."
    if len(present) == 1:
        message = "All training examples belong to one class."
    verdict = judge(ratio, *IMBALANCE)
    largest = listed([int(counts.argmax())], names=names)
    weighted = subject.class_weight is not None
    remedy = "judge" if weighted else 'fit(class_weight="balanced"), and judge'
    advice = (
        f"{remedy} by F1 or the confusion matrix instead of accuracy: always predicting class {largest} is right in "
        f"{counts.max() / counts.sum():.0%} of the cases."
    )
    if weighted and verdict == "problem":
        verdict = "notice"  # what can be done against it in the training is done
    if len(empty):
        verdict = worst(verdict, "problem" if len(present) == 1 else "notice")
        message += f" No training example belongs to class {listed(empty, names=names)}."
        advice = (
            f"use one output unit for each of the {len(present)} classes that occur, or add examples of the others."
        )
    evidence = {"largest": int(counts.max()), "smallest": int(counts.min()), "ratio": ratio, "n_empty": len(empty)}
    return Finding("class balance", PHASE, verdict, message, evidence, advise(verdict, advice))


def label_rates(subject: Subject) -> Finding:
    """Look for labels that nearly all examples have, or nearly none."""
    rates = subject.rows(subject.train.y).mean(axis=0)
    rare = np.flatnonzero((rates < RARE_LABEL) | (rates > 1 - RARE_LABEL))
    constant = np.flatnonzero((rates == 0) | (rates == 1))
    verdict = "problem" if len(constant) == len(rates) else "notice" if len(rare) else "ok"
    message = (
        f"{len(rates)} labels: {rates.min():.1%} of the examples have the rarest, {rates.max():.1%} the commonest."
    )
    if len(rare):
        message += f" Nearly all or nearly no examples have label {listed(rare)}."
    advice = "judge these labels by F1, not by accuracy; leave out a label that never varies."
    evidence = {"lowest_rate": float(rates.min()), "highest_rate": float(rates.max()), "n_constant": len(constant)}
    return Finding("class balance", PHASE, verdict, message, evidence, advise(verdict, advice))


def target_scale(subject: Subject) -> Finding:
    """Look for values that are large, small, constant or of very different sizes."""
    Y = subject.targets
    std = Y.std(axis=0)
    rms, mean = float(np.sqrt(np.square(Y).mean())), float(Y.mean())
    evidence = {"rms": rms, "mean": mean, "smallest_std": float(std.min()), "largest_std": float(std.max())}
    message = f"Targets from {Y.min():.4g} to {Y.max():.4g}, root mean square {rms:.3g}."
    name = "scale of targets"
    if len(Y) > 1 and not std.min() > 0:
        message += f" Output {listed(np.flatnonzero(std == 0))} has the same value in all examples."
        advice = "look at how y was computed: there is nothing to learn."
        return Finding(name, PHASE, "problem", message, evidence, advice)
    if isinstance(subject.output, Exponential):
        verdict = judge(mean, *LARGE_COUNTS)
        advice = (
            "predict counts per unit of exposure (divide y by the exposure, and pass it as sample_weight), or start "
            "with a small learning rate and clip_norm=1: the first gradient is 1 - y."
        )
        return Finding(name, PHASE, verdict, message, evidence, advise(verdict, advice))
    ratio = float(std.max() / std.min()) if len(Y) > 1 else 1.0
    unequal = judge(ratio, *UNEQUAL_SCALES)
    verdict = worst(judge(rms, *LARGE_TARGETS), judge(-rms, -SMALL_TARGETS[0], -SMALL_TARGETS[1]), unequal)
    if unequal != "ok":
        message += (
            f" The standard deviation of one output is {ratio:.3g} times that of another, and the cost hardly depends "
            "on the smaller one."
        )
    advice = "y = (y - mean) / std, with the mean and std over the training examples; invert it after predict."
    return Finding(name, PHASE, verdict, message, evidence, advise(verdict, advice))


def labels_fit_inputs(subject: Subject) -> Result:
    """Look for labels that neither the nearest neighbor nor a linear model guesses better than chance."""
    found, n = subject.clues, len(subject.sample.X)
    if found is None:
        return Skipped("labels fit inputs", f"there are fewer than {CLUES_FROM} examples, or X or y does not vary")
    evidence = {"z_nearest_neighbor": found.z_nearest, "z_linear": found.z_linear, "n": n}
    errors = f"nearest neighbor {found.z_nearest:.1f}, linear model {found.z_linear:.1f} standard errors above chance"
    if max(found.z_nearest, found.z_linear) >= BY_CHANCE:
        message = f"The inputs say something about the labels: {errors}."
        return Finding("labels fit inputs", PHASE, "ok", message, evidence)
    return Finding(
        "labels fit inputs",
        PHASE,
        "problem" if n >= SHUFFLED_FROM else "notice",
        f"The labels look shuffled: {errors} on {n:,} examples.",
        evidence,
        "look at some examples with their labels. Were X and y shuffled, sorted or merged separately? If all is "
        "right, the inputs hardly determine the labels (or only in a complicated way, such as parity).",
    )
