"""The learning rate range test: how fast can a network learn before the training breaks?"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.fitting.batches import Examples, check_examples

if TYPE_CHECKING:
    from nnlite.model import Model
    from nnlite.optimizers import Optimizer

SMOOTHING = 0.9  # beta of the average over the latest losses: it remembers about ten batches
DIVERGED = 4.0  # the test ends where the smoothed loss is so many times its lowest value
FALLEN = 0.25  # share of the whole fall of the loss at which the suggestion stands,
BEFORE_MINIMUM = 0.1  # unless this share of the rate of the lowest loss is larger
LEAST_FALL = 0.01  # share of the first loss: where it fell by less, the curve says nothing,
NOISE = 4.0  # nor where it fell by fewer standard deviations of the smoothed losses
ROUGH = 10  # the first averages are of few batches, and say little
MIN_STEPS = 20  # fewer points are no curve
MIN_EXAMPLES = 10  # the loss of fewer says little about any other


class RangeTest:
    """What `find_learning_rate` saw; ``plot()`` draws it.

    Attributes
    ----------
    learning_rates : ndarray, (n,)
        The rate of each step, rising; fewer than were asked for where the loss diverged.
    losses : ndarray, (n,)
        The smoothed loss at each step.
    batch_losses : ndarray, (n,)
        The loss of each batch, before its step.
    suggestion : float or None
        A rate to train with; None where the loss never fell by more than its noise.
    diverged : bool
        Whether the loss rose beyond all bounds before the last rate.
    """

    def __init__(self, learning_rates: Array, losses: Array, batch_losses: Array, diverged: bool) -> None:
        self.learning_rates = learning_rates
        self.losses = losses
        self.batch_losses = batch_losses
        self.diverged = diverged
        self.suggestion = suggest(learning_rates, losses, batch_losses)

    def __repr__(self) -> str:
        low, high = self.learning_rates[0], self.learning_rates[-1]
        tried = f"{len(self.losses)} rates from {low:.2g} to {high:.2g}{', where it diverged' if self.diverged else ''}"
        if self.suggestion is None:
            return f"<RangeTest: the loss did not fall with any of {tried}; more n_steps may show more>"
        return f"<RangeTest: suggests {self.suggestion:.2g}; {tried}>"

    def plot(self, ax: Any = None) -> Any:
        """Draw the loss by learning rate, with the suggestion marked.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. By default a new figure.

        Returns
        -------
        Axes
            That was drawn on.

        Raises
        ------
        ArgumentError
            If ``ax`` are no Axes.
        """
        from nnlite.plots.axes import axes_or_new
        from nnlite.plots.style import TRAINING, VALIDATION

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
        ax.set_ylim(low - room, high + 2 * room)  # what diverges need not be followed
        ax.set_xlabel("learning rate")
        ax.set_ylabel("loss J")
        ax.grid(alpha=0.3)
        ax.legend(loc="lower left")
        return ax


def find_learning_rate(
    model: Model,
    X: Any,
    y: Any,
    *,
    optimizer: Optimizer | None = None,
    batch_size: int | None = 32,
    start: float = 1e-6,
    stop: float = 10.0,
    n_steps: int = 100,
) -> RangeTest:
    r"""Try rising learning rates, ``rate_t = start (stop / start)^{t / (n_steps - 1)}``, a step each, on a copy.

    While the rate is too small the loss stays; then it falls, faster and faster; then it rises and the training
    breaks. The loss is smoothed, ``m_t = (0.9 m_{t-1} + 0.1 J_t)``, and divided by ``1 - 0.9^t``, which takes the
    start from m_0 = 0 out. The suggestion lies on the slope: the rate at which the loss had fallen by a quarter of
    its whole fall, or a tenth of the rate with the lowest loss, whichever is larger.

    Parameters
    ----------
    model : Model
        Built or not, trained or not; it stays exactly as it is.
    X : array_like, (M, n[0])
        At least 10 examples.
    y : array_like, (M,) or (M, n[L])
    optimizer : Optimizer, default SGD
        The rule whose learning rate is sought; whatever rate or schedule it has is not used. It stays as it is.
    batch_size : int or None, default 32
        As in `fit`: the best rate depends on it.
    start, stop : float, default 1e-6 and 10
        The first and the last rate, above 0.
    n_steps : int, default 100
        At least 20. More take longer and give a smoother curve.

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
    The test takes about as long as ``n_steps`` steps of training. The rule was chosen by trying, with plain SGD,
    momentum and Adam, ReLU and Tanh, one and two hidden layers, on digits, MNIST, spirals and moons: a quarter of the
    fall is about right for wide networks, where the steepest point of the curve would often be too high; a tenth of the
    minimum keeps the rate from being too low for small ones, which bear large steps.

    References
    ----------
    L. N. Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3.

    Examples
    --------
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> test = find_learning_rate(model, digits.X_train, digits.y_train)
    >>> 0.05 < test.suggestion < 0.5
    True
    """
    from nnlite.optimizers import SGD, Optimizer

    start, stop = checks.real("start", start, above=0), checks.real("stop", stop, above=0)
    if start >= stop:
        raise ArgumentError(f"start: expected a rate below stop, {stop:g}, got {start:g}")
    n_steps = checks.integer("n_steps", n_steps, minimum=MIN_STEPS)
    batch_size = None if batch_size is None else checks.integer("batch_size", batch_size)
    if not (optimizer is None or isinstance(optimizer, Optimizer)):
        raise ArgumentError(f"optimizer: expected an Optimizer such as nn.SGD(0.1), got {optimizer!r}")
    if not hasattr(type(model), "n_weights"):
        raise ArgumentError(f"model: expected a Model, got {model!r}")
    examples = check_examples(model, X, y)
    if examples.size < MIN_EXAMPLES:
        raise ArgumentError(f"X: expected at least {MIN_EXAMPLES} examples for a range test, got {examples.size}")
    trial = model.copy()
    trial.forward(examples.X[:1], training=False)  # builds it, with the very weights that fit would draw
    rule = SGD(start) if optimizer is None else copy.deepcopy(optimizer)
    with np.errstate(all="ignore"):  # it is meant to break
        return _run(trial, examples, rule, batch_size or examples.size, np.geomspace(start, stop, n_steps))


def _run(model: Model, examples: Examples, optimizer: Optimizer, batch_size: int, rates: Array) -> RangeTest:
    """One step for each rate, until the loss diverges."""
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
    """Rows of one batch after the other, without end; every example once before any comes again."""
    while True:
        order = rng.permutation(n)
        for i in range(0, max(n - size, 0) + 1, size):  # whole batches only
            yield order[i : i + size]


def suggest(learning_rates: Array, losses: Array, batch_losses: Array) -> float | None:
    """The rate of the quarter of the fall, or a tenth of that of the minimum, if larger; None if nothing fell."""
    if len(losses) <= ROUGH or not np.isfinite(losses).all():
        return None
    lowest = ROUGH + int(losses[ROUGH:].argmin())
    quiet = max(ROUGH, lowest // 2)  # while the rates were too small to change anything
    first = float(batch_losses[:quiet].mean())
    fall = first - float(losses[lowest])
    noise = float(batch_losses[:quiet].std()) * math.sqrt((1 - SMOOTHING) / (1 + SMOOTHING))
    if fall <= max(LEAST_FALL * abs(first), NOISE * noise):
        return None
    half = ROUGH + int(np.argmax(losses[ROUGH:] <= first - fall / 2))
    above = np.flatnonzero(losses[: half + 1] > first - FALLEN * fall)  # the last one: the curve is not smooth
    quarter = float(learning_rates[above[-1]]) if len(above) else 0.0
    return max(quarter, BEFORE_MINIMUM * float(learning_rates[lowest]))
