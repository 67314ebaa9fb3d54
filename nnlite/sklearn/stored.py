"""Examples on the disk for the estimators: `partial_fit` gets them a part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from nnlite.ahead import Ahead
from nnlite.checks import Array
from nnlite.fitting.stored import KEPT
from nnlite.stored.arrays import StoredArrays
from nnlite.stored.opening import as_stored
from nnlite.stored.order import Order
from nnlite.stored.table import StoredTable

Arrays = tuple[Array, Array | None, Array | None]


def refuse_table(X: Any) -> None:
    """Raise TypeError if X is a table in files."""
    if isinstance(X, StoredTable):
        raise TypeError(
            f"X: the estimators take arrays on the disk, as nn.open_data opens them, got {X!r}; nn.Model.fit takes "
            f"tables in files"
        )


def parts_of(estimator: Any, X: Any, y: Any, sample_weight: Any) -> Iterator[Arrays] | None:
    """Return an iterator over the parts ``(X, y, weights)`` of examples on the disk; None for what lies in memory.

    A part is a window of random blocks, which ``random_state`` of the estimator draws; without ``shuffle`` the parts
    follow the order of the data. A part is no larger than a window of a training, also in float64, into which
    scikit-learn's checks may convert it.

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
    stored.check_unchanged()
    memory = max(1, stored.memory * stored.dtype.itemsize // 8)
    stored = StoredArrays(stored.X_rows, stored.y_rows, stored.weight_rows, memory, stored.shares)
    stored = stored.with_targets_in_memory(KEPT).with_targets_at_hand()
    if not estimator.shuffle:
        return (part[:3] for part in stored.pieces(stored.window * stored.row_bytes))
    key = check_random_state(estimator.random_state).randint(2**64 - 1, dtype=np.uint64)
    return _windows(stored, key)


def _windows(stored: StoredArrays, key: np.uint64) -> Iterator[Arrays]:
    """Yield the examples of each window of blocks in random order. A thread reads ahead."""
    most = stored.window - int(stored.counts.max()) + 1  # so that the block that fills a window still fits
    order = Order(stored.counts, most, key)
    n_windows = len(order.windows)
    ahead = Ahead(lambda i: stored.of_blocks(order.windows[i]), n_windows, int(n_windows > 1), 1)
    try:
        for i in range(n_windows):
            (part,) = ahead.take(i, 1)
            yield part[:3]
    finally:
        ahead.close()
