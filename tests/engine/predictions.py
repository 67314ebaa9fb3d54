"""Networks that kernels predict with, and what the textbook predicts in their place."""

import numpy as np
import pytest

import nnlite as nn

from ..support import away_from_zero

FEATURES = 24
SIZES = [1, 2, 16, 17, 300, 1030]  # one, a few, one block and more; with odd rests
SLOW = pytest.mark.slow
DTYPES = ["float64", pytest.param("float32", marks=SLOW)]  # the kernels of one are compiled for test_kernels anyway
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}

HIDDEN = {
    "dense": lambda: [nn.Dense(33), nn.ReLU()],
    "narrow": lambda: [nn.Dense(1), nn.Tanh()],
    "wide": lambda: [nn.Dense(1100), nn.ELU(0.5)],
    "nothing": lambda: [],
    "batch norm": lambda: [nn.Dense(40), nn.BatchNorm(epsilon=0.01), nn.Dropout(0.5), nn.LeakyReLU(0.2)],
    "batch norm first": lambda: [nn.BatchNorm(), nn.SELU(), nn.Dense(8)],
    "layer norm": lambda: [nn.Dense(40), nn.LayerNorm(epsilon=0.01), nn.GELU()],
    "layer norm first": lambda: [nn.LayerNorm(), nn.GELU("tanh"), nn.Dense(8)],
    "noise": lambda: [nn.GaussianNoise(1.0), nn.Dense(8), nn.AlphaDropout(0.5), nn.Identity(), nn.SiLU()],
    "residual": lambda: [nn.Dense(20), nn.Residual([nn.Dense(20), nn.HardSwish(), nn.Dense(20)]), nn.Softplus()],
    "residual first": lambda: [nn.Residual([nn.Sigmoid()]), nn.Residual([nn.Dense(24)])],
    "softmax": lambda: [nn.Dense(17), nn.Softmax(), nn.Dense(9), nn.Exponential()],
    "softmax of groups": lambda: [nn.Reshape((4, 6)), nn.Softmax(), nn.LayerNorm(), nn.Flatten()],
}
OUTPUTS = {
    "softmax": lambda: [nn.Dense(5), nn.Softmax(label_smoothing=0.1)],
    "sigmoid": lambda: [nn.Dense(5), nn.Sigmoid(label_smoothing=0.1)],
    "one sigmoid": lambda: [nn.Dense(1), nn.Sigmoid()],
    "identity": lambda: [nn.Dense(5), nn.Identity()],
    "exponential": lambda: [nn.Dense(5), nn.Exponential()],
    "no weights": lambda: [nn.Softmax()],
}


FILLED = {"NNLITE_CACHE": ""}  # the cache of the user, which other tests fill; a test's own one is empty at first
ONE_UNIT = ("narrow", "no weights")  # Softmax needs two


class Textbook:
    """What the textbook predicts with the present parameters of a network."""

    def __init__(self, model):
        self.model = model

    def predict_rows(self, X):
        return self.model.copy().forward(X, training=False)

    def predict(self, X):
        return self.model.output.predict(self.predict_rows(X))

    def evaluate(self, X, y, weights=None, metrics=()):
        examples = self.model.signature.check(X, y, weights)
        return self.model.evaluate_examples(examples, self.model.resolve_metrics(metrics), engine="textbook")


def both(layers, dtype="float32", n_features=FEATURES, scale=0.3):
    """A network for which compiled kernels predict, and what the textbook predicts in its place."""
    model = away_from_zero(nn.Model(layers, n_features=n_features, seed=0, dtype=dtype), scale)
    model.state = np.random.default_rng(1).uniform(0.5, 2, model.state.size)
    model.predict_compiled()
    return model, Textbook(model)


def small(dtype="float64", n_features=FEATURES):
    return both([nn.Dense(33), nn.ReLU(), nn.Dense(5), nn.Softmax()], dtype, n_features)


def data(M, dtype="float32", n_features=FEATURES):
    return np.random.default_rng(M).standard_normal((M, n_features)).astype(dtype)


def assert_close(values, expected):
    """Check that values agree to rounding, relative to the larger of 1 and their size."""
    assert values.shape == expected.shape
    assert values.dtype == expected.dtype
    error = np.abs(values - expected) / np.maximum(1, np.abs(expected))
    assert error.max() < TOLERANCE[values.dtype.name]


def assert_same_scores(scores, expected, dtype="float32"):
    assert scores.keys() == expected.keys()
    for key, value in expected.items():
        assert scores[key] == pytest.approx(value, rel=TOLERANCE[dtype], abs=TOLERANCE[dtype]), key


def is_compiled(model):
    """Whether compiled kernels predict: they do not call the layers."""
    calls = []
    before = nn.Dense.forward
    try:
        nn.Dense.forward = lambda self, *arguments: calls.append(self) or before(self, *arguments)
        model.predict(np.zeros((1, *model.input_shape), model.dtype))
    finally:
        nn.Dense.forward = before
    return not calls


# A script: it predicts, and prints how far the textbook is from that
PREDICT = """
import sys
import numpy as np
import nnlite as nn

model = nn.Model([nn.Dense(33), nn.ReLU(), nn.Dense(5), nn.Softmax()], n_features=24, seed=0, dtype="float64")
X = np.random.default_rng(0).standard_normal((300, 24)).astype(np.float32)
textbook = model.copy().forward(X, training=False)
error = max(np.abs(model.predict_proba(X) - textbook).max(), np.abs(model.predict_proba(X[:1]) - textbook[:1]).max())
print(error)
"""
