"""Threads that help with predictions of many examples.

Starting a thread takes as long as predicting fifty examples. So a helper waits for the next job in compiled code, for
about a tenth of a millisecond, and then ends: a process that does not predict has no helpers. A caller withdraws a job
that no helper has taken before the work was done, so that it never waits for a helper to come.
"""

from __future__ import annotations

import _thread
import atexit
import os
import time
from collections.abc import Callable

import numpy as np

from nnlite.engine.instructions import Instructions
from nnlite.engine.kernels.prediction import ALIVE, BOX_WORDS, NOW_OF_JOB, OP_OF_JOB, TICKET
from nnlite.engine.language import NOW_WORDS
from nnlite.engine.library import library

LONGEST_WAIT = 5.0  # seconds


class Crew:
    """The helpers of this process. One prediction at a time can use them.

    Attributes
    ----------
    lock : lock
        Belongs to the prediction that uses the helpers.
    """

    def __init__(self, dtype: str) -> None:
        self.lock = _thread.allocate_lock()
        self._library = library(dtype)
        self._instructions = Instructions(self._library)
        self._kept: list[object] = []
        self._boxes: list[memoryview] = []
        self._calls: list[int] = []
        self._addresses = np.zeros(0, np.int64)

    def boxes(self, n: int) -> tuple[int, int]:
        """Return the address of the addresses of n boxes, and n: an operand of the kernel `predict`."""
        return int(self._addresses.ctypes.data), n

    def is_at_work(self) -> bool:
        """Whether a helper has not ended yet."""
        return any(box[ALIVE] > 0 for box in self._boxes)

    def _add_box(self) -> None:
        memory, now = np.zeros(BOX_WORDS + 8, np.int64), np.zeros(NOW_WORDS, np.int64)
        box = memory[-memory.ctypes.data // 8 % 8 :][:BOX_WORDS]
        box[TICKET] = 1  # there is no job yet
        op, _ = self._instructions.place([self._instructions.op("stand_by", [box.ctypes.data])])
        call = np.array([self._library.address("stand_by"), op, now.ctypes.data, now.ctypes.data], np.int64)
        self._kept += [memory, now, call]
        self._calls.append(int(call.ctypes.data))
        self._boxes.append(box.data)
        self._addresses = np.append(self._addresses, box.ctypes.data)

    def leave(self, i: int, op: int, now: int, start: Callable[[int], int]) -> None:
        """Leave a job for helper i: the addresses of an instruction and of what a thread knows of it.

        A helper that has ended starts again. It takes the job when the kernel `predict` opens the boxes.
        """
        if i == len(self._boxes):
            self._add_box()
        box = self._boxes[i]
        box[OP_OF_JOB], box[NOW_OF_JOB] = op, now
        if box[ALIVE] <= 0:
            box[ALIVE] = 1
            try:
                _thread.start_new_thread(start, (self._calls[i],))
            except RuntimeError:  # the system allows no more threads: the job will be withdrawn
                box[ALIVE] = 0


_crews: dict[str, Crew] = {}


def crew(dtype: str) -> Crew:
    """Return the helpers of this process for that type of numbers."""
    found = _crews.get(dtype)
    return found if found is not None else _crews.setdefault(dtype, Crew(dtype))


def _wait_for_their_end() -> None:
    """Wait until the helpers have ended, since the end of the process frees the code that they carry out."""
    end = time.monotonic() + LONGEST_WAIT
    while any(one.is_at_work() for one in _crews.values()) and time.monotonic() < end:
        time.sleep(1e-4)


atexit.register(_wait_for_their_end)
if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_crews.clear)
