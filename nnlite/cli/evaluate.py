"""``nnlite evaluate``: scores a trained network on a file with targets, or on the test rows of its own run."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from typing import Any

import numpy as np

from nnlite.cli.arrays import no_targets
from nnlite.cli.codes import DONE
from nnlite.cli.data import load_source
from nnlite.cli.inputs import (
    add_ignore,
    add_picture_options,
    are_pictures,
    faults_of_the_data,
    is_stored_file,
    labelled,
    labelled_pictures,
    read_rows,
    stored_rows,
)
from nnlite.cli.output import say
from nnlite.cli.parser import Parser
from nnlite.cli.runs import CONFIG, MODEL, Config, load_run, read_results
from nnlite.cli.source import Source, checksum
from nnlite.cli.train_options import add_features, add_reading_options, column
from nnlite.errors import ArgumentError, DataFileError
from nnlite.images.arrays import refuse_doubtful_target
from nnlite.model import Model
from nnlite.report import Part, Run, Scores, Trivial, scores, trivial_of
from nnlite.report.stored import stored_scores
from nnlite.stored import StoredTable


def add_evaluate(commands: Any) -> Parser:
    """Add the command ``evaluate`` to the commands of the program."""
    parser: Parser = commands.add_parser(
        "evaluate",
        usage="nnlite evaluate RUN [FILE] [options]",
        help="score a trained network on a file with targets",
        description="Score a network on a table that has the target, or on a folder with a folder of pictures\n"
        "for each class: a classification report, or R2, MAE and RMSE, beside the trivial guess, which knows the\n"
        "training rows. Without FILE, on the test rows of the run. Classes are those of the training.",
    )
    parser.set_defaults(run=_evaluate)
    parser.add_argument("model", metavar="RUN", help="a run directory, or a model file")
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="a table with the target, or a folder; '-' is standard input"
    )
    parser.add_argument(
        "--target", metavar="COLUMN", help="of a network that learned pixels (default: the last column)"
    )
    parser.add_argument("--json", action="store_true", help="print the scores as JSON")
    add_picture_options(parser)
    add_features(parser)
    add_ignore(parser)
    add_reading_options(parser)
    return parser


def _evaluate(options: argparse.Namespace) -> int:
    """Print the scores and return the exit code."""
    model, config = load_run(options.model, options.file)
    source = None
    if is_stored_file(options.file, options.target):
        return _say(_of_stored_file(model, config, options), options)
    if options.features is not None:
        raise ArgumentError(f"--features: is for arrays (HDF5, Zarr, folders of .npz or .npy), not {options.file}")
    if options.file is None:
        source = source_of(config, options.model)
        test = source.test
        if source.stored is not None:
            trivial = trivial_of(Run(model, test, train=source.train))
            balanced = _class_weight(config) is not None
            return _say(stored_scores(model, source.stored.data[2], trivial, balanced=balanced), options)
    elif are_pictures(model, options.file):
        test = labelled_pictures(model, options.file, options)
    else:
        if options.target is None and _has_features_alone(model, options.file):
            raise no_targets(options.file)
        table = read_rows(model, config, options, **_target(model, options))
        if model.encoding is None and options.target is None:
            refuse_doubtful_target(table)
        if model.encoding is not None and table.y is None:
            raise DataFileError(
                f"{table.name}: has no column {model.encoding.target_name!r}, the target; it has "
                f"{', '.join(table.feature_names)}. For rows whose target is not known: nnlite predict"
            )
        with faults_of_the_data(table.name):
            test = labelled(model, table)
    train = Part(source.train.X, source.train.y) if source is not None else None
    with faults_of_the_data(options.file or options.model):
        run = Run(model, test, train=train, class_weight=_class_weight(config))
        found = scores(run, _trivial(model, options.model) if train is None else None)
    return _say(found, options)


def _say(found: Scores, options: argparse.Namespace) -> int:
    """Print scores and return the exit code."""
    say(json.dumps(found.as_dict(), indent=2) if options.json else str(found))
    return DONE


def _of_stored_file(model: Model, config: Config | None, options: argparse.Namespace) -> Scores:
    """Return the scores over all examples of data that are read in pieces."""
    with faults_of_the_data(options.file):
        data = stored_rows(model, config, options)
        if isinstance(data, StoredTable):
            _target(model, options)
        elif data.y_rows is None:
            raise no_targets(options.file)
        return stored_scores(model, data, _trivial(model, options.model), balanced=_class_weight(config) is not None)


def _has_features_alone(model: Model, path: str) -> bool:
    """Return whether an ``.npy`` file has exactly the numbers that the network takes, so that none is a target."""
    if model.encoding is not None or not path.lower().endswith(".npy"):
        return False
    try:
        shape = np.load(path, mmap_mode="r").shape
    except (OSError, ValueError):  # reading it says what is wrong
        return False
    return bool(shape[1:] == model.signature.input_shape)


def _class_weight(config: Config | None) -> Any:
    return None if config is None else config.options.get("class_weight")


def _trivial(model: Model, path: str) -> Trivial | None:
    """Return what the training of a run told the trivial guess; None if the run has not kept it."""
    directory = path if os.path.isdir(path) else os.path.dirname(path)
    results = read_results(directory) if os.path.isdir(path) or os.path.basename(path) == MODEL else {}
    return Trivial.from_json(results.get("training"), model.n_classes if model.output.classifies else None)


def _target(model: Model, options: argparse.Namespace) -> dict[str, Any]:
    """Return what the target of a file is, for a network that learned from arrays: the last column by default."""
    if model.encoding is not None:
        if options.target is not None:
            raise ArgumentError(f"--target: this network knows its target, {model.encoding.target_name!r}")
        return {}
    names = model.class_names
    if names is None and model.n_classes is not None:
        names = tuple(map(str, range(model.n_classes)))
    target = -1 if options.target is None else column(options.target)
    return {"target": target, "classification": model.output.classifies, "class_names": names}


def source_of(config: Config | None, name: str) -> Source:
    """Return the data of a run, split as in its training."""
    if config is None:
        raise ArgumentError(f"FILE: name a table with the target, since {name} has no {CONFIG} that tells one")
    for path, sha256 in config.sha256.items():
        if os.path.exists(path) and checksum(path) != sha256:
            raise DataFileError(
                f"{path}: has changed since the training of {name}, so which of its rows were test rows is not known. "
                f"Put the {'folder' if os.path.isdir(path) else 'file'} back as it was, or score rows that the network "
                f"has not learned from: nnlite evaluate {shlex.quote(name)} FILE"
            )
    return load_source(config.options)
