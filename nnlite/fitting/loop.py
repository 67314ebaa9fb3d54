"""One training: four lines a step in a loop, with batches, validation and a history around them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.callbacks import Hooks
from nnlite.checks import Array
from nnlite.engine import openblas
from nnlite.errors import ArgumentError
from nnlite.fitting import divergence
from nnlite.fitting.batches import Arrays, Chunk, Examples, Stream
from nnlite.fitting.history import History
from nnlite.fitting.interrupts import Interruptible
from nnlite.layers import Cache
from nnlite.network import examples as data
from nnlite.network.means import Metrics, Running
from nnlite.optimizers import Optimizer
from nnlite.progress import EpochBar
from nnlite.storage.directory import CheckpointDirectory

if TYPE_CHECKING:
    from nnlite.model import Model


FORM = 4  # of what a checkpoint says; another one cannot be gone on with


class Run:
    """One call of `Model.fit`, with everything checked.

    Parameters
    ----------
    model : Model
    optimizer : Optimizer
    source : Arrays or Stream
        Of the batches.
    weight_of_class : ndarray, (C,), or None
    validation : Examples or None
    metrics : sequence of (str, callable)
    hooks : Hooks
        The callbacks.
    keys : list of str
        Of what the history will record.
    directory : CheckpointDirectory or None
        For checkpoints.
    """

    def __init__(
        self,
        model: Model,
        optimizer: Optimizer,
        source: Arrays | Stream,
        weight_of_class: Array | None,
        validation: Examples | None,
        metrics: Metrics,
        hooks: Hooks,
        keys: list[str],
        directory: CheckpointDirectory | None,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.source = source
        self.weight_of_class = weight_of_class
        self.validation = validation
        self.metrics = metrics
        self.hooks = hooks
        self.directory = directory
        self.running = Running(model.output, metrics, model.dtype)
        self.history = History()
        self.best: divergence.Best | None = None
        # where the training is; a checkpoint says the same
        self.epoch = self.n_batches = self.n_steps = 0
        self.seconds = 0.0  # of the present epoch, before the training went on
        self.at_epoch_start: dict[str, Any] | None = None  # the generator and the source
        self._given = _numbers(optimizer)  # to tell what callbacks change
        self._changed: set[str] = set()
        self._set_up = {} if directory is None else self._describe(keys)

    # ---- epochs and steps ---------------------------------------------------------------------------------------

    def epochs(self, epochs: int, progress: bool) -> History:
        """Train until there were so many epochs, or until a callback or the user has had enough."""
        model, hooks = self.model, self.hooks
        for callback in hooks.callbacks:
            callback.training_inputs = self._training_inputs
        model.stop_training = False
        try:
            if self.directory is None or self.directory.saved is None:
                self._begin()
            elif self._resume(epochs):
                return self.history
            with EpochBar(epochs, progress, self.epoch) as bar, Interruptible() as interrupt:
                while self.epoch < epochs and not model.stop_training and not interrupt.asked:
                    self._epoch(bar, interrupt)
                self.history.interrupted = interrupt.asked
                self._end(interrupt)
        finally:
            model._training_pass().forget()
            for callback in hooks.callbacks:
                vars(callback).pop("training_inputs", None)  # it holds the data
        return self.history

    def _epoch(self, bar: EpochBar, interrupt: Interruptible) -> None:
        """Train on every batch once, then validate; or on those that are left of an epoch that was begun before."""
        start = time.perf_counter() - self.seconds
        if self.at_epoch_start is None:
            for epoch_begin in self.hooks.epoch_begin:
                epoch_begin(self.epoch, {})
            self.running.begin()
            self.n_batches = 0
            self.at_epoch_start = {"rng": self.model.rng.bit_generator.state, "source": self.source.get_state()}
            self.source.begin(self.model)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is noticed, and said better
            self._train(bar, interrupt, start)
            if self.n_batches == 0 or (interrupt.asked and not self.model.stop_training):
                return  # to go on with the epoch later, unless a source has run dry
            values = self.running.values()
            self._check_epoch(values["loss"])
            if self.validation is not None:
                validated = self.model._evaluate(self.validation, self.metrics)
                values |= {f"val_{key}": value for key, value in validated.items()}
        values["learning_rate"] = self.optimizer.state(self.model).learning_rate
        values["seconds"] = time.perf_counter() - start
        assert self.best is not None
        self.best.consider(self.model, values)
        self.history.append(values)
        bar.finished(self.epoch, values)
        for epoch_end in self.hooks.epoch_end:
            epoch_end(self.epoch, values)
        self.epoch, self.n_batches, self.seconds, self.at_epoch_start = self.epoch + 1, 0, 0.0, None
        self._save()

    def _train(self, bar: EpochBar, interrupt: Interruptible, start: float) -> None:
        """One step for each batch that is left of the epoch."""
        model, hooks, source = self.model, self.hooks, self.source
        every = None if self.directory is None else self.directory.options.every
        one_by_one = bool(hooks.batch_begin or hooks.batch_end or every)
        for chunk in source.chunks(model, one_by_one=one_by_one, skip=self.n_batches):
            for batch_begin in hooks.batch_begin:
                batch_begin(self.n_batches, {})
            last = self._train_on(chunk, interrupt)
            if hooks.batch_end:
                logs = {"loss": self.running.loss_of(*last), "size": chunk.examples.size}
                for batch_end in hooks.batch_end:
                    batch_end(self.n_batches - 1, logs)
            if source.n_steps is not None:
                bar.within(self.epoch, self.n_batches / source.n_steps)
            if model.stop_training or interrupt.asked:
                break
            if every and self.n_steps % every == 0 and self.n_batches != source.n_steps:
                self.seconds = time.perf_counter() - start
                self._save()
        self.seconds = time.perf_counter() - start
        if not (model.stop_training or interrupt.asked):
            self._notice_a_dry_source()

    def _train_on(self, chunk: Chunk, interrupt: Interruptible) -> tuple[Array, Array, Array | None]:
        """One step for each batch of the chunk: the four lines. Return z[L], Y and the weights of the last batch."""
        model, optimizer = self.model, self.optimizer
        step = model._training_pass()  # another one where a callback has frozen or freed a layer
        X, y, weights, _ = chunk.examples
        X, Y, weights = data.cast(X, "X", step.batch), step.target_rows(y), self._weighted(y, weights, step.batch)
        z = self.running.array_for_z((len(Y), *step.shapes[-1]))  # z[L] of all batches
        self.running.warm_up(z, Y, y)
        sensor, is_finite = divergence.sensor(model), divergence.is_finite
        for batch in chunk.batches:
            weight = None if weights is None else weights[batch]
            step.forward(X[batch], training=True)
            z[batch] = step.z
            step.backward(Y[batch], weight)
            if not is_finite(sensor):
                self._look_at(step.z, X[batch], Y[batch], weight)
            optimizer.step(model)
            self.n_batches += 1
            self.n_steps += 1
            if interrupt.asked:
                break
        seen = slice(batch.stop)
        self.running.add(z[seen], Y[seen], y[seen], None if weights is None else weights[seen])
        return step.z, Y[batch], weight

    def _weighted(self, y: Array, weights: Array | None, cache: Cache) -> Array | None:
        """The examples' own weights times those of their classes, as far as there are such."""
        if self.weight_of_class is None:
            return weights
        of_class = data.take(self.weight_of_class, classes_of(y), "class_weights", cache)
        return of_class if weights is None else np.multiply(of_class, weights, out=of_class)

    def _training_inputs(self) -> Iterator[Array]:
        """X of the batches of an epoch."""
        self.source.begin(self.model)
        for chunk in self.source.chunks(self.model):
            for batch in chunk.batches:
                yield chunk.examples.X[batch].copy()

    def _notice_a_dry_source(self) -> None:
        """A source that gave fewer batches than it should ends the training, with what was learned until then."""
        n_batches, n_steps = self.n_batches, self.source.n_steps
        if n_batches == 0 or n_batches < (n_steps or 0):
            of = "" if n_steps is None else f" of {n_steps}"
            text = f"X: the source of batches ran dry after {n_batches}{of} in epoch {self.epoch + 1}"
            if self.epoch == n_batches == 0:
                raise ArgumentError(text)
            warnings.warn(f"{text}; the training ends here", stacklevel=2)
            self.model.stop_training = True

    def _look_at(self, z: Array, X: Array, Y: Array, weights: Array | None) -> None:
        """Give up, unless only the squares of the gradient are too large, and all numbers are finite."""
        loss = self.running.loss_of(z, Y, weights)
        if not (np.isfinite(loss) and np.isfinite(self.model.grad).all()):
            where = divergence.first_wrong(self.model, self.model._training_pass(), X)
            self._give_up(where or f"the cost J is {loss}", self.n_batches)

    def _check_epoch(self, loss: float) -> None:
        """Give up if the epoch ends with a cost or weights that are not finite."""
        where = divergence.wrong_weights(self.model)
        if where is None and self.running.weight and not np.isfinite(loss):
            where = f"the cost J is {loss}"
        if where is not None:
            self._give_up(where, self.n_batches - 1)

    def _give_up(self, where: str, step: int) -> None:
        """Go back to the best weights and raise DivergenceError."""
        assert self.best is not None
        self.best.restore(self.model, self._loss_now)
        error = divergence.error(where, self.epoch, step)
        error.history = self.history
        raise error

    # ---- the beginning, the end, and going on ---------------------------------------------------------------------

    def _end(self, interrupt: Interruptible) -> None:
        """Let the callbacks end. What they change comes into the last checkpoint beside what was before."""
        model, callbacks, interrupted = self.model, self.hooks.callbacks, interrupt.asked
        if interrupted:
            self._save()
        going_on = None
        if self.directory is not None and not interrupted:
            going_on = self._state() | {"theta": model.theta.copy(), "state": model.state.copy()}
        last = {key: values[-1] for key, values in self.history.items()}
        for end in self.hooks.train_end:
            end(last)
        if going_on is not None:
            ends = {"theta": model.theta, "state": model.state, "rng": model.rng.bit_generator.state}
            going_on["end"] = ends | {"callbacks": [callback.get_state() for callback in callbacks]}
            self._save(going_on)

    def _begin(self) -> None:
        self.best = divergence.Best(self.model)
        for begin in self.hooks.train_begin:
            begin({})
        if self.directory is not None:
            for callback in self.hooks.callbacks:
                if callback.forgotten:
                    what = f"{type(callback).__name__} loses {', '.join(callback.forgotten)} when the training goes on"
                    warnings.warn(f"checkpoint: {what}: no file can hold it; see Callback.get_state", stacklevel=2)
        self._save()

    def _loss_now(self) -> float:
        """About the loss of the present weights: on some examples, evenly spread."""
        examples = self.validation or getattr(self.source, "examples", None)
        if examples is None:
            return np.inf
        rows = np.linspace(0, examples.size - 1, min(examples.size, 256)).astype(np.intp)
        some = examples._replace(rows=rows if examples.rows is None else examples.rows[rows])
        with np.errstate(all="ignore"):
            return self.model._evaluate(some)["loss"]

    def check_saved(self) -> None:
        """Raise ArgumentError if what was saved is of another training than this; nothing has changed yet."""
        if self.directory is None or self.directory.saved is None:
            return
        path, saved = self.directory.path, self.directory.saved
        if saved.get("form") != FORM:
            raise ArgumentError(
                f"checkpoint: {path!r} was written by another version of nnlite; go on with that one, or give another "
                f"directory"
            )
        for what, value in self._set_up.items():
            if saved["set_up"][what] != value:
                raise ArgumentError(
                    f"checkpoint: {path!r} is of another training, with {what} {saved['set_up'][what]}, got {value}; "
                    f"go on with the same, or give another directory"
                )

    def _describe(self, keys: list[str]) -> dict[str, str]:
        """What must be the same when a training goes on. Layers may be frozen meanwhile."""
        return {
            "network": repr(self.model).replace(", trainable=False", ""),
            "features": str(self.source.input_shape),
            "seed": str(self.model.seed),
            "dtype": self.model.dtype.name,
            "history": ", ".join(keys),
            "optimizer": type(self.optimizer).__name__,
            "batches": self.source.set_up(),
            "data": self.source.fingerprint(),
            "validation data": "none" if self.validation is None else self.validation.fingerprint(),
            "class weights": "none" if self.weight_of_class is None else str(self.weight_of_class.tolist()),
            "callbacks": ", ".join(type(callback).__name__ for callback in self.hooks.callbacks) or "none",
        }

    def _save(self, values: dict[str, Any] | None = None) -> None:
        """Write a checkpoint."""
        if self.directory is not None:
            self.directory.save(self.n_steps, values or self._state())

    def _state(self) -> dict[str, Any]:
        """Everything that the rest of the training depends on; its arrays are live."""
        assert self.best is not None
        model, optimizer = self.model, self.optimizer
        numbers = _numbers(optimizer)
        self._changed |= {name for name, value in numbers.items() if self._given.get(name) != value}
        return {
            "form": FORM,
            "set_up": self._set_up,
            "rounding": openblas.rounding,
            "epoch": self.epoch,
            "n_batches": self.n_batches,
            "n_steps": self.n_steps,
            "seconds": self.seconds,
            "at_epoch_start": self.at_epoch_start,
            "stopped": model.stop_training,
            "theta": model.theta,
            "state": model.state,
            "end": None,
            "trainable": [layer.trainable for layer in model.all_layers()],
            "rng": model.rng.bit_generator.state,
            "entropy": model._entropy,
            "source": self.source.get_state(),
            "optimizer": optimizer.get_state(model),
            "changed": {name: numbers[name] for name in sorted(self._changed)},
            "running": self.running.get_state(),
            "history": dict(self.history),
            "best": self.best.get_state(),
            "callbacks": [callback.get_state() for callback in self.hooks.callbacks],
        }

    def _resume(self, epochs: int) -> bool:
        """Go on from the checkpoint; return whether there is nothing left to do."""
        assert self.directory is not None
        saved, model = self.directory.saved, self.model
        assert saved is not None
        done = saved["end"] is not None and (saved["epoch"] >= epochs or saved["stopped"])
        if not done:
            self._compare_rounding(saved["rounding"])
        of_callbacks = saved["end"]["callbacks"] if done else saved["callbacks"]
        for callback, state in zip(self.hooks.callbacks, of_callbacks, strict=True):
            # before all else is restored: what it does at the beginning of a training must have no effect
            if done:
                callback.set_state(state)
            else:
                callback.on_train_resume(state)
        for layer, trainable in zip(model.all_layers(), saved["trainable"], strict=True):
            if layer.trainable != trainable:
                layer.trainable = trainable
        model.theta, model.state = saved["theta"], saved["state"]
        model._entropy = saved["entropy"]
        self._changed = set(saved["changed"])
        for name, value in saved["changed"].items():
            setattr(self.optimizer, name, value)
        self.optimizer.set_state(model, saved["optimizer"])
        self.running.set_state(saved["running"])
        self.history.update(saved["history"])
        self.history.resumed_at = saved["epoch"]
        self.best = divergence.Best(model)
        self.best.set_state(saved["best"])
        for name in ("epoch", "n_batches", "n_steps", "seconds", "at_epoch_start"):
            setattr(self, name, saved[name])
        model.stop_training = saved["stopped"]
        if self.at_epoch_start is not None:  # in the middle of an epoch: its order is drawn again
            model.rng.bit_generator.state = self.at_epoch_start["rng"]
            self.source.set_state(self.at_epoch_start["source"])
            self.source.begin(model)
        else:
            self.source.set_state(saved["source"])
        model.rng.bit_generator.state = saved["rng"]
        if done:
            model.theta, model.state = saved["end"]["theta"], saved["end"]["state"]
            model.rng.bit_generator.state = saved["end"]["rng"]
        return done

    def _compare_rounding(self, before: str) -> None:
        """Warn where products were rounded otherwise than now."""
        if before != openblas.rounding:
            warnings.warn(
                f"checkpoint: matrix products were made with {before}, now with {openblas.rounding}, so that the last "
                f"digits may differ from those of one training; set the same {openblas.KERNELS} and "
                f"{openblas.THREADS[0]} each time, and import nnlite before NumPy each time, or never",
                stacklevel=6,
            )


def _numbers(optimizer: Optimizer) -> dict[str, Any]:
    """The hyperparameters that are numbers, which callbacks may change."""
    values = {name: value for name, value in vars(optimizer).items() if not name.startswith("_")}
    values["learning_rate"] = optimizer.learning_rate
    return {name: value for name, value in values.items() if value is None or isinstance(value, (bool, int, float))}


def classes_of(y: Array) -> Array:
    """Class of each example, from class indices or rows."""
    if y.ndim == 1:
        return y
    return (y[:, 0] > 0.5).astype(np.intp) if y.shape[1] == 1 else y.argmax(axis=1)
