"""Wrong arguments of what looks into a network."""

import nnlite as nn

from ..refusal import FILES, Call, case
from .examples import X, model_for, y
from .metrics import NEGATIVE_WEIGHTS


def labeled_data(subject, on):
    return {"model": model_for(), "X": X, "y": y}


def diagnosed(**arguments):
    """A training with the callback, which looks at its arguments when `fit` attaches it to the network."""
    return model_for().fit(X, y, epochs=1, progress=False, callbacks=[nn.Diagnose(**arguments)])


CALLS = {
    "trace": Call(
        labeled_data,
        wrong={
            "model": 3, "X": X[0], "y": y[:3], "example": 9, "optimizer": "sdg", "class_names": ["a"],
            "max_numbers": -1,
        },
    ),
    "gradient_check": Call(
        labeled_data,
        wrong={
            "model": 3, "X": X[0], "y": y[:3], "tolerance": 0, "sample_weight": NEGATIVE_WEIGHTS, "max_entries": 0,
            "seed": -1,
        },
    ),
    "diagnose": Call(
        labeled_data,
        wrong={
            "model": 3, "X": X[0], "y": y[:3], "validation_data": X, "optimizer": "sdg", "history": 3, "batch_size": 0,
            "trained": "yes", "class_weight": "fair",
        },
    ),
    "Diagnose": Call(
        {"X": X, "y": y}, function=diagnosed, wrong={"X": 3, "y": 3, "validation_data": X, "batch_size": 0}
    ),
    "permutation_importance": Call(
        labeled_data,
        wrong={
            "model": 3, "X": X[0], "y": y[:3], "metric": case("r2", named="metrics"), "n_repeats": 0,
            "feature_names": ["a"], "seed": -1,
        },
    ),
    "write_report": Call(
        lambda subject, on: {"path": FILES / "report.html", **labeled_data(subject, on)},
        wrong={
            "path": 3, "model": 3, "X": X[0], "y": y[:3], "train": X, "validation_data": X, "history": 3,
            "optimizer": 3, "feature_names": "abc", "image_shape": 3, "title": 3,
            "class_weight": "fair",
        },
    ),
    "find_learning_rate": Call(
        labeled_data,
        wrong={
            "model": 3, "X": X[0], "y": y[:3], "optimizer": "sdg", "batch_size": 0, "start": 0, "stop": 0, "n_steps": 1,
        },
    ),
}  # fmt: skip
