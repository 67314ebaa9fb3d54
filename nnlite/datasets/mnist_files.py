"""The four files of MNIST: their names, where they are on this computer, and how they are downloaded."""

import io
import os

from nnlite.atomic import write_whole
from nnlite.datasets.download import download
from nnlite.datasets.idx import read_idx
from nnlite.errors import DataFileError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# of the decompressed files, because mirrors may compress differently
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def item_shape(name: str) -> tuple[int, ...]:
    """Return the shape of an item in a file: (28, 28) for images, () for labels."""
    return (28, 28) if "images" in name else ()


def cache_directory() -> str:
    """Return the directory where downloaded files are kept."""
    if chosen := os.environ.get("NNLITE_DATA"):
        return os.path.join(os.path.expanduser(chosen), "mnist")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "nnlite", "mnist")


def find(folder: str, name: str) -> str | None:
    """Return the path of a file, plain or compressed, or None if the folder has neither."""
    for path in (os.path.join(folder, name), os.path.join(folder, name + ".gz")):
        if os.path.isfile(path):
            return path
    return None


def require_all(folder: str) -> None:
    """Raise DataFileError if one of the four files is missing."""
    missing = [name for name in SHA256 if find(folder, name) is None]
    if missing:
        raise DataFileError(
            f"{folder}: missing {', '.join(missing)} (with or without .gz); download the files from "
            f"{' or '.join(MIRRORS)}, or call load_mnist() without a directory"
        )


def download_missing(folder: str, progress: bool) -> None:
    """Download the files that are missing in ``folder``; each is written as a whole after it has been verified."""
    for name in SHA256:
        if find(folder, name) is None:
            content = _download(name, folder, progress)
            try:
                write_whole(os.path.join(folder, f"{name}.gz"), content)
            except OSError as error:
                raise DataFileError(
                    f"{folder}: cannot be written to ({error}); set the environment variable NNLITE_DATA to a "
                    "writable directory, or pass directory="
                ) from error


def _download(name: str, folder: str, progress: bool) -> bytes:
    """Return the compressed file from the first mirror where its content has the right SHA-256."""

    def verify(content: bytes, url: str) -> None:
        read_idx(io.BytesIO(content), url, item_shape(name), SHA256[name])

    try:
        return download([f"{mirror}{name}.gz" for mirror in MIRRORS], verify, progress)
    except DataFileError as error:
        raise DataFileError(
            f"{name}: {error}\n"
            f"Download {', '.join(SHA256)} (with or without .gz) yourself and put them into {folder}, "
            "or pass their directory as directory="
        ) from None
