"""Several processes train like one. They are threads here; tests/test_mpi.py has real ones."""

import json

import numpy as np
import pytest

import nnlite as nn

from ..support import for_each, refuse
from .processes import VALIDATION, WEIGHTS, M, X, agree, rng, same_on_all, train, train_together, y

# ---- as a single process ------------------------------------------------------------------------------------------


@for_each(
    "options",
    [
        {"n": 2, "batch_size": 16},
        {"n": 3, "batch_size": 20, "validation_data": VALIDATION, "metrics": ["f1"]},
        {"n": 3, "batch_size": 50, "sample_weight": WEIGHTS, "validation_split": 0.2},
        {"n": 2, "batch_size": None, "class_weight": "balanced"},
        {"n": 4, "batch_size": 25, "shuffle": False},  # the last batch has a single example
        {"n": 5, "batch_size": 3, "optimizer": nn.SGD(0.1, clip_norm=0.05, weight_decay=0.01)},  # fewer than processes
        {"n": 2, "batch_size": 16, "optimizer": nn.SGD(nn.CosineDecay(0.1, 14))},
    ],
    ids=str,
)
def test_n_processes_train_like_one(options):
    n = options["n"]
    rest = {name: value for name, value in options.items() if name != "n"}
    agree(train_together(n, **rest), train(**rest))


@for_each(
    "layers",
    [
        (nn.Dropout, 0.5),
        (nn.GaussianNoise, 0.3),
        (nn.AlphaDropout, 0.3),
        (nn.LayerNorm,),
    ],
)
def test_random_numbers_depend_on_the_place_in_the_whole_batch(layers):
    kind, *arguments = layers

    def hidden():
        return kind(*arguments), nn.Tanh()

    found = same_on_all(nn.mpi.simulate(3, lambda world: train(world, *hidden())))
    agree(found, train(None, *hidden()))


def test_images_train_like_one():
    images = rng.standard_normal((30, 6, 6, 1))
    of_images = images, y[:30]

    def run(world=None):
        layers = [
            nn.Conv2D(4, 3),
            nn.ReLU(),
            nn.Dropout2D(0.3),
            nn.MaxPool2D(2),
            nn.Flatten(),
            nn.Dense(3),
            nn.Softmax(),
        ]
        model = nn.Model(layers, seed=0, dtype="float64")
        history = model.fit(*of_images, epochs=1, batch_size=8, progress=False, parallel=world)
        del history["seconds"]
        return model, history

    agree(same_on_all(nn.mpi.simulate(3, run)), run())


def test_synchronized_batch_norm_is_that_of_a_single_process():
    options = {"optimizer": nn.SGD(0.05), "batch_size": 20}
    expected = train(None, nn.BatchNorm(), nn.Tanh(), **options)

    def run(world):
        return train(world, nn.BatchNorm(), nn.Tanh(), **options)

    agree(same_on_all(nn.mpi.simulate(3, run, sync_batch_norm=True)), expected)
    apart = same_on_all(nn.mpi.simulate(3, run))
    assert np.abs(apart[0].theta - expected[0].theta).max() > 1e-4
    assert np.abs(apart[0].state - expected[0].state).max() > 1e-4


def test_synchronized_channels_are_those_of_a_single_process():
    images, of_images = rng.standard_normal((21, 5, 5, 1)), y[:21]

    def run(world=None):
        layers = [nn.Conv2D(3, 3), nn.BatchNorm(), nn.ReLU(), nn.Flatten(), nn.Dense(3), nn.Softmax()]
        model = nn.Model(layers, seed=0, dtype="float64")
        history = model.fit(
            images, of_images, epochs=2, batch_size=10, progress=False, parallel=world
        )  # the last has 1
        del history["seconds"]
        return model, history

    agree(same_on_all(nn.mpi.simulate(3, run, sync_batch_norm=True)), run())


def test_the_compiled_engine_does_not_synchronize():
    pytest.importorskip("numba")

    def run(world, *hidden):
        return train(world, *hidden, engine="compiled")

    def refused(world):
        refuse(
            lambda: run(world, nn.BatchNorm(), nn.Tanh()),
            "engine: 'compiled' is not possible with nn.mpi.world(sync_batch_norm=True)",
        )

    nn.mpi.simulate(2, refused, sync_batch_norm=True)


def test_batch_norm_of_parts_averages_the_running_statistics():
    """One step over one batch: running_mean is the mean over all examples, since the first rate is 1."""
    results = nn.mpi.simulate(
        2, lambda world: train(world, nn.BatchNorm(), nn.Tanh(), epochs=1, batch_size=None, optimizer=nn.SGD(1e-9))
    )
    model, _ = same_on_all(results)
    norm = model.layers[1]
    z = X @ model.parameters["W1"] + model.parameters["b1"]
    np.testing.assert_allclose(norm.running_mean, z.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(norm.running_weight, 0.1, atol=1e-12)


def test_many_gradients_are_a_message_of_their_own(monkeypatch):
    def run(world):
        return train(world, nn.BatchNorm(), nn.Tanh())

    packed = same_on_all(nn.mpi.simulate(2, run))
    monkeypatch.setattr("nnlite.fitting.gradient_sum.PACKED", 0)
    agree(same_on_all(nn.mpi.simulate(2, run)), packed)


def test_compiled_gradients_are_those_of_a_single_process():
    pytest.importorskip("numba")
    options = {"engine": "compiled", "sample_weight": WEIGHTS, "batch_size": 25, "metrics": ["f1"], "shuffle": False}

    def run(world=None):
        return train(world, nn.Dropout(0.3), nn.GELU(), nn.GaussianNoise(0.1), **options)

    found = same_on_all(nn.mpi.simulate(4, run))  # the last batch has a single example
    assert found[1].engine == "compiled"
    agree(found, run(), 1e-12)


def test_regression_and_a_network_without_a_seed():
    values = {"examples": (X, X[:, :3] ** 2), "output": None}

    def run(world, seed):
        return train(world, examples=values["examples"], output=nn.Identity(), seed=seed, standardize_target=True)

    agree(same_on_all(nn.mpi.simulate(2, lambda world: run(world, 0))), run(None, 0))
    same_on_all(nn.mpi.simulate(2, lambda world: run(world, None)))


def test_a_single_process_is_not_changed_by_parallel():
    model, history = train(nn.mpi.World())
    one, of_one = train()
    np.testing.assert_array_equal(model.theta, one.theta)
    assert (history, history.engine) == (of_one, of_one.engine)


def test_sixteen_bits_learn_as_well():
    model, history = train_together(2, gradient_bits=16, epochs=10)
    _, of_one = train(epochs=10)
    assert 0 < abs(history["loss"][-1] - of_one["loss"][-1]) < 0.05
    assert model.theta.dtype == np.float64


# ---- shares of the data ---------------------------------------------------------------------------------------------


def test_shares_of_the_data_are_one_data_set():
    def run(world):
        own = slice(world.rank, None, 3)
        return train(
            world,
            examples=(X[own], y[own]),
            sample_weight=WEIGHTS[own],
            shuffle=False,
            validation_data=(VALIDATION[0][own], VALIDATION[1][own]),
        )

    agree(same_on_all(nn.mpi.simulate(3, run)), train(sample_weight=WEIGHTS, shuffle=False, validation_data=VALIDATION))


def test_unequal_shares_make_full_batches_and_use_every_example():
    cuts = [0, 9, 80, M]

    class Sizes(nn.Callback):
        def on_train_begin(self, logs):
            self.sizes = []

        def on_batch_end(self, batch, logs):
            self.sizes.append(logs["size"])

    def run(world):
        own, sizes = slice(*cuts[world.rank : world.rank + 2]), Sizes()
        trained = train(world, examples=(X[own], y[own]), callbacks=[sizes])
        assert sizes.sizes == 2 * [16, 16, 16, 16, 16, 16, 5]
        return trained

    same_on_all(nn.mpi.simulate(3, run))


@for_each("differs, size", [(None, 1800), ("X", 3600), ("y", 3600), ("weights", 3600), ("validation", 1800)])
@pytest.mark.filterwarnings("ignore:parallel. the 2 processes have the same X")
def test_examples_that_differ_in_a_single_number_are_shares(differs, size):
    """The same examples are divided, so that a batch of all has each once; shares are added up."""

    def run(world):
        arrays = {"X": np.zeros((1800, 2)), "y": np.arange(1800) % 3, "weights": np.ones(1800)}
        arrays["validation"] = arrays["X"].copy()
        if differs is not None and world.rank == 1:
            arrays[differs][901] = 2
        examples = arrays["X"], arrays["y"]
        options = {"sample_weight": arrays["weights"], "validation_data": (arrays["validation"], arrays["y"])}
        sizes = []
        notes = nn.LambdaCallback(on_batch_end=lambda batch, logs: sizes.append(logs["size"]))
        train(world, examples=examples, epochs=1, batch_size=None, callbacks=[notes], **options)
        return sizes

    assert nn.mpi.simulate(2, run) == 2 * [[size]]


def test_balanced_weights_of_shares_are_those_of_all_examples():
    def run(world):
        own = slice(world.rank, None, 3)
        return train(world, examples=(X[own], y[own]), class_weight="balanced", shuffle=False)

    agree(same_on_all(nn.mpi.simulate(3, run)), train(class_weight="balanced", shuffle=False))


def test_examples_on_the_disk_are_divided_or_shared():
    def stored(rows):
        return nn.open_data(X[rows], y[rows], sample_weight=WEIGHTS[rows], memory=3 * 16 * 32)

    def divided(world=None):
        return train(world, examples=(stored(slice(None)),), validation_split=0.2)

    agree(same_on_all(nn.mpi.simulate(3, divided)), divided())

    def shared(world):  # the first example is the same in both
        own = slice(0, 80 if world.rank else 48)
        return train(world, examples=(stored(own),), batch_size=16, class_weight="balanced")

    _, history = same_on_all(nn.mpi.simulate(2, shared))
    assert history["loss"][-1] < history["loss"][0]


@for_each("engine", ["textbook", "compiled"])
def test_shares_on_the_disk_make_batches_of_the_given_size_together(engine):
    """In order, they are the batches of data that alternate between 8 examples of one share and 4 of the other."""
    if engine == "compiled":
        pytest.importorskip("numba")
    n = 96
    options = {"batch_size": 12, "shuffle": False, "engine": engine}

    def shared(world):
        rows = np.flatnonzero((np.arange(n) % 12 >= 8) == world.rank)
        return train(world, examples=(nn.open_data(X[rows], y[rows], memory=3 * 16 * 32),), **options)

    agree(same_on_all(nn.mpi.simulate(2, shared)), train(examples=(X[:n], y[:n]), **options), 1e-12)


def test_a_source_of_batches_is_divided_or_shared():
    expected = train(examples=(nn.batches(X, y, 16, shuffle=False),))

    def divided(world):
        return train(world, examples=(nn.batches(X, y, 16, shuffle=False),))

    def shared(world):
        own = slice(world.rank, None, 2)
        return train(world, examples=(nn.batches(X[own], y[own], 8, shuffle=False),))

    agree(same_on_all(nn.mpi.simulate(3, divided)), expected)
    agree(same_on_all(nn.mpi.simulate(2, shared)), expected)


@for_each("start", [0, 1])  # the first example may be the same
def test_a_source_that_ends_before_the_others_contributes_nothing_more(start):
    def run(world):
        n = 64 if world.rank else 24
        batches = [(X[i : i + 8], y[i : i + 8]) for i in range(start * world.rank, n, 8)]
        return train(world, examples=(batches,), epochs=3)

    _, history = same_on_all(nn.mpi.simulate(2, run))
    assert len(history["loss"]) == 3


# ---- callbacks ------------------------------------------------------------------------------------------------------


@for_each("event", ["batch", "epoch"])
def test_a_callback_that_stops_one_process_stops_all(event):
    class Stop(nn.Callback):
        def __init__(self, world):
            self.world, self.n = world, 0

        def on_batch_end(self, batch, logs):
            self.n += 1
            if event == "batch" and self.world.rank == 1 and batch == 2:
                self.model.stop_training = True

        def on_epoch_end(self, epoch, logs):
            if event == "epoch" and self.world.rank == 1:
                self.model.stop_training = True

    def run(world):
        stop = Stop(world)
        trained = train(world, callbacks=[stop], epochs=9)
        assert stop.n == (3 if event == "batch" else 7)
        return trained

    _, history = same_on_all(nn.mpi.simulate(3, run))
    assert history.epochs == 1


def test_early_stopping_and_averages_are_those_of_one_process():
    def run(world=None):
        stopping = nn.EarlyStopping(patience=2)
        return train(world, epochs=12, validation_data=VALIDATION, callbacks=[nn.EMA(0.9), stopping])

    agree(same_on_all(nn.mpi.simulate(2, run)), run(), 1e-12)


def test_only_the_first_process_writes_and_shows(tmp_path, capsys):
    class Everywhere(nn.Callback):
        def on_epoch_end(self, epoch, logs):
            (tmp_path / f"{self.rank}.txt").write_text(json.dumps(logs["loss"]))

    def run(world):
        everywhere = Everywhere()
        everywhere.rank = world.rank
        model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
        saving = nn.ModelCheckpoint(tmp_path / "model.npz")
        logging = nn.CSVLogger(tmp_path / "log.csv")
        return model.fit(X, y, epochs=2, callbacks=[everywhere, saving, logging], parallel=world)["loss"]

    losses, others = nn.mpi.simulate(2, run)
    assert losses == others
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3
    assert (tmp_path / "0.txt").read_text() == (tmp_path / "1.txt").read_text()
    assert nn.load(tmp_path / "model.npz").built
    lines = capsys.readouterr().err.splitlines()
    first, *others = [line.split(" (")[0] for line in lines]
    assert (first, others) == ("2 processes share the same 101 examples", ["epoch 1/2", "epoch 2/2"])
