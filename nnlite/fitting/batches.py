"""Where the batches of a training come from: arrays, or anything that gives one batch after the other."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import itertools
import math
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import Cache, Shape
from nnlite.network import examples as data

if TYPE_CHECKING:
    from nnlite.model import Model


class Examples(NamedTuple):
    """Checked examples with their weights (None: all 1): all of them, or those that ``rows`` names."""

    X: Array
    y: Array
    weights: Array | None = None
    rows: Array | None = None

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.X) if self.rows is None else len(self.rows)

    def fingerprint(self) -> str:
        """A number that other examples have not: the CRC-32 of all, and of their order."""
        number = 0
        for array in self:
            if array is not None:
                number = zlib.crc32(np.ascontiguousarray(array).data, number)
        return f"{number:08x}"

    def batch(self, part: slice, cache: Cache) -> Examples:
        """The examples ``part`` of these: views, or gathered into the cache's memory."""
        if self.rows is None:
            return Examples(self.X[part], self.y[part], None if self.weights is None else self.weights[part])
        rows = self.rows[part]
        weights = None if self.weights is None else data.take(self.weights, rows, "weight_rows", cache)
        return Examples(data.take(self.X, rows, "X_rows", cache), data.take(self.y, rows, "y_rows", cache), weights)


class Chunk(NamedTuple):
    """Examples that were gathered at once, and the parts of them that are the batches."""

    examples: Examples
    batches: Sequence[slice]


def check_examples(
    model: Model, X: Any, y: Any, sample_weight: Any = None, *, prefix: str = "", input_shape: Shape | None = None
) -> Examples:
    """X, y and weights as arrays that fit each other and the network (built or not), ready to be gathered from."""
    X = data.check_X(X, input_shape or model.input_shape, model.dtype, f"{prefix}X")
    shapes = model._shapes if model.built else model._infer_shapes(X.shape[1:], f"{prefix}X")
    y = model._check_targets(y, f"{prefix}y", shapes)
    data.check_lengths(X, y, f"{prefix}X", f"{prefix}y")
    weights = data.check_weights(sample_weight, len(X), f"{prefix}sample_weight")
    return Examples(data.gatherable(X), data.gatherable(y), weights)


# what is gathered at once, if a batch has not more: 1 MB of float32 stays in the processor's cache
CHUNK_NUMBERS = 262_144
CHUNK_ROWS = 1024


class Arrays:
    """Batches of arrays that are there as a whole.

    Parameters
    ----------
    examples : Examples
    batch_size : int or None
        None, or more than there are, is all at once.
    shuffle : bool
        Another order in every epoch. The whole data set as one batch keeps its order.
    """

    def __init__(self, examples: Examples, batch_size: int | None, shuffle: bool) -> None:
        self.examples = examples
        self.batch_size = examples.size if batch_size is None else min(batch_size, examples.size)
        self.n_steps: int | None = math.ceil(examples.size / self.batch_size)
        self.shuffle = shuffle and self.batch_size < examples.size

    @property
    def input_shape(self) -> Shape:
        """Shape of one example."""
        return tuple(self.examples.X.shape[1:])

    @property
    def first_y(self) -> Array:
        """Labels of an example, to see what they look like."""
        return self.examples.y[:1]

    def set_up(self) -> str:
        """What must be the same when a training goes on."""
        return f"of {self.batch_size} of {self.examples.size} examples, {'' if self.shuffle else 'not '}shuffled"

    def fingerprint(self) -> str:
        """A number that other data has not."""
        return self.examples.fingerprint()

    def get_state(self) -> None:
        """Nothing but the generator decides about the next epoch."""

    def set_state(self, state: None) -> None:
        """Be as one that gave this state."""

    def begin(self, model: Model) -> None:
        """Begin an epoch: draw its order."""
        self._in_order = self.examples
        if self.shuffle:
            order, rows = model.rng.permutation(self.examples.size), self.examples.rows
            self._in_order = self.examples._replace(rows=order if rows is None else rows[order])

    def chunks(self, model: Model, *, one_by_one: bool = False, skip: int = 0) -> Iterator[Chunk]:
        """Every example once, but for those of the first ``skip`` batches; a chunk is overwritten by the next.

        A chunk has one batch only if ``one_by_one``, else as many as are best gathered at once.
        """
        examples, n, size = self._in_order, self.examples.size, self.batch_size
        cache = model._training_pass().batch
        widest = max(math.prod(self.input_shape), math.prod(model._shapes[-1]))  # an example, or its z[L]
        rows = min(CHUNK_ROWS, CHUNK_NUMBERS // widest)
        n_batches = 1 if one_by_one else max(1, rows // size)
        batches = [slice(start, start + size) for start in range(0, n_batches * size, size)]
        for start in range(skip * size, n, n_batches * size):
            chunk = examples.batch(slice(start, start + n_batches * size), cache)
            yield Chunk(chunk, batches[: math.ceil(chunk.size / size)])


class Stream:
    """Batches ``(X, y)`` or ``(X, y, sample_weight)`` from an iterable, a sequence of batches, or a generator.

    A sequence (with a length and items by number) is visited in another order in every epoch if ``shuffle`` is True,
    and its method ``on_epoch_end`` is called if it has one. Another iterable is begun anew in every epoch; a generator
    or other iterator without a length goes on, and needs ``steps_per_epoch``.

    Where a training is to go on from a checkpoint, a source with an order of its own has methods ``get_state`` and
    ``set_state(state)``; a generator is begun anew and asked for the batches that were taken.
    """

    def __init__(self, model: Model, source: Any, steps_per_epoch: int | None, shuffle: bool) -> None:
        self.source = source
        self.is_sequence = hasattr(source, "__getitem__") and hasattr(source, "__len__")
        self._own_state = source.get_state() if _has_state(source) else None  # before it is looked at
        self._n_taken = 0  # batches that were taken from it, of all epochs
        self._goes_on = False  # whether another epoch goes on where the one before ended
        self.shuffle = shuffle
        self.n_steps = _n_steps(source, steps_per_epoch)
        self._begun: Iterator[Any] | None = None
        if self.is_sequence:
            first = source[0]
        else:
            iterator = iter(source)
            self._goes_on = iterator is source
            if self._goes_on and self.n_steps is None:
                raise ArgumentError("steps_per_epoch: a generator does not say how long an epoch is; expected a number")
            first = next(iterator, END)
            self._begun = _resumed(first, iterator)
        if first is END:
            raise ArgumentError("X: the source of batches is empty")
        checked = check_batch(model, first, 0)
        self.input_shape: Shape = checked.X.shape[1:]
        self.first_y = checked.y[:1]

    def set_up(self) -> str:
        """What must be the same when a training goes on."""
        steps = "" if self.n_steps is None else f" of {self.n_steps}"
        return f"from a {type(self.source).__name__}{steps}, {'' if self.shuffle else 'not '}shuffled"

    def fingerprint(self) -> str:
        """Nothing is known of batches that are to come."""
        return "not known"

    def get_state(self) -> Any:
        """The source's own state, or of a generator how far it is."""
        if _has_state(self.source):
            return self._own_state if self._begun else self.source.get_state()
        return self._n_taken

    def set_state(self, state: Any) -> None:
        """Be as one that gave this state; a generator is asked again for the batches that were taken."""
        if _has_state(self.source):
            self.source.set_state(state)
            self._begun = None
        elif self._goes_on:
            for _ in itertools.islice(self._begun or self.source, state):
                pass
            self._n_taken = state

    def begin(self, model: Model) -> None:
        """Begin an epoch: draw its order."""
        self._batches = self._numbered(model)

    def chunks(self, model: Model, *, one_by_one: bool = True, skip: int = 0) -> Iterator[Chunk]:
        """The batches of one epoch but for the first ``skip``, always one by one."""
        self._n_taken += skip
        for number, batch in itertools.islice(self._batches, skip, self.n_steps):
            self._n_taken += 1
            yield Chunk(check_batch(model, batch() if self.is_sequence else batch, number), [slice(None)])
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()

    def _numbered(self, model: Model) -> Iterator[tuple[int, Any]]:
        """Batches with their places in the sequence or, without one, in the epoch."""
        if self.is_sequence:
            n = len(self.source)
            order = map(int, model.rng.permutation(n) if self.shuffle else range(n))
            return ((i, partial(self.source.__getitem__, i)) for i in order)
        # the first epoch goes on from the batch that has been looked at; a generator goes on at every `iter`
        batches, self._begun = self._begun or iter(self.source), None
        return enumerate(batches)


END = object()  # what no source gives


def _has_state(source: Any) -> bool:
    """Whether the source can say how its next epoch will be, and be put back there."""
    return hasattr(source, "get_state") and hasattr(source, "set_state")


def _n_steps(source: Any, steps_per_epoch: int | None) -> int | None:
    """Batches to an epoch; None if only the end of the source will tell."""
    if not hasattr(source, "__len__"):
        return steps_per_epoch
    length = len(source)
    if length == 0:
        raise ArgumentError("X: the source of batches is empty")
    if steps_per_epoch is not None and steps_per_epoch > length:
        raise ArgumentError(f"steps_per_epoch: expected at most {length}, as the source has, got {steps_per_epoch}")
    return length if steps_per_epoch is None else steps_per_epoch


def _resumed(first: Any, iterator: Iterator[Any]) -> Iterator[Any]:
    """``first``, then the rest. Never calls ``iter``, at which some iterators begin anew."""
    batch = first
    while batch is not END:
        yield batch
        batch = next(iterator, END)


def check_batch(model: Model, batch: Any, number: int) -> Examples:
    """A batch that a source gave, as Examples; raises ArgumentError for anything but (X, y) or (X, y, weight)."""
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        got = f"{type(batch).__name__} of {len(batch)}" if hasattr(batch, "__len__") else type(batch).__name__
        raise ArgumentError(
            f"X: expected a source of batches (X, y) or (X, y, sample_weight), got {got} for batch {number}"
        )
    X, y, *given = batch
    prefix = f"batch {number} "
    examples = check_examples(model, X, y, prefix=prefix)
    if not given or given[0] is None:
        return examples
    weights = checks.numeric_array(f"{prefix}sample_weight", given[0])
    if weights.shape != (examples.size,) or weights.any():
        checked = data.check_weights(weights, examples.size, f"{prefix}sample_weight")
    else:  # a data set in which nothing counts is a mistake; a batch need not be
        checked = weights.astype(np.float64)
    return examples._replace(weights=checked)


class Batches:
    """See `batches`."""

    def __init__(
        self, X: Array, y: Array, weights: Array | None, batch_size: int, rng: np.random.Generator | None
    ) -> None:
        self._X, self._y, self._weights = X, y, weights
        self._batch_size = batch_size
        self._rng = rng

    def __len__(self) -> int:
        return math.ceil(len(self._X) / self._batch_size)

    def get_state(self) -> Any:
        """What decides about the order of the next epoch; a checkpoint keeps it."""
        return None if self._rng is None else self._rng.bit_generator.state

    def set_state(self, state: Any) -> None:
        """Give the next epoch the order that it had when `get_state` gave ``state``."""
        if self._rng is not None:
            self._rng.bit_generator.state = state

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        n = len(self._X)
        order = np.arange(n) if self._rng is None else self._rng.permutation(n)
        for start in range(0, n, self._batch_size):
            rows = order[start : start + self._batch_size]
            arrays = (self._X, self._y) if self._weights is None else (self._X, self._y, self._weights)
            yield tuple(array[rows] for array in arrays)


def batches(
    X: Any,
    y: Any,
    batch_size: int = 32,
    seed: int | None = None,
    *,
    shuffle: bool = True,
    sample_weight: Any = None,
) -> Batches:
    """Batches for a training loop of one's own; `Model.fit` takes them, too.

    Parameters
    ----------
    X : array_like, (M, ...)
    y : array_like, (M,) or (M, C)
    batch_size : int, default 32
        The last batch has what is left.
    seed : int, optional
        Of the order; by default it is another in every run.
    shuffle : bool, default True
        Another order each time the batches are gone through; False keeps the order of X.
    sample_weight : array_like, (M,), optional
        The batches are then ``(X, y, sample_weight)``.

    Returns
    -------
    iterable of (X, y)
        It can be gone through any number of times, has a length (the number of batches), and gives arrays that are
        the caller's own.

    Raises
    ------
    ArgumentError
        If the lengths differ or an argument has a wrong value.

    Examples
    --------
    >>> [y.tolist() for X, y in batches([[1.0], [2.0], [3.0]], [0, 1, 2], batch_size=2, shuffle=False)]
    [[0, 1], [2]]
    """
    X, y = data.check_X(X, None, np.float64), checks.numeric_array("y", y)
    if y.ndim == 0:
        raise ArgumentError(f"y: expected {len(X)} labels, one for each row of X {X.shape}, got the number {y}")
    data.check_lengths(X, y)
    checks.finite("y", y)
    weights = data.check_weights(sample_weight, len(X))
    size = checks.integer("batch_size", batch_size)
    seed = None if seed is None else checks.integer("seed", seed, minimum=0)
    rng = np.random.default_rng(seed) if checks.boolean("shuffle", shuffle) else None
    return Batches(X, y, weights, size, rng)
