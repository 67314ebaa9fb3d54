"""A few threads that share the work on long vectors: NumPy lets others run while it works on an array."""

import contextvars
import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any

from nnlite.engine import openblas
from nnlite.errors import ArgumentError

VARIABLE = "NNLITE_NUM_THREADS"
NAME = "nnlite helper"
MOST_THREADS = 4  # more would wait for memory, and for each other between two operations


def n_threads() -> int:
    """How many threads share a work: what NNLITE_NUM_THREADS says, else as many as there are processors, at most 4.

    It is 1 where OpenBLAS was told nothing of when to sleep, because NumPy was there before nnlite: its own threads
    would then be in the way.
    """
    given = os.environ.get(VARIABLE)
    if given:
        if not (given.isdecimal() and int(given) > 0):
            raise ArgumentError(f"{VARIABLE}: expected an integer of at least 1 in the environment, got {given!r}")
        return int(given)
    if openblas.TIMEOUT not in os.environ:
        return 1
    return min(MOST_THREADS, openblas.processors())


class Helpers:
    """Threads that wait for work; started when there is some, gone with the process."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Any] = SimpleQueue()
        self._lock = threading.Lock()
        self._n = 0

    def run(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Run ``tasks`` at once, the first in this thread, and return when all are done; raise what one has raised."""
        done: SimpleQueue[BaseException | None] = SimpleQueue()
        given = 0
        raised: list[BaseException | None] = []
        try:
            for task in tasks[1:]:
                # NumPy's error state, for one, belongs to the context of this thread
                self._work.put((partial(contextvars.copy_context().run, task), done))
                given += 1
            tasks[0]()
        finally:
            while len(raised) < given:  # nobody may still be at work when this returns, Ctrl-C or not
                try:
                    raised.append(done.get())
                except KeyboardInterrupt as interrupt:
                    raised.append(interrupt)
                    given += 1
        for error in raised:
            if error is not None:
                raise error

    def start(self, n: int) -> bool:
        """Have at least n threads; False if the system gives none."""
        if self._n < n:
            with self._lock:
                while self._n < n:
                    thread = threading.Thread(target=_work, args=(self._work,), name=NAME, daemon=True)
                    try:
                        thread.start()
                    except RuntimeError:
                        return False
                    self._n += 1
        return True


def _work(tasks: "SimpleQueue[Any]") -> None:
    while True:
        task, done = tasks.get()
        try:
            task()
        except BaseException as error:
            done.put(error)
        else:
            done.put(None)
        del task, done  # nothing is held while there is nothing to do


_helpers = Helpers()


def run(tasks: Sequence[Callable[[], None]]) -> None:
    """Run ``tasks`` at once, each in a thread; return when all are done."""
    several = (
        len(tasks) > 1 and threading.current_thread().name != NAME
    )  # a helper that waited for others could wait for itself
    if several and _helpers.start(len(tasks) - 1):
        _helpers.run(tasks)
    else:
        for task in tasks:
            task()


def _forget() -> None:
    """In a forked process no thread of its parent lives on."""
    global _helpers  # noqa: PLW0603
    _helpers = Helpers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
