"""Facts about the metrics that fit and evaluate report beside the loss."""

import math

import numpy as np

import nnlite as nn

from ..support import for_each, refuse
from .targets import CLASSES, TARGETS, WEIGHT, M, X, close, model_for


def mean_distance(y, Y_hat):
    return np.abs(y - Y_hat).mean()


def test_a_function_is_reported_under_its_name():
    y, model = TARGETS["values"][2], model_for("values")
    options = {"optimizer": nn.SGD(1e-30), "epochs": 2, "batch_size": 4, "metrics": [mean_distance]}
    history = model.fit(X, y, validation_data=(X, y), **options)
    keys = ["loss", "mean_distance", "val_loss", "val_mean_distance", "learning_rate", "seconds"]
    assert list(history) == keys
    expected = np.abs(y - model.predict(X)).mean()
    close(history["mean_distance"], [expected] * 2)
    close(history["val_mean_distance"], [expected] * 2)
    assert model.evaluate(X, y, metrics=[mean_distance]) == {"loss": history["val_loss"][1], "mean_distance": expected}


@for_each("kind", TARGETS)
def test_a_function_sees_all_examples_in_their_order(kind):
    y, model, seen = TARGETS[kind][2], model_for(kind), []

    def look(y, Y_hat):
        seen.append((y, Y_hat))
        return 0

    options = {"optimizer": nn.SGD(1e-30), "shuffle": False, "epochs": 1, "batch_size": 4}
    model.fit(X, y, metrics=[look], sample_weight=WEIGHT, **options)
    model.evaluate(X, y, metrics=[look])
    units = TARGETS[kind][1]
    for truth, Y_hat in seen:
        np.testing.assert_array_equal(np.ravel(truth), np.ravel(y))
        assert Y_hat.shape == (M, units)
        close(model.output.predict(Y_hat), model.predict(X))


def test_names_and_functions_together():
    metrics = ["accuracy", "f1", mean_distance]
    options = {"epochs": 1, "validation_data": (X, CLASSES % 2), "optimizer": nn.SGD(1e-30)}
    history = model_for("binary").fit(X, CLASSES % 2, metrics=metrics, **options)
    keys = ["loss", "accuracy", "f1", "mean_distance"]
    assert list(history) == [*keys, *(f"val_{key}" for key in keys), "learning_rate", "seconds"]
    close([history[key] for key in keys], [history[f"val_{key}"] for key in keys])


def test_metrics_do_not_change_training():
    plain, measured = model_for(), model_for()
    plain.fit(X, CLASSES, epochs=2, batch_size=4)
    measured.fit(X, CLASSES, epochs=2, batch_size=4, metrics=[lambda y, Y_hat: Y_hat.fill(0) or 0])
    np.testing.assert_array_equal(measured.theta, plain.theta)


@for_each("value", [1, 1.5, np.float32(1.5), np.array(1.5), math.nan, True])
def test_a_metric_may_give_any_kind_of_number(value):
    result = model_for().evaluate(X, CLASSES, metrics=[lambda y, Y_hat: value])
    np.testing.assert_array_equal([*result.values()][-1], float(value))


@for_each("value", [None, "0.5", [1.0], np.ones(1), np.ones(3), {"a": 1}, 1j])
def test_a_metric_that_does_not_give_a_number_is_named(value):
    def mine(y, Y_hat):
        return value

    refuse(lambda: model_for().evaluate(X, CLASSES, metrics=[mine]), "metrics: ", "mine", "must give a number")
    refuse(lambda: model_for().fit(X, CLASSES, metrics=[mine], epochs=1), "metrics: ", "mine", "must give a number")
