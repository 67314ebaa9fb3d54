"""What ``nnlite train`` learns from, in three parts, and what is common to data of all kinds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from nnlite.errors import DataFileError
from nnlite.images import ImageEncoding
from nnlite.report import Part
from nnlite.tables import Table

Options = Mapping[str, Any]
TEST_SIZE = 0.2
READING = (
    "delimiter decimal thousands missing encoding comment header dates ignore kinds classification scaling fill".split()
)
OF_THE_TEXT = ("delimiter", "decimal", "thousands", "missing", "encoding", "comment", "header", "dates")


class Stored(NamedTuple):
    """Data that need not fit into memory.

    Attributes
    ----------
    data : list of StoredTable or StoredArrays
        For training, validation and test.
    sizes : list of int
        How many examples each of them has.
    """

    data: list[Any]
    sizes: list[int]


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
    stored : Stored, optional
        The whole data, if they need not fit into memory; ``train``, ``validation`` and ``test`` are samples then.
    has_validation : bool
        Whether the data have validation examples of their own, so that none were held out.
    n_values : int
        How many values are predicted, if the target has no classes.
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
    stored: Stored | None = None
    n_values: int = 1

    @property
    def sizes(self) -> list[int]:
        """Number of examples for training, validation and test."""
        return [self.train.size, self.validation.size, self.test.size] if self.stored is None else self.stored.sizes

    @property
    def n_outputs(self) -> int:
        """Number of output units."""
        return len(self.class_names) if self.classifies else self.n_values

    @property
    def n_training(self) -> int:
        """Number of training examples, validation included."""
        return sum(self.sizes[:2])


def table_part(table: Table, target: str) -> Part:
    """Return a table as examples; DataFileError if it lacks the target."""
    if table.y is None:
        raise DataFileError(f"{table.name}: has no column {target!r}, the target")
    return Part(table, table.y)


def reading(options: Options) -> dict[str, Any]:
    """Return the options of `read_table` that were given."""
    return {name: options[name] for name in READING if options.get(name) is not None}


def of_the_text(options: Options) -> dict[str, Any]:
    """Return the options that say how the text of a file is written."""
    return {name: options[name] for name in OF_THE_TEXT if options.get(name) is not None}


def refuse_empty(path: str) -> None:
    """Raise DataFileError for a folder without files."""
    if os.path.isdir(path) and all(name.startswith(".") for name in os.listdir(path)):
        raise DataFileError(f"{path}: is an empty folder; expected tables, arrays, or a folder of pictures per class")


def base(path: str) -> str:
    """Return the name of a file or folder without the folders that it is in."""
    return os.path.basename(os.path.abspath(path))


def tested_with(options: Options) -> str:
    """Return the end of a description: a second file or folder to test with."""
    return "" if options["test"] is None else f"; the test examples are from {base(options['test'])}"


def flag(option: str) -> str:
    """Return the name of an option on the command line."""
    return f"--{option.replace('_', '-')}"


def short_name(path: str) -> str:
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
