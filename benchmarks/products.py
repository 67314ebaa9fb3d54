"""The limit of a training step: its matrix products alone, by a BLAS with one thread on each core.

Every thread has its part of each product, by the units or by the examples, and waits for nobody: a training must wait
where one thread needs what another one has computed.
"""

from __future__ import annotations

import ctypes
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np

from benchmarks.networks import Array, Network
from nnlite.engine import openblas

BY_ROWS, PLAIN, TRANSPOSED = 101, 111, 112  # constants of CBLAS
ADDRESS = ctypes.c_size_t


class Products:
    """The products of a network's step.

    Parameters
    ----------
    function : ctypes function
        ``cblas_sgemm``, which uses one thread.
    integer : type
        The integers of this BLAS: ``ctypes.c_int`` or ``ctypes.c_int64``.
    network : Network
    """

    def __init__(self, function: Any, integer: Any, network: Network) -> None:
        self._sgemm = prototype(function, integer)
        rng = np.random.default_rng(0)
        self._layers = []
        for n_in, n_out in itertools.pairwise(network.sizes):
            shapes = (network.batch, n_in), (n_in, n_out), (network.batch, n_out)
            a, W, dz = (rng.standard_normal(shape, np.float32) for shape in shapes)
            self._layers.append((a, W, dz, np.empty_like(dz), np.empty_like(W), np.empty_like(a)))

    def seconds(self, steps: int) -> float:
        """Return the seconds of ``steps`` steps, with the better of the two ways to divide the work."""
        return min(self._seconds(steps, by_units) for by_units in (True, False))

    def _seconds(self, steps: int, by_units: bool) -> float:
        n = openblas.processors()
        parts = [np.array(list(self._calls(part, n, by_units)), np.int64) for part in range(n)]
        for calls in parts:  # compile, and let the system hand over new memory
            carry_out(self._sgemm, calls, 1)
        threads = [threading.Thread(target=carry_out, args=(self._sgemm, calls, steps)) for calls in parts]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - start

    def _calls(self, part: int, n: int, by_units: bool) -> Iterator[list[int]]:
        """Yield the arguments of every product for one of n threads, in the order of a step."""

        def divided(A: Array, B: Array, C: Array) -> Iterator[list[int]]:
            """C = A B, of which this thread computes some columns, or some rows."""
            axis = 1 if by_units else 0
            size = C.shape[axis]
            some = slice(size * part // n, size * (part + 1) // n)
            if some.stop > some.start:
                yield arguments(A, B[:, some], C[:, some]) if by_units else arguments(A[some], B, C[some])

        for a, W, _, z, _, _ in self._layers:
            yield from divided(a, W, z)
        for number, (a, W, dz, _, dW, da) in reversed([*enumerate(self._layers)]):
            yield from divided(a.T, dz, dW)
            if number:  # nobody needs the gradient with respect to X
                yield from divided(dz, W.T, da)


def prototype(function: Any, integer: Any) -> Any:
    """Declare the arguments of ``cblas_sgemm``, with addresses as integers, for Numba."""
    kinds, number = ctypes.c_int, ctypes.c_float
    matrix = (ADDRESS, integer)
    function.argtypes = (kinds, kinds, kinds, integer, integer, integer, number, *matrix, *matrix, number, *matrix)
    function.restype = None
    return function


def arguments(A: Array, B: Array, C: Array) -> list[int]:
    """Return the integers of a call for C = A B, where A and B may be transposed views."""
    (M, N), K = C.shape, A.shape[1]
    found = [M, N, K]
    for matrix in (A, B):
        transposed = matrix.strides[0] == matrix.itemsize and matrix.strides[1] > matrix.itemsize
        stride = matrix.strides[1] if transposed else matrix.strides[0]
        found += [TRANSPOSED if transposed else PLAIN, matrix.ctypes.data, stride // matrix.itemsize]
    return [*found, C.ctypes.data, C.strides[0] // C.itemsize]


@numba.njit(nogil=True)
def carry_out(sgemm: Any, calls: Array, steps: int) -> None:
    """Make all these products ``steps`` times, without Python's lock."""
    for _ in range(steps):
        for M, N, K, how_A, A, lda, how_B, B, ldb, C, ldc in calls:
            sgemm(BY_ROWS, how_A, how_B, M, N, K, 1.0, A, lda, B, ldb, 0.0, C, ldc)
