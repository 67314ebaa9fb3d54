"""The loop of one of several processes with the compiled engine: gradients and steps are those of kernels."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable

import numpy as np

from nnlite.checks import Array
from nnlite.engine.gradients import GradientTrainer
from nnlite.engine.processor import available_threads
from nnlite.engine.trainer import Batch, choose_threads, describe
from nnlite.engine.whole_steps import WholeSteps
from nnlite.fitting.class_weights import weighted
from nnlite.fitting.compiled import CompiledLoop
from nnlite.fitting.divergence import all_finite
from nnlite.fitting.gradient_sum import Piece
from nnlite.fitting.loop import Loop, Saver, Setup
from nnlite.fitting.parallel import ParallelLoop
from nnlite.layers import Dense
from nnlite.network.examples import Examples


class ParallelCompiledLoop(ParallelLoop, CompiledLoop):
    """A loop whose gradients are computed by compiled kernels, a batch at a time. All else is as in `ParallelLoop`.

    Between the gradient and the step of the optimizer lies the sum over all processes, so that neither several batches
    nor a step are one call of the engine.
    """

    engine = "compiled"

    def __init__(self, setup: Setup, saver: Saver) -> None:
        super().__init__(setup, saver)
        self._n_threads = setup.n_threads or self._threads_of_process()
        self._gradients: GradientTrainer | None = None
        self._share = 0.0  # of this process in the weights of the batch
        machines = self.world.gather(describe(self.network.dtype.name, self._n_threads))
        self._steps = None  # kernels round in the same way on the same machines only
        if len({*machines}) == 1:
            self._steps = WholeSteps(self.network, self.optimizer, self._n_threads)
        self._awaited = {piece.layer for piece in self._sums.pieces[:-1] if _is_dense(piece)}

    def _threads_of_process(self) -> int:
        """Return how many threads this process takes: the processes of a machine share its cores."""
        source = self.setup.source
        on_machine = self.world.gather(platform.node()).count(platform.node())
        wanted = choose_threads(self.network, -(-source.batch_size // self.world.size))
        return min(wanted, max(1, available_threads() // on_machine))

    def rounding(self) -> str:
        """Describe what decides the last digits of the results."""
        with_ = describe(self.network.dtype.name, self._n_threads)
        alike = "" if self._steps is not None else " of different machines"
        return f"{self.describe_processes()}{alike}, each with {with_}"

    def _taken(self, batch: Examples, part: slice) -> Examples:
        """Return a part of a batch; the kernels gather its rows."""
        rows = np.arange(batch.size) if batch.rows is None else batch.rows
        return batch._replace(rows=rows[part])

    def _prepare(self) -> None:
        ParallelLoop._prepare(self)
        sample = self.setup.source.sample()
        self._trainer_of(self._converted_batch(sample), 1).prepare()
        self._converted = None

    def _advance(self, batch: Examples, watch: Callable[[int], bool]) -> float:
        """Make one step and count it."""
        return Loop._advance(self, batch, watch)

    def _step(self, batch: Examples) -> float:
        """Make one training step. Return J of the whole batch."""
        means = self.means
        rows = slice(None) if batch.rows is None else batch.rows
        y, weights = batch.y[rows], None if batch.weights is None else batch.weights[rows]
        weights = weighted(weights, self.setup.class_weight, y)
        self._own = len(y)
        part = self._part(weights)
        own_weight = float(self._own if weights is None else weights.sum())
        self._share = own_weight / (part.weight or 1)
        J, n_correct, Y_hat = self._gradient(batch, part.start)
        J = self._sum(J * self._share)
        if not (math.isfinite(J) and all_finite(self.network.grad)):
            self._check_step(J, batch.X[rows])
        J += self.optimizer.penalty(self.network)
        if self._steps is None:
            self.optimizer.step(self.network)
        else:
            self._steps.step()
        means.add_sums(J, self._own, own_weight, n_correct)
        if means.metrics and self._own:
            means.keep(y, Y_hat)
        return J

    def _gradient(self, examples: Examples, start: int) -> tuple[float, float, Array]:
        """Set ``network.grad`` to the gradient of these examples. Return their cost, correct answers and Y_hat."""
        if examples.size == 0:
            assert self._gradients is not None
            self._gradients.skip()
            self.network.grad[...] = 0
            return 0.0, 0.0, np.empty((0, self.network.n_units))
        batch = self._converted_batch(examples)
        stretch = self._trainer_of(batch, examples.size).gradient(batch, start)
        if stretch.wrong:  # all processes learn of it from the sum
            self._share = np.nan
        assert stretch.Y_hat is not None
        return float(stretch.J[0]), float(stretch.n_correct[0]), stretch.Y_hat

    def _make_share(self, gradient: Array) -> None:
        """The kernels divide by the weight of this part; the share is that of the whole batch."""
        super()._make_share(gradient)
        gradient *= self._share

    def _trainer_of(self, batch: Batch, size: int) -> GradientTrainer:
        """Return what computes gradients of such batches. It stays the same from one step to the next, if it can."""
        made_for = batch.y.ndim == 1, batch.X.dtype.name
        if self._gradients is None or self._made_for != made_for or self._gradients.batch_size < size:
            at_first = -(-self.setup.source.batch_size // self.world.size)
            self._gradients = GradientTrainer(
                self.network,
                awaited=self._awaited,
                deliver=lambda layer: self._sums.after(layer, "backward"),
                batch_size=max(size, at_first),
                n_threads=self._n_threads,
                labels=batch.y.ndim == 1,
                variant=batch.X.dtype.name,
            )
            self._made_for = made_for
        return self._gradients


def _is_dense(piece: Piece) -> bool:
    """Whether the kernels make all gradients of a piece before those of the next: others come at the end of a step."""
    return all(type(layer) is Dense for layer in piece.learning)
