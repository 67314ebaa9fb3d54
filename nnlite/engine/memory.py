"""Memory for plain NumPy code: freed memory that is used again, and pieces of vectors that fit the cache.

Every step of a training makes the same arrays and frees them. By default the C library gives large ones back to the
operating system, which has to map and clear the memory again in the next step: for arrays of 1 to 30 MB that takes
several times as long as the arithmetic.
"""

import contextlib
import ctypes
import functools
import os
import sys
import threading
from collections.abc import Iterator

PIECE = 65_536

# of glibc's malloc.h
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
LARGEST_MMAP_THRESHOLD = 2**25  # glibc accepts no more


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    """Return the C library if it is glibc, else None."""
    if sys.platform != "linux" or any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return None
    with contextlib.suppress(OSError):
        library = ctypes.CDLL(None)
        if hasattr(library, "gnu_get_libc_version"):
            return library
    return None


_lock = threading.Lock()
_users = 0  # trainings that keep memory at this moment


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Keep freed memory in this process while the block runs, and return it to the system afterwards.

    Blocks may be nested, or run in several threads: the last one to end returns the memory. Nothing happens if the
    environment has settings of malloc (``MALLOC_...`` or ``GLIBC_TUNABLES``).
    """
    library = _glibc()
    if library is None:
        yield
        return
    _enter(library)
    try:
        yield
    finally:
        _leave(library)


def _enter(library: ctypes.CDLL) -> None:
    global _users  # noqa: PLW0603
    with _lock:
        _users += 1
        if _users == 1:
            library.mallopt(MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
            library.mallopt(TRIM_THRESHOLD, 2**30)
            library.mallopt(TOP_PAD, 2**24)


def _leave(library: ctypes.CDLL) -> None:
    global _users  # noqa: PLW0603
    with _lock:
        _users -= 1
        if _users == 0:
            library.mallopt(TRIM_THRESHOLD, 2 * LARGEST_MMAP_THRESHOLD)
            library.mallopt(TOP_PAD, 2**17)
            library.malloc_trim(0)


def _forget() -> None:
    """In a forked process no training of its parent goes on."""
    global _lock, _users
    _lock, _users = threading.Lock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def pieces(start: int, stop: int) -> Iterator[slice]:
    """Cut ``start:stop`` into slices of at most PIECE numbers, all but the last of equal length."""
    n = -(-(stop - start) // PIECE)
    length = -(-(stop - start) // n) if n else 0
    for begin in range(start, stop, length or 1):
        yield slice(begin, min(begin + length, stop))
