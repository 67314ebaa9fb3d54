"""What ``nnlite train`` learns from: a data set by name, a table from a file, or images, split into three parts."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.cli.network import wants_images
from nnlite.cli.parser import did_you_mean
from nnlite.cli.stored import StoredParts, holds_tables, is_stored, parts_of
from nnlite.cli.wording import as_options
from nnlite.datasets import Dataset, load_digits, load_iris, load_mnist, make_spirals
from nnlite.errors import ArgumentError, DataFileError
from nnlite.images import ImageEncoding, read_images
from nnlite.images.arrays import ImagePart, has_images
from nnlite.images.encoding import BYTE, Shape
from nnlite.images.loading import load_parts, with_test
from nnlite.report import Part, Pictures
from nnlite.splits import stratified_split
from nnlite.stored import open_table
from nnlite.tables import Table, read_table

Options = Mapping[str, Any]
IMAGE_OPTIONS = ("size", "gray", "skip_bad", "conv", "augment")
DATASETS = ("digits", "iris", "mnist", "spirals")
TEST_SIZE = 0.2
READING = (
    "delimiter decimal thousands missing encoding comment header dates ignore kinds classification scaling fill".split()
)
OF_THE_TEXT = ("delimiter", "decimal", "thousands", "missing", "encoding", "comment", "header", "dates")


class Source(NamedTuple):
    """Data to learn from.

    Attributes
    ----------
    name : str
        For the name of the run directory.
    train, validation, test : Part
    classifies : bool
        Whether the target has classes.
    class_names, feature_names : tuple of str
    image_shape : (int, int) or (int, int, 3), optional
    description : str
    sha256 : dict of str to str
        The checksum of each file that was read, or of all files in a folder together.
    image_encoding : ImageEncoding, optional
        What makes pictures into the numbers of the examples.
    stored : StoredParts, optional
        The whole data, if they need not fit into memory; ``train``, ``validation`` and ``test`` are samples then.
    has_validation : bool
        Whether the data have validation examples of their own, so that none were held out.
    """

    name: str
    train: Part
    validation: Part
    test: Part
    classifies: bool
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    description: str
    sha256: dict[str, str]
    image_encoding: ImageEncoding | None = None
    has_validation: bool = False
    stored: StoredParts | None = None

    @property
    def sizes(self) -> list[int]:
        """Number of examples for training, validation and test."""
        return [self.train.size, self.validation.size, self.test.size] if self.stored is None else self.stored.sizes

    @property
    def n_outputs(self) -> int:
        """Number of output units."""
        return len(self.class_names) if self.classifies else 1

    @property
    def n_training(self) -> int:
        """Number of training examples, validation included."""
        return sum(self.sizes[:2])


def is_dataset(data: str) -> bool:
    """Return whether ``data`` names a data set of nnlite rather than a file."""
    return data in DATASETS and not os.path.isfile(data)


def run_name(data: str) -> str:
    """Return the name of a data set, or of a file or a folder without its endings, for the run directory."""
    return data if is_dataset(data) else _short_name(os.path.abspath(data))


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
    if is_images(data, options):
        return _from_images(data, options, progress)
    for option in IMAGE_OPTIONS:
        if options.get(option) is not None:
            raise ArgumentError(f"{_flag(option)}: is for images; for a table of pixels give --image-shape too")
    return _from_stored(data, options) if is_stored(data) else _from_file(data, options)


# ---- data sets ------------------------------------------------------------------------------------------------------


def _from_dataset(name: str, options: Options) -> Source:
    for option in ("target", "test", *READING):
        if options.get(option) is not None:
            raise ArgumentError(f"--{option}: is for a file with a table, and {name} is a data set of nnlite")
    for option in ("size", "gray", "image_shape", "skip_bad"):
        if options.get(option) is not None:
            raise ArgumentError(f"{_flag(option)}: is for your own images, and {name} is a data set of nnlite")
    data = _load(name, options)
    encoding = None if data.image_shape is None else ImageEncoding(data.image_shape, resize=True, table_scale=1.0)
    if encoding is None:
        for option in ("conv", "augment"):
            if options.get(option) is not None:
                raise ArgumentError(f"{_flag(option)}: is for images, and {name} has none")
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
        raise ArgumentError(f"{_flag(option)}: is for a table, and {path} are images")
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
        name=_short_name(os.path.abspath(path)),
        train=ready["train"],
        validation=ready["validation"],
        test=ready["test"],
        classifies=True,
        class_names=class_names,
        feature_names=(),
        image_shape=like.image_shape,
        description=f"Images of {encoding.describe()}, from {_base(path)}{_tested_with(options)}.",
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
        test = read_table(options["test"], like=table, **_of_the_text(options))
        files[options["test"]] = checksum(options["test"])
    else:
        fraction = TEST_SIZE if options["test_size"] is None else options["test_size"]
        with faults_of(path):
            table, test = table.split(fraction, seed=options["seed"])
    classifies = bool(table.class_names)
    train, validation = _hold_out(table_part(table, table.target_name), options, classifies=classifies)
    return Source(
        name=_short_name(path),
        train=train,
        validation=validation,
        test=table_part(test, table.target_name),
        classifies=classifies,
        class_names=table.class_names,
        feature_names=table.feature_names,
        image_shape=None,
        description=f"{_base(path)}, target {table.target_name}{_tested_with(options)}.",
        sha256=files,
    )


def _from_stored(path: str, options: Options) -> Source:
    """Return a table that need not fit into memory."""
    target, test = options["target"], options["test"]
    if options["mnist_folder"] is not None:
        raise ArgumentError(f"--data: expected with mnist only, got it with {path}")
    if target is None:
        names = open_table(path, **_of_the_text(options)).names
        raise ArgumentError(f"--target: name the column of {path} to predict; it has {', '.join(names[:30])}")
    if test is not None and options["test_size"] is not None:
        raise ArgumentError("--test-size: give either --test or --test-size, not both")
    shares = (TEST_SIZE if options["test_size"] is None else options["test_size"], options["validation_size"])
    parts = parts_of(path, reading(options), target, test, shares, options["seed"])
    first = parts.samples[0]
    if len(first.class_names) == 1:
        raise DataFileError(f"{path}: all labels are {first.class_names[0]!r:.100}, so there is nothing to learn")
    train, validation, tested = (table_part(sample, first.target_name) for sample in parts.samples)
    return Source(
        name=_short_name(os.path.abspath(path)),
        train=train,
        validation=validation,
        test=tested,
        classifies=bool(first.class_names),
        class_names=first.class_names,
        feature_names=first.feature_names,
        image_shape=None,
        description=f"{os.path.basename(os.path.abspath(path))}, target {first.target_name}, read in pieces.",
        sha256={name: checksum(name) for name in (path, test) if name is not None},
        stored=parts,
    )


def table_part(table: Table, target: str) -> Part:
    """Return a table as examples; DataFileError if it lacks the target."""
    if table.y is None:
        raise DataFileError(f"{table.name}: has no column {target!r}, the target")
    return Part(table, table.y)


def reading(options: Options) -> dict[str, Any]:
    """Return the options of `read_table` that were given."""
    return {name: options[name] for name in READING if options.get(name) is not None}


def _of_the_text(options: Options) -> dict[str, Any]:
    """Return the options that say how the text of a file is written."""
    return {name: options[name] for name in OF_THE_TEXT if options.get(name) is not None}


def read_like(path: Any, model: Any, options: Options, ignore: Sequence[str] = (), **target: Any) -> Table:
    """Return the table of a file without the columns to ignore: the columns, classes and notations are the model's.

    For a model that learned from arrays, ``target`` says what the target is.
    """
    like = target if model.encoding is None else {"like": model}
    return read_table(path, ignore=ignore, **like, **_of_the_text(options))


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


def _base(path: str) -> str:
    return os.path.basename(os.path.abspath(path))


def _tested_with(options: Options) -> str:
    """Return the end of a description: a second file or folder to test with."""
    return "" if options["test"] is None else f"; the test examples are from {_base(options['test'])}"


def _flag(option: str) -> str:
    """Return the name of an option on the command line."""
    return f"--{option.replace('_', '-')}"


def _short_name(path: str) -> str:
    """Return the name of a file without folder and endings, for the run directory."""
    name = os.path.basename(path).split(".")[0] or "run"
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)


def checksum(path: str) -> str:
    """Return the checksum of a file, or of the names and contents of all files in a folder."""
    if not os.path.isdir(path):
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            inside = os.path.join(folder, name)
            if os.path.isfile(inside):
                digest.update(f"{os.path.relpath(inside, path)}\0{checksum(inside)}\n".encode())
    return digest.hexdigest()
