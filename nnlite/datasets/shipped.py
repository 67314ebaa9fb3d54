"""The data sets that come with nnlite: 1,797 handwritten digits and 150 iris flowers."""

import os

import numpy as np

from nnlite.datasets.dataset import Dataset
from nnlite.draws import train_test_rows
from nnlite.errors import ArgumentError, DataFileError
from nnlite.tables import load_csv

DIGITS_DESCRIPTION = (
    "1,797 handwritten digits, 8 x 8 pixels: the test set of Optical Recognition of Handwritten Digits, "
    "E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, doi:10.24432/C50P49. "
    "License: CC BY 4.0."
)
IRIS_DESCRIPTION = (
    "150 iris flowers of three species, four lengths in centimetres: R. A. Fisher, The use of multiple "
    "measurements in taxonomic problems, 1936; UCI Machine Learning Repository, doi:10.24432/C56C76. "
    "License: CC BY 4.0."
)


def load_digits(*, test_fraction: float = 0.2, seed: int | None = 0) -> Dataset:
    """Load 1,797 handwritten digits of 8 x 8 pixels in 10 classes.

    Parameters
    ----------
    test_fraction : float, default 0.2
        The fraction of examples to test with, above 0 and below 1. The split is stratified by class.
    seed : int or None, default 0
        Seed of the split and the order of the examples. None gives another split on each call.

    Returns
    -------
    Dataset
        X (M, 64) float32, pixels in [0, 1] (0..16 in the file, divided by 16); y (M,) int64, the digit.
        ``image_shape`` is (8, 8).

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value, or a part would be empty.
    DataFileError
        If the file is damaged or missing from the installation.

    Notes
    -----
    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, 1998, doi:10.24432/C50P49 (its test set). License: CC BY 4.0.

    Examples
    --------
    >>> import nnlite as nn
    >>> data = nn.load_digits()
    >>> data.X_train.shape, data.X_test.shape, data.class_names[:3]
    ((1438, 64), (359, 64), ('0', '1', '2'))
    """
    data = _load("digits.csv.gz", (1797, 64), test_fraction, seed)
    sixteen = np.float32(16)
    return data._replace(
        X_train=data.X_train / sixteen,
        X_test=data.X_test / sixteen,
        image_shape=(8, 8),
        name="digits",
        description=DIGITS_DESCRIPTION,
    )


def load_iris(*, test_fraction: float = 0.2, seed: int | None = 0) -> Dataset:
    """Load 150 iris flowers, with four lengths each, in 3 classes (species).

    Parameters
    ----------
    test_fraction : float, default 0.2
        The fraction of examples to test with, above 0 and below 1. The split is stratified by class.
    seed : int or None, default 0
        Seed of the split and the order of the examples. None gives another split on each call.

    Returns
    -------
    Dataset
        X (M, 4) float32, length and width of sepal and petal in centimetres, 0.1..7.9; y (M,) int64, the
        index of the species in ``class_names``. ``feature_names`` names the columns of X.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value, or a part would be empty.
    DataFileError
        If the file is damaged or missing from the installation.

    Notes
    -----
    Source: R. A. Fisher, The use of multiple measurements in taxonomic problems, Annals of Eugenics 7(2),
    179-188, 1936; UCI Machine Learning Repository, doi:10.24432/C56C76. License: CC BY 4.0.

    Examples
    --------
    >>> import nnlite as nn
    >>> data = nn.load_iris()
    >>> data.class_names
    ('setosa', 'versicolor', 'virginica')
    >>> data.feature_names[0]
    'sepal length (cm)'
    """
    data = _load("iris.csv", (150, 4), test_fraction, seed)
    return data._replace(name="iris", description=IRIS_DESCRIPTION)


def _load(name: str, shape: tuple[int, int], test_fraction: float, seed: int | None) -> Dataset:
    """Read a file that comes with nnlite, whose X has a known shape, and split it."""
    path = _path(name)
    try:
        table = load_csv(path)
        X, y = table.X, np.asarray(table.y)
        if X.shape != shape:
            raise DataFileError(f"{path}: X has the shape {X.shape}, expected {shape}")
    except (ArgumentError, DataFileError) as error:
        problem = str(error).removeprefix(f"{path}: ")
        raise DataFileError(f"{path}: the file is damaged ({problem}); reinstall nnlite") from error
    train, test = train_test_rows(y, test_fraction, seed)
    names = () if table.feature_names[0] == "column 1" else table.feature_names
    return Dataset(X[train], y[train], X[test], y[test], table.class_names, names, None, name, "")


def _path(name: str) -> str:
    """Return the path of a file: inside the package if nnlite is installed, beside it in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = os.path.join(package, "_shipped", name)
    in_checkout = os.path.join(os.path.dirname(package), "datasets", name)
    for path in (installed, in_checkout):
        if os.path.isfile(path):
            return path
    raise DataFileError(
        f"{name}: this file belongs to nnlite, but neither {installed} nor {in_checkout} exists; reinstall nnlite"
    )
