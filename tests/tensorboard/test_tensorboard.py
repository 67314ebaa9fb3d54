"""Facts about the log for TensorBoard, read back with TensorBoard's own reader."""

import contextlib
import io
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

import nnlite as nn

from ..fitting.resuming import CrashError, Crashing
from ..support import refuse

pytest.importorskip("tensorboard")
pytestmark = pytest.mark.filterwarnings("ignore:.*(google|protobuf|pkg_resources|np.object).*")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 4))
y = RNG.integers(0, 3, 40)
N_BATCHES = 5


def classifier():
    return nn.Model([nn.Dense(5), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)


def train(board, *, epochs=3, model=None, callbacks=(), **options):
    model = model or classifier()
    options = {"validation_data": (X, y), "batch_size": 8, "progress": False} | options
    return model, model.fit(X, y, epochs=epochs, callbacks=[board, *callbacks], **options)


def read(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(
        os.fspath(folder), size_guidance=dict.fromkeys(("scalars", "histograms", "images"), 0)
    )
    accumulator.Reload()
    return accumulator


def scalars(log, tag):
    return [(event.step, event.value) for event in log.Scalars(tag)]


def test_the_scalars_are_the_history(tmp_path):
    _, history = train(nn.TensorBoard(tmp_path / "runs" / "a"))
    log = read(tmp_path / "runs" / "a")
    assert sorted(log.Tags()["scalars"]) == sorted(history)
    for key, values in history.items():
        assert [step for step, _ in scalars(log, key)] == [1, 2, 3]
        np.testing.assert_allclose([value for _, value in scalars(log, key)], values, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["textbook", "compiled"])
def test_the_training_is_the_same_as_without(tmp_path, engine):
    if engine == "compiled":
        pytest.importorskip("numba")
    board = nn.TensorBoard(tmp_path, steps=1, pictures=["confusion_matrix"], data=(X, y))
    model, _ = train(board, engine=engine)
    plain, _ = train(nn.EarlyStopping(patience=99), engine=engine)
    np.testing.assert_array_equal(model.theta, plain.theta)


def test_steps_are_logged_where_asked(tmp_path):
    losses = []
    note = nn.LambdaCallback(on_batch_end=lambda batch, logs: losses.append(logs["loss"]))
    train(nn.TensorBoard(tmp_path, steps=2), callbacks=[note], optimizer=nn.SGD(lambda step: 0.1 / (1 + step)))
    log = read(tmp_path)
    logged = scalars(log, "batch_loss")
    assert [step for step, _ in logged] == list(range(2, 3 * N_BATCHES + 1, 2))
    np.testing.assert_allclose([value for _, value in logged], losses[1::2], rtol=1e-6)
    rates = [value for _, value in scalars(log, "batch_learning_rate")]
    np.testing.assert_allclose(rates, [0.1 / step for step, _ in logged], rtol=1e-6)


def test_without_steps_an_epoch_may_be_one_call_of_the_engine(tmp_path):
    hooks = nn.callbacks.Hooks([nn.TensorBoard(tmp_path)])
    assert not hooks.batch_end
    assert nn.callbacks.Hooks([nn.TensorBoard(tmp_path, steps=1)]).batch_end


def test_histograms_hold_the_weights_and_gradients(tmp_path):
    model, _ = train(nn.TensorBoard(tmp_path, histograms=2), epochs=4)
    log = read(tmp_path)
    arrays = {**model.parameters, **model.gradients}
    assert sorted(log.Tags()["histograms"]) == sorted(arrays)
    for name, values in arrays.items():
        events = log.Histograms(name)
        assert [event.step for event in events] == [2, 4]
        last = events[-1].histogram_value
        assert last.num == values.size == sum(last.bucket)
        assert (last.min, last.max) == (values.min(), values.max())
        assert last.sum == pytest.approx(values.sum(dtype=float), abs=1e-6)
        assert last.sum_squares == pytest.approx(np.square(values, dtype=float).sum())
        lower = [last.min, *last.bucket_limit[:-1]]
        counts = np.histogram(values.astype(float), bins=[*lower, last.bucket_limit[-1]])[0]
        np.testing.assert_array_equal(last.bucket, counts)


def test_no_histograms_where_none_are_wanted(tmp_path):
    train(nn.TensorBoard(tmp_path, histograms=0))
    assert read(tmp_path).Tags()["histograms"] == []


@pytest.mark.slow
def test_pictures_are_png(tmp_path):
    from matplotlib.image import imread

    names = ["learning_curves", "first_layer_weights", "confusion_matrix"]
    train(nn.TensorBoard(tmp_path, pictures=names, picture_every=2, data=(X, y)), epochs=4)
    log = read(tmp_path)
    assert sorted(log.Tags()["images"]) == sorted(names)
    for name in names:
        events = log.Images(name)
        assert [event.step for event in events] == [2, 4]
        pixels = imread(io.BytesIO(events[0].encoded_image_string))
        assert pixels.shape[:2] == (events[0].height, events[0].width)
        assert np.ptp(pixels[..., :3]) > 0.5


def test_your_own_picture_and_one_that_fails(tmp_path):
    def broken(model, ax):
        raise ValueError("no such thing")

    pictures = {"mine": lambda model, ax: ax.plot(model.theta), "broken": broken}
    with pytest.warns(UserWarning, match="TensorBoard: the picture 'broken' failed: no such thing"):
        _, history = train(nn.TensorBoard(tmp_path, pictures=pictures))
    assert history.epochs == 3
    assert read(tmp_path).Tags()["images"] == ["mine"]


def test_hyperparameters_are_those_of_network_and_optimizer_and_your_own(tmp_path):
    from tensorboard.plugins.hparams import metadata

    more = {"batch_size": 8, "augmented": True, "note": "first"}
    train(nn.TensorBoard(tmp_path, hyperparameters=more), optimizer=nn.SGD(0.25, momentum=0.5))
    contents = read(tmp_path).summary_metadata
    start = metadata.parse_session_start_info_plugin_data(
        contents[metadata.SESSION_START_INFO_TAG].plugin_data.content
    ).hparams
    assert start["learning_rate"].number_value == 0.25
    assert start["momentum"].number_value == 0.5
    assert start["optimizer"].string_value == "SGD"
    assert start["layers"].string_value == "Dense(5), Tanh(), Dense(3), Softmax()"
    assert start["batch_size"].number_value == 8
    assert start["augmented"].bool_value is True
    assert start["note"].string_value == "first"
    experiment = metadata.parse_experiment_plugin_data(contents[metadata.EXPERIMENT_TAG].plugin_data.content)
    assert {info.name for info in experiment.hparam_infos} == set(start)
    assert {info.name.tag for info in experiment.metric_infos} == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert metadata.SESSION_END_INFO_TAG in contents


@pytest.mark.slow
@pytest.mark.parametrize("crash_at", [8, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, 5, 10, 14))])
def test_a_resumed_training_continues_the_log(tmp_path, crash_at):
    options = {"steps": 1, "pictures": ["learning_curves"]}
    train(nn.TensorBoard(tmp_path / "whole", **options), callbacks=[Crashing(itertools.count())])
    resumed = {"checkpoint": nn.Checkpoint(tmp_path / "checkpoint", every=2)}
    with contextlib.suppress(CrashError):
        train(nn.TensorBoard(tmp_path / "log", **options), callbacks=[Crashing(iter(range(crash_at)))], **resumed)
    for _ in range(2):  # the second attempt finds a complete training
        train(
            nn.TensorBoard(tmp_path / "log", **options), callbacks=[Crashing(itertools.count())], resume=True, **resumed
        )
    whole, log = read(tmp_path / "whole"), read(tmp_path / "log")
    assert log.Tags()["scalars"] == whole.Tags()["scalars"]
    for tag in set(whole.Tags()["scalars"]) - {"seconds"}:
        assert scalars(log, tag) == scalars(whole, tag)
    for tag in whole.Tags()["histograms"]:
        assert [event.step for event in log.Histograms(tag)] == [1, 2, 3]
    pictures = [event.encoded_image_string for event in log.Images("learning_curves")]
    assert pictures == [event.encoded_image_string for event in whole.Images("learning_curves")]


def test_a_log_that_was_removed_is_missed(tmp_path):
    checkpoint = nn.Checkpoint(tmp_path / "checkpoint")
    with contextlib.suppress(CrashError):
        train(nn.TensorBoard(tmp_path / "log"), callbacks=[Crashing(iter(range(7)))], checkpoint=checkpoint)
    board = nn.TensorBoard(tmp_path / "elsewhere")
    with pytest.warns(UserWarning, match="TensorBoard: .*elsewhere' lacks the log of the epochs before"):
        train(board, callbacks=[Crashing(itertools.count())], checkpoint=checkpoint, resume=True)
    assert [step for step, _ in scalars(read(tmp_path / "elsewhere"), "loss")] == [2, 3]


def test_another_fit_of_the_same_network_continues_and_another_network_begins(tmp_path):
    board = nn.TensorBoard(tmp_path, steps=1)
    model, _ = train(board, epochs=2)
    train(board, epochs=2, model=model)
    log = read(tmp_path)
    assert [step for step, _ in scalars(log, "loss")] == [1, 2, 3, 4]
    assert [step for step, _ in scalars(log, "batch_loss")] == list(range(1, 4 * N_BATCHES + 1))


def test_two_trainings_in_one_folder_of_runs(tmp_path):
    for name, rate in {"a": 0.1, "b": 0.5}.items():
        train(nn.TensorBoard(tmp_path / name), optimizer=nn.SGD(rate))
    assert scalars(read(tmp_path / "a"), "loss")[1:] != scalars(read(tmp_path / "b"), "loss")[1:]


def test_weights_that_are_not_finite_do_not_stop_the_log(tmp_path):
    board = nn.TensorBoard(tmp_path)
    model = nn.Model([nn.Dense(1), nn.Identity()], n_features=4, seed=0)
    with pytest.raises(nn.DivergenceError):
        model.fit(X, 1.0 * y, optimizer=nn.SGD(1e6), epochs=50, callbacks=[board], progress=False)
    assert scalars(read(tmp_path), "loss")


WRONG = {
    "log_dir": (3, "expected a path"),
    "steps": (0, "integer of at least 1"),
    "histograms": (-1, "integer of at least 0"),
    "picture_every": (0, "integer of at least 1"),
    "pictures": (["roc"], "'learning_curves', 'first_layer_weights' or 'confusion_matrix'"),
    "data": (X, "expected (X, y)"),
    "hyperparameters": ({"a": [1]}, "expected a number, text or bool for 'a'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_refused(tmp_path, name):
    value, says = WRONG[name]
    refuse(lambda: nn.TensorBoard(**{"log_dir": tmp_path / "log"} | {name: value}), f"{name}: ", says)
    assert not (tmp_path / "log").exists()


def test_a_confusion_matrix_needs_data(tmp_path):
    refuse(lambda: nn.TensorBoard(tmp_path, pictures=["confusion_matrix"]), "data: ", "data=(X_val, y_val)")


def test_a_picture_that_is_no_function_is_refused(tmp_path):
    refuse(lambda: nn.TensorBoard(tmp_path, pictures={"mine": 3}), "pictures: ", "'mine'")
    refuse(lambda: nn.TensorBoard(tmp_path, pictures="learning_curves"), "pictures: ", "list of names")


@pytest.mark.slow
def test_it_needs_neither_tensorflow_nor_pytorch(tmp_path):
    code = f"""
import sys
sys.modules["tensorflow"] = sys.modules["torch"] = None
import nnlite as nn
data = nn.load_iris()
board = nn.TensorBoard({os.fspath(tmp_path)!r}, pictures=["learning_curves"])
model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
model.fit(data.X_train, data.y_train, epochs=2, callbacks=[board], progress=False)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert [step for step, _ in scalars(read(tmp_path), "loss")] == [1, 2]
