"""Checks for equal examples: copies, contradictory labels, and validation examples that were trained on."""

import numpy as np

from nnlite.checks import Array
from nnlite.inspect.diagnosis.report import Finding
from nnlite.inspect.diagnosis.subject import Subject, flat
from nnlite.inspect.diagnosis.verdicts import advise, judge

PHASE = "data"

HASHED = 100_000  # examples to compare
COPIES = 0.05  # share of the training examples that repeat earlier ones; at most 0.01 in natural data sets
CONTRADICTIONS = (0.01, 0.1)  # share of the examples with a contradictory label: as much accuracy is lost
LEAKED = (0.0, 0.05)  # share of the validation examples that are in the training set
LEAKED_FROM, LEAKED_SHARE = 5, 0.2  # fewer examples and a smaller share may be chance: iris has equal flowers
FEW_COMBINATIONS = 10  # per example; discrete features with fewer possible values repeat by themselves
NATURAL = " The features can take so few values that this is natural."


def duplicates(subject: Subject) -> list[Finding]:
    """Look for equal examples in training, with equal or different labels, and in training and validation."""
    train = subject.drawn(subject.train, HASHED)
    keys = _fingerprints(train.X)
    _, first, inverse, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    natural = _few_combinations(subject)
    twins = np.flatnonzero(counts[inverse] > 1)
    findings = [_copies(len(keys) - len(first), len(keys), natural)]
    if subject.output.classifies:
        findings.append(_contradictions(subject, train.y, first[inverse], twins, natural))
    if subject.validation is not None:
        validation = subject.drawn(subject.validation, HASHED)
        findings.append(_leaks(np.isin(_fingerprints(validation.X), keys), natural))
    return findings


def _fingerprints(X: Array) -> Array:
    """Return a number for each example, the same for equal examples of any dtype."""
    rows = (flat(X[i : i + 1])[0] + 0.0 for i in range(len(X)))  # -0 + 0 is 0
    return np.fromiter((hash(row.tobytes()) for row in rows), np.int64, len(X))


def _few_combinations(subject: Subject) -> bool:
    """Return whether the features are discrete and have so few combinations that examples must repeat."""
    n = 1
    for feature in subject.features.T:
        n *= len(np.unique(feature))
        if n > FEW_COMBINATIONS * len(subject.train.X):
            return False
    return True


def _copies(n_copies: int, n: int, natural: bool) -> Finding:
    share = n_copies / n
    verdict = "notice" if share >= COPIES and not natural else "ok"
    message = f"{n_copies:,} training examples ({share:.1%}) repeat earlier ones."
    message = message if n_copies else "No training example repeats an earlier one."
    message += NATURAL if natural and n_copies else ""
    advice = "drop the copies, or count them with sample_weight; never split off validation data after copying."
    evidence = {"n_copies": n_copies, "share": share}
    return Finding("duplicates", PHASE, verdict, message, evidence, advise(verdict, advice))


def _contradictions(subject: Subject, y: Array, original: Array, twins: Array, natural: bool) -> Finding:
    """Count equal examples with different labels; ``original`` is the index of the first equal example."""
    Y = subject.rows(y[twins])
    differ = np.abs(Y - subject.rows(y[original[twins]])).max(axis=1) > 1e-6 if len(twins) else np.zeros(0, bool)
    involved = np.isin(original[twins], original[twins][differ])
    n = int(np.count_nonzero(involved))
    share = n / len(y)
    verdict = judge(share, *CONTRADICTIONS)
    if natural and verdict == "problem":
        verdict = "notice"
    message = f"{n:,} training examples ({share:.1%}) have the same X as another one, but a different label."
    message = message if n else "No two training examples have the same X and different labels."
    advice = "look at some of them: no network can distinguish them. A feature is missing, or labels are wrong."
    return Finding("contradictory labels", PHASE, verdict, message, {"n": n, "share": share}, advise(verdict, advice))


def _leaks(known: Array, natural: bool) -> Finding:
    n, share = int(np.count_nonzero(known)), float(known.mean())
    verdict = "ok" if n == 0 or natural or (n < LEAKED_FROM and share < LEAKED_SHARE) else judge(share, *LEAKED)
    message = f"{n:,} of {len(known):,} validation examples ({share:.1%}) are also in the training set."
    message = message if n else f"None of the {len(known):,} validation examples is in the training set."
    message += NATURAL if natural and n else ""
    advice = (
        "drop them from one of the sets: the network has seen the answers, and the validation results are too good. "
        "Drop copies before splitting; if examples come in groups, split by person, place or time."
    )
    evidence = {"n_leaked": n, "share": share}
    return Finding("leak into validation", PHASE, verdict, message, evidence, advise(verdict, advice))
