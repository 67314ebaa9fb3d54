"""Learning rates that fall from their first value: in steps, exponentially, as a polynomial or as a cosine."""

import math

from nnlite import checks
from nnlite.schedules.base import Schedule
from nnlite.schedules.curves import between, half_cosine


class StepDecay(Schedule):
    r"""``learning_rate(t) = initial_learning_rate gamma^floor(t / step_size)``.

    Parameters
    ----------
    initial_learning_rate : float
        Above 0.
    step_size : int
        Number of steps with the same learning rate, at least 1.
    gamma : float, default 0.1
        Factor by which the rate falls every ``step_size`` steps, in (0, 1].

    Raises
    ------
    ArgumentError
        If a value is out of range.

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", 2016, section 3.4.

    Examples
    --------
    >>> import nnlite as nn
    >>> schedule = nn.StepDecay(0.8, step_size=100, gamma=0.5)
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
        Number of steps in which the rate is multiplied by ``decay_rate`` once, at least 1.
    decay_rate : float
        In (0, 1].
    staircase : bool, default False
        Round the exponent down, as `StepDecay` does.

    Raises
    ------
    ArgumentError
        If a value is out of range.

    Notes
    -----
    PyTorch's ExponentialLR with ``gamma`` is ``ExponentialDecay(lr, 1, gamma)``.

    References
    ----------
    C. Szegedy et al., "Rethinking the Inception architecture for computer vision", 2016, section 8.

    Examples
    --------
    >>> import nnlite as nn
    >>> schedule = nn.ExponentialDecay(0.8, decay_steps=100, decay_rate=0.25)
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
        Number of steps until the end is reached, at least 1.
    end_learning_rate : float, default 1e-4
        At least 0. If it is above the initial rate, the rate rises.
    power : float, default 1
        Above 0; 1 is a straight line.

    Raises
    ------
    ArgumentError
        If a value is out of range.

    Notes
    -----
    PyTorch's PolynomialLR has ``end_learning_rate=0``. Keras' ``cycle=True`` is not supported.

    References
    ----------
    L.-C. Chen et al., "DeepLab: semantic image segmentation with deep convolutional nets, atrous convolution, and
    fully connected CRFs", 2018 (power 0.9).

    Examples
    --------
    >>> import nnlite as nn
    >>> schedule = nn.PolynomialDecay(0.1, decay_steps=1000, end_learning_rate=0)
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
        return between(self.end_learning_rate, self.initial_learning_rate, left)


class CosineDecay(Schedule):
    r"""``learning_rate(t) = initial (alpha + (1 - alpha) (1 + cos(pi t / decay_steps)) / 2)``.

    Parameters
    ----------
    initial_learning_rate : float
        Above 0.
    decay_steps : int
        Number of steps until the end is reached, at least 1. From then on the rate is constant.
    alpha : float, default 0
        The last learning rate as a fraction of the first, in [0, 1].

    Raises
    ------
    ArgumentError
        If a value is out of range.

    Notes
    -----
    PyTorch's CosineAnnealingLR takes the last learning rate itself, ``eta_min = alpha initial_learning_rate``, and
    rises again after ``decay_steps``. For Keras' ``warmup_target`` and ``warmup_steps`` put `LinearWarmup` in front:
    ``LinearWarmup(warmup_steps, CosineDecay(warmup_target, decay_steps), start_factor=initial / warmup_target)``.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, equation 5.

    Examples
    --------
    >>> import nnlite as nn
    >>> schedule = nn.CosineDecay(0.1, decay_steps=1000, alpha=0.5)
    >>> [round(schedule(t), 3) for t in (0, 500, 1000, 2000)]
    [0.1, 0.075, 0.05, 0.05]
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0) -> None:
        self.initial_learning_rate = checks.real("initial_learning_rate", initial_learning_rate, above=0)
        self.decay_steps = checks.integer("decay_steps", decay_steps)
        self.alpha = checks.real("alpha", alpha, minimum=0, maximum=1)

    def rate(self, step: int) -> float:
        """``initial (alpha + (1 - alpha) (1 + cos(pi t / decay_steps)) / 2)``."""
        cosine = half_cosine(min(step, self.decay_steps) / self.decay_steps)
        return self.initial_learning_rate * between(self.alpha, 1.0, cosine)
