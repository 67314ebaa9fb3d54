"""What scikit-learn does at the end of an epoch: attributes, learning rates, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.callbacks import Callback
from nnlite.callbacks.base import Logs
from nnlite.checks import Array
from nnlite.model import Model
from nnlite.network.means import RunningMeans
from nnlite.optimizers import Optimizer
from nnlite.sklearn.rules import Penalized, change_rate

SMALLEST_RATE = 1e-6  # the learning rate "adaptive" does not go below a fifth of it


class MeanCost(RunningMeans):
    """Means in which each batch counts by its number of examples, not by the sum of their weights."""

    def add_sums(self, J: float, n_examples: int, weight: float, n_correct: float) -> None:
        """Add a batch."""
        super().add_sums(J, n_examples, n_examples, n_correct)

    def add_several(self, J: Array, n_examples: Array, weights: Array, n_correct: Array) -> None:
        """Add several batches."""
        super().add_several(J, n_examples, n_examples, n_correct)


class Records:
    """The part of an estimator that keeps the curves of its training."""

    # what a training from new weights forgets
    OF_A_TRAINING = (
        "loss_ loss_curve_ best_loss_ validation_scores_ validation_loss_curve_ best_validation_score_ "
        "_no_improvement_count _best _optimizer model_"
    ).split()

    early_stopping: bool
    tol: float
    verbose: bool
    model_: Model
    n_iter_: int
    t_: int
    loss_: float
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: Any
    validation_loss_curve_: Any
    best_validation_score_: Any
    _no_improvement_count: int
    _best: tuple[Array, Array]

    def _forget(self) -> None:
        """Forget the former training."""
        for name in self.OF_A_TRAINING:
            vars(self).pop(name, None)
        self.n_iter_ = self.t_ = 0

    def _begin_records(self, monitored: bool) -> None:
        """Set what is not set yet. ``monitored``: whether there are validation examples."""
        known = vars(self)
        known.setdefault("loss_curve_", [])
        known.setdefault("_no_improvement_count", 0)
        known.setdefault("best_loss_", None if self.early_stopping else np.inf)
        for name in ("validation_scores_", "validation_loss_curve_"):
            if known.get(name) is None:
                known[name] = [] if monitored else None
        if known.get("best_validation_score_") is None:
            self.best_validation_score_ = -np.inf if monitored else None
        if self.early_stopping and "_best" not in known:
            self._keep_best()
        self.n_iter_ = 0

    def _keep_best(self) -> None:
        self._best = self.model_.theta.copy(), self.model_.state.copy()

    def _record(self, loss: float, n_samples: int) -> None:
        """Record the training loss of an epoch."""
        self.n_iter_ += 1
        self.loss_ = loss
        self.t_ += n_samples
        self.loss_curve_.append(loss)
        self._say(f"Iteration {self.n_iter_}, loss = {loss:.8f}")
        if not self.early_stopping:
            best = np.inf if self.best_loss_ is None else self.best_loss_
            self._count(loss > best - self.tol)
            self.best_loss_ = loss if loss < best else best

    def _record_validation(self, loss: float, score: float) -> None:
        """Record the validation of an epoch, and keep the best weights for early stopping."""
        self.validation_loss_curve_.append(loss)
        self.validation_scores_.append(score)
        self._say(f"Validation score: {score:f}")
        if self.early_stopping:
            self._count(score < self.best_validation_score_ + self.tol)
        if score > self.best_validation_score_:
            self.best_validation_score_ = score
            if self.early_stopping:
                self._keep_best()

    def _count(self, no_improvement: bool) -> None:
        """Count the epochs in a row without improvement."""
        self._no_improvement_count = self._no_improvement_count + 1 if no_improvement else 0

    def _say(self, text: str) -> None:
        if self.verbose:
            print(text)


class Recorder(Callback):
    """Records each epoch in the attributes of an estimator, changes the learning rate, and stops the training.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    n_samples : int
        Number of training examples.
    score : callable or None
        Returns the score of the present network on the validation examples.
    cost_share : float
        What the cost of nnlite is multiplied by: scikit-learn takes the mean of the squared errors of several outputs
        where nnlite takes their sum.
    epochs : int
        Most epochs.
    """

    def __init__(
        self, estimator: Any, n_samples: int, score: Callable[[], float] | None, cost_share: float, epochs: int
    ) -> None:
        self.estimator, self.n_samples, self.score = estimator, n_samples, score
        self.cost_share, self.epochs = cost_share, epochs
        self.reached_limit = False

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Record the epoch, and stop if scikit-learn would."""
        estimator = self.estimator
        estimator._record(self.cost_share * logs["loss"], self.n_samples)
        if self.score is not None:
            estimator._record_validation(self.cost_share * logs["val_loss"], self.score())
        if estimator.learning_rate == "invscaling" and self._sets_rate:
            rate = float(estimator.learning_rate_init) / (estimator.t_ + 1) ** estimator.power_t
            change_rate(self.optimizer, self.model, rate)
        if estimator._no_improvement_count > estimator.n_iter_no_change and self._stops():
            self.model.stop_training = True
        elif estimator.n_iter_ == self.epochs:
            self.reached_limit = True

    def diverged(self) -> None:
        """Record the remaining epochs as scikit-learn would, in which all numbers are NaN."""
        for _ in range(self.estimator.n_iter_, self.epochs):
            self.estimator._record(math.nan, self.n_samples)
            if self.score is not None:
                self.estimator._record_validation(math.nan, math.nan)
        self.reached_limit = True

    @property
    def _sets_rate(self) -> bool:
        return self.estimator.solver == "sgd" and isinstance(self.optimizer, Penalized)

    def _stops(self) -> bool:
        """Whether the training ends; the learning rate "adaptive" is divided by 5 instead, while it is large enough."""
        estimator, optimizer = self.estimator, self.optimizer
        text = (
            f"{'Validation score' if estimator.early_stopping else 'Training loss'} did not improve more than "
            f"tol={estimator.tol:f} for {estimator.n_iter_no_change} consecutive epochs."
        )
        if estimator.learning_rate != "adaptive" or not self._sets_rate:
            estimator._say(f"{text} Stopping.")
            return True
        rate = _number(optimizer)
        if rate <= SMALLEST_RATE:
            estimator._say(f"{text} Learning rate too small. Stopping.")
            return True
        change_rate(optimizer, self.model, rate / 5)
        estimator._say(f"{text} Setting learning rate to {rate / 5:f}")
        estimator._count(False)
        return False


def _number(optimizer: Optimizer) -> float:
    """Return the learning rate of an optimizer without a schedule."""
    rate = optimizer.learning_rate
    assert not callable(rate)
    return rate
