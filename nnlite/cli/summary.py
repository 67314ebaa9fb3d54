"""``nnlite summary``: what a run, a model file or a table is."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from typing import Any

from nnlite.cli.codes import DONE
from nnlite.cli.data import check_data, faults_of, is_dataset
from nnlite.cli.output import say, table
from nnlite.cli.parser import Parser
from nnlite.cli.runs import CONFIG, MODEL, load_run, read_results
from nnlite.cli.source import base, reading, refuse_empty
from nnlite.cli.stored import holds_arrays, is_table, summary_of
from nnlite.cli.train_options import add_column_options, add_reading_options, column
from nnlite.datasets import load_digits, load_iris
from nnlite.errors import ArgumentError, DataFileError, ModelFileError
from nnlite.images.folders import Fault, folders_in, parts_of, pictures_by_class
from nnlite.stored.opening import arrays_in
from nnlite.tables import read_table
from nnlite.tables.cells import sorted_names


def add_summary(commands: Any) -> Parser:
    """Add the command ``summary`` to the commands of the program."""
    parser: Parser = commands.add_parser(
        "summary",
        usage="nnlite summary RUN|FILE [options]",
        help="show the layers and scores of a run, or the columns of a table",
        description="Show what a run directory or a model file holds: layers, shapes, parameters, classes, scores.\n"
        "Or show the columns of a table, and what a training would make of them, or the classes of a folder of\n"
        "pictures.",
    )
    parser.set_defaults(run=show_summary)
    parser.add_argument(
        "path", metavar="RUN|FILE", help="a run directory, a model file, a table or a folder of pictures"
    )
    group = parser.add_argument_group("of a table")
    group.add_argument("--target", metavar="COLUMN", help="the column to predict")
    add_column_options(group)
    add_reading_options(parser)
    return parser


def show_summary(options: argparse.Namespace) -> int:
    """Print what ``options.path`` is, a run, a model file or a table, and return the exit code."""
    path = options.path
    if is_dataset(path):
        if path not in ("digits", "iris"):
            raise ArgumentError(f"RUN|FILE: {path} is made or downloaded by the training; choose from digits, iris")
        say(f"{load_digits() if path == 'digits' else load_iris()}")
        return DONE
    if not os.path.isdir(path):
        check_data(path)
    refuse_empty(path)
    is_run = any(os.path.isfile(os.path.join(path, name)) for name in (MODEL, CONFIG))
    target = None if options.target is None else column(options.target)
    if not is_run and (holds_arrays(path) or is_table(path)):
        say(_of_arrays(path) if holds_arrays(path) else summary_of(path, vars(options), target))
        return DONE
    if os.path.isdir(path) and not is_run and folders_in(path):
        say(_of_folder(path))
        return DONE
    if os.path.isdir(path) or _is_model(path):
        say(_of_run(path))
        return DONE
    table_of_file = read_table(path, target=target, **reading(vars(options)))
    with faults_of(path):
        say(table_of_file.summary())
    return DONE


def _of_arrays(path: str) -> str:
    """Return the shapes of arrays in files."""
    found = arrays_in(path)
    return table(
        ["array", "shape", "type"],
        [
            [name or base(path), " x ".join(f"{n:,}" for n in rows.shape), str(rows.dtype)]
            for name, rows in found.items()
        ],
    )


def _of_folder(path: str) -> str:
    """Return how many pictures each class of a folder has."""
    faults: list[Fault] = []
    parts = parts_of(path) or {"": path}
    found = {part: Counter(p.label for p in pictures_by_class(inside, faults)) for part, inside in parts.items()}
    names = sorted_names({str(label) for counts in found.values() for label in counts})
    if not names:
        raise DataFileError(f"{path}: is no run directory, and has no folder of pictures for each class")
    rows = [[name, *(f"{counts[name]:,}" for counts in found.values())] for name in names]
    text = table(["class", *(part or "pictures" for part in found)], rows)
    return "\n".join([text, *(f"cannot be used: {fault}" for fault in faults)])


def _is_model(path: str) -> bool:
    """Return whether a file is a model; an .npz file may also be a table."""
    if not path.endswith(".npz"):
        return False
    try:
        load_run(path)
    except ModelFileError:
        return False
    return True


def _of_run(path: str) -> str:
    model, config = load_run(path)
    texts = [model.summary()]
    if model.encoding is not None:
        texts.append(model.encoding.summary())
    if model.image_encoding is not None:
        texts.append(f"pictures: {model.image_encoding.describe()}")
    results = read_results(path) if os.path.isdir(path) else {}
    if results:
        texts.append(f"{results.get('verdict', '')}")
        texts.append(f"{results.get('optimizer', '')}, {results.get('epochs', '?')} epochs")
    if config is not None:
        texts.append(f"again: {config.command}")
    return "\n\n".join(texts)
