"""Callbacks that monitor one value of the logs: early stopping, reducing the learning rate, keeping the best."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nnlite import checks
from nnlite.callbacks.base import Callback, Logs, Remembering
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.storage import model_files


class Monitor(Remembering):
    """Tells whether one value of the logs improves.

    Parameters
    ----------
    monitor : str
        The key of the value.
    mode : {"auto", "min", "max"}
        Whether lower or higher is better; "auto" knows losses, errors, accuracies and the metrics of `nnlite.metrics`.
    min_delta : float
        The smallest improvement that counts, at least 0.
    """

    LOWER = ("loss", "mae", "mse", "error", "ece", "seconds")
    HIGHER = ("acc", "accuracy", "precision", "recall", "f1", "roc_auc", "r2")

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        if not isinstance(monitor, str):
            raise ArgumentError(f"monitor: expected a key of the logs such as 'val_loss', got {monitor!r}")
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"mode: expected 'auto', 'min' or 'max', got {mode!r}")
        self.monitor = monitor
        self.mode = mode
        self.sign = {"min": 1, "max": -1}.get(mode) or self._known_sign()
        self.min_delta = checks.real("min_delta", min_delta, minimum=0)
        self.forget()

    def forget(self) -> None:
        """Start again: the next value is an improvement."""
        self.best = math.inf * self.sign

    def __repr__(self) -> str:
        return repr(self.monitor)

    def get_state(self) -> dict[str, Any]:
        """Return the best value so far."""
        return {"best": self.best}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore the best value."""
        self.best = state["best"]

    def _known_sign(self) -> int:
        name = f"_{self.monitor.removeprefix('val_')}_"
        if any(f"_{word}_" in name for word in self.LOWER):
            return 1
        if any(f"_{word}_" in name for word in self.HIGHER):
            return -1
        raise ArgumentError(f"mode: expected 'min' or 'max', because 'auto' does not know {self.monitor!r}, got 'auto'")

    def require(self, keys: Iterable[str]) -> None:
        """Raise ArgumentError if the monitored value is not in ``keys``."""
        if self.monitor not in keys:
            hint = "; keys with val_ need validation data" if self.monitor.startswith("val_") else ""
            raise ArgumentError(f"monitor: {self.monitor!r} is not in the logs, which have {', '.join(keys)}{hint}")

    def improves(self, logs: Logs) -> bool:
        """Return whether the value is better than the best so far, and remember it then. NaN never is."""
        self.require(logs)
        value = logs[self.monitor]
        better = self.sign * (self.best - value) > self.min_delta
        if better:
            self.best = value
        return better


class EarlyStopping(Callback):
    """Stop when the monitored value has not improved for ``patience`` epochs, and restore the best weights.

    Parameters
    ----------
    monitor : str, default "val_loss"
    min_delta : float, default 0
        The smallest improvement that counts.
    patience : int, default 0
        Number of epochs in a row without improvement after which the training stops, as in Keras; 0 means 1.
    mode : {"auto", "min", "max"}, default "auto"
        Whether lower or higher is better.
    restore_best_weights : bool, default True
        End with the parameters (and running averages) of the best epoch, even if the training was not stopped. An `EMA`
        or `SWA` before this callback in the list then has no effect; after it, it replaces these parameters.

    Attributes
    ----------
    best_epoch : int or None
        Numbered from 0.
    stopped_epoch : int or None
        The epoch after which the training stopped early; None if it did not.

    Raises
    ------
    ArgumentError
        If a value is out of its range; in `fit`, if ``monitor`` is not in the logs.

    References
    ----------
    L. Prechelt, "Early stopping - but when?", 1998.

    Examples
    --------
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> stopping = nn.EarlyStopping(patience=2)
    >>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> history = model.fit(digits.X_train, digits.y_train, optimizer=nn.Adam(0.01), epochs=100, validation_split=0.1,
    ...                     callbacks=[stopping])
    >>> history.epochs < 100
    True
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
        """Raise ArgumentError if ``monitor`` is not in the logs."""
        self.monitor.require(keys)

    def on_train_begin(self, logs: Logs) -> None:
        """Start again."""
        self.monitor.forget()
        self.best_epoch = self.stopped_epoch = self._best = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Keep the best weights, and stop after ``patience`` epochs without improvement."""
        if self.monitor.improves(logs):
            self.best_epoch = epoch
            if self.restore_best_weights:
                self._best = self.model.theta.copy(), self.model.state.copy()
        elif epoch - (-1 if self.best_epoch is None else self.best_epoch) >= max(self.patience, 1):
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs) -> None:
        """Restore the best weights."""
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
        Number of epochs in a row without improvement that are tolerated, as in PyTorch; the next one reduces the rate.
        At least 0.
    min_delta : float, default 1e-4
        The smallest improvement that counts.
    mode : {"auto", "min", "max"}, default "auto"
        Whether lower or higher is better.
    cooldown : int, default 0
        Number of epochs after a reduction that are not counted.
    min_learning_rate : float, default 0
        The lower limit of the rate.

    Raises
    ------
    ArgumentError
        If a value is out of its range; in `fit`, if ``monitor`` is not in the logs or the optimizer has a schedule.

    Examples
    --------
    >>> import nnlite as nn
    >>> reducing = nn.ReduceOnPlateau(factor=0.5, patience=3)
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
        """Raise ArgumentError if ``monitor`` is not in the logs."""
        self.monitor.require(keys)
        if callable(self.optimizer.learning_rate):
            raise ArgumentError(
                f"callbacks: ReduceOnPlateau needs a learning rate that is a number, "
                f"got the schedule {self.optimizer.learning_rate!r}"
            )

    def on_train_begin(self, logs: Logs) -> None:
        """Start again."""
        self.monitor.forget()
        self._waited = self._cooling = 0

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Count epochs without improvement, and reduce the learning rate."""
        self._cooling = max(0, self._cooling - 1)
        if self.monitor.improves(logs):
            self._waited = 0
        elif self._cooling == 0:
            self._waited += 1
        if self._waited > self.patience:
            rate = self.optimizer.learning_rate
            assert not callable(rate)
            reduced = max(rate * self.factor, self.min_learning_rate)
            self.optimizer.learning_rate = min(rate, reduced) or rate  # it never underflows to 0
            self._waited, self._cooling = 0, self.cooldown + 1


class ModelCheckpoint(Callback):
    """Save the model after every epoch, or only after the best epochs so far.

    Parameters
    ----------
    path : path-like
        The file. It may contain values of the logs and the epoch from 1: ``"runs/{epoch:03d}-{val_loss:.3f}.npz"``.
    monitor : str, default "val_loss"
        The key that decides what is best, for ``save_best_only``.
    save_best_only : bool, default False
        Save only if the monitored value is better than before.
    mode : {"auto", "min", "max"}, default "auto"
        Whether lower or higher is better.

    Raises
    ------
    ArgumentError
        If a value is out of its range; in `fit`, if ``monitor`` or a name in ``path`` is not in the logs.

    Examples
    --------
    >>> import nnlite as nn
    >>> saving = nn.ModelCheckpoint("best.npz", save_best_only=True)
    """

    first_process_only = True

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
        """Raise ArgumentError if ``monitor`` (if it is used) or a name in ``path`` is not in the logs."""
        if self.save_best_only:
            self.monitor.require(keys)
        folder = os.path.dirname(self._name(0, dict.fromkeys(keys, 0.0)))
        if folder and not os.path.isdir(folder):
            raise ArgumentError(f"path: expected a path in a directory that exists, got {self.path!r}")

    def on_train_begin(self, logs: Logs) -> None:
        """Start again."""
        self.monitor.forget()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Save the model."""
        if not self.save_best_only or self.monitor.improves(logs):
            model_files.save(self.model, self._name(epoch, logs))

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
