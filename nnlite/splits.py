"""Splitting examples into two parts."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

from typing import Any

import numpy as np

from nnlite import checks
from nnlite.errors import ArgumentError

Array = checks.Array


def stratified_split(
    y: Any, fraction: float, rng: np.random.Generator, *, name: str = "fraction"
) -> tuple[Array, Array]:
    """Split at random so that every class is in both parts in proportion: n_k = fraction M_k.

    Parameters
    ----------
    y : array of int, shape (M,)
        Class indices; any integers do.
    fraction : float
        The share of the examples that is held out, above 0 and below 1.
    rng : numpy.random.Generator
        Draws which examples are held out. The same state gives the same split.
    name : str, default "fraction"
        What the caller calls the fraction, for the error messages.

    Returns
    -------
    first_indices, held_out_indices : arrays of int64
        Every index 0..M-1 once, in one of the two. Both are in ascending order: the examples of a part stay
        in the order in which they came.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value, or if either part would be empty.

    Notes
    -----
    ``round(fraction * M)`` examples are held out. A class gets the whole part of its share, and what is then
    missing goes to the classes with the largest remainders (Hamilton's method, 1792). A class of two or more
    examples has at least one in each part, wherever the number held out allows it.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    >>> first, held_out = stratified_split(y, 1 / 3, np.random.default_rng(0))
    >>> y[held_out]
    array([0, 0, 1])
    """
    y = _class_indices(y)
    fraction = checks.real(name, fraction, above=0, below=1)
    if not isinstance(rng, np.random.Generator):
        raise ArgumentError(f"rng: expected a numpy.random.Generator, got {rng!r}")
    n_held_out = round(fraction * len(y))
    if not 0 < n_held_out < len(y):
        raise ArgumentError(
            f"{name}: {fraction:g} of {len(y)} examples holds out {n_held_out} and leaves "
            f"{len(y) - n_held_out}; expected at least one of either"
        )
    by_class, priority = _priorities(y, n_held_out, rng)
    # a stable sort, so that equal remainders are settled by the class index
    order = by_class[np.argsort(-priority, kind="stable")]
    return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])


def _class_indices(y: Any) -> Array:
    labels = checks.numeric_array("y", y)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ArgumentError(
            f"y: expected class indices, a 1-D array of int, got {labels.dtype} of shape {labels.shape}"
        )
    return labels


def _priorities(y: Array, n_held_out: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """The indices shuffled within each class, class after class, and how urgently each is to be held out.

    The j-th example of a class, j = 0, 1, ..., has the priority share - j. The n_held_out highest of these
    are the whole parts of all shares (priority 1 or more), then the largest remainders (between 0 and 1).
    """
    shuffled = rng.permutation(len(y))
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    counts = np.unique(y, return_counts=True)[1]
    starts = np.cumsum(counts) - counts
    share = n_held_out * counts / len(y)
    position = np.arange(len(y)) - np.repeat(starts, counts)
    priority = np.repeat(share, counts) - position
    # the first of a class goes before all others and the last behind them: len(y) exceeds every priority
    several = counts >= 2
    priority[starts[several]] += len(y)
    priority[starts[several] + counts[several] - 1] -= len(y)
    return by_class, priority
