"""Facts about metrics by name: what fit and evaluate look up, report and refuse."""

import functools

import numpy as np
import pytest

import nnlite as nn
from nnlite import metrics

from ..support import for_each

y = np.arange(200) % 10
P = np.random.default_rng(0).dirichlet(np.ones(10), 200)


@for_each("name", metrics.METRICS)
def test_every_name_resolves_and_gives_a_number(name):
    classifies = name not in ("r2", "mae", "mse", "rmse")
    key, function = metrics.resolve(name, classifies)
    assert key == name
    assert isinstance(function(y, P) if classifies else function(P, P), float)


def test_top_k_by_name_is_for_any_k():
    key, function = metrics.resolve("top_3_accuracy", True)
    assert key == "top_3_accuracy"
    assert function(y, P) == metrics.top_k_accuracy(y, P, k=3)


def test_the_key_of_a_user_defined_function_is_its_name():
    def share_of_zeros(y, Y_hat):
        return float((Y_hat.argmax(axis=1) == 0).mean())

    assert metrics.resolve(share_of_zeros, True) == ("share_of_zeros", share_of_zeros)
    assert metrics.resolve(functools.partial(metrics.top_k_accuracy, k=2), True)[0] == "top_k_accuracy"
    assert metrics.resolve(lambda y, Y_hat: 0.0, False)[0] == "metric"


def test_predictions_that_are_not_finite_give_nan_in_a_training_and_an_error_elsewhere():
    P = np.array([[0.5, 0.5], [np.nan, np.nan]])
    for name in ("f1", "log_loss", "roc_auc", "ece", "top_1_accuracy"):
        assert np.isnan(metrics.resolve(name, True)[1](np.array([0, 1]), P))
    assert np.isnan(metrics.resolve(functools.partial(metrics.f1, average="micro"), True)[1](np.array([0, 1]), P))
    assert np.isnan(metrics.resolve("mse", False)[1](np.zeros(2), np.array([1.0, np.inf])))
    with pytest.raises(nn.ArgumentError, match="Y_hat: expected finite numbers"):
        metrics.f1([0, 1], P)


def test_a_function_cannot_replace_what_the_history_records_itself():
    for name in ("loss", "seconds", "val_f1", "accuracy"):

        def function(y, Y_hat):
            return 0.0

        function.__name__ = name
        with pytest.raises(nn.ArgumentError, match=f"metrics: '{name}' is a key of the history itself"):
            metrics.resolve(function, True)
    assert metrics.resolve(metrics.accuracy, True)[0] == "accuracy"


@for_each(
    ("metric", "classifies", "message"),
    [
        ("acuracy", True, "metrics: there is no 'acuracy'; .* did you mean 'accuracy'"),
        ("f2", True, "metrics: there is no 'f2'; .* did you mean 'f1'"),  # not r2
        (3, True, "metrics: there is no 3; choose from accuracy"),
        ("r2", True, "metrics: 'r2' is for values, and this network classifies"),
        ("f1", False, "metrics: 'f1' is for classes, and this network gives values"),
        (metrics.r2, True, "metrics: 'r2' is for values"),
        ("top_0_accuracy", True, "metrics: there is no 'top_0_accuracy'"),
    ],
)
def test_a_metric_that_does_not_exist_or_suit_the_network_is_refused(metric, classifies, message):
    with pytest.raises(nn.ArgumentError, match=message):
        metrics.resolve(metric, classifies)


def test_fit_and_evaluate_report_the_metrics_for_training_and_validation():
    data = nn.load_iris()
    model = nn.Model([nn.Dense(8), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)
    history = model.fit(
        data.X_train,
        data.y_train,
        epochs=3,
        validation_data=(data.X_test, data.y_test),
        metrics=["accuracy", "f1", "top_2_accuracy", "roc_auc"],
    )
    assert [key for key in history if "val" not in key][:5] == ["loss", "accuracy", "f1", "top_2_accuracy", "roc_auc"]
    assert len(history["val_f1"]) == 3
    P = model.predict_proba(data.X_test)
    assert history["val_f1"][-1] == metrics.f1(data.y_test, P)
    assert model.evaluate(data.X_test, data.y_test, metrics=["roc_auc"])["roc_auc"] == history["val_roc_auc"][-1]


def test_regression_reports_metrics_of_values():
    X = np.linspace(-1, 1, 64)[:, None]
    model = nn.Model([nn.Dense(1), nn.Identity()], seed=0)
    history = model.fit(X, 2 * X[:, 0] + 1, epochs=60, metrics=["r2", "mae"])
    assert history["r2"][-1] > 0.99
    assert "accuracy" not in history


def test_several_sigmoid_units_are_labels_also_where_all_rows_sum_to_1():
    X, Y = np.eye(4), nn.one_hot([0, 1, 1, 0], 2)
    model = nn.Model([nn.Dense(2, nn.Zeros()), nn.Sigmoid()], n_features=4, dtype="float64")
    for measured in (model.evaluate(X, Y, metrics=["log_loss", "recall_micro"]), untrained_epoch(X, Y)):
        assert measured["log_loss"] == pytest.approx(measured["loss"])  # y_hat is one half for either label
        assert measured["recall_micro"] == 0


def untrained_epoch(X, Y):
    model = nn.Model([nn.Dense(2, nn.Zeros()), nn.Sigmoid()], dtype="float64")
    history = model.fit(X, Y, batch_size=None, epochs=1, metrics=["log_loss", "recall_micro"])
    return {key: values[0] for key, values in history.items()}


@for_each(
    ("metric", "message"),
    [
        ("top_5_accuracy", "k: expected at most 3, the number of classes, got 5"),
        (metrics.confusion_matrix, r"metrics: confusion_matrix must give a number, got an array of shape \(3, 3\)"),
        (functools.partial(metrics.f1, average=None), "metrics: f1 must give a number, got an array of shape"),
    ],
)
@for_each("as_batches", [False, True])
def test_a_metric_that_can_never_work_is_refused_before_the_training(metric, message, as_batches):
    data = nn.load_iris()
    model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
    arguments = [nn.batches(data.X_train, data.y_train)] if as_batches else [data.X_train, data.y_train]
    with pytest.raises(nn.ArgumentError, match=message):
        model.fit(*arguments, metrics=[metric])
    assert not model.built


def test_a_user_defined_metric_is_not_called_before_the_training():
    seen = []

    def examples(y, Y_hat):
        seen.append(len(y))
        return 0.0

    data = nn.load_iris()
    nn.Model([nn.Dense(3), nn.Softmax()], seed=0).fit(data.X_train, data.y_train, epochs=2, metrics=[examples])
    assert seen == [120, 120]
