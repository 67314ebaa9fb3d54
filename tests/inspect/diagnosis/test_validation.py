"""Facts about the checks of the validation data."""

import numpy as np

from nnlite.layers import Dense, Softmax

from ...support import chain
from .setups import digits, iris, ready, report_of


def examined(*arguments, **options):
    return report_of("data", *arguments, **options)


def verdict_of(check, *arguments, **options):
    return examined(*arguments, **options)[check].verdict


def test_classes_missing_in_validation_are_found():
    X, y, X_test, y_test = digits()
    kept = y_test != 4
    report = examined(ready(), X, y, validation_data=(X_test[kept], y_test[kept]))
    assert report["validation classes"].verdict == "problem"
    assert "class 4" in report["validation classes"].message
    report = examined(ready(), X[y != 4], y[y != 4], validation_data=(X_test, y_test))
    assert report["validation classes"].verdict == "problem"


def test_validation_data_that_were_scaled_differently_are_found():
    X, y, X_test, y_test = digits()
    assert verdict_of("validation shift", ready(), X, y, validation_data=(255 * X_test, y_test)) == "problem"
    X, y, X_test, y_test = iris()
    assert verdict_of("validation shift", ready(3), X, y, validation_data=(X_test + 2, y_test)) == "problem"


def test_validation_classes_are_counted_among_those_of_training():
    X = np.random.default_rng(0).standard_normal((60, 3))
    found = examined(chain(Dense(3), Softmax()), X, np.arange(60) % 2, validation_data=(X[:30] + 1, np.arange(30) % 3))
    assert "of 2 of 2 classes" in str(found)
