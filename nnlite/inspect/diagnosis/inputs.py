"""Checks of the inputs: numbers that are not finite, constant features, and a scale that does not suit the weights."""

import numpy as np

from nnlite.checks import Array
from nnlite.fitting import suspicions
from nnlite.inspect.diagnosis.parts import FiniteExamples
from nnlite.inspect.diagnosis.report import Finding
from nnlite.inspect.diagnosis.subject import Subject
from nnlite.inspect.diagnosis.verdicts import advise, judge, listed, worst
from nnlite.layers import BatchNorm

PHASE = "data"

# The cost as a function of a weight has a curvature of about s^2 + m^2, where s is the standard deviation and m the
# mean of its input. The ratio of the largest to the smallest curvature is the factor by which the slowest direction
# needs more steps (Y. LeCun, I. Kanter and S. Solla, "Eigenvalues of covariance matrices: application to neural-network
# learning", 1991; Y. LeCun et al., "Efficient BackProp", 1998, section 4.3). 100 is noticeable; 10,000 is hopeless.
UNEQUAL_SCALES = (10.0, 100.0)  # largest over smallest standard deviation: 100 and 10,000 in curvature
OFFSET = (6.0, 30.0)  # |mean| over standard deviation: about 40 and 900 in curvature
# Initial weights are made for inputs of mean square 1 (X. Glorot and Y. Bengio, 2010; K. He et al., 2015): the first z
# are too large by the same factor as the inputs.
LARGE_INPUTS = (4.0, suspicions.LARGE_INPUTS)  # root mean square; about 100 for raw pixels 0 .. 255
SMALL_INPUTS = (0.02, 0.005)  # 0.3 for pixels in [0, 1], 0.03 for one-hot words, 0.001 for pixels divided by 255 twice
SPARSE = 0.9  # the standard deviation of a feature that mostly has one value says little about its scale

CONSTANT_FEATURES = 0.5  # of all features: more is a mistake in the preparation
MARGIN_FROM = 64  # features; as many may be an image, whose margin is constant


def finite(train: FiniteExamples, validation: FiniteExamples | None) -> Finding:
    """Look for NaN and infinity, which `fit` refuses."""
    parts = {"training": train} | ({"validation": validation} if validation is not None else {})
    bad: dict[str, int] = {}
    for name, part in parts.items():
        bad |= {f"{name} X": part.n_bad_X, f"{name} y": part.n_bad_y}
    bad = {name: n for name, n in bad.items() if n}
    given = " and ".join(f"{part.n_given:,} {name}" for name, part in parts.items())
    if not bad:
        message = f"All numbers of {given} examples are finite."
        return Finding("finite numbers", PHASE, "ok", message, {"n_bad": 0})
    where = " and ".join(f"{n:,} row{'s' if n > 1 else ''} of {name}" for name, n in bad.items())
    return Finding(
        "finite numbers",
        PHASE,
        "problem",
        f"NaN, infinity or numbers too large for the network in {where} (of {given} examples). fit refuses such data; "
        "the rest of this report leaves these examples out.",
        {f"n_bad_{name.replace(' ', '_')}": n for name, n in bad.items()},
        "drop these examples, or fill each gap with the mean of its feature and add a feature that tells which values "
        "were filled; if NaN comes from a computation (log 0, 0 / 0), correct it.",
    )


def constant_features(subject: Subject) -> Finding:
    """Look for features that are the same in all training examples."""
    X = subject.train.X.reshape(len(subject.train.X), -1)  # all examples: in a sample, rare pixels would seem constant
    low, high = X.min(axis=0), X.max(axis=0)
    constant = np.flatnonzero(low == high)
    share = len(constant) / X.shape[1]
    margin = X.shape[1] >= MARGIN_FROM and bool((low[constant] == X.min()).all())
    harmless = bool((low[constant] == 0).all())  # 0 adds nothing to z, such as a pixel of the background
    evidence = {"n_constant": len(constant), "n_features": X.shape[1]}
    if not len(constant) or len(X) == 1 or ((margin or harmless) and share <= CONSTANT_FEATURES):
        message = f"{len(constant)} of {X.shape[1]} features are always {X.min():g}, like the margin of images."
        if not len(constant):
            message = f"Each of the {X.shape[1]} features varies."
        elif harmless and not margin:
            message = f"{len(constant)} of {X.shape[1]} features {'is' if len(constant) == 1 else 'are'} always 0."
        elif len(X) == 1:
            message = "There is only one training example."
        return Finding("constant features", PHASE, "ok", message, evidence)
    return Finding(
        "constant features",
        PHASE,
        "problem" if share > CONSTANT_FEATURES else "notice",
        f"{len(constant)} of {X.shape[1]} features {'has' if len(constant) == 1 else 'have'} the same value in all "
        f"examples: {listed(constant)}.",
        evidence,
        "leave them out: they say nothing, and scaling by a standard deviation of 0 makes them NaN. If they should "
        "vary, look at how they were computed.",
    )


def scale(subject: Subject) -> Finding:
    """Look for inputs that are large, small, far from 0 or of very different sizes."""
    X = subject.features
    rms = float(np.sqrt(np.square(X).mean()))
    std, mean = X.std(axis=0), X.mean(axis=0)
    dense = (std > 1e-9 * np.abs(mean)) & (std > 0) & ~_sparse(X)
    ratio = float(std[dense].max() / std[dense].min()) if dense.any() else 1.0
    offsets = np.abs(mean[dense]) / std[dense]
    offset = float(offsets.max()) if dense.any() else 0.0
    small, large = judge(-rms, -SMALL_INPUTS[0], -SMALL_INPUTS[1]), judge(rms, *LARGE_INPUTS)
    unequal, far = judge(ratio, *UNEQUAL_SCALES), judge(offset, *OFFSET)
    verdict = worst(small, large, unequal, far)
    said = [f"Inputs from {X.min():.4g} to {X.max():.4g}, root mean square {rms:.3g}"]
    if small != "ok" or large != "ok":
        size = "small" if small != "ok" else "large"
        said.append(f"the initial weights are made for a root mean square of 1, so the first z are too {size}")
    if unequal != "ok":
        said.append(f"the standard deviation of one feature is {ratio:.3g} times that of another")
    if far != "ok":
        feature = np.flatnonzero(dense)[offsets.argmax()]
        said.append(f"the mean of feature {feature} is {offset:.3g} standard deviations away from 0")
    if isinstance(subject.model.layers[0], BatchNorm) and verdict != "ok":
        verdict = "ok"
        said.append("the first layer, BatchNorm, corrects that")
    evidence = {
        "rms": rms,
        "ratio_of_scales": ratio,
        "largest_offset": offset,
        "min": float(X.min()),
        "max": float(X.max()),
    }
    advice = "X = (X - mean) / std, with the mean and std of each feature over the training examples; images: X / 255."
    return Finding("scale of inputs", PHASE, verdict, "; ".join(said) + ".", evidence, advise(verdict, advice))


def _sparse(X: Array) -> Array:
    """Return for each feature whether it nearly always has its smallest or its largest value."""
    often: Array = np.maximum(np.isclose(X, X.min(axis=0)).mean(axis=0), np.isclose(X, X.max(axis=0)).mean(axis=0))
    return often > SPARSE
