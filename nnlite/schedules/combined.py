"""Schedules made of other schedules: a warm-up in front of one, and several one after the other."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from nnlite import checks
from nnlite.errors import ArgumentError
from nnlite.schedules.base import Rate, Schedule, as_schedule
from nnlite.schedules.curves import between


class LinearWarmup(Schedule):
    r"""Rises linearly to the first value of another schedule, then follows that schedule from its step 0.

    ``learning_rate(t) = then(0) (start_factor + (1 - start_factor) t / warmup_steps)`` for t < warmup_steps, else
    ``then(t - warmup_steps)``.

    Parameters
    ----------
    warmup_steps : int
        Number of steps in which the rate rises, at least 1.
    then : float or schedule
        The schedule after the warm-up.
    start_factor : float, default 0
        The first learning rate as a fraction of ``then(0)``, in [0, 1]. With 0, the first step changes nothing.

    Raises
    ------
    ArgumentError
        If a value is out of range, or ``then`` is neither a number nor a function.

    Notes
    -----
    In PyTorch this is LinearLR (whose ``start_factor`` is 1/3 by default) in a SequentialLR.

    References
    ----------
    P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017, section 2.2.

    Examples
    --------
    >>> import nnlite as nn
    >>> from nnlite.schedules import CosineDecay
    >>> schedule = nn.LinearWarmup(100, CosineDecay(0.1, decay_steps=900))
    >>> schedule(0), schedule(50), schedule(100), schedule(1000)
    (0.0, 0.05, 0.1, 0.0)
    """

    def __init__(self, warmup_steps: int, then: float | Rate, start_factor: float = 0.0) -> None:
        self.warmup_steps = checks.integer("warmup_steps", warmup_steps)
        self.then = as_schedule("then", then)
        self.start_factor = checks.real("start_factor", start_factor, minimum=0, maximum=1)

    def rate(self, step: int) -> float:
        """Return the learning rate of the warm-up, or of the schedule after it."""
        if step >= self.warmup_steps:
            return self.then(step - self.warmup_steps)
        return self.then(0) * between(self.start_factor, 1.0, step / self.warmup_steps)


class SequentialSchedule(Schedule):
    """Follows several schedules, one after the other, each from its own step 0.

    Parameters
    ----------
    schedules : sequence of float or schedule
        At least one.
    milestones : sequence of int
        The steps at which the second, third, ... schedule begins: at least 1, ascending, one fewer than ``schedules``.

    Raises
    ------
    ArgumentError
        If an entry of ``schedules`` is neither a number nor a function, or ``milestones`` are wrong.

    Examples
    --------
    >>> import nnlite as nn
    >>> schedule = nn.SequentialSchedule([0.1, 0.01], milestones=[1000])
    >>> schedule(999), schedule(1000)
    (0.1, 0.01)
    """

    def __init__(self, schedules: Sequence[float | Rate], milestones: Sequence[int]) -> None:
        self.schedules = [as_schedule(f"schedules[{i}]", value) for i, value in _entries("schedules", schedules)]
        self.milestones = [checks.integer(f"milestones[{i}]", step) for i, step in _entries("milestones", milestones)]
        if not self.schedules:
            raise ArgumentError("schedules: expected at least one number or schedule, got none")
        if len(self.schedules) != len(self.milestones) + 1 or sorted(set(self.milestones)) != self.milestones:
            raise ArgumentError(
                f"milestones: expected {len(self.schedules) - 1} ascending steps for {len(self.schedules)} schedules, "
                f"got {self.milestones}"
            )

    def rate(self, step: int) -> float:
        """Return the learning rate of the schedule at ``step``."""
        i = bisect_right(self.milestones, step)
        return self.schedules[i](step - self.milestones[i - 1] if i else step)


def _entries(name: str, values: Any) -> list[tuple[int, Any]]:
    """Return the entries with their indices; raise ArgumentError unless ``values`` is a sequence."""
    try:
        return list(enumerate(values))
    except TypeError:
        raise ArgumentError(f"{name}: expected a sequence, got {values!r}") from None
