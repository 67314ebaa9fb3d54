"""The batches of an epoch, in the order that scikit-learn draws."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.fitting.batches import Arrays
from nnlite.fitting.streams import Stream
from nnlite.network.examples import Examples, contiguous
from nnlite.network.network import Network

BeginEpoch = Callable[[Array], None]


class Order:
    """The order of the examples: each epoch shuffles the order of the epoch before, as in scikit-learn.

    Parameters
    ----------
    rows : ndarray of int
        The training examples.
    batch_size : int
    weights : ndarray or None
        Of all examples.
    random_state : numpy.random.RandomState or None
        None keeps the order.
    begin_epoch : callable
        Called with the sums of the weights in the batches of the epoch.
    """

    def __init__(
        self, rows: Array, batch_size: int, weights: Array | None, random_state: Any, begin_epoch: BeginEpoch
    ) -> None:
        self.rows, self.batch_size, self.weights = rows, batch_size, weights
        self._random_state, self._begin_epoch = random_state, begin_epoch

    def next(self) -> Array:
        """Begin an epoch, and return its rows."""
        if self._random_state is not None:
            order = np.arange(len(self.rows))
            self._random_state.shuffle(order)
            self.rows = self.rows[order]
        starts = np.arange(0, len(self.rows), self.batch_size)
        ones = np.ones(len(self.rows)) if self.weights is None else self.weights[self.rows]
        self._begin_epoch(np.add.reduceat(ones, starts))
        return self.rows


class Rows(Arrays):
    """The batches of an array."""

    def __init__(self, network: Network, examples: Examples, order: Order) -> None:
        super().__init__(network.signature, examples._replace(rows=order.rows), order.batch_size, shuffle=False)
        self._order = order

    def begin(self, rng: np.random.Generator) -> None:
        """Begin an epoch: draw its order."""
        self._in_order = self.examples._replace(rows=self._order.next())


class SparseRows:
    """The batches of a sparse matrix: each is made dense when its turn comes. Every iteration is an epoch."""

    def __init__(self, X: Any, y: Array, order: Order) -> None:
        self._X, self._y, self._order = X, y, order

    def __len__(self) -> int:
        return math.ceil(len(self._order.rows) / self._order.batch_size)

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        rows, weights = self._order.next(), self._order.weights
        for start in range(0, len(rows), self._order.batch_size):
            batch = rows[start : start + self._order.batch_size]
            arrays = self._X[batch].toarray(), self._y[batch]
            yield arrays if weights is None else (*arrays, weights[batch])


def make_source(network: Network, X: Any, y: Array, order: Order) -> Arrays | Stream:
    """Return the source of the batches of a training."""
    if isinstance(X, np.ndarray):
        return Rows(network, Examples(contiguous(X), y, order.weights), order)
    return Stream(network, SparseRows(X.tocsr(), y, order), None, shuffle=False)
