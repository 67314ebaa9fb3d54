"""Learning rates as functions of the step: ``learning_rate(t)`` for t = 0, 1, 2, ...

An optimizer takes a schedule wherever it takes a number. Any function of the step will do; these are the usual ones,
and `LinearWarmup` and `SequentialSchedule` put them together. A step is one batch, never an epoch:
``epochs * ceil(M / batch_size)`` of them make up a training.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from nnlite import checks
from nnlite.errors import ArgumentError

Rate = Callable[[int], float]


class Schedule:
    """Base class: a learning rate as a function of the step t = 0, 1, 2, ...; a subclass says it in `rate`."""

    def __call__(self, step: int) -> float:
        """Learning rate of step t.

        Parameters
        ----------
        step : int
            t, the number of steps made before; at least 0.

        Raises
        ------
        ArgumentError
            If ``step`` is no integer or below 0.
        """
        return self.rate(checks.integer("step", step, minimum=0))

    def rate(self, step: int) -> float:
        """Learning rate of step t, an int that is at least 0."""
        raise NotImplementedError(f"{type(self).__name__} does not say what the learning rate is")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class ConstantRate(Schedule):
    r"""``learning_rate(t) = learning_rate``: what a plain number means.

    Parameters
    ----------
    learning_rate : float
        Above 0.

    Raises
    ------
    ArgumentError
        If the value is out of its range.

    Examples
    --------
    >>> ConstantRate(0.1)(1000)
    0.1
    """

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = checks.real("learning_rate", learning_rate, above=0)

    def rate(self, step: int) -> float:
        """``learning_rate``."""
        return self.learning_rate


class StepDecay(Schedule):
    r"""``learning_rate(t) = initial_learning_rate gamma^floor(t / step_size)``: a staircase.

    Parameters
    ----------
    initial_learning_rate : float
        Above 0.
    step_size : int
        Steps on one stair, at least 1.
    gamma : float, default 0.1
        Factor from one stair to the next, in (0, 1].

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", 2016, section 3.4.

    Examples
    --------
    >>> schedule = StepDecay(0.8, step_size=100, gamma=0.5)
    >>> schedule(0), schedule(99), schedule(100), schedule(200)
    (0.8, 0.8, 0.4, 0.2)
    """

    def __init__(self, initial_learning_rate: float, step_size: int, gamma: float = 0.1) -> None:
        self.initial_learning_rate = checks.real("initial_learning_rate", initial_learning_rate, above=0)
        self.step_size = checks.integer("step_size", step_size)
        self.gamma = checks.real("gamma", gamma, above=0, maximum=1)

    def rate(self, step: int) -> float:
        """``initial_learning_rate gamma^floor(t / step_size)``."""
        return self.initial_learning_rate * math.pow(self.gamma, step // self.step_size)


class ExponentialDecay(Schedule):
    r"""``learning_rate(t) = initial_learning_rate decay_rate^(t / decay_steps)``.

    Parameters
    ----------
    initial_learning_rate : float
        Above 0.
    decay_steps : int
        After so many steps the rate has been multiplied by ``decay_rate`` once; at least 1.
    decay_rate : float
        In (0, 1].
    staircase : bool, default False
        Round the exponent down, as `StepDecay` does.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    Notes
    -----
    PyTorch's ExponentialLR with ``gamma`` is ``ExponentialDecay(lr, 1, gamma)``.

    References
    ----------
    C. Szegedy et al., "Rethinking the Inception architecture for computer vision", 2016, section 8.

    Examples
    --------
    >>> schedule = ExponentialDecay(0.8, decay_steps=100, decay_rate=0.25)
    >>> schedule(0), schedule(50), schedule(100)
    (0.8, 0.4, 0.2)
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False
    ) -> None:
        self.initial_learning_rate = checks.real("initial_learning_rate", initial_learning_rate, above=0)
        self.decay_steps = checks.integer("decay_steps", decay_steps)
        self.decay_rate = checks.real("decay_rate", decay_rate, above=0, maximum=1)
        self.staircase = checks.boolean("staircase", staircase)

    def rate(self, step: int) -> float:
        """``initial_learning_rate decay_rate^(t / decay_steps)``."""
        decays = step // self.decay_steps if self.staircase else step / self.decay_steps
        return self.initial_learning_rate * math.pow(self.decay_rate, decays)


class PolynomialDecay(Schedule):
    r"""``learning_rate(t) = end + (initial - end) (1 - t / decay_steps)^power``, and ``end`` from decay_steps on.

    Parameters
    ----------
    initial_learning_rate : float
        Above 0.
    decay_steps : int
        Steps until the end is reached, at least 1.
    end_learning_rate : float, default 1e-4
        At least 0; may be above the initial one, for a way up.
    power : float, default 1
        1 is a straight line; above 0.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    Notes
    -----
    PyTorch's PolynomialLR always ends at 0: ``end_learning_rate=0``. Keras' ``cycle=True`` is not offered.

    References
    ----------
    L.-C. Chen et al., "DeepLab: semantic image segmentation with deep convolutional nets, atrous convolution, and
    fully connected CRFs", 2018 (power 0.9).

    Examples
    --------
    >>> schedule = PolynomialDecay(0.1, decay_steps=1000, end_learning_rate=0)
    >>> schedule(0), schedule(500), schedule(1000), schedule(2000)
    (0.1, 0.05, 0.0, 0.0)
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, end_learning_rate: float = 1e-4, power: float = 1.0
    ) -> None:
        self.initial_learning_rate = checks.real("initial_learning_rate", initial_learning_rate, above=0)
        self.decay_steps = checks.integer("decay_steps", decay_steps)
        self.end_learning_rate = checks.real("end_learning_rate", end_learning_rate, minimum=0)
        self.power = checks.real("power", power, above=0)

    def rate(self, step: int) -> float:
        """``end + (initial - end) (1 - t / decay_steps)^power``."""
        left = math.pow(1 - min(step, self.decay_steps) / self.decay_steps, self.power)
        return _between(self.end_learning_rate, self.initial_learning_rate, left)


class CosineDecay(Schedule):
    r"""``learning_rate(t) = initial (alpha + (1 - alpha) (1 + cos(pi t / decay_steps)) / 2)``: half a cosine.

    Parameters
    ----------
    initial_learning_rate : float
        Above 0.
    decay_steps : int
        Steps until the end is reached, at least 1; from then on the rate stays there.
    alpha : float, default 0
        The last learning rate as a fraction of the first, in [0, 1].

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    Notes
    -----
    PyTorch's CosineAnnealingLR names the last learning rate itself, ``eta_min = alpha initial_learning_rate``, and
    rises again behind it. Keras' ``warmup_target`` and ``warmup_steps`` are `LinearWarmup` in front:
    ``LinearWarmup(warmup_steps, CosineDecay(warmup_target, decay_steps), start_factor=initial / warmup_target)``.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, equation 5.

    Examples
    --------
    >>> schedule = CosineDecay(0.1, decay_steps=1000, alpha=0.5)
    >>> [round(schedule(t), 3) for t in (0, 500, 1000, 2000)]
    [0.1, 0.075, 0.05, 0.05]
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0) -> None:
        self.initial_learning_rate = checks.real("initial_learning_rate", initial_learning_rate, above=0)
        self.decay_steps = checks.integer("decay_steps", decay_steps)
        self.alpha = checks.real("alpha", alpha, minimum=0, maximum=1)

    def rate(self, step: int) -> float:
        """Half a cosine."""
        cosine = _half_cosine(min(step, self.decay_steps) / self.decay_steps)
        return self.initial_learning_rate * _between(self.alpha, 1.0, cosine)


class CosineDecayRestarts(Schedule):
    r"""`CosineDecay` that starts anew, each time over ``t_mul`` times as many steps and ``m_mul`` times as high.

    In the i-th descent (i = 0, 1, ...), which is ``first_decay_steps t_mul^i`` steps long, at the fraction f of it::

        learning_rate(t) = initial (alpha + (1 - alpha) m_mul^i (1 + cos(pi f)) / 2)

    Parameters
    ----------
    initial_learning_rate : float
        Above 0.
    first_decay_steps : int
        Steps of the first descent, at least 1.
    t_mul : float, default 2
        How many times longer each descent is than the one before; at least 1.
    m_mul : float, default 1
        How many times higher each descent starts than the one before, measured from the lowest rate; in (0, 1].
    alpha : float, default 0
        The lowest learning rate, that of all descents, as a fraction of ``initial_learning_rate``; in [0, 1].

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    Notes
    -----
    PyTorch's CosineAnnealingWarmRestarts has ``T_mult=1`` by default, whole numbers only, no ``m_mul``, and
    ``eta_min = alpha initial_learning_rate``.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    Examples
    --------
    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=100, t_mul=2, m_mul=0.5)
    >>> [round(schedule(t), 3) for t in (0, 50, 100, 200, 300, 700)]
    [0.1, 0.05, 0.05, 0.025, 0.025, 0.013]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
    ) -> None:
        self.initial_learning_rate = checks.real("initial_learning_rate", initial_learning_rate, above=0)
        self.first_decay_steps = checks.integer("first_decay_steps", first_decay_steps)
        self.t_mul = checks.real("t_mul", t_mul, minimum=1)
        self.m_mul = checks.real("m_mul", m_mul, above=0, maximum=1)
        self.alpha = checks.real("alpha", alpha, minimum=0, maximum=1)

    def rate(self, step: int) -> float:
        """Half a cosine of the descent that the step is in."""
        i, start, length = self._descent(step)
        cosine = math.pow(self.m_mul, i) * _half_cosine((step - start) / length)
        return self.initial_learning_rate * _between(self.alpha, 1.0, cosine)

    def _descent(self, step: int) -> tuple[int, float, float]:
        """Number i of the descent that the step is in, where it starts and how long it is.

        Found by jumps over ..., 4, 2, 1 descents: the sum of their lengths has no cancellation for t_mul near 1, as
        its closed form has, and is exact where t_mul is a whole number.
        """
        jumps = [(1, float(self.first_decay_steps), self.t_mul)]  # over n descents: n, their steps, how much longer
        while jumps[-1][1] <= step:
            n, steps, longer = jumps[-1]
            jumps.append((2 * n, steps + longer * steps, longer * longer))
        i, start, stretch = 0, 0.0, 1.0
        arrived = step * (1 + 1e-12)  # a restart at step 61870, computed as 61870.00000000001, is at that step
        for n, steps, longer in reversed(jumps):
            if start + stretch * steps <= arrived:
                i, start, stretch = i + n, start + stretch * steps, stretch * longer
        return i, start, stretch * self.first_decay_steps


class OneCycle(Schedule):
    r"""Up to ``max_learning_rate`` within the first part of the training, then down to almost nothing.

    From ``max / div_factor`` up to max, at step ``pct_start total_steps - 1``, then down to
    ``max / (div_factor final_div_factor)`` at step ``total_steps - 1``, where the rate stays.

    Parameters
    ----------
    max_learning_rate : float
        Above 0; what a few short runs say is just stable.
    total_steps : int
        Steps of the whole training, at least 2.
    pct_start : float, default 0.3
        Fraction of the steps on the way up, in [0, 1].
    anneal_strategy : {"cos", "linear"}, default "cos"
        Both ways are half a cosine, or a straight line.
    div_factor : float, default 25
        Start: so many times smaller than the maximum; above 0.
    final_div_factor : float, default 1e4
        End: so many times smaller than the start; above 0.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    Notes
    -----
    This is PyTorch's OneCycleLR with ``three_phase=False`` and ``cycle_momentum=False``: the momentum, which PyTorch
    and the paper move against the learning rate, stays as it is. PyTorch refuses to go on behind ``total_steps``.

    References
    ----------
    L. N. Smith and N. Topin, "Super-convergence: very fast training of neural networks using large learning rates",
    2018.

    Examples
    --------
    >>> schedule = OneCycle(0.5, total_steps=100, div_factor=10, final_div_factor=50)
    >>> [round(schedule(t), 4) for t in (0, 29, 64, 99, 1000)]
    [0.05, 0.5, 0.2505, 0.001, 0.001]
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ) -> None:
        self.max_learning_rate = checks.real("max_learning_rate", max_learning_rate, above=0)
        self.total_steps = checks.integer("total_steps", total_steps, minimum=2)
        self.pct_start = checks.real("pct_start", pct_start, minimum=0, maximum=1)
        if not isinstance(anneal_strategy, str) or anneal_strategy not in ("cos", "linear"):
            raise ArgumentError(f"anneal_strategy: expected 'cos' or 'linear', got {anneal_strategy!r}")
        self.anneal_strategy = anneal_strategy
        self.div_factor = checks.real("div_factor", div_factor, above=0)
        self.final_div_factor = checks.real("final_div_factor", final_div_factor, above=0)

    def rate(self, step: int) -> float:
        """On the way up to the top, then on the way down."""
        end = self.total_steps - 1
        top = self.pct_start * self.total_steps - 1
        step = min(step, end)
        first = self.max_learning_rate / self.div_factor
        last = first / self.final_div_factor
        if step < top:
            return _between(self.max_learning_rate, first, self._left(step / top))
        return _between(last, self.max_learning_rate, self._left((step - top) / (end - top) if top < end else 0.0))

    def _left(self, fraction: float) -> float:
        """How much of the way is left: from 1 at fraction 0 to 0 at fraction 1."""
        return _half_cosine(fraction) if self.anneal_strategy == "cos" else 1 - fraction


class LinearWarmup(Schedule):
    r"""A straight line up to another schedule's first value, then that schedule from its beginning.

    ``learning_rate(t) = then(0) (start_factor + (1 - start_factor) t / warmup_steps)`` for t < warmup_steps, else
    ``then(t - warmup_steps)``.

    Parameters
    ----------
    warmup_steps : int
        At least 1.
    then : float or schedule
        What follows.
    start_factor : float, default 0
        Where the line begins, as a fraction of ``then(0)``, in [0, 1]. From 0 the first step changes nothing.

    Raises
    ------
    ArgumentError
        If a value is out of its range, or ``then`` is neither a number nor a function.

    Notes
    -----
    In PyTorch this is LinearLR (whose ``start_factor`` is 1/3 by default) in a SequentialLR.

    References
    ----------
    P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017, section 2.2.

    Examples
    --------
    >>> schedule = LinearWarmup(100, CosineDecay(0.1, decay_steps=900))
    >>> schedule(0), schedule(50), schedule(100), schedule(1000)
    (0.0, 0.05, 0.1, 0.0)
    """

    def __init__(self, warmup_steps: int, then: float | Rate, start_factor: float = 0.0) -> None:
        self.warmup_steps = checks.integer("warmup_steps", warmup_steps)
        self.then = as_schedule("then", then)
        self.start_factor = checks.real("start_factor", start_factor, minimum=0, maximum=1)

    def rate(self, step: int) -> float:
        """On the line, or behind it."""
        if step >= self.warmup_steps:
            return self.then(step - self.warmup_steps)
        return self.then(0) * _between(self.start_factor, 1.0, step / self.warmup_steps)


class SequentialSchedule(Schedule):
    """One schedule after the other; each begins at its own step 0.

    Parameters
    ----------
    schedules : sequence of float or schedule
        At least one.
    milestones : sequence of int
        At which steps the second, third, ... takes over: at least 1 and ascending, one fewer than there are schedules.

    Raises
    ------
    ArgumentError
        If ``schedules`` holds what is neither a number nor a function, or ``milestones`` do not fit.

    Examples
    --------
    >>> schedule = SequentialSchedule([0.1, 0.01], milestones=[1000])
    >>> schedule(999), schedule(1000)
    (0.1, 0.01)
    """

    def __init__(self, schedules: Sequence[float | Rate], milestones: Sequence[int]) -> None:
        self.schedules = [
            as_schedule(f"schedules[{i}]", value) for i, value in enumerate(_items("schedules", schedules))
        ]
        self.milestones = [
            checks.integer(f"milestones[{i}]", value) for i, value in enumerate(_items("milestones", milestones))
        ]
        if not self.schedules:
            raise ArgumentError("schedules: expected at least one number or schedule, got none")
        if len(self.schedules) != len(self.milestones) + 1 or sorted(set(self.milestones)) != self.milestones:
            raise ArgumentError(
                f"milestones: expected {len(self.schedules) - 1} ascending steps for {len(self.schedules)} schedules, "
                f"got {self.milestones}"
            )

    def rate(self, step: int) -> float:
        """Rate of the schedule whose turn it is."""
        turn = bisect_right(self.milestones, step)
        return self.schedules[turn](step - self.milestones[turn - 1] if turn else step)


def as_schedule(name: str, value: Any) -> Rate:
    """``value`` itself where it is a function, a number as `ConstantRate`; raises ArgumentError otherwise."""
    if callable(value) and not isinstance(value, type):
        rate: Rate = value
        return rate
    try:
        return ConstantRate(value)
    except ArgumentError:
        raise ArgumentError(
            f"{name}: expected a finite number above 0 or a schedule (a function of the step), got {value!r}"
        ) from None


def _items(name: str, values: Any) -> list[Any]:
    """``values`` as a list; raises ArgumentError for what is no sequence."""
    try:
        return list(values)
    except TypeError:
        raise ArgumentError(f"{name}: expected a sequence, got {values!r}") from None


def _between(a: float, b: float, fraction: float) -> float:
    """On the straight line from a at fraction 0 to b at fraction 1."""
    return a * (1 - fraction) + b * fraction  # exact at both ends, as a + (b - a) fraction is not


def _half_cosine(fraction: float) -> float:
    """From 1 at fraction 0 to 0 at fraction 1."""
    return (1 + math.cos(math.pi * fraction)) / 2
