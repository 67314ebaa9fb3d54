"""Ctrl-C during a training: the first ends it after the current batch, the second at once."""

import signal
import threading
from types import FrameType


class Interruptible:
    """Context in which the first Ctrl-C only sets `asked`; the second raises KeyboardInterrupt as usual.

    In another thread than the main one, or if the program has its own handler of SIGINT, nothing changes.
    """

    def __init__(self) -> None:
        self.asked = False
        self._handles = False

    def __enter__(self) -> "Interruptible":
        if threading.current_thread() is threading.main_thread():
            self._handles = signal.getsignal(signal.SIGINT) is signal.default_int_handler
            if self._handles:
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._handles:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def note(self) -> None:
        """Remember that Ctrl-C was pressed."""
        self.asked = True

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.note()
        signal.signal(signal.SIGINT, signal.default_int_handler)
