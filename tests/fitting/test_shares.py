"""Batches of examples that are spread over processes."""

import numpy as np

import nnlite as nn
from nnlite.fitting.shares import Share, parts_of_batch
from nnlite.fitting.together import Together
from nnlite.network.examples import Examples

from ..support import for_each, network


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
