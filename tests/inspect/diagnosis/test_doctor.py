"""Facts about `diagnose` as a whole: nothing changes, few examples are enough, wrong arguments are refused."""

import copy

import numpy as np
import pytest

from nnlite.inspect import diagnose
from nnlite.layers import BatchNorm, Dense, Dropout, ReLU, Softmax
from nnlite.optimizers import Adam

from ...support import chain, everything, for_each, refuse
from .setups import digits, ready


@pytest.mark.parametrize("trained", [True, False])
def test_the_network_the_optimizer_and_the_data_do_not_change(trained):
    X, y, X_test, y_test = digits()
    model = chain(Dense(16), BatchNorm(), ReLU(), Dropout(0.2), Dense(10), Softmax(), seed=0)
    optimizer = Adam(1e-3, weight_decay=0.1)
    model.fit(X, y, optimizer=optimizer, epochs=1)
    before, x_before = everything(model, optimizer), X.tobytes()
    diagnose(model, X, y, validation_data=(X_test, y_test), optimizer=optimizer, trained=trained)
    assert everything(model, optimizer) == before
    assert X.tobytes() == x_before
    assert optimizer.weight_decay == 0.1
    assert model.layers[3].rate == 0.2


def test_an_unbuilt_network_stays_unbuilt():
    X, y, *_ = digits()
    model, twin = ready(seed=0), ready(seed=0)
    diagnose(model, X, y)
    assert not model.built
    for network_ in (model, twin):
        network_.fit(X, y, epochs=1)
    assert model.theta.tobytes() == twin.theta.tobytes()


def test_a_step_by_hand_can_continue_after_the_diagnosis():
    X, y, *_ = digits()
    model = ready(seed=0)
    model.forward(X[:10])
    diagnose(model, X, y)
    twin = copy.deepcopy(model)
    twin.forward(X[:10])
    for network_ in (model, twin):
        network_.backward(y[:10])
    assert model.grad.tobytes() == twin.grad.tobytes()


@pytest.mark.parametrize("n", [1, 2, 11])
def test_few_examples_are_enough(n):
    X, y, *_ = digits()
    assert len(diagnose(ready(), X[:n], y[:n], validation_data=(X[20:21], y[20:21]))) >= 8


def test_one_hot_rows_and_class_indices_give_the_same_findings():
    X, y, *_ = digits()
    by_class, by_row = (diagnose(ready(seed=0), X, targets) for targets in (y, np.eye(10)[y]))
    assert [(f.check, f.verdict) for f in by_class] == [(f.check, f.verdict) for f in by_row]


@for_each(
    ("arguments", "message"),
    [
        ({"model": "no model"}, "model: expected a Model"),
        ({"optimizer": "adan"}, "optimizer: expected an Optimizer"),
        ({"history": [1, 2]}, "history: expected what fit returned"),
        ({"batch_size": 0}, "batch_size: expected an integer"),
        ({"trained": "yes"}, "trained: expected True or False"),
        ({"validation_data": np.zeros((3, 64))}, "validation_data: expected (X, y)"),
        ({"validation_data": (np.zeros((3, 5)), [0, 1, 2])}, "validation_data X: expected 64 features"),
        ({"validation_data": (np.zeros((3, 64)), [0, 1])}, "validation_data y: expected 3 labels"),
        ({"y": [0, 1]}, "y: expected 600 labels"),
        ({"y": 3}, "y: expected 600 labels"),
        ({"y": np.full(600, 10)}, "y: label 10 is out of range"),
        ({"X": np.zeros(600)}, "X: expected two dimensions"),
        ({"X": np.zeros((0, 64)), "y": []}, "X: expected at least one example"),
        ({"X": [["a"] * 64] * 600}, "X: expected"),
    ],
)
def test_wrong_use_is_refused(arguments, message):
    X, y, *_ = digits()
    refuse(lambda: diagnose(**{"model": ready(), "X": X, "y": y} | arguments), message)


def test_validation_data_without_a_finite_example_are_reported():
    X, y, *_ = digits()
    report = diagnose(ready(), X, y, validation_data=(X * np.nan, y))
    assert [finding.check for finding in report.problems] == ["finite numbers"]
    assert report.skipped == {"all else": "there are no finite examples"}
