"""Processes that are threads of one: to try a parallel training without MPI, and to measure what delays do."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError, ParallelError
from nnlite.parallel.world import World

Result = TypeVar("Result")
PATIENCE = 300.0  # seconds that a thread waits for the others


class Meeting:
    """Where the threads meet, and leave things for each other.

    Parameters
    ----------
    n : int
        Number of threads.
    """

    def __init__(self, n: int) -> None:
        self.places = {name: Place(n) for name in ("now", "meanwhile")}  # the second for sums that somebody has started
        self.errors: dict[int, BaseException] = {}  # by rank, the first one first

    def fail(self, rank: int, error: BaseException) -> None:
        """Note an error, and let nobody wait any longer."""
        self.errors.setdefault(rank, error)
        first = next(iter(self.errors))
        for place in self.places.values():
            place.end(f"rank {first} ended with {type(self.errors[first]).__name__}: {self.errors[first]}")

    def leave(self, rank: int) -> None:
        """Note that a thread has ended, and let nobody wait for it."""
        for place in self.places.values():
            place.leave(rank)


class Place:
    """Where n threads leave things for each other."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._changed = threading.Condition()
        self._things: dict[int, Any] = {}  # of those that wait, by rank
        self._met: list[Any] = []  # what all brought the last time
        self._n_meetings = 0
        self._ended = ""  # why nobody meets here any longer
        self._left: list[int] = []  # ranks

    def meet(self, rank: int, thing: Any) -> list[Any]:
        """Return what all threads have brought, when all have; ParallelError if one of them never will."""
        with self._changed:
            before = self._n_meetings
            self._things[rank] = thing
            if len(self._things) == self.n:
                self._met = [self._things[other] for other in range(self.n)]
                self._things = {}
                self._n_meetings += 1
                self._changed.notify_all()
            arrived = self._changed.wait_for(lambda: self._n_meetings > before or self._why_not(), PATIENCE)
            if self._n_meetings > before:
                return list(self._met)  # nobody can bring another thing before all have taken these
            raise ParallelError(
                self._why_not() if arrived else f"rank {rank}: waited {PATIENCE:g} seconds for the others"
            )

    def end(self, why: str) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._ended = why
            self._changed.notify_all()

    def leave(self, rank: int) -> None:
        """Let nobody wait for a thread."""
        with self._changed:
            self._left.append(rank)
            self._changed.notify_all()

    def _why_not(self) -> str:
        """Return why the threads that are missing here do not come; "" if they may."""
        missing = [str(rank) for rank in self._left if rank not in self._things]
        if self._ended or not missing:
            return self._ended
        return f"rank {missing[0]} has ended, and did not call fit as this process did"


class SimulatedWorld(World):
    """One of several threads that stand for processes.

    Parameters
    ----------
    meeting : Meeting
    rank, size : int
    delay : callable, optional
        ``delay(n_bytes)`` is how many seconds a sum of so many bytes takes longer.
    **options
        As for `World`.
    """

    def __init__(
        self, meeting: Meeting, rank: int, size: int, delay: Callable[[int], float] | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.rank, self.size = rank, size
        self._meeting, self._delay = meeting, delay
        self._link = ThreadPoolExecutor(1)  # makes the sums that were started, one after the other, as a link would

    def sum(self, vector: Array) -> None:
        """Add in the order of the ranks."""
        self._sum(vector, "now")

    def start_sum(self, vector: Array) -> Callable[[], None]:
        """Add in another thread."""
        return self._link.submit(self._sum, vector, "meanwhile").result

    def _sum(self, vector: Array, place: str) -> None:
        others = self._meet(vector.copy(), place)
        if self._delay is not None:
            time.sleep(self._delay(vector.nbytes))
        vector[...] = others[0]
        for other in others[1:]:
            vector += other

    def exchange(self, blocks: Array) -> Array:
        """Return the blocks for this thread."""
        return np.stack([other[self.rank] for other in self._meet(blocks.copy())])

    def gather(self, value: Any) -> list[Any]:
        """Return copies of the values of all threads."""
        return [pickle.loads(pickled) for pickled in self._meet(pickle.dumps(value))]

    def to_first(self, value: Any) -> list[Any] | None:
        """Return copies of the values of all threads in thread 0."""
        all_pickled = self._meet(pickle.dumps(value))
        return None if self.rank else [pickle.loads(pickled) for pickled in all_pickled]

    def first(self, value: Any) -> Any:
        """Return a copy of the value of thread 0."""
        return pickle.loads(self._meet(pickle.dumps(value))[0])

    def meet(self) -> None:
        """Wait for the other threads."""
        self._meet(None)

    def abort(self, error: BaseException) -> NoReturn:
        """Let the other threads end with a `ParallelError`."""
        self._meeting.fail(self.rank, error)
        raise error

    def close(self) -> None:
        """End the thread that makes sums."""
        self._link.shutdown(cancel_futures=True)

    def _meet(self, thing: Any, name: str = "now") -> list[Any]:
        """Return what all threads have brought."""
        return self._meeting.places[name].meet(self.rank, thing)


def simulate(
    n: int,
    function: Callable[[World], Result],
    *,
    delay: Callable[[int], float] | None = None,
    sync_batch_norm: bool = False,
    gradient_bits: int | None = None,
    overlap: bool | None = None,
) -> list[Result]:
    """Call ``function(world)`` in n threads that stand for the processes of a training, to try it without MPI.

    Parameters
    ----------
    n : int
        Number of processes, at least 1.
    function : callable
        It gets the `World` of its process, which `Model.fit` takes as ``parallel``. Each call needs a model of its own.
    delay : callable, optional
        ``delay(n_bytes)`` is how many seconds a sum of so many bytes takes longer, as in a slow network.
    sync_batch_norm, gradient_bits, overlap
        As for `nnlite.mpi.world`.

    Returns
    -------
    list
        What the calls returned, in the order of the ranks.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.
    Exception
        The first error of a call. The others end with a `ParallelError`, and so do those that wait for a call that
        has returned already.

    Examples
    --------
    >>> import nnlite as nn
    >>> iris = nn.load_iris()
    >>> def train(world):
    ...     model = nn.Model([nn.Dense(16), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)
    ...     model.fit(iris.X_train, iris.y_train, epochs=5, parallel=world)
    ...     return model.theta
    >>> theta_0, theta_1, theta_2 = nn.mpi.simulate(3, train)
    >>> bool((theta_0 == theta_1).all() and (theta_0 == theta_2).all())
    True
    """
    n = checks.integer("n", n)
    if not callable(function):
        raise ArgumentError(f"function: expected a function of the world of a process, got {function!r}")
    meeting = Meeting(n)
    options: dict[str, Any] = {
        "sync_batch_norm": sync_batch_norm,
        "gradient_bits": gradient_bits,
        "overlap": overlap,
    }
    worlds = [SimulatedWorld(meeting, rank, n, delay, **options) for rank in range(n)]
    results: list[Any] = [None] * n

    def run(world: SimulatedWorld) -> None:
        try:
            results[world.rank] = function(world)
        except BaseException as error:
            meeting.fail(world.rank, error)
        finally:
            meeting.leave(world.rank)
            world.close()

    threads = [threading.Thread(target=run, args=(world,)) for world in worlds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for rank, error in meeting.errors.items():
        error.add_note(f"(rank {rank} of {n})")
        raise error
    return results
