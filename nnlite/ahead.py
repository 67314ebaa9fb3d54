"""Numbered results that threads compute ahead of the one who takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Ahead(Generic[Result]):
    """Computes ``make(0)``, ``make(1)``, ... in threads, some of them before they are taken.

    Each result is made by one thread alone, so that the number of threads changes nothing.

    Parameters
    ----------
    make : callable
        Called with a number; several calls may run at once.
    n : int
        Number of results.
    n_threads : int
        0 computes each result when it is taken.
    n_ahead : int
        How many results are computed or waiting at most, besides those that are being taken.
    """

    def __init__(self, make: Callable[[int], Result], n: int, n_threads: int, n_ahead: int) -> None:
        self.make, self.n, self.n_ahead = make, n, n_ahead
        self._results: dict[int, Any] = {}
        self._pool: Any = None
        if n_threads:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="nnlite-ahead")

    def take(self, first: int, n: int) -> list[Result]:
        """Return n results from ``make(first)`` on, and let the threads begin with those after them."""
        if self._pool is None:
            return [self.make(number) for number in range(first, first + n)]
        for number in range(first, min(self.n, first + n + self.n_ahead)):
            if number not in self._results:
                self._results[number] = self._pool.submit(self.make, number)
        return [self._results.pop(number).result() for number in range(first, first + n)]

    def close(self) -> None:
        """End the threads. What they have computed and nobody took is lost."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._results.clear()
