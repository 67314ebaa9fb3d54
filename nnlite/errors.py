"""The exceptions that nnlite raises on purpose.

Every message names the argument, the value it got, and what would be right. A call that raises one of these errors
leaves the model, the optimizer and the data unchanged, except `DivergenceError`.
"""


class NnliteError(Exception):
    """Base class of all errors that nnlite raises on purpose."""


class ArgumentError(NnliteError, ValueError, TypeError):
    """An argument has the wrong type, shape or value.

    It is both a `ValueError` and a `TypeError`, so that either ``except`` clause catches it.
    """


class NotBuiltError(NnliteError, ValueError, AttributeError):
    """The network has no parameters yet, because its input size is unknown."""


class DataFileError(NnliteError, ValueError):
    """A data file is missing or damaged, or its content does not have the format that its name says."""


class ModelFileError(NnliteError, ValueError):
    """A model file is damaged, is not a model file, or needs a layer or a version of nnlite that is not available."""


class DivergenceError(NnliteError, ArithmeticError):
    """The cost or a gradient became NaN or infinite in training. The network has its best weights so far.

    Attributes
    ----------
    epoch, step : int
        Epoch and step within the epoch, both counted from 0.
    where : str
        What became NaN or infinite first.
    history : dict of str to list of float
        The `History` of the completed epochs.
    """

    history: dict[str, list[float]]

    def __init__(self, message: str, *, epoch: int, step: int, where: str) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.step = step
        self.where = where
