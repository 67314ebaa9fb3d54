"""What the processes of a training must have in common, and what ends all of them."""

import numpy as np
import pytest

import nnlite as nn

from ..support import Square, for_each, refuse
from .processes import X, errors_of, rng, train, train_together, y

# ---- what all have in common ----------------------------------------------------------------------------------------


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
        (lambda rank: {"callbacks": [nn.EMA()] * (rank == 1)}, "rank 1 has callbacks EMA, rank 0 has none;"),
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
        assert message.endswith("a model that was trained or loaded in one of them must be loaded in all")


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
