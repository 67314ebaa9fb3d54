"""Facts about callbacks: what they see, when they stop, what they keep, write and average, and what they refuse."""

import csv
import math
import pathlib
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlite as nn
from nnlite.callbacks import (
    EMA,
    SWA,
    Callback,
    CSVLogger,
    EarlyStopping,
    Hooks,
    LambdaCallback,
    ModelCheckpoint,
    Monitor,
    ReduceOnPlateau,
    base,
)

REFERENCE = dict(np.load(pathlib.Path(__file__).parents[1] / "reference" / "plateau.npz"))
M = 12
RNG = np.random.default_rng(0)
X = RNG.standard_normal((M, 3))
y = RNG.standard_normal((M, 2))
classes = np.arange(M) % 3


def make_model(*hidden, seed=0):
    """A regression in float64, with what is given in its middle."""
    return nn.Model([nn.Dense(4), *hidden, nn.Tanh(), nn.Dense(2), nn.Identity()], seed=seed, dtype="float64")


def train(model, *given, epochs=3, batch_size=4, **options):
    return model.fit(X, y, epochs=epochs, batch_size=batch_size, callbacks=given, **options)


class Recorder(Callback):
    """Keeps the parameters and the state after each epoch, and the parameters after each step."""

    def on_train_begin(self, logs):
        self.thetas, self.states, self.steps = [], [], []

    def on_epoch_end(self, epoch, logs):
        self.thetas.append(self.model.theta.copy())
        self.states.append(self.model.state.copy())

    def on_batch_end(self, batch, logs):
        self.steps.append(self.model.theta.copy())


def follow(curve, model, *given):
    """Train with the curve as the learning rates, one step to an epoch: a logged value that is known beforehand."""
    options = {"epochs": len(curve), "batch_size": None, "optimizer": nn.SGD(lambda step: curve[step])}
    return train(model, *given, **options)


def refuse(call, *fragments):
    with pytest.raises(nn.ArgumentError) as caught:
        call()
    message = str(caught.value)
    assert message.startswith(fragments[0]), message
    for fragment in fragments[1:]:
        assert fragment in message, message


def table(rows):
    return [pytest.param(*row[1:], id=row[0]) for row in rows]


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
    pages, model, optimizer = [], make_model(), nn.SGD(0.1)
    history = train(model, *(Diary(name, pages) for name in names), optimizer=optimizer, **options)
    return pages, model, optimizer, history


def test_events_come_in_order_and_are_counted_from_0():
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
    train(make_model(), LambdaCallback(on_train_begin=lambda logs: seen.append(spy.optimizer)), spy := Callback())
    assert isinstance(seen[0], nn.SGD)


def test_the_end_of_an_epoch_sees_what_the_history_records():
    pages, _, _, history = diary(validation_data=(X, y))
    logs = [page[3] for page in pages if page[1] == "epoch_end"]
    assert list(logs[0]) == ["loss", "val_loss", "learning_rate", "seconds"]
    assert history == {key: [log[key] for log in logs] for key in logs[0]}
    assert pages[-1][1] == "train_end"
    assert pages[-1][3] == logs[-1]


def test_the_end_of_a_batch_sees_its_size_and_its_loss_before_the_step():
    pages, model, seen = [], make_model(), []

    def note(batch, logs):
        seen.append(np.mean(np.sum((model_before.predict(X[8 * batch :][:8]) - y[8 * batch :][:8]) ** 2, axis=1)) / 2)

    model_before = make_model()
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
    history = train(make_model(), LambdaCallback(on_epoch_end=lambda epoch, logs: logs.clear()))
    assert history.epochs == 3
    assert math.isfinite(history["loss"][2])


def test_hooks_that_are_not_overridden_are_not_called(monkeypatch):
    class OnlyEpochs(Callback):
        def on_epoch_end(self, epoch, logs):
            self.ended = epoch

    def fail(*arguments):
        raise AssertionError("called")

    for event in base.EVENTS:
        monkeypatch.setattr(Callback, f"on_{event}", fail)
    given = [Callback(), callback := OnlyEpochs(), LambdaCallback(on_batch_end=lambda batch, logs: None)]
    hooks = Hooks(given)
    assert [len(getattr(hooks, event)) for event in base.EVENTS] == [0, 0, 0, 1, 0, 1]
    train(make_model(), *given)
    assert callback.ended == 2


def test_a_hook_inherited_from_ones_own_base_class_is_called():
    class Mine(Diary):
        pass

    pages = []
    train(make_model(), Mine("a", pages), epochs=1)
    assert len(pages) == 10


def test_callbacks_change_nothing_by_being_there():
    plain, watched = make_model(), make_model()
    history = train(plain)
    again = train(watched, Callback(), Recorder(), Diary("a", []), EarlyStopping("loss", patience=9))
    np.testing.assert_array_equal(watched.theta, plain.theta)
    assert again["loss"] == history["loss"]


@pytest.mark.parametrize("use", ["predict", "evaluate", "forward"])
def test_a_callback_may_use_the_network(use):
    plain, used = make_model(), make_model()
    look = {
        "predict": lambda *_: used.predict(X[:5]),
        "evaluate": lambda *_: used.evaluate(X, y),
        "forward": lambda *_: used.forward(X[:5]),
    }[use]
    train(plain)
    events = ["on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end"]
    train(used, LambdaCallback(**dict.fromkeys(events, look)))
    np.testing.assert_array_equal(used.theta, plain.theta)


def test_a_callback_lets_go_of_the_data_when_training_ends():
    class Looking(Callback):
        def on_train_end(self, logs):
            self.seen = np.concatenate([*self.training_inputs()])

    train(make_model(), callback := Looking(), callback)  # twice in the list does no harm
    assert sorted(callback.seen[:, 0]) == sorted(X[:, 0])
    assert not hasattr(callback, "training_inputs")


def test_a_callbacks_error_comes_through_and_the_network_works_on():
    def fail(batch, logs):
        raise RuntimeError("disk full")

    model = make_model()
    with pytest.raises(RuntimeError, match="disk full"):
        train(model, LambdaCallback(on_batch_end=fail))
    train(model)


@pytest.mark.parametrize("given", [None, [], (), iter([])])
def test_callbacks_may_be_none(given):
    assert make_model().fit(X, y, epochs=1, callbacks=given).epochs == 1


WRONG_CALLBACKS = [
    ("one", Callback(), ["expected a list", "Callback object"]),
    ("class", [EMA], ["subclasses of Callback", "write EMA(...)"]),
    ("function", [print], ["subclasses of Callback", "print"]),
    ("name", "EMA", ["subclasses of Callback", "'E'"]),
    ("None inside", [None], ["subclasses of Callback", "None"]),
    ("number", 3, ["expected a list", "3"]),
]


@pytest.mark.parametrize(("wrong", "fragments"), table(WRONG_CALLBACKS))
def test_what_is_no_callback_is_refused(wrong, fragments):
    model = make_model()
    refuse(lambda: model.fit(X, y, callbacks=wrong), "callbacks: ", *fragments)
    assert not model.built


# ---- stopping ---------------------------------------------------------------------------------------------------


def stop_at(model, event, number):
    def stop(now, logs):
        if now == number:
            model.stop_training = True

    return LambdaCallback(**{event: stop})


@pytest.mark.parametrize(
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
    model, optimizer, pages = make_model(), nn.SGD(0.1), []
    given = [stop_at(model, event, number), Diary("a", pages)]
    history = train(model, *given, optimizer=optimizer, epochs=4, validation_data=(X, y))
    assert optimizer.state(model).n_steps == steps
    assert history.epochs == len(history["val_loss"]) == epochs
    assert [page[1] for page in pages[-2:]] == ["epoch_end", "train_end"]


def test_what_was_trained_until_the_stop_is_gradient_descent():
    stopped, by_hand, optimizer = make_model(), make_model(), nn.SGD(0.1)
    history = train(stopped, stop_at(stopped, "on_batch_end", 1), shuffle=False)
    costs = []
    for start in (0, 4):
        by_hand.forward(X[start : start + 4])
        costs.append(by_hand.cost(y[start : start + 4]))
        by_hand.backward(y[start : start + 4])
        optimizer.step(by_hand)
    np.testing.assert_array_equal(stopped.theta, by_hand.theta)
    assert history["loss"] == [pytest.approx(np.mean(costs), rel=1e-12)]


def test_the_next_fit_starts_unstopped():
    model = make_model()
    train(model, stop_at(model, "on_epoch_end", 0))
    assert model.stop_training
    assert train(model, epochs=2).epochs == 2
    assert not model.stop_training


# ---- functions in place of methods ------------------------------------------------------------------------------


def test_functions_are_called_as_methods_are():
    pages, seen = [], []

    def note(event):
        def function(*arguments):
            seen.append((event, *arguments[:-1], dict(arguments[-1])))

        return function

    functions = {f"on_{event}": note(event) for event in base.EVENTS}
    train(make_model(), Diary("a", pages), LambdaCallback(**functions), epochs=2)
    assert seen == [(event, *([] if number is None else [number]), logs) for _, event, number, logs, *_ in pages]


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (
            {"on_epoch": print},
            ["on_epoch: is not an event", "on_train_begin, on_train_end, on_epoch_begin"],
        ),
        ({"epoch_end": print}, ["epoch_end: is not an event", "on_batch_begin, on_batch_end"]),
        ({"on_epoch_end": 3}, ["on_epoch_end: expected a function", "3"]),
        ({"on_epoch_end": None}, ["on_epoch_end: expected a function", "None"]),
    ],
)
def test_what_is_no_event_or_no_function_is_refused(arguments, fragments):
    refuse(lambda: LambdaCallback(**arguments), *fragments)


# ---- what is better ---------------------------------------------------------------------------------------------

LOWER = ["loss", "val_loss", "log_loss", "val_mse", "mae", "calibration_error", "seconds"]
HIGHER = ["accuracy", "val_accuracy", "top_3_accuracy", "f1", "val_f1_macro", "precision", "recall", "roc_auc", "r2"]


@pytest.mark.parametrize(("names", "worse", "better"), [(LOWER, 0.5, 0.4), (HIGHER, 0.4, 0.5)])
def test_auto_knows_losses_and_scores(names, worse, better):
    for name in names:
        monitor = Monitor(name)
        assert [monitor.improves({name: value}) for value in (worse, better, worse, better)] == [1, 1, 0, 0]


@pytest.mark.parametrize("name", ["learning_rate", "val_mine", "", "val_"])
def test_auto_says_when_it_does_not_know(name):
    refuse(lambda: EarlyStopping(name), "mode: ", "'min' or 'max'", repr(name))
    EarlyStopping(name, mode="max")


@pytest.mark.parametrize(("mode", "worst"), [("min", math.inf), ("max", -math.inf)])
def test_nan_and_the_worst_value_are_never_better(mode, worst):
    monitor = Monitor("m", mode)
    curve = [math.nan, worst, 1.0, math.nan, 1.0, worst, -worst, math.nan, -worst]
    assert [monitor.improves({"m": value}) for value in curve] == [0, 0, 1, 0, 0, 0, 1, 0, 0]


# ---- early stopping ---------------------------------------------------------------------------------------------


def early_stop(curve, patience, min_delta, mode):
    """(last epoch, best epoch, whether it was stopped): what early stopping is, word by word."""
    best_epoch, waited = None, 0
    for epoch, value in enumerate(curve):
        gain = None
        if best_epoch is not None:
            gain = curve[best_epoch] - value if mode == "min" else value - curve[best_epoch]
        if not math.isnan(value) and (gain is None or gain > min_delta):
            best_epoch, waited = epoch, 0
        else:
            waited += 1
        if waited >= max(patience, 1):
            return epoch, best_epoch, True
    return len(curve) - 1, best_epoch, False


OPTIONS = {
    "patience": st.integers(0, 4),
    "min_delta": st.sampled_from([0, 1 / 8, 3 / 8]),
    "mode": st.sampled_from(["min", "max"]),
}


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.integers(-8, 8).map(lambda i: i / 8) | st.just(math.nan), min_size=1, max_size=20), *OPTIONS.values()
)
def test_early_stopping_follows_any_curve(curve, patience, min_delta, mode):
    last, best_epoch, stopped = early_stop(curve, patience, min_delta, mode)
    callback = EarlyStopping("m", min_delta, patience, mode, restore_best_weights=False)
    callback.model = types.SimpleNamespace(stop_training=False)
    callback.on_train_begin({})
    for epoch, value in enumerate(curve):
        callback.on_epoch_end(epoch, {"m": value})
        if callback.model.stop_training:
            break
    callback.on_train_end({})
    assert (epoch, callback.best_epoch, callback.model.stop_training) == (last, best_epoch, stopped)
    assert callback.stopped_epoch == (last if stopped else None)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 8).map(lambda i: i / 32), min_size=1, max_size=9), *OPTIONS.values())
def test_the_best_weights_and_running_averages_come_back_bit_for_bit(curve, patience, min_delta, mode):
    model, recorder = make_model(nn.BatchNorm()), Recorder()
    stopping = EarlyStopping("learning_rate", min_delta / 4, patience, mode)
    history = follow(curve, model, recorder, stopping)
    last, best_epoch, stopped = early_stop(curve, patience, min_delta / 4, mode)
    assert (history.epochs - 1, stopping.best_epoch) == (last, best_epoch)
    assert stopping.stopped_epoch == (last if stopped else None)
    np.testing.assert_array_equal(model.theta, recorder.thetas[best_epoch])
    np.testing.assert_array_equal(model.state, recorder.states[best_epoch])
    assert len({theta.tobytes() for theta in recorder.thetas}) == len(recorder.thetas)  # so that it does tell


def test_without_restoring_the_last_weights_stay():
    model, recorder = make_model(nn.BatchNorm()), Recorder()
    follow([0.1, 0.2, 0.3], model, recorder, EarlyStopping("learning_rate", mode="min", restore_best_weights=False))
    np.testing.assert_array_equal(model.theta, recorder.thetas[1])
    np.testing.assert_array_equal(model.state, recorder.states[1])


def test_where_nothing_is_ever_better_the_last_weights_stay():
    model, recorder, stopping = make_model(), Recorder(), EarlyStopping("nothing", patience=1, mode="max")
    spoil = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(nothing=math.nan))
    history = train(model, recorder, spoil, stopping, epochs=5)
    assert (history.epochs, stopping.best_epoch, stopping.stopped_epoch) == (1, None, 0)
    np.testing.assert_array_equal(model.theta, recorder.thetas[-1])


def test_a_second_training_forgets_the_first():
    model, stopping = make_model(), EarlyStopping("learning_rate", mode="min", patience=1)
    follow([0.1, 0.2, 0.3, 0.4], model, stopping)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (0, 1)
    follow([0.6, 0.5, 0.4], model, recorder := Recorder(), stopping)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (2, None)
    np.testing.assert_array_equal(model.theta, recorder.thetas[2])


def test_a_second_training_in_which_nothing_is_better_stops_by_its_own_count():
    model, stopping = make_model(), EarlyStopping("m", mode="min", patience=2)
    for curve in ([3.0, 2.0, 1.0], [math.nan] * 3):
        log = LambdaCallback(on_epoch_end=lambda epoch, logs, curve=curve: logs.update(m=curve[epoch]))
        train(model, log, stopping)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (None, 1)


def test_training_goes_on_from_the_best_weights():
    model, recorder = make_model(), Recorder()
    follow([0.1, 0.2], model, recorder, EarlyStopping("learning_rate", mode="min", patience=3))
    twin = make_model()
    follow([0.1], twin)
    np.testing.assert_array_equal(model.theta, twin.theta)


def test_overfitting_is_stopped():
    rng = np.random.default_rng(1)
    data, labels = rng.standard_normal((80, 10)), rng.integers(0, 2, 80)  # nothing to learn, all to memorize
    model = nn.Model([nn.Dense(50), nn.ReLU(), nn.Dense(2), nn.Softmax()], seed=0)
    stopping = EarlyStopping(patience=3)
    options = {"epochs": 100, "validation_data": (data[40:], labels[40:]), "callbacks": [stopping]}
    history = model.fit(data[:40], labels[:40], optimizer=nn.SGD(0.5), **options)
    assert history.epochs < 50
    assert stopping.best_epoch == np.argmin(history["val_loss"])
    assert model.evaluate(data[40:], labels[40:])["loss"] == min(history["val_loss"])


def test_patience_has_the_meaning_that_it_has_in_keras():
    # the example in Keras' own documentation: with patience=3 and nothing better after the first epoch, four are run
    stopping = EarlyStopping("learning_rate", patience=3, mode="min")
    assert follow([0.1] * 10, make_model(), stopping).epochs == 4


MONITORS = [
    ("early stopping", EarlyStopping),
    ("plateau", ReduceOnPlateau),
    ("checkpoint", lambda **options: ModelCheckpoint("unused.npz", save_best_only=True, **options)),
]


@pytest.mark.parametrize("make", table(MONITORS))
def test_a_monitor_that_is_not_in_the_logs_is_refused_with_what_there_is(make):
    fragments = ["monitor: 'val_loss' is not in the logs", "loss, learning_rate, seconds", "need validation data"]
    refuse(lambda: train(make_model(), make()), *fragments)
    fragments = ["monitor: 'f1' is not in the logs", "loss, val_loss, learning_rate, seconds"]
    refuse(lambda: train(make_model(), make(monitor="f1"), validation_data=(X, y)), *fragments)


@pytest.mark.parametrize("make", table(MONITORS))
def test_a_monitor_that_will_not_be_there_is_noticed_before_anything_changes(make):
    model = make_model()
    refuse(lambda: train(model, make()), "monitor: ")
    assert not model.built


# ---- reducing on a plateau --------------------------------------------------------------------------------------


def rates_on(curve, callback):
    callback.optimizer = nn.SGD(1.0)
    callback.on_train_begin({})
    rates = []
    for epoch, value in enumerate(curve):
        callback.on_epoch_end(epoch, {"m": value})
        rates.append(callback.optimizer.learning_rate)
    return rates


@pytest.mark.parametrize("case", REFERENCE)
def test_pytorch_reduces_at_the_same_epochs(case):
    curve, expected = REFERENCE[case]
    callback = eval(f"ReduceOnPlateau('m', **({{'mode': 'min'}} | dict({case.partition(': ')[2]})))")
    assert rates_on(curve, callback) == expected.tolist()


def test_a_plateau_reduces_the_rate_that_steps_are_made_with():
    model, optimizer = make_model(), nn.SGD(1e-30)  # so that nothing ever improves by min_delta
    plateau = ReduceOnPlateau("loss", factor=0.5, patience=1)
    history = train(model, plateau, optimizer=optimizer, epochs=7)
    assert history["learning_rate"] == [1e-30] * 3 + [5e-31] * 2 + [2.5e-31] * 2
    assert optimizer.learning_rate == 1.25e-31
    train(model, plateau, optimizer=optimizer, epochs=2)  # counts anew
    assert optimizer.learning_rate == 1.25e-31


@pytest.mark.parametrize("schedule", [nn.ConstantRate(0.1), nn.StepDecay(0.1, 3), lambda step: 0.1])
def test_a_schedule_cannot_be_reduced(schedule):
    fragments = ["callbacks: ReduceOnPlateau", "a number", "schedule"]
    refuse(lambda: train(make_model(), ReduceOnPlateau("loss"), optimizer=nn.SGD(schedule)), *fragments)


# ---- checkpoints ------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_saved_after_every_epoch_under_a_name_made_of_the_logs(tmp_path):
    model, recorder = make_model(nn.BatchNorm()), Recorder()
    path = tmp_path / "net-{epoch:03d}-{val_loss:.4f}.npz"
    history = train(model, recorder, ModelCheckpoint(path), validation_data=(X, y))
    names = [f"net-{epoch:03d}-{loss:.4f}.npz" for epoch, loss in enumerate(history["val_loss"], start=1)]
    assert sorted(file.name for file in tmp_path.iterdir()) == names
    for name, theta, state in zip(names, recorder.thetas, recorder.states, strict=True):
        saved = nn.load(tmp_path / name)
        np.testing.assert_array_equal(saved.theta, theta)
        np.testing.assert_array_equal(saved.state, state)


@pytest.mark.parametrize(("mode", "saved"), [("min", [1, 3, 5]), ("max", [1, 2, 4])])
def test_only_the_best_are_saved(mode, saved, tmp_path):
    checkpoint = ModelCheckpoint(str(tmp_path / "{epoch}.npz"), "learning_rate", save_best_only=True, mode=mode)
    model = make_model()
    follow([0.2, 0.3, 0.1, 0.4, 0.05], model, checkpoint)
    assert sorted(int(file.stem) for file in tmp_path.iterdir()) == saved
    follow([0.25], model, checkpoint)  # another training, whose first epoch is its best
    np.testing.assert_array_equal(nn.load(tmp_path / "1.npz").theta, model.theta)


def test_one_name_keeps_the_latest_or_the_best(tmp_path):
    model, recorder = make_model(), Recorder()
    latest = ModelCheckpoint(tmp_path / "latest.npz")
    best = ModelCheckpoint(tmp_path / "best.npz", "learning_rate", save_best_only=True, mode="min")
    follow([0.2, 0.1, 0.3], model, recorder, latest, best)
    np.testing.assert_array_equal(nn.load(tmp_path / "latest.npz").theta, recorder.thetas[2])
    np.testing.assert_array_equal(nn.load(tmp_path / "best.npz").theta, recorder.thetas[1])


@pytest.mark.parametrize(
    ("name", "fragments"),
    [
        ("{val_loss}.npz", ["path: 'val_loss' in", "which have epoch, loss, learning_rate, seconds"]),
        ("{accuracy:.3f}.npz", ["path: 'accuracy' in", "which have epoch, loss"]),
        ("{}.npz", ["path: expected names and formats"]),
        ("{loss:q}.npz", ["path: expected names and formats", "{loss:q}"]),
        ("{loss", ["path: expected names and formats", "{loss"]),
        ("{loss.size}", ["path: expected names and formats", "size"]),
    ],
)
def test_a_name_that_cannot_be_made_is_refused(name, fragments, tmp_path):
    model = make_model()
    refuse(lambda: train(model, ModelCheckpoint(tmp_path / name)), *fragments)
    assert list(tmp_path.iterdir()) == []
    assert not model.built


def test_a_callback_may_ask_for_what_one_before_it_adds(tmp_path):
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(mine=epoch % 2))
    given = [EarlyStopping("mine", mode="max", patience=2), ModelCheckpoint(tmp_path / "{epoch}-{mine}.npz")]
    train(make_model(), add, *given)
    assert given[0].best_epoch == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["1-0.npz", "2-1.npz", "3-0.npz"]
    refuse(lambda: train(make_model(), *given, add), "monitor: 'mine' is not in the logs")


# ---- logs -------------------------------------------------------------------------------------------------------


def test_the_log_is_the_table_of_the_history(tmp_path):
    history = train(make_model(), CSVLogger(tmp_path / "log.csv"), validation_data=(X, y))
    history.to_csv(tmp_path / "history.csv")
    assert (tmp_path / "log.csv").read_bytes() == (tmp_path / "history.csv").read_bytes()


def test_a_row_is_written_as_soon_as_its_epoch_ends(tmp_path):
    path, lengths = tmp_path / "log.csv", []
    count = LambdaCallback(on_epoch_begin=lambda epoch, logs: lengths.append(len(path.read_text().splitlines())))
    train(make_model(), CSVLogger(path), count)
    assert lengths == [0, 2, 3]


def test_a_second_training_replaces_the_log_or_goes_on_below_it(tmp_path):
    model, path = make_model(), tmp_path / "log.csv"
    path.write_text("something else")
    train(model, CSVLogger(path), epochs=2)
    first = path.read_text()
    history = train(model, logger := CSVLogger(path, append=True), epochs=2)
    assert path.read_text().startswith(first)
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["epoch", "loss", "learning_rate", "seconds"]
    assert [row[0] for row in rows[1:]] == ["1", "2", "1", "2"]
    assert [float(row[1]) for row in rows[3:]] == history["loss"]
    train(model, logger, epochs=1)
    assert len(path.read_text().splitlines()) == 6
    train(model, CSVLogger(path), epochs=1)
    assert len(path.read_text().splitlines()) == 2


def test_a_log_that_is_appended_to_may_not_be_there_yet(tmp_path):
    train(make_model(), CSVLogger(tmp_path / "log.csv", append=True), epochs=1)
    assert (tmp_path / "log.csv").read_text().startswith("epoch,loss")


def test_other_columns_are_not_appended(tmp_path):
    path = tmp_path / "log.csv"
    train(make_model(), CSVLogger(path))
    before = path.read_text()
    again = lambda: train(make_model(), CSVLogger(path, append=True), validation_data=(X, y))  # noqa: E731
    refuse(again, "append: ", "epoch, loss, learning_rate, seconds", "got epoch, loss, val_loss,", str(path))
    assert path.read_text() == before


def test_a_log_that_cannot_be_written_is_known_before_the_first_epoch(tmp_path):
    trained = []
    with pytest.raises(OSError, match=r"log\.csv"):
        train(
            make_model(),
            CSVLogger(tmp_path / "missing" / "log.csv"),
            LambdaCallback(on_batch_begin=lambda batch, logs: trained.append(batch)),
        )
    assert trained == []


# ---- averages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0, 0.5, 0.9, 0.999])
def test_ema_is_the_exponential_average_over_the_steps(decay):
    model, recorder, ema = make_model(), Recorder(), EMA(decay)
    train(model, recorder, ema, optimizer=nn.SGD(0.3))
    weights = (1 - decay) * decay ** np.arange(len(recorder.steps))[::-1]
    weights[0] = decay ** (len(recorder.steps) - 1)  # the first step's weights are where the average begins
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(ema.average, weights @ recorder.steps, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(model.theta, ema.average)


@pytest.mark.parametrize("start_epoch", [0, 1, 3, 4])
def test_swa_is_the_mean_over_the_epochs(start_epoch):
    model, recorder, swa = make_model(), Recorder(), SWA(start_epoch)
    train(model, recorder, swa, epochs=5, optimizer=nn.SGD(0.3))
    np.testing.assert_allclose(swa.average, np.mean(recorder.thetas[start_epoch:], axis=0), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(model.theta, swa.average)


def test_swa_that_never_started_changes_nothing():
    model, recorder, swa = make_model(nn.BatchNorm()), Recorder(), SWA(3)
    with pytest.warns(UserWarning, match="SWA: the training ended before epoch 3"):
        train(model, recorder, swa)
    assert swa.average is None
    np.testing.assert_array_equal(model.theta, recorder.thetas[-1])
    np.testing.assert_array_equal(model.state, recorder.states[-1])


@pytest.mark.parametrize("make", [lambda: EMA(0.5), lambda: SWA(0)], ids=["EMA", "SWA"])
def test_while_training_goes_on_the_weights_are_the_plain_ones(make):
    plain, averaged = make_model(), make_model()
    train(plain, expected := Recorder())
    train(averaged, make(), recorder := Recorder())
    np.testing.assert_array_equal(recorder.steps, expected.steps)
    assert not np.array_equal(averaged.theta, plain.theta)


@pytest.mark.parametrize("make", [lambda: EMA(0.5), lambda: SWA(0)], ids=["EMA", "SWA"])
def test_a_second_training_averages_anew(make):
    model, callback = make_model(), make()
    train(model, callback)
    train(model, recorder := Recorder(), callback, epochs=1, batch_size=None)
    np.testing.assert_array_equal(model.theta, recorder.thetas[0])


def batch_norm(z, layer):
    z_hat = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + layer.epsilon)
    return z_hat * layer.gamma + layer.beta


@pytest.mark.parametrize("make", [lambda: EMA(0.5), lambda: SWA(1)], ids=["EMA", "SWA"])
def test_running_averages_become_the_means_over_the_training_batches_with_the_averaged_weights(make):
    first, second = nn.BatchNorm(momentum=0.3), nn.BatchNorm()
    layers = [nn.Dense(4), first, nn.Residual([nn.Dense(4), second]), nn.Dense(2), nn.Identity()]
    model = nn.Model(layers, seed=0, dtype="float64")
    train(model, make(), batch_size=5, shuffle=False)  # 5, 5 and 2 examples
    statistics = {first: [], second: []}
    for batch in (X[:5], X[5:10], X[10:]):
        z = batch @ layers[0].W + layers[0].b
        statistics[first].append((z.mean(axis=0), z.var(axis=0, ddof=1)))
        inner = layers[2].inner_layers[0]
        z = batch_norm(z, first) @ inner.W + inner.b
        statistics[second].append((z.mean(axis=0), z.var(axis=0, ddof=1)))
    for layer, of_batches in statistics.items():
        mean, variance = np.mean(of_batches, axis=0)
        np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(layer.running_variance, variance, rtol=1e-12)
    assert (first.momentum, second.momentum) == (0.3, 0.1)


def test_running_averages_of_a_frozen_layer_stay():
    frozen = nn.BatchNorm(trainable=False)
    train(make_model(frozen), SWA(0))
    np.testing.assert_array_equal(frozen.running_mean, 0)
    np.testing.assert_array_equal(frozen.running_variance, 1)


def endless(n):
    """Batches without end, and how many were asked for."""
    asked = []

    def generate():
        for k in range(n):
            asked.append(k)
            yield X[k % 3 :: 3], y[k % 3 :: 3]

    return generate(), asked


@pytest.mark.parametrize(("hidden", "n"), [([], 6), ([nn.BatchNorm], 9)])
def test_averaging_takes_one_more_epoch_from_a_generator_only_for_batch_norm(hidden, n):
    batches, asked = endless(100)
    model = make_model(*(layer() for layer in hidden))
    model.fit(batches, epochs=2, steps_per_epoch=3, callbacks=[SWA(0)])
    assert len(asked) == n


def test_a_generator_without_batches_for_batch_norm_is_an_error_not_a_wrong_network():
    batches, _ = endless(6)
    fit = lambda: make_model(nn.BatchNorm()).fit(batches, epochs=2, steps_per_epoch=3, callbacks=[SWA(0)])  # noqa: E731
    refuse(fit, "X: SWA needs the batches of one more epoch", "BatchNorm", "the source has ended")


# ---- wrong values -----------------------------------------------------------------------------------------------

NAN, INF = math.nan, math.inf
WRONG_VALUES = {
    EarlyStopping: {
        "monitor": (3, None, ["val_loss"]),
        "min_delta": (-1e-9, NAN, INF, "0", None, True),
        "patience": (-1, 1.5, 2.0, True, "3", None),
        "mode": ("lower", None, 1, "MIN"),
        "restore_best_weights": (1, "yes", None),
    },
    ReduceOnPlateau: {
        "monitor": (3, None),
        "factor": (0, 1, 1.5, -0.1, NAN, "0.1", None),
        "patience": (-1, 1.5, None),
        "min_delta": (-1, NAN),
        "mode": ("down", None),
        "cooldown": (-1, 0.5, True, None),
        "min_learning_rate": (-1e-9, NAN, INF, None),
    },
    ModelCheckpoint: {
        "path": (3, None, "", "a\0b", ["a.npz"]),
        "monitor": (3, None),
        "save_best_only": (1, "best", None),
        "mode": ("lower", None),
    },
    CSVLogger: {"path": (3, None, "", "a\0b"), "append": (1, "a", None)},
    EMA: {"decay": (1, 1.5, -0.1, NAN, "0.9", None, True)},
    SWA: {"start_epoch": (-1, 0.75, 3.0, "3", None, True)},
}


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [(make, name, value) for make, given in WRONG_VALUES.items() for name in given for value in given[name]],
)
def test_a_wrong_value_is_refused_by_name(make, name, value):
    needed = {ModelCheckpoint: {"path": "a.npz"}, CSVLogger: {"path": "a.csv"}}.get(make, {})
    refuse(lambda: make(**(needed | {name: value})), f"{name}: expected", repr(value))


def test_paths_may_be_of_any_kind(tmp_path):
    for number, kind in enumerate((str, pathlib.Path, lambda path: str(path).encode())):
        train(make_model(), CSVLogger(kind(tmp_path / f"{number}.csv")), ModelCheckpoint(kind(tmp_path / f"{number}")))
    assert len(list(tmp_path.iterdir())) == 6


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
