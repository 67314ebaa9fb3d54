"""Which columns, rows and classes of a table an argument means."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError

MOST_SHOWN = 20  # values in a message


def choose_columns(
    names: Sequence[str], target: Any, ignore: Any, source: str, usual_target: str | None = None
) -> tuple[int | None, set[int]]:
    """Return the position of the target, and those of the columns to leave out."""
    chosen = None if target is None else position("target", target, names, source)
    if chosen is None and usual_target in names:
        chosen = list(names).index(str(usual_target))
    ignored = {position("ignore", column, names, source) for column in check_list("ignore", ignore)}
    if chosen in ignored:
        raise ArgumentError(f"ignore: column {chosen} is the target; to read no target, pass target=None")
    return chosen, ignored


def check_list(argument: str, columns: Any) -> list[Any]:
    """Return several columns, or raise ArgumentError."""
    return checks.collection(argument, columns, "a list of columns such as ['id']")


def check_column(argument: str, column: Any) -> None:
    """Raise ArgumentError unless ``column`` is a name or a position."""
    if isinstance(column, (bool, np.bool_)) or not (isinstance(column, str) or hasattr(column, "__index__")):
        raise ArgumentError(f"{argument}: expected the name of a column or its position (an integer), got {column!r}")


def position(argument: str, column: Any, names: Sequence[str], source: str) -> int:
    """Return the position of a column, counted from 0; ArgumentError if there is none."""
    if isinstance(column, str):
        if names.count(column) != 1:
            problem, hint = "there is no column", _close(column, names)
            if column in names:
                problem, hint = "several columns are called", f"; give the position, such as {names.index(column)}"
            raise ArgumentError(f"{argument}: {problem} {column!r} in {source}, which has {shown(names)}{hint}")
        return names.index(column)
    check_column(argument, column)
    i = int(column)
    if not -len(names) <= i < len(names):
        raise ArgumentError(
            f"{argument}: expected a position in {-len(names)}..{len(names) - 1}, because {source} has "
            f"{len(names)} column{'s' * (len(names) > 1)}, got {column}"
        )
    return i % len(names)


def check_names(names: Any) -> tuple[str, ...]:
    """Return the names of classes, or raise ArgumentError."""
    if isinstance(names, str) or not isinstance(names, (Sequence, np.ndarray)) or not len(names):
        raise ArgumentError(f"class_names: expected a list of strings, one for each class, got {names!r:.200}")
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong or len(set(names)) != len(names):
        raise ArgumentError(f"class_names: expected different strings, got {wrong[0] if wrong else names!r:.200}")
    return tuple(str(name) for name in names)


def positions_of(indices: Any, n: int) -> Array:
    """Return the numbers of rows, also from a mask (n,), or raise ArgumentError."""
    rows = checks.numeric_array("indices", indices)
    if rows.ndim != 1 or rows.dtype.kind not in "iub" or (rows.dtype.kind == "b" and len(rows) != n):
        raise ArgumentError(f"indices: expected the numbers of rows, got {rows.dtype} of shape {rows.shape}")
    rows = np.flatnonzero(rows) if rows.dtype.kind == "b" else rows
    if len(rows) and not (-n <= rows.min() and rows.max() < n):
        raise ArgumentError(f"indices: expected rows in 0..{n - 1}, got {rows.min()} to {rows.max()}")
    return rows


def shown(values: Collection[object]) -> str:
    """Return the first values as a message shows them."""
    text = ", ".join(repr(value) for value in list(values)[:MOST_SHOWN])[:1000]
    return text + (", ..." if len(values) > MOST_SHOWN else "")


def _close(column: str, names: Sequence[str]) -> str:
    import difflib

    close = difflib.get_close_matches(column, names, 1)
    return f"; do you mean {close[0]!r}?" if close else ""
