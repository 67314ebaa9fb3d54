"""What the data sets share: the form in which they come, and the seed that they are drawn with."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

from typing import NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array


class Dataset(NamedTuple):
    """Examples to train on, examples to test with, and what they are.

    Attributes
    ----------
    X_train : array of float32, shape (M_train, n_features)
        The training examples, one a row.
    y_train : array of int64, shape (M_train,)
        Their class indices 0..C-1; values (floats) where there are no classes.
    X_test : array of float32, shape (M_test, n_features)
        The test examples.
    y_test : array of int64, shape (M_test,)
        Their class indices, or values.
    class_names : tuple of str
        What the class indices stand for; empty where y are values.
    feature_names : tuple of str
        What the columns are; empty for images.
    image_shape : tuple of two int, or None
        Rows and columns of an image, whose pixels are the columns of X row by row; None where the examples
        are no images.
    name : str
        A short name.
    description : str
        What the data are, with their source and licence.

    Examples
    --------
    >>> from nnlite import load_iris
    >>> load_iris()
    Dataset(iris: X_train (120, 4), y_train (120,), X_test (30, 4), y_test (30,), 3 classes)
    """

    X_train: Array
    y_train: Array
    X_test: Array
    y_test: Array
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, int] | None
    name: str
    description: str

    def __repr__(self) -> str:
        shapes = ", ".join(f"{part} {getattr(self, part).shape}" for part in ("X_train", "y_train", "X_test", "y_test"))
        classes = f", {len(self.class_names)} classes" if self.class_names else ""
        return f"Dataset({self.name}: {shapes}{classes})"


def generator(seed: int | None) -> np.random.Generator:
    """A source of randomness: the same for the same seed, and another each time for None."""
    return np.random.default_rng(None if seed is None else checks.integer("seed", seed, minimum=0))
