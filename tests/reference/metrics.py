"""Metrics as scikit-learn has them, for tests/test_metrics.py. Run by hand, with scikit-learn installed."""

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
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **figures)


if __name__ == "__main__":
    main()
