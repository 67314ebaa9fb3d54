"""A sample of examples on the disk, for what looks at examples more than once."""

from __future__ import annotations

from typing import Any, NamedTuple

from nnlite.errors import ArgumentError
from nnlite.stored import StoredArrays, StoredTable
from nnlite.stored.learning import learn
from nnlite.stored.opening import as_stored
from nnlite.stored.sampling import sample_of

MOST_BYTES = 2**26  # of a sample


class Sampled(NamedTuple):
    """Examples in memory.

    Attributes
    ----------
    X, y : array_like or Table
        What `fit` takes.
    said : str
        That they are a sample, and of how many; "" if they are all.
    """

    X: Any
    y: Any
    said: str = ""


def in_memory(X: Any, y: Any, n: int) -> Sampled:
    """Return examples as they are, or those on the disk as a sample of at most n, which a fixed seed draws.

    Raises
    ------
    ArgumentError
        If examples on the disk have no targets, or y is given beside a table that has its own.
    """
    if isinstance(X, StoredTable):
        if y is not None:
            raise ArgumentError("y: a stored table has its own target")
        learned = learn(X)
        table = learned.sample
        rows = table if len(table) <= n else table.rows(slice(0, len(table), -(-len(table) // n)))
        return Sampled(rows, None, _said(len(rows), learned.n_selected))
    stored = as_stored(X, y)
    if stored is None:
        return Sampled(X, y)
    if stored.y_rows is None:
        raise ArgumentError(f"y: {stored!r} has no targets; pass y= to open_data")
    part = sample_of(stored, n, MOST_BYTES)
    return Sampled(part.X, part.y, _said(len(part.X), len(stored)))


def validation_in_memory(data: Any, n: int) -> Any:
    """Return validation data as they are, or those on the disk as a sample ``(X, y)``, or a table."""
    if isinstance(data, (StoredTable, StoredArrays)):
        found = in_memory(data, None, n)
        return found.X if found.y is None else (found.X, found.y)
    if isinstance(data, (tuple, list)) and len(data) == 2 and as_stored(data[0], data[1]) is not None:
        found = in_memory(data[0], data[1], n)
        return found.X, found.y
    return data


def _said(n: int, n_all: int) -> str:
    if n == n_all:
        return ""
    return f"The data are on the disk: {n:,} of {n_all:,} training examples, from all parts of them, were read."
