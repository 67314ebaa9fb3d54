"""Batches of stored examples: windows of blocks are read ahead in a thread, and batches are drawn from them."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from nnlite import counters
from nnlite.ahead import Ahead
from nnlite.augment.compose import Compose
from nnlite.checks import Array
from nnlite.engine.processor import available_threads
from nnlite.errors import ArgumentError, DataFileError
from nnlite.fitting.augmented import PIECE, BatchAugmentation, joined
from nnlite.fitting.batches import Numbered, Reader
from nnlite.network.examples import Examples
from nnlite.network.pieces import check_finite, checked_part, checked_targets
from nnlite.network.signature import Signature
from nnlite.stored import StoredArrays
from nnlite.stored.arrays import WINDOWS, Part
from nnlite.stored.order import Order
from nnlite.stored.sampling import shares_of_blocks

KEPT = 2**23  # bytes of targets, and of weights, that are read once
SHARES = 8  # of a window for each thread that reads it
SAMPLED_BLOCKS = 16  # from which some examples are taken, by which a training is judged


class StoredBatches(Numbered):
    """The batches of examples on the disk.

    Parameters
    ----------
    signature : Signature
        What the network takes.
    data : StoredArrays
    batch_size : int or None
    shuffle : bool
    labels : ndarray
        Targets that tell which classes there are.
    augmentation : Compose, optional

    Raises
    ------
    ArgumentError
        For ``batch_size=None``: all examples together need not fit into memory.
    """

    def __init__(
        self, signature: Signature, data: StoredArrays, batch_size: int | None, shuffle: bool, labels: Array,
        augmentation: Compose | None = None,
    ) -> None:  # fmt: skip
        if batch_size is None:
            raise ArgumentError(
                "batch_size: None makes one batch of all examples, and those on the disk need not fit into memory; "
                "give a number"
            )
        self.signature, self._labels = signature, labels
        self.data = data.with_targets_in_memory(KEPT).with_targets_at_hand()
        self._augment = None if augmentation is None else BatchAugmentation(augmentation, signature)
        self._wants_shuffle = shuffle
        self._divide(batch_size)
        self.checked = np.zeros(len(data.counts), bool)  # blocks whose X is known to be finite
        self.buffers: list[Array] = []  # for the windows of a reader, and nobody has them now
        self._order = self._read_in = Order(data.counts, data.window, None)
        self._sample: Examples | None = None

    def _divide(self, batch_size: int) -> None:
        self.batch_size = min(batch_size, len(self.data))
        self.shuffle = self._wants_shuffle and self.batch_size < len(self.data)
        self.n_batches = math.ceil(len(self.data) / self.batch_size)
        self.n_steps = self.n_batches
        largest = math.prod(self.data.shape[1:]) * self.batch_size
        self.at_once = self.n_batches if self._augment is None else max(1, PIECE // largest)

    def contribute(self, n: int) -> None:
        """Give n examples to each batch: others come from other processes."""
        self._divide(n)

    @property
    def labels(self) -> Array:
        """Targets that tell which classes there are."""
        return self._labels

    def sample(self) -> Examples:
        """Return the first example in the form that the batches have."""
        first = self.some(1).batch(slice(None))
        return first if self._augment is None else self._augment.like(first)

    def begin(self, rng: np.random.Generator) -> None:
        """Begin an epoch: draw its order."""
        self.data.check_unchanged()
        key = counters.draw_key(rng) if self.shuffle else None
        self._order = self._read_in = Order(self.data.counts, self.data.window, key)
        if self._augment is not None:
            self._augment.begin(rng)

    def batches(self, skip: int = 0) -> Iterator[Examples]:
        """Yield the batches of the epoch, without the first ``skip``."""
        with self.reader() as several:
            for number in range(skip, self.n_batches):
                yield several(number, 1).batch(slice(None))

    @contextmanager
    def reader(self, *, ahead: bool = True) -> Iterator[Reader]:
        """Return a context that gives the examples of n batches.

        With ``ahead`` a thread reads the next window meanwhile. A thread beside those that train on all processors
        would only hold them up. Then all processors read as many windows at once as there is memory for, so that there
        are few such breaks, and the operating system reads the next ones from the disk meanwhile. Where the system
        cannot do that, the thread reads ahead in any case.
        """
        ahead = ahead or not self.data.X_rows.can_advise
        self._read_in = self._order if ahead else self._order.together(WINDOWS)
        windows = _Windows(self, self._read_in, ahead=ahead)
        augment = self._augment
        try:
            if augment is None:
                yield windows.several
            else:
                yield lambda first, n: joined(
                    [augment(windows.several(i, 1).batch(slice(None)), i) for i in range(first, first + n)]
                )
        finally:
            windows.close()

    def n_together(self, first: int) -> int:
        """Return how many batches, from batch ``first`` on, end in the same window as this one."""
        if self._augment is not None:
            return self.at_once
        last = min((first + 1) * self.batch_size, len(self.data)) - 1
        end = int(self._read_in.starts[self._read_in.window_at(last) + 1])
        whole = math.ceil if end == len(self.data) else math.floor
        return whole(end / self.batch_size) - first

    def some(self, n: int) -> Examples:
        """Return up to n examples from some blocks, evenly spread."""
        if self._sample is None or self._sample.size < min(n, len(self.data)):
            shares = shares_of_blocks(self.data, n, SAMPLED_BLOCKS)
            self._sample = joined([self._checked(block).some(share).batch(slice(None)) for block, share in shares])
        return self._sample.some(n)

    def _checked(self, block: int) -> Examples:
        return checked_part(self.signature, self.data, self.data.block(block))

    def describe(self) -> str:
        """Describe what must be the same when a training is resumed."""
        augmented = "" if self._augment is None else f", augmented by {self._augment.augmentation}"
        shuffled = f"{'' if self.shuffle else 'not '}shuffled"
        return f"of {self.batch_size} of {self.data.describe()}, {shuffled}{augmented}"

    def fingerprint(self) -> str:
        """Return a checksum of some rows, which identifies the data."""
        return self.data.fingerprint()


class _Held(NamedTuple):
    """A window in memory.

    Attributes
    ----------
    window : int
    start : int
        The place in the epoch of the first of the examples.
    examples : Examples
        Those of the window in their order, and before them those of a batch that began in the window before.
    """

    window: int
    start: int
    examples: Examples

    def part(self, start: int, stop: int) -> Examples:
        """Return the examples from some places of the epoch; a window that has only some of them returns those."""
        assert self.examples.rows is not None
        return self.examples._replace(rows=self.examples.rows[max(0, start - self.start) : stop - self.start])


class _Windows:
    """The windows of one epoch.

    Parameters
    ----------
    source : StoredBatches
    order : Order
    ahead : bool
        Whether a thread reads a window while another one is trained on. All of them fit into the memory then; without
        the thread a window of ``order`` may be as large as that memory.
    """

    def __init__(self, source: StoredBatches, order: Order, *, ahead: bool) -> None:
        self._source, self._order = source, order
        data = source.data
        # before each window there is room for the rows of a batch that begins in the window before it
        self._room = source.batch_size - 1
        self._most = self._room + min(len(data), data.window + int(data.counts.max()) - 1)
        if source.buffers:
            self._buffer = source.buffers.pop()
        else:  # made once, for the largest windows that there may be
            self._buffer = np.empty((WINDOWS * self._most, *data.shape[1:]), data.dtype)
        self._ahead = Ahead(self._read, len(order.windows), int(ahead), 1)
        self._inline, self._n_threads = not ahead, 1 if ahead else available_threads()
        self._pool: Any = None
        if self._n_threads > 1:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self._n_threads - 1, thread_name_prefix="nnlite-stored")
        self._held: _Held | None = None

    def several(self, first: int, n: int) -> Examples:
        """Return the examples of n batches, from batch ``first`` on. They stay valid until the next call."""
        size = self._source.batch_size
        start, stop = first * size, min((first + n) * size, len(self._source.data))
        window = self._order.window_at(stop - 1)
        if self._held is None or self._held.window != window or start < self._held.start:
            before = [self._rest(earlier, start) for earlier in range(self._order.window_at(start), window)]
            self._held = None
            self._held = self._taken(window, before)
        return self._held.part(start, stop)

    def _rest(self, window: int, start: int) -> Examples:
        """Return a copy of what a window has from a place of the epoch on."""
        if self._held is None or self._held.window != window:
            self._held = self._taken(window, [])
        return self._held.part(start, int(self._order.starts[window + 1])).batch(slice(None))

    def _taken(self, window: int, before: list[Examples]) -> _Held:
        """Take a window, and put some examples before it, which a batch has that ends in this window."""
        (examples,) = self._ahead.take(window, 1)
        start = int(self._order.starts[window])
        if self._inline and window + 1 < len(self._order.windows):
            data = self._source.data
            data.X_rows.advise(data.ranges_of(self._order.windows[window + 1]))
        if not before:
            return _Held(window, start, examples)
        first, at = joined(before), self._place(window)
        n, X = first.size, self._buffer[at - first.size : at + len(examples.X)]
        X[:n] = first.X
        y, weights = (
            None if after is None else np.concatenate([array, after])
            for array, after in ((first.y, examples.y), (first.weights, examples.weights))
        )
        assert y is not None
        assert examples.rows is not None
        return _Held(window, start - n, Examples(X, y, weights, np.append(np.arange(n), examples.rows + n)))

    def _place(self, window: int) -> int:
        """Return the row of the memory at which a window begins."""
        return self._room + (0 if self._inline else window % WINDOWS * self._most)

    def _read(self, window: int) -> Examples:
        """Read and check a window, in another thread or in several."""
        data, order, blocks = self._source.data, self._order, self._order.windows[window]
        n = int(order.starts[window + 1] - order.starts[window])
        place = self._place(window)
        y, weights = (
            None if rows is None else np.empty((n, *rows.shape[1:]), rows.dtype)
            for rows in (data.y_rows, data.weight_rows)
        )
        whole = Part(self._buffer[place : place + n], y, weights, 0, len(data.X_rows))
        self._fill_in_threads(blocks, whole)
        try:
            targets = checked_targets(self._source.signature, data, whole)
        except DataFileError:
            for part in self._by_block(blocks, whole):  # names the rows
                checked_targets(self._source.signature, data, part)
            raise
        return Examples(whole.X, *targets, order.rows(window))

    def _fill_in_threads(self, blocks: Array, whole: Part) -> None:
        """Read the blocks of a window. A thread that comes late finds less to do."""
        shares = np.array_split(blocks, min(SHARES * self._n_threads, len(blocks)) if self._pool else 1)
        starts = np.cumsum([0, *(self._source.data.counts[share].sum() for share in shares)]).tolist()
        parts = [_rows_of(whole, slice(*rows)) for rows in itertools.pairwise(starts)]
        left = iter(list(zip(shares, parts, strict=True)))

        def work() -> None:
            for share, part in left:
                self._fill(share, part)

        helpers = [self._pool.submit(work) for _ in range(self._n_threads - 1)]
        work()
        for helper in helpers:
            helper.result()

    def _fill(self, blocks: Array, part: Part) -> None:
        """Read some blocks, and check numbers that are read for the first time."""
        source = self._source
        source.data.fill(blocks, part.X, part.y, part.weights)
        if source.checked[blocks].all():
            return
        for block, of_block in zip(blocks, self._by_block(blocks, part), strict=True):
            if not source.checked[block]:
                check_finite(source.data, of_block, source.signature.dtype)
                source.checked[block] = True

    def _by_block(self, blocks: Array, part: Part) -> Iterator[Part]:
        """Yield the examples of each block, of which a part is made."""
        data, done = self._source.data, 0
        for n, (start, stop) in zip(data.counts[blocks].tolist(), data.ranges_of(blocks), strict=True):
            yield _rows_of(part, slice(done, done + n))._replace(start=start, stop=stop)
            done += n

    def close(self) -> None:
        """End the thread."""
        self._ahead.close()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._source.buffers.append(self._buffer)


def _rows_of(part: Part, rows: slice) -> Part:
    """Return some of the examples of a part."""
    X, y, weights = (None if array is None else array[rows] for array in part[:3])
    assert X is not None
    return part._replace(X=X, y=y, weights=weights)
