"""Learning rates as functions of the step: ``learning_rate(t)`` for t = 0, 1, 2, ...

An optimizer takes a schedule, or any function of the step, instead of a number. `LinearWarmup` and `SequentialSchedule`
combine schedules. A step is one batch, not an epoch: a training has ``epochs * ceil(M / batch_size)`` steps.
"""

from nnlite.schedules.base import ConstantRate, Schedule
from nnlite.schedules.base import Rate as Rate
from nnlite.schedules.base import as_schedule as as_schedule
from nnlite.schedules.combined import LinearWarmup, SequentialSchedule
from nnlite.schedules.cycles import CosineDecayRestarts, OneCycle
from nnlite.schedules.decays import CosineDecay, ExponentialDecay, PolynomialDecay, StepDecay

__all__ = [
    "ConstantRate",
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "LinearWarmup",
    "OneCycle",
    "PolynomialDecay",
    "Schedule",
    "SequentialSchedule",
    "StepDecay",
]


def __dir__() -> list[str]:
    return __all__
