"""Compiles all kernels ahead, so that no training waits for them."""

from __future__ import annotations

from collections.abc import Callable

from nnlite.engine import kernels
from nnlite.engine.language import KERNELS
from nnlite.engine.library import library
from nnlite.engine.starting import start

assert kernels  # registers them


def all_kernels() -> list[tuple[str, str]]:
    """Return name and variant of each kernel; one that reads numbers of another type has a variant for each type."""
    from nnlite.engine.intrinsics import VECTORS

    return [
        (name, variant)
        for name, kernel in KERNELS.items()
        for variant in (VECTORS if "others" in kernel.kinds.values() else ("",))
    ]


def warm_up(dtype: str, done: Callable[[], object] = lambda: None) -> int:
    """Compile the kernels that are not in the cache.

    Parameters
    ----------
    dtype : {"float32", "float64"}
    done : callable, optional
        Is called after each kernel.

    Returns
    -------
    n : int
        Number of kernels.
    """
    start()
    names = all_kernels()
    for name, variant in names:
        library(dtype).address(name, variant)
        done()
    return len(names)
