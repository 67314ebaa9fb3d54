"""The order in which the rows of an epoch are read: blocks in random order, some of them in memory at once.

A **window** is as many blocks as memory is given for. The blocks of an epoch are drawn at random, window after window;
within a window each order of the rows is as likely as any other.
"""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import copy
from typing import NamedTuple

import numpy as np

from nnlite import counters
from nnlite.checks import Array

KEY = 2**64


class Share(NamedTuple):
    """The rule that holds examples out: that of row i if a random number of i is below the fraction.

    The random number depends on the seed and on i alone, so that another run holds out the same rows, and nothing has
    to be kept in memory.

    Attributes
    ----------
    key : int
    fraction : float
    held_out : bool
        Whether this is the part that is held out, or what is left.
    """

    key: int
    fraction: float
    held_out: bool

    def rows(self, start: int, stop: int) -> Array:
        """Return for each of the rows ``start:stop`` whether it belongs to this part."""
        key = np.uint64((self.key + start * int(counters.GAMMA)) % KEY)
        below = counters.random_bits(key, stop - start) < np.uint64(int(self.fraction * KEY))
        return below if self.held_out else ~below


def share_key(seed: int, depth: int) -> int:
    """Return the key of a split; ``depth`` counts the splits of a part before it."""
    state = np.random.SeedSequence(seed, spawn_key=(1, depth)).generate_state(1, np.uint64)
    return int(state[0])


def selected(shares: tuple[Share, ...], start: int, stop: int) -> Array | None:
    """Return which of the rows ``start:stop`` belong to all of the shares; None for each of them."""
    kept: Array | None = None
    for share in shares:
        rows = share.rows(start, stop)
        kept = rows if kept is None else kept & rows
    return kept


def all_of(shares: tuple[Share, ...], start: int, stop: int) -> Array:
    """Return the same as an array, also without shares."""
    kept = selected(shares, start, stop)
    return np.ones(stop - start, bool) if kept is None else kept


class Order:
    """The order of one epoch.

    Parameters
    ----------
    counts : ndarray of int, (n_blocks,)
        How many rows each block has.
    window : int
        Most rows of a window, but for the block that fills it.
    key : int or None
        Draws the order; None keeps that of the data.

    Attributes
    ----------
    windows : list of ndarray
        The blocks of each window, in the order of the data.
    starts : ndarray, (n_windows + 1,)
        The place in the epoch of the first row of each window, and the number of all rows.
    """

    def __init__(self, counts: Array, window: int, key: np.uint64 | None) -> None:
        self._key = key
        blocks = np.arange(len(counts)) if key is None else self._generator(0).permutation(len(counts))
        blocks = blocks[counts[blocks] > 0]
        first = np.cumsum(counts[blocks]) - counts[blocks]
        number = first // max(1, window)
        cuts = np.flatnonzero(np.diff(number)) + 1
        self.windows = [np.sort(part) for part in np.split(blocks, cuts)]
        self.starts = np.cumsum([0, *(int(counts[part].sum()) for part in self.windows)])
        self._drawn, self._n_together = self.starts, 1

    def together(self, n: int) -> Order:
        """Return the same order of the rows, in which n windows are read at once, as one."""
        order = copy.copy(self)
        order.windows = [np.concatenate(self.windows[i : i + n]) for i in range(0, len(self.windows), n)]
        order.starts = np.append(self.starts[:-1:n], self.starts[-1])
        order._n_together = n * self._n_together
        return order

    def rows(self, window: int) -> Array:
        """Return the rows of a window in their order, counted within the window."""
        first, last = window * self._n_together, min((window + 1) * self._n_together, len(self._drawn) - 1)
        return np.concatenate([self._permuted(i) + (self._drawn[i] - self._drawn[first]) for i in range(first, last)])

    def window_at(self, place: int) -> int:
        """Return the window with the row at a place in the epoch."""
        return int(np.searchsorted(self.starts, place, side="right")) - 1

    def _permuted(self, window: int) -> Array:
        n = int(self._drawn[window + 1] - self._drawn[window])
        return np.arange(n) if self._key is None else self._generator(window + 1).permutation(n)

    def _generator(self, number: int) -> np.random.Generator:
        assert self._key is not None
        return np.random.Generator(np.random.Philox(key=np.array([self._key, number], np.uint64)))
