"""Facts about metrics: the figures of scikit-learn, weights, labels, what they have in common, what is refused."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnlite as nn
from nnlite import metrics

from ..support import for_each

REFERENCE = Path(__file__).parents[1] / "reference" / "metrics"
spec = importlib.util.spec_from_file_location("metrics_reference", REFERENCE.with_suffix(".py"))
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)
CASES = {name: case for name, *case in reference.cases()}
CORNERS = {name: case for name, *case in reference.corners()}
FIGURES = np.load(REFERENCE.with_suffix(".npz"))

SAME = {"rtol": 1e-13, "atol": 1e-14}


@for_each("name", CASES)
def test_metrics_of_classes_are_those_of_scikit_learn(name):
    y, P, w = CASES[name]
    ours = {
        "accuracy": metrics.accuracy(y, P, sample_weight=w),
        "log_loss": metrics.log_loss(y, P, sample_weight=w),
        "confusion": metrics.confusion_matrix(y, P, sample_weight=w),
        **{
            f"confusion {normalize}": metrics.confusion_matrix(y, P, normalize=normalize, sample_weight=w)
            for normalize in ("true", "pred", "all")
        },
        **{
            f"{function.__name__} {average}": function(y, P, average=average, sample_weight=w)
            for function in (metrics.precision, metrics.recall, metrics.f1)
            for average in ("macro", "micro", "weighted", None)
        },
        "roc_auc macro": metrics.roc_auc(y, P, sample_weight=w),
        "roc_auc weighted": metrics.roc_auc(y, P, average="weighted", sample_weight=w),
    }
    if f"top_2/{name}" in FIGURES:
        ours["top_2"] = metrics.top_k_accuracy(y, P, k=2, sample_weight=w)
    for key, value in ours.items():
        np.testing.assert_allclose(value, FIGURES[f"{key}/{name}"], err_msg=key, **SAME)


@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_of_values_are_those_of_scikit_learn(weighted):
    rng = np.random.default_rng(7)
    Y, Y_hat, w = rng.normal(size=(50, 3)), rng.normal(size=(50, 3)), rng.random(50)
    for function in (metrics.r2, metrics.mae, metrics.mse):
        ours = function(Y, Y_hat, sample_weight=w if weighted else None)
        key = f"{function.__name__}/{'weighted' if weighted else 'plain'}"
        np.testing.assert_allclose(ours, FIGURES[key], **SAME)


@for_each("weighted", [False, True])
@for_each("corner", CORNERS)
def test_ties_absent_classes_labels_and_constant_values_are_as_in_scikit_learn(corner, weighted):
    calls, y, P, w = CORNERS[corner]
    known = vars(metrics) | {"nan": np.nan, "y": y, "P": P, "w": w if weighted else None}
    ours = [np.atleast_1d(eval(here, known)) for here, _ in calls]
    labels = [here for (here, _), numbers in zip(calls, ours, strict=True) for _ in numbers]
    expected = FIGURES[f"corner/{corner}{', weighted' if weighted else ''}"]
    for label, value, right in zip(labels, np.concatenate(ours), expected, strict=True):
        np.testing.assert_allclose(value, right, err_msg=label, **SAME)


def test_r2_of_what_does_not_vary_is_1_for_a_perfect_prediction_and_else_0():
    assert metrics.r2([2.0, 2.0], [2.0, 2.0]) == 1
    assert metrics.r2([2.0, 2.0], [2.0, 3.0]) == 0
    # the mean of three times 0.1 is not quite 0.1, and what has no weight does not vary anything
    assert metrics.r2([0.1, 0.1, 0.1], [0.1, 0.1, 0.3]) == 0
    assert metrics.r2([0.1, 0.1, 0.1, 5.0], [0.1, 0.1, 0.3, 0.0], sample_weight=[1, 1, 1, 0]) == 0


@for_each("name", CASES)
def test_calibration_error_is_the_sum_over_the_bins(name):
    y, P, w = CASES[name]
    w = np.ones(len(y)) if w is None else w
    confidence, right = P.max(axis=1), P.argmax(axis=1) == y
    total = 0.0
    for b in range(10):
        inside = (confidence > b / 10) & (confidence <= (b + 1) / 10)
        if inside.any():
            share = w[inside].sum() / w.sum()
            accuracy = np.average(right[inside], weights=w[inside])
            total += share * abs(accuracy - np.average(confidence[inside], weights=w[inside]))
    assert metrics.expected_calibration_error(y, P, n_bins=10, sample_weight=w) == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("name", ["three", "two", "missing"])
def test_class_indices_one_hot_rows_and_predicted_classes_say_the_same(name):
    y, P, _ = CASES[name]
    rows = nn.one_hot(y, P.shape[1])
    for function in (metrics.accuracy, metrics.precision, metrics.recall, metrics.f1):
        assert function(rows, P) == function(y, P) == function(y, P.argmax(axis=1)) == function(rows, P.argmax(axis=1))
    assert metrics.log_loss(rows, P) == pytest.approx(metrics.log_loss(y, P))


def test_one_column_of_probabilities_is_that_of_class_1():
    y, P, _ = CASES["two"]
    column = P[:, 1:]
    for function in (metrics.accuracy, metrics.f1, metrics.log_loss, metrics.roc_auc):
        expected = pytest.approx(function(y, P), rel=1e-12)
        for truth in (y, y[:, None], y.astype(float), y[:, None].astype(float)):
            assert function(truth, column) == expected
            assert function(truth, column[:, 0]) == expected


def test_several_labels_are_a_question_each():
    T = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 1]])
    P = np.array([[0.9, 0.4, 0.2], [0.1, 0.8, 0.7], [0.3, 0.2, 0.1], [0.6, 0.1, 0.9]])
    assert metrics.accuracy(T, P) == pytest.approx(10 / 12)
    np.testing.assert_allclose(metrics.precision(T, P, average=None), [1, 1, 0.5])
    np.testing.assert_allclose(metrics.recall(T, P, average=None), [1, 0.5, 1])
    np.testing.assert_allclose(metrics.roc_auc(T, P, average=None), [1, 0.75 + 0.25 * 1, 1])
    expected = nn.binary_cross_entropy(P, T).sum(axis=1).mean()
    assert metrics.log_loss(T, P) == pytest.approx(expected)
    with pytest.raises(nn.ArgumentError, match="several labels"):
        metrics.confusion_matrix(T, P)


def test_multi_label_says_whether_the_columns_exclude_one_another():
    Y, P = np.eye(2)[[0, 1, 1, 0]], np.full((4, 2), 0.5)
    assert metrics.log_loss(Y, P, multi_label=True) == pytest.approx(2 * math.log(2))
    assert metrics.log_loss(Y, P) == metrics.log_loss(Y, P, multi_label=False) == pytest.approx(math.log(2))
    scores = np.array([[0.9, 0.8], [0.3, 0.6]])
    np.testing.assert_array_equal(metrics.recall(Y[:2], scores, average=None, multi_label=True), [1, 1])
    assert metrics.precision(Y[:2], scores, multi_label=True) == 0.75
    assert metrics.precision(Y[:2], scores, multi_label=False) == 1
    np.testing.assert_array_equal(metrics.confusion_matrix(Y[:2], scores, multi_label=False), np.eye(2))


@for_each("name", CASES)
def test_the_true_class_is_among_all_classes_and_first_as_often_as_the_accuracy_says(name):
    y, P, w = CASES[name]
    shares = [metrics.top_k_accuracy(y, P, k=k, sample_weight=w) for k in range(1, P.shape[1] + 1)]
    assert shares[0] == pytest.approx(metrics.accuracy(y, P, sample_weight=w))
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_several_labels_are_calibrated_as_that_many_questions():
    rng = np.random.default_rng(0)
    T, P, w = rng.integers(0, 2, (30, 3)), rng.random((30, 3)), rng.random(30)
    T[0] = 1
    expected = metrics.expected_calibration_error(T.ravel(), P.ravel(), sample_weight=np.repeat(w, 3))
    assert metrics.expected_calibration_error(T, P, sample_weight=w) == pytest.approx(expected)


def test_the_upper_end_of_a_bin_belongs_to_it():
    # in one bin the errors of these two cancel, in two they do not
    y, P = [1, 0], [[0.25, 0.75], [0.25, 0.75]]
    assert metrics.expected_calibration_error([1, 1, 0, 0], [0.75, 0.74, 0.75, 0.74], n_bins=4) == pytest.approx(0.245)
    assert metrics.expected_calibration_error(y, P, n_bins=4) == 0.25


def test_log_loss_takes_probabilities_as_the_truth_and_bounds_the_worst():
    Y, P = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]]), np.array([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]])
    assert metrics.log_loss(Y, P) == pytest.approx(nn.cross_entropy(P, Y).mean(), rel=1e-13)
    for dtype in (np.float32, np.float64):
        assert metrics.log_loss([1], np.array([[1, 0]], dtype)) == pytest.approx(-np.log(np.finfo(dtype).eps))


def test_a_truth_and_a_prediction_that_seem_to_be_swapped_give_a_warning():
    Y, P = [[0, 1, 0], [1, 0, 0]], [[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]
    with pytest.warns(UserWarning, match=r"log_loss\(y, Y_hat\): .* swapped"):
        metrics.log_loss(P, np.array(Y, float))
    metrics.log_loss(Y, P)
    metrics.log_loss(Y, np.array(Y, float))


def test_metrics_of_float32_are_close_to_those_of_float64():
    for y, P, w in CASES.values():
        for function in (metrics.accuracy, metrics.f1, metrics.log_loss, metrics.roc_auc):
            expected = function(y, P, sample_weight=w)
            assert function(y, P.astype(np.float32), sample_weight=w) == pytest.approx(expected, rel=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_an_example_of_weight_0_is_as_if_it_were_not_there(seed):
    rng = np.random.default_rng(seed)
    y, P, w = rng.integers(0, 3, 12), rng.dirichlet(np.ones(3), 12), rng.integers(0, 2, 12)
    w[0] = 1
    there = w > 0
    for function in (metrics.accuracy, metrics.precision, metrics.f1, metrics.roc_auc, metrics.log_loss):
        expected = function(y[there], P[there])
        assert function(y, P, sample_weight=w) == pytest.approx(expected, nan_ok=True)
    Y = rng.normal(size=12)
    expected = metrics.r2(Y[there], P[there, 0])
    assert metrics.r2(Y, P[:, 0], sample_weight=w) == pytest.approx(expected, nan_ok=True)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_micro_f1_of_one_label_is_the_accuracy(pairs):
    y, guess = np.array(pairs).T
    assert metrics.f1(y, guess, average="micro") == pytest.approx(metrics.accuracy(y, guess))
    assert metrics.confusion_matrix(y, guess).sum() == len(y)
    assert metrics.confusion_matrix(y, guess).trace() == pytest.approx(metrics.accuracy(y, guess) * len(y))


@given(st.integers(0, 2**32 - 1))
def test_weight_2_is_the_example_twice_and_order_makes_no_difference(seed):
    rng = np.random.default_rng(seed)
    M, C = 20, 3
    y, P, w = rng.integers(0, C, M), rng.dirichlet(np.ones(C), M), rng.integers(1, 3, M)
    twice = np.repeat(np.arange(M), w)
    order = rng.permutation(M)
    for function in (
        metrics.accuracy,
        metrics.f1,
        metrics.log_loss,
        metrics.roc_auc,
        metrics.expected_calibration_error,
    ):
        weighted = function(y, P, sample_weight=w)
        assert weighted == pytest.approx(function(y[twice], P[twice]), nan_ok=True)
        assert weighted == pytest.approx(function(y[order], P[order], sample_weight=w[order]), nan_ok=True)


def test_roc_auc_of_a_class_that_is_missing_is_nan_and_left_out_of_the_mean():
    y, P, _ = CASES["missing"]
    areas = metrics.roc_auc(y, P, average=None)
    assert np.isnan(areas[3])
    assert metrics.roc_auc(y, P) == pytest.approx(np.nanmean(areas))
    assert np.isnan(metrics.roc_auc([0, 0], [[0.5, 0.5], [0.1, 0.9]]))


@for_each(
    ("call", "message"),
    [
        (lambda: metrics.accuracy([0, 1], [[0.5, 0.5]]), r"Y_hat: expected probabilities \(M, C\) for y"),
        (lambda: metrics.accuracy([0, 2], [[0.5, 0.5], [1, 0]]), "y: label 2 is out of range for 2 columns"),
        (lambda: metrics.accuracy([0.5, 1.2], [[0.5, 0.5], [1, 0]]), "y: class indices must be integers"),
        (lambda: metrics.f1([0, 1], [0, 1], average="mean"), "average: expected 'macro', .* got 'mean'"),
        (lambda: metrics.roc_auc([0, 1], [0.2, 0.3], average="micro"), "average: expected .* got 'micro'"),
        (lambda: metrics.top_k_accuracy([0], [[0.5, 0.5]], k=0), "k: expected an integer of at least 1, got 0"),
        (lambda: metrics.confusion_matrix([0], [0], normalize="rows"), "normalize: expected .* got 'rows'"),
        (lambda: metrics.confusion_matrix([0, 3], [0, 1], n_classes=2), "n_classes: expected at least 4"),
        (lambda: metrics.expected_calibration_error([0], [[0.5, 0.5]], n_bins=0), "n_bins: expected an integer"),
        (lambda: metrics.mse([1.0, 2.0], [[1.0, 2.0]]), r"Y_hat: expected the shape of y, \(2, 1\), got \(1, 2\)"),
        (lambda: metrics.mse([], []), "Y_hat: expected"),
        (lambda: metrics.mse([1.0, 2.0], [1.0, np.nan]), "Y_hat: expected finite numbers, got nan"),
        (lambda: metrics.top_k_accuracy([0], [[0.5, 0.5]]), "k: expected at most 2, the number of classes, got 5"),
        (lambda: metrics.log_loss([0, 1], [0, 1]), "Y_hat: expected probabilities .* got predicted classes"),
        (lambda: metrics.log_loss([0], [[0.5, 0.2]]), "Y_hat: .* must sum to 1, row 0 sums to 0.7"),
        (lambda: metrics.accuracy([0], [[2.0, -1.0]]), r"Y_hat: expected probabilities in \[0, 1\], got values"),
        (lambda: metrics.f1([0], [0], zero_division=2), "zero_division: expected a finite number .* got 2"),
        (
            lambda: metrics.accuracy([0], [[0.5, 0.5]], multi_label="no"),
            "multi_label: expected True or False, got 'no'",
        ),
        (lambda: metrics.f1([0], [0], multi_label=True), r"multi_label: True needs y as rows \(M, C\)"),
        (lambda: metrics.mae([1.0], ["a"]), "Y_hat: expected numbers"),
        (lambda: metrics.accuracy([0], [0], sample_weight=[-1]), "sample_weight: expected 1 finite numbers"),
        (lambda: metrics.accuracy([0], [0], sample_weight=[1, 2]), "sample_weight: expected 1 finite numbers"),
    ],
)
def test_wrong_use_is_named(call, message):
    with pytest.raises(nn.ArgumentError, match=message):
        call()
