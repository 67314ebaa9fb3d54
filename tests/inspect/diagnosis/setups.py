"""Data sets and networks for the tests of the doctor, and its reports on one phase only."""

import functools

import numpy as np

from nnlite.datasets import load_digits, load_iris, make_blobs, make_moons, make_spirals
from nnlite.inspect import Diagnosis
from nnlite.inspect.diagnosis import after, before, during
from nnlite.inspect.diagnosis.doctor import examine_data
from nnlite.inspect.diagnosis.parts import check_parts
from nnlite.inspect.diagnosis.subject import Subject
from nnlite.layers import Dense, ReLU, Softmax
from nnlite.optimizers import SGD, Adam

from ...support import chain


def standardized(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


@functools.cache
def digits():
    data = load_digits()
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(data.X_train))[:600]
    return data.X_train[rows], data.y_train[rows], data.X_test[:200], data.y_test[:200]


@functools.cache
def iris():
    data = load_iris()
    mean, std = data.X_train.mean(axis=0), data.X_train.std(axis=0)
    return (data.X_train - mean) / std, data.y_train, (data.X_test - mean) / std, data.y_test


@functools.cache
def blobs():
    X, y = make_blobs(400, seed=3)
    return split(standardized(X), y)


@functools.cache
def moons():
    return split(*make_moons(400, seed=0))


@functools.cache
def spirals():
    return split(*make_spirals(600, seed=0))


@functools.cache
def values():
    """A smooth function of three features, with some noise."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 3))
    y = np.sin(X[:, 0]) + 0.5 * X[:, 1] * X[:, 2] + 0.1 * rng.standard_normal(400)
    return split(X, y / y.std())


@functools.cache
def two_values():
    X, y, X_test, y_test = values()
    return X, np.column_stack([y, X @ [1, -1, 0.5]]), X_test, np.column_stack([y_test, X_test @ [1, -1, 0.5]])


@functools.cache
def counts():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 2))
    return split(X, rng.poisson(np.exp(1 + 0.5 * X[:, 0] - 0.3 * X[:, 1])))


@functools.cache
def labels():
    """Three labels that do not exclude one another."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 5))
    return split(X, (X @ rng.standard_normal((5, 3)) + 0.3 * rng.standard_normal((400, 3)) > 0).astype(int))


def split(X, y):
    n = len(X) * 3 // 4
    return X[:n], y[:n], X[n:], y[n:]


def ready(n_classes=10, **options):
    """A network that has nothing wrong."""
    return chain(Dense(32), ReLU(), Dense(n_classes), Softmax(), **options)


def trained_on(X, y, n_classes=10, units=64, epochs=60, **options):
    """A trained network and its history."""
    model = chain(Dense(units), ReLU(), Dense(n_classes), Softmax())
    history = model.fit(X, y, optimizer=Adam(5e-3), epochs=epochs, progress=False, **options)
    return model, history


def with_entry(array, value, place=(3, 5)):
    """A copy of ``array`` in float64 with another value at one place."""
    changed = np.array(array, np.float64)
    changed[place] = value
    return changed


def subject_of(model, X, y, *, validation_data=None, optimizer=None, trained=None):
    """What the checks of the doctor examine."""
    train, validation = check_parts(model, X, y, validation_data)
    return Subject(model, train, validation, optimizer or SGD(0.1), 32, trained)


def report_of(phase, model, X, y, *, history=None, trained=None, **options):
    """What `diagnose` reports about one phase; the other phases are not examined, which saves time."""
    trained = bool(history) or None if trained is None else trained
    subject = subject_of(model, X, y, trained=trained, **options)
    with np.errstate(all="ignore"):
        if phase == "data":
            return Diagnosis.of(examine_data(subject))
        if phase == "after":
            return Diagnosis.of(after.check(subject, history))
        return Diagnosis.of({"before": before, "during": during}[phase].check(subject))
