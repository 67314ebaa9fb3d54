"""A team of threads that carries out a plan.

All threads run the same compiled function, without the interpreter's lock, and meet at a counter in their shared
memory. They are plain Python threads that end with the call, so nothing of them is left in a process that forks or
ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Callable

import numpy as np

from nnlite.checks import Array
from nnlite.engine.language import ABORT, DONE, NOW, NOW_WORDS, SHARED_WORDS, STOP, WRONG

CALL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 5)
WATCH = 0.05  # seconds between two looks of the calling thread


class Team:
    """Threads that carry out an instruction together.

    Parameters
    ----------
    address : int
        The compiled function.
    tiles : ndarray of int64
        The table of tiles.
    workspace : list of int
        The address of the memory of each thread; its length is the number of threads.
    kept : object
        What the instructions point to: it lives as long as a thread works.
    """

    def __init__(self, address: int, tiles: Array, workspace: list[int], kept: object) -> None:
        self.n_threads = len(workspace)
        self._function = CALL(address)
        self.kept = kept
        self._unused = np.zeros(2, np.int64)
        self._shared = np.zeros(SHARED_WORDS, np.int64)
        self._now = np.zeros((self.n_threads, NOW_WORDS), np.int64)
        for thread, memory in enumerate(workspace):
            known = {
                "thread": thread,
                "n_threads": self.n_threads,
                "tiles": tiles.ctypes.data,
                "shared": self._shared.ctypes.data,
                "workspace": memory,
            }
            for name, value in known.items():
                self._now[thread, NOW.index(name)] = value

    def run(self, op: int, watch: Callable[[int], bool]) -> int:
        """Carry out an instruction and return the number of steps that were made.

        ``watch`` is called from time to time with the number of steps so far; if it returns True, the team stops after
        the next step. One thread alone works in the calling thread, which then cannot watch.
        """
        self._shared[:] = 0
        if self.n_threads == 1:
            self._work(op, 0)
        else:
            self._run_threads(op, watch)
        return int(self._shared[DONE])

    def carry_out_one(self, function: int, op: int, M: int) -> None:
        """Carry out a single instruction of a step, for a batch of M examples, in the calling thread."""
        now, unused = self._now[0], self._unused.ctypes.data
        for name, value in (("step", 0), ("first", 0), ("M", M)):
            now[NOW.index(name)] = value
        CALL(function)(unused, unused, op, now.ctypes.data, 0, 0, 0)

    @property
    def wrong(self) -> bool:
        """Whether a number became NaN or infinite in the last step."""
        return bool(self._shared[WRONG] or self._shared[WRONG + 1])

    def _work(self, op: int, thread: int) -> None:
        unused = self._unused.ctypes.data
        self._function(unused, unused, op, self._now[thread].ctypes.data, 0, 0, 0)

    def _run_threads(self, op: int, watch: Callable[[int], bool]) -> None:
        threads = [
            threading.Thread(target=self._work, args=(op, thread), name=f"nnlite-{thread}", daemon=True)
            for thread in range(self.n_threads)
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                self._join(thread, watch)
        except BaseException:
            self._shared[STOP] = 1
            self._shared[ABORT] = any(thread.ident is None for thread in threads)  # the others would wait for it
            _wait_for([thread for thread in threads if thread.ident is not None])
            raise

    def _join(self, thread: threading.Thread, watch: Callable[[int], bool]) -> None:
        while thread.is_alive():
            thread.join(WATCH)
            if watch(int(self._shared[DONE])):
                self._shared[STOP] = 1


def _wait_for(threads: list[threading.Thread]) -> None:
    """Wait until the threads have ended, also during Ctrl-C: they write into memory that is freed afterwards."""
    while any(thread.is_alive() for thread in threads):
        with contextlib.suppress(KeyboardInterrupt):
            for thread in threads:
                thread.join()
