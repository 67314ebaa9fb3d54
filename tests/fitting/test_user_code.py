"""Facts about a user's layers, callbacks, sources and metrics in fit: what happens when they fail or change things."""

import copy

import numpy as np
import pytest

import nnlite as nn

from ..support import NEVER_SAVED, Recorder, for_each, network, refuse
from .examples import X, y

pytestmark = NEVER_SAVED
BATCH = 10  # five batches in an epoch


class Faulty(nn.Layer):
    """Passes on what comes; one call, counted from 1, gives what ``make`` makes of it."""

    def __init__(self, method, at, make, training=True):
        self.method, self.at, self.make, self.training = method, at, make, training
        self.n_calls = 0

    def forward(self, a_prev, cache):
        return self.result("forward", a_prev) if cache.training == self.training else a_prev

    def backward(self, da, cache):
        return self.result("backward", da)

    def result(self, method, array):
        self.n_calls += method == self.method
        return self.make(array) if method == self.method and self.n_calls == self.at else array

    def __repr__(self):
        return "Faulty()"


def doubled_in_place(array):
    array *= 2
    return array


BREAKS = {
    "None": lambda array: None,
    "another shape": lambda array: array[:, :-1],
    "another dtype": lambda array: array.astype(np.float64),
    "written": doubled_in_place,
}
DOES = dict.fromkeys(BREAKS, "must return") | {"written": "writes into a read-only array"}


def train(model, *callbacks, epochs=2, **options):
    """Train in the textbook, so that steps can be compared bit for bit with those of layers without a kernel."""
    return model.fit(X, y, epochs=epochs, batch_size=BATCH, callbacks=callbacks, engine="textbook", **options)


def steps_of(epochs=2):
    """Theta after each step of a training in which nothing fails."""
    train(network(nn.Dense(6), nn.Tanh()), recorder := Recorder(), epochs=epochs)
    return recorder.steps


# ---- layers that break the rules ----------------------------------------------------------------------------------


@for_each("what", BREAKS)
@for_each("method", ["forward", "backward"])
def test_a_layer_that_breaks_the_rules_in_one_step_is_named_and_earlier_steps_stay(method, what):
    model = network(nn.Dense(6), nn.Tanh(), Faulty(method, 8, BREAKS[what]))
    refuse(lambda: train(model), f"layers[2] Faulty().{method} {DOES[what]}")
    np.testing.assert_array_equal(model.theta, steps_of()[6])
    assert train(model).epochs == 2  # the layer breaks no more rules


@for_each("what", BREAKS)
@for_each("call", ["predict", "predict_proba", "evaluate"])
def test_a_layer_that_breaks_the_rules_in_prediction_is_named_and_nothing_changes(call, what):
    layer = Faulty("forward", 2, BREAKS[what], training=False)  # the first call is the one that builds the network
    model = network(nn.Dense(6), nn.BatchNorm(), layer)
    before = model.theta.copy(), model.state.copy(), model.rng.bit_generator.state
    arguments = (X, y) if call == "evaluate" else (X,)
    refuse(lambda: getattr(model, call)(*arguments), f"layers[2] Faulty().forward {DOES[what]}")
    np.testing.assert_array_equal(model.theta, before[0])
    np.testing.assert_array_equal(model.state, before[1])
    assert model.rng.bit_generator.state == before[2]


@pytest.mark.parametrize("what", BREAKS)
def test_a_layer_that_breaks_the_rules_in_validation_is_named_after_the_epoch(what):
    model = network(nn.Dense(6), nn.Tanh(), Faulty("forward", 2, BREAKS[what], training=False))
    refuse(lambda: train(model, validation_data=(X, y)), f"layers[2] Faulty().forward {DOES[what]}")
    np.testing.assert_array_equal(model.theta, steps_of()[4])


@pytest.mark.parametrize("what", BREAKS)
def test_a_network_with_a_layer_that_always_breaks_the_rules_is_not_built(what):
    model = network(nn.Dense(6), Faulty("forward", 1, BREAKS[what], training=False), n_features=None)
    before = model.rng.bit_generator.state
    refuse(lambda: train(model), f"layers[1] Faulty().forward {DOES[what]}", "was tried with one example")
    assert not model.built
    assert model.rng.bit_generator.state == before


# ---- errors in the middle -----------------------------------------------------------------------------------------


class Failing(nn.Callback):
    """Raises OSError in one event, the first time that its number comes."""

    def __init__(self, event, number):
        setattr(self, f"on_{event}", self.fail_at)
        self.number = number

    def fail_at(self, *arguments):
        self.number -= 1
        if self.number < 0:
            raise OSError("disk full")


EVENTS = {  # the event, how often it comes before it fails, steps made by then
    "train_begin": (0, 0),
    "epoch_begin": (1, 5),
    "batch_begin": (7, 7),
    "batch_end": (7, 8),
    "epoch_end": (1, 10),
    "train_end": (0, 10),
}


@for_each("event", EVENTS)
def test_when_a_callback_raises_the_network_keeps_the_steps_so_far(event):
    before_it, n_steps = EVENTS[event]
    model = network(nn.Dense(6), nn.Tanh())
    initial = model.theta.copy()
    average = nn.EMA(0.5)
    with pytest.raises(OSError, match="disk full"):
        train(model, failing := Failing(event, before_it), average)
    np.testing.assert_array_equal(model.theta, [initial, *steps_of()][n_steps])  # EMA has not ended the training
    assert not hasattr(failing, "training_inputs")  # the data are released


@pytest.mark.parametrize("batch", [0, 3])
def test_after_a_callback_has_raised_fit_continues_as_after_a_stop(batch):
    failed, stopped = network(nn.Dense(6), nn.Tanh()), network(nn.Dense(6), nn.Tanh())
    optimizers = nn.Adam(0.01), nn.Adam(0.01)
    with pytest.raises(OSError, match="disk full"):
        train(failed, Failing("batch_end", batch), optimizer=optimizers[0])
    stop = nn.LambdaCallback(on_batch_end=lambda n, logs: setattr(stopped, "stop_training", n == batch))
    train(stopped, stop, optimizer=optimizers[1])
    for model, optimizer in zip((failed, stopped), optimizers, strict=True):
        train(model, optimizer=optimizer)
    np.testing.assert_array_equal(failed.theta, stopped.theta)


def test_when_a_source_raises_the_network_keeps_the_steps_so_far():
    def batches():
        for start in range(0, 50, BATCH):
            if start == 30:
                raise OSError("connection lost")
            yield X[start : start + BATCH], y[start : start + BATCH]

    model, twin = network(nn.Dense(6)), network(nn.Dense(6))
    with pytest.raises(OSError, match="connection lost"):
        model.fit(batches(), steps_per_epoch=5)
    twin.fit(X[:30], y[:30], batch_size=BATCH, shuffle=False, epochs=1)
    np.testing.assert_array_equal(model.theta, twin.theta)


def test_when_a_metric_raises_the_network_keeps_the_steps_so_far():
    calls = []

    def second_time_broken(y, Y_hat):
        calls.append(len(y))
        return 1 / (len(calls) < 2)

    model = network(nn.Dense(6), nn.Tanh())
    with pytest.raises(ZeroDivisionError):
        train(model, metrics=[second_time_broken])
    assert calls == [50, 50]  # at the end of each epoch
    np.testing.assert_array_equal(model.theta, steps_of()[9])


# ---- layers that callbacks freeze ---------------------------------------------------------------------------------


def test_a_layer_that_a_callback_freezes_for_an_epoch_does_not_change_in_it():
    class Freezing(Recorder):
        def on_epoch_begin(self, epoch, logs):
            self.model.layers[0].trainable = epoch != 1
            self.model.layers[1].trainable = epoch != 1

    model = network(nn.Dense(6), nn.BatchNorm(), nn.Tanh())
    train(model, recorder := Freezing(), epochs=3, optimizer=nn.Adam(0.01))
    parameters = {segment.name: segment.view for segment in model.segments}
    for name, of in parameters.items():
        first, second, third = map(of, recorder.thetas)
        assert np.array_equal(first, second) == (name in ("W1", "b1", "gamma1", "beta1")), name
        assert not np.array_equal(second, third), name
    first, second, third = recorder.states  # the running averages
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(second, third)


@pytest.mark.parametrize("rule", [nn.SGD(0.1, momentum=0.9), nn.Adam(0.01), nn.AdamW(0.01)], ids=repr)
def test_freezing_between_epochs_is_freezing_between_calls_of_fit(rule):
    at_once, in_parts = network(nn.Dense(6), nn.Tanh()), network(nn.Dense(6), nn.Tanh())
    freeze = nn.LambdaCallback(on_epoch_begin=lambda epoch, logs: setattr(at_once.layers[0], "trainable", epoch != 1))
    history = train(at_once, freeze, epochs=3, optimizer=copy.copy(rule))
    losses, optimizer = [], copy.copy(rule)
    for trainable in True, False, True:
        in_parts.layers[0].trainable = trainable
        losses += train(in_parts, epochs=1, optimizer=optimizer)["loss"]
    np.testing.assert_array_equal(at_once.theta, in_parts.theta)
    assert history["loss"] == losses


def test_a_layer_can_be_frozen_after_a_batch():
    model = network(nn.Dense(6), nn.Tanh())
    freeze = nn.LambdaCallback(on_batch_end=lambda batch, logs: setattr(model.layers[0], "trainable", batch != 1))
    train(model, freeze, recorder := Recorder(), epochs=1)
    of = model.segments[0].view
    changed = [not np.array_equal(of(a), of(b)) for a, b in zip(recorder.steps, recorder.steps[1:], strict=False)]
    assert changed == [True, False, True, True]


def test_if_a_callback_freezes_everything_nothing_changes_and_the_loss_is_reported():
    model = network(nn.Dense(6), nn.Tanh())

    def freeze(epoch, logs):
        for layer in model.layers:
            layer.trainable = False

    before, loss = model.theta.copy(), model.evaluate(X, y)["loss"]
    history = train(model, nn.LambdaCallback(on_epoch_begin=freeze))
    np.testing.assert_array_equal(model.theta, before)
    assert history["loss"] == pytest.approx([loss, loss], rel=1e-6)


# ---- batches without weight ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [nn.SGD, nn.Adam])
def test_a_batch_of_a_stream_whose_weights_are_all_0_has_the_gradient_0(rule):
    weights = np.ones(BATCH), np.zeros(BATCH), np.ones(BATCH)
    parts = [slice(start, start + BATCH) for start in (0, 10, 20)]
    stream = [(X[part], y[part], weight) for part, weight in zip(parts, weights, strict=True)]
    streamed, by_hand, losses = network(nn.Dense(6)), network(nn.Dense(6)), []
    note = nn.LambdaCallback(on_batch_end=lambda batch, logs: losses.append(logs["loss"]))
    history = streamed.fit(stream, shuffle=False, epochs=1, optimizer=rule(0.01), callbacks=[note], engine="textbook")
    optimizer, costs = rule(0.01), []
    for part, weight in zip(parts, weights, strict=True):
        by_hand.forward(X[part])
        if weight.any():
            costs.append(by_hand.cost(y[part], weight))
            by_hand.backward(y[part], weight)
        else:
            by_hand.grad = 0
        optimizer.step(by_hand)
    np.testing.assert_array_equal(streamed.theta, by_hand.theta)
    assert losses == pytest.approx([costs[0], 0, costs[1]])
    assert history["loss"] == pytest.approx([np.mean(costs)])


def test_an_epoch_without_any_weight_is_refused_and_changes_nothing():
    model = network(nn.Dense(6))
    before = model.theta.copy()
    said = "sample_weight: the weights of all 50 examples of epoch 1"
    refuse(lambda: model.fit([(X, y, np.zeros(50))], epochs=2), said)
    np.testing.assert_array_equal(model.theta, before)
