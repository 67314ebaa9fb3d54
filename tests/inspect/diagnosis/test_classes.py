"""Facts about the checks of a trained classifier: confused and silent classes, calibration."""

import numpy as np

from nnlite.inspect.diagnosis.classes import confusion
from nnlite.layers import Dense, ReLU, Sigmoid
from nnlite.optimizers import Adam

from ...support import chain
from .setups import blobs, digits, labels, report_of, trained_on


def examined(*arguments, **options):
    return report_of("after", *arguments, **options)


def verdict_of(check, *arguments, **options):
    return examined(*arguments, **options)[check].verdict


def test_the_most_confused_pair_is_named():
    X, y, X_test, y_test = digits()
    model, history = trained_on(X, np.where(y == 3, 8, y), epochs=20)
    finding = examined(model, X, y, validation_data=(X_test, y_test), history=history)["confused classes"]
    assert finding.verdict == "problem"
    assert (finding.evidence["true"], finding.evidence["predicted"]) == (3, 8)


def test_a_class_that_is_never_predicted_is_found():
    X, y, X_test, y_test = digits()
    model, history = trained_on(X, np.where(y == 3, 8, y), epochs=20)
    report = examined(model, X, y, validation_data=(X_test, y_test), history=history)
    assert report["silent classes"].verdict == "problem"
    assert "Class 3" in report["silent classes"].message


def test_a_label_that_is_never_given_is_found():
    X, y, *_ = labels()
    model = chain(Dense(8), ReLU(), Dense(3), Sigmoid(), seed=0)
    model.fit(X, y * [1, 1, 0], optimizer=Adam(0.01), epochs=10)
    assert verdict_of("silent classes", model, X, y, trained=True) == "problem"


def test_a_network_that_is_too_certain_is_found():
    X, y, X_test, y_test = blobs()
    model, history = trained_on(X, y, n_classes=3, epochs=15)
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(y_test)) < 0.4, (y_test + 1) % 3, y_test)
    assert verdict_of("calibration", model, X, y, validation_data=(X_test, noisy), history=history) == "problem"
    report = examined(model, X, y, validation_data=(X_test, noisy))
    assert "too certain" in report["calibration"].message


def test_a_pair_of_classes_is_not_judged_by_few_examples():
    assert confusion(np.array([[0, 3], [0, 100]]), "validation").verdict == "ok"
    assert confusion(np.array([[0, 30], [0, 100]]), "validation").verdict == "problem"
