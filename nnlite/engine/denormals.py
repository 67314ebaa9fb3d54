"""Numbers below 1e-38 in the textbook's steps: counted as 0, since each operation on one takes many times as long.

Momentum of a gradient that has become 0 decays to such numbers and stays there. A flag of the processor tells it to
treat them as 0. The C library saves and sets the flags of a thread (`fegetenv`, `fesetenv`); compiled kernels set them
themselves.
"""

from __future__ import annotations

import ctypes
import functools
import platform
import sys

import numpy as np

# Where the flags lie in the C library's fenv_t, and which bits flush denormals: MXCSR of x86, FPCR of ARM
FLAGS = {"x86_64": (28, 0x8040), "aarch64": (0, 1 << 24)}
SIZE = 64  # bytes, more than any fenv_t has


@functools.cache
def _library() -> tuple[ctypes.CDLL, int, int] | None:
    """Return the C library's functions, the place of the flags, and the bits; None where they are not known."""
    place = FLAGS.get(platform.machine())
    if sys.platform != "linux" or place is None:
        return None
    for dtype in (np.float32, np.float64):
        np.finfo(dtype).smallest_subnormal  # noqa: B018  NumPy computes it once, and it must not be 0
    try:
        library = ctypes.CDLL("libm.so.6")
    except OSError:
        return None
    return library, *place


class Flushed:
    """Context in which this thread treats denormal numbers as 0. Afterwards its flags are as before."""

    def __init__(self) -> None:
        self._known = _library()
        self._before = ctypes.create_string_buffer(SIZE)
        self._inside = ctypes.create_string_buffer(SIZE)

    def __enter__(self) -> None:
        if self._known is not None:
            library, at, bits = self._known
            library.fegetenv(self._before)
            ctypes.memmove(self._inside, self._before, SIZE)
            flags = ctypes.c_uint32.from_buffer(self._inside, at)
            flags.value |= bits
            library.fesetenv(self._inside)

    def __exit__(self, *exception: object) -> None:
        if self._known is not None:
            self._known[0].fesetenv(self._before)
