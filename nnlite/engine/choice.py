"""Which engine trains: the compiled one, or the textbook."""

from __future__ import annotations

from typing import Any, NamedTuple

from nnlite.engine import support
from nnlite.engine.availability import INSTALL, missing
from nnlite.engine.optimizing import RULES
from nnlite.errors import ArgumentError


class Choice(NamedTuple):
    """An engine, "compiled" or "textbook", and why it is the textbook ("" if that was asked for, or it is compiled)."""

    engine: str
    reason: str = ""


def without_kernel(layers: Any, optimizer: Any, input_shape: Any = None) -> str:
    """Name what has no kernel, or return ""."""
    layer = support.without_kernel(layers, input_shape)
    if layer is not None:
        return f"{layer!r} has no kernel"
    if type(optimizer) not in RULES:
        return f"{type(optimizer).__name__} has no kernel"
    return ""


def choose(engine: str, layers: Any, optimizer: Any, input_shape: Any = None) -> Choice:
    """Return the engine that trains, or raise ArgumentError if "compiled" is not possible.

    Without ``input_shape``, layers are taken to work on rows.
    """
    if engine == "textbook":
        return Choice("textbook")
    reason = without_kernel(layers, optimizer, input_shape)
    if not reason and (lacking := missing()):
        reason = f"{lacking} ({INSTALL})"
    if reason and engine == "compiled":
        advice = "use engine='auto'" if "no kernel" in reason else f"run {INSTALL}"
        raise ArgumentError(f"engine: 'compiled' is not possible, since {reason}; {advice}")
    return Choice("textbook", reason) if reason else Choice("compiled")
