"""Batches of arrays: those of `fit`, and `nnlite.batches` for your own loop."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.network.examples import Examples, check_lengths, check_weights, check_X
from nnlite.network.signature import Signature

Reader = Callable[[int, int], Examples]


class Numbered:
    """Batches that can be had by their numbers in the epoch. `Arrays` has those of a data set in memory.

    Attributes
    ----------
    signature : Signature
        What the network takes.
    batch_size : int
    n_batches, n_steps : int
        Number of batches in an epoch.
    at_once : int
        How many batches `several` should return at most.
    """

    signature: Signature
    batch_size: int
    n_batches: int
    n_steps: int | None
    at_once: int

    @property
    def first_y(self) -> Array:
        """The target of the first example."""
        return self.sample().y[:1]

    @property
    def labels(self) -> Array:
        """Targets that tell which classes there are."""
        raise NotImplementedError

    def sample(self) -> Examples:
        """Return some examples in the form that the batches have."""
        raise NotImplementedError

    def begin(self, rng: np.random.Generator) -> None:
        """Begin an epoch: draw its order."""
        raise NotImplementedError

    def batches(self, skip: int = 0) -> Iterator[Examples]:
        """Yield the batches of the epoch, without the first ``skip``."""
        raise NotImplementedError

    def reader(self, *, ahead: bool = True) -> AbstractContextManager[Reader]:
        """Return a context that gives the examples of n batches, from batch ``first`` on: ``several(first, n)``.

        ``ahead`` allows threads that prepare the next batches meanwhile.
        """
        raise NotImplementedError

    def n_together(self, first: int) -> int:
        """Return how many batches, from batch ``first`` on, are best taken with one call of `several`."""
        return self.at_once

    def some(self, n: int) -> Examples:
        """Return up to n examples, evenly spread."""
        raise NotImplementedError

    def describe(self) -> str:
        """Describe what must be the same when a training is resumed."""
        raise NotImplementedError

    def fingerprint(self) -> str:
        """Return a checksum that identifies the data."""
        raise NotImplementedError

    def why_not_restored(self) -> None:
        """Return None: a checkpoint restores the order."""

    def get_state(self) -> None:
        """Return None: the random generator alone decides the next order."""

    def set_state(self, state: None) -> None:
        """Do nothing: there is no state."""


class Arrays(Numbered):
    """The batches of a data set in memory.

    Parameters
    ----------
    signature : Signature
        What the network takes.
    examples : Examples
    batch_size : int or None
        None, or more than there are examples, makes one batch of all.
    shuffle : bool
        Whether each epoch has another order. One batch of all examples keeps their order.

    Attributes
    ----------
    n_steps : int
        Number of batches in an epoch.
    at_once : int
        How many batches `several` should return at most.
    """

    def __init__(self, signature: Signature, examples: Examples, batch_size: int | None, shuffle: bool) -> None:
        self.signature = signature
        self.examples = examples
        self.batch_size = examples.size if batch_size is None else min(batch_size, examples.size)
        self.n_batches = math.ceil(examples.size / self.batch_size)
        self.n_steps = self.n_batches
        self.at_once = self.n_batches
        self.shuffle = shuffle and self.batch_size < examples.size
        self._in_order = examples

    @property
    def labels(self) -> Array:
        """The targets."""
        return self.examples.y

    def sample(self) -> Examples:
        """Return some examples in the form that the batches have."""
        return self.several(0, 1)

    def begin(self, rng: np.random.Generator) -> None:
        """Begin an epoch: draw its order."""
        self._in_order = self.examples
        if self.shuffle:
            order, rows = rng.permutation(self.examples.size), self.examples.rows
            self._in_order = self.examples._replace(rows=order if rows is None else rows[order])

    def batches(self, skip: int = 0) -> Iterator[Examples]:
        """Yield the batches of the epoch, without the first ``skip``."""
        for start in range(skip * self.batch_size, self.examples.size, self.batch_size):
            yield self._in_order.batch(slice(start, start + self.batch_size))

    def several(self, first: int, n: int) -> Examples:
        """Return the examples of n batches of the epoch, beginning with batch ``first``, in their order."""
        examples = self._in_order
        part = slice(first * self.batch_size, min((first + n) * self.batch_size, examples.size))
        return examples._replace(
            rows=np.arange(part.start, part.stop) if examples.rows is None else examples.rows[part]
        )

    def reader(self, *, ahead: bool = True) -> AbstractContextManager[Reader]:
        """Return a context that gives `several`, for the whole epoch; nothing has to be prepared ahead."""
        return nullcontext(self.several)

    def some(self, n: int) -> Examples:
        """Return up to n examples, evenly spread."""
        return self.examples.some(n)

    def describe(self) -> str:
        """Describe what must be the same when a training is resumed."""
        return f"of {self.batch_size} of {self.examples.size} examples, {'' if self.shuffle else 'not '}shuffled"

    def fingerprint(self) -> str:
        """Return a checksum that identifies the data."""
        return self.examples.fingerprint()


class Batches:
    """The iterable that `batches` returns."""

    def __init__(
        self, X: Array, y: Array, weights: Array | None, batch_size: int, rng: np.random.Generator | None
    ) -> None:
        self._X, self._y, self._weights = X, y, weights
        self._batch_size = batch_size
        self._rng = rng

    def __len__(self) -> int:
        return math.ceil(len(self._X) / self._batch_size)

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        n = len(self._X)
        order = np.arange(n) if self._rng is None else self._rng.permutation(n)
        for start in range(0, n, self._batch_size):
            rows = order[start : start + self._batch_size]
            arrays = (self._X, self._y) if self._weights is None else (self._X, self._y, self._weights)
            yield tuple(array[rows] for array in arrays)

    def get_state(self) -> Any:
        """Return the state of the generator that draws the next order, for a checkpoint."""
        return None if self._rng is None else self._rng.bit_generator.state

    def set_state(self, state: Any) -> None:
        """Restore the state returned by `get_state`."""
        if self._rng is not None:
            self._rng.bit_generator.state = state


def batches(
    X: Any,
    y: Any,
    batch_size: int = 32,
    seed: int | None = None,
    *,
    shuffle: bool = True,
    sample_weight: Any = None,
) -> Batches:
    """Return the batches of a data set, for your own training loop or for `Model.fit`.

    Parameters
    ----------
    X : array_like, (M, ...)
    y : array_like, (M,) or (M, C)
    batch_size : int, default 32
        The last batch has the remaining examples.
    seed : int, optional
        Seed of the order. By default every run has another order.
    shuffle : bool, default True
        Draw a new order for each iteration; False keeps the order of X.
    sample_weight : array_like, (M,), optional
        The batches are then ``(X, y, sample_weight)``.

    Returns
    -------
    iterable of (X, y)
        You can iterate over it any number of times. Its length is the number of batches. The arrays are new ones.

    Raises
    ------
    ArgumentError
        If the lengths differ or an argument has a wrong value.

    Examples
    --------
    >>> import nnlite as nn
    >>> [y.tolist() for X, y in nn.batches([[1.0], [2.0], [3.0]], [0, 1, 2], batch_size=2, shuffle=False)]
    [[0, 1], [2]]
    """
    X, y = check_X(X, None, np.float64), checks.numeric_array("y", y)
    if y.ndim == 0:
        raise ArgumentError(f"y: expected {len(X)} labels, one for each row of X {X.shape}, got the number {y}")
    check_lengths(X, y)
    checks.finite("y", y)
    weights = check_weights(sample_weight, len(X))
    size = checks.integer("batch_size", batch_size)
    seed = None if seed is None else checks.integer("seed", seed, minimum=0)
    rng = np.random.default_rng(seed) if checks.boolean("shuffle", shuffle) else None
    return Batches(X, y, weights, size, rng)
