"""The options of ``nnlite train``, and the values that they get where none was given."""

from __future__ import annotations

import argparse
import os
from typing import Any

from nnlite.cli.data import DATASETS, is_dataset
from nnlite.cli.network import SHORT_SCHEDULES
from nnlite.cli.parser import (
    Parser,
    below_1,
    count,
    fraction,
    names,
    number_from_0,
    one_of,
    positive_integer,
    positive_number,
)
from nnlite.cli.parts import ACTIVATIONS, AUGMENTATIONS, OPTIMIZERS, OUTPUTS
from nnlite.cli.recipe import RECIPES, Recipe, for_table, with_convolutions

NOT_IN_CONFIG = ("run", "out", "resume", "config", "no_report", "no_progress", "mpi", "commands")


def add_data_options(train: Parser) -> None:
    """Add the options that say what the network learns from."""
    group = train.add_argument_group("data")
    group.add_argument(
        "--target",
        metavar="COLUMN",
        help="column to predict: its name, or its position from 0 (-1: last); of arrays the name (default y)",
    )
    add_features(group)
    group.add_argument("--test", metavar="FILE", help="a second file to test with; it is encoded like the first")
    group.add_argument("--test-size", type=fraction, metavar="SHARE", help="share of rows to test with (default 0.2)")
    group.add_argument(
        "--validation-size", type=fraction, metavar="SHARE", help="share of the other rows to validate with"
    )
    add_column_options(group)
    group.add_argument(
        "--scaling",
        type=one_of(("standardize", "robust", "none")),
        metavar="HOW",
        help="of numbers: standardize, robust or none",
    )
    group.add_argument("--fill", type=_fill, metavar="median|NUMBER", help="what stands for missing numbers")
    group.add_argument(
        "--size",
        type=sizes,
        metavar="ROWS,COLUMNS",
        help="images: resize them (default: all have the same size)",
    )
    group.add_argument(
        "--gray", action=argparse.BooleanOptionalAction, help="images: gray or in color (default: gray if all are)"
    )
    group.add_argument(
        "--image-shape", type=shape, metavar="ROWS,COLUMNS", help="a file whose rows are the pixels of images"
    )
    group.add_argument(
        "--skip-bad", action="store_const", const=True, help="images: leave out what cannot be used, with a warning"
    )
    group.add_argument(
        "--data",
        dest="mnist_folder",
        metavar="DIR",
        help="mnist: directory with the four IDX files (default: a cache directory; missing files are downloaded)",
    )
    add_reading_options(train)


def add_features(group: Any) -> None:
    """Add the option that names the array with the examples."""
    group.add_argument(
        "--features", metavar="NAME", help="HDF5, Zarr, .npz and .npy: the array with the examples (default X)"
    )


def add_column_options(group: Any) -> None:
    """Add the options that say what the columns of a table are."""
    group.add_argument("--ignore", type=names, metavar="A,B", help="columns to leave out")
    group.add_argument(
        "--kinds",
        type=_kinds,
        metavar="COLUMN=KIND,...",
        help="what columns are: numeric, category, boolean, date or ignore",
    )
    group.add_argument(
        "--classes", dest="classification", action="store_const", const=True, help="the target is classes"
    )
    group.add_argument(
        "--values", dest="classification", action="store_const", const=False, help="the target is values"
    )


def add_reading_options(parser: Parser) -> None:
    """Add the options that say how a file is written."""
    group = parser.add_argument_group("how the file is written (recognized where it is clear)")
    group.add_argument(
        "--delimiter", type=_character, metavar="CHAR", help="between fields: ',', ';', 'tab' or 'space'"
    )
    group.add_argument(
        "--decimal",
        action=ByColumn,
        metavar="MARK",
        help="the decimal mark: . or ,; of one column: --decimal price=, (may be given several times)",
    )
    group.add_argument(
        "--thousands", action=ByColumn, metavar="CHAR", help="the mark between thousands, such as ','; or COLUMN=CHAR"
    )
    group.add_argument(
        "--missing",
        action="extend",
        type=names,
        metavar="A,B",
        help="more texts that mean a missing value, such as -999, beside NA, N/A, NaN, null, ? (and -, none and others "
        "where numbers or dates stand); '' for an empty field alone",
    )
    group.add_argument("--encoding", metavar="NAME", help="such as utf-8 or latin-1")
    group.add_argument("--comment", metavar="CHAR", help="lines that begin with it are left out")
    group.add_argument("--header", action=argparse.BooleanOptionalAction, help="whether the first row has names")
    group.add_argument(
        "--dates", action=ByColumn, metavar="ORDER", help="of day, month, year: dmy, mdy, ymd; or COLUMN=ORDER"
    )


def add_network_options(train: Parser) -> None:
    """Add the options that describe the network."""
    group = train.add_argument_group("network")
    group.add_argument(
        "--hidden", nargs="*", metavar="UNITS", help="units of each hidden layer: 128,64; none: no layer"
    )
    group.add_argument(
        "--conv",
        type=filters,
        metavar="FILTERS",
        help="images: numbers of filters of convolutions of 3 x 3 in front, each followed by pooling: 16,32",
    )
    group.add_argument("--activation", metavar="NAME", help=f"{_lower(ACTIVATIONS)} (default relu)")
    group.add_argument("--dropout", type=below_1, metavar="RATE", help="after each hidden layer")
    group.add_argument("--noise", type=number_from_0, metavar="STDDEV", help="Gaussian noise on the inputs")
    group.add_argument("--batch-norm", action="store_true", default=None, help="batch normalization in hidden layers")
    group.add_argument("--layer-norm", action="store_true", default=None, help="layer normalization in hidden layers")
    group.add_argument("--residual", action="store_true", default=None, help="skip connections where widths are equal")
    group.add_argument("--initializer", metavar="NAME", help="such as he-normal, glorot-uniform, orthogonal")
    group.add_argument("--output", metavar="NAME", help=_lower(OUTPUTS))
    group.add_argument("--label-smoothing", type=below_1, metavar="SHARE", help="of softmax and sigmoid")
    group.add_argument(
        "--layers",
        metavar="LIST",
        help="the layers themselves, in place of the options above: 'Dense(64), BatchNorm(), GELU(), Dropout(0.2)'",
    )
    group.add_argument(
        "--dtype", type=one_of(("float32", "float64")), metavar="TYPE", help="float32 (default) or float64"
    )


def add_training_options(train: Parser) -> None:
    """Add the options that describe the training."""
    group = train.add_argument_group("training")
    group.add_argument("--optimizer", metavar="NAME", help=f"{_lower(OPTIMIZERS)}, or a call: 'Adam(beta_1=0.8)'")
    group.add_argument("--learning-rate", "--lr", type=positive_number, metavar="RATE", help="learning rate")
    group.add_argument("--momentum", type=below_1, metavar="MU", help="momentum of sgd and rmsprop, from 0 to below 1")
    group.add_argument("--weight-decay", type=number_from_0, metavar="LAMBDA", help="weight decay")
    group.add_argument("--clip-norm", type=positive_number, metavar="NORM", help="largest norm of the gradient")
    group.add_argument(
        "--schedule", metavar="NAME", help=f"{', '.join(SHORT_SCHEDULES)}, or a call: 'StepDecay(0.1, 1000)'"
    )
    group.add_argument("--warmup", type=number_from_0, metavar="EPOCHS", help="epochs in which the rate rises from 0")
    group.add_argument("--epochs", type=positive_integer, metavar="N", help="most passes over the training examples")
    group.add_argument(
        "--augment",
        metavar="LIST",
        help=f"images: {', '.join(AUGMENTATIONS)}, or calls: 'Rotate(10), Crop(2)'",
    )
    group.add_argument("--batch-size", type=positive_integer, metavar="N", help="examples per gradient descent step")
    group.add_argument(
        "--patience", type=count, metavar="N", help="epochs without a better validation loss until it stops; 0: never"
    )
    group.add_argument(
        "--class-weight",
        type=one_of(("balanced",)),
        metavar="HOW",
        help="balanced: rare classes count as frequent ones",
    )
    group.add_argument(
        "--average", type=one_of(("ema", "swa")), metavar="HOW", help="keep averaged weights: ema or swa"
    )
    group.add_argument("--metrics", type=names, metavar="A,B", help="further metrics to record, such as f1,roc_auc")
    group.add_argument(
        "--engine",
        type=one_of(("auto", "textbook", "compiled")),
        metavar="NAME",
        help="what trains: auto, textbook, compiled",
    )
    group.add_argument("--seed", type=count, metavar="N", help="same seed, same network (default 0)")


def add_run_options(train: Parser) -> None:
    """Add the options of the run directory."""
    group = train.add_argument_group("run")
    group.add_argument("--out", metavar="DIR", help="run directory (default: the next free runs/DATA-N)")
    group.add_argument(
        "--resume",
        action="store_true",
        help="continue the training in the run directory (default: the last runs/DATA-N), or start it; its config.json "
        "stands for options that are not given",
    )
    group.add_argument("--config", metavar="FILE", help="repeat the run of this config.json; other options change it")
    group.add_argument("--no-report", action="store_true", help="write no report.html")
    group.add_argument("--no-progress", action="store_true", help="show no progress")
    group.add_argument(
        "--mpi",
        action="store_true",
        help="train in all processes that mpiexec has started: mpiexec -n 4 nnlite train DATA --mpi; the batch size is "
        "that of all together",
    )


# ---- values ---------------------------------------------------------------------------------------------------------


def given_options(options: argparse.Namespace, parser: Parser) -> dict[str, Any]:
    """Return the options of the command line that belong to a config, None where nothing was given."""
    given = {name: value for name, value in vars(options).items() if name not in NOT_IN_CONFIG}
    if given["hidden"] is not None:
        words = given["hidden"]
        if given["data"] is None and words and not _is_number(words[-1]):
            given["data"] = words.pop()  # `train --hidden 64 flowers.csv`
        given["hidden"] = _units(words, parser)
    if given["target"] is not None:
        given["target"] = column(given["target"])
    return given


def column(text: str) -> str | int:
    """Return the name of a column, or its position if the text is a whole number."""
    return int(text) if text.lstrip("-").isdecimal() else text


def with_defaults(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the defaults that do not depend on the number of examples."""
    fixed = {"seed": 0, "activation": "relu", "dtype": "float32", "engine": "auto", "metrics": []}
    found: dict[str, Any] = {name: fixed.get(name) if value is None else value for name, value in options.items()}
    if found["validation_size"] is None:
        found["validation_size"] = (_recipe_of(found["data"]) or for_table(0)).validation_size
    return found


def with_recipe(options: dict[str, Any], n: int) -> dict[str, Any]:
    """Return the options with the recipe for the data set, or for n training examples, where nothing was given."""
    recipe = _recipe_of(options["data"]) or for_table(n)
    if options["conv"]:
        recipe = with_convolutions(recipe)
    found = dict(options)
    for name in ("hidden", "epochs", "batch_size", "patience"):
        if found[name] is None:
            found[name] = getattr(recipe, name)
    found["hidden"] = list(found["hidden"])
    if found["optimizer"] is None:
        found["optimizer"] = recipe.optimizer
        found["learning_rate"] = recipe.learning_rate if found["learning_rate"] is None else found["learning_rate"]
        if found["momentum"] is None and recipe.momentum:
            found["momentum"] = recipe.momentum
    return found


def defaults_table() -> str:
    """Return the defaults of each data set and of tables as text."""
    head = "hidden  epochs  batch size  optimizer  learning rate  momentum"
    lines = ["defaults:", f"  {'':<16}  {head}"]
    tables = {"up to 499 rows": 100, "up to 4,999": 2_000, "up to 49,999": 20_000, "more": 100_000}
    for name, recipe in {**RECIPES, **{label: for_table(n) for label, n in tables.items()}}.items():
        hidden = ",".join(map(str, recipe.hidden))
        lines.append(
            f"  {name:<16}  {hidden:>6}  {recipe.epochs:>6}  {recipe.batch_size:>10}  {recipe.optimizer:>9}"
            f"  {recipe.learning_rate:>13}  {recipe.momentum or '':>8}"
        )
    return "\n".join(lines)


def _recipe_of(data: str) -> Recipe | None:
    return RECIPES[data] if data in DATASETS and is_dataset(data) else None


def _units(words: list[str], parser: Parser) -> list[int]:
    units = []
    for word in ",".join(words).split(","):
        if word.strip() in ("", "none"):
            continue
        try:
            units.append(positive_integer(word))
        except argparse.ArgumentTypeError as error:
            parser.error(f"argument --hidden: {error}")
    return units


def _is_number(word: str) -> bool:
    return all(part.strip().lstrip("-").isdecimal() or not part for part in word.split(",")) or not (
        "." in word or os.path.exists(word) or word in DATASETS
    )


class ByColumn(argparse.Action):
    """An option that is for all columns, or, as COLUMN=VALUE and given as often as needed, for single ones."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        """Add the value of one option."""
        before, (column, mark, value) = getattr(namespace, self.dest), str(values).rpartition("=")
        if not mark:
            if isinstance(before, dict):
                raise argparse.ArgumentError(self, f"give COLUMN=VALUE only, or {value!r} only")
            setattr(namespace, self.dest, value)
        elif isinstance(before, str):
            raise argparse.ArgumentError(self, f"give COLUMN=VALUE only, or {before!r} only")
        else:
            setattr(namespace, self.dest, {**(before or {}), column.strip(): value.strip() or value})


def _kinds(text: str) -> dict[str, str]:
    pairs = [pair.rsplit("=", 1) for pair in names(text)]
    if any(len(pair) != 2 for pair in pairs):
        raise argparse.ArgumentTypeError(f"expected COLUMN=KIND pairs such as zip=category,id=ignore, got {text!r}")
    return {name.strip(): kind.strip() for name, kind in pairs}


def filters(text: str) -> list[int]:
    """Return the numbers of filters of convolutions."""
    return [positive_integer(word) for word in names(text)]


def sizes(text: str) -> list[int]:
    """Return rows and columns from "28,28" or "28x28"."""
    found = shape(text)
    if len(found) != 2:
        raise argparse.ArgumentTypeError(f"expected rows and columns such as 28,28, got {text!r}")
    return found


def shape(text: str) -> list[int]:
    """Return rows and columns, and perhaps channels, from "28,28" or "32x32x3"."""
    found = [positive_integer(word) for word in names(text.lower().replace("x", ","))]
    if len(found) not in (2, 3):
        raise argparse.ArgumentTypeError(f"expected rows and columns such as 28,28, got {text!r}")
    return found


def _fill(text: str) -> str | float:
    return text if text == "median" else number_or_text(text)


def number_or_text(text: str) -> str | float:
    """Return a number if the text is one; the reader refuses other texts."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected median or a number, got {text!r}") from None


def _character(text: str) -> str:
    return {"tab": "\t", "\\t": "\t", "space": " "}.get(text, text)


def _lower(known: tuple[str, ...]) -> str:
    return ", ".join(name.lower() for name in known)
