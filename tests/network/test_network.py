"""Facts about a network: the four lines of a training step, evaluation, and whose arrays it reads and returns."""

import weakref

import numpy as np
import pytest

import nnlite as nn

from ..support import Scale, Square, for_each, refuse
from .common import CLASSIFIERS, KINDS, X, of_kind, y


def train_step(model, X, Y, optimizer):
    model.forward(X)
    model.backward(Y)
    optimizer.step(model)


# ---- four lines -----------------------------------------------------------------------------------------------


@for_each("kind", KINDS)
@for_each("dtype", ["float32", "float64"])
def test_four_lines_are_one_step_of_fit(kind, dtype):
    by_hand, by_fit = of_kind(kind, dtype=dtype), of_kind(kind, dtype=dtype)
    targets = KINDS[kind][2]
    optimizer = nn.SGD(0.2, momentum=0.9, weight_decay=0.01)
    costs = []
    for _ in range(3):
        by_hand.forward(X)
        costs.append(by_hand.cost(targets))
        by_hand.backward(targets)
        optimizer.step(by_hand)
    rule = nn.SGD(0.2, momentum=0.9, weight_decay=0.01)
    history = by_fit.fit(X, targets, optimizer=rule, epochs=3, batch_size=None, engine="textbook")
    np.testing.assert_array_equal(by_hand.theta, by_fit.theta)
    np.testing.assert_array_equal(by_hand.grad, by_fit.grad)
    assert history["loss"] == pytest.approx(costs, rel=1e-6)


def test_the_cost_is_the_mean_of_the_losses_of_the_course():
    model = of_kind(dtype="float64")
    Y_hat = model.forward(X)
    assert model.cost(y) == pytest.approx(-np.log(Y_hat[np.arange(24), y]).mean(), rel=1e-12)
    model = of_kind("labels", dtype="float64")
    Y_hat, Y = model.forward(X), KINDS["labels"][2]
    losses = -(Y * np.log(Y_hat) + (1 - Y) * np.log(1 - Y_hat)).sum(axis=1)
    assert model.cost(Y) == pytest.approx(losses.mean(), rel=1e-12)
    model = of_kind("values", dtype="float64")
    Y_hat, Y = model.forward(X), KINDS["values"][2]
    assert model.cost(Y) == pytest.approx(0.5 * np.square(Y_hat - Y).sum(axis=1).mean(), rel=1e-12)
    assert isinstance(model.cost(Y), float)


def test_sample_weights_weigh_the_losses_and_the_gradients():
    model, weights = of_kind(dtype="float64"), np.arange(24) % 3
    model.forward(X)
    cost = model.cost(y, weights)
    model.backward(y, weights)
    gradient = model.grad.copy()
    repeated = np.repeat(np.arange(24), weights)  # a weight of 2 is an example that occurs twice
    model.forward(X[repeated])
    assert cost == pytest.approx(model.cost(y[repeated]), rel=1e-12)
    model.backward(y[repeated])
    np.testing.assert_allclose(gradient, model.grad, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("hidden", [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softmax, nn.Identity])
def test_a_second_backward_gives_the_same_gradient(hidden):
    model = of_kind(hidden=hidden)
    model.forward(X)
    cost = model.cost(y)
    model.backward(y)
    first = model.grad.copy()
    model.backward(y)
    np.testing.assert_array_equal(model.grad, first)
    assert model.cost(y) == cost


def test_a_prediction_does_not_disturb_a_training_step():
    model, twin = of_kind(), of_kind()
    model.forward(X)
    twin.forward(X)
    other = X[:7] * 2
    model.predict(other)
    model.predict_proba(other)
    model.evaluate(other, y[:7])
    assert model.cost(y) == twin.cost(y)
    model.backward(y)
    twin.backward(y)
    np.testing.assert_array_equal(model.grad, twin.grad)


def test_the_gradient_belongs_to_the_batch_as_forward_saw_it():
    model, twin = of_kind(), of_kind()
    data = X.copy()
    model.forward(data)
    twin.forward(X)
    data[...] = 0  # the user fills the array with the next batch
    model.backward(y)
    twin.backward(y)
    np.testing.assert_array_equal(model.grad, twin.grad)


@pytest.mark.parametrize("what", ["cost", "backward"])
def test_cost_and_backward_need_a_forward_pass_and_one_target_for_each_of_its_examples(what):
    model = of_kind()
    refuse(lambda: getattr(model, what)(y), f"{what}: call forward(X) first", error=nn.NotBuiltError)
    model.forward(X)
    refuse(lambda: getattr(model, what)(y[:7]), "Y: expected 24 labels", "got 7")


@pytest.mark.parametrize("what", ["cost", "backward"])
def test_a_layer_cannot_be_frozen_between_forward_and_backward(what):
    model = of_kind()
    model.forward(X)
    model.layers[0].trainable = False
    refuse(lambda: getattr(model, what)(y), f"{what}: a layer was frozen or freed after forward(X)")
    model.forward(X)
    getattr(model, what)(y)


def test_a_forward_pass_for_prediction_has_gradients_down_to_the_first_layer():
    model, twin = of_kind(), of_kind()
    for network, training in ((model, False), (twin, True)):
        network.forward(X, training=training)
        network.backward(y)
    np.testing.assert_array_equal(model.grad, twin.grad)
    assert model.layers[0].dW.any()


# ---- evaluation -----------------------------------------------------------------------------------------------


@for_each("kind", KINDS)
@for_each("m", [1, 24, 1023, 1024, 1025, 2500])
def test_evaluate_is_forward_and_cost_for_any_number_of_examples(kind, m):
    data = np.random.default_rng(m).standard_normal((m, 5))
    targets = np.resize(KINDS[kind][2], (m, *KINDS[kind][2].shape[1:]))
    model = of_kind(kind, dtype="float64")
    result = model.evaluate(data, targets)
    Y_hat = model.forward(data)
    assert result["loss"] == pytest.approx(model.cost(targets), rel=1e-12)
    if kind not in CLASSIFIERS:
        assert set(result) == {"loss"}
    else:
        right = Y_hat.argmax(axis=1) == targets if kind == "softmax" else (Y_hat > 0.5) == targets.reshape(m, -1)
        assert result["accuracy"] == pytest.approx(np.mean(right), rel=1e-12)


def test_an_evaluation_weighs_the_loss_and_not_the_accuracy():
    model, weights = of_kind(dtype="float64"), np.arange(24.0)
    model.forward(X)
    result = model.evaluate(X, y, weights)
    assert result["loss"] == pytest.approx(model.cost(y, weights), rel=1e-12)
    assert result["accuracy"] == model.evaluate(X, y)["accuracy"]


def test_an_evaluation_has_the_metrics_that_were_asked_for():
    def count(y, Y_hat):
        return len(y)

    result = of_kind().evaluate(X, y, metrics=["f1", count])
    assert set(result) == {"loss", "accuracy", "f1", "count"}
    assert result["count"] == 24


# ---- results --------------------------------------------------------------------------------------------------


@for_each("kind", KINDS)
@for_each("m", [1, 24, 1500])
def test_a_later_call_overwrites_no_array_that_was_returned(kind, m):
    data, targets = np.resize(X, (m, 5)), np.resize(KINDS[kind][2], (m, *KINDS[kind][2].shape[1:]))
    model = of_kind(kind)
    held = [model.forward(data), model.predict(data), model.forward(data)]
    if kind in CLASSIFIERS:
        held.append(model.predict_proba(data))
    before = [array.copy() for array in held]
    other = data[::-1] * 3 + 1
    for _ in range(2):
        model.forward(other)
        model.cost(targets)
        model.backward(targets)
        model.predict(other)
        model.evaluate(other, targets)
        model.predict(other[:1])
        if kind in CLASSIFIERS:
            model.predict_proba(other)
        model.fit(other, targets, optimizer=nn.SGD(0.01), epochs=1, batch_size=50)
    for array, expected in zip(held, before, strict=True):
        np.testing.assert_array_equal(array, expected)
        assert array.flags.writeable
        assert not np.shares_memory(array, data)


@for_each("kind", KINDS)
def test_writing_into_a_result_changes_nothing_in_the_network(kind):
    model, twin = of_kind(kind), of_kind(kind)
    targets = KINDS[kind][2]
    Y_hat = model.forward(X)
    twin.forward(X)
    Y_hat[...] = 7
    model.predict(X)[...] = 7
    assert model.cost(targets) == twin.cost(targets)
    model.backward(targets)
    twin.backward(targets)
    np.testing.assert_array_equal(model.grad, twin.grad)


def test_a_network_of_identities_returns_new_arrays():
    model = nn.Model([nn.Identity()], n_features=5)
    for array in (model.forward(X), model.predict(X)):
        np.testing.assert_array_equal(array, X)
        assert not np.shares_memory(array, X)


def test_float64_is_more_exact_than_float32():
    results = {}
    for dtype in ("float32", "float64"):
        model = of_kind(dtype=dtype)
        assert model.theta.dtype == model.grad.dtype == model.forward(X).dtype == dtype
        assert model.predict_proba(X).dtype == dtype
        assert model.layers[0].W.dtype == dtype
        model.fit(X, y, epochs=3)
        results[dtype] = model.predict_proba(X)
    np.testing.assert_allclose(results["float32"], results["float64"], rtol=1e-4)
    assert not np.array_equal(results["float32"], results["float64"])


# ---- the user's arrays ----------------------------------------------------------------------------------------


@for_each("kind", KINDS)
@for_each("dtype", ["float32", "float64"])
def test_a_users_arrays_are_never_written(kind, dtype):
    data, targets = X.astype(dtype), KINDS[kind][2].copy()
    if targets.dtype.kind == "f":
        targets = targets.astype(dtype)
    rows = nn.one_hot(y, 3, dtype) if kind == "softmax" else targets
    before = [array.copy() for array in (data, targets, rows)]
    for array in (data, targets, rows):
        array.flags.writeable = False  # an attempt to write would raise
    model = of_kind(kind, hidden=nn.Identity, dtype=dtype)
    optimizer = nn.SGD(0.01)
    for Y in (targets, rows):
        train_step(model, data, Y, optimizer)
        model.cost(Y)
        model.predict(data)
        model.evaluate(data, Y)
        for shuffle in (True, False):
            model.fit(data, Y, optimizer=optimizer, epochs=1, batch_size=7, shuffle=shuffle, validation_data=(data, Y))
        model.fit(data, Y, optimizer=optimizer, epochs=1, batch_size=None, validation_split=0.25)
    for array, expected in zip((data, targets, rows), before, strict=True):
        np.testing.assert_array_equal(array, expected)


@for_each("layer", [nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Softmax, nn.Identity, Square])
def test_a_first_layer_without_weights_leaves_x_as_it_is(layer):
    model = nn.Model([layer(), nn.Dense(3), nn.Softmax()], n_features=5, seed=0)
    data = X.copy()
    data.flags.writeable = False
    for _ in range(2):
        train_step(model, data, y, nn.SGD(0.1))
    model.fit(data, y, epochs=1, batch_size=None)
    np.testing.assert_array_equal(data, X)


# ---- other networks -------------------------------------------------------------------------------------------


def test_a_network_without_parameters_runs():
    model = nn.Model([nn.Tanh(), nn.Softmax()], n_features=3, seed=0)
    assert model.n_parameters == 0
    history = model.fit(X[:, :3], y, epochs=2)
    assert history["loss"][0] == pytest.approx(history["loss"][1])
    assert dict(model.parameters) == {}


def test_repr_is_the_call_that_makes_the_network():
    model = nn.Model([nn.Dense(8, nn.GlorotUniform(gain=0.5)), nn.Tanh(), nn.Dense(2), nn.Softmax()])
    text = "Model([Dense(8, initializer=GlorotUniform(gain=0.5)), Tanh(), Dense(2), Softmax()])"
    assert repr(model) == text
    names = {name: getattr(nn, name) for name in ("Model", "Dense", "GlorotUniform", "Tanh", "Softmax")}
    assert repr(eval(text, names)) == text
    assert repr(nn.Model([Square(), Scale(), Scale(2.0), nn.Identity()])) == (
        "Model([Square(), Scale(), Scale(start=2.0), Identity()])"
    )


def test_a_model_is_freed_with_its_last_name():
    optimizer = nn.SGD(0.1, momentum=0.9)
    model = of_kind()
    model.fit(X, y, optimizer=optimizer, epochs=1)
    gone = weakref.ref(model)
    del model
    assert gone() is None


@pytest.mark.parametrize(("name", "value"), [("trainable", False), ("learning_rate", 3)])
def test_a_setting_of_layers_or_optimizers_is_refused_because_it_would_have_no_effect(name, value):
    model = of_kind()
    refuse(lambda: setattr(model, name, value), f"{name}: a model has none; set it for", f".{name} = ")
    assert not hasattr(model, name)
    model.notes = "other attributes are the user's own"


def test_dir_shows_what_a_user_needs():
    names = {name for name in dir(of_kind()) if not name.startswith("_")}
    assert {"fit", "forward", "cost", "backward", "theta", "gradients", "layers", "predict", "save"} <= names
    assert not {"lay_out", "new_pass", "require_built", "predict_rows", "signature"} & names
