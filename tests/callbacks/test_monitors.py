"""Facts about callbacks that monitor a value: what is better, early stopping, plateaus, and saving the best."""

import math
import pathlib
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlite as nn
from nnlite.callbacks import EarlyStopping, LambdaCallback, ModelCheckpoint, Monitor, ReduceOnPlateau

from ..support import Recorder, for_each, refuse, table
from .training import X, follow, regression, train, y

REFERENCE = dict(np.load(pathlib.Path(__file__).parents[1] / "reference" / "plateau.npz"))

# ---- what is better ---------------------------------------------------------------------------------------------

LOWER = ["loss", "val_loss", "log_loss", "val_mse", "mae", "calibration_error", "seconds"]
HIGHER = ["accuracy", "val_accuracy", "top_3_accuracy", "f1", "val_f1_macro", "precision", "recall", "roc_auc", "r2"]


@pytest.mark.parametrize(("names", "worse", "better"), [(LOWER, 0.5, 0.4), (HIGHER, 0.4, 0.5)])
def test_auto_knows_losses_and_scores(names, worse, better):
    for name in names:
        monitor = Monitor(name)
        assert [monitor.improves({name: value}) for value in (worse, better, worse, better)] == [1, 1, 0, 0]


@pytest.mark.parametrize("name", ["learning_rate", "val_mine", "", "val_"])
def test_with_a_mode_any_key_can_be_monitored(name):
    EarlyStopping(name, mode="max")


@pytest.mark.parametrize(("mode", "worst"), [("min", math.inf), ("max", -math.inf)])
def test_nan_and_the_worst_value_are_never_better(mode, worst):
    monitor = Monitor("m", mode)
    curve = [math.nan, worst, 1.0, math.nan, 1.0, worst, -worst, math.nan, -worst]
    assert [monitor.improves({"m": value}) for value in curve] == [0, 0, 1, 0, 0, 0, 1, 0, 0]


# ---- early stopping ---------------------------------------------------------------------------------------------


def early_stop(curve, patience, min_delta, mode):
    """Early stopping by its definition: return the last epoch, the best epoch and whether it was stopped."""
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
    model, recorder = regression(nn.BatchNorm()), Recorder()
    stopping = EarlyStopping("learning_rate", min_delta / 4, patience, mode)
    history = follow(curve, model, recorder, stopping)
    last, best_epoch, stopped = early_stop(curve, patience, min_delta / 4, mode)
    assert (history.epochs - 1, stopping.best_epoch) == (last, best_epoch)
    assert stopping.stopped_epoch == (last if stopped else None)
    np.testing.assert_array_equal(model.theta, recorder.thetas[best_epoch])
    np.testing.assert_array_equal(model.state, recorder.states[best_epoch])
    assert len({theta.tobytes() for theta in recorder.thetas}) == len(recorder.thetas)  # so that it does tell


def test_without_restoring_the_last_weights_stay():
    model, recorder = regression(nn.BatchNorm()), Recorder()
    follow([0.1, 0.2, 0.3], model, recorder, EarlyStopping("learning_rate", mode="min", restore_best_weights=False))
    np.testing.assert_array_equal(model.theta, recorder.thetas[1])
    np.testing.assert_array_equal(model.state, recorder.states[1])


def test_without_any_improvement_the_last_weights_stay():
    model, recorder, stopping = regression(), Recorder(), EarlyStopping("nothing", patience=1, mode="max")
    spoil = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(nothing=math.nan))
    history = train(model, recorder, spoil, stopping, epochs=5)
    assert (history.epochs, stopping.best_epoch, stopping.stopped_epoch) == (1, None, 0)
    np.testing.assert_array_equal(model.theta, recorder.thetas[-1])


def test_a_second_training_forgets_the_first():
    model, stopping = regression(), EarlyStopping("learning_rate", mode="min", patience=1)
    follow([0.1, 0.2, 0.3, 0.4], model, stopping)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (0, 1)
    follow([0.6, 0.5, 0.4], model, recorder := Recorder(), stopping)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (2, None)
    np.testing.assert_array_equal(model.theta, recorder.thetas[2])


def test_a_second_training_without_improvement_stops_after_patience_epochs():
    model, stopping = regression(), EarlyStopping("m", mode="min", patience=2)
    for curve in ([3.0, 2.0, 1.0], [math.nan] * 3):
        log = LambdaCallback(on_epoch_end=lambda epoch, logs, curve=curve: logs.update(m=curve[epoch]))
        train(model, log, stopping)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (None, 1)


def test_the_training_ends_with_the_best_weights_even_if_it_was_not_stopped():
    model, recorder = regression(), Recorder()
    follow([0.1, 0.2], model, recorder, EarlyStopping("learning_rate", mode="min", patience=3))
    twin = regression()
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


def test_patience_means_what_it_means_in_keras():
    # the example in Keras' own documentation: with patience=3 and nothing better after the first epoch, four are run
    stopping = EarlyStopping("learning_rate", patience=3, mode="min")
    assert follow([0.1] * 10, regression(), stopping).epochs == 4


MONITORS = [
    ("early stopping", EarlyStopping),
    ("plateau", ReduceOnPlateau),
    ("checkpoint", lambda **options: ModelCheckpoint("unused.npz", save_best_only=True, **options)),
]


@pytest.mark.parametrize("make", table(MONITORS))
def test_a_monitor_that_is_not_in_the_logs_is_refused_before_anything_changes(make):
    model = regression()
    fragments = ["monitor: 'val_loss' is not in the logs", "loss, learning_rate, seconds", "need validation data"]
    refuse(lambda: train(model, make()), *fragments)
    fragments = ["monitor: 'f1' is not in the logs", "loss, val_loss, learning_rate, seconds"]
    refuse(lambda: train(model, make(monitor="f1"), validation_data=(X, y)), *fragments)
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


@for_each("case", REFERENCE)
def test_pytorch_reduces_at_the_same_epochs(case):
    curve, expected = REFERENCE[case]
    callback = eval(f"ReduceOnPlateau('m', **({{'mode': 'min'}} | dict({case.partition(': ')[2]})))")
    assert rates_on(curve, callback) == expected.tolist()


def test_a_plateau_reduces_the_rate_of_the_next_steps():
    model, optimizer = regression(), nn.SGD(1e-30)  # so that nothing ever improves by min_delta
    plateau = ReduceOnPlateau("loss", factor=0.5, patience=1)
    history = train(model, plateau, optimizer=optimizer, epochs=7)
    assert history["learning_rate"] == [1e-30] * 3 + [5e-31] * 2 + [2.5e-31] * 2
    assert optimizer.learning_rate == 1.25e-31
    train(model, plateau, optimizer=optimizer, epochs=2)  # a new training starts to count at 0
    assert optimizer.learning_rate == 1.25e-31


@pytest.mark.parametrize("schedule", [nn.ConstantRate(0.1), nn.StepDecay(0.1, 3), lambda step: 0.1])
def test_a_schedule_cannot_be_reduced(schedule):
    fragments = ["callbacks: ReduceOnPlateau", "a number", "schedule"]
    refuse(lambda: train(regression(), ReduceOnPlateau("loss"), optimizer=nn.SGD(schedule)), *fragments)


# ---- checkpoints ------------------------------------------------------------------------------------------------


def test_a_model_is_saved_after_every_epoch_under_a_name_from_the_logs(tmp_path):
    model, recorder = regression(nn.BatchNorm()), Recorder()
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
    model = regression()
    follow([0.2, 0.3, 0.1, 0.4, 0.05], model, checkpoint)
    assert sorted(int(file.stem) for file in tmp_path.iterdir()) == saved
    follow([0.25], model, checkpoint)  # another training, whose first epoch is its best
    np.testing.assert_array_equal(nn.load(tmp_path / "1.npz").theta, model.theta)


def test_one_name_keeps_the_latest_or_the_best(tmp_path):
    model, recorder = regression(), Recorder()
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
def test_a_name_that_the_logs_cannot_fill_is_refused(name, fragments, tmp_path):
    model = regression()
    refuse(lambda: train(model, ModelCheckpoint(tmp_path / name)), *fragments)
    assert list(tmp_path.iterdir()) == []
    assert not model.built


def test_a_callback_may_monitor_a_key_that_an_earlier_callback_adds(tmp_path):
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(mine=epoch % 2))
    given = [EarlyStopping("mine", mode="max", patience=2), ModelCheckpoint(tmp_path / "{epoch}-{mine}.npz")]
    train(regression(), add, *given)
    assert given[0].best_epoch == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["1-0.npz", "2-1.npz", "3-0.npz"]
    refuse(lambda: train(regression(), *given, add), "monitor: 'mine' is not in the logs")
