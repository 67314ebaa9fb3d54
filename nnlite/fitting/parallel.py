"""The training loop of one of several processes: its part of each batch, and the sum of all gradients."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.engine import openblas
from nnlite.errors import ParallelError
from nnlite.fitting import divergence
from nnlite.fitting.batches import Arrays, Numbered
from nnlite.fitting.class_weights import weighted
from nnlite.fitting.gradient_sum import GradientSum
from nnlite.fitting.history import History
from nnlite.fitting.interrupts import Interruptible
from nnlite.fitting.loop import Loop, Saver, Setup
from nnlite.fitting.shares import Share
from nnlite.fitting.streams import Stream
from nnlite.fitting.together import checksum
from nnlite.fitting.validation import ValidationBatches
from nnlite.layers.base import BatchPart
from nnlite.network.examples import Examples
from nnlite.network.means import RunningMeans
from nnlite.parallel.world import World


class Place(NamedTuple):
    """Where the part of this process lies in the batch.

    Attributes
    ----------
    start : int
    size : int
        Of the whole batch.
    weight : float or None
        Sum of the weights of the whole batch; None if no process knows it alone.
    """

    start: int
    size: int
    weight: float | None


class AgreedInterrupt(Interruptible):
    """Ctrl-C in one process: it sets ``wanted``. The loop sets ``asked`` in all processes, after the same step."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted = False

    def note(self) -> None:
        """Remember that Ctrl-C was pressed."""
        self.wanted = True


class ParallelLoop(Loop):
    """The loop of one of several processes. What it does not say is as in `Loop`.

    In each step every process computes cost and gradient of its part of the batch. A `GradientSum` adds up the
    gradients, and in the same message the running averages that layers keep, the cost, and whether somebody wants to
    stop. Each process then makes the same step with the same numbers, so that all keep the same weights, bit for bit.
    This is checked after every epoch.
    """

    def __init__(self, setup: Setup, saver: Saver) -> None:
        super().__init__(setup, saver)
        self.world: World = setup.world
        self.history.shares = not setup.together.train
        self._place = Place(0, 0, None)
        self._own = 0  # examples of this process in the present step
        self._sums = GradientSum(self.world, self.network, self._make_share)
        self._observer = self._sums.after if self._sums.overlaps else None
        self._beside = np.empty(self.network.state.size + 3, self.network.dtype)  # what is added up, too
        self._interrupt = AgreedInterrupt()
        self._raised_by_all = False
        self._callbacks_of_batches = False

    def rounding(self) -> str:
        """Describe what decides the last digits of the results."""
        return f"{self.describe_processes()}, each with the textbook with {openblas.rounding}"

    def describe_processes(self) -> str:
        """Describe how the processes add up their gradients."""
        return f"{self.world.size} processes{self._sums.describe()}"

    def run(self, epochs: int, progress: bool) -> History:
        """Train as `Loop.run` does. An error in one process ends all of them."""
        if progress and sys.stderr is not None:
            print(self.setup.together.describe(self.world.size), file=sys.stderr, flush=True)
        try:
            return super().run(epochs, progress)
        except BaseException as error:
            if self._raised_by_all or isinstance(error, ParallelError):
                raise
            self.world.abort(error)

    def _prepare(self) -> None:
        """See whether a callback of any process looks at each step."""
        self._callbacks_of_batches = any(self.world.gather(bool(self.hooks.batch_begin or self.hooks.batch_end)))

    def end(self) -> None:
        """Let the callbacks end the training. Running averages over the shares of the processes become their mean."""
        super().end()
        state = self.network.state
        if len({*self.world.gather(state.tobytes())}) > 1:
            self.world.sum(state)
            state /= self.world.size
        self._same_generator()
        self._check_same()

    # ---- batches --------------------------------------------------------------------------------------------------

    def _begin_epoch(self) -> None:
        """Begin an epoch: draw the same order everywhere."""
        self._same_generator()
        super()._begin_epoch()

    def _same_generator(self) -> None:
        """Take the random generator of the first process: a layer or a source may have drawn more in another one."""
        rng = self.network.rng
        rng.bit_generator.state = self.world.first(rng.bit_generator.state)

    def _remaining(self) -> Iterator[Examples]:
        """Yield the part of this process of each remaining batch, and note its place."""
        source, skip = self.setup.source, self.position.n_batches
        if isinstance(source, Share):
            for batch in source.batches(skip):
                sizes = source.sizes
                weight = None if source.weighted else float(sum(sizes))
                self._place = Place(sum(sizes[: self.world.rank]), sum(sizes), weight)
                yield batch
        elif not self.setup.together.train:
            yield from self._own_batches(source, skip)
        elif type(source) is Arrays:
            for k in range(skip, source.n_batches):
                yield self._part_of_batch(source.several(k, 1))
        else:
            for batch in source.batches(skip):
                yield self._part_of_batch(batch)

    def _part_of_batch(self, batch: Examples) -> Examples:
        """Return the rows of this process; all processes have the same batch."""
        M, part, weight = batch.size, part_of(batch.size, self.world), float(batch.size)
        if batch.weights is not None or self.setup.class_weight is not None:
            of_batch = batch.batch(slice(None))
            weights = weighted(of_batch.weights, self.setup.class_weight, of_batch.y)
            weight = 0.0 if weights is None else float(weights.sum())
        self._place = Place(part.start, M, weight)
        return self._taken(batch, part)

    def _taken(self, batch: Examples, part: slice) -> Examples:
        """Return a part of a batch."""
        return batch.batch(part)

    def _own_batches(self, source: Numbered | Stream, skip: int) -> Iterator[Examples]:
        """Yield the batches of this process, which make one together with those of the others.

        A source that has ended contributes nothing, until those of all processes have ended.
        """
        batches, sample, rank = source.batches(skip), source.sample(), self.world.rank
        nothing = Examples(sample.X[:0], sample.y[:0], None)
        while True:
            batch = next(batches, nothing)
            sizes = np.zeros((2, self.world.size))
            sizes[:, rank] = batch.size, batch.size if batch.weights is None else batch.weights.sum()
            self.world.sum(sizes)
            if not sizes[0].any():
                return
            of_class = self.setup.class_weight
            weight = float(sizes[1].sum()) if of_class is None else None
            self._place = Place(int(sizes[0, :rank].sum()), int(sizes[0].sum()), weight)
            yield batch

    def _size(self, batch: Examples) -> int:
        return self._place.size

    # ---- a step ---------------------------------------------------------------------------------------------------

    def _step(self, batch: Examples) -> float:
        self._own = batch.size
        if batch.size:
            return super()._step(batch)
        means, self.means = self.means, RunningMeans(self.network.output)
        try:  # layers need not work without examples: one that counts for nothing
            return super()._step(self.setup.source.sample().batch(slice(0, 1))._replace(weights=np.zeros(1)))
        finally:
            self.means = means

    def _part(self, weights: Array | None) -> BatchPart:
        start, size, weight = self._place
        if weight is None:
            sums = np.array([self._own if weights is None else weights.sum()], np.float64)
            self.world.sum(sums)
            weight = float(sums[0])
        return BatchPart(start, size, weight, self._mean if self.world.sync_batch_norm else None)

    def _mean(self, mean: Array) -> Array:
        """The mean over the whole batch, from that over the examples of this process."""
        message = np.append(mean.reshape(-1) * self._own, mean.dtype.type(self._own))
        self.world.sum(message)
        of_batch: Array = (message[:-1] / message[-1]).reshape(mean.shape)
        return of_batch

    def _sum(self, J: float) -> float:
        """``grad <- sum_r grad_r``, and J likewise. The running averages become their mean over the examples."""
        state, beside = self.network.state, self._beside
        J = 0 if self._own == 0 else J
        beside[:-3], beside[-3:] = state * self._own, (J, self._own, self._interrupt.wanted)
        self._sums.finish(beside)
        state[...] = beside[:-3] / beside[-2]
        self._interrupt.asked |= bool(beside[-1])
        return float(beside[-3])

    def _make_share(self, gradient: Array) -> None:
        """Make some numbers of the gradient those that this process contributes."""
        if self._own == 0:
            gradient[...] = 0

    # ---- an epoch -------------------------------------------------------------------------------------------------

    def of_first(self, value: Any) -> Any:
        """Return what the first process says."""
        return self.world.first(value)

    def of_each(self, value: Any) -> Sequence[Any]:
        """Return what each process says, in their order."""
        return self.world.gather(value)

    def gather_means(self) -> None:
        """Let the first process have the means over what all have seen; the others begin again with nothing."""
        merge(self.world, self.means)
        if self.world.rank > 0:
            self.means.reset()

    def rounded_off(self) -> dict[str, Any] | None:
        """Return what the gradients of all processes have lost so far, in the first process."""
        return self._sums.get_state()

    def set_rounded_off(self, state: dict[str, Any] | None) -> None:
        """Restore what the gradients had lost."""
        self._sums.set_state(state)

    def set_means(self, state: Mapping[str, Any]) -> None:
        """Restore the means of an epoch in the first process."""
        if self.world.rank == 0:
            super().set_means(state)

    def _values(self) -> dict[str, float]:
        merge(self.world, self.means)
        return self.means.values()

    def _evaluate(self, validation: Examples | ValidationBatches) -> dict[str, float]:
        """Evaluate the network on the validation data, of which each process has a part."""
        batches = iter([validation]) if isinstance(validation, Examples) else validation.batches()
        if self.setup.together.validation:
            batches = (self._rows_of(batch) for batch in batches)
        means = self.network.means_of((b for b in batches if b.size), self.setup.metrics, engine=self.engine)
        merge(self.world, means)
        return means.values()

    def _rows_of(self, examples: Examples) -> Examples:
        """Return the part of this process of validation examples."""
        rows = np.arange(examples.size) if examples.rows is None else examples.rows
        return examples._replace(rows=rows[part_of(examples.size, self.world)])

    def _interruptible(self) -> Interruptible:
        return self._interrupt

    def _agree_after_step(self) -> None:
        """Stop after this step if a callback of any process wants it. Without such callbacks nothing is sent."""
        if self._callbacks_of_batches:
            stops = np.array([self.network.stop_training], np.float64)
            self.world.sum(stops)
            self.network.stop_training = bool(stops[0])

    def _agree_after_epoch(self) -> None:
        self.network.stop_training = any(self.world.gather(self.network.stop_training))
        self._check_same()

    def _check_same(self) -> None:
        """Raise ParallelError, in all processes, if they have different weights or running averages."""
        checksums = self.world.gather(checksum(self.network))
        usual = max(checksums, key=checksums.count)
        others = [str(rank) for rank, found in enumerate(checksums) if found != usual]
        if others:
            self._raised_by_all = True
            raise ParallelError(
                f"rank {' and rank '.join(others)} ended epoch {self.position.epoch + 1} with other weights than the "
                f"other processes; a callback, or a layer or optimizer of your own, does not do the same everywhere"
            )

    # ---- NaN and infinity -----------------------------------------------------------------------------------------

    def _check_step(self, J: float, X: Array) -> None:
        """Raise DivergenceError, in all processes, if the cost or the gradient of the whole batch is not finite."""
        if math.isfinite(J) and divergence.all_finite(self.network.grad):
            return
        found = self.world.gather(divergence.first_wrong(self.network, self.signature.cast(X)) if len(X) else None)
        where = next((f"{text} (rank {rank})" for rank, text in enumerate(found) if text), f"the cost J is {J}")
        self._give_up(where, self.position.n_batches)

    def _check_epoch(self, loss: float) -> None:
        self._raised_by_all = True
        super()._check_epoch(loss)
        self._raised_by_all = False

    def _give_up(self, where: str, step: int) -> None:
        self._raised_by_all = True
        super()._give_up(where, step)

    def _present_loss(self) -> float:
        """Estimate the loss of the present weights from some examples of each process."""
        return float(np.mean(self.world.gather(super()._present_loss())))


def part_of(M: int, world: World) -> slice:
    """Return the examples of a process among M: as many as in the others, or one more or less."""
    return slice(world.rank * M // world.size, (world.rank + 1) * M // world.size)


def merge(world: World, means: RunningMeans) -> None:
    """Make running means those over what all processes have seen."""
    states = world.gather(means.get_state())
    loss, weight, n_examples, n_correct = (sum(sums) for sums in zip(*(s["sums"] for s in states), strict=True))
    merged: dict[str, Any] = {"sums": (loss, weight, n_examples, n_correct)}
    for name in ("y", "Y_hat"):
        kept = [state[name] for state in states if state[name] is not None]
        merged[name] = np.concatenate(kept) if kept else None
    means.set_state(merged)
