"""Facts about trainings that were interrupted: gone on with, they end as if nothing had happened, bit for bit."""

import copy
import itertools
import json
import os
import threading
import warnings

import numpy as np
import pytest

import nnlite as nn
from nnlite.engine import openblas
from nnlite.fitting.loop import Loop
from nnlite.storage import snapshots

M = 90
EPOCHS = 4


class CrashError(Exception):
    """The machine has gone."""


def data(m=M, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, m)
    return (rng.standard_normal((m, 6)) + y[:, None]).astype(np.float32), y


def network(seed=0, extra=(), output=None):
    return nn.Model([nn.Dense(12), *extra, nn.ReLU(), nn.Dense(3), output or nn.Softmax()], seed=seed)


class Loader:
    """Batches in an order of its own, which it can say and take back."""

    def __init__(self):
        self.rng = np.random.default_rng(5)

    def get_state(self):
        return self.rng.bit_generator.state

    def set_state(self, state):
        self.rng.bit_generator.state = state

    def __len__(self):
        return 6

    def __iter__(self):
        X, y = data()
        for rows in self.rng.permutation(M).reshape(6, 15):
            yield X[rows], y[rows]


def generator():
    X, y = data()
    for i in itertools.count():
        rows = np.random.default_rng(i).permutation(M)[:20]
        yield X[rows], y[rows]


class Counting(nn.Callback):
    """A user's own, with a state of the usual kinds."""

    def __init__(self, limit):
        self.limit = limit

    def on_train_begin(self, logs):
        self.seen, self.losses, self.mean = 0, [], np.zeros(2)

    def on_batch_end(self, batch, logs):
        self.seen += logs["size"]
        self.losses.append(logs["loss"])
        self.mean += logs["loss"]
        if self.seen >= self.limit:
            self.model.stop_training = True


class Freezing(nn.Callback):
    def on_epoch_begin(self, epoch, logs):
        self.model.layers[0].trainable = epoch != 1


def fit(model, checkpoint=None, resume=True, source="arrays", **options):
    options = {"optimizer": nn.SGD(0.05, momentum=0.9), "epochs": EPOCHS, "progress": False, **options}
    options = {
        name: value() if name in ("optimizer", "callbacks") and callable(value) else value
        for name, value in options.items()
    }
    if checkpoint is not None:
        options |= {"checkpoint": checkpoint, "resume": resume}
    X, y = data()
    if source in ("arrays", "fewer", "other"):
        X, y = {"arrays": data(), "fewer": data(60), "other": data(seed=1)}[source]
        return model.fit(X, y, **{"batch_size": 16, **options}), options
    sources = {
        "batches": lambda: nn.batches(X, y, 16, seed=3),
        "list": lambda: [(X[i : i + 15], y[i : i + 15]) for i in range(0, M, 15)],
        "loader": Loader,
        "generator": generator,
    }
    if source == "generator":
        options["steps_per_epoch"] = 5
    return model.fit(sources[source](), **options), options


CASES = {
    "plain": {},
    "seedless": {},
    "not shuffled": {"shuffle": False},
    "adam with a schedule": {"optimizer": lambda: nn.Adam(nn.OneCycle(0.01, 24), amsgrad=True)},
    "adamw clipped": {"optimizer": lambda: nn.AdamW(0.01, clip_norm=1.0, l1=1e-4)},
    "nadam": {"optimizer": lambda: nn.NAdam(0.01)},
    "validation split": {"validation_split": 0.2, "metrics": ["f1"]},
    "weights": {"sample_weight": np.linspace(0.5, 2, M), "class_weight": "balanced", "metrics": ["f1", "log_loss"]},
    "early stopping": {
        "validation_split": 0.2,
        "callbacks": lambda: [nn.EarlyStopping(patience=1), nn.ReduceOnPlateau(factor=0.5, patience=0)],
    },
    "averages": {"callbacks": lambda: [nn.EMA(0.9), nn.SWA(2)]},
    "a user's callback": {"callbacks": lambda: [Counting(300)]},
    "freezing": {"callbacks": lambda: [Freezing()], "optimizer": lambda: nn.Adam(0.01)},
    "batches": {"source": "batches"},
    "list": {"source": "list"},
    "loader": {"source": "loader"},
    "generator": {"source": "generator"},
    "random layers": {"extra": lambda: [nn.BatchNorm(), nn.Dropout(0.3), nn.GaussianNoise(0.1)]},
}


def start(case):
    options = dict(CASES[case])
    extra = options.pop("extra", list)()
    return network(None if case == "seedless" else 0, extra), options


def everything(model, history, options):
    """All that a training leaves, but for the seconds that it took."""
    optimizer = options["optimizer"]
    callbacks = [callback.get_state() for callback in options.get("callbacks", [])]
    return {
        "theta": model.theta.copy(),
        "state": model.state.copy(),
        "rng": json.dumps(model.rng.bit_generator.state),
        "history": {key: values for key, values in history.items() if key != "seconds"},
        "optimizer": optimizer.get_state(model),
        "learning rate": optimizer.learning_rate if isinstance(optimizer.learning_rate, float) else None,
        "callbacks": callbacks,
    }


def assert_same(one, other):
    first, second = [], []
    assert snapshots.encode(one, first) == snapshots.encode(other, second)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def crash_after(monkeypatch, n_steps):
    """Let the next training fail after ``n_steps`` steps, as suddenly as a process can."""
    step, count = Loop._step, itertools.count(1)

    def failing(self, *arguments):
        result = step(self, *arguments)
        if next(count) == n_steps:
            raise CrashError
        return result

    monkeypatch.setattr(Loop, "_step", failing)


@pytest.mark.parametrize("every", [None, 1, 4], ids=["each epoch", "each step", "every four steps"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:SWA")
def test_a_training_that_was_interrupted_ends_like_one_that_was_not(case, every, tmp_path):
    if case == "seedless":
        model, options = start(case)
        twin = model.copy()
    else:
        (model, options), twin = start(case), start(case)[0]
    undisturbed = everything(model, *fit(model, nn.Checkpoint(tmp_path / "whole", every), **options))

    times = [1, 7, 8, 13]  # steps that each attempt gets through
    for n in times:
        attempt = twin.copy() if case == "seedless" else start(case)[0]
        with pytest.MonkeyPatch.context() as patch:
            crash_after(patch, n)
            try:
                fit(attempt, nn.Checkpoint(tmp_path / "broken", every), **options)
            except CrashError:
                continue
        break
    last = twin.copy() if case == "seedless" else start(case)[0]
    assert_same(everything(last, *fit(last, nn.Checkpoint(tmp_path / "broken", every), **options)), undisturbed)
    again = twin.copy() if case == "seedless" else start(case)[0]  # one that is at its end already
    found = everything(again, *fit(again, nn.Checkpoint(tmp_path / "broken", every), **options))
    assert_same(found, undisturbed)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:SWA")
def test_saving_changes_nothing(case, tmp_path):
    model, options = start(case)
    twin = model.copy()
    plain = everything(model, *fit(model, **options))
    assert_same(everything(twin, *fit(twin, nn.Checkpoint(tmp_path, every=3), **options)), plain)


def test_more_epochs_go_on_where_the_training_ended(tmp_path):
    whole, parts = network(), network()
    options = {"callbacks": [nn.SWA(0)]}  # changes the weights at the end of each
    fit(whole, epochs=6, **options)
    fit(parts, tmp_path, epochs=2, **options)
    history, _ = fit(network(), tmp_path, epochs=2, **options)
    assert (history.epochs, history.resumed_at) == (2, 2)
    longer = network()
    history, _ = fit(longer, tmp_path, epochs=6, **options)
    assert history.epochs == 6
    np.testing.assert_array_equal(longer.theta, whole.theta)


def test_a_network_without_a_seed_goes_on_from_its_own_beginning(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        crash_after(patch, 1)
        with pytest.raises(CrashError):
            fit(network(seed=None), tmp_path, validation_split=0.2)
    one, other = network(seed=None), network(seed=None)
    held_out = one.entropy
    fit(one, tmp_path, validation_split=0.2)
    assert one.entropy != held_out
    fit(other, tmp_path, validation_split=0.2)
    np.testing.assert_array_equal(one.theta, other.theta)


@pytest.mark.parametrize("callbacks", [lambda: [nn.EarlyStopping(patience=99)], lambda: [nn.SWA(1)]])
def test_more_epochs_end_as_if_they_had_been_asked_for_at_once(tmp_path, callbacks):
    extra = [nn.BatchNorm(), nn.Dropout(0.2)]
    options = {"optimizer": lambda: nn.SGD(0.5), "validation_split": 0.3, "callbacks": callbacks}
    whole, parts = network(extra=[*map(copy.copy, extra)]), network(extra=extra)
    undisturbed = everything(whole, *fit(whole, tmp_path / "whole", epochs=9, **options))
    fit(parts, tmp_path / "parts", epochs=4, **options)
    longer = network(extra=[*map(copy.copy, extra)])
    assert_same(everything(longer, *fit(longer, tmp_path / "parts", epochs=9, **options)), undisturbed)


class Halving(nn.Callback):
    """Sets the learning rate at the beginning, and changes it from epoch to epoch."""

    def on_train_begin(self, logs):
        self.optimizer.learning_rate = 0.1
        self.model.layers[0].trainable = True

    def on_epoch_end(self, epoch, logs):
        self.optimizer.learning_rate *= 0.5
        self.model.layers[0].trainable = False


def test_what_a_callback_does_at_the_beginning_is_not_done_again(tmp_path):
    options = {"callbacks": lambda: [Halving()]}
    whole, parts = network(), network()
    undisturbed = everything(whole, *fit(whole, tmp_path / "whole", **options))
    fit(parts, tmp_path / "parts", epochs=2, **options)
    longer = network()
    history, given = fit(longer, tmp_path / "parts", **options)
    assert history["learning_rate"] == [0.1, 0.05, 0.025, 0.0125]
    assert_same(everything(longer, history, given), undisturbed)


def test_the_same_objects_may_go_on_in_the_same_process(tmp_path):
    model, optimizer = network(), nn.SGD(0.4)
    for epochs in 2, 4:
        history, _ = fit(model, tmp_path, optimizer=optimizer, callbacks=[Halving()], epochs=epochs)
    assert history["learning_rate"] == [0.1, 0.05, 0.025, 0.0125]
    history, _ = fit(network(), tmp_path, optimizer=nn.SGD(0.4), callbacks=[Halving()], epochs=5)
    assert history["learning_rate"][-1] == 0.00625


def test_the_losses_of_batches_of_any_size_are_the_same_after_going_on(tmp_path):
    X, y = data(900)
    losses = []
    for parts in [3], [1, 2, 3]:
        for epochs in parts:
            history = network().fit(
                X, y, batch_size=600, epochs=epochs, checkpoint=tmp_path / str(len(parts)), resume=True
            )
        losses.append(history["loss"])
    assert losses[0] == losses[1]


def test_a_callback_may_hold_anything_and_is_told_what_will_be_lost(tmp_path):
    class Holding(nn.Callback):
        def on_train_begin(self, logs):
            self.numbers, self.optimizers, self.function = {1: 2}, nn.SGD(0.1), len

        def on_epoch_end(self, epoch, logs):
            self.numbers[epoch] = epoch

    holding = Holding()
    with pytest.warns(UserWarning, match="Holding loses optimizers, function when the training is resumed"):
        fit(network(), tmp_path, callbacks=[holding], epochs=2)
    again = Holding()
    fit(network(), tmp_path, callbacks=[again], epochs=2)
    assert again.numbers == holding.numbers == {0: 0, 1: 1}


# ---- the directory ----------------------------------------------------------------------------------------------


def names(directory):
    return sorted(name for name in os.listdir(directory) if name.endswith(".npz"))


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_the_newest_checkpoints_are_kept(tmp_path, keep):
    fit(network(), nn.Checkpoint(tmp_path, keep=keep))
    steps = [6 * epoch for epoch in range(EPOCHS + 1)][-keep:]
    assert names(tmp_path) == [f"checkpoint-{step:09d}.npz" for step in steps]


def test_a_damaged_checkpoint_is_reported_and_the_one_before_it_used(tmp_path):
    model = network()
    fit(model, tmp_path)
    newest = tmp_path / names(tmp_path)[-1]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    again = network()
    with pytest.warns(UserWarning, match=f"{newest.name}.*trying the one before"):
        history, _ = fit(again, tmp_path)
    np.testing.assert_array_equal(again.theta, model.theta)
    assert history.epochs == EPOCHS


@pytest.mark.filterwarnings("ignore:checkpoint")
def test_if_all_are_damaged_nothing_is_begun_anew(tmp_path):
    fit(network(), nn.Checkpoint(tmp_path, keep=2))
    for name in names(tmp_path):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(nn.ModelFileError, match="none of the 2"):
        fit(network(), tmp_path)


def test_files_of_a_future_that_is_not_are_removed(tmp_path):
    fit(network(), tmp_path)
    (tmp_path / names(tmp_path)[-1]).write_bytes(b"damaged")
    crashed = network()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):
        crash_after(patch, 2)
        with pytest.raises(CrashError):
            fit(crashed, nn.Checkpoint(tmp_path, every=1, keep=1))
    assert names(tmp_path) == ["checkpoint-000000019.npz"]


def test_two_trainings_in_one_directory_are_refused(tmp_path):
    entered, leave = threading.Event(), threading.Event()

    class Waiting(nn.Callback):
        def on_train_begin(self, logs):
            entered.set()
            leave.wait(20)

    thread = threading.Thread(target=fit, args=(network(), tmp_path), kwargs={"callbacks": [Waiting()]})
    thread.start()
    try:
        assert entered.wait(20)
        model = network()
        with pytest.raises(nn.ArgumentError, match=f"process {os.getpid()}, is using .*another directory"):
            fit(model, tmp_path)
        assert not model.built
    finally:
        leave.set()
        thread.join()
    fit(network(), tmp_path, callbacks=[Waiting()])  # afterwards it is free


def test_the_checkpoints_of_an_earlier_training_are_not_written_over(tmp_path):
    fit(network(), tmp_path)
    before = names(tmp_path)
    with pytest.raises(nn.ArgumentError, match="has checkpoints of an earlier training; resume=True"):
        fit(network(), tmp_path, resume=False)
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": nn.Adam()}, "with optimizer SGD, got Adam"),
        ({"batch_size": 8}, "with batches of 16 of 90 examples, shuffled, got of 8 of 90"),
        ({"source": "fewer"}, "with batches of 16 of 90 examples, shuffled, got of 16 of 60"),
        ({"source": "other"}, "with data [0-9a-f]{8}, got [0-9a-f]{8};"),
        ({"class_weight": [1, 2, 3]}, r"with class weights none, got \[1.0, 2.0, 3.0\]"),
        ({"shuffle": False}, "with batches of 16 .* got of 16 of 90 examples, not shuffled"),
        ({"callbacks": [nn.EMA()]}, "with callbacks none, got EMA"),
        ({"source": "list"}, "got from a list of 6, shuffled"),
        ({"metrics": ["f1"]}, "with history loss, accuracy, learning_rate, seconds, got loss, accuracy, f1, "),
        ({"validation_data": data()}, "got loss, accuracy, val_loss, val_accuracy"),
    ],
)
def test_another_training_is_refused(tmp_path, options, message):
    fit(network(), tmp_path)
    model = network()
    with pytest.raises(nn.ArgumentError, match=message):
        fit(model, tmp_path, **options)
    assert not model.built


def test_another_network_is_refused(tmp_path):
    fit(network(), tmp_path)
    with pytest.raises(nn.ArgumentError, match=r"with network Model\(\[Dense\(12\), ReLU.*got Model.*Tanh"):
        fit(network(extra=[nn.Tanh()]), tmp_path)
    wider = network()
    with pytest.raises(nn.ArgumentError, match=r"with features \(6,\), got \(7,\)"):
        wider.fit(np.ones((M, 7)), data()[1], batch_size=16, checkpoint=tmp_path, resume=True)
    assert not wider.built
    fit(network(), tmp_path / "validated", validation_data=data(seed=1))
    with pytest.raises(nn.ArgumentError, match=r"with validation data [0-9a-f]{8}, got [0-9a-f]{8};"):
        fit(network(), tmp_path / "validated", validation_data=data(seed=2))
    with pytest.raises(nn.ArgumentError, match="with seed 0, got 1"):
        fit(network(seed=1), tmp_path)
    with pytest.raises(nn.ArgumentError, match="with dtype float32, got float64"):
        fit(nn.Model(network().layers, dtype="float64", seed=0), tmp_path)


def test_a_checkpoint_of_another_form_is_refused_and_nothing_is_changed(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("nnlite.fitting.resume.FORM", 1)
        fit(network(), tmp_path)
    model = network()
    with pytest.raises(
        nn.ArgumentError, match="was written by another version of nnlite; resume with that version, or"
    ):
        fit(model, tmp_path)
    assert not model.built


def test_going_on_with_products_that_round_otherwise_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(openblas, "rounding", "OPENBLAS_CORETYPE=Zen and 2 threads")
    fit(network(), tmp_path, epochs=1)
    fit(network(), tmp_path, epochs=2)
    monkeypatch.setattr(openblas, "rounding", "OPENBLAS_CORETYPE=Zen and 1 thread")
    told = "made with OPENBLAS_CORETYPE=Zen and 2 threads, now with OPENBLAS_CORETYPE=Zen and 1 thread, .* or never"
    with pytest.warns(UserWarning, match=told) as warned:
        fit(network(), tmp_path, epochs=3)
    assert warned[0].filename == __file__
    monkeypatch.setattr(openblas, "rounding", "something else")
    fit(network(), tmp_path, epochs=3)  # there is nothing left to compute


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resume": True}, "resume: needs a directory"),
        ({"resume": "yes", "checkpoint": "x"}, "resume: expected True or False, got 'yes'"),
        ({"checkpoint": 3}, "checkpoint: expected a path, got 3"),
        ({"checkpoint": ""}, "checkpoint: expected a path, got ''"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(nn.ArgumentError, match=message):
        network().fit(*data(), **options)


def test_a_source_whose_state_no_file_can_hold_is_refused_before_the_first_step(tmp_path):
    class Odd(Loader):
        def get_state(self):
            return object()

    model = network()
    with pytest.raises(nn.ArgumentError, match="checkpoint: a file cannot hold <object"):
        model.fit(Odd(), epochs=1, checkpoint=tmp_path)
