"""`Model.fit`: check its arguments, then train."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite import checks
from nnlite import metrics as known_metrics
from nnlite.callbacks import Callback, Hooks, check_callbacks
from nnlite.checks import Array
from nnlite.engine import processor, waiting
from nnlite.engine.availability import check_engine
from nnlite.engine.choice import Choice, choose
from nnlite.errors import ArgumentError
from nnlite.fitting import suspicions
from nnlite.fitting.batches import Arrays
from nnlite.fitting.class_weights import check_class_weight, check_sum
from nnlite.fitting.history import History
from nnlite.fitting.loop import Loop, Saver, Setup
from nnlite.fitting.resume import CheckpointSaver
from nnlite.fitting.streams import Stream, gives_batches
from nnlite.network.examples import Examples
from nnlite.network.means import Metrics, as_number
from nnlite.network.network import Network
from nnlite.network.signature import Signature
from nnlite.optimizers import Optimizer, check_optimizer
from nnlite.splits import stratified_split
from nnlite.storage.checkpoints import check_checkpoint
from nnlite.storage.directory import open_directory, split_seed


def fit(
    network: Network,
    X: Any,
    y: Any,
    *,
    optimizer: Optimizer | str | None,
    epochs: int,
    batch_size: int | None,
    validation_data: Sequence[Any] | None,
    validation_split: float | None,
    sample_weight: Any,
    class_weight: Any,
    shuffle: bool,
    steps_per_epoch: int | None,
    metrics: Sequence[Any],
    callbacks: Any,
    checkpoint: Any,
    resume: bool,
    progress: bool,
    engine: str,
) -> History:
    """Train ``network``. `nnlite.Model.fit` explains the arguments. All are checked before anything changes."""
    optimizer = check_optimizer(optimizer)
    epochs = checks.integer("epochs", epochs)
    batch_size = None if batch_size is None else checks.integer("batch_size", batch_size)
    steps_per_epoch = None if steps_per_epoch is None else checks.integer("steps_per_epoch", steps_per_epoch)
    shuffle, progress = checks.boolean("shuffle", shuffle), checks.boolean("progress", progress)
    engine = check_engine(engine)
    options = check_checkpoint(checkpoint, resume)
    hooks = Hooks(check_callbacks(callbacks))
    resolved = network.resolve_metrics(metrics)
    if y is None:
        _check_source(X, validation_split=validation_split, sample_weight=sample_weight)
    elif steps_per_epoch is not None:
        raise ArgumentError("steps_per_epoch: is for a source of batches; for arrays choose batch_size and epochs")
    elif validation_split is not None and validation_data is not None:
        raise ArgumentError("validation_split: give either validation_data or validation_split, not both")
    processor.wanted_threads()  # checked before anything changes
    chosen = choose(engine, network.layers, optimizer)
    train = validation = None
    source: Arrays | Stream
    with open_directory(options, resume) as directory:
        if y is None:
            source = Stream(network, X, steps_per_epoch, shuffle)
        else:
            signature = network.signature_for(X)
            train = signature.check(X, y, sample_weight)
            if validation_split is not None:
                seed = split_seed(directory, network.actual_seed)
                train, validation = _split(signature, train, validation_split, seed)
            source = Arrays(signature, train, batch_size, shuffle)
        _try_metrics(resolved, source.first_y, source.signature.units)
        weight_of_class = check_class_weight(class_weight, source.signature, train, network.class_names)
        if train is not None:
            check_sum(train, weight_of_class)
        if validation_data is not None:
            validation = _check_validation_data(source.signature, validation_data)
        if validation is not None:
            check_sum(validation, None, "sample_weight" if validation_data is None else "validation_data sample_weight")
        keys = history_keys(network, resolved, validation is not None)
        attach(hooks.callbacks, network, optimizer, keys)
        setup = Setup(network, optimizer, source, weight_of_class, validation, resolved, hooks)
        saver = Saver() if directory is None else CheckpointSaver(directory, setup, keys)
        resumed = directory is not None and directory.saved is not None
        suspicions.warn_before(network, optimizer, source, epochs, resumed=resumed)
        if not network.built:
            network.build(source.signature.input_shape)
        with waiting.silent(not progress):
            return loop_class(chosen)(setup, saver).run(epochs, progress)


def loop_class(choice: Choice) -> type[Loop]:
    """Return the loop of an engine."""
    if choice.engine == "textbook":
        return Loop
    from nnlite.fitting.compiled import CompiledLoop

    return CompiledLoop


def attach(callbacks: Sequence[Callback], network: Network, optimizer: Optimizer, keys: list[str]) -> None:
    """Attach the model and the optimizer to each callback, and check the keys that it monitors."""
    for callback in callbacks:
        callback.model, callback.optimizer = network, optimizer
    for callback in callbacks:
        callback.check_keys(keys)
        if callback.may_add_keys:
            break  # it may add keys for the callbacks after it


def _try_metrics(metrics: Metrics, y: Array, units: int) -> None:
    """Raise ArgumentError for a metric that can never give a number for this network."""
    for key, function in metrics:
        as_number(key, known_metrics.try_out(function, y, units))


def history_keys(network: Network, metrics: Metrics, validated: bool) -> list[str]:
    """Return the keys of the history."""
    measured = ["loss", *["accuracy"] * network.output.classifies, *(key for key, _ in metrics)]
    return [*measured, *(f"val_{key}" for key in measured if validated), "learning_rate", "seconds"]


def _check_source(X: Any, **arguments: Any) -> None:
    """Raise ArgumentError if X, given without y, is not a source of batches, or if an argument is only for arrays."""
    if not gives_batches(X):
        if hasattr(X, "__array__"):
            raise ArgumentError("y: expected a label for each example of X, got None")
        raise ArgumentError(f"X: expected an array of examples or a source of batches, got {X!r}")
    for name, value in arguments.items():
        if value is not None:
            raise ArgumentError(f"{name}: is for arrays, and X is a source of batches, got {value!r}")


def _check_validation_data(signature: Signature, validation_data: Any) -> Examples:
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
        size = f" of {len(validation_data)}" if hasattr(validation_data, "__len__") else ""
        raise ArgumentError(
            f"validation_data: expected (X, y) or (X, y, sample_weight), got {type(validation_data).__name__}{size}"
        )
    return signature.check(*validation_data, prefix="validation_data ")


def _split(signature: Signature, examples: Examples, fraction: float, seed: int) -> tuple[Examples, Examples]:
    """Return training and validation examples; each class has its share in both.

    The seed alone decides the split, so that another `fit` on the same data holds out the same examples.
    """
    y = examples.y
    classes = y if y.ndim == 1 else signature.output.predict(y)
    if not signature.output.classifies or classes.ndim > 1:
        classes = np.zeros(len(y), np.intp)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    kept, held_out = stratified_split(classes, fraction, rng, name="validation_split")
    return examples._replace(rows=kept), examples._replace(rows=held_out)
