"""Learning rates that rise and fall: a cosine with restarts, and one cycle over the whole training."""

import math

from nnlite import checks
from nnlite.schedules.base import Schedule
from nnlite.schedules.curves import between, half_cosine


class CosineDecayRestarts(Schedule):
    r"""`CosineDecay` that restarts; each descent is ``t_mul`` times as long and starts ``m_mul`` times as high.

    Descent i = 0, 1, ... has ``first_decay_steps t_mul^i`` steps. After the fraction f of them::

        learning_rate(t) = initial (alpha + (1 - alpha) m_mul^i (1 + cos(pi f)) / 2)

    Parameters
    ----------
    initial_learning_rate : float
        Above 0.
    first_decay_steps : int
        Number of steps of the first descent, at least 1.
    t_mul : float, default 2
        Length of a descent relative to the one before, at least 1.
    m_mul : float, default 1
        Height of a descent above the lowest rate, relative to the one before, in (0, 1].
    alpha : float, default 0
        The lowest learning rate of all descents as a fraction of ``initial_learning_rate``, in [0, 1].

    Raises
    ------
    ArgumentError
        If a value is out of range.

    Notes
    -----
    PyTorch's CosineAnnealingWarmRestarts has ``T_mult=1`` by default, takes only whole numbers for it, has no
    ``m_mul``, and takes ``eta_min = alpha initial_learning_rate``.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    Examples
    --------
    >>> import nnlite as nn
    >>> schedule = nn.CosineDecayRestarts(0.1, first_decay_steps=100, t_mul=2, m_mul=0.5)
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
        """``initial (alpha + (1 - alpha) m_mul^i (1 + cos(pi f)) / 2)``."""
        i, start, length = self._descent(step)
        cosine = math.pow(self.m_mul, i) * half_cosine((step - start) / length)
        return self.initial_learning_rate * between(self.alpha, 1.0, cosine)

    def _descent(self, step: int) -> tuple[int, float, float]:
        """Return the number i of the descent at ``step``, its first step and its length.

        The search jumps over ..., 4, 2, 1 descents. The sum of their lengths is exact for whole t_mul and has no
        cancellation for t_mul near 1, unlike its closed form.
        """
        jumps = [(1, float(self.first_decay_steps), self.t_mul)]  # n descents, their steps, t_mul^n
        while jumps[-1][1] <= step:
            n, steps, longer = jumps[-1]
            jumps.append((2 * n, steps + longer * steps, longer * longer))
        i, start, stretch = 0, 0.0, 1.0
        arrived = step * (1 + 1e-12)  # a restart at step 61870 may be computed as 61870.00000000001
        for n, steps, longer in reversed(jumps):
            if start + stretch * steps <= arrived:
                i, start, stretch = i + n, start + stretch * steps, stretch * longer
        return i, start, stretch * self.first_decay_steps


class OneCycle(Schedule):
    r"""Rises to ``max_learning_rate`` in the first part of the training, then falls to almost nothing.

    The rate rises from ``max / div_factor`` to max at step ``pct_start total_steps - 1``, then falls to
    ``max / (div_factor final_div_factor)`` at step ``total_steps - 1``, and is constant from then on.

    Parameters
    ----------
    max_learning_rate : float
        Above 0; the largest rate at which short trial runs are stable (see `find_learning_rate`).
    total_steps : int
        Number of steps of the whole training, at least 2.
    pct_start : float, default 0.3
        Fraction of the steps in which the rate rises, in [0, 1].
    anneal_strategy : {"cos", "linear"}, default "cos"
        Rise and fall along half a cosine, or along straight lines.
    div_factor : float, default 25
        Ratio of the maximum to the first rate, above 0.
    final_div_factor : float, default 1e4
        Ratio of the first to the last rate, above 0.

    Raises
    ------
    ArgumentError
        If a value is out of range.

    Notes
    -----
    This is PyTorch's OneCycleLR with ``three_phase=False`` and ``cycle_momentum=False``: PyTorch and the paper also
    change the momentum, against the learning rate. PyTorch raises an error after ``total_steps``.

    References
    ----------
    L. N. Smith and N. Topin, "Super-convergence: very fast training of neural networks using large learning rates",
    2018.

    Examples
    --------
    >>> import nnlite as nn
    >>> schedule = nn.OneCycle(0.5, total_steps=100, div_factor=10, final_div_factor=50)
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
        self.anneal_strategy = checks.choice("anneal_strategy", anneal_strategy, ("cos", "linear"))
        self.div_factor = checks.real("div_factor", div_factor, above=0)
        self.final_div_factor = checks.real("final_div_factor", final_div_factor, above=0)

    def rate(self, step: int) -> float:
        """Return the learning rate on the way up or down."""
        top, end = self.pct_start * self.total_steps - 1, self.total_steps - 1
        step = min(step, end)
        first = self.max_learning_rate / self.div_factor
        last = first / self.final_div_factor
        if step < top:
            return between(self.max_learning_rate, first, self._left(step / top))
        return between(last, self.max_learning_rate, self._left((step - top) / (end - top) if top < end else 0.0))

    def _left(self, fraction: float) -> float:
        """Return how much of the way is left, from 1 at fraction 0 to 0 at fraction 1."""
        return half_cosine(fraction) if self.anneal_strategy == "cos" else 1 - fraction
