"""Batches to which each process contributes from examples of its own."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

from collections.abc import Iterator, Sequence

import numpy as np

from nnlite.checks import Array
from nnlite.counters import draw_key
from nnlite.fitting.batches import Arrays
from nnlite.fitting.together import Together
from nnlite.network.examples import Examples
from nnlite.network.signature import Signature
from nnlite.parallel.world import World


class Share(Arrays):
    """The batches of examples that are spread over the processes.

    All examples together have one order, in which those of the processes alternate as evenly as their numbers allow.
    A batch is ``batch_size`` examples of this order. If process r of n has the examples r, r + n, r + 2 n, ... of a
    data set, then this is the order of the data set.

    Parameters
    ----------
    signature, examples, shuffle
        As for `Arrays`.
    batch_size : int or None
        Examples of all processes in a step.
    world : World
    together : Together

    Attributes
    ----------
    sizes : list of int
        How many examples each process has in the present batch.
    """

    def __init__(
        self,
        signature: Signature,
        examples: Examples,
        batch_size: int | None,
        shuffle: bool,
        *,
        world: World,
        together: Together,
    ) -> None:
        total = sum(together.sizes)
        super().__init__(signature, examples, None, False)
        self.batch_size = total if batch_size is None else min(batch_size, total)
        self.n_batches = self.at_once = -(-total // self.batch_size)
        self.n_steps = self.n_batches
        self.total, self.rank, self.weighted = total, world.rank, together.weighted
        self.shuffle = shuffle and self.batch_size < total
        ends = np.minimum(np.arange(self.n_batches + 1) * self.batch_size, total)
        self._cuts = np.stack([_first_at(ends, rank, together.sizes) for rank in range(world.size)])
        self.sizes: list[int] = []
        self._order: Array | None = None

    def begin(self, rng: np.random.Generator) -> None:
        """Begin an epoch: draw its order. All processes draw the same key, and each its own order from it."""
        self._order = None
        if self.shuffle:
            own = np.random.Generator(np.random.Philox(key=np.array([draw_key(rng), self.rank], np.uint64)))
            self._order = own.permutation(self.examples.size)

    def batches(self, skip: int = 0) -> Iterator[Examples]:
        """Yield what this process contributes to each batch of the epoch; it may be nothing."""
        rows = np.arange(self.examples.size) if self.examples.rows is None else self.examples.rows
        rows = rows if self._order is None else rows[self._order]
        own = self.examples._replace(rows=rows)
        for k in range(skip, self.n_batches):
            self.sizes = (self._cuts[:, k + 1] - self._cuts[:, k]).tolist()
            yield own.batch(slice(*self._cuts[self.rank, k : k + 2]))

    def describe(self) -> str:
        """Describe what must be the same when a training is resumed."""
        return f"of {self.batch_size} of {self.total} examples, {'' if self.shuffle else 'not '}shuffled, in shares"

    def fingerprint(self) -> str:
        """Return a fixed text: with another number of processes, each has another share."""
        return "in shares"


def parts_of_batch(batch_size: int, of_all: Sequence[int]) -> list[int]:
    """Return how many of the examples of a batch come from each process, in proportion to what it has; at least 1."""
    size = min(batch_size, sum(of_all))
    exact = size * np.array(of_all) / sum(of_all)
    parts = np.floor(exact).astype(int)
    largest_remainders = np.argsort(parts - exact, kind="stable")[: size - parts.sum()]
    parts[largest_remainders] += 1
    return [max(1, part) for part in parts.tolist()]


def _first_at(positions: Array, rank: int, of_all: Sequence[int]) -> Array:
    """Return how many examples of a process come before each of these positions in the order of all.

    Example j of M_r has the place (j + 1/2) / M_r; of two at the same place, that of the lower rank comes first.
    """
    M = of_all[rank]
    j = np.arange(M, dtype=np.int64)
    before = j.copy()
    for other, n in enumerate(of_all):
        if other != rank:
            numerator, denominator = (2 * j + 1) * n - M, 2 * M
            before += numerator // denominator + 1 if other < rank else -(-numerator // denominator)
    return np.searchsorted(before, positions)
