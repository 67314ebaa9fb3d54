"""Wrong arguments of what draws."""

import numpy as np

import nnlite as nn

from ..refusal import Call, case
from .examples import X, model_for, y
from .metrics import NEGATIVE_WEIGHTS, VALUES, P
from .model import history

CURVES = {"data": case((y, P[:3]), named="Y_hat", label="lengths"), "ax": 3}


def with_model(**good):
    """Right arguments, with a trained network and examples."""
    return lambda subject, on: {"model": model_for(), "X": X, **good}


def model_alone(**good):
    return lambda subject, on: {"model": model_for(), **good}


def scores(subject, on):
    return {"scores": nn.plots.ScoresBySize(np.array([4, 8]), np.ones((2, 1)), np.ones((2, 1)))}


def convolutions():
    layers = [nn.Conv2D(2, 3), nn.Flatten(), nn.Dense(2), nn.Softmax()]
    return nn.Model(layers, n_features=(5, 5, 1), seed=0)


CALLS = {
    "plots.activations": Call(with_model(), wrong={"model": 3, "X": X[0], "ax": 3, "training": "yes"}),
    "plots.Animation": Call(
        lambda subject, on: {"plot": nn.plots.network_diagram}, wrong={"plot": 3, "every": 0, "per": "step"}
    ),
    "plots.augmented_examples": Call(
        {"augment": "flip", "X": np.ones((2, 4, 4))},
        wrong={"augment": None, "X": X[0], "axes": 3, "n": 0, "n_copies": 0, "image_shape": 3, "seed": -1},
    ),
    "plots.confusion_matrix": Call(
        {"data": (y, y)},
        wrong={
            "data": case((y, y[:3]), named="Y_hat", label="lengths"), "ax": 3, "class_names": 3, "normalize": "rows",
        },
    ),
    "plots.decision_boundary": Call(
        with_model(features=(0, 1)),
        wrong={
            "model": 3, "X": X[0], "y": y[:3], "ax": 3, "features": (0, 9), "others": "mode", "unit": 9,
            "class_names": ["a"], "feature_names": ["x"], "resolution": 0,
        },
    ),
    "plots.feature_maps": Call(
        lambda subject, on: {"model": convolutions(), "x": np.ones((5, 5, 1))},
        wrong={"model": 3, "x": np.ones((5, 5)), "ax": 3, "n_channels": 0},
    ),
    "plots.filters": Call(
        lambda subject, on: {"model": convolutions()},
        wrong={"model": 3, "layer": 1, "ax": 3, "n_filters": 0, "n_channels": 0, "limit": -1},
    ),
    "plots.first_layer_weights": Call(
        model_alone(image_shape=(1, 3)), wrong={"model": 3, "ax": 3, "image_shape": (2, 2), "n_units": 0, "limit": -1}
    ),
    "plots.gradients": Call(
        with_model(y=y),
        wrong={"model": 3, "X": X[0], "y": y[:3], "ax": 3, "names": ["W9"], "sample_weight": NEGATIVE_WEIGHTS},
    ),
    "plots.learning_curve_by_size": Call(scores, wrong={"scores": 3, "ax": 3}),
    "plots.learning_curves": Call(
        lambda subject, on: {"history": history("")}, wrong={"history": 3, "axes": 3, "keys": "beauty"}
    ),
    "plots.most_confident_mistakes": Call(
        with_model(y=y, image_shape=(1, 3)),
        wrong={"model": 3, "X": X[0], "y": y[:3], "axes": 3, "n": 0, "image_shape": (2, 2), "class_names": ["a"]},
    ),
    "plots.network_diagram": Call(model_alone(), wrong={"model": 3, "ax": 3, "most_units": 0}),
    "plots.precision_recall_curve": Call({"data": (y, P)}, wrong=CURVES | {"class_names": ["a"], "classes": [9]}),
    "plots.prediction_error": Call(
        {"data": (VALUES, VALUES)},
        wrong={"data": case((VALUES, VALUES[:3]), named="Y_hat", label="lengths"), "ax": 3, "names": 3},
    ),
    "plots.predictions": Call(
        with_model(image_shape=(1, 3)),
        wrong={"model": 3, "X": X[0], "y": y[:3], "axes": 3, "n": 0, "image_shape": (2, 2), "class_names": ["a"]},
    ),
    "plots.reliability_diagram": Call({"data": (y, P)}, wrong=CURVES | {"n_bins": 0}),
    "plots.roc_curve": Call({"data": (y, P)}, wrong=CURVES | {"class_names": ["a"], "classes": [9]}),
    "plots.schedule": Call(
        {"schedule": 0.1, "n_steps": 5}, wrong={"schedule": "fast", "n_steps": 0, "ax": 3}
    ),
    "plots.scores_by_size": Call(
        with_model(y=y, sizes=(0.5, 1), repeats=1, epochs=1),
        wrong={
            "model": 3, "X": X[0], "y": case(y[:3], named="X"), "sizes": [0], "repeats": 0,
            "validation_data": case((X, y[:3]), named="y"), "validation_split": 1,
            "score": case("beauty", named="metrics"), "seed": -1,
        },
    ),
}  # fmt: skip
