"""The data sets that come with nnlite: 1,797 handwritten digits and 150 iris flowers."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import IO

import numpy as np

from nnlite.checks import Array
from nnlite.datasets.base import Dataset, generator
from nnlite.errors import DataFileError
from nnlite.splits import stratified_split

DIGITS_DESCRIPTION = (
    "1,797 handwritten digits, 8 x 8 pixels: the test set of Optical Recognition of Handwritten Digits, "
    "E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, doi:10.24432/C50P49. "
    "Licence: CC BY 4.0."
)
IRIS_DESCRIPTION = (
    "150 iris flowers of three species, four lengths in centimetres: R. A. Fisher, The use of multiple "
    "measurements in taxonomic problems, 1936; UCI Machine Learning Repository, doi:10.24432/C56C76. "
    "Licence: CC BY 4.0."
)


def load_digits(*, test_fraction: float = 0.2, seed: int | None = 0) -> Dataset:
    """1,797 handwritten digits, 8 x 8 pixels each, in 10 classes.

    Parameters
    ----------
    test_fraction : float, default 0.2
        The share of the examples to test with, above 0 and below 1. Every class is in both parts in
        proportion.
    seed : int or None, default 0
        Draws the split and the order of the examples: the same seed gives the same data, None another split
        each time.

    Returns
    -------
    Dataset
        X (M, 64) float32, pixels in [0, 1] (0..16 in the file, divided by 16); y (M,) int64, the digit.
        ``image_shape`` is (8, 8).

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value, or either part would be empty.
    DataFileError
        If the file is missing from the installation or damaged.

    Notes
    -----
    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, 1998, doi:10.24432/C50P49 (its test set). Licence: CC BY 4.0.

    Examples
    --------
    >>> data = load_digits()
    >>> data.X_train.shape, data.X_test.shape, data.class_names[:3]
    ((1438, 64), (359, 64), ('0', '1', '2'))
    """
    with _opened("digits.csv.gz") as file:
        table = np.loadtxt(file, dtype=np.uint8, delimiter=",").reshape(1797, 65)
    X = np.divide(table[:, :-1], np.float32(16), dtype=np.float32)
    y = table[:, -1].astype(np.int64)
    return Dataset(
        *_split_and_shuffled(X, y, test_fraction, seed),
        class_names=tuple("0123456789"),
        feature_names=(),
        image_shape=(8, 8),
        name="digits",
        description=DIGITS_DESCRIPTION,
    )


def load_iris(*, test_fraction: float = 0.2, seed: int | None = 0) -> Dataset:
    """150 iris flowers, four lengths each, in 3 classes (species).

    Parameters
    ----------
    test_fraction : float, default 0.2
        The share of the examples to test with, above 0 and below 1. Every class is in both parts in
        proportion.
    seed : int or None, default 0
        Draws the split and the order of the examples: the same seed gives the same data, None another split
        each time.

    Returns
    -------
    Dataset
        X (M, 4) float32, length and width of sepal and petal in centimetres, 0.1..7.9; y (M,) int64, the
        index of the species in ``class_names``. ``feature_names`` names the columns of X.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value, or either part would be empty.
    DataFileError
        If the file is missing from the installation or damaged.

    Notes
    -----
    Source: R. A. Fisher, The use of multiple measurements in taxonomic problems, Annals of Eugenics 7(2),
    179-188, 1936; UCI Machine Learning Repository, doi:10.24432/C56C76. Licence: CC BY 4.0.

    Examples
    --------
    >>> data = load_iris()
    >>> data.class_names
    ('setosa', 'versicolor', 'virginica')
    >>> data.feature_names[0]
    'sepal length (cm)'
    """
    with _opened("iris.csv") as file:
        header, *rows = [line.split(",") for line in file.read().splitlines()]
        X = np.array([row[:-1] for row in rows], dtype=np.float32).reshape(150, 4)
        species = np.array([row[-1] for row in rows])
    class_names, y = np.unique(species, return_inverse=True)
    return Dataset(
        *_split_and_shuffled(X, y.astype(np.int64), test_fraction, seed),
        class_names=tuple(map(str, class_names)),
        feature_names=tuple(header[:-1]),
        image_shape=None,
        name="iris",
        description=IRIS_DESCRIPTION,
    )


def _split_and_shuffled(
    X: Array, y: Array, test_fraction: float, seed: int | None
) -> tuple[Array, Array, Array, Array]:
    """X_train, y_train, X_test, y_test; shuffled, because the files are in the order of the classes."""
    rng = generator(seed)
    train, test = stratified_split(y, test_fraction, rng, name="test_fraction")
    train, test = rng.permutation(train), rng.permutation(test)
    return X[train], y[train], X[test], y[test]


@contextlib.contextmanager
def _opened(name: str) -> Iterator[IO[str]]:
    """The text of a file that comes with nnlite; whatever goes wrong while it is read is a DataFileError."""
    import gzip
    import zlib

    path = _path(name)
    opener: Callable[..., IO[str]] = gzip.open if name.endswith(".gz") else open
    try:
        with opener(path, "rt", encoding="ascii") as file:
            yield file
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataFileError(f"{path}: the file is damaged ({error}); install nnlite anew") from error


def _path(name: str) -> str:
    """Where the file is: inside the package once it is installed, beside it in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = os.path.join(package, "_shipped", name)
    in_checkout = os.path.join(os.path.dirname(package), "datasets", name)
    for path in (installed, in_checkout):
        if os.path.isfile(path):
            return path
    raise DataFileError(
        f"{name}: this file should have come with nnlite, but is neither {installed} nor {in_checkout}; "
        "install nnlite anew"
    )
