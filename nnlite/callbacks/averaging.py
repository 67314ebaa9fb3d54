"""Callbacks that replace the final weights by an average."""

from __future__ import annotations

import warnings

from nnlite import checks
from nnlite.callbacks.base import Callback, Logs
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import chain
from nnlite.layers.normalization import BatchNorm


class EMA(Callback):
    r"""Exponential moving average of the weights: ``theta_bar <- decay theta_bar + (1 - decay) theta``.

    The average is updated after every step, starts from the weights after the first step, and replaces the weights at
    the end of the training. It covers about ``1 / (1 - decay)`` steps; a training should have many times more. During
    the training, validation and `ModelCheckpoint` use the plain weights.

    Parameters
    ----------
    decay : float, default 0.999
        In [0, 1).

    Attributes
    ----------
    average : ndarray, (n_parameters,)
        theta_bar.

    Raises
    ------
    ArgumentError
        If ``decay`` is not in [0, 1).

    Notes
    -----
    At the end of the training the callbacks run in the order of their list. Where several of them set the weights
    (`EMA`, `SWA`, `EarlyStopping` with ``restore_best_weights``), those of the last one remain.

    References
    ----------
    B. T. Polyak and A. B. Juditsky, "Acceleration of stochastic approximation by averaging", 1992.

    Examples
    --------
    >>> import nnlite as nn
    >>> iris = nn.load_iris()
    >>> model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
    >>> history = model.fit(iris.X_train, iris.y_train, epochs=5, callbacks=[nn.EMA(0.9)])
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = checks.real("decay", decay, minimum=0, below=1)
        self.average: Array | None = None

    def on_train_begin(self, logs: Logs) -> None:
        """Start again without an average."""
        self.average = None

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """``theta_bar <- decay theta_bar + (1 - decay) theta``."""
        if self.average is None:
            self.average = self.model.theta.copy()
        else:
            self.average += (1 - self.decay) * (self.model.theta - self.average)

    def on_train_end(self, logs: Logs) -> None:
        """Replace the weights by the average."""
        if self.average is not None:
            self.model.theta = self.average
            refresh_running_averages(self)


class SWA(Callback):
    r"""Stochastic weight averaging: the mean of the weights after each epoch from ``start_epoch`` on.

    The mean replaces the weights at the end of the training.

    Parameters
    ----------
    start_epoch : int
        The first epoch whose weights count, numbered from 0; usually after three quarters of the training.

    Attributes
    ----------
    average : ndarray, (n_parameters,)
        The mean so far.

    Raises
    ------
    ArgumentError
        If ``start_epoch`` is not an integer of at least 0.

    Notes
    -----
    At the end of the training the callbacks run in the order of their list. Where several of them set the weights
    (`EMA`, `SWA`, `EarlyStopping` with ``restore_best_weights``), those of the last one remain.

    References
    ----------
    P. Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018.

    Examples
    --------
    >>> import nnlite as nn
    >>> iris = nn.load_iris()
    >>> model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
    >>> history = model.fit(iris.X_train, iris.y_train, epochs=8, callbacks=[nn.SWA(6)])
    """

    def __init__(self, start_epoch: int) -> None:
        self.start_epoch = checks.integer("start_epoch", start_epoch, minimum=0)
        self.average: Array | None = None

    def on_train_begin(self, logs: Logs) -> None:
        """Start again without an average."""
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
        """Replace the weights by the mean."""
        if self.average is None:
            warnings.warn(
                f"SWA: the training ended before epoch {self.start_epoch}; nothing was averaged", stacklevel=2
            )
        else:
            self.model.theta = self.average
            refresh_running_averages(self)


def refresh_running_averages(callback: Callback) -> None:
    """Compute the running averages of BatchNorm again: the averaged weights need others than the last weights.

    The training batches pass through the network once; each running average becomes the mean over them. A generator
    gives the batches of one more epoch.
    """
    model = callback.model
    norms = [layer for layer in model.all_layers() if isinstance(layer, BatchNorm) and layer.trainable]
    if not norms:
        return
    shapes = dict(chain.with_input_shapes(model.layers, model.require_built("fit")))
    of_rows = any(len(shapes[norm]) == 1 for norm in norms)
    momenta = [norm.momentum for norm in norms]
    n_batches = 0
    try:
        for X in callback.training_inputs():
            if len(X) == 1 and of_rows:  # one row has no variance
                continue
            n_batches += 1
            for norm in norms:
                norm.momentum = 1 / n_batches
            model.new_pass(training=True).forward(model.signature.cast(X))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
    if n_batches == 0:
        raise ArgumentError(
            f"X: {type(callback).__name__} needs the batches of one more epoch for the running averages of BatchNorm, "
            f"but the source has ended"
        )
