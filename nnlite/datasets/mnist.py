"""MNIST, or another data set in the same four files, such as Fashion-MNIST."""

import os

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.content import open_file
from nnlite.datasets.dataset import Dataset
from nnlite.datasets.idx import read_idx
from nnlite.datasets.mnist_files import SHA256, cache_directory, download_missing, find, item_shape, require_all
from nnlite.errors import DataFileError

DESCRIPTION = (
    "70,000 handwritten digits, 28 x 28 pixels: The MNIST database of handwritten digits, Y. LeCun, "
    "C. Cortes and C. J. C. Burges, 1998. License: CC BY-SA 3.0."
)


def load_mnist(directory: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Dataset:
    """Load 70,000 handwritten digits of 28 x 28 pixels in 10 classes: 60,000 to train on, 10,000 to test with.

    Parameters
    ----------
    directory : str or path, optional
        The directory with the four files ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
        ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, each as it is or compressed with the suffix
        ``.gz``. Any data set in this form can be read, for example Fashion-MNIST. By default the files are kept in
        ``$NNLITE_DATA/mnist`` or, if that variable is not set, in ``$XDG_CACHE_HOME/nnlite/mnist``
        (``~/.cache/nnlite/mnist``). Missing files are then downloaded (11 MB in all), and the SHA-256 of each
        file is verified.
    progress : bool, default True
        Show a progress bar during a download (only in a terminal or a notebook).

    Returns
    -------
    Dataset
        X (M, 784) float32, pixels in [0, 1] (0..255 in the files, divided by 255); y (M,) int64, the digit.
        ``image_shape`` is (28, 28). The examples are in the order of the files.

    Raises
    ------
    ArgumentError
        If ``directory`` is not a path, or ``progress`` is not True or False.
    DataFileError
        If a file is missing and cannot be downloaded, is damaged, or has other content than its name says.

    Notes
    -----
    Source: Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits, 1998.
    License: CC BY-SA 3.0. nnlite downloads the files and does not distribute them.

    Examples
    --------
    >>> import nnlite as nn
    >>> data = nn.load_mnist()                                                           # doctest: +SKIP
    >>> data.X_train.shape, data.X_test.shape                                         # doctest: +SKIP
    ((60000, 784), (10000, 784))
    """
    progress = checks.boolean("progress", progress)
    if directory is None:
        folder, name, description = cache_directory(), "mnist", DESCRIPTION
        download_missing(folder, progress)
    else:
        folder = os.path.expanduser(checks.path("directory", directory))
        name = os.path.basename(os.path.abspath(folder))
        description = f"Images and labels in the file format of MNIST, from {folder}."
        require_all(folder)
    verify = directory is None
    return Dataset(
        *_read_part(folder, "train", verify),
        *_read_part(folder, "t10k", verify),
        class_names=tuple("0123456789"),
        feature_names=(),
        image_shape=(28, 28),
        name=name,
        description=description,
    )


def _read_part(folder: str, part: str, verify: bool) -> tuple[Array, Array]:
    """Read X and y of the training examples (part "train") or the test examples (part "t10k")."""
    pixels = _read(folder, f"{part}-images-idx3-ubyte", verify)
    labels = _read(folder, f"{part}-labels-idx1-ubyte", verify)
    if len(pixels) != len(labels):
        raise DataFileError(
            f"{folder}: expected as many labels as images, got {len(pixels)} images in {part}-images-idx3-ubyte "
            f"and {len(labels)} labels in {part}-labels-idx1-ubyte"
        )
    if labels.max() > 9:
        raise DataFileError(
            f"{folder}: in {part}-labels-idx1-ubyte, label {labels.max()} is out of range (labels are 0..9)"
        )
    X = pixels.reshape(len(pixels), -1) / np.float32(255)
    return X, labels.astype(np.int64)


def _read(folder: str, name: str, verify: bool) -> Array:
    path = find(folder, name) or os.path.join(folder, name)
    with open_file(path) as file:
        try:
            return read_idx(file, path, item_shape(name), SHA256[name] if verify else None)
        except DataFileError as error:
            if not verify:
                raise
            raise DataFileError(f"{error}; delete this file, and load_mnist() downloads it again") from None
