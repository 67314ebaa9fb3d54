"""Random draws that a seed repeats: a generator, and a shuffled split into training and test examples."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.splits import stratified_split


def generator(seed: int | None) -> np.random.Generator:
    """Return a random generator: the same for the same seed, a different one on each call for None.

    Raises
    ------
    ArgumentError
        If ``seed`` is not None or an integer of at least 0.
    """
    return np.random.default_rng(None if seed is None else checks.integer("seed", seed, minimum=0))


def train_test_rows(classes: Array, test_fraction: float, seed: int | None) -> tuple[Array, Array]:
    """Draw which examples are for training and which for the test, stratified by class and in random order.

    Parameters
    ----------
    classes : array of int, shape (M,)
        The class of each example.
    test_fraction : float
        The fraction of examples to test with, above 0 and below 1.
    seed : int or None

    Returns
    -------
    train, test : arrays of int64
        Indices of the examples.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value, or a part would be empty.
    """
    rng = generator(seed)
    train, test = stratified_split(classes, test_fraction, rng, name="test_fraction")
    return rng.permutation(train), rng.permutation(test)
