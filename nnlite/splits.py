"""Splitting of examples into two parts with the same proportions of the classes."""

from __future__ import annotations  # avoids the import of numpy.random for its Generator

from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError


def stratified_split(
    y: Any, fraction: float, rng: np.random.Generator, *, name: str = "fraction"
) -> tuple[Array, Array]:
    """Split examples at random into two parts, in which each class has its share: n_k = fraction M_k.

    Parameters
    ----------
    y : array_like of int, (M,)
        Class indices; any integers.
    fraction : float
        The share of the examples that is held out, above 0 and below 1.
    rng : numpy.random.Generator
        Draws which examples are held out. The same state gives the same split.
    name : str, default "fraction"
        The name of ``fraction`` in error messages.

    Returns
    -------
    first_indices, held_out_indices : ndarray of int64
        Each index 0..M-1 is in one of the two. Both are in ascending order, so that the examples of a part keep their
        order.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value, or if one of the parts would be empty.

    Notes
    -----
    ``round(fraction * M)`` examples are held out. Each class gets the integer part of its share n_k; the examples still
    missing come from the classes with the largest remainders (Hamilton's method, 1792). A class of two or more examples
    has at least one in each part if the sizes of the parts allow it.

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
            f"{len(y) - n_held_out}; expected at least one example in each part"
        )
    by_class, priority = _priorities(y, n_held_out, rng)
    order = by_class[np.argsort(-priority, kind="stable")]  # of equal remainders, the lower class comes first
    return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])


def _class_indices(y: Any) -> Array:
    labels = checks.numeric_array("y", y)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ArgumentError(
            f"y: expected class indices, a 1-D array of int, got {labels.dtype} of shape {labels.shape}"
        )
    return labels


def _priorities(y: Array, n_held_out: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the indices, class by class and shuffled within each, and the priority of each for being held out.

    The j-th example of a class, j = 0, 1, ..., has the priority n_k - j; the n_held_out highest are held out. The
    integer parts of all shares come first, with priorities of 1 or more, then the largest remainders, between 0 and 1.
    """
    shuffled = rng.permutation(len(y))
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    counts = np.unique(y, return_counts=True)[1]
    starts = np.cumsum(counts) - counts
    share = n_held_out * counts / len(y)
    j = np.arange(len(y)) - np.repeat(starts, counts)
    priority = np.repeat(share, counts) - j
    # One example of each class is held out first and one last, if it has two: len(y) exceeds every priority.
    several = counts >= 2
    priority[starts[several]] += len(y)
    priority[starts[several] + counts[several] - 1] -= len(y)
    return by_class, priority
