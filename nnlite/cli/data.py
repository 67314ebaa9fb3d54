"""What ``nnlite train`` learns from: a data set by name, a table from a file, or images, split into three parts."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.cli.arrays import arrays_source, refuse_columns
from nnlite.cli.network import wants_images
from nnlite.cli.parser import did_you_mean
from nnlite.cli.source import (
    READING,
    TEST_SIZE,
    Options,
    Source,
    base,
    checksum,
    flag,
    of_the_text,
    reading,
    refuse_empty,
    short_name,
    table_part,
    tested_with,
)
from nnlite.cli.stored import holds_arrays, holds_tables, is_table, refuse_mixture, stored_source
from nnlite.cli.wording import as_options
from nnlite.datasets import Dataset, load_digits, load_iris, load_mnist, make_spirals
from nnlite.errors import ArgumentError, DataFileError
from nnlite.images import ImageEncoding, read_images
from nnlite.images.arrays import ImagePart, has_images
from nnlite.images.encoding import BYTE, Shape
from nnlite.images.loading import load_parts, with_test
from nnlite.report import Part, Pictures
from nnlite.splits import stratified_split
from nnlite.tables import Table, read_table

IMAGE_OPTIONS = ("size", "gray", "skip_bad", "conv", "augment")
DATASETS = ("digits", "iris", "mnist", "spirals")


def is_dataset(data: str) -> bool:
    """Return whether ``data`` names a data set of nnlite rather than a file."""
    return data in DATASETS and not os.path.isfile(data)


def run_name(data: str) -> str:
    """Return the name of a data set, or of a file or a folder without its endings, for the run directory."""
    return data if is_dataset(data) else short_name(os.path.abspath(data))


def check_data(data: str) -> None:
    """Raise ArgumentError for a word that looks like the name of a data set, and is none."""
    if data not in DATASETS and not os.path.exists(data) and not os.path.splitext(data)[1] and os.sep not in data:
        raise ArgumentError(f"DATA: there is no data set, file or folder {data!r}{did_you_mean(data, DATASETS)}")


def load_source(options: Options, *, progress: bool = True) -> Source:
    """Return the data of ``options["data"]``, in three parts that the seed decides.

    ``progress`` shows a bar while pictures are read.
    """
    data = str(options["data"])
    check_data(data)
    if is_dataset(data):
        return _from_dataset(data, options)
    refuse_empty(data)
    if options.get("image_shape") is None and holds_arrays(data, options["target"]):
        return _from_arrays(data, options)
    if options.get("features") is not None:
        raise ArgumentError(f"--features: is for arrays (HDF5, Zarr, folders of .npz or .npy), and {data} has none")
    if is_images(data, options):
        if os.path.isdir(data):
            refuse_mixture(data)
        return _from_images(data, options, progress)
    for option in IMAGE_OPTIONS:
        if options.get(option) is not None:
            raise ArgumentError(f"{flag(option)}: is for images; for a table of pixels give --image-shape too")
    return _from_stored(data, options) if is_table(data) else _from_file(data, options)


# ---- data sets ------------------------------------------------------------------------------------------------------


def _from_dataset(name: str, options: Options) -> Source:
    for option in ("target", "test", "features", *READING):
        if options.get(option) is not None:
            raise ArgumentError(f"--{option}: is for a file with a table, and {name} is a data set of nnlite")
    for option in ("size", "gray", "image_shape", "skip_bad"):
        if options.get(option) is not None:
            raise ArgumentError(f"{flag(option)}: is for your own images, and {name} is a data set of nnlite")
    data = _load(name, options)
    encoding = None if data.image_shape is None else ImageEncoding(data.image_shape, resize=True, table_scale=1.0)
    if encoding is None:
        for option in ("conv", "augment"):
            if options.get(option) is not None:
                raise ArgumentError(f"{flag(option)}: is for images, and {name} has none")
    else:
        shape = input_shape(encoding, options)
        data = data._replace(X_train=_shaped(data.X_train, shape), X_test=_shaped(data.X_test, shape))
    train, validation = _hold_out(Part(data.X_train, data.y_train), options, classifies=True)
    return Source(
        name=data.name,
        train=train,
        validation=validation,
        test=Part(data.X_test, data.y_test),
        classifies=True,
        class_names=data.class_names,
        feature_names=data.feature_names,
        image_shape=data.image_shape,
        description=data.description,
        sha256={},
        image_encoding=encoding,
    )


def _shaped(X: Array, shape: Shape) -> Array:
    return X.reshape(len(X), *shape)


def _load(name: str, options: Options) -> Dataset:
    seed, test_size = options["seed"], options["test_size"]
    if name == "mnist":
        if test_size is not None:
            raise ArgumentError("--test-size: mnist has its own test examples")
        return load_mnist(options["mnist_folder"])
    if options["mnist_folder"] is not None:
        raise ArgumentError(f"--data: expected with mnist only, got it with {name}")
    fraction = TEST_SIZE if test_size is None else test_size
    if name == "digits":
        return load_digits(test_fraction=fraction)
    if name == "iris":
        return load_iris(test_fraction=fraction)
    return _spirals(seed, fraction)


def _spirals(seed: int, test_fraction: float) -> Dataset:
    """Draw spirals, with a fifth of the points as test examples."""
    X, y = make_spirals(1200, seed=seed)
    train, test = stratified_split(y, test_fraction, np.random.default_rng(seed))
    return Dataset(
        X[train],
        y[train],
        X[test],
        y[test],
        class_names=tuple(map(str, range(int(y.max()) + 1))),
        feature_names=("x1", "x2"),
        image_shape=None,
        name="spirals",
        description="Interleaved spirals with noise, made by make_spirals.",
    )


# ---- images ---------------------------------------------------------------------------------------------------------


def is_images(data: str, options: Options) -> bool:
    """Return whether ``data`` are images: a folder, an .npz file of images, or a table that is said to be pixels."""
    if options.get("image_shape") is not None:
        return True
    return not holds_tables(data) if os.path.isdir(data) else os.path.isfile(data) and has_images(data)


def _from_images(path: str, options: Options, progress: bool) -> Source:
    """Return the images of a folder or a file, as numbers that a network takes."""
    for option in (option for option in READING if options.get(option) is not None):
        raise ArgumentError(f"{flag(option)}: is for a table, and {path} are images")
    if options["mnist_folder"] is not None:
        raise ArgumentError(f"--data: expected with mnist only, got it with {path}")
    parts, class_names = load_parts(path, **_images_as(options), target=options["target"], progress=progress)
    files = {path: checksum(path)}
    like = Like(parts["train"].X.shape[1:], class_names)
    if options["test"] is not None:
        parts["test"] = _test_images(options["test"], like, options, progress)
        files[options["test"]] = checksum(options["test"])
    if len(parts) > 1 and options["test_size"] is not None:
        raise ArgumentError(f"--test-size: {options['test'] or path} has test examples of its own")
    fraction = TEST_SIZE if options["test_size"] is None else options["test_size"]
    parts = parts if "test" in parts else with_test(parts, fraction, options["seed"], path)
    white = _white(parts["train"].X)
    of_pictures = BYTE if os.path.isfile(path) else white  # a file may have pixels from 0 to 1, a picture has bytes
    resize = options.get("size") is not None
    encoding = ImageEncoding(like.image_shape, resize=resize, scale=of_pictures, table_scale=white)
    shape, dtype = input_shape(encoding, options), options["dtype"]
    ready: dict[str, Part] = {}
    for part, (X, y, names) in parts.items():
        is_second = part == "test" and options["test"] is not None  # a folder of pictures
        scaled = ImageEncoding(like.image_shape, scale=of_pictures if is_second else white)
        ready[part] = Pictures.of(scaled.transform(X, dtype=dtype, input_shape=shape), y, names)
    has_validation = "validation" in ready
    if not has_validation:
        ready["train"], ready["validation"] = _hold_out(ready["train"], options, classifies=True)
    return Source(
        name=short_name(os.path.abspath(path)),
        train=ready["train"],
        validation=ready["validation"],
        test=ready["test"],
        classifies=True,
        class_names=class_names,
        feature_names=(),
        image_shape=like.image_shape,
        description=f"Images of {encoding.describe()}, from {base(path)}{tested_with(options)}.",
        sha256=files,
        image_encoding=encoding,
        has_validation=has_validation,
    )


class Like(NamedTuple):
    """What further images should be like."""

    image_shape: Shape
    class_names: tuple[str, ...]


def _images_as(options: Options) -> dict[str, Any]:
    """Return the arguments of `load_parts` for options of the command line."""
    given = {"size": options["size"], "grayscale": options["gray"], "image_shape": options["image_shape"]}
    return {**given, "skip_bad": bool(options["skip_bad"])}


def _test_images(path: str, like: Like, options: Options, progress: bool) -> ImagePart:
    """Return the images of a second folder, in the form and with the classes of the first."""
    if not os.path.isdir(path):
        raise ArgumentError(f"--test: expected a folder with a folder for each class, got {path!r}")
    skip_bad = bool(options["skip_bad"])
    images = read_images(path, like=like, size=options["size"], skip_bad=skip_bad, progress=progress)
    if images.y is None:
        raise DataFileError(f"{path}: expected a folder for each class, with pictures in it")
    return ImagePart(images.X, images.y, images.files)


def _white(X: Array) -> float:
    """Return the value of white: 255 for bytes, otherwise the largest pixel if it is above 1."""
    largest = float(X.max())
    return BYTE if X.dtype == np.uint8 and largest > 1 else largest if largest > 1 else 1.0


def input_shape(encoding: ImageEncoding, options: Options) -> Shape:
    """Return the shape of an example: rows of pixels, or (H, W, C) if the first layers want images."""
    if wants_images(options):
        return (*encoding.image_shape, 1)[:3]
    return (math.prod(encoding.image_shape),)


# ---- files ----------------------------------------------------------------------------------------------------------


def _from_file(path: str, options: Options) -> Source:
    if options["mnist_folder"] is not None:
        raise ArgumentError(f"--data: expected with mnist only, got it with {path}")
    target = options["target"]
    if target is None:
        raise ArgumentError(f"--target: name the column of {path} to predict{_columns_of(path, options)}")
    table = read_table(path, target=target, **reading(options))
    with faults_of(path):
        table.column_kinds  # noqa: B018  raises for a column that can be read in two ways
    if len(table.class_names) == 1:
        raise DataFileError(f"{path}: all labels are {table.class_names[0]!r:.100}, so there is nothing to learn")
    files = {path: checksum(path)}
    if options["test"] is not None:
        if options["test_size"] is not None:
            raise ArgumentError("--test-size: give either --test or --test-size, not both")
        test = read_table(options["test"], like=table, **of_the_text(options))
        files[options["test"]] = checksum(options["test"])
    else:
        fraction = TEST_SIZE if options["test_size"] is None else options["test_size"]
        with faults_of(path):
            table, test = table.split(fraction, seed=options["seed"])
    classifies = bool(table.class_names)
    train, validation = _hold_out(table_part(table, table.target_name), options, classifies=classifies)
    return Source(
        name=short_name(path),
        train=train,
        validation=validation,
        test=table_part(test, table.target_name),
        classifies=classifies,
        class_names=table.class_names,
        feature_names=table.feature_names,
        image_shape=None,
        description=f"{base(path)}, target {table.target_name}{tested_with(options)}.",
        sha256=files,
    )


def _from_stored(path: str, options: Options) -> Source:
    """Return a table that need not fit into memory."""
    return stored_source(path, options, _test_size(path, options))


def _from_arrays(path: str, options: Options) -> Source:
    """Return arrays in files, which need not fit into memory."""
    refuse_columns(path, options, tuple(name for name in READING if name != "classification"))
    for option in IMAGE_OPTIONS:
        if option != "conv" and options.get(option) is not None:
            raise ArgumentError(f"{flag(option)}: is for pictures, and {path} has arrays")
    return arrays_source(path, options, _test_size(path, options))


def _test_size(path: str, options: Options) -> float:
    """Return the share of the examples to test with."""
    if options["mnist_folder"] is not None:
        raise ArgumentError(f"--data: expected with mnist only, got it with {path}")
    if options["test"] is not None and options["test_size"] is not None:
        raise ArgumentError("--test-size: give either --test or --test-size, not both")
    return TEST_SIZE if options["test_size"] is None else float(options["test_size"])


def read_like(path: Any, model: Any, options: Options, ignore: Sequence[str] = (), **target: Any) -> Table:
    """Return the table of a file without the columns to ignore: the columns, classes and notations are the model's.

    For a model that learned from arrays, ``target`` says what the target is.
    """
    like = target if model.encoding is None else {"like": model}
    return read_table(path, ignore=ignore, **like, **of_the_text(options))


@contextmanager
def faults_of(path: str) -> Iterator[None]:
    """Let an error about data be one about the file that they come from, which the message names once.

    An error about an argument, such as ``kinds``, stays what it is.
    """
    try:
        yield
    except ArgumentError as error:
        text = as_options(str(error))
        if text.startswith("--") and not text.startswith("--test-size"):
            raise
        for start in ("X: ", f"{path}: ", f"{os.path.basename(path)}: "):
            text = text.removeprefix(start)
        raise DataFileError(f"{path}: {text}") from None


def _columns_of(path: str, options: Options) -> str:
    """Return the columns of a file as the end of a message."""
    table = read_table(path, **{name: value for name, value in reading(options).items() if name != "classification"})
    names = table.feature_names
    more = ", ..." if len(names) > 30 else ""
    return f"; it has {', '.join(names[:30])}{more}"


def _hold_out(part: Part, options: Options, *, classifies: bool) -> tuple[Part, Part]:
    """Return training and validation examples; each class has its share in both."""
    classes = part.y if classifies else np.zeros(part.size, np.int64)
    rng = np.random.default_rng(np.random.SeedSequence(options["seed"], spawn_key=(1,)))
    size = options["validation_size"]
    kept, held_out = _split(classes, size, rng)
    return part.rows(kept), part.rows(held_out)


def _split(classes: Array, size: float, rng: np.random.Generator) -> tuple[Array, Array]:
    try:
        return stratified_split(classes, size, rng, name="--validation-size")
    except ArgumentError as error:
        raise DataFileError(f"too few examples: {error}") from None
