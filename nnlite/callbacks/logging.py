"""Callbacks that write logs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any

from nnlite import checks
from nnlite.callbacks.base import Callback, Logs
from nnlite.errors import ArgumentError


class CSVLogger(Callback):
    """Write a row for each epoch when it ends: ``epoch`` (from 1), then the values of the history.

    Parameters
    ----------
    path : path-like
    append : bool, default False
        Add rows to an existing file instead of replacing it.

    Raises
    ------
    ArgumentError
        If a value has the wrong type; in `fit`, if the existing file has other columns.
    OSError
        In `fit`, before the first epoch, if the file cannot be written.

    Examples
    --------
    >>> import nnlite as nn
    >>> logger = nn.CSVLogger("runs/log.csv", append=True)
    """

    def __init__(self, path: str | os.PathLike[str], append: bool = False) -> None:
        self.path = checks.path("path", path)
        self.append = checks.boolean("append", append)

    def on_train_begin(self, logs: Logs) -> None:
        """Empty the file, or read its header."""
        import csv

        # opening the file finds a wrong path before the first epoch
        with open(self.path, "a+" if self.append else "w+", newline="", encoding="utf-8") as file:
            file.seek(0)
            self._header = next(csv.reader(file), [])

    def get_state(self) -> dict[str, Any]:
        """Return the length of the file and its header."""
        size = os.path.getsize(self.path) if os.path.exists(self.path) else 0
        return {"header": self._header, "size": size}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore the header."""
        self._header = state["header"]

    def on_train_resume(self, state: Mapping[str, Any]) -> None:
        """Continue after the rows of the checkpoint, and remove later rows."""
        self.set_state(state)
        with open(self.path, "ab") as file:
            if file.tell() >= state["size"]:
                file.truncate(state["size"])
            else:
                warnings.warn(
                    f"CSVLogger: {self.path!r} is shorter than at the checkpoint; rows are missing", stacklevel=2
                )

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Write the row."""
        import csv

        columns = ["epoch", *logs]
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if not self._header:
                writer.writerow(columns)
                self._header = columns
            if columns != self._header:
                raise ArgumentError(
                    f"append: expected the columns of {self.path!r}, {', '.join(self._header)}, "
                    f"got {', '.join(columns)}"
                )
            writer.writerow([epoch + 1, *logs.values()])
