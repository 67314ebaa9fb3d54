"""Checks of the validation data: they should have the same classes and the same scale as the training data."""

import numpy as np

from nnlite.inspect.diagnosis.report import Finding, Result, Skipped
from nnlite.inspect.diagnosis.subject import Subject, flat
from nnlite.inspect.diagnosis.verdicts import advise, judge, listed, worst

PHASE = "data"

EXPECTED_MISSING = (3.0, 5.0)  # expected examples of a class: the probability of none is then e^-3 and e^-5
SHIFT = (0.5, 1.0)  # root mean square over the features of (mean_val - mean_train) / std_train
RESCALED = (2.0, 3.0)  # std_val over std_train, or its inverse
SHIFT_FROM = 20  # validation examples


def validation_classes(subject: Subject) -> list[Finding]:
    """Look for classes that occur in only one of the sets."""
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
        them = listed(missing, names=subject.model.class_names)
        message += f" It has no example of class {them}, where {expected[missing].max():.0f} were expected."
    if len(unknown):
        verdict = "problem"
        message += f" Only validation has examples of class {listed(unknown, names=subject.model.class_names)}."
    advice = "shuffle before splitting (data are often sorted by class), or use fit(validation_split=0.1)."
    evidence = {"n_missing": len(missing), "n_unknown": len(unknown)}
    return [Finding("validation classes", PHASE, verdict, message, evidence, advise(verdict, advice))]


def validation_shift(subject: Subject) -> list[Result]:
    """Look for inputs of another mean or scale than those of training: usually only one of the sets was scaled."""
    if subject.validation is None:
        return []
    if len(subject.validation.X) < SHIFT_FROM:
        return [Skipped("validation shift", f"there are fewer than {SHIFT_FROM} validation examples")]
    X, held_out = subject.features, flat(subject.drawn(subject.validation, len(subject.sample.X)).X)
    typical = np.sqrt(np.square(X.std(axis=0)).mean())
    if not typical > 0:
        return [Skipped("validation shift", "the inputs do not vary")]
    std = np.maximum(X.std(axis=0), 0.1 * typical)  # a feature that hardly varies must not decide
    shift = float(np.sqrt(np.square((held_out.mean(axis=0) - X.mean(axis=0)) / std).mean()))
    ratio = float(np.sqrt(np.square(held_out.std(axis=0)).mean()) / typical)
    stretched = max(ratio, 1 / ratio) if ratio > 0 else np.inf
    verdict = worst(judge(shift, *SHIFT), judge(stretched, *RESCALED))
    message = (
        f"The means of the features differ from those of training by {shift:.2g} standard deviations (root mean "
        f"square); their standard deviations are {ratio:.2g} times those of training."
    )
    advice = "prepare both sets in the same way, with the mean and std of the training examples."
    evidence = {"shift": shift, "ratio_of_std": ratio}
    return [Finding("validation shift", PHASE, verdict, message, evidence, advise(verdict, advice))]
