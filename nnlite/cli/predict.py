"""``nnlite predict``: predicts the rows of a file or of standard input, as a CSV file."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.cli.codes import DONE
from nnlite.cli.inputs import (
    add_ignore,
    add_picture_options,
    are_pictures,
    as_input,
    faults_of_the_data,
    is_stored_file,
    read_pictures,
    read_rows,
    stored_rows,
)
from nnlite.cli.output import write_bytes
from nnlite.cli.parser import Parser, names
from nnlite.cli.runs import Config, load_run
from nnlite.cli.train_options import add_features, add_reading_options
from nnlite.errors import ArgumentError
from nnlite.model import Model
from nnlite.network.pieces import check_shape, pieces_to_predict
from nnlite.stored import StoredArrays, StoredTable
from nnlite.tables import Table

BLOCK = 1000  # rows that are written at a time


def add_predict(commands: Any) -> Parser:
    """Add the command ``predict`` to the commands of the program."""
    parser: Parser = commands.add_parser(
        "predict",
        usage="nnlite predict RUN [FILE] [-o FILE] [options]",
        help="predict the rows of a file, or of standard input, or pictures",
        description="Predict the rows of a table, or pictures: a PNG or JPEG file, or a folder. The result is a CSV\n"
        "file with a header, one line for each row, in the same order: the column prediction, and for classes the\n"
        "column probability (of the predicted class). Columns are known by name: their order does not matter, and the\n"
        "target may be there. For pictures, the first column is the name of the file.",
        epilog="examples:\n"
        "  nnlite predict runs/flowers-1 new.csv -o predictions.csv\n"
        "  cat new.csv | nnlite predict runs/flowers-1 | head\n"
        "  nnlite predict runs/flowers-1 new.csv --keep id --proba\n"
        "  nnlite predict runs/pets-1 holiday.jpg",
    )
    parser.set_defaults(run=_predict)
    parser.add_argument("model", metavar="RUN", help="a run directory, or a model file")
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="the rows (default, or '-': standard input), or pictures"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write (default, or '-': standard output)")
    parser.add_argument("--proba", action="store_true", help="a column with the probability of each class")
    parser.add_argument("--keep", type=names, metavar="A,B", help="columns of the input to copy; 'all' copies all")
    add_picture_options(parser)
    add_features(parser)
    add_ignore(parser)
    add_reading_options(parser)
    return parser


def _predict(options: argparse.Namespace) -> int:
    """Write the predictions and return the exit code."""
    model, config = load_run(options.model, options.file)
    if options.proba and not model.output.classifies:
        raise ArgumentError("--proba: this network predicts values, which have no probabilities")
    if is_stored_file(options.file):
        write_bytes(options.output, (text.encode() for text in _of_stored(model, config, options)))
        return DONE
    if options.features is not None:
        raise ArgumentError(f"--features: is for arrays (HDF5, Zarr, folders of .npz or .npy), not {options.file}")
    if are_pictures(model, options.file):
        lines = _of_pictures(model, options)
        write_bytes(options.output, (text.encode("utf-8", "surrogateescape") for text in lines))  # names of files
        return DONE
    table = read_rows(model, config, options)
    kept = _kept(table, options.keep)
    with faults_of_the_data(table.name):
        head, columns = _columns(model, as_input(model, table, kept), options.proba)
    lines = _lines([*kept, *head], table, kept, columns)
    write_bytes(options.output, (text.encode() for text in lines))
    return DONE


def _of_stored(model: Model, config: Config | None, options: argparse.Namespace) -> Iterator[str]:
    """Yield the CSV file for data that are read in pieces."""
    stored, begun = stored_rows(model, config, options), False
    for text in (
        _of_arrays(model, stored, options) if isinstance(stored, StoredArrays) else (_of_table(model, stored, options))
    ):
        yield text.partition("\n")[2] if begun else text
        begun = True


def _of_arrays(model: Model, stored: StoredArrays, options: argparse.Namespace) -> Iterator[str]:
    """Yield a CSV file for each piece of arrays."""
    for option in ("keep", "ignore"):
        if getattr(options, option):
            raise ArgumentError(f"--{option}: is for the columns of a table, and {options.file} has arrays")
    with faults_of_the_data(options.file):
        check_shape(model.signature, stored)
        for X in pieces_to_predict(model.signature, stored):
            head, columns = _columns(model, X, options.proba)
            yield "".join(_lines(head, None, [], columns))


def _of_table(model: Model, stored: StoredTable, options: argparse.Namespace) -> Iterator[str]:
    """Yield a CSV file for each piece of a table."""
    unknown = () if model.encoding is None else model.encoding.names
    for piece in stored.pieces():
        table = Table.of_file(piece.frame, "", stored.settings, piece.source, "")
        kept = _kept(table, options.keep)
        with faults_of_the_data(piece.source):
            head, columns = _columns(model, table.features.without(set(kept) - set(unknown)), options.proba)
        yield "".join(_lines([*kept, *head], table, kept, columns))


def _of_pictures(model: Model, options: argparse.Namespace) -> Iterator[str]:
    """Return the CSV file for pictures: the name of each file before its prediction."""
    if options.keep is not None:
        raise ArgumentError("--keep: is for the columns of a table; the names of pictures are there anyway")
    images = read_pictures(model, options.file, options)
    with faults_of_the_data(options.file):
        head, columns = _columns(model, images.X, options.proba)
    return _lines(["file", *head], None, [], [images.files, *columns])


def _kept(table: Table, keep: Sequence[str] | None) -> list[str]:
    """Return the columns of the input to copy."""
    known = [*table.feature_names, *([table.target_name] if table.target_name else [])]
    if keep == ["all"]:
        return known
    for name in keep or ():
        if name not in known:
            raise ArgumentError(f"--keep: {table.name} has no column {name!r}; it has {', '.join(known)}")
    return list(keep or ())


def _columns(model: Model, X: Any, proba: bool) -> tuple[list[str], list[Any]]:
    """Return the names and the values of the columns with predictions."""
    if not model.output.classifies:
        Y_hat = np.asarray(model.predict(X))
        if Y_hat.ndim == 1:
            return ["prediction"], [_numbers(Y_hat)]
        return [f"prediction_{j}" for j in range(Y_hat.shape[1])], [_numbers(column) for column in Y_hat.T]
    P = model.predict_proba(X)
    class_names = model.class_names or tuple(map(str, range(P.shape[1])))
    if model.n_classes is None:  # labels that do not exclude one another
        return [f"probability_{name}" for name in class_names], [_numbers(column) for column in P.T]
    guess = [class_names[c] for c in P.argmax(axis=1)]
    if not proba:
        return ["prediction", "probability"], [guess, _numbers(P.max(axis=1))]
    return ["prediction", *(f"probability_{name}" for name in class_names)], [guess, *map(_numbers, P.T)]


def _numbers(values: Any) -> list[str]:
    """Return numbers as the shortest texts that read back as the same."""
    return [str(value) for value in values]


def _lines(head: Sequence[str], table: Table | None, kept: Sequence[str], columns: Sequence[Any]) -> Iterator[str]:
    """Return the CSV file in pieces of some rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    for i, row in enumerate(zip(*columns, strict=True)):
        copied = table.row(i) if table is not None and kept else {}
        writer.writerow([*(copied[name] for name in kept), *row])
        if i % BLOCK == BLOCK - 1:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
