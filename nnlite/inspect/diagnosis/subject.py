"""The training set-up that is examined: copies of the network and its optimizer, the data, and a sample of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cached_property

import numpy as np

from nnlite.checks import Array
from nnlite.inspect.diagnosis.clues import Clues
from nnlite.inspect.diagnosis.parts import FiniteExamples
from nnlite.inspect.twins import twin
from nnlite.layers import AlphaDropout, Dense, Dropout, GaussianNoise, chain
from nnlite.layers.convolution import Convolution
from nnlite.network import guesses
from nnlite.network.network import Network
from nnlite.optimizers import Optimizer

SAMPLE = 2000  # examples for statistics: enough to know a share to about 1 %
BLOCK = 512  # examples per forward pass
DRAWS = 15  # of default weights,
DRAWN_FROM = 10**6  # with the seeds from here on, which are those of nobody's network
SEED = 0  # of all samples: the same call gives the same report
TRAINED = 0.7  # a network with less than this share of the cost of the best constant guess has learned something
CLUES_FROM = 100  # examples; with fewer, clues cannot be distinguished from chance


class Subject:
    """A training set-up. All is done on copies: the user's network and optimizer do not change.

    Parameters
    ----------
    model : Network
        Built or not.
    train, validation : FiniteExamples
        At least one example each; validation may be None.
    optimizer : Optimizer
    batch_size : int or None
    trained : bool, optional
        Whether the network has been trained. By default its cost decides.

    Attributes
    ----------
    model : Network
        A copy, built with the initial weights that `fit` would draw.
    output : Output
        Its output layer.
    units : int
        Number n[L] of output units.
    sample : FiniteExamples
        Up to SAMPLE training examples.
    class_weight : ndarray, (C,), or None
        The weights of the classes in the training.
    """

    class_weight: Array | None = None

    def __init__(
        self,
        model: Network,
        train: FiniteExamples,
        validation: FiniteExamples | None,
        optimizer: Optimizer,
        batch_size: int | None,
        trained: bool | None = None,
    ) -> None:
        self.train, self.validation = train, validation
        self.rng = np.random.default_rng(SEED)
        self.model = twin(model, train.X.shape[1:])
        self.output = self.model.output
        self.units = self.model.signature.units
        self.batch_size = len(train.X) if batch_size is None else min(batch_size, len(train.X))
        self.sample = self.drawn(train, SAMPLE)
        self._optimizer = copy.deepcopy(optimizer)
        self.trained = self._looks_trained() if trained is None else trained

    # ---- the data ---------------------------------------------------------------------------------------------

    def drawn(self, part: FiniteExamples, n: int) -> FiniteExamples:
        """Draw up to ``n`` examples of a part, without replacement."""
        if len(part.X) <= n:
            return part
        rows = np.sort(self.rng.choice(len(part.X), n, replace=False))
        return FiniteExamples(part.X[rows], part.y[rows])

    def rows(self, y: Array) -> Array:
        """Return Y (M, n[L]) in float64, without label smoothing; class indices become one-hot rows."""
        return y.astype(np.float64) if y.ndim > 1 else np.eye(self.units)[y]

    @cached_property
    def features(self) -> Array:
        """The inputs of the sample as rows of float64, whatever the shape of an example."""
        return flat(self.sample.X)

    @cached_property
    def targets(self) -> Array:
        """Y (M, n[L]) of the sample."""
        return self.rows(self.sample.y)

    @cached_property
    def clues(self) -> Clues | None:
        """Simple guesses of the targets; None if the sample is too small, or if X or y is constant."""
        varied = self.features.std(axis=0).any() and self.targets.std(axis=0).any()
        return Clues(self.features, self.targets) if len(self.features) >= CLUES_FROM and varied else None

    @property
    def n_classes(self) -> int | None:
        """Number of classes that the network chooses from; None if it does not choose."""
        return self.output.n_classes(self.units)

    def classes(self, y: Array) -> Array:
        """Return the class of each example, (M,), if the network chooses between classes."""
        if y.ndim == 1:
            return y
        return (y[:, 0] > 0.5).astype(np.intp) if y.shape[1] == 1 else y.argmax(axis=1)

    def weights(self, y: Array) -> Array | None:
        """Return the weight of each example, (M,); None if the classes have none, or all examples have weight 0."""
        if self.class_weight is None:
            return None
        found: Array = self.class_weight[self.classes(y)]
        return found if found.any() else None

    # ---- the network ------------------------------------------------------------------------------------------

    def copy(self, *, noise: bool = True) -> Network:
        """Return a copy to work on; without ``noise`` nothing is dropped or disturbed in training."""
        return self.model.copy() if noise else quiet(self.model)

    def optimizer(self, factor: float = 1.0) -> Optimizer:
        """Return a new copy of the user's optimizer, with ``factor`` times its learning rate."""
        optimizer = copy.deepcopy(self._optimizer)
        rate = optimizer.learning_rate
        if factor != 1:
            optimizer.learning_rate = scaled(rate, factor) if callable(rate) else rate * factor
        return optimizer

    def measured(self, model: Network, part: FiniteExamples, *, training: bool = False) -> tuple[float, Array]:
        """Return J and Y_hat (M, n[L]); ``training`` is for networks whose running averages are not yet right."""
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

    # ---- costs to compare with --------------------------------------------------------------------------------

    def blank_cost(self, Y: Array) -> float:
        """Return J for z[L] = 0, the cost of knowing nothing: ln C for Softmax, ln 2 per unit for Sigmoid."""
        return guesses.cost_of(self.output, np.zeros_like(Y), self.output.smoothed(Y))

    def usual_cost(self) -> float:
        """Return J of untrained networks of these layers with default initial weights: the largest of some draws."""
        layers = quiet(self.model).layers
        for layer in chain.flattened(layers):
            if isinstance(layer, (Dense, Convolution)):
                layer.initializer = None
        some = slice(None, None, -(-len(self.sample.X) // BLOCK))
        part = FiniteExamples(self.sample.X[some], self.sample.y[some])
        costs = []
        for seed in range(DRAWN_FROM, DRAWN_FROM + DRAWS):
            model = Network(copy.deepcopy(layers), seed=seed, dtype=self.model.dtype)
            model.build(part.X.shape[1:])
            costs.append(self.measured(model, part, training=True)[0])
        return max(costs)

    def prior_cost(self, Y: Array, weights: Array | None = None) -> float:
        """Return J of the best constant guess, the mean of Y."""
        return guesses.constant_cost(self.output, self.output.smoothed(Y), weights)

    def least_cost(self, Y: Array, weights: Array | None = None) -> float:
        """Return J for Y_hat = Y: 0, or the entropy of soft or smoothed labels."""
        return guesses.least_cost(self.output, self.output.smoothed(Y), weights)

    def weighted_cost(self, Y_hat: Array, Y: Array, weights: Array) -> float:
        """Return J of predictions with weights of the examples."""
        Z = guesses.link(self.output, Y_hat.astype(np.float64))
        return guesses.cost_of(self.output, Z, self.output.smoothed(Y), weights)


def quiet(model: Network) -> Network:
    """Return a copy in which nothing is dropped or disturbed in training."""
    model = model.copy()
    for layer in model.all_layers():
        if isinstance(layer, (Dropout, AlphaDropout)):
            layer.rate = 0.0
        elif isinstance(layer, GaussianNoise):
            layer.stddev = 0.0
    return model


def scaled(rate: Callable[[int], float], factor: float) -> Callable[[int], float]:
    """Return the schedule ``factor * rate``."""
    return lambda step: rate(step) * factor


def flat(X: Array) -> Array:
    """Return examples of any shape as rows of float64."""
    rows: Array = X.reshape(len(X), -1).astype(np.float64)
    return rows
