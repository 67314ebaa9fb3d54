"""Facts about the directory of checkpoints: what it keeps, which damage it survives, and which training it refuses."""

import os
import threading
import warnings

import numpy as np
import pytest

import nnlite as nn
from nnlite.engine import openblas
from nnlite.storage import snapshots

from ..support import small
from .resuming import EPOCHS, NEVER, CrashError, Loader, M, data, fit


def names(directory):
    return sorted(name for name in os.listdir(directory) if name.endswith(".npz"))


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_the_newest_checkpoints_are_kept(tmp_path, keep):
    fit(small(), nn.Checkpoint(tmp_path, keep=keep))
    steps = [6 * epoch for epoch in range(EPOCHS + 1)][-keep:]
    assert names(tmp_path) == [f"checkpoint-{step:09d}.npz" for step in steps]


def test_short_epochs_are_not_saved_each_and_the_rest_is_made_again(tmp_path):
    plain = small()
    fit(plain)
    rare = nn.Checkpoint(tmp_path, seconds=1e6)
    with pytest.raises(CrashError):
        fit(small(), rare, crash_after=15)
    assert names(tmp_path) == ["checkpoint-000000000.npz"]
    again = small()
    fit(again, rare, crash_after=NEVER)
    np.testing.assert_array_equal(again.theta, plain.theta)
    assert names(tmp_path) == ["checkpoint-000000000.npz", f"checkpoint-{6 * EPOCHS:09d}.npz"]


def test_a_damaged_checkpoint_is_reported_and_the_one_before_it_used(tmp_path):
    model = small()
    fit(model, tmp_path)
    newest = tmp_path / names(tmp_path)[-1]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    again = small()
    with pytest.warns(UserWarning, match=f"{newest.name}.*trying the one before"):
        history, _ = fit(again, tmp_path)
    np.testing.assert_array_equal(again.theta, model.theta)
    assert history.epochs == EPOCHS


@pytest.mark.filterwarnings("ignore:checkpoint")
def test_if_all_checkpoints_are_damaged_no_training_starts(tmp_path):
    fit(small(), nn.Checkpoint(tmp_path, keep=2))
    for name in names(tmp_path):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(nn.ModelFileError, match="none of the 2"):
        fit(small(), tmp_path)


def test_checkpoints_later_than_the_resumed_one_are_removed(tmp_path):
    fit(small(), tmp_path, crash_after=NEVER)
    (tmp_path / names(tmp_path)[-1]).write_bytes(b"damaged")
    with warnings.catch_warnings(action="ignore"), pytest.raises(CrashError):
        fit(small(), nn.Checkpoint(tmp_path, every=1, keep=1), crash_after=2)
    assert names(tmp_path) == ["checkpoint-000000013.npz"]  # resumed after two epochs, saved after one step


def test_two_trainings_in_one_directory_are_refused(tmp_path):
    entered, leave = threading.Event(), threading.Event()

    class Waiting(nn.Callback):
        def on_train_begin(self, logs):
            entered.set()
            leave.wait(20)

    thread = threading.Thread(target=fit, args=(small(), tmp_path), kwargs={"callbacks": [Waiting()]})
    thread.start()
    try:
        assert entered.wait(20)
        model = small()
        with pytest.raises(nn.ArgumentError, match=f"process {os.getpid()}, is using .*another directory"):
            fit(model, tmp_path)
        assert not model.built
    finally:
        leave.set()
        thread.join()
    fit(small(), tmp_path, callbacks=[Waiting()])  # afterwards it is free


def test_checkpoints_of_an_earlier_training_are_not_overwritten(tmp_path):
    fit(small(), tmp_path)
    before = names(tmp_path)
    with pytest.raises(nn.ArgumentError, match="has checkpoints of an earlier training; resume=True"):
        fit(small(), tmp_path, resume=False)
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": nn.Adam()}, "with optimizer SGD, got Adam"),
        ({"batch_size": 8}, "with batches of 16 of 90 examples, shuffled, got of 8 of 90"),
        ({"source": "fewer"}, "with batches of 16 of 90 examples, shuffled, got of 16 of 60"),
        ({"source": "other"}, "with data [0-9a-f]{8}, got [0-9a-f]{8};"),
        ({"class_weight": [1, 2, 3]}, r"without class weights, now with class weights \[1.0, 2.0, 3.0\];"),
        ({"shuffle": False}, "with batches of 16 .* got of 16 of 90 examples, not shuffled"),
        ({"callbacks": [nn.EMA()]}, "without callbacks, now with callbacks EMA;"),
        ({"source": "list"}, "got from a list of 6, shuffled"),
        ({"metrics": ["f1"]}, "with history loss, accuracy, learning_rate, seconds, got loss, accuracy, f1, "),
        ({"validation_split": 0.2}, "without validation data, now with validation data [0-9a-f]{8};"),
        ({"validation_data": data()}, "without validation data, now with validation data [0-9a-f]{8};"),
    ],
)
def test_another_training_is_refused(tmp_path, options, message):
    fit(small(), tmp_path)
    model = small()
    with pytest.raises(nn.ArgumentError, match=message):
        fit(model, tmp_path, **options)
    assert not model.built


def test_another_network_is_refused(tmp_path):
    fit(small(), tmp_path)
    with pytest.raises(nn.ArgumentError, match=r"with network Model\(\[Dense\(8\), ReLU.*got Model.*Tanh"):
        fit(small(nn.Tanh()), tmp_path)
    wider = small()
    with pytest.raises(nn.ArgumentError, match=r"with features \(6,\), got \(7,\)"):
        wider.fit(np.ones((M, 7)), data()[1], batch_size=16, checkpoint=tmp_path, resume=True)
    assert not wider.built
    fit(small(), tmp_path / "validated", validation_data=data(seed=1))
    with pytest.raises(nn.ArgumentError, match=r"with validation data [0-9a-f]{8}, got [0-9a-f]{8};"):
        fit(small(), tmp_path / "validated", validation_data=data(seed=2))
    with pytest.raises(nn.ArgumentError, match="is of another training, with validation data, now without;"):
        fit(small(), tmp_path / "validated")
    with pytest.raises(nn.ArgumentError, match="with seed 0, got 1"):
        fit(small(seed=1), tmp_path)
    with pytest.raises(nn.ArgumentError, match="with dtype float32, got float64"):
        fit(nn.Model(small().layers, dtype="float64", seed=0), tmp_path)


def test_a_checkpoint_of_another_version_is_refused_and_nothing_changes(tmp_path):
    fit(small(), tmp_path)
    for path in map(str, tmp_path.glob("checkpoint-*.npz")):
        snapshots.write(path, snapshots.read(path) | {"form": 1})
    model = small()
    with pytest.raises(
        nn.ArgumentError, match="was written by another version of nnlite; resume with that version, or"
    ):
        fit(model, tmp_path)
    assert not model.built


def test_resuming_with_products_that_round_otherwise_warns(tmp_path, monkeypatch):
    monkeypatch.setattr(openblas, "rounding", "OPENBLAS_CORETYPE=Zen and 2 threads")
    fit(small(), tmp_path, epochs=1, engine="textbook")
    fit(small(), tmp_path, epochs=2, engine="textbook")
    monkeypatch.setattr(openblas, "rounding", "OPENBLAS_CORETYPE=Zen and 1 thread")
    told = (
        "by the textbook with OPENBLAS_CORETYPE=Zen and 2 threads, and continues with the textbook with "
        "OPENBLAS_CORETYPE=Zen and 1 thread, .* always after it"
    )
    options = {"checkpoint": tmp_path, "resume": True, "engine": "textbook"}
    with pytest.warns(UserWarning, match=told) as warned:
        small().fit(*data(), optimizer=nn.SGD(0.1), batch_size=16, epochs=3, **options)
    assert warned[0].filename == __file__
    monkeypatch.setattr(openblas, "rounding", "something else")
    fit(small(), tmp_path, epochs=3, engine="textbook")  # nothing is left to compute


def test_a_source_whose_state_no_file_can_hold_is_refused_before_the_first_step(tmp_path):
    class Odd(Loader):
        def get_state(self):
            return object()

    model = small()
    with pytest.raises(nn.ArgumentError, match="checkpoint: a file cannot hold <object"):
        model.fit(Odd(), epochs=1, checkpoint=tmp_path)
