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
        How many results are computed or waiting at most.
    """

    def __init__(self, make: Callable[[int], Result], n: int, n_threads: int, n_ahead: int) -> None:
        self.make, self.n, self.n_ahead = make, n, n_ahead
        self._results: dict[int, Any] = {}
        self._pool: Any = None
        if n_threads:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="nnlite-ahead")

    def take(self, number: int) -> Result:
        """Return ``make(number)``, and let the threads begin with the next ones."""
        if self._pool is None:
            return self.make(number)
        for k in range(number, min(self.n, number + 1 + self.n_ahead)):
            if k not in self._results:
                self._results[k] = self._pool.submit(self.make, k)
        result: Result = self._results.pop(number).result()
        return result

    def close(self) -> None:
        """End the threads. What they have computed and nobody took is lost."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._results.clear()
