"""ROC and precision-recall curves of scikit-learn, for tests/plots. Run by hand, with scikit-learn installed."""

from pathlib import Path

import numpy as np


def cases():
    """Name, truth (M,) of 0 and 1, scores: separable, overlapping, imbalanced, with ties, any numbers."""
    rng = np.random.default_rng(20260301)
    y = rng.integers(0, 2, 60)
    yield "overlapping", y, np.clip(rng.normal(0.4 + 0.2 * y, 0.15), 0, 1)
    yield "tied", y, rng.integers(0, 5, 60) / 4
    yield "all equal", y, np.full(60, 0.5)
    yield "separable", y, 0.1 + 0.8 * y
    yield "upside down", y, 0.9 - 0.8 * y
    rare = (rng.random(200) < 0.05).astype(int)
    rare[0] = 1
    yield "rare", rare, np.clip(rng.normal(0.2 + 0.4 * rare, 0.2), 0, 1)
    yield "one positive", np.eye(1, 20, 7, dtype=int)[0], rng.random(20)


def main():
    """Compute the curves and store them."""
    from sklearn import metrics as sk

    figures = {}
    for name, y, scores in cases():
        fpr, tpr, _ = sk.roc_curve(y, scores, drop_intermediate=False)
        precision, recall, _ = sk.precision_recall_curve(y, scores)
        figures[f"roc/{name}"] = [fpr, tpr]
        figures[f"precision recall/{name}"] = [recall[::-1], precision[::-1]]
        figures[f"areas/{name}"] = [sk.roc_auc_score(y, scores), sk.average_precision_score(y, scores)]
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **figures)


if __name__ == "__main__":
    main()
