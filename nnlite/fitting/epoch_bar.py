"""The progress of a training: a bar, or lines of text in a log."""

import sys
import time
from collections.abc import Mapping
from typing import Any

from nnlite.fitting.epoch_log import EpochLog
from nnlite.progress import make_bar

REDRAW_SECONDS = 0.1


class EpochBar:
    """Progress bar over the epochs of a training, with the metrics of the last epoch beside it.

    Parameters
    ----------
    epochs : int
        Total number of epochs.
    shown : bool
        False shows nothing. True draws a bar in a terminal or a notebook; elsewhere it prints lines on stderr.
    done : int, default 0
        Number of epochs completed before the bar starts.
    """

    def __init__(self, epochs: int, shown: bool, done: int = 0) -> None:
        bar_format = "{desc}|{bar}| {elapsed}<{remaining}{postfix}"
        self._bar: Any = make_bar(total=epochs, initial=done, bar_format=bar_format) if shown else None
        self._log = EpochLog(epochs) if shown and self._bar is None and sys.stderr else None
        self._epochs = epochs
        self._next_drawing = 0.0
        self._values: Mapping[str, float] = {}  # of the last epoch

    def __enter__(self) -> "EpochBar":
        return self

    def __exit__(self, *exception: object) -> None:
        for shown in filter(None, (self._bar, self._log)):
            shown.close()

    @property
    def shown(self) -> bool:
        """Whether a bar is drawn."""
        return self._bar is not None

    def within(self, epoch: int, fraction: float) -> None:
        """Show that ``fraction`` of ``epoch`` is done, at most once every `REDRAW_SECONDS`."""
        if self._bar is not None and time.monotonic() > self._next_drawing:
            self._draw(epoch + fraction)

    def finished(self, epoch: int, values: Mapping[str, float]) -> None:
        """Show that ``epoch`` is done, with its loss and accuracy."""
        if self._log is not None:
            self._log.finished(epoch, _metrics_text(values))
        if self._bar is not None:
            self._values = values
            if time.monotonic() > self._next_drawing or epoch + 1 == self._epochs:
                self._draw(epoch + 1)

    def _draw(self, position: float) -> None:
        self._bar.n = position
        self._bar.set_postfix_str(_metrics_text(self._values), refresh=False)
        self._bar.set_description_str(f"epoch {min(int(position) + 1, self._epochs)}/{self._epochs} ", refresh=False)
        self._bar.refresh()
        self._next_drawing = time.monotonic() + REDRAW_SECONDS


def _metrics_text(values: Mapping[str, float]) -> str:
    """Return "loss 0.123 val 0.234, accuracy 0.987 val 0.976", without the metrics that are missing.

    Only these two metrics are shown, so that the line fits into 80 columns.
    """
    return ", ".join(
        f"{key} {values[key]:.3f}" + (f" val {values[f'val_{key}']:.3f}" if f"val_{key}" in values else "")
        for key in ("loss", "accuracy")
        if key in values
    )
