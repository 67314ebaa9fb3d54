"""Callbacks that write logs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nnlite import checks
from nnlite.callbacks.base import Callback, Logs
from nnlite.errors import ArgumentError

LONGEST_HEADER = 2**16  # bytes


class CSVLogger(Callback):
    """Write a row for each epoch when it ends: ``epoch`` (from 1), then the values of the history.

    Parameters
    ----------
    path : path-like
    append : bool, default False
        Add rows to an existing file instead of replacing it. They get the line ends of the file. The file may begin
        with a byte order mark, and its last line may lack an end, as editors and spreadsheets leave it.

    Raises
    ------
    ArgumentError
        If a value has the wrong type; in `fit`, before the first epoch, if the existing file has other columns.
    OSError
        In `fit`, before the first epoch, if the file cannot be written.

    Examples
    --------
    >>> import nnlite as nn
    >>> logger = nn.CSVLogger("runs/log.csv", append=True)
    """

    first_process_only = True

    def __init__(self, path: str | os.PathLike[str], append: bool = False) -> None:
        self.path = checks.path("path", path)
        self.append = checks.boolean("append", append)

    def check_keys(self, keys: Sequence[str]) -> None:
        """Raise ArgumentError if the file has other columns than this training, or cannot be continued."""
        if self.append:
            self._check_columns(["epoch", *keys], _Form.of(self.path))

    def on_train_begin(self, logs: Logs) -> None:
        """Empty the file, or read its header and complete its last line."""
        # opening the file finds a wrong path before the first epoch
        with open(self.path, "ab" if self.append else "wb") as file:
            self._form = _Form.of(self.path)
            if not self._form.ends_with_a_line:
                file.write(self._form.newline.encode())
        self._header = self._form.header

    def get_state(self) -> dict[str, Any]:
        """Return the length of the file and its header."""
        size = os.path.getsize(self.path) if os.path.exists(self.path) else 0
        return {"header": self._header, "size": size}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore the header."""
        self._header = state["header"]
        self._form = _Form.of(self.path)

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
        columns = ["epoch", *logs]
        self._check_columns(columns, self._form._replace(header=self._header))  # other callbacks may add values
        if not self._header:
            self._write(columns)
            self._header = columns
        self._write([epoch + 1, *logs.values()])

    def _write(self, row: Sequence[Any]) -> None:
        import csv

        with open(self.path, "a", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator=self._form.newline).writerow(row)

    def _check_columns(self, columns: list[str], form: _Form) -> None:
        """Raise ArgumentError if the file has a header with other columns."""
        if form.header in ([], columns):
            return
        missing, extra = ([c for c in one if c not in other] for one, other in _both_ways(columns, form.header))
        difference = [f"the file lacks {', '.join(missing)}"] * bool(missing)
        difference += [f"the training has no {', '.join(extra)}"] * bool(extra)
        raise ArgumentError(
            f"append: expected the columns of {self.path!r}, {', '.join(form.header)}, got {', '.join(columns)} "
            f"({' and '.join(difference) or 'in another order'}); use the same metrics and validation data as before, "
            f"or another file"
        )


class _Form(NamedTuple):
    """How a log is written: its columns, the end of a line, and whether the last line is complete."""

    header: list[str]
    newline: str
    ends_with_a_line: bool

    @classmethod
    def of(cls, path: str) -> _Form:
        """Read the first line of a log and its last byte; ArgumentError if it is no text in UTF-8."""
        import csv

        if not os.path.exists(path) or not os.path.getsize(path):
            return cls([], "\r\n", True)
        with open(path, "rb") as file:
            first = file.readline(LONGEST_HEADER)
            file.seek(-1, os.SEEK_END)
            ends = file.read() == b"\n"
        try:
            text = first.decode("utf-8-sig")  # a spreadsheet may have put a byte order mark before it
        except UnicodeDecodeError:
            raise ArgumentError(
                f"append: expected a log in UTF-8, got {path!r} in another encoding; save it as CSV UTF-8, or use "
                f"another file"
            ) from None
        header = next(csv.reader([text.rstrip("\r\n")]), [])
        return cls(header, "\r\n" if first.endswith(b"\r\n") or not first.endswith(b"\n") else "\n", ends)


def _both_ways(one: list[str], other: list[str]) -> tuple[tuple[list[str], list[str]], tuple[list[str], list[str]]]:
    return (one, other), (other, one)
