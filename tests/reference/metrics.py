"""Metrics as scikit-learn has them, for tests/metrics/test_metrics.py. Run by hand, with scikit-learn installed."""

from pathlib import Path

import numpy as np


def cases():
    """Name, y, Y_hat, sample_weight: balanced and imbalanced, ties, a class that is missing, weights."""
    rng = np.random.default_rng(20261124)
    for name, M, C in (("three", 60, 3), ("ten", 200, 10), ("two", 50, 2), ("tied", 80, 4), ("missing", 40, 5)):
        P = rng.dirichlet(np.ones(C) * 0.7, M)
        if name == "tied":
            P = np.round(P * 4) + 1
            P /= P.sum(axis=1, keepdims=True)
        y = np.array([rng.choice(C, p=0.5 * p + 0.5 / C) for p in P])
        if name == "missing":
            y[y == 3] = 1
        if name == "two":
            y[: M // 2] = 0
        yield name, y, P, None
        yield f"{name}, weighted", y, P, rng.gamma(1.0, 1.0, M)


# The call here, and scikit-learn's, for truth y, probabilities P, predicted classes c, weights w (or None).
RATIOS = [
    (
        f"{name}(y, P, average={average!r}, zero_division={zero}, sample_weight=w)",
        f"{name}_score(y, c, average={average!r}, zero_division={zero}, sample_weight=w{labels})",
    )
    for name in ("precision", "recall", "f1")
    for average, labels in (("macro", ""), ("micro", ""), ("weighted", ""), (None, ", labels=range(P.shape[1])"))
    for zero in ((0.0, 1.0) if average is None else (0.0, 1.0, np.nan))
]
# of equals scikit-learn takes the last, this library the first: so the classes are given to it in reverse
TOP_K = [
    (
        f"top_k_accuracy(y, P, k={k}, sample_weight=w)",
        f"top_k_accuracy_score(3 - y, P[:, ::-1], k={k}, labels=range(4), sample_weight=w)",
    )
    for k in (1, 2, 3)
]
TWO = [("roc_auc(y, P, sample_weight=w)", "roc_auc_score(y, P[:, 1], sample_weight=w)")]
LABELS = [
    ("accuracy(y, P, sample_weight=w)", "1 - hamming_loss(y, c, sample_weight=w)"),
    ("log_loss(y, P, sample_weight=w)", "sum(log_loss(y[:, j], P[:, j], sample_weight=w) for j in range(3))"),
    *[
        (f"roc_auc(y, P, average={a!r}, sample_weight=w)", f"roc_auc_score(y, P, average={a!r}, sample_weight=w)")
        for a in ("macro", "weighted", None)
    ],
]
VALUES = [
    ("r2(y, P, sample_weight=w)", "r2_score(y, P, sample_weight=w)"),
    ("mae(y, P, sample_weight=w)", "mean_absolute_error(y, P, sample_weight=w)"),
    ("mse(y, P, sample_weight=w)", "mean_squared_error(y, P, sample_weight=w)"),
]


def corners():
    """Name, calls, y, P, w: ties, classes that nothing is taken for, several labels, values of several scales."""
    rng, M = np.random.default_rng(3), 40
    w = rng.integers(1, 16, M) / 4
    y = rng.integers(0, 4, M)
    P = rng.multinomial(8, (np.eye(4)[y] + 0.5) / 3) / 8
    yield "tied", RATIOS + TOP_K, y, P, w
    yield "never predicted", RATIOS + TOP_K, y, np.eye(4)[np.where(y == 1, 2, y)], w
    yield "nor true", RATIOS + TOP_K, np.where(y == 1, 0, y), np.eye(4)[np.where(y == 1, 2, y)], w
    y = (y > 1).astype(int)
    p = rng.binomial(4, 0.3 + 0.3 * y) / 4
    yield "two, tied", RATIOS + TWO, y, np.column_stack([1 - p, p]), w
    Y = (rng.random((M, 3)) < [0.5, 0.2, 0.7]).astype(int)
    P = rng.binomial(16, 0.3 + 0.4 * Y) / 16
    yield "labels", RATIOS + LABELS, Y, P, w
    yield "labels, one never predicted", RATIOS + LABELS, Y, P * [1, 0.5, 1], w
    Y = rng.normal(size=(M, 3)) * [1, 20, 0.1] + [0, 300, 0]
    error = rng.normal(size=(M, 3))
    yield "one value", VALUES, Y[:, 0], Y[:, 0] + error[:, 0], w
    constant = Y * [1, 0, 0] + [0, 3, 0.5]
    yield "values that do not vary", VALUES, constant, constant + error * [1, 1, 0], w


def corner_figures(sk):
    """What scikit-learn says of them, all calls of a case in one array."""
    for case, calls, y, P, w in corners():
        c = (P > 0.5).astype(int) if y.ndim == 2 else P.argmax(axis=-1)
        for name, weights in ((case, None), (f"{case}, weighted", w)):
            known = vars(sk) | {"nan": np.nan, "y": y, "P": P, "c": c, "w": weights}
            yield name, [eval(there, known) for _, there in calls]


def main():
    """Compute the figures and store them."""
    from sklearn import metrics as sk

    figures = {}
    for name, y, P, w in cases():
        guess, C = P.argmax(axis=1), P.shape[1]
        figures[f"accuracy/{name}"] = sk.accuracy_score(y, guess, sample_weight=w)
        figures[f"confusion/{name}"] = sk.confusion_matrix(y, guess, labels=range(C), sample_weight=w)
        figures[f"log_loss/{name}"] = sk.log_loss(y, P, labels=range(C), sample_weight=w)
        if name.split(",")[0] != "tied":  # ties go to the smaller class there, to nobody here
            k_score = P[:, 1] if C == 2 else P
            figures[f"top_2/{name}"] = sk.top_k_accuracy_score(y, k_score, k=2, labels=range(C), sample_weight=w)
        for normalize in ("true", "pred", "all"):
            figures[f"confusion {normalize}/{name}"] = sk.confusion_matrix(
                y, guess, labels=range(C), normalize=normalize, sample_weight=w
            )
        for function in (sk.precision_score, sk.recall_score, sk.f1_score):
            for average in ("macro", "micro", "weighted", None):
                key = f"{function.__name__.split('_')[0]} {average}/{name}"
                labels = range(C) if average is None else None
                figures[key] = function(y, guess, average=average, labels=labels, zero_division=0, sample_weight=w)
        present = [c for c in range(C) if 0 < (y == c).sum() < len(y)]
        areas = [sk.roc_auc_score(y == c, P[:, c], sample_weight=w) for c in present]
        share = [(y == c).sum() if w is None else w[y == c].sum() for c in present]
        figures[f"roc_auc macro/{name}"] = np.mean(areas)
        figures[f"roc_auc weighted/{name}"] = np.average(areas, weights=share)
    rng = np.random.default_rng(7)
    Y, Y_hat, w = rng.normal(size=(50, 3)), rng.normal(size=(50, 3)), rng.random(50)
    for name, weights in (("plain", None), ("weighted", w)):
        figures[f"r2/{name}"] = sk.r2_score(Y, Y_hat, sample_weight=weights)
        figures[f"mae/{name}"] = sk.mean_absolute_error(Y, Y_hat, sample_weight=weights)
        figures[f"mse/{name}"] = sk.mean_squared_error(Y, Y_hat, sample_weight=weights)
    for name, answers in corner_figures(sk):
        figures[f"corner/{name}"] = np.concatenate([np.ravel(answer) for answer in answers])
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **figures)


if __name__ == "__main__":
    main()
