"""The learning rate range test: how large can the learning rate be before the training diverges?"""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.inspect.stored import in_memory
from nnlite.inspect.twins import as_arrays, require_network, twin
from nnlite.network.examples import Examples
from nnlite.network.network import Network
from nnlite.optimizers import SGD, Optimizer, check_optimizer
from nnlite.plots.axes import axes_or_new
from nnlite.plots.style import TRAINING, VALIDATION

SMOOTHING = 0.9  # beta of the running average of the losses: it covers about ten batches
DIVERGED = 4.0  # the test ends when the smoothed loss is this many times its lowest value
FALLEN = 1 / 3  # the suggestion is the rate at which this share of the whole fall of the loss is reached,
BEFORE_MINIMUM = 0.1  # or this share of the rate of the lowest loss, if that is larger
LEAST_FALL = 0.01  # share of the first loss: a smaller fall says nothing,
NOISE = 4.0  # and neither does a fall of fewer standard deviations of the smoothed loss
ROUGH = 10  # the first averages are over few batches and say little
MIN_STEPS = 20
MIN_EXAMPLES = 10
DEFAULT_BATCH = 1000  # examples for each step that are read of data on the disk, if a batch is all of them


class RangeTest:
    """What `find_learning_rate` returns; ``plot()`` draws it.

    Attributes
    ----------
    learning_rates : ndarray, (n,)
        The rising rate of each step; fewer than ``n_steps`` if the loss diverged.
    losses : ndarray, (n,)
        The smoothed loss at each step.
    batch_losses : ndarray, (n,)
        The loss of each batch, before its step.
    suggestion : float or None
        A learning rate for training; None if the loss did not fall by more than its noise.
    diverged : bool
        Whether the loss diverged before the last rate.
    sampled : str
        Of which examples on the disk the test took a sample; "" if it took all.

    Examples
    --------
    >>> import nnlite as nn
    >>> iris = nn.load_iris()
    >>> model = nn.Model([nn.Dense(16), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)
    >>> test = nn.find_learning_rate(model, iris.X_train, iris.y_train, start=1e-4, stop=1, n_steps=50)
    >>> len(test.losses) == len(test.learning_rates)
    True
    """

    def __init__(self, learning_rates: Array, losses: Array, batch_losses: Array, diverged: bool) -> None:
        self.learning_rates = learning_rates
        self.losses = losses
        self.batch_losses = batch_losses
        self.diverged = diverged
        self.sampled = ""
        self.suggestion = suggest(learning_rates, losses, batch_losses)

    def __repr__(self) -> str:
        low, high = self.learning_rates[0], self.learning_rates[-1]
        tried = f"{len(self.losses)} rates from {low:.2g} to {high:.2g}{', where it diverged' if self.diverged else ''}"
        if self.suggestion is None:
            return f"<RangeTest: the loss did not fall with any of {tried}; try more n_steps>"
        sampled = f"; {self.sampled}" if self.sampled else ""
        return f"<RangeTest: suggests {self.suggestion:.2g}; {tried}{sampled}>"

    def plot(self, ax: Any = None) -> Any:
        """Draw the loss over the learning rate, and mark the suggestion.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. By default a new figure.

        Returns
        -------
        Axes

        Raises
        ------
        ArgumentError
            If ``ax`` is not matplotlib Axes.
        """
        ax = axes_or_new(ax)
        ax.plot(self.learning_rates, self.batch_losses, color="0.75", linewidth=0.8, label="each batch")
        ax.plot(self.learning_rates, self.losses, label="smoothed", **TRAINING)
        if self.suggestion is not None:
            loss = np.interp(self.suggestion, self.learning_rates, self.losses)
            label = f"suggestion {self.suggestion:.2g}"
            ax.axvline(self.suggestion, color=VALIDATION["color"], linestyle=":", linewidth=1)
            ax.plot([self.suggestion], [loss], "o", color=VALIDATION["color"], label=label)
        ax.set_xscale("log")
        low, high = float(self.losses.min()), float(self.losses[: max(1, len(self.losses) // 4)].max())
        room = 0.25 * (high - low) or 1.0
        ax.set_ylim(low - room, high + 2 * room)  # the diverging end may leave the picture
        ax.set_xlabel("learning rate")
        ax.set_ylabel("loss J")
        ax.grid(alpha=0.3)
        ax.legend(loc="lower left")
        return ax


def find_learning_rate(
    model: Network,
    X: Any,
    y: Any = None,
    *,
    optimizer: Optimizer | None = None,
    batch_size: int | None = 32,
    start: float = 1e-6,
    stop: float = 10.0,
    n_steps: int = 100,
) -> RangeTest:
    r"""Train a copy with rising learning rates, ``rate_t = start (stop / start)^{t / (n_steps - 1)}``, a step each.

    The loss is constant while the rate is too small; then it falls faster and faster; then it rises, and the training
    diverges. The loss is smoothed: ``m_t = 0.9 m_{t-1} + 0.1 J_t`` with m_0 = 0, divided by ``1 - 0.9^t``. The
    suggestion is the rate at which the loss has fallen by a third of its whole fall, or a tenth of the rate with the
    lowest loss, whichever is larger.

    Parameters
    ----------
    model : Model
        Built or not, trained or not. It does not change.
    X : array_like, (M, n[0]), or examples on the disk
        At least 10 examples. Of examples on the disk, as `open_data` and `open_table` open them, as many are read as
        the steps need, from all parts of the data, and at most 64 MiB; ``sampled`` says so.
    y : array_like, (M,) or (M, n[L])
        Examples on the disk have their own.
    optimizer : Optimizer, default SGD
        The rule to find a learning rate for; its own learning rate is not used. It does not change.
    batch_size : int or None, default 32
        As in `fit`. The best learning rate depends on it.
    start, stop : float, default 1e-6 and 10
        The first and the last rate, above 0.
    n_steps : int, default 100
        At least 20. More steps take longer and give a smoother curve.

    Returns
    -------
    RangeTest
        With ``learning_rates``, ``losses``, ``suggestion`` and ``plot()``.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.

    Notes
    -----
    The test takes about as long as ``n_steps`` training steps. It ends early when the smoothed loss is four times its
    lowest value. The rule for the suggestion was found by experiment,
    with SGD, momentum and Adam, ReLU and Tanh, one and two hidden layers, on digits, MNIST, spirals and moons. For wide
    networks a third of the fall is about right, where the steepest point of the curve would often be too high. For
    small networks, which tolerate large steps, a tenth of the rate of the minimum keeps the suggestion from being too
    low.

    References
    ----------
    L. N. Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3.

    Examples
    --------
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> test = nn.find_learning_rate(model, digits.X_train, digits.y_train)
    >>> 0.05 < test.suggestion < 0.5
    True
    """
    start, stop = checks.real("start", start, above=0), checks.real("stop", stop, above=0)
    if start >= stop:
        raise ArgumentError(f"start: expected a rate below stop, {stop:g}, got {start:g}")
    n_steps = checks.integer("n_steps", n_steps, minimum=MIN_STEPS)
    batch_size = None if batch_size is None else checks.integer("batch_size", batch_size)
    rule = SGD(start) if optimizer is None else copy.deepcopy(check_optimizer(optimizer))
    network = require_network(model)
    X, y, said = in_memory(X, y, n_steps * (batch_size or DEFAULT_BATCH))
    model, X, y = as_arrays(network, X, y)
    signature = model.signature_for(X)
    examples = signature.check(X, y)
    if examples.size < MIN_EXAMPLES:
        raise ArgumentError(f"X: expected at least {MIN_EXAMPLES} examples for a range test, got {examples.size}")
    trial, rates = twin(model, signature.input_shape), np.geomspace(start, stop, n_steps)
    with np.errstate(all="ignore"):  # the training is meant to diverge
        found = _run(trial, examples, rule, batch_size or examples.size, rates)
    found.sampled = said
    return found


def _run(model: Network, examples: Examples, optimizer: Optimizer, batch_size: int, rates: Array) -> RangeTest:
    """Make one step with each rate, until the loss diverges."""
    losses: list[float] = []
    batch_losses: list[float] = []
    average, diverged = 0.0, False
    for rate, rows in zip(rates, _batches(examples.size, batch_size, model.rng), strict=False):
        model.forward(examples.X[rows])
        J = model.cost(examples.y[rows])
        average = SMOOTHING * average + (1 - SMOOTHING) * J
        smoothed = average / (1 - SMOOTHING ** (len(losses) + 1))
        diverged = not math.isfinite(smoothed) or smoothed > DIVERGED * min(losses, default=math.inf)
        if diverged and losses:
            break
        batch_losses.append(J)
        losses.append(smoothed)
        model.backward(examples.y[rows])
        optimizer.learning_rate = float(rate)
        optimizer.step(model)
    return RangeTest(rates[: len(losses)], np.array(losses), np.array(batch_losses), diverged)


def _batches(n: int, size: int, rng: np.random.Generator) -> Iterator[Array]:
    """Yield the rows of whole batches without end, in a new order in each epoch."""
    while True:
        order = rng.permutation(n)
        for i in range(0, max(n - size, 0) + 1, size):
            yield order[i : i + size]


def suggest(learning_rates: Array, losses: Array, batch_losses: Array) -> float | None:
    """Return the rate at a third of the fall, or a tenth of the rate of the minimum if that is larger.

    None if the loss did not fall.
    """
    if len(losses) <= ROUGH or not np.isfinite(losses).all():
        return None
    lowest = ROUGH + int(losses[ROUGH:].argmin())
    quiet = max(ROUGH, lowest // 2)  # up to here the rates were too small to change anything
    first = float(batch_losses[:quiet].mean())
    fall = first - float(losses[lowest])
    noise = float(batch_losses[:quiet].std()) * math.sqrt((1 - SMOOTHING) / (1 + SMOOTHING))
    if fall <= max(LEAST_FALL * abs(first), NOISE * noise):
        return None
    half = ROUGH + int(np.argmax(losses[ROUGH:] <= first - fall / 2))
    above = np.flatnonzero(losses[: half + 1] > first - FALLEN * fall)  # take the last one: the curve is not smooth
    third = float(learning_rates[above[-1]]) if len(above) else 0.0
    return max(third, BEFORE_MINIMUM * float(learning_rates[lowest]))
