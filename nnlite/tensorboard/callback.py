"""The callback `TensorBoard`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.callbacks import Callback
from nnlite.callbacks.base import Logs
from nnlite.errors import ArgumentError
from nnlite.network.network import Network
from nnlite.plots import confusion_matrix, first_layer_weights, learning_curves
from nnlite.plots.axes import LAYOUT
from nnlite.tensorboard.events import EventFile, require_tensorboard

Value = bool | float | str
Picture = Callable[..., Any]
KNOWN = ("learning_curves", "first_layer_weights", "confusion_matrix")


class TensorBoard(Callback):
    """Log a training for TensorBoard: scalars, histograms of weights and gradients, pictures, hyperparameters.

    ``tensorboard --logdir runs`` shows it, also while the training runs. It needs ``pip install
    "nnlite[tensorboard]"``, and neither TensorFlow nor PyTorch.

    Parameters
    ----------
    log_dir : path-like
        The folder of this training; give each training its own, such as "runs/a" and "runs/b".
    steps : int, optional
        Log loss and learning rate every ``steps`` steps too, as "batch_loss" and "batch_learning_rate" by the number of
        the step. By default only epochs are logged. It makes the compiled engine stop after each step.
    histograms : int, default 1
        Number of epochs between two histograms of each array: "W1" for weights, "dW1" for the gradient of the last
        batch. 0 writes none.
    pictures : sequence of str, or mapping of str to callable, default ()
        Names among "learning_curves", "first_layer_weights" and "confusion_matrix" (which needs ``data``); or your own:
        a function called as ``function(model, ax=ax)``, by the name that the picture gets.
    picture_every : int, default 1
        Number of epochs between two pictures, at least 1.
    data : (X, y), optional
        The examples of the confusion matrix, such as those of validation.
    hyperparameters : mapping of str to bool, number or str, optional
        Further ones than those of the network and the optimizer, such as ``{"batch_size": 32}``.

    Raises
    ------
    ArgumentError
        If a value is wrong.
    ImportError
        If TensorBoard is not installed.
    OSError
        In `fit`, before the first epoch, if the folder cannot be written.

    Notes
    -----
    The tags of scalars are the keys of the `History`; epochs are numbered from 1. A training that is resumed continues
    the log after the epochs of the checkpoint, and so does another `fit` of the same network with the same callback.
    What comes between a checkpoint and a crash is removed from the log. A picture that fails gives a warning, and the
    training continues.

    Examples
    --------
    >>> import tempfile
    >>> import nnlite as nn
    >>> iris = nn.load_iris()
    >>> model = nn.Model([nn.Dense(8), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:                                       # doctest: +SKIP
    ...     board = nn.TensorBoard(folder, pictures=["learning_curves"])
    ...     history = model.fit(iris.X_train, iris.y_train, callbacks=[board])
    """

    may_add_keys = False  # to the logs
    first_process_only = True

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        *,
        steps: int | None = None,
        histograms: int = 1,
        pictures: Sequence[str] | Mapping[str, Picture] = (),
        picture_every: int = 1,
        data: Sequence[Any] | None = None,
        hyperparameters: Mapping[str, Value] | None = None,
    ) -> None:
        self.log_dir = checks.path("log_dir", log_dir)
        self.steps = None if steps is None else checks.integer("steps", steps)
        self.histograms = checks.integer("histograms", histograms, minimum=0)
        self.picture_every = checks.integer("picture_every", picture_every)
        if data is not None and (not isinstance(data, (tuple, list)) or len(data) != 2):
            raise ArgumentError(f"data: expected (X, y), got {type(data).__name__}")
        self.data = data
        self.pictures = _check_pictures(pictures, data)
        self.hyperparameters = _check_hyperparameters(hyperparameters or {})
        require_tensorboard()
        self._file: EventFile | None = None
        self._network: Network | None = None
        self._keys: list[str] = []
        self._forget()
        if self.steps is not None:  # otherwise the compiled engine makes a whole epoch at once
            self.on_batch_end = self._log_step  # type: ignore[method-assign]

    def _forget(self) -> None:
        self._n_epochs = self._n_steps = 0
        self._curves: dict[str, list[float]] = {}

    # ---- the state -------------------------------------------------------------------------------------------------

    def check_keys(self, keys: Sequence[str]) -> None:
        """Note the keys of the logs, with which TensorBoard compares hyperparameters."""
        self._keys = list(keys)

    def get_state(self) -> dict[str, Any]:
        """Return the epochs so far, and where the log ends."""
        file = self._file
        return {
            "n_epochs": self._n_epochs,
            "n_steps": self._n_steps,
            "curves": {key: list(values) for key, values in self._curves.items()},
            "file": None if file is None else os.path.basename(file.path),
            "size": 0 if file is None else file.size,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore the epochs so far."""
        self._n_epochs, self._n_steps = state["n_epochs"], state["n_steps"]
        self._curves = {key: list(values) for key, values in state["curves"].items()}

    def on_train_resume(self, state: Mapping[str, Any]) -> None:
        """Remove from the log what came after the checkpoint, and continue it in a new file."""
        self.set_state(state)
        self._network = self.model
        names = sorted(name for name in os.listdir(self.log_dir)) if os.path.isdir(self.log_dir) else []
        if state["file"] in names:
            os.truncate(os.path.join(self.log_dir, state["file"]), state["size"])
            for name in names[names.index(state["file"]) + 1 :]:
                if name.endswith(".nnlite"):
                    os.remove(os.path.join(self.log_dir, name))  # of an earlier attempt to resume
        else:
            warnings.warn(f"TensorBoard: {self.log_dir!r} lacks the log of the epochs before", stacklevel=2)
        self._file = EventFile(self.log_dir)

    # ---- events ----------------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs) -> None:
        """Begin the log, or continue that of an earlier `fit` of the same network."""
        if self._network is not self.model:
            self._forget()
        self._network = self.model
        self._file = EventFile(self.log_dir)
        values = hyperparameters_of(self.model, self.optimizer) | self.hyperparameters
        metrics = [key for key in self._keys if key not in ("learning_rate", "seconds")]
        self._file.hyperparameters(values, metrics)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Log the scalars, and the histograms and pictures that are due."""
        assert self._file is not None
        self._n_epochs += 1
        for key, value in logs.items():
            self._file.scalar(key, value, self._n_epochs)
            self._curves.setdefault(key, []).append(float(value))
        if self.histograms and self._n_epochs % self.histograms == 0:
            for name, values in [*self.model.parameters.items(), *self.model.gradients.items()]:
                self._file.histogram(name, np.asarray(values), self._n_epochs)
        if self._n_epochs % self.picture_every == 0:
            for name, draw in self.pictures.items():
                self._log_picture(name, draw)

    def on_train_end(self, logs: Logs) -> None:
        """End the log."""
        if self._file is not None:
            self._file.ended()

    def _log_step(self, batch: int, logs: Logs) -> None:
        """Log a step."""
        assert self._file is not None
        assert self.steps is not None
        self._n_steps += 1
        if self._n_steps % self.steps == 0:
            rate = self.optimizer.state(self.model).learning_rate
            self._file.scalar("batch_loss", logs["loss"], self._n_steps)
            self._file.scalar("batch_learning_rate", rate, self._n_steps)

    def _log_picture(self, name: str, draw: Picture | None) -> None:
        """Draw a picture on a figure that no window shows, and log it."""
        from matplotlib.figure import Figure

        assert self._file is not None
        figure = Figure(figsize=(5, 4), layout=LAYOUT)
        try:
            if draw is not None:
                draw(self.model, ax=figure.subplots())
            elif name == "learning_curves":
                shown = [key for key in ("loss", "accuracy") if key in self._curves]
                figure.set_size_inches(5 * len(shown), 3.6)
                learning_curves(self._curves, figure.subplots(1, len(shown)), keys=shown)
            elif name == "first_layer_weights":
                first_layer_weights(self.model, ax=figure.subplots())
            else:
                assert self.data is not None
                confusion_matrix(self.model, *self.data, ax=figure.subplots())
            self._file.picture(name, figure, self._n_epochs)
        except Exception as error:
            warnings.warn(f"TensorBoard: the picture {name!r} failed: {error}", stacklevel=2)


def hyperparameters_of(network: Network, optimizer: Any) -> dict[str, Value]:
    """Return what decides a training and can be compared: layers, size, seed, optimizer and its numbers."""
    values: dict[str, Value] = {
        "layers": ", ".join(map(repr, network.layers)),
        "n_parameters": network.n_parameters,
        "dtype": network.dtype.name,
        "seed": "none" if network.seed is None else network.seed,
        "optimizer": type(optimizer).__name__,
    }
    options = {name: value for name, value in vars(optimizer).items() if not name.startswith("_")}
    rate = optimizer.learning_rate
    options["learning_rate"] = repr(rate) if callable(rate) else rate
    return values | {name: value for name, value in options.items() if isinstance(value, (bool, int, float, str))}


def _check_pictures(pictures: Any, data: Any) -> dict[str, Picture | None]:
    """Return the pictures by name; None for those that nnlite knows."""
    if isinstance(pictures, Mapping):
        for name, draw in pictures.items():
            if not callable(draw):
                raise ArgumentError(f"pictures: expected a function(model, ax=ax) for {name!r}, got {draw!r}")
        return {str(name): draw for name, draw in pictures.items()}
    if isinstance(pictures, str) or not isinstance(pictures, Iterable):
        raise ArgumentError(f"pictures: expected a list of names or a mapping of names to functions, got {pictures!r}")
    names = list(pictures)
    for name in names:
        checks.choice("pictures", name, KNOWN)
    if "confusion_matrix" in names and data is None:
        raise ArgumentError("data: the confusion matrix needs examples: data=(X_val, y_val)")
    return dict.fromkeys(names)


def _check_hyperparameters(values: Any) -> dict[str, Value]:
    """Return numbers, texts and booleans by name."""
    if not isinstance(values, Mapping):
        raise ArgumentError(f"hyperparameters: expected a mapping of names to values, got {values!r}")
    plain = {str(name): value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    for name, value in plain.items():
        if not isinstance(value, (bool, int, float, str)):
            raise ArgumentError(f"hyperparameters: expected a number, text or bool for {name!r}, got {value!r}")
    return plain
