"""The training loop: four lines per step, with epochs, validation, callbacks and a history around them."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlite.callbacks import Hooks
from nnlite.checks import Array
from nnlite.engine import memory, openblas
from nnlite.engine.denormals import Flushed
from nnlite.errors import ArgumentError
from nnlite.fitting import divergence, suspicions
from nnlite.fitting.batches import Numbered
from nnlite.fitting.class_weights import weighted
from nnlite.fitting.epoch_bar import EpochBar
from nnlite.fitting.history import History
from nnlite.fitting.interrupts import Interruptible
from nnlite.fitting.streams import Stream
from nnlite.fitting.together import Together
from nnlite.fitting.validation import ValidationBatches
from nnlite.layers.base import BatchPart, Observer
from nnlite.network.examples import Examples
from nnlite.network.means import Metrics, RunningMeans
from nnlite.network.network import Network
from nnlite.optimizers import Optimizer
from nnlite.parallel.world import World

JUDGED_BY = 2000  # examples by which a training is judged
SINGLE, WHOLE = World(), Together()


@dataclass(frozen=True)
class Setup:
    """What `fit` was called with, checked."""

    network: Network
    optimizer: Optimizer
    source: Numbered | Stream
    class_weight: Array | None  # (C,)
    validation: Examples | ValidationBatches | None
    metrics: Metrics
    hooks: Hooks
    n_threads: int | None = None  # of the compiled engine; None: as many as the network needs
    warns: bool = True  # of what is probably a mistake
    world: World = SINGLE
    together: Together = WHOLE


@dataclass
class Position:
    """Where a training is. A checkpoint holds it.

    ``seconds`` counts the current epoch so far; ``epoch_start`` is the state of the random generator and of the
    source when it began, and None between two epochs.
    """

    epoch: int = 0
    n_batches: int = 0
    n_steps: int = 0
    seconds: float = 0.0
    epoch_start: dict[str, Any] | None = None


class Saver:
    """How a training is saved and resumed. This base class does neither; `CheckpointSaver` in resume.py does both."""

    saves = False
    every: int | None = None

    def begin(self, loop: Loop, epochs: int) -> bool:
        """Begin the training, or resume it. Return whether it is already complete."""
        loop.begin()
        return False

    def save(self, loop: Loop) -> None:
        """Save a checkpoint."""

    def save_after_epoch(self, loop: Loop) -> None:
        """Save a checkpoint at the end of an epoch, unless the last one is too recent."""

    def end(self, loop: Loop, interrupted: bool) -> None:
        """End the training, and save what the callbacks change at its end."""
        loop.end()


class Loop:
    """The loop of one training.

    Parameters
    ----------
    setup : Setup
    saver : Saver

    Attributes
    ----------
    position : Position
    history : History
    means : RunningMeans
        Of the current epoch.
    best : Best
        The best weights so far.
    """

    engine = "textbook"
    best: divergence.Best
    _observer: Observer | None = None  # sees each layer of a step

    def __init__(self, setup: Setup, saver: Saver) -> None:
        self.setup = setup
        self.saver = saver
        self.network, self.optimizer, self.hooks = setup.network, setup.optimizer, setup.hooks
        self.signature = setup.source.signature
        self.means = RunningMeans(setup.network.output, setup.metrics, self.signature.knowledge.scale)
        self._flushed = Flushed()
        self._epochs = 0
        self.history = History()
        self.history.engine = self.engine
        self.position = Position()

    def rounding(self) -> str:
        """Describe what decides the last digits of the results."""
        return f"the textbook with {openblas.rounding}"

    def run(self, epochs: int, progress: bool) -> History:
        """Train for ``epochs`` epochs, or until a callback or Ctrl-C stops it."""
        network, position = self.network, self.position
        self._epochs = epochs
        for callback in self.hooks.callbacks:
            callback.training_inputs = self._training_inputs
        network.stop_training = False
        try:
            if self.saver.begin(self, epochs):
                return self.history
            self._prepare()
            with memory.kept(), EpochBar(epochs, progress, position.epoch) as bar, self._interruptible() as interrupt:
                while position.epoch < epochs and not network.stop_training and not interrupt.asked:
                    self._epoch(bar, interrupt)
                self.history.interrupted = interrupt.asked
                self.saver.end(self, interrupt.asked)
            self._look_back()
        finally:
            for callback in self.hooks.callbacks:
                vars(callback).pop("training_inputs", None)  # it holds the data
        return self.history

    def _prepare(self) -> None:
        """Do what takes long and should be over before Ctrl-C means to end the training after a step."""

    def begin(self) -> None:
        """Begin a new training."""
        self.best = divergence.Best(self.network)
        for train_begin in self.hooks.train_begin:
            train_begin({})

    def end(self) -> None:
        """Let the callbacks end the training."""
        last = {key: values[-1] for key, values in self.history.items()}
        for train_end in self.hooks.train_end:
            train_end(last)

    # ---- one epoch --------------------------------------------------------------------------------------------

    def _epoch(self, bar: EpochBar, interrupt: Interruptible) -> None:
        """Train on every batch once, then validate; after resuming, finish the saved epoch."""
        position, setup = self.position, self.setup
        start = time.perf_counter() - position.seconds
        if position.epoch_start is None:
            self._begin_epoch()
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite raises DivergenceError
            self._batches(bar, interrupt, start)
            if position.n_batches == 0 or (interrupt.asked and not self.network.stop_training):
                return
            values = self._values()
            self._check_epoch(values["loss"])
            if setup.validation is not None:
                validated = self._evaluate(setup.validation)
                values |= {f"val_{key}": value for key, value in validated.items()}
        values["learning_rate"] = self.optimizer.state(self.network).learning_rate
        values["seconds"] = self.of_first(time.perf_counter() - start)
        if setup.warns and setup.together.train and position.epoch == 0 and isinstance(setup.source, Stream):
            suspicions.warn_if_output_is_wide(self.network, setup.source.some(JUDGED_BY))
        if position.epoch + 1 < self._epochs or self.saver.saves:  # nobody asks for the best after the last epoch
            self.best.consider(self.network, values)
        self.history.append(values)
        bar.finished(position.epoch, values)
        for epoch_end in self.hooks.epoch_end:
            epoch_end(position.epoch, values)
        self._agree_after_epoch()
        position.epoch, position.n_batches, position.seconds, position.epoch_start = position.epoch + 1, 0, 0.0, None
        self.saver.save_after_epoch(self)

    def _evaluate(self, validation: Examples | ValidationBatches) -> dict[str, float]:
        """Evaluate the network on the validation data."""
        batches = [validation] if isinstance(validation, Examples) else validation.batches()
        return self.network.evaluate_batches(batches, self.setup.metrics, engine=self.engine)

    def _begin_epoch(self) -> None:
        """Begin a new epoch: call the callbacks, and draw the order of the examples."""
        position, source, rng = self.position, self.setup.source, self.network.rng
        for epoch_begin in self.hooks.epoch_begin:
            epoch_begin(position.epoch, {})
        self.means.reset()
        position.n_batches = 0
        position.epoch_start = {"rng": rng.bit_generator.state, "source": source.get_state()}
        source.begin(rng)

    def _batches(self, bar: EpochBar, interrupt: Interruptible, start: float) -> None:
        """Make a step for each remaining batch of the epoch."""
        position, hooks, source, every = self.position, self.hooks, self.setup.source, self.saver.every

        def watch(n: int) -> bool:
            """Show the progress after n more steps, and tell whether to stop."""
            if source.n_steps is not None:
                bar.within(position.epoch, (position.n_batches + n) / source.n_steps)
            return self.network.stop_training or interrupt.asked

        for batch in self._remaining():
            for batch_begin in hooks.batch_begin:
                batch_begin(position.n_batches, {})
            J = self._advance(batch, watch)
            for batch_end in hooks.batch_end:
                batch_end(position.n_batches - 1, {"loss": J, "size": self._size(batch)})
            self._agree_after_step()
            if watch(0):
                break
            if every and position.n_steps % every == 0 and self.of_first(position.n_batches != source.n_steps):
                position.seconds = time.perf_counter() - start
                self.saver.save(self)
        position.seconds = time.perf_counter() - start
        if not (self.network.stop_training or interrupt.asked):
            self._check_source()

    def _remaining(self) -> Iterator[Examples]:
        """Yield the remaining batches of the epoch."""
        return self.setup.source.batches(skip=self.position.n_batches)

    def _advance(self, batch: Examples, watch: Callable[[int], bool]) -> float:
        """Make a step and count it. Return J. The compiled loop makes several steps, and asks ``watch`` meanwhile."""
        with self._flushed:
            J = self._step(batch)
        self.position.n_batches += 1
        self.position.n_steps += 1
        return J

    def _step(self, batch: Examples) -> float:
        """Make one training step: the four lines. Return J."""
        network, y = self.network, batch.y
        X, Y = self.signature.cast(batch.X), self.signature.target_rows(y)
        weights = weighted(batch.weights, self.setup.class_weight, y)

        step = network.new_pass(training=True, part=self._part(weights), observer=self._observer)
        Y_hat = step.forward(X)  # a[L]
        J = step.cost(Y, weights)  # the mean loss over the batch
        step.backward(Y, weights)  # dz[L] = (Y_hat - Y) / M, then dW, db down to layer 1
        J = self._sum(J)
        self._check_step(J, X)
        J += self.optimizer.penalty(network)
        self.optimizer.step(network)  # theta <- theta - learning_rate * ...

        self.means.add(J, y, Y_hat, weights)
        return J

    def _training_inputs(self) -> Iterator[Array]:
        """Yield X of the batches of an epoch."""
        source = self.setup.source
        source.begin(self.network.rng)
        for batch in source.batches():
            yield batch.X

    def _check_source(self) -> None:
        """End the training if the source gave fewer batches than an epoch has."""
        position, n_steps = self.position, self.setup.source.n_steps
        if position.n_batches == 0 or position.n_batches < (n_steps or 0):
            of = "" if n_steps is None else f" of {n_steps}"
            text = f"X: the source of batches ended after {position.n_batches}{of} in epoch {position.epoch + 1}"
            if position.epoch == position.n_batches == 0:
                raise ArgumentError(text)
            warnings.warn(f"{text}; the training ends here", stacklevel=2)
            self.network.stop_training = True

    def _look_back(self) -> None:
        """Warn, after the training, if the network is no better than the best constant guess."""
        position, history = self.position, self.history
        if history.interrupted or not self.setup.warns:
            return
        examples = self._some()
        if suspicions.is_long_enough(position.n_steps, position.epoch, examples):
            suspicions.warn_if_nothing_was_learned(
                self.network, examples, self.setup.class_weight, history["loss"][-position.epoch :]
            )

    # ---- what several processes do together: see parallel.py ---------------------------------------------------

    def of_first(self, value: Any) -> Any:
        """Return what the first process says, where clocks may differ."""
        return value

    def of_each(self, value: Any) -> Sequence[Any]:
        """Return what each process says, in their order."""
        return [value]

    def gather_means(self) -> None:
        """Let the first process have the means over what all processes have seen."""

    def rounded_off(self) -> dict[str, Any] | None:
        """Return what gradients of few bits have lost so far, and the next will make up for."""
        return None

    def set_rounded_off(self, state: dict[str, Any] | None) -> None:
        """Restore what gradients of few bits had lost."""

    def set_means(self, state: Mapping[str, Any]) -> None:
        """Restore the means of an epoch that a checkpoint has interrupted."""
        self.means.set_state(state)

    def _interruptible(self) -> Interruptible:
        """Return what takes Ctrl-C."""
        return Interruptible()

    def _part(self, weights: Array | None) -> BatchPart | None:
        """Return the part of the batch that this process has; None for all of it."""
        return None

    def _size(self, batch: Examples) -> int:
        """Return the number of examples in the whole batch."""
        return batch.size

    def _sum(self, J: float) -> float:
        """Add up the gradients of all processes, and their shares of the cost."""
        return J

    def _values(self) -> dict[str, float]:
        """Return the loss, the accuracy and the metrics of the epoch."""
        return self.means.values()

    def _agree_after_step(self) -> None:
        """Stop if a callback of any process wants it."""

    def _agree_after_epoch(self) -> None:
        """Stop if a callback of any process wants it, and check that all have the same weights."""

    # ---- NaN and infinity -------------------------------------------------------------------------------------

    def _check_step(self, J: float, X: Array) -> None:
        """Raise DivergenceError if the cost or the gradient is not finite."""
        if not (math.isfinite(J) and divergence.all_finite(self.network.grad)):
            self._give_up(divergence.first_wrong(self.network, X) or f"the cost J is {J}", self.position.n_batches)

    def _check_epoch(self, loss: float) -> None:
        """Raise DivergenceError if the epoch ends with a cost or weights that are not finite."""
        if not self.means.weight:
            n, epoch = self.means.n_examples, self.position.epoch + 1
            times = "" if self.setup.class_weight is None else " (times class_weight)"
            raise ArgumentError(
                f"sample_weight: the weights of all {n} examples of epoch {epoch} are 0{times}, so that "
                f"there is nothing to learn from; give a weight above 0 to some examples"
            )
        where = divergence.wrong_weights(self.network)
        if where is None and not np.isfinite(loss):
            where = f"the cost J is {loss}"
        if where is not None:
            self._give_up(where, self.position.n_batches - 1)

    def _give_up(self, where: str, step: int) -> None:
        """Restore the best weights and raise DivergenceError."""
        self.best.restore(self.network, self._present_loss)
        error = divergence.error(where, self.position.epoch, step, suspicions.causes(self.network, self._some()))
        error.history = self.history
        raise error

    def _some(self, n: int = JUDGED_BY) -> Examples | None:
        """Return up to n training examples, evenly spread, or those of the first batches; None if there are none."""
        return self.setup.source.some(n)

    def _present_loss(self) -> float:
        """Estimate the loss of the present weights from some examples, evenly spread."""
        some = self._some(256) if self.setup.validation is None else self.setup.validation.some(256)
        if some is None:
            return np.inf
        with np.errstate(all="ignore"):
            return self.network.evaluate_examples(some)["loss"]
