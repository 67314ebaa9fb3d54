"""Examples on the disk for the estimators: `partial_fit` gets them a part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nnlite.stored.opening import as_stored
from nnlite.stored.table import StoredTable


def refuse_table(X: Any) -> None:
    """Raise TypeError if X is a table in files."""
    if isinstance(X, StoredTable):
        raise TypeError(
            f"X: the estimators take arrays on the disk, as nn.open_data opens them, got {X!r}; nn.Model.fit takes "
            f"tables in files"
        )


def parts_of(X: Any, y: Any, sample_weight: Any) -> Iterator[tuple[Any, Any, Any]] | None:
    """Return an iterator over the parts of examples on the disk, in their order; None for what lies in memory.

    A part is no larger than a window of a training, also in float64, into which scikit-learn's checks may convert it.

    Raises
    ------
    ValueError
        If there are no targets.
    TypeError
        If X is a table in files, whose columns cannot be learned from a part.
    """
    refuse_table(X)
    stored = as_stored(X, y, sample_weight)
    if stored is None:
        return None
    if stored.y_rows is None:
        raise ValueError(f"y: {stored!r} has no targets; pass y= to open_data")
    stored = stored.with_targets_at_hand()
    pieces = stored.pieces(stored.window * stored.row_bytes * stored.dtype.itemsize // 8)
    return ((part.X, part.y, part.weights) for part in pieces)
