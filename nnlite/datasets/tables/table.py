"""The table that `load_csv` returns."""

from typing import NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.datasets.dataset import Dataset
from nnlite.datasets.draws import train_test_rows
from nnlite.errors import ArgumentError


class Table(NamedTuple):
    r"""Examples from a file.

    Attributes
    ----------
    X : array of float32 or float64, shape (M, n_features)
        The examples, one per row, in the order of the file.
    y : array, shape (M,), or None
        Class indices 0..C-1 (int64), or values (in the dtype of X); None without a target.
    class_names : tuple of str
        The name of each class index; empty if y holds values.
    feature_names : tuple of str
        The names of the columns of X; empty if the file has no header.
    target_name : str
        The name of the column of y; empty if there is none.
    name : str
        The name of the file.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "pets.csv")
    ...     with open(path, "w") as file:
    ...         _ = file.write("width,kind\n1.5,cat\n2.5,dog\n")
    ...     table = nn.load_csv(path, "kind")
    >>> table.y, table.class_names
    (array([0, 1]), ('cat', 'dog'))
    """

    X: Array
    y: Array | None
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    target_name: str
    name: str

    def split(self, test_fraction: float = 0.2, seed: int | None = 0) -> Dataset:
        """Shuffle the examples and split them into training and test examples.

        The split is stratified: each class has the same share of both parts.

        Parameters
        ----------
        test_fraction : float, default 0.2
            The fraction of examples to test with, above 0 and below 1.
        seed : int or None, default 0
            Seed of the split and the order. None gives another split on each call.

        Returns
        -------
        Dataset

        Raises
        ------
        ArgumentError
            If an argument has the wrong type or value, a part would be empty, or the table has no target.
        """
        if self.y is None:
            raise ArgumentError(f"y: {self.name} was read without a target, so there is nothing to learn")
        classes = self.y if self.class_names else np.zeros(len(self.y), np.intp)
        train, test = train_test_rows(classes, test_fraction, seed)
        return Dataset(
            self.X[train],
            self.y[train],
            self.X[test],
            self.y[test],
            class_names=self.class_names,
            feature_names=self.feature_names,
            image_shape=None,
            name=self.name,
            description=f"{len(self.y)} examples from {self.name}.",
        )

    def __repr__(self) -> str:
        y = "no y" if self.y is None else f"y {self.y.shape}"
        classes = f", {len(self.class_names)} classes" if self.class_names else ""
        return f"Table({self.name}: X {self.X.shape}, {y}{classes})"
