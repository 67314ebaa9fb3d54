"""Callbacks that write down what happens."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any

from nnlite import checks
from nnlite.callbacks.base import Callback, Logs
from nnlite.errors import ArgumentError


class CSVLogger(Callback):
    """Write a row for each epoch as soon as it ends: ``epoch`` (from 1), then what the history records.

    Parameters
    ----------
    path : path-like
    append : bool, default False
        Go on below what is in the file, instead of replacing it.

    Raises
    ------
    ArgumentError
        If a value is none; in `fit`, if the file that is appended to has other columns.
    OSError
        In `fit`, before the first epoch, if the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], append: bool = False) -> None:
        self.path = checks.path("path", path)
        self.append = checks.boolean("append", append)

    def on_train_begin(self, logs: Logs) -> None:
        """Empty the file, or read the header that it has."""
        import csv

        # a path that cannot be written to is known before the first epoch
        with open(self.path, "a+" if self.append else "w+", newline="", encoding="utf-8") as file:
            file.seek(0)
            self._header = next(csv.reader(file), [])

    def get_state(self) -> dict[str, Any]:
        """How long the file is, and its header."""
        size = os.path.getsize(self.path) if os.path.exists(self.path) else 0
        return {"header": self._header, "size": size}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Know of this header."""
        self._header = state["header"]

    def on_train_resume(self, state: Mapping[str, Any]) -> None:
        """Go on below the rows that were there, and drop those that were written afterwards."""
        self.set_state(state)
        with open(self.path, "ab") as file:
            if file.tell() >= state["size"]:
                file.truncate(state["size"])
            else:
                warnings.warn(f"CSVLogger: {self.path!r} is shorter than it was; rows are missing", stacklevel=2)

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
                    f"append: expected the columns that {self.path!r} has, {', '.join(self._header)}, "
                    f"got {', '.join(columns)}"
                )
            writer.writerow([epoch + 1, *logs.values()])
