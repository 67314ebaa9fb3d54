"""The command line: ``nnlite train digits``."""

import argparse
import glob
import itertools
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.datasets import Dataset, load_digits, load_iris, load_mnist, make_spirals
from nnlite.errors import ArgumentError, NnliteError
from nnlite.fitting.history import History
from nnlite.layers import Dense, Layer, ReLU, Softmax
from nnlite.model import Model
from nnlite.optimizers import SGD
from nnlite.splits import stratified_split
from nnlite.version import __version__

VALIDATION_FRACTION = 0.1
INTERRUPTED = 130  # exit code after Ctrl-C
Number = TypeVar("Number", int, float)


class Recipe(NamedTuple):
    """What ``nnlite train`` does by default with a data set."""

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, or 2 for a wrong call.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return _train(options)
    except BrokenPipeError:  # whoever read our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (NnliteError, OSError) as error:
        print(f"nnlite: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("nnlite: stopped", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nnlite",
        description="Train multilayer neural networks, from scratch in NumPy.",
        epilog="examples:\n"
        "  nnlite train digits                         learn handwritten digits in seconds\n"
        "  nnlite train mnist --hidden 128 64 --seed 1\n"
        "  nnlite train --help                         all options and their defaults",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"nnlite {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    train = commands.add_parser(
        "train",
        usage="nnlite train DATASET [options]",
        help="train a network on a data set; print its test accuracy, write learning curves and history",
        description="Train a network of Dense and ReLU layers that ends in Softmax. Prints the accuracy on test\n"
        "examples that it has never seen, and writes learning_curves.png, history.csv, the network\n"
        "(model.npz) and, after every epoch, a checkpoint to a run directory.",
        epilog=_defaults_table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument("dataset", choices=RECIPES, help="data set to learn")
    train.add_argument(
        "--hidden",
        type=_positive_integer,
        nargs="*",
        metavar="UNITS",
        help="units of each hidden layer, e.g. --hidden 128 64; none at all is softmax regression",
    )
    train.add_argument("--epochs", type=_positive_integer, metavar="N", help="how often every example is seen")
    train.add_argument(
        "--batch-size", type=_positive_integer, metavar="N", help="examples to a step of gradient descent"
    )
    train.add_argument("--learning-rate", type=_positive_number, metavar="RATE", help="length of a step")
    train.add_argument(
        "--momentum", type=_momentum, metavar="MU", help="how much of the last step is kept, 0 to below 1"
    )
    train.add_argument("--seed", type=_seed, metavar="N", default=0, help="same seed, same network (default 0)")
    train.add_argument(
        "--out",
        metavar="DIR",
        help="run directory (default: the next free runs/DATASET-N)",
    )
    train.add_argument(
        "--resume",
        action="store_true",
        help="go on where the training in the run directory was stopped or killed (default: the last runs/DATASET-N); "
        "begin it if there is none",
    )
    train.add_argument(
        "--data",
        metavar="DIR",
        help="mnist: directory with the four IDX files (default: a cache directory, downloaded if need be)",
    )
    return parser


# Types for argparse: it puts the option's name in front of the message.


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


def _train(options: argparse.Namespace) -> int:
    """Train as the options say. The run directory is made first: a long run must not end in a wrong path.

    Returns the exit code.
    """
    if options.data is not None and options.dataset != "mnist":
        raise ArgumentError(f"--data: only mnist is read from a directory, got it with {options.dataset}")
    chosen = {name: getattr(options, name) for name in Recipe._fields if getattr(options, name) is not None}
    recipe = RECIPES[options.dataset]._replace(**chosen)
    data = _load(options.dataset, options.seed, options.data)
    model = _network(recipe.hidden, data, options.seed)
    optimizer = SGD(recipe.learning_rate, momentum=recipe.momentum)
    directory = _run_directory(options.out, options.dataset, options.resume)
    checkpoints = os.path.join(directory, "checkpoints")
    if not options.resume and glob.glob(os.path.join(glob.escape(checkpoints), "*.npz")):
        raise ArgumentError(f"--out: there is a training in {directory!r}; --resume goes on with it, or give another")
    print(
        f"{data.name}: {len(data.X_train):,} training examples, of which {VALIDATION_FRACTION:.0%} are held out "
        f"for validation, and {len(data.X_test):,} test examples"
    )
    print(f"\n{model.summary()}\n\n{optimizer}, batches of {recipe.batch_size}, seed {options.seed}", flush=True)

    start = time.perf_counter()
    history = model.fit(
        data.X_train,
        data.y_train,
        optimizer=optimizer,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        validation_split=VALIDATION_FRACTION,
        checkpoint=checkpoints,
        resume=options.resume,
    )
    seconds = time.perf_counter() - start
    if history.resumed_at is not None:
        print(
            f"\nwent on after epoch {history.resumed_at}"
            + (", the last" if history.resumed_at == history.epochs else "")
        )
    if history.interrupted:
        print(f"\nstopped in epoch {history.epochs + 1}; --out {directory} --resume goes on", file=sys.stderr)
        return INTERRUPTED
    test = model.evaluate(data.X_test, data.y_test)
    print(f"\ntest accuracy: {test['accuracy']:.2%} (loss {test['loss']:.4f}) after {seconds:.2f} s of training")
    _write(directory, history, model, f"{data.name}: {model}")
    return 0


def _load(name: str, seed: int, directory: str | None) -> Dataset:
    if name == "digits":
        return load_digits()
    if name == "iris":
        return load_iris()
    if name == "mnist":
        return load_mnist(directory)
    X, y = make_spirals(1200, seed=seed)
    return _held_out("spirals", X, y, seed)


def _held_out(name: str, X: Array, y: Array, seed: int) -> Dataset:
    """A fifth of the examples set aside for the test."""
    train, test = stratified_split(y, 0.2, np.random.default_rng(seed))
    return Dataset(
        X[train],
        y[train],
        X[test],
        y[test],
        class_names=tuple(map(str, range(int(y.max()) + 1))),
        feature_names=("x1", "x2"),
        image_shape=None,
        name=name,
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


def _run_directory(out: str | None, dataset: str, resume: bool) -> str:
    """``out``, made if it does not exist; by default the first of runs/DATASET-1, -2, ... that does not.

    To go on, it is the last of those that do.
    """
    if out is not None:
        try:
            os.makedirs(out, exist_ok=True)
        except OSError as error:
            raise ArgumentError(f"--out: cannot make the directory {out!r} ({error.strerror})") from None
        return out
    os.makedirs("runs", exist_ok=True)
    numbers = [name.removeprefix(f"{dataset}-") for name in os.listdir("runs") if name.startswith(f"{dataset}-")]
    if resume and (there := [int(number) for number in numbers if number.isdecimal()]):
        return os.path.join("runs", f"{dataset}-{max(there)}")
    for number in itertools.count(1):
        directory = os.path.join("runs", f"{dataset}-{number}")
        try:
            os.mkdir(directory)
        except FileExistsError:
            continue
        break
    return directory


def _write(directory: str, history: History, model: Model, title: str) -> None:
    """Learning curves, history and network; drawn without pyplot, which would look for a screen."""
    from matplotlib.figure import Figure

    history.to_csv(os.path.join(directory, "history.csv"))
    model.save(os.path.join(directory, "model.npz"))
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    history.plot(figure.subplots(1, 2))
    figure.suptitle(title)
    figure.savefig(os.path.join(directory, "learning_curves.png"), dpi=120)
    print(f"learning curves:  {os.path.join(directory, 'learning_curves.png')}")
    print(f"history:          {os.path.join(directory, 'history.csv')}")
    print(f"network:          {os.path.join(directory, 'model.npz')}")


if __name__ == "__main__":
    sys.exit(main())
