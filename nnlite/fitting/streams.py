"""Batches from an iterable, a sequence or a generator."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.network.examples import Examples
from nnlite.network.foreign import Rows, adapted, why_not_restored
from nnlite.network.knowledge import is_table
from nnlite.network.network import Network
from nnlite.network.signature import Signature
from nnlite.network.sources import check_batch, length_of, parts_of
from nnlite.tables.labels import ClassIndices

END = object()  # marks the end of a source
KEPT = 1000  # examples of the first batches are kept,
KEPT_NUMBERS = 2**20  # but not more numbers than that


class Stream:
    """Batches ``(X, y)``, ``(X, y, sample_weight)`` or dictionaries from an iterable, a sequence, or a generator.

    With ``shuffle``, a sequence (which has a length and items by number) is visited in another order in each epoch; its
    method ``on_epoch_end`` is called if it has one. Another iterable is started again in each epoch. A generator, or
    another iterator without a length, continues where it is, and needs ``steps_per_epoch``.

    A source with an order of its own needs the methods ``get_state`` and ``set_state(state)``, so that a checkpoint can
    restore the order. A generator is started again, and the batches that were used before are skipped. foreign.py
    knows the sources of PyTorch and Hugging Face.

    Parameters
    ----------
    network : Network
        Takes the batches; it may be unbuilt.
    source : iterable
    steps_per_epoch : int or None
    shuffle : bool
    batch_size : int, optional
        For a data set of Hugging Face, whose rows are examples.

    Attributes
    ----------
    signature : Signature
        What the network takes, from the first batch.
    n_steps : int or None
        Number of batches in an epoch; None if it is unknown until the source ends.
    first : Examples
        The first example.
    batch_size : int
        Number of examples of the first batch.
    """

    def __init__(
        self,
        network: Network,
        source: Any,
        steps_per_epoch: int | None,
        shuffle: bool,
        batch_size: int | None = None,
    ) -> None:
        self.source = source = adapted(source, batch_size)
        self.shuffle = shuffle
        self.n_steps = _n_steps(source, steps_per_epoch)
        self._is_sequence = hasattr(source, "__getitem__") and hasattr(source, "__len__")
        self._state_at_start = source.get_state() if _has_state(source) else None
        self._kept: list[Examples] = []
        self._n_kept = 0
        self._n_taken = 0  # batches taken from a generator, in all epochs
        self._continues = False  # whether the next epoch continues where this one ends
        self._begun: Iterator[Any] | None = None
        first = self._first()
        if first is END:
            raise ArgumentError("X: the source of batches is empty")
        X, y, _ = parts_of(first, "batch 0", network.encoding)
        if network.encoding is None and is_table(X):
            raise ArgumentError(
                "batch 0 X: is a table, and one batch does not tell what other batches hold; let the network know its "
                "columns first, from a table with all categories: model.encoding = nn.Encoding.learn(table)"
            )
        self.signature = _naming(network.signature_for(X, "batch 0 X"), y)
        checked = check_batch(self.signature, first, "batch 0")
        self.first = Examples(checked.X[:1].copy(), checked.y[:1].copy(), None)
        self.batch_size = checked.size
        self._most_kept = min(KEPT, KEPT_NUMBERS // checked.X[0].size)

    def _first(self) -> Any:
        """Return the first batch, which the first epoch gets as well."""
        if self._is_sequence:
            return self.source[0]
        iterator = iter(self.source)
        self._continues = iterator is self.source
        if self._continues and self.n_steps is None:
            raise ArgumentError(
                "steps_per_epoch: expected a number, because a generator does not tell how long an epoch is"
            )
        first = next(iterator, END)
        self._begun = _with_first(first, iterator)
        return first

    def sample(self) -> Examples:
        """Return some examples in the form that the batches have."""
        return self.first

    @property
    def first_y(self) -> Array:
        """The target of the first example."""
        return self.sample().y

    def begin(self, rng: np.random.Generator) -> None:
        """Begin an epoch: draw its order."""
        self._batches = self._numbered(rng)

    def batches(self, skip: int = 0) -> Iterator[Examples]:
        """Yield the batches of the epoch, without the first ``skip``."""
        self._n_taken += skip
        for number, batch in itertools.islice(self._batches, skip, self.n_steps):
            self._n_taken += 1
            checked = check_batch(self.signature, batch() if self._is_sequence else batch, f"batch {number}")
            if self._n_kept < self._most_kept:
                self._keep(checked)
            yield checked
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()

    def _keep(self, batch: Examples) -> None:
        """Keep a copy of some examples, by which `fit` judges the training."""
        n = min(batch.size, self._most_kept - self._n_kept)
        weights = None if batch.weights is None else batch.weights[:n].copy()
        self._kept.append(Examples(batch.X[:n].copy(), batch.y[:n].copy(), weights))
        self._n_kept += n

    def some(self, n: int) -> Examples | None:
        """Return up to n examples of the first batches; None if there were none yet."""
        kept = [part for part in self._kept if part.y.ndim == self._kept[0].y.ndim]
        if not kept:
            return None
        weights = None
        if any(part.weights is not None for part in kept):
            weights = np.concatenate([np.ones(part.size) if part.weights is None else part.weights for part in kept])
        X, y = np.concatenate([part.X for part in kept]), np.concatenate([part.y for part in kept])
        return Examples(X, y, weights).some(n)

    def _numbered(self, rng: np.random.Generator) -> Iterator[tuple[int, Any]]:
        """Yield each batch with its place in the sequence or, without a sequence, in the epoch."""
        if self._is_sequence:
            n = len(self.source)
            order = map(int, rng.permutation(n) if self.shuffle else range(n))
            return ((i, partial(self.source.__getitem__, i)) for i in order)
        if isinstance(self.source, Rows):
            self._begun = None
            return enumerate(self.source.in_order(rng if self.shuffle else None))
        batches, self._begun = self._begun or iter(self.source), None
        return enumerate(batches)

    def describe(self) -> str:
        """Describe what must be the same when a training is resumed."""
        steps = "" if self.n_steps is None else f" of {self.n_steps}"
        return f"from a {type(self.source).__name__}{steps}, {'' if self.shuffle else 'not '}shuffled"

    def fingerprint(self) -> str:
        """Return a fixed text: batches to come have no checksum."""
        return "not known"

    def why_not_restored(self) -> str | None:
        """Return why a checkpoint cannot restore the order of the batches; None if it can, or if nobody knows."""
        return None if self._is_sequence else why_not_restored(self.source)

    def get_state(self) -> Any:
        """Return the state of the source, or how many batches a generator has given."""
        if _has_state(self.source):
            return self._state_at_start if self._begun else self.source.get_state()
        return self._n_taken

    def set_state(self, state: Any) -> None:
        """Restore the state returned by `get_state`; a generator skips the batches that were used before."""
        if _has_state(self.source):
            self.source.set_state(state)
            self._begun = None
        elif self._continues:
            for _ in itertools.islice(self._begun or self.source, state):
                pass
            self._n_taken = state


def _naming(signature: Signature, y: Any) -> Signature:
    """Return the signature with the names of the classes, if the network has none and those of the source fit it."""
    knowledge = signature.knowledge
    if knowledge.class_names is None and isinstance(y, ClassIndices) and len(y.names) == signature.n_classes:
        return signature._replace(knowledge=knowledge._replace(class_names=y.names))
    return signature


def _has_state(source: Any) -> bool:
    """Whether the source can return and restore its state."""
    return hasattr(source, "get_state") and hasattr(source, "set_state")


def _n_steps(source: Any, steps_per_epoch: int | None) -> int | None:
    """Return the number of batches in an epoch; None if it is unknown until the source ends."""
    length = length_of(source)
    if length is None:
        return steps_per_epoch
    if length == 0:
        raise ArgumentError("X: the source of batches is empty")
    if steps_per_epoch is not None and steps_per_epoch > length:
        raise ArgumentError(f"steps_per_epoch: expected at most {length}, as the source has, got {steps_per_epoch}")
    return length if steps_per_epoch is None else steps_per_epoch


def _with_first(first: Any, iterator: Iterator[Any]) -> Iterator[Any]:
    """Yield ``first``, then the rest. It never calls ``iter``, which would restart some iterators."""
    batch = first
    while batch is not END:
        yield batch
        batch = next(iterator, END)
