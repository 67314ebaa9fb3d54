"""Facts about the checks after training: underfitting and overfitting."""

import numpy as np
import pytest

from nnlite.fitting.history import History
from nnlite.inspect import diagnose
from nnlite.layers import Dense, Identity, ReLU, Softmax
from nnlite.optimizers import Adam

from ...support import chain, refuse
from .setups import digits, ready, report_of, spirals, trained_on


def examined(*arguments, **options):
    return report_of("after", *arguments, **options)


def verdict_of(check, *arguments, **options):
    return examined(*arguments, **options)[check].verdict


def test_underfitting_is_found():
    X, y, *_ = digits()
    assert verdict_of("underfitting", ready(seed=0), X, y, trained=True) == "problem"
    X, y, *_ = spirals()
    model = chain(Dense(3), Softmax(), seed=0)
    model.fit(X, y, epochs=20)
    assert verdict_of("underfitting", model, X, y, trained=True) == "notice"


def test_a_network_that_a_linear_model_beats_underfits():
    X, y, *_ = digits()
    model, history = trained_on(X, y, units=2, epochs=4)
    finding = examined(model, X, y, history=history)["underfitting"]
    assert finding.verdict == "problem"
    assert "linear" in finding.message
    assert "epochs" in finding.advice


def test_overfitting_is_found():
    X, y, X_test, y_test = digits()
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(y)) < 0.4, rng.integers(0, 10, len(y)), y)
    model, history = trained_on(X, noisy, units=128, epochs=80, validation_data=(X_test, y_test))
    report = examined(model, X, noisy, validation_data=(X_test, y_test), history=history)
    assert report["overfitting"].verdict == "problem"


def test_overfitting_of_values_is_found():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((80, 10)), rng.standard_normal(80)
    model = chain(Dense(64), ReLU(), Dense(1), Identity(), seed=0)
    model.fit(X[:40], y[:40], optimizer=Adam(0.01), epochs=100)
    report = examined(model, X[:40], y[:40], validation_data=(X[40:], y[40:]))
    assert report["overfitting"].verdict == "problem"


def test_a_validation_loss_that_rises_again_is_found():
    X, y, X_test, y_test = digits()
    model, _ = trained_on(X, y, epochs=15)
    fall, rise = np.linspace(2, 0.3, 10), np.linspace(0.3, 0.9, 10)
    history = History(loss=[*fall, *fall / 10], val_loss=[*fall, *rise])
    finding = examined(model, X, y, validation_data=(X_test, y_test), history=history)["overfitting"]
    assert finding.verdict == "notice"
    assert "epoch 10" in finding.message


def test_targets_that_are_all_alike_leave_nothing_to_learn():
    X = np.random.default_rng(0).standard_normal((60, 3))
    model = chain(Dense(3), Softmax(), n_features=3)
    assert "nothing to learn" in str(examined(model, X, np.zeros(60, int), trained=True))


def test_r2_of_one_validation_example_is_undefined():
    X = np.random.default_rng(0).standard_normal((60, 3))
    model = chain(Dense(1), Identity())
    model.fit(X, X[:, 0], epochs=5)
    found = examined(model, X, X[:, 0], validation_data=(X[:1] + 1, X[:1, 0]), trained=True)
    assert found["overfitting"].verdict == "notice"
    assert "R2 is undefined on validation" in found["overfitting"].message


def test_a_network_with_class_weights_is_judged_with_them():
    """One class in twenty; what is learned of it shows with the weights only, and they need no advice."""
    rng = np.random.default_rng(0)
    y = (rng.uniform(size=1200) < 0.05).astype(int)
    X = rng.normal(size=(1200, 4)) + 1.2 * y[:, None]
    model = chain(Dense(2), Softmax(), seed=0)
    history = model.fit(X, y, optimizer=Adam(0.01), epochs=20, class_weight="balanced", progress=False)
    plain = diagnose(model, X, y, history=history)
    found = diagnose(model, X, y, history=history, class_weight="balanced")
    assert plain["underfitting"].verdict != "ok"
    assert found["underfitting"].verdict == "ok"
    weights = len(y) / (2 * np.bincount(y))[y]
    J = np.average(-np.log(model.predict_proba(X)[np.arange(len(y)), y]), weights=weights)
    assert found["underfitting"].evidence["J"] == pytest.approx(J, rel=1e-4)
    assert "calibration" in found.skipped
    assert "class_weight" in str(plain)
    assert "class_weight" not in str(found)
    refuse(lambda: diagnose(model, X, y, class_weight="fair"), "class_weight: expected a weight for each class")
