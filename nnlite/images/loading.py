"""Data sets of pictures: a folder of class folders, an .npz file, or a table of pixels."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.datasets.dataset import Dataset
from nnlite.draws import generator, train_test_rows
from nnlite.errors import ArgumentError, DataFileError
from nnlite.images.arrays import ImagePart, Parts, from_file
from nnlite.images.folders import (
    EMPTY,
    Fault,
    Picture,
    check_folder,
    folders_in,
    parts_of,
    pictures_by_class,
    pictures_in,
)
from nnlite.images.reading import Form, Reader, class_indices, class_names_of, with_options

TEST_FRACTION = 0.2


class ImageDataset(Dataset):
    """Images in classes, as `load_images` returns them: a `Dataset` that may have validation examples.

    Attributes
    ----------
    X_validation, y_validation : ndarray, or None
        Validation examples, if the folder has its own.

    Examples
    --------
    >>> import nnlite as nn
    >>> data = nn.load_images("pets")                     # doctest: +SKIP
    >>> data.X_validation is None                         # doctest: +SKIP
    True
    """

    X_validation: Array | None = None
    y_validation: Array | None = None

    def _replace(self, **changes: Any) -> ImageDataset:
        """Return a copy with other values; validation examples stay."""
        copy = ImageDataset(**(self._asdict() | changes))
        copy.X_validation, copy.y_validation = self.X_validation, self.y_validation
        return copy


def load_images(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    grayscale: bool | None = None,
    image_shape: tuple[int, ...] | None = None,
    target: str | int | None = None,
    test_fraction: float | None = None,
    seed: int | None = 0,
    skip_bad: bool = False,
    progress: bool = True,
) -> ImageDataset:
    """Load pictures in classes: a folder with a folder of PNG or JPEG files for each class, or a file of all pixels.

    Parameters
    ----------
    path : path-like
        A folder with a folder for each class; or with such folders in ``train`` and ``test`` (and ``val``). Or an .npz
        file with images and labels (``X`` and ``y``, or ``x_train``, ``y_train``, ``x_test``, ``y_test``). Or a table
        (CSV, ...) with a column for each pixel and one for the class.
    size : (int, int), optional
        Rows and columns that all pictures are resized to, without keeping their proportions. By default all pictures
        must have the same size. For folders.
    grayscale : bool, optional
        Gray (M, H, W) or in color (M, H, W, 3). By default gray if all pictures are. For folders.
    image_shape : (int, int) or (int, int, 3), optional
        Rows and columns of an image, for files whose rows are pixels. By default a square.
    target : str or int, optional
        The column of a table that has the class. By default the last one, unless another is called "label", "class",
        "target" or "y".
    test_fraction : float, default 0.2
        The fraction to test with, above 0 and below 1, if there is no part for it. Each class has its share.
    seed : int or None, default 0
        Seed of the split and the order of the examples.
    skip_bad : bool, default False
        Leave out what cannot be used, with a warning that names it, instead of raising an error. For folders.
    progress : bool, default True
        Show a progress bar in a terminal or a notebook.

    Returns
    -------
    ImageDataset
        A `Dataset`: X (M, H, W) or (M, H, W, 3), uint8 with 0..255 for pictures; y (M,) int64. ``class_names`` are the
        names of the folders, sorted. ``X_validation`` and ``y_validation`` are there if there is a folder ``val``; if
        there is no ``test`` beside it, it is the test part.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value, or is for another kind of data.
    DataFileError
        If there are no classes, or pictures cannot be used: damaged, no pictures, of another size, links that lead out
        of the folder, or of a class that is not among the training examples. The message names all of them.
    ImportError
        If Pillow is needed and not installed (``pip install "nnlite[images]"``).

    Notes
    -----
    `read_images` says what happens to transparent, turned and other pictures.

    Examples
    --------
    >>> import nnlite as nn
    >>> data = nn.load_images("pets", size=(64, 64))                                     # doctest: +SKIP
    >>> data                                                                             # doctest: +SKIP
    Dataset(pets: X_train (80, 64, 64, 3), y_train (80,), X_test (20, 64, 64, 3), y_test (20,), 2 classes)
    """
    name = checks.path("path", path)
    skip_bad, progress = checks.boolean("skip_bad", skip_bad), checks.boolean("progress", progress)
    fraction = TEST_FRACTION if test_fraction is None else test_fraction
    fraction = checks.real("test_fraction", fraction, above=0, below=1)
    generator(seed)  # raises ArgumentError before the pictures are read
    parts, class_names = load_parts(
        name, size=size, grayscale=grayscale, image_shape=image_shape, target=target, skip_bad=skip_bad,
        progress=progress,
    )  # fmt: skip
    if len(parts) > 1 and test_fraction is not None:
        raise ArgumentError(f"test_fraction: {name} has its own test examples, got {test_fraction!r}")
    if "test" not in parts:
        parts = with_test(parts, fraction, seed, name)
    (X_train, y_train, _), (X_test, y_test, _) = parts["train"], parts["test"]
    base = os.path.basename(os.path.abspath(name))
    data = ImageDataset(
        X_train,
        y_train,
        X_test,
        y_test,
        class_names=class_names,
        feature_names=(),
        image_shape=X_train.shape[1:],
        name=os.path.splitext(base)[0] if os.path.isfile(name) else base,
        description=f"Images from {name}.",
    )
    if "validation" in parts:
        data.X_validation, data.y_validation, _ = parts["validation"]
    return data


def load_parts(
    name: str,
    *,
    size: Any = None,
    grayscale: Any = None,
    image_shape: Any = None,
    target: Any = None,
    skip_bad: bool = False,
    progress: bool = True,
) -> tuple[Parts, tuple[str, ...]]:
    """Return images and class indices of each part that there is, "train", "validation", "test", and the class names.

    The arguments are those of `load_images`.
    """
    if os.path.isfile(name):
        _only_for("a folder", {"size": size, "grayscale": grayscale, "skip_bad": skip_bad or None})
        parts, class_names = from_file(name, image_shape, target)
    else:
        check_folder(name)
        _only_for("a file", {"image_shape": image_shape, "target": target})
        form = with_options(Form(None, None, False), size, grayscale)
        parts, class_names = _from_folder(name, Reader(name, form, skip_bad=skip_bad, progress=progress))
    if len(class_names) < 2:
        found = ", ".join(class_names) or "none"
        raise DataFileError(f"{name}: expected at least two classes, got {found}{_deeper(name)}")
    return parts, class_names


def _deeper(name: str) -> str:
    """Return a hint if a folder has nothing but another folder, which has the classes."""
    inside = [os.path.join(name, one) for one in folders_in(name)] if os.path.isdir(name) else []
    return f"; is it {inside[0]}, which has folders in it?" if len(inside) == 1 and folders_in(inside[0]) else ""


def _only_for(what: str, arguments: dict[str, Any]) -> None:
    for name, value in arguments.items():
        if value is not None:
            raise ArgumentError(f"{name}: is for {what}, got {value!r}")


def _from_folder(folder: str, reader: Reader) -> tuple[Parts, tuple[str, ...]]:
    """Return the examples of each part that a folder has, and the names of the classes."""
    folders = parts_of(folder) or {"train": folder}
    faults: list[Fault] = []
    by_part: dict[str, list[Picture]] = {}
    for part, inside in folders.items():
        if not folders_in(inside):
            n = len(pictures_in(inside))
            found_instead = f"; it has {n} pictures beside one another" if n else ""
            raise DataFileError(f"{inside}: expected a folder for each class, with pictures in it{found_instead}")
        found: list[Fault] = []
        by_part[part] = pictures_by_class(inside, found)
        faults += [fault for fault in found if part == "train" or fault.reason != EMPTY]
    names = class_names_of(by_part["train"])
    pictures = [picture for part in by_part.values() for picture in part]
    X, kept = reader.read(pictures, faults, names)
    if lost := sorted(set(names) - {picture.label for picture in kept}):
        raise DataFileError(f"{folder}: no picture of the class {lost[0]!r} can be used")
    y = class_indices(kept, names)
    place = {picture.path: part for part, found_there in by_part.items() for picture in found_there}
    of_part = np.array([place[picture.path] for picture in kept])
    read = ImagePart(X, y, tuple(picture.path for picture in kept))
    rows = {part: np.flatnonzero(of_part == part) for part in by_part}
    return {part: read.rows(there) for part, there in rows.items() if len(there)}, names


def with_test(parts: Parts, fraction: float, seed: int | None, name: str) -> Parts:
    """Return the parts with one to test with: that for validation, or a share of the training examples."""
    if "validation" in parts:
        return {"train": parts["train"], "test": parts["validation"]}
    both = parts["train"]
    try:
        train, test = train_test_rows(both.y, fraction, seed)
    except ArgumentError as error:
        raise DataFileError(f"{name}: too few examples: {error}") from None
    return {"train": both.rows(train), "test": both.rows(test)}
