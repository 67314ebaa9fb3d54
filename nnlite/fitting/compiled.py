"""The training loop with the compiled engine: many steps at a time, until Python has to look at something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.engine.processor import available_threads
from nnlite.engine.trainer import VARIANTS, Batch, Stretch, Trainer, choose_threads, describe
from nnlite.fitting.batches import Numbered
from nnlite.fitting.class_weights import weighted
from nnlite.fitting.history import History
from nnlite.fitting.loop import Loop, Saver, Setup
from nnlite.layers import Output, Softmax
from nnlite.network.examples import Examples

PIECE = 2**22  # numbers of X that are converted at once, if they are of a type that no kernel reads


class CompiledLoop(Loop):
    """A loop whose steps are those of compiled kernels. All else is as in `Loop`.

    The steps between two looks of Python are one call: a whole epoch, or up to the next checkpoint. It is a single step
    if a callback wants to know of every batch, or if the batches come from a source.
    """

    engine = "compiled"

    def __init__(self, setup: Setup, saver: Saver) -> None:
        super().__init__(setup, saver)
        self._n_threads = setup.n_threads or choose_threads(setup.network, setup.source.batch_size)
        self._trainer: Trainer | None = None
        self._made_for: Any = None
        self._converted: tuple[Examples, Any, Batch] | None = None

    def rounding(self) -> str:
        """Describe what decides the last digits of the results."""
        return describe(self.network.dtype.name, self._n_threads)

    def run(self, epochs: int, progress: bool) -> History:
        """Train as `Loop.run` does. Compiled kernels predict then, also if a resumed training was already complete."""
        self.network.predict_compiled()
        return super().run(epochs, progress)

    def _prepare(self) -> None:
        """Compile the kernels, if they are not in the cache: Ctrl-C ends that at once."""
        source = self.setup.source
        self._trainer_for(self._converted_batch(source.sample()), source.batch_size).prepare()

    def _remaining(self) -> Iterator[Examples]:
        """Yield the remaining examples of the epoch, as many as one call of the engine takes."""
        source, position = self.setup.source, self.position
        if not isinstance(source, Numbered):
            yield from source.batches(skip=position.n_batches)
            return
        of_one = bool(self.hooks.batch_begin or self.hooks.batch_end)
        X, most = source.sample().X, source.at_once
        if X.dtype.name not in VARIANTS:
            most = min(most, max(1, PIECE // X[0].size // source.batch_size))
        with source.reader(ahead=self._n_threads < available_threads()) as several:
            while position.n_batches < source.n_batches:
                left = source.n_batches - position.n_batches
                n = 1 if of_one else min(most, left, source.n_together(position.n_batches))
                if self.saver.every:
                    n = min(n, self.saver.every - position.n_steps % self.saver.every)
                yield several(position.n_batches, n)

    def _advance(self, examples: Examples, watch: Callable[[int], bool]) -> float:
        """Make the steps for these examples. Return J of the last one."""
        source, position = self.setup.source, self.position
        batch = self._converted_batch(examples)
        size = source.batch_size if isinstance(source, Numbered) else examples.size
        trainer = self._trainer_for(batch, size)
        stretch = trainer.run(batch, -(-examples.size // size), watch, bool(self.means.metrics))
        n = stretch.n - stretch.wrong
        self._count(examples, batch, stretch, n, size)
        position.n_batches += n
        position.n_steps += n
        if stretch.wrong:  # the textbook makes this step again, and says what went wrong first
            return super()._advance(examples.batch(slice(n * size, (n + 1) * size)), watch)
        return float(stretch.J[-1])

    def _trainer_for(self, batch: Batch, size: int) -> Trainer:
        """Return the trainer for such a batch. It stays the same from one call to the next, if it can."""
        made_for = batch.y.ndim == 1, batch.X.dtype.name
        if self._trainer is None or self._made_for != made_for or self._trainer.batch_size < size:
            self._trainer = Trainer(
                self.network,
                self.optimizer,
                batch_size=size,
                n_steps=source.n_batches if isinstance(source := self.setup.source, Numbered) else 1,
                n_threads=self._n_threads,
                labels=batch.y.ndim == 1,
                variant=batch.X.dtype.name,
            )
            self._made_for = made_for
        return self._trainer

    def _converted_batch(self, examples: Examples) -> Batch:
        """Return the examples as the kernels read them.

        Those of arrays are converted once in an epoch; X of a type that no kernel reads, a piece at a time.
        """
        if examples.X.dtype.name not in VARIANTS:
            examples = examples.batch(slice(None))
            examples = examples._replace(X=self.signature.cast(examples.X))
        made_for = self.position.epoch, getattr(self.network.output, "label_smoothing", 0)
        known = self._converted
        if known is None or known[0].X is not examples.X or known[0].y is not examples.y or known[1] != made_for:
            known = self._converted = examples, made_for, self._conversion(examples)
        rows = np.arange(len(examples.X)) if examples.rows is None else examples.rows
        return known[2]._replace(order=np.ascontiguousarray(rows, np.int64))

    def _conversion(self, examples: Examples) -> Batch:
        labels = _labels(self.network.output, examples.y)
        targets = self.signature.target_rows(examples.y) if labels is None else labels.astype(np.int64, copy=False)
        weights = weighted(examples.weights, self.setup.class_weight, examples.y)
        return Batch(np.ascontiguousarray(examples.X), np.ascontiguousarray(targets), weights, np.zeros(0, np.int64))

    def _count(self, examples: Examples, batch: Batch, stretch: Stretch, n: int, size: int) -> None:
        """Add n steps to the means of the epoch."""
        starts = np.arange(n) * size
        M = np.minimum(size, examples.size - starts)
        weights = M if batch.weights is None else _sums(batch.weights[batch.order], starts, M)
        self.means.add_several(stretch.J[:n], M, weights, stretch.n_correct[:n])
        if stretch.Y_hat is not None:
            for start, stop in zip(starts, starts + M, strict=True):
                self.means.keep(examples.batch(slice(start, stop)).y, stretch.Y_hat[start:stop])


def _sums(weights: Array, starts: Array, M: Array) -> Array:
    """Return the sum of the weights of each batch."""
    return np.array([weights[start : start + m].sum() for start, m in zip(starts, M, strict=True)])


def _labels(output: Output, y: Array) -> Array | None:
    """Return class indices, also from one-hot rows, so that the form of y makes no difference; None for other rows."""
    if y.ndim == 1:
        return y
    is_one_hot = isinstance(output, Softmax) and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()
    return y.argmax(axis=1) if is_one_hot else None
