"""Arrays that begin where the processor works fastest on them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.checks import Array

LINE = 64  # bytes of a line of the processor's cache
WORTH_IT = 4096  # bytes; of less the beginning does not matter, but what it takes to move it does


def aligned(size: int, dtype: Any, make: Callable[..., Array] = np.zeros) -> Array:
    """A vector that begins with a line of the processor's cache.

    NumPy's own begin 16 bytes behind one, so that every second 32 bytes of them lie in two lines: what an optimizer
    does to vectors takes a tenth longer then. Short ones are NumPy's own. ``make`` is np.zeros or np.empty.
    """
    dtype = np.dtype(dtype)
    n_bytes = size * dtype.itemsize
    if n_bytes < WORTH_IT or dtype.hasobject:
        return make(size, dtype)
    memory = make(n_bytes + LINE, np.uint8)
    start = -memory.__array_interface__["data"][0] % LINE
    return memory[start : start + n_bytes].view(dtype)


def aligned_copy(vector: Array, dtype: Any = None) -> Array:
    """The numbers of ``vector``, in such a vector (and in ``dtype``)."""
    copy = aligned(vector.size, dtype or vector.dtype, np.empty)
    copy[...] = vector
    return copy
