"""Wrong arguments of metrics."""

import numpy as np

from ..refusal import Call, case

y = np.arange(8) % 4
P = np.full((8, 4), 0.25)
VALUES = np.linspace(0, 1, 8)
NEGATIVE_WEIGHTS = [1, -1, 1, 1, 1, 1, 1, 1]
TOO_FEW = case([0, 1], named="Y_hat")


def score(good=(), **wrong):
    """A metric of classes."""
    common = {"y": TOO_FEW, "Y_hat": "cat", "multi_label": True, "sample_weight": NEGATIVE_WEIGHTS}
    return Call({"y": y, "Y_hat": P, **dict(good)}, wrong=common | wrong)


def distance():
    """A metric of values."""
    wrong = {"y": "cat", "Y_hat": [0.5], "sample_weight": NEGATIVE_WEIGHTS}
    return Call({"y": VALUES, "Y_hat": VALUES}, wrong=wrong)


CALLS = {
    "metrics.accuracy": score(),
    "metrics.top_k_accuracy": score({"k": 2}, k=5, multi_label="no"),
    "metrics.confusion_matrix": score(n_classes=2, normalize="rows"),
    "metrics.precision": score(average="mean", zero_division=2),
    "metrics.recall": score(average="mean", zero_division="warn"),
    "metrics.f1": score(average=3, zero_division=-1),
    "metrics.log_loss": score(),
    "metrics.roc_auc": score(average="mean"),
    "metrics.expected_calibration_error": score(n_bins=0),
    "metrics.r2": distance(),
    "metrics.mae": distance(),
    "metrics.mse": distance(),
    "metrics.rmse": distance(),
}
