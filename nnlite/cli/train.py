"""``nnlite train``: learns a data set or a table, and writes a run directory with the network and a report."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from nnlite import mpi
from nnlite.augment import Compose
from nnlite.callbacks import Callback, EarlyStopping
from nnlite.cli.codes import DONE, INTERRUPTED
from nnlite.cli.data import load_source, run_name
from nnlite.cli.network import (
    check_poolings,
    make_augmentation,
    make_callbacks,
    make_layers,
    make_optimizer,
    wants_images,
)
from nnlite.cli.output import note, say
from nnlite.cli.parser import Parser
from nnlite.cli.results import say_scores, write_run
from nnlite.cli.runs import (
    Config,
    checkpoints,
    command,
    has_config,
    last_run,
    read_config,
    remove_unused,
    run_directory,
)
from nnlite.cli.source import Source
from nnlite.cli.train_options import (
    add_data_options,
    add_network_options,
    add_run_options,
    add_training_options,
    defaults_table,
    given_options,
    with_defaults,
    with_recipe,
)
from nnlite.engine.trainer import choose_threads
from nnlite.errors import ArgumentError, DataFileError, DivergenceError
from nnlite.fitting.history import History
from nnlite.fitting.suspicions import STANDARDIZE, causes
from nnlite.layers import Flatten, Layer, Reshape, Softmax
from nnlite.metrics.by_name import try_out
from nnlite.model import Model
from nnlite.optimizers import Optimizer
from nnlite.parallel.agreement import Agreement
from nnlite.report import Run, Scores, scores, trivial_of
from nnlite.report.stored import stored_scores
from nnlite.storage.checkpoints import Checkpoint
from nnlite.tables import Encoding

THREADS = "NNLITE_NUM_THREADS"
LAUNCHERS = ("OMPI_COMM_WORLD", "PMI")  # Open MPI; MPICH and Intel MPI
MOST_EXAMPLES = 1000  # that tell why nothing was learned
SECONDS = 5.0  # between two checkpoints: writing one takes longer than an epoch of a small table


class Training(NamedTuple):
    """Everything that a training needs."""

    options: dict[str, Any]
    source: Source
    model: Model
    optimizer: Optimizer
    callbacks: list[Callback]
    augmentation: Compose | None
    layer_table: str
    directory: str


def add_train(commands: Any) -> Parser:
    """Add the command ``train`` to the commands of the program."""
    train: Parser = commands.add_parser(
        "train",
        usage="nnlite train DATA [--target COLUMN] [options]",
        help="train a network on a table, images or a data set; write the network, its scores and a report",
        description="Train a network on a table (.csv, .parquet, .npz, ...), on a folder with a folder of pictures\n"
        "for each class, or on a data set of nnlite (digits, iris, mnist, spirals). A folder of tables (.csv,\n"
        ".parquet, .feather), a table of more than 256 MiB, HDF5, Zarr, and a folder of .npz or .npy files are read\n"
        "in pieces; they need not fit into memory. Arrays are taken as they are: those called X and y, or as you say.\n"
        "Rows are held out to validate and to test with. Training stops when the validation loss no longer\n"
        "improves, and keeps the best weights.\n"
        "The run directory gets model.npz, history.csv, pictures, config.json (which repeats the run) and report.html.",
        epilog=defaults_table(),
    )
    train.set_defaults(run=lambda options: _train(options, train))
    train.add_argument(
        "data",
        nargs="?",
        metavar="DATA",
        help="a file with a table or arrays, a folder of tables, arrays or images, or digits, iris, mnist, spirals",
    )
    add_data_options(train)
    add_network_options(train)
    add_training_options(train)
    add_run_options(train)
    return train


def _train(options: argparse.Namespace, parser: Parser) -> int:
    """Train a network, print its scores, write the run, and return the exit code."""
    world = mpi.world() if options.mpi else mpi.World()
    _hint_at_mpi(options)
    first = world.rank == 0  # the others train, and neither print nor write
    config, chosen = _chosen(options, parser)
    world.meet()
    source = load_source(chosen, progress=first and not options.no_progress)
    if options.validation_size is not None and source.has_validation:
        raise ArgumentError(f"--validation-size: {chosen['data']} has validation examples of its own")
    training = _prepare(chosen, source, options, world)
    if first:
        _warn_if_changed(config, source)
        say(_setup(training))
    start = time.perf_counter()
    try:
        with _threads(config):
            history = _fit(training, options, world)
            done = _config(training, history.engine)
    except ArgumentError:
        if first:
            remove_unused(training.directory)
        raise
    except DivergenceError:
        if first:
            _config(training, chosen["engine"]).write(training.directory)
        raise
    seconds = time.perf_counter() - start
    if not first:
        return INTERRUPTED if history.interrupted else DONE
    if history.resumed_at is not None:
        last = ", the last one" if history.resumed_at == history.epochs else ""
        say(f"\nresumed after epoch {history.resumed_at}{last}")
    done.write(training.directory)
    if history.interrupted:
        where = f"{history.epochs + 1}; continue with --out {training.directory} --resume"
        print(f"\nstopped in epoch {where}", file=sys.stderr)
        return INTERRUPTED
    run = _run(training, history)
    found = scores(run) if source.stored is None else _scores_of_all(run, source.stored.data[2])
    say(_ending(training, history, seconds))
    say_scores(found)
    written = write_run(run, training.model, found, training.directory, with_report=not options.no_report)
    for what, path in written.items():
        say(f"{what + ':':<18}{path}")
    if found.learned_nothing:
        note(
            f"warning: {found.verdict}{_likely(training)} See what the doctor says: nnlite diagnose "
            f"{training.directory}"
        )
    return DONE


def _hint_at_mpi(options: argparse.Namespace) -> None:
    """Warn, once, if mpiexec has started several processes that do not train together."""
    for name in LAUNCHERS:
        size, rank = os.environ.get(f"{name}_SIZE", "1"), os.environ.get(f"{name}_RANK", "0")
        if not options.mpi and size.isdecimal() and int(size) > 1 and rank == "0":
            note(
                f"warning: mpiexec has started {size} processes, and each trains for itself, in a run directory of its "
                f"own; with --mpi they train one network together"
            )


# ---- before the training --------------------------------------------------------------------------------------------


def _chosen(options: argparse.Namespace, parser: Parser) -> tuple[Config | None, dict[str, Any]]:
    """Return the config that is repeated, if there is one, and the options of the training without the recipe."""
    given = given_options(options, parser)
    source = options.config
    if source is None and options.resume:
        source = _resumed(options.out, given["data"])
    if source is None:
        if given["data"] is None:
            parser.error("DATA: name a file with a table, a folder of images, or one of digits, iris, mnist, spirals")
        return None, with_defaults(given)
    config = read_config(source)
    unknown = config.options.keys() - given.keys()
    if unknown:
        raise ArgumentError(f"--config: {source} has options that do not exist: {', '.join(sorted(unknown))}")
    repeated = {name: config.options.get(name) if value is None else value for name, value in given.items()}
    if given["engine"] is None and config.engine:
        repeated["engine"] = config.engine
    return config, with_defaults(repeated)


def _resumed(out: str | None, data: str | None) -> str | None:
    """Return the run directory whose config stands for options that are not given; None if a training is to begin."""
    if out is not None:
        return out if data is None or has_config(out) else None
    last = None if data is None else last_run(run_name(data))
    return last if last is not None and has_config(last) else None


def _warn_if_changed(config: Config | None, source: Source) -> None:
    """Warn if a file is not the one of the run that is repeated."""
    known = {} if config is None else config.sha256
    for path, sha256 in source.sha256.items():
        if known.get(os.path.abspath(path), sha256) != sha256:
            note(f"warning: {path} has changed since the run of this config, so the result will be another")


def _prepare(chosen: dict[str, Any], source: Source, options: argparse.Namespace, world: mpi.World) -> Training:
    """Return the network, the optimizer and the run directory, which the first process makes here."""
    chosen = with_recipe(chosen, source.n_training)
    layers = make_layers(chosen, source.n_outputs, source.classifies)
    n_features = None if source.train.is_table else source.train.X.shape[1:]
    if source.stored is not None and n_features is not None and len(n_features) > 1:
        layers = [*_in_front(chosen, n_features), *layers]
    check_poolings(chosen, source.image_shape if source.stored is None else n_features)
    augmentation = make_augmentation(chosen, source.image_shape)
    model = Model(layers, n_features=n_features, seed=chosen["seed"], dtype=chosen["dtype"])
    if source.classifies:
        model.class_names = source.class_names
    model.image_encoding = source.image_encoding
    optimizer = make_optimizer(chosen, math.ceil(source.sizes[0] / chosen["batch_size"]))
    callbacks = make_callbacks(chosen, validated=True)
    _check_scores(chosen, source, model)
    table = _layer_table(chosen, source, model)
    world.meet()
    with Agreement(world) as agreement:  # before the training, which may be long
        own = run_directory(options.out, source.name, options.resume) if world.rank == 0 else ""
        agreement.tell(directory=own)
    directory = agreement.of_all("directory")[0]
    training = Training(chosen, source, model, optimizer, callbacks, augmentation, table, directory)
    if world.rank == 0 and not has_config(directory):  # `fit` may still refuse to resume: the old one stays until then
        _config(training, chosen["engine"]).write(directory)
    return training


def _in_front(chosen: dict[str, Any], shape: tuple[int, ...]) -> list[Layer]:
    """Return what makes stored examples of several dimensions fit the first layer."""
    if not wants_images(chosen):
        return [Flatten()]
    return [Reshape((*shape, 1))] if chosen["conv"] and len(shape) == 2 else []  # one channel


def _check_scores(chosen: dict[str, Any], source: Source, model: Model) -> None:
    """Raise ArgumentError for class weights and metrics that do not fit the target."""
    if chosen["class_weight"] and not source.classifies:
        raise ArgumentError(
            f"--class-weight: is for classes, and the target has values, got {chosen['class_weight']!r}; if they are "
            f"classes, give --classes too"
        )
    for key, function in model.resolve_metrics(chosen["metrics"]):
        if isinstance(model.output, Softmax):
            try:
                try_out(function, source.train.y[:1], source.n_outputs)
            except ArgumentError as error:
                raise ArgumentError(f"--metrics: {key!r} is not possible here ({error})") from None


def _config(training: Training, engine: str) -> Config:
    """Return what repeats the training; files are named by their whole paths.

    How many threads a compiled training takes is known as soon as the network is built.
    """
    options = {**training.options, "engine": engine}
    for name in ("data", "test"):
        if options[name] in training.source.sha256:
            options[name] = os.path.abspath(options[name])
    sha256 = {os.path.abspath(path): found for path, found in training.source.sha256.items()}
    batch_size = min(options["batch_size"], training.source.sizes[0])
    is_compiled = engine == "compiled" and training.model.built
    threads = choose_threads(training.model, batch_size) if is_compiled else 0
    return Config(options, engine, threads, sha256, command(training.directory))


def _setup(training: Training) -> str:
    """Return what is known before the training as text."""
    source, options, model = training.source, training.options, training.model
    texts = []
    if source.train.is_table:
        texts.append(source.train.X.summary())
    train, validation, test = source.sizes
    texts.append(f"{source.name}: {train:,} training examples, {validation:,} for validation, {test:,} test examples")
    if source.stored is not None:
        above = "the table above and the report show" if source.train.is_table else "the report shows"
        texts.append(f"read in pieces; {above} samples of at most 100,000 rows, the scores are those of all test rows")
    texts.append(training.layer_table)
    texts.append(f"{training.optimizer}, batches of {options['batch_size']}, seed {model.seed}")
    return "\n\n".join(texts)


def _layer_table(chosen: dict[str, Any], source: Source, model: Model) -> str:
    """Return the table of the layers. The training builds the network of a table; a twin shows its shapes before."""
    if source.train.is_table:
        layers = make_layers(chosen, source.n_outputs, source.classifies)
        try:
            encoding = Encoding.learn(source.train.X)
        except ArgumentError as error:
            raise DataFileError(str(error).removeprefix("X: ")) from None
        model = Model(layers, n_features=len(encoding.feature_names), seed=0, dtype=chosen["dtype"])
    return model.summary()


# ---- the training ---------------------------------------------------------------------------------------------------


def _fit(training: Training, options: argparse.Namespace, world: mpi.World) -> History:
    source, chosen = training.source, training.options
    validation = source.validation.X if source.validation.is_table else tuple(source.validation)
    data: tuple[Any, ...] = examples(source.train)
    if source.stored is not None:
        data, validation = (source.stored.data[0],), source.stored.data[1]
    return training.model.fit(
        *data,
        optimizer=training.optimizer,
        epochs=chosen["epochs"],
        batch_size=chosen["batch_size"],
        validation_data=validation,
        class_weight=chosen["class_weight"],
        metrics=chosen["metrics"],
        callbacks=training.callbacks,
        checkpoint=Checkpoint(checkpoints(training.directory), seconds=SECONDS),
        resume=options.resume,
        progress=not options.no_progress,
        engine=chosen["engine"],
        augment=training.augmentation,
        parallel=world,
        standardize_target=None if source.train.is_table or source.classifies else source.stored is not None,
    )


@contextmanager
def _threads(config: Config | None) -> Iterator[None]:
    """Let a repeated training use as many threads as the first one, on which its last bits depend."""
    if config is None or not config.threads or os.environ.get(THREADS):
        yield
        return
    os.environ[THREADS] = str(config.threads)
    try:
        yield
    finally:
        del os.environ[THREADS]


# ---- after the training ---------------------------------------------------------------------------------------------


def _scores_of_all(run: Run, test: Any) -> Scores:
    """Return the scores of all test examples, of which a run has a sample."""
    return stored_scores(run.model, test, trivial_of(run), balanced=run.class_weight is not None)


def _likely(training: Training) -> str:
    """Return the likely causes of a training that learned nothing, as the end of a message."""
    part = training.source.train.sample(MOST_EXAMPLES)
    checked = training.model.signature.check(part.X, None if part.is_table else part.y)
    found = causes(training.model, checked)
    text = "; ".join(found).replace(STANDARDIZE, "give --scaling standardize" if part.is_table else STANDARDIZE)
    return f" Likely: {text}." if found else ""


def _run(training: Training, history: History) -> Run:
    """Return the training for a report."""
    source, options = training.source, training.options
    return Run(
        model=training.model,
        test=source.test,
        train=source.train,
        validation=source.validation,
        history=history,
        optimizer=training.optimizer,
        batch_size=options["batch_size"],
        title=source.name,
        directory=training.directory,
        feature_names=source.feature_names,
        image_shape=source.image_shape,
        description=source.description,
        settings=_settings(training, history),
        command=command(training.directory),
        best_epoch=best_epoch(training.callbacks),
        class_weight=options["class_weight"],
    )


def _settings(training: Training, history: History) -> Mapping[str, str]:
    options = training.options
    stopped = "" if history.epochs == options["epochs"] else f" of at most {options['epochs']}, stopped early"
    settings = {
        "optimizer": repr(training.optimizer),
        "batch size": str(options["batch_size"]),
        "epochs": f"{history.epochs}{stopped}",
        "seed": str(options["seed"]),
        "engine": history.engine,
    }
    if options["class_weight"]:
        settings["class weight"] = (
            f"{options['class_weight']}: in the training loss, which is therefore not comparable with the validation "
            f"loss; early stopping looks at the validation loss, in which all examples count the same"
        )
    if training.augmentation is not None:
        settings["augmentation"] = ", ".join(map(repr, training.augmentation.augmentations))
    if options["average"]:
        settings["weights"] = f"averaged ({options['average'].upper()})"
    return settings


def best_epoch(callbacks: list[Callback]) -> int | None:
    """Return the epoch, from 1, whose weights early stopping kept; None if it kept none."""
    stopping = callbacks[-1] if callbacks else None
    if not isinstance(stopping, EarlyStopping) or stopping.best_epoch is None:
        return None
    return stopping.best_epoch + 1


def _ending(training: Training, history: History, seconds: float) -> str:
    best = best_epoch(training.callbacks)
    kept = "" if best is None else f", the weights of epoch {best} were kept"
    return f"\n{history.epochs} epochs in {seconds:.2f} s{kept}\n"


def examples(part: Any) -> tuple[Any, ...]:
    """Return what `Model.fit` and `Model.evaluate` take: a table, or X and y."""
    return (part.X,) if part.is_table else (part.X, part.y)
