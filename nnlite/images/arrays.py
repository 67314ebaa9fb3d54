"""Images that are in one file: arrays in an .npz, or a table with a column for each pixel."""

from __future__ import annotations

import math
import zipfile
from typing import Any, NamedTuple

import numpy as np

from nnlite.augment.images import image_form
from nnlite.checks import Array
from nnlite.content import open_file
from nnlite.errors import ArgumentError, DataFileError
from nnlite.tables import Table, read_table
from nnlite.tables.cells import label_of_number, sorted_names
from nnlite.tables.label_first import FIRST_OR_LAST, may_be_first
from nnlite.tables.other_files import dimensions, read_arrays


class ImagePart(NamedTuple):
    """Images of one purpose: training, validation or test.

    Attributes
    ----------
    X : ndarray, (M, H, W) or (M, H, W, 3)
    y : ndarray of int64, (M,)
        Class indices.
    files : tuple of str
        The path of each picture; empty if they were not files.
    """

    X: Array
    y: Array
    files: tuple[str, ...] = ()

    def rows(self, indices: Array) -> ImagePart:
        """Return the images of these rows."""
        return ImagePart(self.X[indices], self.y[indices], tuple(self.files[i] for i in indices) if self.files else ())


Parts = dict[str, ImagePart]

# What others call the arrays in a file; capitals and underscores do not matter.
IMAGES = {
    "train": ("xtrain", "trainimages", "trainx", "x", "images", "data"),
    "validation": ("xval", "xvalidation", "xvalid", "valimages", "validationimages"),
    "test": ("xtest", "testimages", "testx"),
}
LABELS = {
    "train": ("ytrain", "trainlabels", "trainy", "y", "labels", "label", "target", "targets"),
    "validation": ("yval", "yvalidation", "yvalid", "vallabels", "validationlabels"),
    "test": ("ytest", "testlabels", "testy"),
}

NAMES_OF_CLASSES = ("label", "labels", "class", "target", "y")


def from_file(path: str, image_shape: Any, target: Any) -> tuple[Parts, tuple[str, ...]]:
    """Return images and class indices of each part that a file has, and the names of the classes.

    Raises
    ------
    DataFileError
        If the file is damaged, or has no images and labels.
    """
    if _is_npz(path):
        if target is not None:
            raise ArgumentError(f"target: is for a table, and {path} is an .npz file of arrays, got {target!r}")
        return _from_npz(path, image_shape)
    table = read_table(path, target=-1 if target is None else target, classification=True)
    try:
        X = table.X
    except ArgumentError as error:
        raise DataFileError(f"{path}: expected a number in each column: {error}") from None
    assert table.y is not None
    if target is None:
        refuse_doubtful_target(table)
    part = ImagePart(as_images(X, image_shape, path), np.asarray(table.y, np.int64))
    return {"train": part}, table.class_names


def refuse_doubtful_target(table: Table) -> None:
    """Raise ArgumentError if the last column was taken as the target, and another is named, or looks, as if it was."""
    doubtful = next((name for name in table.feature_names if name.lower() in NAMES_OF_CLASSES), None)
    if doubtful is not None and table.target_name.lower() not in NAMES_OF_CLASSES:
        raise ArgumentError(
            f"target: the classes may be in the column {doubtful!r} of {table.name} or in the last one, "
            f"{table.target_name!r}; name the column"
        )
    if doubtful is None and may_be_first(table.frame):
        raise ArgumentError(f"target: {FIRST_OR_LAST.format(table.name)}")


def as_images(X: Array, image_shape: Any, source: str) -> Array:
    """Return rows of pixels as images (M, H, W) or (M, H, W, 3); whole numbers from 0 to 255 become bytes."""
    if X.dtype.kind not in "buif":
        raise DataFileError(f"{source}: expected pixels, got an array of dtype {X.dtype}")
    if X.dtype.kind == "f" and not np.isfinite(X).all():
        raise DataFileError(f"{source}: expected finite pixels, got NaN or infinity")
    if X.ndim == 2 and image_shape is None:
        side = math.isqrt(X.shape[1])
        if side * side != X.shape[1]:
            raise DataFileError(
                f"{source}: has rows of {X.shape[1]} pixels, which are no square; give image_shape=(rows, columns)"
            )
        image_shape = (side, side)
    H, W, C = image_form(X.shape[1:], image_shape, source).image_shape
    if C not in (1, 3):
        raise DataFileError(f"{source}: expected gray images or images with 3 colors, got {C} channels")
    images = X.reshape(len(X), H, W) if C == 1 else X.reshape(len(X), H, W, C)
    if images.dtype != np.uint8 and images.size:
        is_bytes = images.min() >= 0 and 1 < images.max() <= 255 and (images == np.rint(images)).all()
        images = images.astype(np.uint8 if is_bytes or images.dtype.kind == "b" else np.float32)
    return np.ascontiguousarray(images)


def has_images(path: str) -> bool:
    """Return whether a file has images rather than a table: an .npz with an array of three or four dimensions."""
    return _is_npz(path) and any(n in (3, 4) for n in dimensions(path))


def _is_npz(path: str) -> bool:
    with open_file(path) as file:
        if file.read(4) != b"PK\3\4":
            return False
        try:
            names = zipfile.ZipFile(file).namelist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def _from_npz(path: str, image_shape: Any) -> tuple[Parts, tuple[str, ...]]:
    arrays = {name.lower().replace("_", ""): array for name, array in read_arrays(path).items()}
    found = {}
    for part, names in IMAGES.items():
        images = next((arrays[name] for name in names if name in arrays), None)
        labels = next((arrays[name] for name in LABELS[part] if name in arrays), None)
        if images is not None and labels is not None:
            found[part] = images, labels
    if "train" not in found:
        raise DataFileError(
            f"{path}: expected images and labels as X and y, or as x_train, y_train, x_test and y_test; it has "
            f"{', '.join(arrays) or 'no arrays'}"
        )
    texts = {part: _as_text(labels, path) for part, (_, labels) in found.items()}
    class_names = tuple(sorted_names(set(texts["train"])))
    place = {name: k for k, name in enumerate(class_names)}
    parts: Parts = {}
    for part, (images, _) in found.items():
        labels_of_part = texts[part]
        if images.ndim < 2 or len(images) != len(labels_of_part):
            raise DataFileError(
                f"{path}: expected a label for each image, got {len(labels_of_part)} labels for an array of shape "
                f"{images.shape} ({part})"
            )
        unknown = sorted(set(labels_of_part) - place.keys())
        if unknown:
            raise DataFileError(f"{path}: the class {unknown[0]!r:.100} ({part}) is not among the training examples")
        y = np.array([place[label] for label in labels_of_part], np.int64)
        parts[part] = ImagePart(as_images(images, image_shape, path), y)
    return parts, class_names


def _as_text(labels: Array, path: str) -> list[str]:
    """Return the labels as names of classes: class indices, one-hot rows or text."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif labels.ndim == 2 and labels.dtype.kind in "buif":
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise DataFileError(
                f"{path}: expected a label for each image, or rows with a single 1, got other rows of {labels.shape[1]}"
            )
        labels = labels.argmax(axis=1)
    if labels.ndim != 1 or labels.dtype.kind not in "buifUS":
        raise DataFileError(f"{path}: expected a label for each image, got an array of shape {labels.shape}")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise DataFileError(f"{path}: expected a label for each image, got NaN or infinity")
    if labels.dtype.kind in "US":
        return [label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label) for label in labels]
    return [label_of_number(float(label)) for label in labels]
