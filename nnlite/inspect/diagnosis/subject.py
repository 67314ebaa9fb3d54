"""What is examined: copies of the network and its optimizer, the data, and a sample of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.inspect.diagnosis.clues import Clues
from nnlite.layers import AlphaDropout, Cache, Dropout, Exponential, GaussianNoise, Output, Sigmoid, Softmax

if TYPE_CHECKING:
    from nnlite.model import Model
    from nnlite.optimizers import Optimizer

SAMPLE = 2000  # examples for statistics: a share is then known to about 1 in 100
BLOCK = 512  # examples that go through the network at once
SEED = 0  # of what is sampled: the same call gives the same report
TRAINED = 0.7  # a network whose cost is below this share of that of the best constant guess has learned something
CLUES_FROM = 100  # examples before a clue can be told from chance
TINY = 1e-12  # in place of log 0


class Part(NamedTuple):
    """Examples that are finite, and how many were not: in X, and (of the others) in y."""

    X: Array
    y: Array
    n_bad_X: int = 0
    n_bad_y: int = 0

    @property
    def n_given(self) -> int:
        """How many examples there were at first."""
        return len(self.X) + self.n_bad_X + self.n_bad_y


class Subject:
    """A training set-up, in copies: nothing that is done here reaches the user's network or optimizer.

    Parameters
    ----------
    model : Model
        Built or not.
    train, validation : Part
        With targets that the network's output has checked.
    optimizer : Optimizer
    batch_size : int or None
    trained : bool, optional
        Whether the network has been trained; by default its cost tells.

    Attributes
    ----------
    model : Model
        A copy, built with the very weights that `fit` would draw.
    units : int
        n[L].
    sample : Part
        Up to SAMPLE training examples.
    """

    def __init__(
        self,
        model: Model,
        train: Part,
        validation: Part | None,
        optimizer: Optimizer,
        batch_size: int | None,
        trained: bool | None = None,
    ) -> None:
        self.train, self.validation = train, validation
        self.rng = np.random.default_rng(SEED)
        self.model = model.copy()
        self.units = int(self.model.forward(train.X[:1], training=False).shape[1])
        self.output: Output = self.model.output
        self.batch_size = len(train.X) if batch_size is None else min(batch_size, len(train.X))
        self.sample = self.drawn(train, SAMPLE)
        self._optimizer = copy.deepcopy(optimizer)
        self.trained = self._looks_trained() if trained is None else trained

    # ---- the data ---------------------------------------------------------------------------------------------

    def drawn(self, part: Part, n: int) -> Part:
        """Up to ``n`` examples of a part, drawn without replacement."""
        if len(part.X) <= n:
            return part
        rows = np.sort(self.rng.choice(len(part.X), n, replace=False))
        return Part(part.X[rows], part.y[rows])

    def rows(self, y: Array) -> Array:
        """Y (M, n[L]) in float64; class indices become one-hot rows."""
        return y.astype(np.float64) if y.ndim > 1 else np.eye(self.units)[y]

    @cached_property
    def features(self) -> Array:
        """The sample's inputs in float64, an example a row whatever its shape."""
        return flat(self.sample.X)

    @cached_property
    def targets(self) -> Array:
        """The sample's Y (M, n[L])."""
        return self.rows(self.sample.y)

    @cached_property
    def clues(self) -> Clues | None:
        """What cheap methods guess of the sample; None if it is too small, or nothing varies in X or y."""
        varied = self.features.std(axis=0).any() and self.targets.std(axis=0).any()
        return Clues(self.features, self.targets) if len(self.features) >= CLUES_FROM and varied else None

    @property
    def n_classes(self) -> int | None:
        """Between how many classes the network chooses; None if it does not."""
        return self.output.n_classes(self.units)

    def classes(self, y: Array) -> Array:
        """The class of each example, (M,), for a network that chooses between classes."""
        if y.ndim == 1:
            return y
        return (y[:, 0] > 0.5).astype(np.intp) if y.shape[1] == 1 else y.argmax(axis=1)

    # ---- the network ------------------------------------------------------------------------------------------

    def copy(self, *, noise: bool = True) -> Model:
        """A network to try things on; without ``noise`` nothing is dropped or disturbed."""
        return self.model.copy() if noise else quiet(self.model)

    def optimizer(self, factor: float = 1.0) -> Optimizer:
        """The user's optimizer, remembering nothing, with ``factor`` times its learning rate."""
        optimizer = copy.deepcopy(self._optimizer)
        if factor != 1:
            rate = optimizer.learning_rate
            optimizer.learning_rate = scaled(rate, factor) if callable(rate) else rate * factor
        return optimizer

    def measured(self, model: Model, part: Part, *, training: bool = False) -> tuple[float, Array]:
        """J and Y_hat (M, n[L]), as prediction computes them, or ``training`` (for averages that do not run yet)."""
        J, blocks = 0.0, []
        for start in range(0, len(part.X), BLOCK):
            block = slice(start, start + BLOCK)
            blocks.append(model.forward(part.X[block], training=training))
            J += model.cost(part.y[block]) * len(blocks[-1])
        return J / len(part.X), np.concatenate(blocks)

    def _looks_trained(self) -> bool:
        J, _ = self.measured(self.copy(), self.sample)
        floor = self.least_cost(self.targets)
        return J - floor < TRAINED * (min(self.prior_cost(self.targets), self.blank_cost(self.targets)) - floor)

    # ---- what the cost would be --------------------------------------------------------------------------------

    def blank_cost(self, Y: Array) -> float:
        """J where z[L] = 0, as in a network that knows nothing: ln C for Softmax, ln 2 a unit for Sigmoid."""
        return self._cost(np.zeros_like(Y), Y)

    def prior_cost(self, Y: Array) -> float:
        """J of the best guess that does not look at X: the mean of Y for every example."""
        return self._cost(np.broadcast_to(self._link(self._smoothed(Y).mean(axis=0)), Y.shape), Y)

    def least_cost(self, Y: Array) -> float:
        """J where Y_hat = Y: 0, or with soft or smoothed labels their entropy."""
        return self._cost(self._link(self._smoothed(Y)), Y)

    def _smoothed(self, Y: Array) -> Array:
        return np.array(self.output.smoothed(Y, Cache(np.float64)))

    def _link(self, mean: Array) -> Array:
        """The z whose a is ``mean``."""
        if isinstance(self.output, (Softmax, Exponential)):
            return np.asarray(np.log(np.maximum(mean, TINY)))
        if isinstance(self.output, Sigmoid):
            inside = np.clip(mean, TINY, 1 - TINY)
            return np.asarray(np.log(inside / (1 - inside)))
        return mean

    def _cost(self, Z: Array, Y: Array) -> float:
        cache = Cache(np.float64)
        self.output.forward(np.array(Z, np.float64), cache)
        return float(self.output.losses(self.output.smoothed(Y, cache), cache).mean())


def quiet(model: Model) -> Model:
    """A copy in which nothing is dropped or disturbed."""
    model = model.copy()
    for layer in model.all_layers():
        if isinstance(layer, (Dropout, AlphaDropout)):
            layer.rate = 0.0
        elif isinstance(layer, GaussianNoise):
            layer.stddev = 0.0
    return model


def scaled(rate: Callable[[int], float], factor: float) -> Callable[[int], float]:
    """The schedule ``factor * rate``."""
    return lambda step: rate(step) * factor


def flat(X: Array) -> Array:
    """Examples as rows of float64."""
    rows: Array = X.reshape(len(X), -1).astype(np.float64)
    return rows
