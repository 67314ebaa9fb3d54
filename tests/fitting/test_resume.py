"""Facts about checkpoints: an interrupted training that is resumed ends like one without interruption, bit for bit."""

import copy
import json
import os

import numpy as np
import pytest

import nnlite as nn
from nnlite.storage import snapshots

from ..support import small, without_seconds
from .resuming import EPOCHS, NEVER, CrashError, M, data, fit


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    """Only a power failure shows the difference; tests/storage has the facts about that."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


class Counting(nn.Callback):
    """A user's callback, whose state has numbers, a list and an array."""

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


class Changing(nn.Callback):
    """Gives hyperparameters of the optimizer another value in each epoch."""

    def __init__(self, **values):
        self.values = values

    def on_epoch_begin(self, epoch, logs):
        for name, of_epochs in self.values.items():
            setattr(self.optimizer, name, of_epochs[epoch])


CHANGED = {
    nn.NAdam: {"beta_1": (0.9, 0.5, 0.8), "beta_2": (0.99, 0.9, 0.999), "momentum_decay": (0.004, 0.1, 0.0)},
    nn.Adam: {"beta_1": (0.9, 0.5, 0.8), "amsgrad": (False, True, False), "epsilon": (1e-8, 1e-3, 1e-8)},
    nn.AdamW: {"weight_decay": (0.0, 0.5, 0.1), "clip_norm": (None, 0.1, 1.0)},
    nn.SGD: {"momentum": (0.9, 0.0, 0.5), "nesterov": (True, False, True), "l1": (0.0, 0.01, 0.0)},
    nn.RMSProp: {"rho": (0.9, 0.99, 0.5), "momentum": (0.0, 0.9, 0.0), "centered": (True, False, True)},
    nn.Lion: {"beta_1": (0.9, 0.5, 0.8), "beta_2": (0.99, 0.9, 0.99)},
    nn.Adagrad: {"epsilon": (1e-10, 1e-3, 1e-10)},
}


def changing(rule):
    return {"optimizer": lambda: rule(0.01), "callbacks": lambda: [Changing(**CHANGED[rule])]}


CASES = {
    "plain": {},
    "seedless": {},
    "not shuffled": {"shuffle": False},
    "adam with a schedule": {"optimizer": lambda: nn.Adam(nn.OneCycle(0.01, 18), amsgrad=True)},
    "adamw clipped": {"optimizer": lambda: nn.AdamW(0.01, clip_norm=1.0, l1=1e-4)},
    "nadam": {"optimizer": lambda: nn.NAdam(0.01)},
    "validation split": {"validation_split": 0.2, "metrics": ["f1"]},
    "weights": {"sample_weight": np.linspace(0.5, 2, M), "class_weight": "balanced", "metrics": ["f1", "log_loss"]},
    "early stopping": {
        "validation_split": 0.2,
        "callbacks": lambda: [nn.EarlyStopping(patience=1), nn.ReduceOnPlateau(factor=0.5, patience=0)],
    },
    "averages": {"callbacks": lambda: [nn.EMA(0.9), nn.SWA(2)]},
    "a user's callback": {"callbacks": lambda: [Counting(200)]},
    **{f"{rule.__name__} with hyperparameters that change": changing(rule) for rule in CHANGED},
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
    return small(*extra, seed=None if case == "seedless" else 0), options


def everything(model, history, options):
    """All that a training leaves, without the seconds."""
    optimizer = options["optimizer"]
    callbacks = [callback.get_state() for callback in options.get("callbacks", [])]
    return {
        "theta": model.theta.copy(),
        "state": model.state.copy(),
        "rng": json.dumps(model.rng.bit_generator.state),
        "history": without_seconds(history),
        "optimizer": optimizer.get_state(model),
        "learning rate": optimizer.learning_rate if isinstance(optimizer.learning_rate, float) else None,
        "callbacks": callbacks,
    }


def assert_same(one, other):
    first, second = [], []
    assert snapshots.encode(one, first) == snapshots.encode(other, second)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("every", [None, pytest.param(1, marks=pytest.mark.slow), 4], ids="every {}".format)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:SWA")
def test_a_training_that_was_interrupted_ends_like_one_that_was_not(case, every, tmp_path):
    first, options = start(case)
    twin = first.copy()  # without a seed, every network is different

    def attempt(model, name, crash_after=NEVER):
        return everything(model, *fit(model, nn.Checkpoint(tmp_path / name, every), crash_after=crash_after, **options))

    undisturbed = attempt(first, "whole")
    for n_steps in 1, 6, 8:
        with pytest.raises(CrashError):
            attempt(twin.copy(), "broken", n_steps)
    assert_same(attempt(twin.copy(), "broken"), undisturbed)
    assert_same(attempt(twin.copy(), "broken"), undisturbed)  # resumes a training that has ended


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:SWA")
def test_saving_does_not_change_the_training(case, tmp_path):
    model, options = start(case)
    twin = model.copy()
    plain = everything(model, *fit(model, **options))
    assert_same(everything(twin, *fit(twin, nn.Checkpoint(tmp_path, every=3), **options)), plain)


def test_more_epochs_continue_a_training_that_has_ended(tmp_path):
    whole, parts = small(), small()
    options = {"callbacks": [nn.SWA(0)]}  # changes the weights at the end of each
    fit(whole, epochs=6, **options)
    fit(parts, tmp_path, epochs=2, **options)
    history, _ = fit(small(), tmp_path, epochs=2, **options)
    assert (history.epochs, history.resumed_at) == (2, 2)
    longer = small()
    history, _ = fit(longer, tmp_path, epochs=6, **options)
    assert history.epochs == 6
    np.testing.assert_array_equal(longer.theta, whole.theta)


def test_a_network_without_a_seed_resumes_with_the_seed_of_the_first_one(tmp_path):
    with pytest.raises(CrashError):
        fit(small(seed=None), tmp_path, validation_split=0.2, crash_after=1)
    one, other = small(seed=None), small(seed=None)
    seed = one.actual_seed
    fit(one, tmp_path, validation_split=0.2, crash_after=NEVER)
    assert one.actual_seed != seed
    fit(other, tmp_path, validation_split=0.2, crash_after=NEVER)
    np.testing.assert_array_equal(one.theta, other.theta)


@pytest.mark.parametrize("callbacks", [lambda: [nn.EarlyStopping(patience=99)], lambda: [nn.SWA(1)]])
def test_more_epochs_give_the_same_as_asking_for_them_at_once(tmp_path, callbacks):
    extra = [nn.BatchNorm(), nn.Dropout(0.2)]
    options = {"optimizer": lambda: nn.SGD(0.5), "validation_split": 0.3, "callbacks": callbacks}
    whole, parts = small(*map(copy.copy, extra)), small(*extra)
    undisturbed = everything(whole, *fit(whole, tmp_path / "whole", epochs=9, **options))
    fit(parts, tmp_path / "parts", epochs=4, **options)
    longer = small(*map(copy.copy, extra))
    assert_same(everything(longer, *fit(longer, tmp_path / "parts", epochs=9, **options)), undisturbed)


class Halving(nn.Callback):
    """Sets the learning rate at the beginning, and halves it and freezes a layer after each epoch."""

    def on_train_begin(self, logs):
        self.optimizer.learning_rate = 0.1
        self.model.layers[0].trainable = True

    def on_epoch_end(self, epoch, logs):
        self.optimizer.learning_rate *= 0.5
        self.model.layers[0].trainable = False


def test_what_a_callback_sets_at_the_beginning_is_not_set_again(tmp_path):
    options = {"callbacks": lambda: [Halving()]}
    whole, parts = small(), small()
    undisturbed = everything(whole, *fit(whole, tmp_path / "whole", **options))
    fit(parts, tmp_path / "parts", epochs=2, **options)
    longer = small()
    history, given = fit(longer, tmp_path / "parts", **options)
    assert history["learning_rate"] == [0.1, 0.05, 0.025]
    assert_same(everything(longer, history, given), undisturbed)


def test_the_same_objects_may_resume_in_the_same_process(tmp_path):
    model, optimizer = small(), nn.SGD(0.4)
    for epochs in 2, 4:
        history, _ = fit(model, tmp_path, optimizer=optimizer, callbacks=[Halving()], epochs=epochs)
    assert history["learning_rate"] == [0.1, 0.05, 0.025, 0.0125]
    history, _ = fit(small(), tmp_path, optimizer=nn.SGD(0.4), callbacks=[Halving()], epochs=5)
    assert history["learning_rate"][-1] == 0.00625


def test_the_losses_of_large_batches_are_the_same_after_resuming(tmp_path):
    X, y = data(900)
    losses = []
    for parts in [3], [1, 2, 3]:
        for epochs in parts:
            history = small().fit(
                X, y, batch_size=600, epochs=epochs, checkpoint=tmp_path / str(len(parts)), resume=True
            )
        losses.append(history["loss"])
    assert losses[0] == losses[1]


def test_a_warning_names_what_a_callback_loses(tmp_path):
    class Holding(nn.Callback):
        def on_train_begin(self, logs):
            self.numbers, self.optimizers, self.function = {1: 2}, nn.SGD(0.1), len

        def on_epoch_end(self, epoch, logs):
            self.numbers[epoch] = epoch

    holding = Holding()
    with pytest.warns(UserWarning, match="Holding loses optimizers, function when the training is resumed"):
        fit(small(), tmp_path, callbacks=[holding], epochs=2)
    again = Holding()
    fit(small(), tmp_path, callbacks=[again], epochs=2)
    assert again.numbers == holding.numbers == {0: 0, 1: 1}


class Spoiling(nn.Callback):
    """Notes theta after each epoch; at the beginning of one epoch it makes theta NaN."""

    def __init__(self, epoch, thetas):
        self.epoch, self.thetas = epoch, thetas

    def on_epoch_begin(self, epoch, logs):
        if epoch == self.epoch:
            self.model.theta = np.nan

    def on_epoch_end(self, epoch, logs):
        self.thetas.append(self.model.theta.copy())


def test_a_resumed_training_that_diverges_has_the_best_weights_from_before(tmp_path):
    X, y = data(seed=1)
    options = {"validation_data": (X, 2 - y)}  # the more is learned, the higher is this loss
    thetas = []
    history, _ = fit(small(), tmp_path, callbacks=[Spoiling(99, thetas)], **options)
    best = np.argmin(history["val_loss"])
    assert best < EPOCHS - 1
    model = small()
    with pytest.raises(nn.DivergenceError):
        fit(model, tmp_path, callbacks=[Spoiling(EPOCHS, thetas)], epochs=EPOCHS + 1, **options)
    np.testing.assert_array_equal(model.theta, thetas[best])


def test_fewer_epochs_than_the_checkpoint_has_are_pointed_out(tmp_path):
    X, y = data()
    first = small()
    first.fit(X, y, epochs=4, checkpoint=tmp_path, progress=False)
    again = small()
    with pytest.warns(nn.TrainingWarning, match=r"has 4 epochs already, so that epochs=3 .* write epochs=7") as caught:
        history = again.fit(X, y, epochs=3, checkpoint=tmp_path, resume=True, progress=False)
    assert caught[0].filename == __file__
    assert history.epochs == 4
    np.testing.assert_array_equal(again.theta, first.theta)
    same = small()
    same.fit(X, y, epochs=4, checkpoint=tmp_path, resume=True, progress=False)  # the same call says nothing
