"""``nnlite train``: learns a data set and writes the network and its learning curves."""

import argparse
import glob
import itertools
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from nnlite import checks
from nnlite.cli.codes import INTERRUPTED
from nnlite.datasets import Dataset, load_digits, load_iris, load_mnist, make_spirals
from nnlite.errors import ArgumentError
from nnlite.fitting.history import History
from nnlite.layers import Dense, Layer, ReLU, Softmax
from nnlite.model import Model
from nnlite.optimizers import SGD
from nnlite.splits import stratified_split

VALIDATION_FRACTION = 0.1
Number = TypeVar("Number", int, float)


class Recipe(NamedTuple):
    """Default options of ``nnlite train`` for a data set."""

    hidden: tuple[int, ...]
    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float


RECIPES = {
    "digits": Recipe((256,), epochs=60, batch_size=32, learning_rate=0.1, momentum=0.9),
    "iris": Recipe((16,), epochs=100, batch_size=16, learning_rate=0.02, momentum=0.9),
    "mnist": Recipe((128,), epochs=15, batch_size=32, learning_rate=0.1, momentum=0.0),
    "spirals": Recipe((64, 64), epochs=200, batch_size=32, learning_rate=0.02, momentum=0.9),
}


# ---- options -------------------------------------------------------------------------------------------------------


def add_train(commands: Any) -> None:
    """Add the command ``train`` to the commands of the program."""
    train = commands.add_parser(
        "train",
        usage="nnlite train DATASET [options]",
        help="train a network on a data set; print its test accuracy, write learning curves and history",
        description="Train a network of Dense and ReLU layers with a Softmax output. Print the accuracy on test\n"
        "examples that the network has not seen, and write learning_curves.png, history.csv, the network\n"
        "(model.npz) and a checkpoint after every epoch to a run directory.",
        epilog=_defaults_table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.set_defaults(run=_train)
    train.add_argument("dataset", choices=RECIPES, help="data set to learn")
    _add_recipe_options(train)
    _add_run_options(train)


def _add_recipe_options(train: argparse.ArgumentParser) -> None:
    """Add an option for each field of `Recipe`."""
    train.add_argument(
        "--hidden",
        type=_positive_integer,
        nargs="*",
        metavar="UNITS",
        help="units of each hidden layer, e.g. --hidden 128 64; without units: softmax regression",
    )
    train.add_argument("--epochs", type=_positive_integer, metavar="N", help="passes over the training examples")
    train.add_argument("--batch-size", type=_positive_integer, metavar="N", help="examples per gradient descent step")
    train.add_argument("--learning-rate", type=_positive_number, metavar="RATE", help="learning rate")
    train.add_argument("--momentum", type=_momentum, metavar="MU", help="momentum, from 0 to below 1")


def _add_run_options(train: argparse.ArgumentParser) -> None:
    train.add_argument("--seed", type=_seed, metavar="N", default=0, help="same seed, same network (default 0)")
    train.add_argument("--out", metavar="DIR", help="run directory (default: the next free runs/DATASET-N)")
    train.add_argument(
        "--resume",
        action="store_true",
        help="continue the training in the run directory (default: the last runs/DATASET-N); start it if there is none",
    )
    train.add_argument(
        "--data",
        metavar="DIR",
        help="mnist: directory with the four IDX files (default: a cache directory; missing files are downloaded)",
    )


# argparse puts the name of the option in front of the messages of these types


def _positive_integer(text: str) -> int:
    return _checked(lambda: checks.integer("value", int(text)), text, "an integer of at least 1")


def _seed(text: str) -> int:
    return _checked(lambda: checks.integer("value", int(text), minimum=0), text, "an integer of at least 0")


def _positive_number(text: str) -> float:
    return _checked(lambda: checks.real("value", float(text), above=0), text, "a finite number above 0")


def _momentum(text: str) -> float:
    return _checked(lambda: checks.real("value", float(text), minimum=0, below=1), text, "a number in [0, 1)")


def _checked(convert: Callable[[], Number], text: str, expected: str) -> Number:
    try:
        return convert()
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}") from None


def _defaults_table() -> str:
    lines = ["defaults by data set:", "            hidden  epochs  batch size  learning rate  momentum"]
    for name, recipe in RECIPES.items():
        hidden = " ".join(map(str, recipe.hidden))
        lines.append(
            f"  {name:<8}  {hidden:>6}  {recipe.epochs:>6}  {recipe.batch_size:>10}"
            f"  {recipe.learning_rate:>13}  {recipe.momentum:>8}"
        )
    return "\n".join(lines)


# ---- training ------------------------------------------------------------------------------------------------------


def _train(options: argparse.Namespace) -> int:
    """Train a network, print its test accuracy, write the run, and return the exit code."""
    if options.data is not None and options.dataset != "mnist":
        raise ArgumentError(f"--data: expected with mnist only, got it with {options.dataset}")
    recipe = _recipe(options)
    data = _load(options.dataset, options.seed, options.data)
    model = _network(recipe.hidden, data, options.seed)
    optimizer = SGD(recipe.learning_rate, momentum=recipe.momentum)
    directory = _run_directory(options.out, options.dataset, options.resume)  # before the training, which may be long
    _print_setup(data, model, optimizer, recipe.batch_size)

    start = time.perf_counter()
    history = model.fit(
        data.X_train,
        data.y_train,
        optimizer=optimizer,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        validation_split=VALIDATION_FRACTION,
        checkpoint=_checkpoints(directory),
        resume=options.resume,
    )
    seconds = time.perf_counter() - start
    if history.resumed_at is not None:
        last = ", the last one" if history.resumed_at == history.epochs else ""
        print(f"\nresumed after epoch {history.resumed_at}{last}")
    if history.interrupted:
        print(f"\nstopped in epoch {history.epochs + 1}; continue with --out {directory} --resume", file=sys.stderr)
        return INTERRUPTED
    test = model.evaluate(data.X_test, data.y_test)
    print(f"\ntest accuracy: {test['accuracy']:.2%} (loss {test['loss']:.4f}) after {seconds:.2f} s of training")
    _write(directory, history, model, f"{data.name}: {model}")
    return 0


def _recipe(options: argparse.Namespace) -> Recipe:
    """Return the recipe of the data set, with the options that were given in place of its defaults."""
    given = {name: getattr(options, name) for name in Recipe._fields if getattr(options, name) is not None}
    return RECIPES[options.dataset]._replace(**given)


def _load(name: str, seed: int, directory: str | None) -> Dataset:
    if name == "digits":
        return load_digits()
    if name == "iris":
        return load_iris()
    if name == "mnist":
        return load_mnist(directory)
    return _spirals(seed)


def _spirals(seed: int) -> Dataset:
    """Draw spirals, with a fifth of the points as test examples."""
    X, y = make_spirals(1200, seed=seed)
    train, test = stratified_split(y, 0.2, np.random.default_rng(seed))
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


def _network(hidden: Sequence[int], data: Dataset, seed: int) -> Model:
    layers: list[Layer] = []
    for units in hidden:
        layers += [Dense(units), ReLU()]
    layers += [Dense(len(data.class_names)), Softmax()]
    model = Model(layers, n_features=data.X_train.shape[1], seed=seed)
    model.class_names = data.class_names
    return model


def _print_setup(data: Dataset, model: Model, optimizer: SGD, batch_size: int) -> None:
    print(
        f"{data.name}: {len(data.X_train):,} training examples ({VALIDATION_FRACTION:.0%} of them held out for "
        f"validation) and {len(data.X_test):,} test examples"
    )
    print(f"\n{model.summary()}\n\n{optimizer}, batches of {batch_size}, seed {model.seed}", flush=True)


# ---- the run directory ---------------------------------------------------------------------------------------------


def _run_directory(out: str | None, dataset: str, resume: bool) -> str:
    """Return the run directory, which is created if it does not exist.

    By default it is the next free of runs/DATASET-1, runs/DATASET-2, ..., or with ``resume`` the last that exists.
    """
    if out is not None:
        return _given_directory(out, resume)
    os.makedirs("runs", exist_ok=True)
    suffixes = [name.removeprefix(f"{dataset}-") for name in os.listdir("runs") if name.startswith(f"{dataset}-")]
    if resume and (numbers := [int(suffix) for suffix in suffixes if suffix.isdecimal()]):
        return os.path.join("runs", f"{dataset}-{max(numbers)}")
    for number in itertools.count(1):
        directory = os.path.join("runs", f"{dataset}-{number}")
        try:
            os.mkdir(directory)
        except FileExistsError:
            continue
        break
    return directory


def _given_directory(out: str, resume: bool) -> str:
    try:
        os.makedirs(out, exist_ok=True)
    except OSError as error:
        raise ArgumentError(f"--out: cannot create the directory {out!r} ({error.strerror})") from None
    if not resume and glob.glob(os.path.join(glob.escape(_checkpoints(out)), "*.npz")):
        raise ArgumentError(f"--out: {out!r} has a training already; continue it with --resume, or choose another")
    return out


def _checkpoints(directory: str) -> str:
    return os.path.join(directory, "checkpoints")


def _write(directory: str, history: History, model: Model, title: str) -> None:
    """Write learning curves, history and network, and print their paths."""
    from matplotlib.figure import Figure  # pyplot would need a display

    paths = {name: os.path.join(directory, name) for name in ("learning_curves.png", "history.csv", "model.npz")}
    history.to_csv(paths["history.csv"])
    model.save(paths["model.npz"])
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    history.plot(figure.subplots(1, 2))
    figure.suptitle(title)
    figure.savefig(paths["learning_curves.png"], dpi=120)
    print(f"learning curves:  {paths['learning_curves.png']}")
    print(f"history:          {paths['history.csv']}")
    print(f"network:          {paths['model.npz']}")
