"""What happens beside training: stopping early, saving, logging, averaging weights.

A callback's methods are called by `Model.fit` at the beginning and end of the training, of each epoch and of each
batch. Those that a callback does not override are never called.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.normalization import BatchNorm

if TYPE_CHECKING:
    from nnlite.model import Model
    from nnlite.optimizers import Optimizer

Logs = Mapping[str, float]
EVENTS = ("train_begin", "train_end", "epoch_begin", "epoch_end", "batch_begin", "batch_end")


class Callback:
    """Base class: override what you need.

    Epochs and batches count from 0. ``logs`` has what is known by then: at the end of a batch ``loss`` and ``size``,
    at the end of an epoch what the history records.

    Attributes
    ----------
    model : Model
        The network in training, set before `on_train_begin`.
    optimizer : Optimizer
        Its optimizer.
    training_inputs : callable
        ``training_inputs()`` iterates over the X of the training batches once (of a generator, those of one more
        epoch); there only until the training ends.

    Examples
    --------
    >>> class StopAtLoss(Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         if logs["loss"] < 0.1:
    ...             self.model.stop_training = True
    """

    model: Model
    optimizer: Optimizer
    training_inputs: Callable[[], Iterator[Array]]

    @property
    def may_add_keys(self) -> bool:
        """Whether a user's code may add to the logs of an epoch, for the callbacks behind it."""
        own = type(self).__module__ == __name__ and not isinstance(self, LambdaCallback)
        return not own and _overrides(self, "on_epoch_end")

    def check_keys(self, keys: Sequence[str]) -> None:
        """Raise ArgumentError if the logs of an epoch, which will have ``keys``, will lack what is needed.

        `fit` asks before anything changes.
        """

    def on_train_begin(self, logs: Logs) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs) -> None:
        """After the last epoch, with its logs."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Before the first batch of an epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After validation."""

    def on_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before a step."""

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """After a step."""


class Hooks:
    """The methods of all callbacks that were overridden, by event.

    Parameters
    ----------
    callbacks : iterable of Callback
    """

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self.callbacks = list(callbacks)
        for event in EVENTS:
            name = f"on_{event}"
            methods = [getattr(c, name) for c in self.callbacks if _overrides(c, name)]
            setattr(self, event, methods)

    train_begin: list[Callable[[Logs], None]]
    train_end: list[Callable[[Logs], None]]
    epoch_begin: list[Callable[[int, Logs], None]]
    epoch_end: list[Callable[[int, Logs], None]]
    batch_begin: list[Callable[[int, Logs], None]]
    batch_end: list[Callable[[int, Logs], None]]


def _overrides(callback: Callback, name: str) -> bool:
    return name in vars(callback) or getattr(type(callback), name) is not getattr(Callback, name)


def check_callbacks(callbacks: Any) -> list[Callback]:
    """``callbacks`` as a list; raises ArgumentError for what is none."""
    if callbacks is None:
        return []
    if isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable):
        raise ArgumentError(f"callbacks: expected a list of callbacks, got {callbacks!r}")
    result = list(callbacks)
    for callback in result:
        if not isinstance(callback, Callback):
            hint = f"; write {callback.__name__}(...)" if isinstance(callback, type) else ""
            raise ArgumentError(f"callbacks: expected objects of subclasses of Callback, got {callback!r}{hint}")
    return result


class LambdaCallback(Callback):
    """Functions in place of methods.

    Parameters
    ----------
    on_train_begin, on_train_end : callable, optional
        Called with ``(logs)``.
    on_epoch_begin, on_epoch_end : callable, optional
        Called with ``(epoch, logs)``.
    on_batch_begin, on_batch_end : callable, optional
        Called with ``(batch, logs)``.

    Raises
    ------
    ArgumentError
        If a name is no event or a value cannot be called.

    Examples
    --------
    >>> show = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    """

    def __init__(self, **functions: Callable[..., None]) -> None:
        events = [f"on_{event}" for event in EVENTS]
        for name, function in functions.items():
            if name not in events:
                raise ArgumentError(f"{name}: is no event; choose from {', '.join(events)}")
            if not callable(function):
                raise ArgumentError(f"{name}: expected a function, got {function!r}")
            setattr(self, name, function)


class Monitor:
    """Watches one value of the logs for improvement.

    Parameters
    ----------
    monitor : str
        Its key.
    mode : {"auto", "min", "max"}
        Which way is better; "auto" knows losses and errors, accuracies and the metrics of `nnlite.metrics`.
    min_delta : float
        By how much a value must be better to count, at least 0.
    """

    LOWER = ("loss", "mae", "mse", "error", "ece", "seconds")
    HIGHER = ("acc", "accuracy", "precision", "recall", "f1", "roc_auc", "r2")

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        if not isinstance(monitor, str):
            raise ArgumentError(f"monitor: expected a key of the logs such as 'val_loss', got {monitor!r}")
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"mode: expected 'auto', 'min' or 'max', got {mode!r}")
        self.monitor = monitor
        self.sign = {"min": 1, "max": -1}.get(mode) or self._known_sign()
        self.min_delta = checks.real("min_delta", min_delta, minimum=0)
        self.forget()

    def forget(self) -> None:
        """Start anew: whatever comes next is better."""
        self.best = math.inf * self.sign

    def _known_sign(self) -> int:
        name = f"_{self.monitor.removeprefix('val_')}_"
        if any(f"_{word}_" in name for word in self.LOWER):
            return 1
        if any(f"_{word}_" in name for word in self.HIGHER):
            return -1
        raise ArgumentError(f"mode: say 'min' or 'max', 'auto' does not know which way {self.monitor!r} is better")

    def require(self, keys: Iterable[str]) -> None:
        """Raise ArgumentError if the watched value is not among ``keys``."""
        if self.monitor not in keys:
            hint = "; val_ values need validation data" if self.monitor.startswith("val_") else ""
            raise ArgumentError(f"monitor: {self.monitor!r} is not in the logs, which have {', '.join(keys)}{hint}")

    def improves(self, logs: Logs) -> bool:
        """Whether the value is better than the best so far, which it then becomes. NaN never is."""
        self.require(logs)
        value = logs[self.monitor]
        better = self.sign * (self.best - value) > self.min_delta
        if better:
            self.best = value
        return better


class EarlyStopping(Callback):
    """Stop when the monitored value has not improved for ``patience`` epochs, and go back to the best weights.

    Parameters
    ----------
    monitor : str, default "val_loss"
    min_delta : float, default 0
        By how much a value must be better to count as an improvement.
    patience : int, default 0
        After so many epochs in a row without improvement the training is stopped, as in Keras; 0 is as good as 1.
    mode : {"auto", "min", "max"}, default "auto"
        Which way is better.
    restore_best_weights : bool, default True
        End with the parameters (and running averages) of the best epoch, also where the training was not stopped.

    Attributes
    ----------
    best_epoch : int or None
        Counted from 0.
    stopped_epoch : int or None
        The epoch after which training was stopped, if it was.

    Raises
    ------
    ArgumentError
        If a value is out of its range; in `fit`, if ``monitor`` is not in the logs.

    References
    ----------
    L. Prechelt, "Early stopping - but when?", 1998.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        mode: str = "auto",
        restore_best_weights: bool = True,
    ) -> None:
        self.monitor = Monitor(monitor, mode, min_delta)
        self.patience = checks.integer("patience", patience, minimum=0)
        self.restore_best_weights = checks.boolean("restore_best_weights", restore_best_weights)
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self._best: tuple[Array, Array] | None = None

    def check_keys(self, keys: Sequence[str]) -> None:
        """``monitor`` must be there."""
        self.monitor.require(keys)

    def on_train_begin(self, logs: Logs) -> None:
        """Forget an earlier training."""
        self.monitor.forget()
        self.best_epoch = self.stopped_epoch = self._best = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Remember the best, and stop after ``patience`` epochs without a better one."""
        if self.monitor.improves(logs):
            self.best_epoch = epoch
            if self.restore_best_weights:
                self._best = self.model.theta.copy(), self.model.state.copy()
        elif epoch - (-1 if self.best_epoch is None else self.best_epoch) >= max(self.patience, 1):
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs) -> None:
        """Go back to the best weights."""
        if self._best is not None:
            self.model.theta, self.model.state = self._best
            self._best = None


class ReduceOnPlateau(Callback):
    """Multiply the learning rate by ``factor`` when the monitored value has not improved for ``patience`` epochs.

    Parameters
    ----------
    monitor : str, default "val_loss"
    factor : float, default 0.1
        In (0, 1).
    patience : int, default 10
        Epochs in a row without improvement that are borne before the next one reduces, as in PyTorch; at least 0.
    min_delta : float, default 1e-4
        By how much a value must be better to count as an improvement.
    mode : {"auto", "min", "max"}, default "auto"
        Which way is better.
    cooldown : int, default 0
        Epochs after a reduction that do not count.
    min_learning_rate : float, default 0
        The rate is not reduced below.

    Raises
    ------
    ArgumentError
        If a value is out of its range; in `fit`, if ``monitor`` is not in the logs or the optimizer has a schedule.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        min_delta: float = 1e-4,
        mode: str = "auto",
        cooldown: int = 0,
        min_learning_rate: float = 0.0,
    ) -> None:
        self.monitor = Monitor(monitor, mode, min_delta)
        self.factor = checks.real("factor", factor, above=0, below=1)
        self.patience = checks.integer("patience", patience, minimum=0)
        self.cooldown = checks.integer("cooldown", cooldown, minimum=0)
        self.min_learning_rate = checks.real("min_learning_rate", min_learning_rate, minimum=0)

    def check_keys(self, keys: Sequence[str]) -> None:
        """``monitor`` must be there."""
        self.monitor.require(keys)
        if callable(self.optimizer.learning_rate):
            raise ArgumentError(
                f"callbacks: ReduceOnPlateau needs a learning rate that is a number, "
                f"got the schedule {self.optimizer.learning_rate!r}"
            )

    def on_train_begin(self, logs: Logs) -> None:
        """Forget an earlier training."""
        self.monitor.forget()
        self._waited = self._cooling = 0

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Count, and reduce."""
        self._cooling = max(0, self._cooling - 1)
        if self.monitor.improves(logs):
            self._waited = 0
        elif self._cooling == 0:
            self._waited += 1
        if self._waited > self.patience:
            rate = self.optimizer.learning_rate
            assert not callable(rate)
            self.optimizer.learning_rate = min(rate, max(rate * self.factor, self.min_learning_rate))
            self._waited, self._cooling = 0, self.cooldown + 1


class ModelCheckpoint(Callback):
    """Save the model after every epoch, or after every one that is the best so far.

    Parameters
    ----------
    path : path-like
        Where; may name values of the logs and the epoch from 1, as in ``"runs/{epoch:03d}-{val_loss:.3f}.npz"``.
    monitor : str, default "val_loss"
    save_best_only : bool, default False
    mode : {"auto", "min", "max"}, default "auto"
        Which way is better.

    Raises
    ------
    ArgumentError
        If a value is out of its range; in `fit`, if ``monitor`` or a name in ``path`` is not in the logs.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str = "val_loss",
        save_best_only: bool = False,
        mode: str = "auto",
    ) -> None:
        self.path = checks.path("path", path)
        self.save_best_only = checks.boolean("save_best_only", save_best_only)
        self.monitor = Monitor(monitor, mode)

    def check_keys(self, keys: Sequence[str]) -> None:
        """``monitor``, if it decides, and the names in ``path`` must be there."""
        if self.save_best_only:
            self.monitor.require(keys)
        folder = os.path.dirname(self._name(0, dict.fromkeys(keys, 0.0)))
        if folder and not os.path.isdir(folder):
            raise ArgumentError(f"path: expected a path in a directory that exists, got {self.path!r}")

    def on_train_begin(self, logs: Logs) -> None:
        """Forget an earlier training."""
        self.monitor.forget()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Save."""
        if not self.save_best_only or self.monitor.improves(logs):
            self.model.save(self._name(epoch, logs))

    def _name(self, epoch: int, logs: Logs) -> str:
        try:
            return self.path.format(epoch=epoch + 1, **logs)
        except KeyError as error:
            raise ArgumentError(
                f"path: {error.args[0]!r} in {self.path!r} is not in the logs, which have epoch, {', '.join(logs)}"
            ) from None
        except (IndexError, TypeError, ValueError, AttributeError) as error:
            raise ArgumentError(
                f"path: expected names and formats as in '{{epoch:03d}}-{{val_loss:.3f}}.npz', "
                f"got {self.path!r} ({error})"
            ) from None


class CSVLogger(Callback):
    """Write a row for each epoch as soon as it ends: ``epoch`` (from 1), then what the history records.

    Parameters
    ----------
    path : path-like
    append : bool, default False
        Go on below what is in the file, instead of replacing it.

    Raises
    ------
    ArgumentError
        If a value is none; in `fit`, if the file that is appended to has other columns.
    OSError
        In `fit`, before the first epoch, if the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], append: bool = False) -> None:
        self.path = checks.path("path", path)
        self.append = checks.boolean("append", append)

    def on_train_begin(self, logs: Logs) -> None:
        """Empty the file, or read the header that it has."""
        import csv

        # a path that cannot be written to is known before the first epoch
        with open(self.path, "a+" if self.append else "w+", newline="", encoding="utf-8") as file:
            file.seek(0)
            self._header = next(csv.reader(file), [])

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Write the row."""
        import csv

        columns = ["epoch", *logs]
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if not self._header:
                writer.writerow(columns)
                self._header = columns
            if columns != self._header:
                raise ArgumentError(
                    f"append: expected the columns that {self.path!r} has, {', '.join(self._header)}, "
                    f"got {', '.join(columns)}"
                )
            writer.writerow([epoch + 1, *logs.values()])


class EMA(Callback):
    r"""End with an exponential moving average of the weights, ``theta_bar <- decay theta_bar + (1 - decay) theta``.

    The average is taken after every step, from the first step's weights on; it remembers about ``1 / (1 - decay)``
    steps, of which a training should have many times more. While training goes on, the network (and so its
    validation) has the plain weights.

    Parameters
    ----------
    decay : float, default 0.999
        In [0, 1).

    Attributes
    ----------
    average : ndarray, (n_parameters,)
        theta_bar.

    References
    ----------
    B. T. Polyak and A. B. Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = checks.real("decay", decay, minimum=0, below=1)
        self.average: Array | None = None

    def on_train_begin(self, logs: Logs) -> None:
        """Forget an earlier training."""
        self.average = None
        self._difference = np.empty_like(self.model.theta)

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """``theta_bar += (1 - decay) (theta - theta_bar)``."""
        if self.average is None:
            self.average = self.model.theta.copy()
            return
        difference = np.subtract(self.model.theta, self.average, out=self._difference)
        difference *= 1 - self.decay
        self.average += difference

    def on_train_end(self, logs: Logs) -> None:
        """Give the network the average."""
        if self.average is not None:
            self.model.theta = self.average
            refresh_running_averages(self)


class SWA(Callback):
    r"""End with the mean of the weights after each epoch from ``start_epoch`` on (stochastic weight averaging).

    Parameters
    ----------
    start_epoch : int
        The first epoch whose weights count, from 0; usually after three quarters of the training.

    Attributes
    ----------
    average : ndarray, (n_parameters,)
        The mean so far.

    References
    ----------
    P. Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018.
    """

    def __init__(self, start_epoch: int) -> None:
        self.start_epoch = checks.integer("start_epoch", start_epoch, minimum=0)
        self.average: Array | None = None

    def on_train_begin(self, logs: Logs) -> None:
        """Forget an earlier training."""
        self.average = None
        self._count = 0

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """``mean += (theta - mean) / n``."""
        if epoch >= self.start_epoch:
            self._count += 1
            if self.average is None:
                self.average = self.model.theta.copy()
            else:
                self.average += (self.model.theta - self.average) / self._count

    def on_train_end(self, logs: Logs) -> None:
        """Give the network the mean."""
        if self.average is None:
            warnings.warn(
                f"SWA: the training ended before epoch {self.start_epoch}; nothing was averaged", stacklevel=2
            )
        else:
            self.model.theta = self.average
            refresh_running_averages(self)


def refresh_running_averages(callback: Callback) -> None:
    """After weights were averaged: BatchNorm's running averages are those of other weights, so take them anew.

    The training batches go through the network once; each running average becomes the mean over them. A generator
    is asked for those of one more epoch.
    """
    model = callback.model
    norms = [layer for layer in model.all_layers() if isinstance(layer, BatchNorm) and layer.trainable]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    n_batches = 0
    try:
        for X in callback.training_inputs():
            if len(X) == 1:  # has no variance
                continue
            n_batches += 1
            for norm in norms:
                norm.momentum = 1 / n_batches
            model._training_pass().forward(X, training=True)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
    if n_batches == 0:
        raise ArgumentError(
            f"X: {type(callback).__name__} needs the batches of one more epoch for the running averages of BatchNorm, "
            f"and the source had none left"
        )
