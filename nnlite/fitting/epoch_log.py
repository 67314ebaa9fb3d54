"""The lines that a training prints where there is neither a terminal nor a notebook, such as in a log."""

import sys
import time

LINES = 20


class EpochLog:
    """Lines on stderr about a training: one for each epoch, or about `LINES` at equal distances if there are more.

    The first and the last epoch always have a line.

    Parameters
    ----------
    epochs : int
        Total number of epochs.
    """

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._start = time.monotonic()
        self._lines = 0
        self._waiting = ""  # the line of the latest epoch, if it is not printed yet

    def finished(self, epoch: int, metrics: str) -> None:
        """Print the line of ``epoch``, or keep it for `close`."""
        seconds = time.monotonic() - self._start
        self._waiting = f"epoch {epoch + 1}/{self._epochs} ({seconds:.1f} s): {metrics}"
        if self._lines == 0 or (epoch + 1) * LINES // self._epochs > epoch * LINES // self._epochs:
            self._print()

    def close(self) -> None:
        """Print the line of the latest epoch if it is still to be printed: a callback may have ended the training."""
        if self._waiting:
            self._print()

    def _print(self) -> None:
        print(self._waiting, file=sys.stderr, flush=True)
        self._lines += 1
        self._waiting = ""
