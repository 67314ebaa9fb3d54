"""The message of a process that compiles kernels: it says what it is waiting for, once."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextvars import ContextVar

from nnlite.engine import cache

_silent: ContextVar[bool] = ContextVar("silent", default=False)
_said = False


@contextlib.contextmanager
def silent(silent: bool = True) -> Iterator[None]:
    """Say nothing while the block runs, if ``silent`` is True. Other threads are not concerned."""
    token = _silent.set(silent)
    try:
        yield
    finally:
        _silent.reset(token)


def announce() -> None:
    """Say that kernels are compiled, unless this process has said it or is silent."""
    global _said  # noqa: PLW0603
    if _said or _silent.get() or sys.stderr is None:
        return
    _said = True
    once = (
        "once"
        if cache.planned_folder()
        else "in each process, since no cache folder can be written (NNLITE_CACHE sets it)"
    )
    print(f"nnlite: compiling the engine for this processor, {once} ...", file=sys.stderr, flush=True)
