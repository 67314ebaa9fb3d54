"""Batches of stored examples: windows of blocks are read ahead in a thread, and batches are drawn from them."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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

KEPT = 2**23  # bytes of targets, and of weights, that are read once
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
        self._divide(batch_size)
        self.shuffle = shuffle and self.batch_size < len(data)
        self.checked = np.zeros(len(data.counts), bool)  # blocks whose X is known to be finite
        self.buffers: list[_Buffers] = []
        self._order = Order(data.counts, data.window, None)
        self._sample: Examples | None = None

    def _divide(self, batch_size: int) -> None:
        self.batch_size = min(batch_size, len(self.data))
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
        self._order = Order(self.data.counts, self.data.window, counters.draw_key(rng) if self.shuffle else None)
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
        would only hold them up: then the operating system reads the next window from the disk meanwhile, and all
        processors copy it when its turn comes. Where the system cannot do that, the thread reads ahead in any case.
        """
        windows = _Windows(self, self._order, ahead=ahead or not self.data.X_rows.can_advise)
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

    def together(self, first: int) -> int:
        """Return how many batches, from batch ``first`` on, lie in one window; 1 if this one lies in two."""
        if self._augment is not None:
            return self.at_once
        start = first * self.batch_size
        end = int(self._order.starts[self._order.window_at(start) + 1])
        whole = math.ceil if end == len(self.data) else math.floor
        return max(1, whole((end - start) / self.batch_size))

    def some(self, n: int) -> Examples:
        """Return up to n examples from some blocks, evenly spread."""
        if self._sample is None or self._sample.size < min(n, len(self.data)):
            there = np.flatnonzero(self.data.counts)
            blocks = there[np.unique(np.linspace(0, len(there) - 1, SAMPLED_BLOCKS if n > 1 else 1).astype(int))]
            while n > 1 and self.data.counts[blocks].sum() < n and len(blocks) < len(there):
                blocks = there[np.unique(np.linspace(0, len(there) - 1, 2 * len(blocks)).astype(int))]
            most = -(-n // len(blocks))
            parts = [self._checked(block).some(max(most, 1)).batch(slice(None)) for block in blocks.tolist()]
            self._sample = joined(parts)
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


class _Buffers:
    """Memory for the windows, which take turns. It is made once, for the largest window that there may be."""

    def __init__(self, n: int, n_rows: int) -> None:
        self._arrays: list[Array | None] = [None] * n
        self._n_rows = n_rows

    def of(self, window: int, shape: tuple[int, ...], dtype: Any) -> Array:
        """Return an array of that shape for a window, in the place of the window ``WINDOWS`` before it."""
        place = window % len(self._arrays)
        array = self._arrays[place]
        if array is None:
            array = self._arrays[place] = np.empty((self._n_rows, *shape[1:]), dtype)
        return array[: shape[0]]


class _Windows:
    """The windows of one epoch.

    Parameters
    ----------
    source : StoredBatches
    order : Order
    ahead : bool
        Whether a thread reads ahead.
    """

    def __init__(self, source: StoredBatches, order: Order, *, ahead: bool) -> None:
        self._source, self._order = source, order
        most = min(len(source.data), source.data.window + int(source.data.counts.max()) - 1)
        self._buffers = source.buffers.pop() if source.buffers else _Buffers(WINDOWS, most)
        self._ahead = Ahead(self._read, len(order.windows), int(ahead), 1)
        self._pool: Any = None
        if not ahead:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(available_threads(), thread_name_prefix="nnlite-stored")
        self._held: tuple[int, Examples] | None = None

    def several(self, first: int, n: int) -> Examples:
        """Return the examples of n batches, from batch ``first`` on. They stay valid until the next call."""
        size, starts = self._source.batch_size, self._order.starts
        start, stop = first * size, min((first + n) * size, len(self._source.data))
        windows = range(self._order.window_at(start), self._order.window_at(stop - 1) + 1)
        parts = []
        for window in windows:
            examples = self._window(window)
            assert examples.rows is not None
            before = int(starts[window])
            part = examples._replace(rows=examples.rows[max(0, start - before) : stop - before])
            parts.append(part if len(windows) == 1 else part.batch(slice(None)))
        return joined(parts)

    def _window(self, window: int) -> Examples:
        if self._held is None or self._held[0] != window:
            self._held = None
            self._held = window, self._ahead.take(window, 1)[0]
            if self._pool is not None and window + 1 < len(self._order.windows):
                self._pool.submit(self._advise, window + 1)
        return self._held[1]

    def _advise(self, window: int) -> None:
        """Let the operating system read a window."""
        data = self._source.data
        for block in self._order.windows[window].tolist():
            data.X_rows.advise(int(data.edges[block]), int(data.edges[block + 1]))

    def _read(self, window: int) -> Examples:
        """Read and check a window, in another thread or in several."""
        source, data, order = self._source, self._source.data, self._order
        n = int(order.starts[window + 1] - order.starts[window])
        X = self._buffers.of(window, (n, *data.shape[1:]), data.dtype)
        y, weights = (
            None if rows is None else np.empty((n, *rows.shape[1:]), rows.dtype)
            for rows in (data.y_rows, data.weight_rows)
        )

        def fill(block: int, stop: int) -> Part:
            rows = slice(stop - int(data.counts[block]), stop)
            of_y, of_weights = (None if array is None else array[rows] for array in (y, weights))
            part = data.fill(block, X[rows], of_y, of_weights)
            if not source.checked[block]:
                check_finite(data, part, source.signature.dtype)
                source.checked[block] = True
            return part

        blocks = order.windows[window]
        stops = np.cumsum(data.counts[blocks])
        each = map if self._pool is None else self._pool.map
        parts: list[Part] = list(each(fill, blocks.tolist(), stops.tolist()))
        try:
            targets = checked_targets(source.signature, data, Part(X, y, weights, 0, len(data.X_rows)))
        except DataFileError:
            for part in parts:  # names the rows
                checked_targets(source.signature, data, part)
            raise
        return Examples(X, *targets, order.rows(window))

    def close(self) -> None:
        """End the thread."""
        self._ahead.close()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._source.buffers.append(self._buffers)
