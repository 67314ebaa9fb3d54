"""What a trained network gets: the rows of a file or of standard input, or pictures."""

from __future__ import annotations

import argparse
import math
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nnlite.cli.arrays import open_arrays
from nnlite.cli.data import faults_of, read_like
from nnlite.cli.parser import Parser, names
from nnlite.cli.runs import Config
from nnlite.cli.source import OF_THE_TEXT, refuse_empty, table_part
from nnlite.cli.stored import holds_arrays, is_table, open_stored
from nnlite.errors import ArgumentError, DataFileError
from nnlite.images import Images, read_images
from nnlite.images.decoding import ENDINGS
from nnlite.model import Model
from nnlite.report import Part
from nnlite.stored import StoredArrays, StoredTable
from nnlite.tables import Table

STANDARD_INPUT = "-"


def read_rows(model: Model, config: Config | None, options: argparse.Namespace, **target: Any) -> Table:
    """Return the table of ``options.file``, by default of standard input.

    ``target`` is for a network that learned from arrays; others know theirs. The file is read with the options of the
    command line, and with those of the run where none is given.
    """
    reading = _reading(config, options)
    if options.file not in (None, STANDARD_INPUT):
        return read_like(options.file, model, reading, options.ignore, **target)
    if sys.stdin is None or sys.stdin.isatty():
        raise ArgumentError("FILE: name a file, or send the rows to standard input")
    return read_like(getattr(sys.stdin, "buffer", sys.stdin), model, reading, options.ignore, **target)


def is_stored_file(path: str | None, target: Any = None) -> bool:
    """Return whether a path has data that are read in pieces: arrays, a folder of tables or a large one.

    ``target`` may be a file of its own, whose examples are then arrays.
    """
    if path in (None, STANDARD_INPUT):
        return False
    refuse_empty(str(path))
    return holds_arrays(str(path), target) or is_table(str(path))


def stored_rows(model: Model, config: Config | None, options: argparse.Namespace) -> StoredTable | StoredArrays:
    """Return the data of ``options.file``: arrays, or a table without the columns to ignore."""
    path, given = options.file, getattr(options, "target", None)
    if not holds_arrays(path, given):
        if options.features is not None:
            raise ArgumentError(f"--features: is for arrays, and {path} is a table")
        like = None if model.encoding is None else model
        return open_stored(path, {**_reading(config, options), "ignore": options.ignore, "like": like})
    if model.encoding is not None:
        raise DataFileError(f"{path}: has arrays, and this network has learned from a table")
    of_run = {} if config is None else config.options
    named = {name: of_run.get(name) if value is None else value
             for name, value in (("features", options.features), ("target", given))}  # fmt: skip
    return open_arrays(path, named["features"], named["target"] if hasattr(options, "target") else None)


def _reading(config: Config | None, options: argparse.Namespace) -> dict[str, Any]:
    """Return the options that say how the text is written: those of the command line, or else those of the run.

    Decimal mark and separator of thousands belong together: who gives one of them does not get the other of the run.
    """
    given = {name: getattr(options, name) for name in OF_THE_TEXT}
    of_run = {} if config is None else dict(config.options)
    if given["decimal"] is not None or given["thousands"] is not None:
        of_run |= {"decimal": None, "thousands": None}
    return {name: of_run.get(name) if value is None else value for name, value in given.items()}


def are_pictures(model: Model, path: str | None) -> bool:
    """Return whether a path names pictures: a folder, or a file that is named like one."""
    if path in (None, STANDARD_INPUT):
        return False
    assert path is not None
    if not os.path.isdir(path) and not path.lower().endswith(ENDINGS):
        return False
    if model.image_encoding is None:
        raise ArgumentError(f"FILE: {path} are pictures, and this network has not learned from pictures")
    return True


def read_pictures(model: Model, path: str, options: argparse.Namespace) -> Images:
    """Return the pictures of a folder or a file, as the network takes them."""
    return read_images(path, like=model, skip_bad=bool(options.skip_bad))


def labelled_pictures(model: Model, path: str, options: argparse.Namespace) -> Part:
    """Return the pictures of class folders as examples with targets; DataFileError if there are no class folders."""
    images = read_pictures(model, path, options)
    if images.y is None:
        raise DataFileError(f"{path}: expected a folder for each class, with pictures in it")
    return Part(images.X, images.y)


def add_picture_options(parser: Parser) -> None:
    """Add the options for pictures."""
    parser.add_argument(
        "--skip-bad", action="store_const", const=True, help="pictures: leave out what cannot be used, with a warning"
    )


def add_ignore(parser: Parser) -> None:
    """Add the option that leaves out columns which the network does not know."""
    parser.add_argument("--ignore", type=names, default=(), metavar="A,B", help="columns of the file to leave out")


def as_input(model: Model, table: Table, copied: Sequence[str] = ()) -> Any:
    """Return what `Model.predict` takes: the columns, or their numbers for a network that learned from an array.

    The network need not know columns that are only copied.
    A network that learned from pixels in a file gets them divided by the value of white.
    """
    if model.encoding is not None:
        return table.features.without([name for name in copied if name not in model.encoding.names])
    X = table.X
    assert model.input_shape is not None
    n = math.prod(model.input_shape)
    if X.shape[1] == n:
        scale = 1.0 if model.image_encoding is None else model.image_encoding.table_scale
        return (X if scale == 1.0 else X / X.dtype.type(scale)).reshape(len(X), *model.input_shape)
    if X.shape[1] == n + 1:
        first, last = table.feature_names[0], table.feature_names[-1]
        raise DataFileError(
            f"{table.name}: has {n + 1} columns of numbers, expected {n}; leave out the target, such as --ignore "
            f"{shlex.quote(last)} or --ignore {shlex.quote(first)}"
        )
    raise DataFileError(f"{table.name}: has {X.shape[1]} columns of numbers, expected {n}, as in the training")


def labelled(model: Model, table: Table) -> Part:
    """Return the table as examples with targets; DataFileError if it lacks the target."""
    part = table_part(table, "" if model.encoding is None else model.encoding.target_name)
    return part if model.encoding is not None else Part(as_input(model, table), part.y)


@contextmanager
def faults_of_the_data(name: str) -> Iterator[None]:
    """Let an error about the examples be one about the file that they come from."""
    try:
        with faults_of(name):
            yield
    except DataFileError as error:
        raise DataFileError(str(error).replace("; leave it out", "; --ignore leaves it out")) from None
