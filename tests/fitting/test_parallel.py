"""Several processes train like one. They are threads here; tests/test_mpi.py has real ones."""

import json

import numpy as np
import pytest

import nnlite as nn

from ..support import Square, for_each, refuse

M, EPOCHS = 101, 2
rng = np.random.default_rng(0)
y = rng.integers(0, 3, M)
X = rng.standard_normal((M, 6)) + y[:, None]
WEIGHTS = rng.uniform(0, 2, M)
VALIDATION = X[:31], y[:31]


def train(world=None, *hidden, examples=(X, y), seed=0, output=None, **options):
    """Train a small network in float64; return it with its history, without the seconds."""
    layers = [nn.Dense(8), *(hidden or [nn.Tanh()]), nn.Dense(3), output or nn.Softmax()]
    model = nn.Model(layers, seed=seed, dtype="float64")
    given = {"optimizer": nn.SGD(0.1, momentum=0.9), "epochs": EPOCHS, "batch_size": 16, "progress": False}
    history = model.fit(*examples, parallel=world, **(given | options))
    del history["seconds"]
    return model, history


def same_on_all(results):
    """The model and history of the first process; all others have the same, bit for bit."""
    model, history = results[0]
    for other, other_history in results[1:]:
        np.testing.assert_array_equal(other.theta, model.theta)
        np.testing.assert_array_equal(other.state, model.state)
        assert other.rng.bit_generator.state == model.rng.bit_generator.state
        assert other_history == history
    return model, history


def train_together(n, *hidden, sync_batch_norm=False, gradient_bits=None, **options):
    def run(world):
        return train(world, *hidden, **options)

    return same_on_all(nn.mpi.simulate(n, run, sync_batch_norm=sync_batch_norm, gradient_bits=gradient_bits))


def agree(found, expected, tolerance=1e-13):
    (model, history), (one, of_one) = found, expected
    np.testing.assert_allclose(model.theta, one.theta, rtol=0, atol=tolerance)
    np.testing.assert_allclose(model.state, one.state, rtol=0, atol=tolerance)
    assert history.keys() == of_one.keys()
    for key, values in of_one.items():
        np.testing.assert_allclose(history[key], values, rtol=0, atol=max(tolerance, 1e-14))


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
    monkeypatch.setattr("nnlite.fitting.parallel.PACKED", 0)
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
        return train(world, examples=(stored(own),), batch_size=8, class_weight="balanced")

    _, history = same_on_all(nn.mpi.simulate(2, shared))
    assert history["loss"][-1] < history["loss"][0]


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


# ---- what all have in common ----------------------------------------------------------------------------------------


def errors_of(n, function, error=nn.ArgumentError):
    """The messages of the errors that each of n processes raises."""

    def run(world):
        with pytest.raises(error) as caught:
            function(world)
        return str(caught.value)

    return nn.mpi.simulate(n, run)


@for_each(
    "differs, told",
    [
        (lambda rank: {"seed": rank // 2}, "rank 2 has seed 1, rank 0 has 0"),
        (lambda rank: {"epochs": 1 + (rank == 1)}, "rank 1 has epochs 2, rank 0 has 1"),
        (lambda rank: {"batch_size": 16 if rank else 8}, "rank 0 has batch_size 8, rank 1 has 16"),
        (lambda rank: {"optimizer": nn.Adam(0.1 if rank == 1 else 0.2)}, "rank 1 has optimizer Adam(0.1)"),
        (lambda rank: {"output": nn.Softmax(label_smoothing=0.1 * (rank == 2))}, "rank 2 has network Model("),
        (lambda rank: {"examples": (X[:, : 6 - (rank == 1)], y)}, "rank 1 has features (5,), rank 0 has (6,)"),
        (
            lambda rank: {"examples": (nn.open_data(X, y, memory=10**6 if rank == 2 else 999),)},
            "rank 2 has X in memory, rank 0 has on the disk",
        ),
        (lambda rank: {"examples": (X, y + (rank == 1))}, "rank 1 refused this training, ArgumentError: y: "),
        (lambda rank: {"examples": (X[:0], y[:0]) if rank == 2 else (X, y)}, "rank 2 refused this training"),
        (lambda rank: {"callbacks": [nn.EMA()] * (rank == 1)}, "rank 1 has callbacks EMA, rank 0 has "),
        (lambda rank: {"epochs": -(rank == 1) or 1}, "rank 1 refused this training, ArgumentError: epochs: "),
    ],
    ids=str,
)
def test_what_one_process_has_otherwise_all_refuse(differs, told):
    own = ("epochs: ", "X: ", "y: ")  # the process itself has the plain error
    messages = errors_of(3, lambda world: train(world, **({"epochs": 1} | differs(world.rank))))
    assert sum(told in message for message in messages) >= 2
    for message in messages:
        assert told in message or message.startswith(own), message


@pytest.mark.filterwarnings("error::nnlite.TrainingWarning")
def test_a_warning_of_the_first_process_that_is_an_error_all_refuse():
    def run(world):
        nn.Model([nn.Dense(64), nn.Softmax()], seed=0).fit(X, y, epochs=1, progress=False, parallel=world)

    first, second = errors_of(2, run, (nn.TrainingWarning, nn.ArgumentError))
    assert first.startswith("layers: the output has 64 units")
    assert second.startswith("parallel: rank 0 refused this training, TrainingWarning: layers: the output has 64 units")


def test_another_version_of_nnlite_is_refused(monkeypatch):
    """The threads share the module, so the version is a text that differs each time it is read."""
    from nnlite.fitting import fit, together

    real = together.texts_of
    monkeypatch.setattr(
        fit, "texts_of", lambda model, optimizer, world: real(model, optimizer, world) | {"nnlite": f"1.{world.rank}"}
    )
    for message in errors_of(2, train):
        assert message.startswith("parallel: rank 1 has nnlite 1.1, rank 0 has 1.0; ")


def test_other_weights_at_the_beginning_are_refused():
    def run(world):
        model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=6, seed=0)
        model.theta[0] += world.rank
        model.fit(X, y, epochs=1, parallel=world)

    for message in errors_of(2, run):
        assert "rank 1 has weights with the checksum" in message


def test_functions_in_the_arguments_do_not_differ_by_their_address():
    train_together(2, optimizer=nn.SGD(lambda step: 0.1))


def test_weights_that_drift_apart_are_an_error_that_names_the_rank():
    class Drift(nn.Callback):
        def __init__(self, world):
            self.world = world

        def on_epoch_end(self, epoch, logs):
            if epoch == 1 and self.world.rank == 2:
                self.model.theta[0] += 1e-9

    for message in errors_of(3, lambda world: train(world, callbacks=[Drift(world)]), nn.ParallelError):
        assert message.startswith("rank 2 ended epoch 2 with other weights than the other processes")


def test_an_error_of_one_process_in_the_middle_ends_all():
    class Failing(nn.Callback):
        def __init__(self, world):
            self.world = world

        def on_batch_end(self, batch, logs):
            if batch == 3 and self.world.rank == 1:
                raise OSError("the disk is full")

    seen = []

    def run(world):
        try:
            train(world, callbacks=[Failing(world)])
        except nn.ParallelError as error:
            seen.append(str(error))
            raise

    with pytest.raises(OSError, match="the disk is full"):
        nn.mpi.simulate(3, run)
    assert seen == 2 * ["rank 1 ended with OSError: the disk is full"]


def test_a_training_that_diverges_raises_the_same_error_everywhere():
    def run(world):
        with pytest.raises(nn.DivergenceError) as caught:
            train(world, Square(), optimizer=nn.SGD(1e9), epochs=5)
        return str(caught.value), caught.value.step, [1]

    messages = nn.mpi.simulate(2, run)
    assert messages[0] == messages[1]


def test_infinite_weights_of_one_process_diverge_on_all():
    """A loss that is NaN in the part of one process only."""

    class Odd(nn.Activation):
        def forward(self, z, cache):
            return np.where(z > 1e3, np.nan, z)

        def backward(self, da, cache):
            return da

    odd = X.copy()
    odd[3] = 1e6

    def run(world):
        with pytest.raises(nn.DivergenceError) as caught:
            train(world, Odd(), examples=(odd, y), shuffle=False)
        return str(caught.value)

    first, second = nn.mpi.simulate(2, run)
    assert first == second
    assert "(rank 0)" in first


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
    assert [line.split(" (")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]


# ---- checkpoints ----------------------------------------------------------------------------------------------------


class Crash(nn.Callback):
    """Ends a process at the end of its step number n."""

    def __init__(self, rank=None, n=None):
        self.rank, self.at = rank, n
        self.n = 0

    def on_batch_end(self, batch, logs):
        self.n += 1
        if self.n == self.at:
            raise InterruptedError


@for_each("n, every", [(2, 3), (3, None), (1, 5)])
def test_a_training_that_crashed_is_resumed_with_any_number_of_processes(n, every, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    options = {"epochs": 4, "validation_data": VALIDATION, "metrics": ["f1"]}
    hidden = nn.Dropout(0.2), nn.Tanh()
    whole = train(None, *hidden, callbacks=[Crash(), nn.EMA(0.9)], **options)

    def run(world, crash, resume):
        checkpoint = nn.Checkpoint(folder / "run", every=every)
        callbacks = [Crash(world.rank, 17 if crash and world.rank == 1 else None), nn.EMA(0.9)]
        return train(
            world, nn.Dropout(0.2), nn.Tanh(), callbacks=callbacks, checkpoint=checkpoint, resume=resume, **options
        )

    with pytest.raises(InterruptedError):
        nn.mpi.simulate(2, lambda world: run(world, True, False))
    with pytest.warns(UserWarning, match="so the last digits may differ") if n != 2 else no_warning():
        model, history = same_on_all(nn.mpi.simulate(n, lambda world: run(world, False, True)))
    assert history.resumed_at == 2
    agree((model, history), whole, 1e-12)
    again, history = same_on_all(nn.mpi.simulate(n, lambda world: run(world, False, True)))  # complete
    np.testing.assert_array_equal(again.theta, model.theta)


def no_warning():
    import contextlib

    return contextlib.nullcontext()


def test_shares_are_resumed_with_another_number_of_processes(tmp_path):
    def run(world, epochs):
        own = slice(world.rank, None, world.size)
        options = {"shuffle": False, "checkpoint": tmp_path / "run", "resume": True, "epochs": epochs}
        return train(world, examples=(X[own], y[own]), validation_data=(X[own], y[own]), **options)

    nn.mpi.simulate(2, lambda world: run(world, 1))
    with pytest.warns(UserWarning, match="so the last digits may differ"):
        found = same_on_all(nn.mpi.simulate(3, lambda world: run(world, 3)))
    agree(found, train(shuffle=False, epochs=3, validation_data=(X, y)))


@for_each("kind", ["on the disk", "batches", "shuffled"])
def test_sources_of_their_own_are_resumed_in_an_epoch(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")

    def run(world, name, crash=None):
        own = slice(0, 48) if world.rank == 0 else slice(48, M)
        if kind == "batches":
            examples = [(X[i : i + 8], y[i : i + 8]) for i in range(own.start, own.stop, 8)]
        elif kind == "shuffled":
            examples = nn.batches(X[own], y[own], 8, seed=world.rank)
        else:
            examples = nn.open_data(X[own], y[own], memory=3 * 16 * 32)
        checkpoint, callbacks = nn.Checkpoint(folder / name, every=3), [Crash(world.rank, crash)]
        return train(world, examples=(examples,), batch_size=8, checkpoint=checkpoint, resume=True, callbacks=callbacks)

    whole = same_on_all(nn.mpi.simulate(2, lambda world: run(world, "whole")))
    with pytest.raises(InterruptedError):
        nn.mpi.simulate(2, lambda world: run(world, "cut", 9))
    agree(same_on_all(nn.mpi.simulate(2, lambda world: run(world, "cut"))), whole, 0)

    def run_other(world):
        return run(nn.mpi.World(), "cut")

    with pytest.raises(nn.ArgumentError, match="is of another training, with batches"):
        nn.mpi.simulate(1, run_other)


def test_a_directory_that_the_first_process_refuses_all_refuse(tmp_path):
    (tmp_path / "file").write_text("")
    first, second = errors_of(2, lambda world: train(world, checkpoint=tmp_path / "file"))
    assert first.startswith("checkpoint: expected a directory")
    assert second.startswith("parallel: rank 0 refused this training, ArgumentError: checkpoint: expected a directory")


# ---- wrong use ------------------------------------------------------------------------------------------------------


def test_wrong_use_is_refused():
    for wrong, hint in (("mpi", ""), (nn.mpi.world, "write parallel=nn.mpi.world()"), (4, "")):
        refuse(lambda wrong=wrong: train(wrong), "parallel: expected what nn.mpi.world() returns, got", hint)
    images = rng.standard_normal((20, 8, 8))

    def run(world):
        own = slice(world.rank, None, 2)
        model = nn.Model([nn.Flatten(), nn.Dense(3), nn.Softmax()], seed=0)
        model.fit(images[own], y[:20][own], augment=[nn.augment.Shift(1)], parallel=world)

    for message in errors_of(2, run):
        assert message.startswith("augment: the processes have different examples")
