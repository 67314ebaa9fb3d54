"""Callbacks that end with an average of the weights."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.callbacks.base import Callback, Logs
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.normalization import BatchNorm


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

    def get_state(self) -> dict[str, Any]:
        """The average."""
        state = super().get_state()
        state["values"].pop("_difference", None)  # holds nothing from one step to the next
        return state

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
            model.new_pass(training=True).forward(model.signature.cast(X))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
    if n_batches == 0:
        raise ArgumentError(
            f"X: {type(callback).__name__} needs the batches of one more epoch for the running averages of BatchNorm, "
            f"and the source had none left"
        )
