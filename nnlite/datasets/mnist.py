"""MNIST, and any set in the same four files: from a directory, or from a cache filled by downloading."""

import io
import os

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.datasets.base import Dataset
from nnlite.datasets.download import download
from nnlite.datasets.idx import read_idx
from nnlite.errors import DataFileError
from nnlite.storage.atomic import write_whole

DESCRIPTION = (
    "70,000 handwritten digits, 28 x 28 pixels: The MNIST database of handwritten digits, Y. LeCun, "
    "C. Cortes and C. J. C. Burges, 1998. Licence: CC BY-SA 3.0."
)

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# of the decompressed files: the mirrors need not compress alike
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def load_mnist(directory: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Dataset:
    """70,000 handwritten digits, 28 x 28 pixels each, in 10 classes: 60,000 to train on, 10,000 to test with.

    Parameters
    ----------
    directory : str or path, optional
        Where the four files ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
        ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte`` are, each as it is or with ``.gz``. Any
        set in this form will do, Fashion-MNIST for one. By default the files are kept in
        ``$NNLITE_DATA/mnist`` or, where that variable is not set, in ``$XDG_CACHE_HOME/nnlite/mnist``
        (``~/.cache/nnlite/mnist``). What is missing there is downloaded (11 MB in all), and whatever is read
        from there has its SHA-256 verified.
    progress : bool, default True
        Show the progress of a download, if the standard error stream is a terminal.

    Returns
    -------
    Dataset
        X (M, 784) float32, pixels in [0, 1] (0..255 in the files, divided by 255); y (M,) int64, the digit.
        ``image_shape`` is (28, 28). The examples are in the order of the files.

    Raises
    ------
    ArgumentError
        If ``directory`` is not a path, or ``progress`` not True or False.
    DataFileError
        If a file is missing and cannot be downloaded, or is damaged or not what its name says.

    Notes
    -----
    Source: Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST database of handwritten digits, 1998.
    Licence: CC BY-SA 3.0. nnlite downloads the files for you and does not distribute them.

    Examples
    --------
    >>> data = load_mnist()                                                           # doctest: +SKIP
    >>> data.X_train.shape, data.X_test.shape                                         # doctest: +SKIP
    ((60000, 784), (10000, 784))
    """
    progress = checks.boolean("progress", progress)
    if directory is None:
        folder, name, description = _cache_directory(), "mnist", DESCRIPTION
        _download_missing(folder, progress)
    else:
        folder = os.path.expanduser(checks.path("directory", directory))
        name = os.path.basename(os.path.abspath(folder))
        description = f"Images and labels in the file format of MNIST, from {folder}."
        _require_all(folder)
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


def _cache_directory() -> str:
    if chosen := os.environ.get("NNLITE_DATA"):
        return os.path.join(os.path.expanduser(chosen), "mnist")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "nnlite", "mnist")


def _find(folder: str, name: str) -> str | None:
    """The path of the file, plain or compressed, or None where there is neither."""
    for path in (os.path.join(folder, name), os.path.join(folder, name + ".gz")):
        if os.path.isfile(path):
            return path
    return None


def _require_all(folder: str) -> None:
    missing = [name for name in SHA256 if _find(folder, name) is None]
    if missing:
        raise DataFileError(
            f"{folder}: found no {', '.join(missing)} (with or without .gz); the files are at "
            f"{' and '.join(MIRRORS)}, and load_mnist() without a directory downloads them"
        )


def _download_missing(folder: str, progress: bool) -> None:
    """Download what is missing; a file is written when its content has been verified, and then as a whole."""
    for name in SHA256:
        if _find(folder, name) is None:
            content = _download(name, folder, progress)
            try:
                write_whole(os.path.join(folder, f"{name}.gz"), content)
            except OSError as error:
                raise DataFileError(
                    f"{folder}: cannot be written to ({error}); set the environment variable NNLITE_DATA to a "
                    "directory that can, or pass directory="
                ) from error


def _download(name: str, folder: str, progress: bool) -> bytes:
    """The compressed file as the first mirror has it whose content has the right SHA-256."""

    def verify(content: bytes, url: str) -> None:
        read_idx(io.BytesIO(content), url, _item_shape(name), SHA256[name])

    try:
        return download([f"{mirror}{name}.gz" for mirror in MIRRORS], verify, progress)
    except DataFileError as error:
        raise DataFileError(
            f"{name}: {error}\n"
            f"Fetch {', '.join(SHA256)} (with or without .gz) by hand and put them into {folder}, "
            "or say with directory= where they are"
        ) from None


def _read_part(folder: str, part: str, verify: bool) -> tuple[Array, Array]:
    """X and y of the training part, "train", or of the test part, "t10k"."""
    pixels = _read(folder, f"{part}-images-idx3-ubyte", verify)
    labels = _read(folder, f"{part}-labels-idx1-ubyte", verify)
    if len(pixels) != len(labels):
        raise DataFileError(
            f"{folder}: {part}-images-idx3-ubyte holds {len(pixels)} images, "
            f"but {part}-labels-idx1-ubyte {len(labels)} labels"
        )
    if labels.max() > 9:
        raise DataFileError(
            f"{folder}: in {part}-labels-idx1-ubyte, label {labels.max()} is out of range (labels are 0..9)"
        )
    X = np.divide(pixels.reshape(len(pixels), -1), np.float32(255), dtype=np.float32)
    return X, labels.astype(np.int64)


def _read(folder: str, name: str, verify: bool) -> Array:
    path = _find(folder, name) or os.path.join(folder, name)
    try:
        with open(path, "rb") as file:
            return read_idx(file, path, _item_shape(name), SHA256[name] if verify else None)
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read ({error})") from error
    except DataFileError as error:
        if not verify:
            raise
        raise DataFileError(f"{error}; delete this file, and load_mnist() downloads it anew") from None


def _item_shape(name: str) -> tuple[int, ...]:
    return (28, 28) if "images" in name else ()
