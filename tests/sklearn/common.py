"""Data of scikit-learn that the tests share, small enough for a training in a blink."""

import functools

import numpy as np
from sklearn import datasets
from sklearn.preprocessing import scale


@functools.cache
def digits(n=200):
    """Ten classes, X in [0, 1]."""
    X, y = datasets.load_digits(return_X_y=True)
    return X[:n] / 16, y[:n]


@functools.cache
def cancer(n=150):
    """Two classes."""
    X, y = datasets.load_breast_cancer(return_X_y=True)
    return scale(X)[:n], y[:n]


@functools.cache
def labels():
    """Five labels, of which an example has any number."""
    X, Y = datasets.make_multilabel_classification(n_samples=100, random_state=0)
    return scale(X), Y


@functools.cache
def diabetes(n=150):
    """One value."""
    X, y = datasets.load_diabetes(return_X_y=True, scaled=True)
    return scale(X)[:n], scale(y)[:n]


@functools.cache
def linnerud():
    """Three values."""
    X, y = datasets.load_linnerud(return_X_y=True)
    return scale(X), scale(y)


@functools.cache
def counts():
    """Counts around e^(x_1 + 1)."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (100, 3))
    return X, rng.poisson(np.exp(X[:, 0] + 1)).astype(float)
