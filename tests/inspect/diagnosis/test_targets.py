"""Facts about the checks of the targets."""

import numpy as np
import pytest

from nnlite.layers import Dense, Exponential, Identity, ReLU, Sigmoid, Tanh

from ...support import chain, for_each
from .setups import counts, digits, labels, ready, report_of, two_values, values


def examined(*arguments, **options):
    return report_of("data", *arguments, **options)


def verdict_of(check, *arguments, **options):
    return examined(*arguments, **options)[check].verdict


def test_unbalanced_and_empty_classes_are_found():
    X, y, *_ = digits()
    kept = (y != 3) | (np.cumsum(y == 3) <= 3)
    assert verdict_of("class balance", ready(), X[kept], y[kept]) == "notice"
    report = examined(ready(), X[y != 3], y[y != 3])
    assert report["class balance"].verdict == "notice"
    assert "3" in report["class balance"].message
    rare = np.concatenate([np.flatnonzero(y == 0)[:1], np.flatnonzero(y == 1)[:120]])
    X_two = np.concatenate([X[rare], X[rare[1:]] + 0.01])
    y_two = np.concatenate([y[rare], y[rare[1:]]])
    assert verdict_of("class balance", ready(2), X_two, y_two) == "problem"


def test_a_label_that_no_example_has_is_found():
    X, y, *_ = labels()
    model = chain(Dense(8), ReLU(), Dense(3), Sigmoid())
    assert verdict_of("class balance", model, X, y * [1, 1, 0]) == "notice"
    assert verdict_of("class balance", model, X, 0 * y) == "problem"


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_labels_are_found(seed):
    X, y, *_ = digits()
    shuffled = np.random.default_rng(seed).permutation(y)
    assert verdict_of("labels fit inputs", ready(), X, shuffled) == "problem"


def test_shuffled_values_counts_and_label_rows_are_found():
    for data, output in ((values, Identity()), (counts, Exponential()), (labels, Sigmoid())):
        X, y, *_ = data()
        rows = y.reshape(len(y), -1)
        model = chain(Dense(8), ReLU(), Dense(rows.shape[1]), output)
        assert verdict_of("labels fit inputs", model, X, rows) == "ok"
        shuffled = np.random.default_rng(1).permutation(rows)
        assert verdict_of("labels fit inputs", model, X, shuffled) == "problem"


def test_labels_are_not_judged_by_few_examples():
    X, y, *_ = digits()
    shuffled = np.random.default_rng(0).permutation(y)
    assert verdict_of("labels fit inputs", ready(), X[:200], shuffled[:200]) == "notice"
    report = examined(ready(), X[:50], shuffled[:50])
    assert "labels fit inputs" not in [finding.check for finding in report]


@for_each(
    ("change", "verdict"),
    [
        (lambda y: 1000 * y, "problem"),
        (lambda y: y + 1000, "problem"),
        (lambda y: 20 * y, "notice"),
        (lambda y: 1e-4 * y, "problem"),
        (lambda y: y * [1, 1000], "problem"),
        (lambda y: y * [1, 0], "problem"),
        (lambda y: y + 1, "ok"),
    ],
)
def test_targets_of_a_wrong_scale_are_found(change, verdict):
    X, y, *_ = two_values()
    model = chain(Dense(8), Tanh(), Dense(2), Identity())
    assert verdict_of("scale of targets", model, X, change(y)) == verdict


def test_large_counts_are_found():
    X, y, *_ = counts()
    model = chain(Dense(8), Tanh(), Dense(1), Exponential())
    assert verdict_of("scale of targets", model, X, 1000 * y) == "problem"
