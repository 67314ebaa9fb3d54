"""Batches of examples that are spread over processes."""

import warnings

import numpy as np
import pytest

import nnlite as nn
from nnlite.fitting import together
from nnlite.fitting.shares import Share, parts_of_batch
from nnlite.fitting.together import Together
from nnlite.network.examples import Examples

from ..support import for_each, network
from .processes import X, errors_of, train, y


def rows_of_batches(sizes, batch_size, shuffle=False):
    """Which examples each process contributes to each batch: numbers[k][rank]."""
    signature = network().signature

    def share(world):
        M = sizes[world.rank]
        examples = Examples(np.arange(4.0 * M).reshape(M, 4), np.arange(M))
        found = Share(signature, examples, batch_size, shuffle, world=world, together=Together(False, sizes=sizes))
        found.begin(np.random.default_rng(3))
        batches = [(batch.y.tolist(), found.sizes) for batch in found.batches()]
        assert len(batches) == found.n_steps
        assert [batch.y.tolist() for batch in found.batches(skip=1)] == [y for y, _ in batches[1:]]
        assert all(sizes[world.rank] == len(y) for y, sizes in batches)
        return [y for y, _ in batches]

    return list(zip(*nn.mpi.simulate(len(sizes), share), strict=True))


@for_each("M, n, batch_size", [(100, 2, 8), (101, 3, 30), (331, 3, 32), (7, 4, 3), (10, 3, 100), (12, 5, 1)])
def test_every_nth_example_makes_the_batches_of_the_whole(M, n, batch_size):
    sizes = [len(range(rank, M, n)) for rank in range(n)]
    for k, of_ranks in enumerate(rows_of_batches(sizes, batch_size)):
        of_whole = [rank + n * j for rank, rows in enumerate(of_ranks) for j in rows]
        assert sorted(of_whole) == list(range(k * batch_size, min(M, (k + 1) * batch_size)))


@for_each(
    "batch_size, sizes, expected",
    [
        (100, [50, 50], [50, 50]),
        (100, [300, 100], [75, 25]),
        (100, [30, 10], [30, 10]),
        (10, [1, 1, 1], [1, 1, 1]),  # there are only 3 examples
        (10, [100, 100, 100], [4, 3, 3]),
        (10, [1, 1000], [1, 10]),  # nobody contributes nothing
        (7, [33, 33, 34], [2, 2, 3]),
    ],
)
def test_a_batch_takes_from_each_process_in_proportion(batch_size, sizes, expected):
    assert parts_of_batch(batch_size, sizes) == expected


@for_each("sizes", [[5, 100, 40], [1, 1, 1], [64, 1], [3, 200, 7, 30]])
def test_shares_of_unequal_size_are_spread_over_the_epoch(sizes):
    batches = rows_of_batches(sizes, 16, shuffle=True)
    for rank, M in enumerate(sizes):
        own = [row for of_ranks in batches for row in of_ranks[rank]]
        assert sorted(own) == list(range(M))  # each once
        if M > 16:
            assert own != sorted(own)
        for k in range(len(batches)):
            expected = M * 16 * (k + 1) / sum(sizes)
            assert abs(sum(len(of_ranks[rank]) for of_ranks in batches[: k + 1]) - min(M, expected)) <= len(sizes)
    assert {sum(map(len, of_ranks)) for of_ranks in batches[:-1]} <= {16}


def test_processes_shuffle_differently_and_keep_the_generator_in_step():
    a, b = zip(*rows_of_batches([50, 50], 10, shuffle=True), strict=True)
    assert a != b


# ---- the same examples, or shares ------------------------------------------------------------------------------------


def shown_by(n, capsys, examples, **options):
    """Train in n processes on ``examples(rank)``; return what is shown, and whether the history tells of shares."""

    def run(world):
        return train(world, examples=examples(world.rank), epochs=1, progress=True, **options)[1].shares

    shares = nn.mpi.simulate(n, run)
    assert len({*shares}) == 1
    return capsys.readouterr().err.splitlines()[0], shares[0]


def test_the_first_process_says_whether_all_have_the_same_examples(capsys):
    many = np.tile(X, (15, 1)), np.tile(y, 15)
    assert shown_by(2, capsys, lambda rank: many) == ("2 processes share the same 1,515 examples", False)
    told = "3 processes with examples of their own, 101 together"
    assert shown_by(3, capsys, lambda rank: (X[rank::3], y[rank::3])) == (told, True)
    order = np.random.default_rng(0).permutation(len(X))
    told = "2 processes with examples of their own, 202 together"
    assert shown_by(2, capsys, lambda rank: (X[order], y[order]) if rank else (X, y)) == (told, True)
    batches = [(X[:20], y[:20]), (X[20:40], y[20:40])]
    told = "2 processes share the same source of batches"
    assert shown_by(2, capsys, lambda rank: (batches,), batch_size=None) == (told, False)
    told = "2 processes with sources of batches of their own"
    assert shown_by(2, capsys, lambda rank: (batches[:: 1 - 2 * rank],), batch_size=None) == (told, True)
    train(examples=(X, y), epochs=1, progress=True)
    assert "process" not in capsys.readouterr().err


def test_floats_that_are_the_same_in_the_network_are_the_same_examples(monkeypatch):
    monkeypatch.setattr(together, "PIECE", 100)  # of a few rows

    def run(world, dtype):
        own = X if world.rank else X.astype(np.float32)
        model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0, dtype=dtype)
        weights = np.ones(len(X), np.float64 if world.rank else np.float32)
        return model.fit(own, y, sample_weight=weights, epochs=1, progress=False, parallel=world).shares

    assert nn.mpi.simulate(2, lambda world: run(world, "float32")) == [False, False]
    assert nn.mpi.simulate(2, lambda world: run(world, "float64")) == [True, True]


@for_each("differing", ["y", "sample_weight", "y and sample_weight"])
def test_the_same_X_with_other_labels_or_weights_is_a_likely_mistake(differing):
    def run(world):
        own = y if world.rank == 0 or "y" not in differing.split() else np.roll(y, 1)
        weights = np.ones(len(X)) + ("sample_weight" in differing) * world.rank
        return train(world, examples=(X, own), sample_weight=weights, epochs=1)

    with pytest.warns(nn.TrainingWarning) as caught:
        nn.mpi.simulate(2, run)
    (warning,) = caught  # of the first process
    assert str(warning.message).startswith(
        f"parallel: the 2 processes have the same X, and {differing} differs, so they train on 202 examples"
    )


def test_an_output_is_wide_only_if_no_process_has_the_other_classes():
    labels = np.arange(200) % 10
    inputs = np.random.default_rng(0).standard_normal((200, 4))

    def run(world, highest):
        own = (labels < 5) == (world.rank == 0)
        own &= labels <= highest
        model = nn.Model([nn.Dense(10), nn.Softmax()], seed=0)
        model.fit(inputs[own], labels[own], epochs=1, progress=False, parallel=world)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.mpi.simulate(2, lambda world: run(world, 9))
    with pytest.warns(nn.TrainingWarning, match="y has only the classes 0..5"):
        nn.mpi.simulate(2, lambda world: run(world, 5))


def test_names_of_classes_that_only_another_process_has_are_to_be_given():
    labels = np.array([f"n{k % 10}" for k in range(len(X))])

    def run(world, named=False):
        own = np.arange(len(X)) % 10 // 5 == world.rank
        model = nn.Model([nn.Dense(10), nn.Softmax()], seed=0)
        if named:
            model.class_names = [f"n{k}" for k in range(10)]
        return model.fit(X[own], labels[own], epochs=1, progress=False, parallel=world).shares

    first, second = errors_of(2, run)
    assert first.startswith("y: has 5 classes ('n0', ")
    for rank, message in enumerate((first, second)):
        assert f"This is the y of rank {rank} alone" in message
        assert message.endswith("model.class_names = [...]")
    assert nn.mpi.simulate(2, lambda world: run(world, named=True)) == [True, True]
    with pytest.raises(nn.ArgumentError, match=r"let it end in Dense\(5\), Softmax\(\)$"):
        nn.Model([nn.Dense(10), nn.Softmax()], seed=0).fit(X[:5], labels[:5], epochs=1, progress=False)
