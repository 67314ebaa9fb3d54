"""Ctrl-C while a network trains: the first ends the training after the current batch, the second stops at once."""

import signal
import threading
from types import FrameType


class Interruptible:
    """Within its block the first Ctrl-C only sets `asked`; a second one raises KeyboardInterrupt as ever.

    Where this is not the main thread, or the program has a handler of its own, nothing is changed.
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

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
