"""The exceptions that nnlite raises on purpose.

Every message names the argument, what came, and what would be right, and a call that raises one of these
leaves the model, the optimizer and the data as they were.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnlite.fitting.history import History


class NnliteError(Exception):
    """Base class of all errors that nnlite raises on purpose."""


class ArgumentError(NnliteError, ValueError, TypeError):
    """An argument has the wrong type, shape or value.

    It is both a `ValueError` and a `TypeError`, so that either ``except`` clause catches it.
    """


class NotBuiltError(NnliteError, ValueError, AttributeError):
    """Something was asked of a network that has no parameters yet, because the input size is unknown."""


class DataFileError(NnliteError, ValueError):
    """A data file is missing, damaged, or not what its name says."""


class ModelFileError(NnliteError, ValueError):
    """A model file is damaged, not what its name says, or needs a layer or a version that is not there."""


class DivergenceError(NnliteError, ArithmeticError):
    """A cost or gradient became NaN or infinite in training; the network has the best weights so far.

    Attributes
    ----------
    epoch, step : int
        Where it happened, counted from 0: the step is that within the epoch.
    where : str
        What went wrong first.
    history : History
        Of the epochs that were completed.
    """

    history: "History"

    def __init__(self, message: str, *, epoch: int, step: int, where: str) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.step = step
        self.where = where
