"""Arrays that begin where the processor works fastest on them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.checks import Array

LINE = 64  # bytes of a line of the processor's cache


def aligned(size: int, dtype: Any, make: Callable[..., Array] = np.zeros) -> Array:
    """A vector that begins with a line of the processor's cache.

    NumPy's own begin 16 bytes behind one, so that every second 32 bytes of them lie in two lines: what an optimizer
    does to vectors takes a tenth longer then. ``make`` is np.zeros or np.empty.
    """
    n_bytes = size * np.dtype(dtype).itemsize
    memory = make(n_bytes + LINE, np.uint8)
    start = -memory.__array_interface__["data"][0] % LINE
    return memory[start : start + n_bytes].view(dtype)


def aligned_copy(vector: Array, dtype: Any = None) -> Array:
    """The numbers of ``vector``, in such a vector (and in ``dtype``)."""
    copy = aligned(vector.size, dtype or vector.dtype, np.empty)
    copy[...] = vector
    return copy
