"""The argument ``checkpoint`` of `Model.fit`: where and how often a training is saved."""

import os
from typing import Any

from nnlite import checks
from nnlite.errors import ArgumentError


class Checkpoint:
    """Where and how often `Model.fit` saves everything that the training depends on.

    Parameters
    ----------
    directory : path-like
        It is made if it does not exist. It belongs to one training; a second one at the same time is refused.
    every : int, optional
        Save after this number of steps as well, not only at the end of each epoch.
    keep : int, default 3
        How many of the newest files are kept, at least 1. An older file is used if the newest is damaged.
    seconds : float, default 0.0
        Save at the end of an epoch only if the last save is at least so many seconds ago. A training that is killed
        loses the epochs since then; one that ends, or is stopped by Ctrl-C, loses nothing.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.Checkpoint("runs/a", every=1000)
    Checkpoint('runs/a', every=1000)
    """

    def __init__(
        self, directory: str | os.PathLike[str], every: int | None = None, keep: int = 3, seconds: float = 0.0
    ) -> None:
        self.directory = checks.path("directory", directory)
        self.every = None if every is None else checks.integer("every", every)
        self.keep = checks.integer("keep", keep)
        self.seconds = checks.real("seconds", seconds, minimum=0)

    def __repr__(self) -> str:
        every = "" if self.every is None else f", every={self.every}"
        keep = "" if self.keep == 3 else f", keep={self.keep}"
        seconds = "" if self.seconds == 0 else f", seconds={self.seconds}"
        return f"Checkpoint({self.directory!r}{every}{keep}{seconds})"


def check_checkpoint(checkpoint: Any, resume: Any) -> Checkpoint | None:
    """Return the argument ``checkpoint`` of `Model.fit` as a Checkpoint, or None.

    Raises
    ------
    ArgumentError
        If it is not a path or a Checkpoint, or ``resume`` is not a boolean, or True without a directory.
    """
    resume = checks.boolean("resume", resume)
    if checkpoint is None:
        if resume:
            raise ArgumentError("resume: needs a directory to resume from, such as checkpoint='runs/a'")
        return None
    if isinstance(checkpoint, Checkpoint):
        return checkpoint
    if hasattr(checkpoint, "on_epoch_end"):
        raise ArgumentError(
            f"checkpoint: expected a directory or a Checkpoint, got the callback {checkpoint!r}; "
            f"write callbacks=[{type(checkpoint).__name__}(...)]"
        )
    return Checkpoint(checks.path("checkpoint", checkpoint))
