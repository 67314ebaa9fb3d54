"""The processes of a training, and what they can do together. A single process is the simplest case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError


class World:
    """The processes that train a network together; this one is a training in a single process.

    `nnlite.mpi.world` returns the world of a program that ``mpiexec`` started, and `nnlite.mpi.simulate` gives one to
    threads. All processes must call the same methods in the same order.

    Parameters
    ----------
    sync_batch_norm : bool, default False
        Whether `BatchNorm` takes mean and variance of a whole batch, in place of those of the process's part.
    gradient_bits : {None, 16}, default None
        16 sends each number of the gradient as bfloat16, with error feedback; None sends it as it is.
    overlap : bool or None, default None
        Whether large gradients travel in pieces during the backward pass; None: if there are several machines.

    Attributes
    ----------
    rank : int
        The number of this process, from 0.
    size : int
        The number of processes.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    Examples
    --------
    >>> import nnlite as nn
    >>> world = nn.mpi.World()
    >>> world.rank, world.size, world.gather("a")
    (0, 1, ['a'])
    """

    rank = 0
    size = 1

    def __init__(
        self, *, sync_batch_norm: bool = False, gradient_bits: int | None = None, overlap: bool | None = None
    ) -> None:
        self.sync_batch_norm = checks.boolean("sync_batch_norm", sync_batch_norm)
        if gradient_bits is not None and (isinstance(gradient_bits, bool) or gradient_bits != 16):
            raise ArgumentError(f"gradient_bits: expected 16, or None for those of the network, got {gradient_bits!r}")
        self.gradient_bits = gradient_bits
        self.overlap = None if overlap is None else checks.boolean("overlap", overlap)
        if overlap and gradient_bits is not None:
            raise ArgumentError("overlap: a gradient of 16 bits travels in one piece; give overlap or gradient_bits")

    def __repr__(self) -> str:
        return f"<process {self.rank} of {self.size}>"

    def sum(self, vector: Array) -> None:
        """Replace ``vector`` by the sum of those of all processes: the same bits everywhere.

        Parameters
        ----------
        vector : ndarray
            Contiguous, of float32 or float64, and as long in every process.
        """

    def start_sum(self, vector: Array) -> Callable[[], None]:
        """Begin to replace ``vector`` by the sum, and return a function that waits until it is there.

        Nobody may read or write the vector meanwhile. All processes must start the same sums in the same order, also
        among the calls of the other methods.

        Parameters
        ----------
        vector : ndarray
            As for `sum`.

        Returns
        -------
        callable
        """
        self.sum(vector)
        return _nothing

    def exchange(self, blocks: Array) -> Array:
        """Send ``blocks[r]`` to process r, and return what the others sent to this one, in their order.

        Parameters
        ----------
        blocks : ndarray, (size, k)

        Returns
        -------
        ndarray, (size, k)
        """
        return blocks.copy()

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes in their order, in every process.

        Parameters
        ----------
        value : object
            Anything that can be pickled.

        Returns
        -------
        list
        """
        return [value]

    def to_first(self, value: Any) -> list[Any] | None:
        """Return the values of all processes in their order, in process 0; None in the others.

        Parameters
        ----------
        value : object
            Anything that can be pickled.

        Returns
        -------
        list or None
        """
        return [value]

    def first(self, value: Any) -> Any:
        """Return the value of process 0, in every process.

        Parameters
        ----------
        value : object
            Anything that can be pickled; only that of process 0 matters.

        Returns
        -------
        object
        """
        return value

    def meet(self) -> None:
        """Wait until all processes have come here. Raise ParallelError if one of them has ended instead."""

    def abort(self, error: BaseException) -> NoReturn:
        """End all processes, because this one cannot continue. The error says why.

        Parameters
        ----------
        error : BaseException
        """
        raise error


def _nothing() -> None:
    """Wait for nothing: the sum is there."""


def check_world(parallel: Any) -> World:
    """Return the argument ``parallel`` of `Model.fit` as a `World`; None is a single process."""
    if parallel is None:
        return World()
    if isinstance(parallel, World):
        return parallel
    hint = ""
    if hasattr(parallel, "Allreduce"):
        hint = "; write nn.mpi.world(communicator)"
    elif callable(parallel):
        hint = "; write parallel=nn.mpi.world()"
    raise ArgumentError(f"parallel: expected what nn.mpi.world() returns, got {parallel!r}{hint}")
