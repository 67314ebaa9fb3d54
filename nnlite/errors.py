"""The exceptions that nnlite raises on purpose.

Every message names the argument, what came, and what would be right, and a call that raises one of these
leaves the model, the optimizer and the data as they were.
"""


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
