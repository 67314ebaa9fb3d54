"""Facts about the search for equal examples."""

import numpy as np

from .setups import digits, ready, report_of


def examined(*arguments, **options):
    return report_of("data", *arguments, **options)


def verdict_of(check, *arguments, **options):
    return examined(*arguments, **options)[check].verdict


def test_duplicates_in_the_training_set_are_found():
    X, y, *_ = digits()
    report = examined(ready(), np.concatenate([X, X[:100]]), np.concatenate([y, y[:100]]))
    assert report["duplicates"].verdict == "notice"
    assert report["duplicates"].evidence["n_copies"] == 100
    assert report["contradictory labels"].verdict == "ok"


def test_equal_examples_with_different_labels_are_found():
    X, y, *_ = digits()
    report = examined(ready(), np.concatenate([X, X[:100]]), np.concatenate([y, (y[:100] + 1) % 10]))
    assert report["contradictory labels"].verdict == "problem"
    assert report["contradictory labels"].evidence["n"] == 200


def test_training_examples_in_the_validation_set_are_found_whatever_their_dtype():
    X, y, X_test, y_test = digits()
    held_out = np.concatenate([X_test, X[:20].astype(np.float64)]), np.concatenate([y_test, y[:20]])
    report = examined(ready(), X, y, validation_data=held_out)
    assert report["leak into validation"].verdict == "problem"
    assert report["leak into validation"].evidence["n_leaked"] == 20
    assert verdict_of("leak into validation", ready(), X, y, validation_data=(X_test, y_test)) == "ok"


def test_repeats_of_features_with_few_values_are_natural():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (300, 4))
    y = X[:, 0]
    report = examined(ready(2), X, y, validation_data=(X[:50], y[:50]))
    assert report["duplicates"].verdict == report["leak into validation"].verdict == "ok"
