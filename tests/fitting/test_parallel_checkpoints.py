"""Several processes have one checkpoint, and any number of them goes on from it."""

import contextlib
import shutil

import numpy as np
import pytest

import nnlite as nn
from nnlite.fitting.resume import _compare_rounding

from ..support import for_each
from .processes import VALIDATION, M, X, agree, errors_of, same_on_all, train, y


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
    with pytest.warns(UserWarning, match="so the last digits may differ") if n != 2 else contextlib.nullcontext():
        model, history = same_on_all(nn.mpi.simulate(n, lambda world: run(world, False, True)))
    assert history.resumed_at == 2
    agree((model, history), whole, 1e-12)
    again, history = same_on_all(nn.mpi.simulate(n, lambda world: run(world, False, True)))  # complete
    np.testing.assert_array_equal(again.theta, model.theta)


def test_gradients_of_sixteen_bits_are_resumed_bit_for_bit_with_what_was_rounded_off(tmp_path):
    def run(world, name, crash=None):
        callbacks = [Crash(world.rank, crash if world.rank == 1 else None)]
        checkpoint = nn.Checkpoint(tmp_path / name, every=3)
        return train(world, epochs=3, checkpoint=checkpoint, resume=True, callbacks=callbacks)

    def together(n, name, crash=None):
        return nn.mpi.simulate(n, lambda world: run(world, name, crash), gradient_bits=16)

    whole = same_on_all(together(2, "whole"))
    with pytest.raises(InterruptedError):
        together(2, "cut", 12)
    shutil.copytree(tmp_path / "cut", tmp_path / "other")
    shutil.copytree(tmp_path / "cut", tmp_path / "one")
    agree(same_on_all(together(2, "cut")), whole, 0)
    for n, name in ((3, "other"), (1, "one")):
        with pytest.warns(UserWarning, match="so the weights differ slightly"):
            agree(same_on_all(together(n, name)), whole, 0.05)


def test_shares_are_resumed_with_another_number_of_processes(tmp_path):
    def run(world, epochs):
        own = slice(world.rank, None, world.size)
        options = {"shuffle": False, "checkpoint": tmp_path / "run", "resume": True, "epochs": epochs}
        return train(world, examples=(X[own], y[own]), validation_data=(X[own], y[own]), **options)

    nn.mpi.simulate(2, lambda world: run(world, 1))
    with pytest.warns(UserWarning, match="so the last digits may differ"):
        found = same_on_all(nn.mpi.simulate(3, lambda world: run(world, 3)))
    agree(found, train(shuffle=False, epochs=3, validation_data=(X, y)))


ONE, OTHER = "the textbook with kernels and 1 thread", "the compiled engine with 2 threads"
SIXTEEN = "2 processes that send gradients of 16 bits"


@for_each(
    "before, now, told, remedies",
    [
        (ONE, OTHER, f"made by {ONE}, and continues with {OTHER}, so the last digits may differ", "engine"),
        (
            f"2 processes, each with {ONE}",
            f"3 processes, each with {ONE}",
            "made by 2 processes, and continues with 3 processes, so the last digits may differ",
            "processes",
        ),
        (
            f"2 processes, each with {ONE}",
            f"2 processes, each with {OTHER}",
            f"{ONE}, and continues with {OTHER}",
            "engine",
        ),
        (ONE, f"3 processes, each with {ONE}", "made by a single process, and continues with 3 processes", "processes"),
        (
            f"{SIXTEEN}, each with {ONE}",
            f"2 processes, each with {ONE}",
            f"made by {SIXTEEN}, and continues with 2 processes, so the weights differ slightly",
            "processes",
        ),
        (f"2 processes, each with {ONE}", OTHER, f"2 processes, each with {ONE}, and", "processes engine"),
    ],
)
def test_a_warning_names_what_is_rounded_otherwise_and_nothing_else(before, now, told, remedies):
    with pytest.warns(UserWarning, match="^checkpoint: the training was made by ") as caught:
        _compare_rounding(before, now)
    (warning,) = caught
    message = str(warning.message)
    assert told in message
    assert ("start the same number of processes" in message) == ("processes" in remedies)
    assert ("use the same engine" in message) == ("NNLITE_NUM_THREADS" in message) == ("engine" in remedies)


def test_examples_of_another_dtype_are_resumed_if_they_are_the_same_in_the_network(tmp_path):
    def run(world, epochs, labels=y):
        own = X if world.rank else X.astype(np.float32)
        model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
        options = {"checkpoint": tmp_path / "run", "resume": True, "validation_data": (own, y)}
        return model.fit(own, labels, epochs=epochs, progress=False, parallel=world, **options).resumed_at

    nn.mpi.simulate(2, lambda world: run(world, 1))
    assert nn.mpi.simulate(2, lambda world: run(world, 2)) == [1, 1]
    for message in errors_of(2, lambda world: run(world, 3, np.roll(y, 1))):
        assert "is of another training, with data" in message


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
        return train(
            world, examples=(examples,), batch_size=16, checkpoint=checkpoint, resume=True, callbacks=callbacks
        )

    whole = same_on_all(nn.mpi.simulate(2, lambda world: run(world, "whole")))
    with pytest.raises(InterruptedError):
        nn.mpi.simulate(2, lambda world: run(world, "cut", 9))
    agree(same_on_all(nn.mpi.simulate(2, lambda world: run(world, "cut"))), whole, 0)

    def run_other(world):
        return run(nn.mpi.World(), "cut")

    with pytest.raises(nn.ArgumentError, match="is of another training, with batches"):
        nn.mpi.simulate(1, run_other)
