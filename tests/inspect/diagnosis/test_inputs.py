"""Facts about the checks of the inputs."""

import numpy as np
import pytest

from nnlite.inspect import diagnose
from nnlite.layers import BatchNorm, Dense, Identity, ReLU, Softmax

from ...support import chain, for_each
from .setups import digits, iris, ready, report_of, values, with_entry


def examined(*arguments, **options):
    return report_of("data", *arguments, **options)


def verdict_of(check, *arguments, **options):
    return examined(*arguments, **options)[check].verdict


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_numbers_that_are_not_finite_are_reported_and_the_rest_is_examined(value):
    X, y, X_test, y_test = digits()
    report = diagnose(ready(), with_entry(X, value), y, validation_data=(with_entry(X_test, value), y_test))
    assert report["finite numbers"].verdict == "problem"
    assert report["finite numbers"].evidence == {"n_bad_training_X": 1, "n_bad_validation_X": 1}
    assert [finding.check for finding in report.problems] == ["finite numbers"]


def test_missing_labels_are_reported():
    X, y, *_ = digits()
    report = diagnose(ready(), X, with_entry(y, np.nan, place=7))
    assert report["finite numbers"].evidence == {"n_bad_training_y": 1}
    assert len(report) > 10


def test_data_without_a_finite_example_get_a_report_of_one_line():
    X, y, *_ = digits()
    report = diagnose(ready(), np.full_like(X, np.nan), y)
    assert [finding.check for finding in report] == ["finite numbers"]
    assert not report.ok


def test_constant_features_are_found():
    X, y, *_ = values()
    model = chain(Dense(8), ReLU(), Dense(1), Identity())
    report = examined(model, np.column_stack([X, np.full(len(X), 7.0)]), y)
    assert report["constant features"].verdict == "notice"
    assert "3" in report["constant features"].message
    assert verdict_of("constant features", model, np.ones_like(X), y) == "problem"


@for_each(
    ("change", "verdict"),
    [
        (lambda X: X * 100, "problem"),
        (lambda X: X * 1e-4, "problem"),
        (lambda X: X + 100, "problem"),
        (lambda X: X + 8, "notice"),
        (lambda X: X * [1, 1, 1, 500], "problem"),
        (lambda X: X * [1, 1, 1, 0.05], "notice"),
        (lambda X: X * [3, 1, 1, 1] + 1, "ok"),
    ],
)
def test_inputs_of_a_wrong_scale_are_found(change, verdict):
    X, y, *_ = iris()
    assert verdict_of("scale of inputs", ready(3), change(X), y) == verdict


def test_raw_pixels_are_found_also_as_bytes():
    X, y, *_ = digits()
    assert verdict_of("scale of inputs", ready(), (255 * X).astype(np.uint8), y) == "problem"
    assert verdict_of("scale of inputs", ready(), X / 255, y) == "problem"


def test_rare_pixels_and_rare_binary_features_are_no_fault_of_scale():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3))
    rare = (rng.random((300, 2)) < 0.02) * 1.0
    report = examined(ready(2), np.column_stack([X, rare]), (X[:, 0] > 0).astype(int))
    assert report["scale of inputs"].verdict == "ok"


def test_a_first_layer_that_normalizes_corrects_the_scale():
    X, y, *_ = digits()
    finding = examined(chain(BatchNorm(), Dense(10), Softmax()), 255 * X, y)["scale of inputs"]
    assert finding.verdict == "ok"
    assert "BatchNorm" in finding.message


def test_a_single_example_has_no_constant_features():
    X, y, *_ = digits()
    finding = examined(ready(), X[:1], y[:1])["constant features"]
    assert (finding.verdict, finding.message) == ("ok", "There is only one training example.")
