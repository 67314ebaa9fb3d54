"""Checks of the data: what no network can make good."""

from __future__ import annotations

import numpy as np

from nnlite.checks import Array
from nnlite.inspect.diagnosis.report import Finding, advise, judge, listed, worst
from nnlite.inspect.diagnosis.subject import Part, Subject, flat
from nnlite.layers import BatchNorm, Exponential

PHASE = "data"

# A weight that sees an input of standard deviation s and mean m moves along a cost whose curvature goes with s^2 +
# m^2. The ratio of the largest to the smallest curvature says how many times more steps the slowest direction takes
# (Y. LeCun, I. Kanter and S. Solla, "Eigenvalues of covariance matrices: application to neural-network learning",
# 1991; Y. LeCun et al., "Efficient BackProp", 1998, section 4.3). 100 can be felt; 10,000 is out of reach.
UNEQUAL_SCALES = (10.0, 100.0)  # largest over smallest standard deviation: 100 and 10,000 in curvature
OFFSET = (6.0, 30.0)  # |mean| over standard deviation: about 40 and 900 in curvature
# Initial weights are drawn for inputs of mean square 1 (X. Glorot and Y. Bengio, 2010; K. He et al., 2015): z is as
# many times too large as the inputs are.
LARGE_INPUTS = (4.0, 20.0)  # root mean square; raw pixels 0 .. 255 have about 100
SMALL_INPUTS = (0.02, 0.005)  # pixels in [0, 1] have 0.3, one-hot words 0.03; pixels divided by 255 twice 0.001
SPARSE = 0.9  # a feature that has one value in so many examples: its standard deviation says little of its scale

CONSTANT_FEATURES = 0.5  # of all features: more is a mistake in making them
MARGIN_FROM = 64  # so many features may be an image, whose margin is always 0

HASHED = 100_000  # examples in the search for duplicates
COPIES = 0.05  # share of the training examples that repeat earlier ones; natural data sets have 1 in 100 at most
CONTRADICTIONS = (0.01, 0.1)  # share of the examples that have a twin with another label: so much accuracy is lost
LEAKED = (0.0, 0.05)  # share of the validation examples that are in the training set
LEAKED_FROM, LEAKED_SHARE = 5, 0.2  # so many examples, or such a share, before it is more than chance: iris has twins
FEW_COMBINATIONS = 10  # discrete features that can take fewer than so many values an example repeat by themselves

# H. He and E. Garcia, "Learning from imbalanced data", 2009, section 2, is about 100 : 1 and beyond; at 10 : 1 accuracy
# begins to say little.
IMBALANCE = (10.0, 100.0)  # largest class over smallest
RARE_LABEL = 0.01  # share of the examples that have a label, among several: below, accuracy says nothing about it

SHUFFLED_FROM = 300  # examples before it is a problem; of fewer, weak clues may not show
BY_CHANCE = 3.0  # standard errors: agreement below is what shuffled labels give in 998 of 1000 cases

EXPECTED_MISSING = (3.0, 5.0)  # examples of a class that validation should have; none by chance is then e^-5
SHIFT = (0.5, 1.0)  # root mean square over the features of (mean_val - mean_train) / std_train
RESCALED = (2.0, 3.0)  # std_val over std_train, or its inverse
SHIFT_FROM = 20  # validation examples

# Half the squared error has the gradient y_hat - y: it is as large as the targets, and so are the steps.
LARGE_TARGETS = (10.0, 100.0)  # root mean square
SMALL_TARGETS = (0.01, 0.001)
LARGE_COUNTS = (50.0, 1000.0)  # mean; an untrained Exponential output says 1, and its gradient is 1 - y


def check(subject: Subject) -> list[Finding]:
    """All findings about the data; its finite part, but for the first."""
    findings = [
        finite(subject.train, subject.validation),
        constant_features(subject),
        scale(subject),
        *duplicates(subject),
    ]
    if subject.n_classes is not None:
        findings.append(class_balance(subject))
    elif subject.output.classifies:
        findings.append(label_rates(subject))
    else:
        findings.append(target_scale(subject))
    findings += shuffled_labels(subject)
    if subject.validation is not None:
        findings += validation_classes(subject) + validation_shift(subject)
    return findings


def finite(train: Part, validation: Part | None) -> Finding:
    """NaN and infinity, which `fit` refuses."""
    parts = {"training": train} | ({"validation": validation} if validation is not None else {})
    bad = {
        f"{name} {what}": n
        for name, part in parts.items()
        for what, n in (("X", part.n_bad_X), ("y", part.n_bad_y))
        if n
    }
    given = " and ".join(f"{part.n_given:,} {name}" for name, part in parts.items())
    if not bad:
        message = f"All numbers of {given} examples are finite."
        return Finding("finite numbers", PHASE, "ok", message, {"n_bad": 0})
    where = ", ".join(f"{n:,} rows of {name}" for name, n in bad.items())
    return Finding(
        "finite numbers",
        PHASE,
        "problem",
        f"NaN, infinity or numbers too large for the network in {where} (of {given} examples); fit refuses them. "
        "The rest of this report leaves those examples out.",
        {f"n_bad_{name.replace(' ', '_')}": n for name, n in bad.items()},
        "drop these examples, or fill each gap with the mean of its feature and say in a feature of its own that it "
        "was filled; where NaN comes from a computation (log 0, 0 / 0), mend that.",
    )


def constant_features(subject: Subject) -> Finding:
    """Features that are the same in every example."""
    X = subject.train.X.reshape(len(subject.train.X), -1)  # all of it: pixels that are rarely on are not constant
    low, high = X.min(axis=0), X.max(axis=0)
    constant = np.flatnonzero(low == high)
    share = len(constant) / X.shape[1]
    margin = X.shape[1] >= MARGIN_FROM and bool((low[constant] == X.min()).all())
    evidence = {"n_constant": len(constant), "n_features": X.shape[1]}
    if not len(constant) or (margin and share <= CONSTANT_FEATURES) or len(X) == 1:
        said = f"{len(constant)} of {X.shape[1]} features are always {X.min():g}, as the margin of images is."
        message = said if len(constant) else f"Each of the {X.shape[1]} features varies."
        return Finding("constant features", PHASE, "ok", message, evidence)
    verdict = "problem" if share > CONSTANT_FEATURES else "notice"
    message = f"Of {X.shape[1]} features {len(constant)} are the same in all examples: {listed(constant)}."
    return Finding(
        "constant features",
        PHASE,
        verdict,
        message,
        evidence,
        "leave them out: they say nothing, and scaled by a standard deviation of 0 they become NaN. If they should "
        "vary, look at how they were made.",
    )


def scale(subject: Subject) -> Finding:
    """Inputs that are large, small, far from 0 or of very different sizes."""
    X = subject.features
    rms = float(np.sqrt(np.square(X).mean()))
    std, mean = X.std(axis=0), X.mean(axis=0)
    dense = (std > 1e-9 * np.abs(mean)) & (std > 0) & ~_sparse(X)
    ratio = float(std[dense].max() / std[dense].min()) if dense.any() else 1.0
    offsets = np.abs(mean[dense]) / std[dense]
    offset = float(offsets.max()) if dense.any() else 0.0
    small = judge(-rms, -SMALL_INPUTS[0], -SMALL_INPUTS[1])
    large, unequal, far = judge(rms, *LARGE_INPUTS), judge(ratio, *UNEQUAL_SCALES), judge(offset, *OFFSET)
    verdict = worst(small, large, unequal, far)
    evidence = {"rms": rms, "ratio_of_scales": ratio, "largest_offset": offset, "min": X.min(), "max": X.max()}
    said = [f"Inputs from {X.min():.4g} to {X.max():.4g}, root mean square {rms:.3g}"]
    if small != "ok" or large != "ok":
        said.append(f"the initial weights suit 1, so that the first z are {'small' if small != 'ok' else 'large'}")
    if unequal != "ok":
        said.append(f"the largest feature varies {ratio:.3g} times as much as the smallest")
    if far != "ok":
        said.append(f"the mean of feature {np.flatnonzero(dense)[offsets.argmax()]} is {offset:.3g} deviations from 0")
    if isinstance(subject.model.layers[0], BatchNorm) and verdict != "ok":
        verdict = "ok"
        said.append("the first layer, BatchNorm, takes care of that")
    evidence = {name: float(value) for name, value in evidence.items()}
    advice = "X = (X - mean) / std, with mean and std of each feature over the training examples; images: X / 255."
    return Finding("scale of inputs", PHASE, verdict, "; ".join(said) + ".", evidence, advise(verdict, advice))


def _sparse(X: Array) -> Array:
    """Which features have their most extreme value nearly always."""
    often: Array = np.maximum(np.isclose(X, X.min(axis=0)).mean(axis=0), np.isclose(X, X.max(axis=0)).mean(axis=0))
    return often > SPARSE


def duplicates(subject: Subject) -> list[Finding]:
    """Examples that are there twice: in training, with two labels, or in training and validation."""
    train = subject.drawn(subject.train, HASHED)
    keys = _fingerprints(train.X)
    _, first, inverse, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    natural = _few_combinations(subject)
    n_copies = len(keys) - len(first)
    share = n_copies / len(keys)
    twins = np.flatnonzero(counts[inverse] > 1)
    findings = [_copies(n_copies, share, natural)]
    if subject.output.classifies:
        findings.append(_contradictions(subject, train.y, first[inverse], twins, natural))
    if subject.validation is not None:
        validation = subject.drawn(subject.validation, HASHED)
        findings.append(_leaks(np.isin(_fingerprints(validation.X), keys), natural))
    return findings


def _fingerprints(X: Array) -> Array:
    """A number for each example that is the same for equal ones, whatever their dtype."""
    rows = (flat(X[i : i + 1])[0] + 0.0 for i in range(len(X)))  # -0 + 0 is 0
    return np.fromiter((hash(row.tobytes()) for row in rows), np.int64, len(X))


def _few_combinations(subject: Subject) -> bool:
    """Whether the features are discrete and can take so few values together that examples must repeat."""
    n = 1
    for feature in subject.features.T:
        n *= len(np.unique(feature))
        if n > FEW_COMBINATIONS * len(subject.train.X):
            return False
    return True


def _copies(n_copies: int, share: float, natural: bool) -> Finding:
    verdict = "notice" if share >= COPIES and not natural else "ok"
    message = f"{n_copies:,} training examples ({share:.1%}) repeat earlier ones."
    if natural and n_copies:
        message += " With so few values that the features can take, that is natural."
    advice = "drop the copies, or count them with sample_weight; never split off validation data after copying."
    evidence = {"n_copies": n_copies, "share": share}
    return Finding("duplicates", PHASE, verdict, message, evidence, advise(verdict, advice))


def _contradictions(subject: Subject, y: Array, original: Array, twins: Array, natural: bool) -> Finding:
    """Equal examples with different labels."""
    Y = subject.rows(y[twins])
    differ = np.abs(Y - subject.rows(y[original[twins]])).max(axis=1) > 1e-6 if len(twins) else np.zeros(0, bool)
    involved = np.isin(original[twins], original[twins][differ])
    n = int(np.count_nonzero(involved))
    share = n / len(y)
    verdict = judge(share, *CONTRADICTIONS)
    if natural and verdict == "problem":
        verdict = "notice"
    return Finding(
        "contradictory labels",
        PHASE,
        verdict,
        f"{n:,} training examples ({share:.1%}) have a twin with the same X and another label.",
        {"n": n, "share": share},
        advise(verdict, "look at some of them: no network can tell them apart; a feature or a correction is missing."),
    )


def _leaks(known: Array, natural: bool) -> Finding:
    n, share = int(np.count_nonzero(known)), float(known.mean())
    verdict = "ok" if n == 0 or (natural or (n < LEAKED_FROM and share < LEAKED_SHARE)) else judge(share, *LEAKED)
    message = f"{n:,} of {len(known):,} validation examples ({share:.1%}) are in the training set, too."
    if natural and n:
        message += " With so few values that the features can take, that is natural."
    advice = (
        "drop them from one of the two: the network has seen the answers, and validation is too good. Drop copies "
        "before splitting, and split by person, place or time where examples come in groups."
    )
    evidence = {"n_leaked": n, "share": share}
    return Finding("leak into validation", PHASE, verdict, message, evidence, advise(verdict, advice))


def class_balance(subject: Subject) -> Finding:
    """Classes of very different sizes, or without any example."""
    counts = np.bincount(subject.classes(subject.train.y), minlength=subject.n_classes or 0)
    present = counts[counts > 0]
    ratio = float(present.max() / present.min())
    empty = np.flatnonzero(counts == 0)
    message = f"{len(present)} classes with {present.min():,} to {present.max():,} examples ({ratio:.3g} : 1)."
    if len(present) == 1:
        message = "All training examples are of one class."
    verdict = judge(ratio, *IMBALANCE)
    advice = (
        'fit(class_weight="balanced"), and judge by F1 or the confusion matrix instead of accuracy: always saying '
        f"class {counts.argmax()} is right in {counts.max() / counts.sum():.0%} of the cases."
    )
    if len(empty):
        verdict = worst(verdict, "problem" if len(present) == 1 else "notice")
        message += f" No training example is of class {listed(empty)}."
        advice = f"one output unit for each of the {len(present)} classes there are, or examples of the others."
    evidence = {"largest": int(counts.max()), "smallest": int(counts.min()), "ratio": ratio, "n_empty": len(empty)}
    return Finding("class balance", PHASE, verdict, message, evidence, advise(verdict, advice))


def label_rates(subject: Subject) -> Finding:
    """Of several labels: those that nearly all examples have, or nearly none."""
    rates = subject.rows(subject.train.y).mean(axis=0)
    rare = np.flatnonzero((rates < RARE_LABEL) | (rates > 1 - RARE_LABEL))
    constant = np.flatnonzero((rates == 0) | (rates == 1))
    verdict = "problem" if len(constant) == len(rates) else "notice" if len(rare) else "ok"
    message = f"{len(rates)} labels; between {rates.min():.1%} and {rates.max():.1%} of the examples have each."
    if len(rare):
        message += f" Labels that (nearly) all or none have: {listed(rare)}."
    advice = "judge these labels by F1, not by accuracy; a label that never varies can be left out."
    evidence = {"lowest_rate": float(rates.min()), "highest_rate": float(rates.max()), "n_constant": len(constant)}
    return Finding("class balance", PHASE, verdict, message, evidence, advise(verdict, advice))


def target_scale(subject: Subject) -> Finding:
    """Targets of a regression that are large, small, constant or of very different sizes."""
    Y = subject.targets
    std = Y.std(axis=0)
    rms, mean = float(np.sqrt(np.square(Y).mean())), float(Y.mean())
    evidence = {"rms": rms, "mean": mean, "smallest_std": float(std.min()), "largest_std": float(std.max())}
    message = f"Targets from {Y.min():.4g} to {Y.max():.4g}, root mean square {rms:.3g}."
    name = "scale of targets"
    if len(Y) > 1 and not std.min() > 0:
        message += f" Output {listed(np.flatnonzero(std == 0))} is the same in all examples."
        return Finding(name, PHASE, "problem", message, evidence, "look at how y was made: there is nothing to learn.")
    if isinstance(subject.output, Exponential):
        verdict = judge(mean, *LARGE_COUNTS)
        advice = (
            "predict counts per unit of exposure (divide y by it, weight by it), or begin with a small learning rate "
            "and clip_norm=1: the first gradient is 1 - y."
        )
        return Finding(name, PHASE, verdict, message, evidence, advise(verdict, advice))
    ratio = float(std.max() / std.min()) if len(Y) > 1 else 1.0
    verdict = worst(judge(rms, *LARGE_TARGETS), judge(-rms, -SMALL_TARGETS[0], -SMALL_TARGETS[1]))
    unequal = judge(ratio, *UNEQUAL_SCALES)
    if unequal != "ok":
        message += f" One output varies {ratio:.3g} times as much as another, and the cost sees only that one."
    verdict = worst(verdict, unequal)
    advice = "y = (y - mean) / std over the training examples; undo it after predict."
    return Finding(name, PHASE, verdict, message, evidence, advise(verdict, advice))


# ---- do the labels belong to the inputs? --------------------------------------------------------------------------


def shuffled_labels(subject: Subject) -> list[Finding]:
    """Labels that neither the nearest neighbour nor a linear model guesses any better than chance."""
    found, n = subject.clues, len(subject.sample.X)
    if found is None:
        return []
    best = max(found.z_nearest, found.z_linear)
    evidence = {"z_nearest_neighbour": found.z_nearest, "z_linear": found.z_linear, "n": n}
    seen = f"nearest neighbour {found.z_nearest:.1f}, linear model {found.z_linear:.1f} standard errors above chance"
    if best >= BY_CHANCE:
        return [Finding("labels fit inputs", PHASE, "ok", f"Cheap guesses find what is there: {seen}.", evidence)]
    return [
        Finding(
            "labels fit inputs",
            PHASE,
            "problem" if n >= SHUFFLED_FROM else "notice",
            f"The labels look shuffled: {seen} on {n:,} examples.",
            evidence,
            "look at some examples with their labels; were X and y shuffled, sorted or merged apart from each other? "
            "If all is right, the inputs hardly tell the answer (or only in a riddle, such as parity).",
        )
    ]


# ---- validation ---------------------------------------------------------------------------------------------------


def validation_classes(subject: Subject) -> list[Finding]:
    """Classes that are in one of the sets only."""
    if subject.n_classes is None or subject.validation is None:
        return []
    train, held_out = (
        np.bincount(subject.classes(part.y), minlength=subject.n_classes)
        for part in (subject.train, subject.validation)
    )
    expected = train / train.sum() * held_out.sum()
    missing = np.flatnonzero((held_out == 0) & (expected >= EXPECTED_MISSING[0]))
    unknown = np.flatnonzero((train == 0) & (held_out > 0))
    verdict = "ok"
    message = (
        f"Validation has examples of {np.count_nonzero(held_out[train > 0])} of {np.count_nonzero(train)} classes."
    )
    if len(missing):
        verdict = judge(float(expected[missing].max()), *EXPECTED_MISSING)
        message += f" It lacks class {listed(missing)} (expected: {expected[missing].max():.0f} examples)."
    if len(unknown):
        verdict = "problem"
        message += f" Class {listed(unknown)} is in validation only."
    advice = "shuffle before splitting (data are often sorted by class), or use fit(validation_split=0.1)."
    evidence = {"n_missing": len(missing), "n_unknown": len(unknown)}
    return [Finding("validation classes", PHASE, verdict, message, evidence, advise(verdict, advice))]


def validation_shift(subject: Subject) -> list[Finding]:
    """Validation inputs of another mean or scale than those of training: mostly, one of the two was scaled."""
    if subject.validation is None or len(subject.validation.X) < SHIFT_FROM:
        return []
    X, held_out = subject.features, flat(subject.drawn(subject.validation, len(subject.sample.X)).X)
    typical = np.sqrt(np.square(X.std(axis=0)).mean())
    std = np.maximum(X.std(axis=0), 0.1 * typical)  # a feature that hardly varies may not decide
    if not typical > 0:
        return []
    shift = float(np.sqrt(np.square((held_out.mean(axis=0) - X.mean(axis=0)) / std).mean()))
    ratio = float(np.sqrt(np.square(held_out.std(axis=0)).mean()) / typical)
    stretched = max(ratio, 1 / ratio) if ratio > 0 else np.inf
    verdict = worst(judge(shift, *SHIFT), judge(stretched, *RESCALED))
    return [
        Finding(
            "validation shift",
            PHASE,
            verdict,
            f"Validation inputs lie {shift:.2g} standard deviations from those of training (root mean square over "
            f"features) and vary {ratio:.2g} times as much.",
            {"shift": shift, "ratio_of_std": ratio},
            advise(verdict, "prepare both in the same way, with the mean and std of the training examples alone."),
        )
    ]
