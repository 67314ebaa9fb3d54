"""Facts about weights of examples: a weight of two is the example twice, in the cost, the gradient and the reports."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlite as nn

from ..support import for_each
from .targets import CLASSES, RNG, TARGETS, WEIGHT, M, N, X, close, model_for


@for_each("kind", TARGETS)
def test_weight_two_is_the_example_twice_in_cost_and_gradient(kind):
    y = TARGETS[kind][2]
    weighted, repeated = model_for(kind), model_for(kind)
    weighted.forward(X)
    repeated.forward(np.repeat(X, WEIGHT, axis=0))
    close(weighted.cost(y, WEIGHT), repeated.cost(np.repeat(y, WEIGHT, axis=0)))
    weighted.backward(y, WEIGHT)
    repeated.backward(np.repeat(y, WEIGHT, axis=0))
    close(weighted.grad, repeated.grad)


@pytest.mark.parametrize("kind", TARGETS)
def test_weight_two_is_the_example_twice_in_training_and_evaluation(kind):
    y = TARGETS[kind][2]
    weighted, repeated = model_for(kind), model_for(kind)
    often, often_y = np.repeat(X, WEIGHT, axis=0), np.repeat(y, WEIGHT, axis=0)
    options = {"batch_size": None, "epochs": 20, "optimizer": nn.Adam(0.01)}
    history = weighted.fit(X, y, sample_weight=WEIGHT, validation_data=(X, y, WEIGHT), **options)
    expected = repeated.fit(often, often_y, validation_data=(often, often_y), **options)
    close(weighted.theta, repeated.theta)
    close(history["loss"], expected["loss"])
    close(history["val_loss"], expected["val_loss"])
    close(weighted.evaluate(X, y, WEIGHT)["loss"], repeated.evaluate(often, often_y)["loss"])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=M, max_size=M).filter(any), st.sampled_from(sorted(TARGETS)))
def test_a_whole_number_as_weight_counts_like_that_many_examples(weights, kind):
    y = TARGETS[kind][2]
    weighted, repeated = model_for(kind), model_for(kind)
    weighted.forward(X)
    repeated.forward(np.repeat(X, weights, axis=0))
    weighted.backward(y, weights)
    repeated.backward(np.repeat(y, weights, axis=0))
    close(weighted.cost(y, weights), repeated.cost(np.repeat(y, weights, axis=0)))
    close(weighted.grad, repeated.grad)


@for_each("kind", TARGETS)
def test_the_gradient_is_that_of_the_weighted_cost(kind):
    y, model = TARGETS[kind][2], model_for(kind)
    weights = RNG.uniform(0, 2, M)
    model.forward(X)
    model.backward(y, weights)
    direction, theta, h = RNG.standard_normal(model.theta.size), model.theta.copy(), 1e-6
    costs = []
    for step in (h, -h):
        model.theta = theta + step * direction
        model.forward(X)
        costs.append(model.cost(y, weights))
    assert (costs[0] - costs[1]) / (2 * h) == pytest.approx(model.grad @ direction, rel=1e-7)


def test_only_the_ratios_of_weights_matter():
    plain, ones, tens = (model_for() for _ in range(3))
    weights = [None, np.ones(M), np.full(M, 10, np.uint8)]
    for model, sample_weight in zip((plain, ones, tens), weights, strict=True):
        model.fit(X, CLASSES, sample_weight=sample_weight, epochs=5, batch_size=4)
    close(ones.theta, plain.theta)
    close(tens.theta, plain.theta)


def test_weights_stay_with_their_examples_in_shuffled_batches():
    # in a batch of one example the weight cancels, except 0, which makes no step
    model, optimizer = model_for(), nn.SGD(0.1)
    weights = np.zeros(M)
    weights[[3, 7]] = 1, 5
    thetas = [model.theta.copy()]
    note = nn.LambdaCallback(on_batch_end=lambda batch, logs: thetas.append(model.theta.copy()))
    model.fit(X, CLASSES, sample_weight=weights, batch_size=1, epochs=1, optimizer=optimizer, callbacks=[note])
    moved = [not np.array_equal(a, b) for a, b in itertools.pairwise(thetas)]
    assert sum(moved) == 2
    in_order = [model_for(), model_for()]
    for twin, order in zip(in_order, ([3, 7], [7, 3]), strict=True):
        twin.fit(X[order], CLASSES[order], batch_size=1, epochs=1, shuffle=False, optimizer=nn.SGD(0.1))
    assert any(np.allclose(model.theta, twin.theta, rtol=1e-12) for twin in in_order)


def test_weights_stay_with_their_examples_in_a_validation_split():
    labels = CLASSES % 2
    given = []
    note = nn.LambdaCallback(on_train_begin=lambda logs: given.extend(np.concatenate([*look.training_inputs()])))
    weighted = model_for("binary")
    look = nn.callbacks.Callback()
    options = {"batch_size": None, "epochs": 1, "shuffle": False}
    history = weighted.fit(
        X,
        labels,
        sample_weight=WEIGHT,
        validation_split=0.3,
        callbacks=[look, note],
        optimizer=nn.SGD(1e-30),
        **options,
    )
    kept = np.isin(X[:, 0], np.array(given)[:, 0])
    assert kept.sum() == 7
    model = model_for("binary")
    for key, part in (("loss", kept), ("val_loss", ~kept)):
        close(history[key], [model.evaluate(X[part], labels[part], WEIGHT[part])["loss"]])


def test_examples_of_weight_0_have_no_influence():
    model, twin, other = model_for(), model_for(), X.copy()
    other[WEIGHT == 0] = 1e6
    labels = np.where(WEIGHT == 0, (CLASSES + 1) % 3, CLASSES)
    model.fit(X, CLASSES, sample_weight=WEIGHT, batch_size=4, epochs=3)
    twin.fit(other, labels, sample_weight=WEIGHT, batch_size=4, epochs=3)
    np.testing.assert_array_equal(twin.theta, model.theta)


@for_each("kind", TARGETS)
def test_a_batch_whose_weights_are_all_0_makes_no_step_and_adds_no_loss(kind):
    y = TARGETS[kind][2]
    weights = np.where(np.arange(M) < 5, 0, WEIGHT)
    model, twin, losses = model_for(kind), model_for(kind), []
    note = nn.LambdaCallback(on_batch_end=lambda batch, logs: losses.append(logs["loss"]))
    options = {"shuffle": False, "batch_size": 5, "epochs": 1}
    history = model.fit(X, y, sample_weight=weights, callbacks=[note], **options)
    expected = twin.fit(X[5:], y[5:], sample_weight=weights[5:], **options)
    np.testing.assert_array_equal(model.theta, twin.theta)
    assert losses == [0, *expected["loss"]]
    assert history["loss"] == expected["loss"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_history_has_the_weighted_loss_and_the_plain_accuracy(dtype):
    model = model_for(dtype=dtype)
    options = {"sample_weight": WEIGHT, "batch_size": 3, "epochs": 2, "optimizer": nn.SGD(1e-30)}
    history = model.fit(X, CLASSES, validation_data=(X, CLASSES, WEIGHT), **options)
    Y_hat = model.predict_proba(X).astype(float)
    losses = -np.log(Y_hat[np.arange(M), CLASSES])
    expected = (WEIGHT * losses).sum() / WEIGHT.sum()
    assert history["loss"] == pytest.approx([expected] * 2, rel=1e-6)
    assert history["val_loss"] == pytest.approx([expected] * 2, rel=1e-6)
    accuracy = np.mean(Y_hat.argmax(axis=1) == CLASSES)
    assert history["accuracy"] == history["val_accuracy"] == [accuracy] * 2


def test_the_weighted_loss_of_many_blocks_is_one_mean():
    many, labels = RNG.standard_normal((2500, N)), RNG.integers(0, 3, 2500)
    weights = np.linspace(0, 3, 2500)
    model = model_for()
    losses = -np.log(model.predict_proba(many)[np.arange(2500), labels])
    close(model.evaluate(many, labels, weights)["loss"], (weights * losses).sum() / weights.sum())


@for_each("form", [list, tuple, np.array, np.float32, np.uint8, lambda w: np.array(w, ">f8")])
def test_weights_may_have_any_form(form):
    model, twin = model_for(), model_for()
    model.fit(X, CLASSES, sample_weight=form(WEIGHT), epochs=2)
    twin.fit(X, CLASSES, sample_weight=WEIGHT.astype(float), epochs=2)
    np.testing.assert_array_equal(model.theta, twin.theta)
