"""Facts about callbacks: which events they see and in which order, how they stop a training, and what they may do."""

import math

import numpy as np
import pytest

import nnlite as nn
from nnlite.callbacks import Callback, EarlyStopping, Hooks, LambdaCallback
from nnlite.callbacks.base import EVENTS

from ..support import Recorder, for_each, refuse
from .training import X, regression, train, y

# ---- events -----------------------------------------------------------------------------------------------------


class Diary(Callback):
    """Writes down every event."""

    def __init__(self, name, pages):
        self.name, self.pages = name, pages

    def write(self, event, number, logs):
        self.pages.append((self.name, event, number, dict(logs), self.model, self.optimizer))

    def on_train_begin(self, logs):
        self.write("train_begin", None, logs)

    def on_train_end(self, logs):
        self.write("train_end", None, logs)

    def on_epoch_begin(self, epoch, logs):
        self.write("epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch, logs):
        self.write("epoch_end", epoch, logs)

    def on_batch_begin(self, batch, logs):
        self.write("batch_begin", batch, logs)

    def on_batch_end(self, batch, logs):
        self.write("batch_end", batch, logs)


def diary(names="a", **options):
    pages, model, optimizer = [], regression(), nn.SGD(0.1)
    history = train(model, *(Diary(name, pages) for name in names), optimizer=optimizer, **options)
    return pages, model, optimizer, history


def test_events_come_in_order_and_are_numbered_from_0():
    pages, *_ = diary(epochs=2, batch_size=8)
    batches = [("batch_begin", 0), ("batch_end", 0), ("batch_begin", 1), ("batch_end", 1)]
    assert [(event, number) for _, event, number, *_ in pages] == [
        ("train_begin", None),
        *[("epoch_begin", 0), *batches, ("epoch_end", 0)],
        *[("epoch_begin", 1), *batches, ("epoch_end", 1)],
        ("train_end", None),
    ]


def test_at_each_event_callbacks_are_called_in_the_order_of_the_list():
    pages, *_ = diary("abc", epochs=2)
    assert "".join(name for name, *_ in pages) == "abc" * (len(pages) // 3)
    assert [page[1:3] for page in pages[::3]] == [page[1:3] for page in pages[1::3]] == [p[1:3] for p in pages[2::3]]


def test_every_event_sees_the_model_and_the_optimizer():
    pages, model, optimizer, _ = diary(epochs=2)
    assert len(pages) == 18
    assert all(page[4] is model and page[5] is optimizer for page in pages)


def test_without_an_optimizer_callbacks_see_the_default_one():
    seen = []
    train(regression(), LambdaCallback(on_train_begin=lambda logs: seen.append(spy.optimizer)), spy := Callback())
    assert isinstance(seen[0], nn.SGD)


def test_the_end_of_an_epoch_sees_what_the_history_records():
    pages, _, _, history = diary(validation_data=(X, y))
    logs = [page[3] for page in pages if page[1] == "epoch_end"]
    assert list(logs[0]) == ["loss", "val_loss", "learning_rate", "seconds"]
    assert history == {key: [log[key] for log in logs] for key in logs[0]}
    assert pages[-1][1] == "train_end"
    assert pages[-1][3] == logs[-1]


def test_the_end_of_a_batch_sees_its_size_and_its_loss_before_the_step():
    pages, model, seen = [], regression(), []

    def note(batch, logs):
        seen.append(np.mean(np.sum((model_before.predict(X[8 * batch :][:8]) - y[8 * batch :][:8]) ** 2, axis=1)) / 2)

    model_before = regression()
    model_before.forward(X)
    follow_up = LambdaCallback(
        on_batch_begin=note, on_batch_end=lambda batch, logs: setattr(model_before, "theta", model.theta)
    )
    history = train(model, follow_up, Diary("a", pages), epochs=1, batch_size=8, shuffle=False)
    logs = [page[3] for page in pages if page[1] == "batch_end"]
    assert [log["size"] for log in logs] == [8, 4]
    assert [log["loss"] for log in logs] == pytest.approx(seen, rel=1e-12)
    assert history["loss"] == [pytest.approx((8 * logs[0]["loss"] + 4 * logs[1]["loss"]) / 12, rel=1e-12)]
    assert all(page[3] == {} for page in pages if page[1].endswith("begin"))


def test_the_logs_of_a_callback_are_not_the_history():
    history = train(regression(), LambdaCallback(on_epoch_end=lambda epoch, logs: logs.clear()))
    assert history.epochs == 3
    assert math.isfinite(history["loss"][2])


def test_methods_that_are_not_overridden_are_not_called(monkeypatch):
    class OnlyEpochs(Callback):
        def on_epoch_end(self, epoch, logs):
            self.ended = epoch

    def fail(*arguments):
        raise AssertionError("called")

    for event in EVENTS:
        monkeypatch.setattr(Callback, f"on_{event}", fail)
    given = [Callback(), callback := OnlyEpochs(), LambdaCallback(on_batch_end=lambda batch, logs: None)]
    hooks = Hooks(given)
    assert [len(getattr(hooks, event)) for event in EVENTS] == [0, 0, 0, 1, 0, 1]
    train(regression(), *given)
    assert callback.ended == 2


def test_inherited_methods_are_called():
    class Mine(Diary):
        pass

    pages = []
    train(regression(), Mine("a", pages), epochs=1)
    assert len(pages) == 10


def test_callbacks_that_only_watch_do_not_change_the_training():
    plain, watched = regression(), regression()
    history = train(plain)
    again = train(watched, Callback(), Recorder(), Diary("a", []), EarlyStopping("loss", patience=9))
    np.testing.assert_array_equal(watched.theta, plain.theta)
    assert again["loss"] == history["loss"]


@pytest.mark.parametrize("use", ["predict", "evaluate", "forward"])
def test_a_callback_may_use_the_network(use):
    plain, used = regression(), regression()
    look = {
        "predict": lambda *_: used.predict(X[:5]),
        "evaluate": lambda *_: used.evaluate(X, y),
        "forward": lambda *_: used.forward(X[:5]),
    }[use]
    train(plain)
    events = ["on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end"]
    train(used, LambdaCallback(**dict.fromkeys(events, look)))
    np.testing.assert_array_equal(used.theta, plain.theta)


def test_a_callback_releases_the_data_when_training_ends():
    class Looking(Callback):
        def on_train_end(self, logs):
            self.seen = np.concatenate([*self.training_inputs()])

    train(regression(), callback := Looking(), callback)  # twice in the list does no harm
    assert sorted(callback.seen[:, 0]) == sorted(X[:, 0])
    assert not hasattr(callback, "training_inputs")


def test_a_callbacks_error_comes_through_and_the_network_works_on():
    def fail(batch, logs):
        raise RuntimeError("disk full")

    model = regression()
    with pytest.raises(RuntimeError, match="disk full"):
        train(model, LambdaCallback(on_batch_end=fail))
    train(model)


@pytest.mark.parametrize("given", [None, [], (), iter([])])
def test_fit_without_callbacks(given):
    assert regression().fit(X, y, epochs=1, callbacks=given).epochs == 1


def test_each_callback_sees_the_loss_of_the_batch_whatever_the_others_do():
    class Asking(nn.Callback):
        def on_batch_end(self, batch, logs):
            self.model.forward(np.zeros((3, 4)))

    class Noting(nn.Callback):
        def __init__(self):
            self.losses = []

        def on_batch_end(self, batch, logs):
            self.losses.append(logs["loss"])

    X, y = np.random.default_rng(0).standard_normal((40, 4)), np.arange(40) % 3
    first, second = Noting(), Noting()
    model = nn.Model([nn.Dense(5), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=0)
    model.fit(X, y, epochs=2, batch_size=10, callbacks=[first, Asking(), second])
    assert first.losses == second.losses


# ---- stopping ---------------------------------------------------------------------------------------------------


def stop_at(model, event, number):
    def stop(now, logs):
        if now == number:
            model.stop_training = True

    return LambdaCallback(**{event: stop})


@for_each(
    ("event", "number", "steps", "epochs"),
    [
        ("on_batch_begin", 1, 2, 1),
        ("on_batch_end", 0, 1, 1),
        ("on_batch_end", 2, 3, 1),
        ("on_epoch_begin", 1, 4, 2),
        ("on_epoch_end", 0, 3, 1),
        ("on_epoch_end", 1, 6, 2),
        ("on_epoch_end", 99, 12, 4),
    ],
)
def test_stop_training_ends_after_the_batch_or_the_epoch(event, number, steps, epochs):
    model, optimizer, pages = regression(), nn.SGD(0.1), []
    given = [stop_at(model, event, number), Diary("a", pages)]
    history = train(model, *given, optimizer=optimizer, epochs=4, validation_data=(X, y))
    assert optimizer.state(model).n_steps == steps
    assert history.epochs == len(history["val_loss"]) == epochs
    assert [page[1] for page in pages[-2:]] == ["epoch_end", "train_end"]


def test_what_was_trained_until_the_stop_is_gradient_descent():
    stopped, by_hand, optimizer = regression(), regression(), nn.SGD(0.1)
    history = train(stopped, stop_at(stopped, "on_batch_end", 1), shuffle=False, engine="textbook")
    costs = []
    for start in (0, 4):
        by_hand.forward(X[start : start + 4])
        costs.append(by_hand.cost(y[start : start + 4]))
        by_hand.backward(y[start : start + 4])
        optimizer.step(by_hand)
    np.testing.assert_array_equal(stopped.theta, by_hand.theta)
    assert history["loss"] == [pytest.approx(np.mean(costs), rel=1e-12)]


def test_the_next_fit_is_not_stopped():
    model = regression()
    train(model, stop_at(model, "on_epoch_end", 0))
    assert model.stop_training
    assert train(model, epochs=2).epochs == 2
    assert not model.stop_training


# ---- how a callback is shown ------------------------------------------------------------------------------------


@for_each(
    ("callback", "shown"),
    [
        (EarlyStopping(), "EarlyStopping()"),
        (EarlyStopping("val_f1", patience=3, mode="max"), "EarlyStopping(monitor='val_f1', patience=3, mode='max')"),
        (nn.ReduceOnPlateau(min_delta=0.5), "ReduceOnPlateau(min_delta=0.5)"),
        (nn.ModelCheckpoint("best.npz", save_best_only=True), "ModelCheckpoint('best.npz', save_best_only=True)"),
        (nn.SWA(5), "SWA(5)"),
        (LambdaCallback(on_epoch_end=print), "LambdaCallback(...)"),
        (Diary("a", list(range(1000))), "Diary('a', ...)"),
    ],
)
def test_repr_shows_required_arguments_and_those_that_differ_from_their_defaults(callback, shown):
    assert repr(callback) == shown


# ---- functions in place of methods ------------------------------------------------------------------------------


def test_functions_are_called_as_methods_are():
    pages, seen = [], []

    def note(event):
        def function(*arguments):
            seen.append((event, *arguments[:-1], dict(arguments[-1])))

        return function

    functions = {f"on_{event}": note(event) for event in EVENTS}
    train(regression(), Diary("a", pages), LambdaCallback(**functions), epochs=2)
    assert seen == [(event, *([] if number is None else [number]), logs) for _, event, number, logs, *_ in pages]


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (
            {"on_epoch": print},
            ["on_epoch: is not an event", "on_train_begin, on_train_end, on_epoch_begin"],
        ),
        ({"epoch_end": print}, ["epoch_end: is not an event", "on_batch_begin, on_batch_end"]),
    ],
)
def test_an_unknown_event_is_refused(arguments, fragments):
    refuse(lambda: LambdaCallback(**arguments), *fragments)
