"""The solvers "adam" and "sgd", and any other optimizer: nnlite's training loop with scikit-learn's bookkeeping."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from joblib.parallel import get_active_backend
from sklearn.exceptions import ConvergenceWarning

from nnlite.callbacks import Hooks, check_callbacks
from nnlite.checks import Array
from nnlite.engine import waiting
from nnlite.engine.availability import check_engine
from nnlite.engine.choice import choose
from nnlite.errors import DivergenceError
from nnlite.fitting.fit import attach, history_keys, loop_class
from nnlite.fitting.loop import Saver, Setup
from nnlite.layers import Softmax
from nnlite.model import Model
from nnlite.network.examples import Examples, contiguous
from nnlite.optimizers import Optimizer
from nnlite.optimizers.check import check_optimizer
from nnlite.sklearn.batches import Order, make_source
from nnlite.sklearn.recording import MeanCost, Recorder, Records
from nnlite.sklearn.rules import Penalized, make_rule

# Seconds, about: of a plan and of an epoch with the compiled engine, and of a step with the textbook
OF_PLAN, OF_EPOCH, OF_STEP = 5e-3, 2.5e-4, 1.5e-4
COMPILED_SPEED, TEXTBOOK_SPEED = 2e10, 5e9  # multiplications a second


class Data(NamedTuple):
    """Checked examples.

    Attributes
    ----------
    X : ndarray or sparse matrix, (M, n[0])
    Y : ndarray, (M, n[L])
        Zeros and ones, or values.
    weights : ndarray or None, (M,)
        With class weights.
    """

    X: Any
    Y: Array
    weights: Array | None = None

    def targets(self, network: Model) -> Array:
        """Return Y as the output layer takes it: class indices for Softmax, else rows of numbers."""
        if isinstance(network.output, Softmax):
            classes: Array = self.Y.argmax(axis=1).astype(np.int64)
            return classes
        return np.ascontiguousarray(self.Y, network.dtype)


class Validation(NamedTuple):
    """Validation examples, and the score of the present network on them."""

    data: Data
    score: Callable[[], float]

    def examples(self, network: Model) -> Examples:
        """Return the examples for the validation loss; a sparse matrix becomes dense."""
        X = self.data.X if isinstance(self.data.X, np.ndarray) else self.data.X.toarray()
        return Examples(contiguous(X), self.data.targets(network), self.data.weights)


class Stochastic(Records):
    """The part of an estimator that trains batch by batch."""

    batch_size: int | str
    shuffle: bool
    max_iter: int
    progress: bool
    optimizer: Optimizer | str | None
    callbacks: Any
    n_outputs_: int
    out_activation_: str
    _optimizer: Optimizer
    _random_state: Any

    def _train(
        self, network: Model, data: Data, rows: Array, validation: Validation | None, *, incremental: bool
    ) -> bool:
        """Train on the ``rows`` of the data. Return False if numbers became NaN or infinite."""
        optimizer = self._make_optimizer(incremental)
        epochs = 1 if incremental else self.max_iter
        self._begin_records(validation is not None)

        def begin_epoch(batch_weights: Array) -> None:
            if isinstance(optimizer, Penalized):
                optimizer.begin_epoch(optimizer.state(network).n_steps, batch_weights)

        random_state = self._random_state if self.shuffle else None
        order = Order(rows, self._size_of_batches(len(rows)), data.weights, random_state, begin_epoch)
        source = make_source(network, data.X, data.targets(network), order)
        score = None if validation is None else validation.score
        recorder = Recorder(self, len(rows), score, self._cost_share(optimizer), epochs)
        hooks = Hooks([*check_callbacks(self.callbacks), recorder])
        attach(hooks.callbacks, network, optimizer, history_keys(network, (), validation is not None))
        examples = None if validation is None else validation.examples(network)
        setup = Setup(network, optimizer, source, None, examples, (), hooks, _n_threads(), warns=False)
        finite = _run(setup, epochs, self.progress, recorder, warn=not incremental)
        if self.early_stopping:
            network.theta, network.state = self._best
        return finite or self.early_stopping

    def _make_optimizer(self, incremental: bool) -> Optimizer:
        """Return the optimizer of the training: a new one, but for `partial_fit`, which continues."""
        if not incremental or not hasattr(self, "_optimizer"):
            self._optimizer = make_rule(self)
            if self.optimizer is not None:
                self._optimizer = check_optimizer(copy.deepcopy(self.optimizer))
        return self._optimizer

    def _cost_share(self, optimizer: Optimizer) -> float:
        """Return the factor of the cost, and let the rule report a penalty that the factor leaves as it is."""
        share = 1 / self.n_outputs_ if self.out_activation_ == "identity" else 1.0
        if isinstance(optimizer, Penalized):
            optimizer.reported_penalty = 1 / share
        return share

    def _size_of_batches(self, n_samples: int) -> int:
        if isinstance(self.batch_size, str):  # "auto"
            return min(200, n_samples)
        if self.batch_size > n_samples:
            text = "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
            warnings.warn(text, stacklevel=2)
        return int(min(self.batch_size, n_samples))


def _run(setup: Setup, epochs: int, progress: bool, recorder: Recorder, *, warn: bool) -> bool:
    """Run the loop, and warn as scikit-learn does. Return False if numbers became NaN or infinite."""
    loop = loop_class(choose(_engine(setup, epochs), setup.network.layers, setup.optimizer))(setup, Saver())
    loop.means = MeanCost(setup.network.output)
    interrupted, finite = False, True
    try:
        with waiting.silent(not progress):
            interrupted = loop.run(epochs, progress).interrupted
    except DivergenceError:
        recorder.diverged()
        finite = False
    except KeyboardInterrupt:
        interrupted = True
    if interrupted:
        warnings.warn("Training interrupted by user.", stacklevel=2)
    elif recorder.reached_limit and warn:
        text = f"Stochastic Optimizer: Maximum iterations ({epochs}) reached and the optimization hasn't converged yet."
        warnings.warn(text, ConvergenceWarning, stacklevel=2)
    return finite


def _engine(setup: Setup, epochs: int) -> str:
    """Return the engine that is asked for, or "textbook" where it is faster: in few small steps."""
    wanted, source = check_engine("auto"), setup.source
    n_steps = source.n_steps or 1
    n = 3 * source.batch_size * n_steps * setup.network.n_weights  # multiplications of an epoch
    compiled = OF_PLAN + epochs * (OF_EPOCH + n / COMPILED_SPEED)
    return "textbook" if wanted == "auto" and epochs * (n_steps * OF_STEP + n / TEXTBOOK_SPEED) < compiled else wanted


def _n_threads() -> int | None:
    """One thread where joblib runs several trainings at once."""
    backend, _ = get_active_backend()
    return 1 if getattr(backend, "nesting_level", 0) else None
