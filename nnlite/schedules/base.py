"""The base class of all schedules, and the constant learning rate."""

from collections.abc import Callable
from typing import Any

from nnlite import checks
from nnlite.errors import ArgumentError
from nnlite.words import Explained

Rate = Callable[[int], float]


class Schedule(Explained):
    """Base class of the schedules: a learning rate as a function of the step. A subclass defines `rate`.

    Examples
    --------
    >>> import nnlite as nn
    >>> class Halving(nn.Schedule):
    ...     def rate(self, step):
    ...         return 0.1 / 2 ** (step // 1000)
    >>> nn.SGD(Halving()).learning_rate(2000)
    0.025
    """

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step.

        Parameters
        ----------
        step : int
            Number t of steps made before; at least 0.

        Returns
        -------
        float
            The learning rate, at least 0.

        Raises
        ------
        ArgumentError
            If ``step`` is not an integer or is negative.
        """
        return self.rate(checks.integer("step", step, minimum=0))

    def rate(self, step: int) -> float:
        """Return the learning rate of ``step``, an int of at least 0."""
        raise NotImplementedError(f"{type(self).__name__} does not define rate(step)")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class ConstantRate(Schedule):
    r"""``learning_rate(t) = learning_rate``, the same as a plain number.

    Parameters
    ----------
    learning_rate : float
        Above 0.

    Raises
    ------
    ArgumentError
        If ``learning_rate`` is not a finite number above 0.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.ConstantRate(0.1)(1000)
    0.1
    """

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = checks.real("learning_rate", learning_rate, above=0)

    def rate(self, step: int) -> float:
        """``learning_rate``."""
        return self.learning_rate


def as_schedule(name: str, value: Any) -> Rate:
    """Return a function as it is and a number as `ConstantRate`; raise ArgumentError for anything else."""
    if callable(value) and not isinstance(value, type):
        rate: Rate = value
        return rate
    try:
        return ConstantRate(value)
    except ArgumentError:
        is_schedule_class = isinstance(value, type) and issubclass(value, Schedule)
        hint = f"; write {value.__name__}(...)" if is_schedule_class else ""
        raise ArgumentError(
            f"{name}: expected a finite number above 0 or a schedule (a function of the step), got {value!r}{hint}"
        ) from None
