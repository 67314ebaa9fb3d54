"""`Model.fit`: check its arguments, then train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite import metrics as known_metrics
from nnlite.augment.compose import Compose
from nnlite.callbacks import Callback, Hooks, check_callbacks
from nnlite.checks import Array
from nnlite.engine import processor, waiting
from nnlite.engine.availability import check_engine
from nnlite.engine.choice import Choice, choose
from nnlite.errors import ArgumentError
from nnlite.fitting import suspicions
from nnlite.fitting.augmented import arrays_of, augmentation_of_fit, stream_of
from nnlite.fitting.batches import Numbered
from nnlite.fitting.class_weights import balanced, check_class_weight, check_sum, count_classes, is_balanced
from nnlite.fitting.history import History
from nnlite.fitting.loop import SINGLE, Loop, Saver, Setup
from nnlite.fitting.preparing import prepare
from nnlite.fitting.resume import CheckpointSaver
from nnlite.fitting.shares import Share, parts_of_batch
from nnlite.fitting.stored import StoredBatches
from nnlite.fitting.streams import Stream
from nnlite.fitting.survey import Survey, prepare_stored
from nnlite.fitting.suspicions import Labels, labels_of
from nnlite.fitting.together import (
    Together,
    begin_alike,
    classes_of_share,
    open_together,
    tell_data,
    texts_of,
    together_of,
)
from nnlite.fitting.validation import StoredValidation, ValidationBatches, check_validation_data
from nnlite.layers import BatchNorm, Identity, chain
from nnlite.network.examples import Examples
from nnlite.network.means import Metrics, as_number, with_rmse
from nnlite.network.network import Network
from nnlite.network.pieces import check_finite, check_labels
from nnlite.network.signature import Signature
from nnlite.network.sources import gives_batches
from nnlite.optimizers import Optimizer, check_optimizer
from nnlite.parallel.agreement import Agreement
from nnlite.parallel.world import World, check_world
from nnlite.storage.checkpoints import Checkpoint, check_checkpoint
from nnlite.storage.directory import split_seed
from nnlite.stored import StoredArrays, StoredTable
from nnlite.stored.opening import as_stored
from nnlite.tables.table import Table


class Call(NamedTuple):
    """The arguments of a call of `fit`, checked as far as that is possible without the data.

    Attributes
    ----------
    X, y : array_like
        In memory, or a source of batches.
    stored : StoredArrays or StoredTable or None
        Examples that stay on the disk, in place of X and y.
    streams : bool
        Whether X is a source of batches.
    standardize : bool or None
    options : Checkpoint or None
    chosen : Choice
        Which engine trains.
    others
        As in `nnlite.Model.fit`.
    """

    X: Any
    y: Any
    stored: StoredArrays | StoredTable | None
    optimizer: Optimizer
    epochs: int
    batch_size: int | None
    steps_per_epoch: int | None
    shuffle: bool
    progress: bool
    streams: bool
    standardize: bool | None
    options: Checkpoint | None
    resume: bool
    hooks: Hooks
    metrics: Metrics
    augmentation: Compose | None
    chosen: Choice
    validation_data: Any
    validation_split: float | None
    sample_weight: Any
    class_weight: Any


class Data(NamedTuple):
    """The data of a training, checked.

    Attributes
    ----------
    source : Numbered or Stream
    train : Examples or None
        What the source has, if it has arrays.
    validation : Examples or ValidationBatches or None
    metrics : list of (str, callable)
    class_weight : ndarray, (C,), or None
    n_of_class : ndarray, (C,), or None
        How many examples each class has, if the weights are balanced.
    """

    source: Numbered | Stream
    train: Examples | None
    validation: Examples | ValidationBatches | None
    metrics: Metrics
    class_weight: Array | None
    n_of_class: Array | None


def fit(network: Network, X: Any, y: Any, *, parallel: Any, **arguments: Any) -> History:
    """Train ``network``. `nnlite.Model.fit` explains the arguments. All are checked before anything changes."""
    world = check_world(parallel)
    world.meet()
    with Agreement(world) as agreement:  # what one process refuses, all refuse
        call = _check_call(network, X, y, world, **arguments)
        if world.size > 1:
            agreement.same(texts_of(network, call.optimizer, world) | _texts_of_call(call))
    seed = world.first(network.actual_seed)
    with open_together(world, call.options, call.resume) as directory:
        with Agreement(world) as agreement:
            with classes_of_share(world):
                data = _check_data(network, call, split_seed(directory, seed))
            weighted = data.class_weight is not None or (data.train is not None and data.train.weights is not None)
            tell_data(agreement, data.source, data.train, data.validation, weighted=weighted)
            agreement.tell(n_of_class=data.n_of_class, labels=_labels_of(network, data.source))
        together = together_of(agreement, call.augmentation is not None)
        if data.n_of_class is not None and not together.train:
            data = data._replace(class_weight=balanced(np.sum(agreement.of_all("n_of_class"), axis=0)))
        setup = _setup(network, call, data, world, together)
        keys = history_keys(network, data.metrics, data.validation is not None)
        with Agreement(world):
            attach(call.hooks.active, network, call.optimizer, keys)
            saver = Saver() if directory is None else CheckpointSaver(directory, setup, keys)
            if setup.warns:
                resumed = directory is not None and directory.saved is not None
                labels = _of_all(agreement.of_all("labels"), together)
                suspicions.warn_before(
                    network, call.optimizer, setup.source, call.epochs, resumed=resumed, labels=labels
                )
                suspicions.warn(together.suspicion(world.size))
        if not network.built:
            network.build(setup.source.signature.input_shape)
        network.knowledge = setup.source.signature.knowledge
        begin_alike(world, network)
        progress = call.progress and world.rank == 0
        with waiting.silent(not progress):
            return loop_class(call.chosen, world)(setup, saver).run(call.epochs, progress)


def _check_call(
    network: Network,
    X: Any,
    y: Any,
    world: World,
    *,
    optimizer: Optimizer | str | None,
    epochs: int,
    batch_size: int | None,
    validation_data: Any,
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
    standardize_target: bool | None,
    augment: Any,
) -> Call:
    """Check the arguments as far as that is possible without the data."""
    optimizer = check_optimizer(optimizer)
    epochs = checks.integer("epochs", epochs)
    batch_size = None if batch_size is None else checks.integer("batch_size", batch_size)
    steps_per_epoch = None if steps_per_epoch is None else checks.integer("steps_per_epoch", steps_per_epoch)
    shuffle, progress = checks.boolean("shuffle", shuffle), checks.boolean("progress", progress)
    engine = check_engine(engine)
    X, y, sample_weight, stored = _located(network, X, y, sample_weight)
    streams = y is None and stored is None and not isinstance(X, Table)
    standardize = _check_standardizing(network, standardize_target, streams=streams)
    options = check_checkpoint(checkpoint, resume)
    hooks = Hooks(check_callbacks(callbacks), world.rank == 0)
    resolved: Metrics = network.resolve_metrics(metrics)
    if streams:
        _check_source(X, validation_split=validation_split, sample_weight=sample_weight)
    elif steps_per_epoch is not None:
        raise ArgumentError("steps_per_epoch: is for a source of batches; for arrays choose batch_size and epochs")
    elif validation_split is not None and validation_data is not None:
        raise ArgumentError("validation_split: give either validation_data or validation_split, not both")
    chain.require_backward(network.layers)
    augmentation = augmentation_of_fit(augment, network, X, class_weight)
    processor.wanted_threads()  # checked before anything changes
    return Call(
        X=X,
        y=y,
        stored=stored,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        steps_per_epoch=steps_per_epoch,
        shuffle=shuffle,
        progress=progress,
        streams=streams,
        standardize=standardize,
        options=options,
        resume=resume,
        hooks=hooks,
        metrics=resolved,
        augmentation=augmentation,
        chosen=_choose(engine, network, optimizer, world),  # what can be refused, before the data are looked at
        validation_data=validation_data,
        validation_split=validation_split,
        sample_weight=sample_weight,
        class_weight=class_weight,
    )


def _choose(engine: str, network: Network, optimizer: Optimizer, world: World) -> Choice:
    """Return the engine that trains. Its kernels do not ask other processes for their means."""
    chosen = choose(engine, network.layers, optimizer)
    synchronizes = world.sync_batch_norm and any(isinstance(layer, BatchNorm) for layer in network.all_layers())
    if world.size == 1 or not synchronizes or chosen.engine == "textbook":
        return chosen
    if engine == "compiled":
        raise ArgumentError(
            "engine: 'compiled' is not possible with nn.mpi.world(sync_batch_norm=True) for a network with BatchNorm; "
            "use engine='auto'"
        )
    return Choice("textbook", "BatchNorm is synchronized between processes")


def _texts_of_call(call: Call) -> dict[str, str]:
    """Describe the arguments that must be the same in all processes."""
    checkpoint = "none" if call.options is None else f"every={call.options.every}, resume={call.resume}"
    return {
        "epochs": str(call.epochs),
        "batch_size": str(call.batch_size),
        "steps_per_epoch": str(call.steps_per_epoch),
        "shuffle": str(call.shuffle),
        "metrics": ", ".join(key for key, _ in call.metrics),
        "validation_split": str(call.validation_split),
        "class_weight": str(call.class_weight),
        "augment": str(call.augmentation),
        "callbacks": ", ".join(type(callback).__name__ for callback in call.hooks.callbacks),
        "checkpoint": checkpoint,
        "engine": call.chosen.engine,
    }


def _check_data(network: Network, call: Call, seed: int) -> Data:
    """Check the data. ``seed`` decides which examples are held out."""
    source, train, held_out, survey = _sources(network, call, seed)
    knowledge = source.signature.knowledge
    metrics = with_rmse(call.metrics, knowledge.scale)
    _try_metrics(metrics, source.first_y, source.signature.units)
    weight_of_class = _class_weight(call.class_weight, source.signature, train, survey)
    given = call.validation_data
    validated = held_out if given is None else check_validation_data(source.signature, given)
    if isinstance(validated, Examples):
        check_sum(validated, None, "sample_weight" if given is None else "validation_data sample_weight")
    n_of_class = None
    if is_balanced(call.class_weight):
        n_of_class = _count_classes(source.signature, train, survey)
    return Data(source, train, validated, metrics, weight_of_class, n_of_class)


def _labels_of(network: Network, source: Numbered | Stream) -> Labels | None:
    return labels_of(network, source.labels) if isinstance(source, Numbered) else None


def _of_all(labels: Sequence[Labels | None], together: Together) -> Labels | None:
    """Return what the labels of all processes are."""
    known = [of_one for of_one in labels if of_one is not None]
    if not known:
        return None
    return Labels(max(of_one.highest for of_one in known), known[0].n if together.train else sum(n for _, n in known))


def _count_classes(signature: Signature, train: Examples | None, survey: Survey | None) -> Array | None:
    """Return how many examples each class has; None for a source of batches."""
    if survey is not None:
        return survey.n_of_class
    return None if train is None else count_classes(train, signature.n_classes or 1)


class Sources(NamedTuple):
    """What a training learns from.

    Attributes
    ----------
    source : Numbered or Stream
    train : Examples or None
        All examples, if they are in memory.
    held_out : Examples or StoredValidation or None
        What ``validation_split`` holds out.
    survey : Survey or None
        Of the targets of stored examples.
    """

    source: Numbered | Stream
    train: Examples | None = None
    held_out: Examples | StoredValidation | None = None
    survey: Survey | None = None


def _sources(network: Network, call: Call, seed: int) -> Sources:
    """Return the batches of a training, from examples on the disk, a source of batches, or examples in memory."""
    split, standardize, augmentation = call.validation_split, call.standardize, call.augmentation
    if call.stored is not None:
        found = prepare_stored(network, call.stored, split=split, seed=seed, standardize=standardize)
        signature, labels = found.signature, found.survey.labels
        batches = StoredBatches(signature, found.train, call.batch_size, call.shuffle, labels, augmentation)
        held_out = None if found.validation is None else StoredValidation(signature, found.validation)
        return Sources(batches, None, held_out, found.survey)
    if call.streams:
        return Sources(stream_of(augmentation, network, call.X, call.steps_per_epoch, call.shuffle, call.batch_size))
    ready = prepare(network, call.X, call.y, call.sample_weight, split=split, seed=seed, standardize=standardize)
    arrays = arrays_of(augmentation, ready.signature, ready.train, call.batch_size, call.shuffle)
    return Sources(arrays, ready.train, ready.validation)


def _class_weight(
    class_weight: Any, signature: Signature, train: Examples | None, survey: Survey | None
) -> Array | None:
    """Return the weight of each class; ArgumentError if the examples then have no weights above 0."""
    names = signature.knowledge.class_names
    if survey is not None:
        if is_balanced(class_weight) and signature.n_classes is not None:
            class_weight = balanced(survey.n_of_class)
        weights = check_class_weight(class_weight, signature, train, names)
        survey.check_sum(weights)
        return weights
    weights = check_class_weight(class_weight, signature, train, names)
    if train is not None:
        check_sum(train, weights)
    return weights


def _located(
    network: Network, X: Any, y: Any, sample_weight: Any
) -> tuple[Any, Any, Any, StoredArrays | StoredTable | None]:
    """Return X, y and sample_weight, and the stored examples if the training reads them from the disk.

    Without stored examples the last is None. Those that fit into the memory for them are read here, and become X, y and
    sample_weight.
    """
    if isinstance(X, StoredTable):
        if y is not None or sample_weight is not None:
            raise ArgumentError("y: a stored table has its own target, and no weights of its rows")
        return X, None, None, X
    stored = as_stored(X, y, sample_weight)
    if stored is None or stored.y_rows is None or not stored.fits_memory:
        return X, y, sample_weight, stored
    part = stored.in_memory()
    check_finite(stored, part, network.dtype)
    check_labels(stored, part, network.n_classes)
    return part.X, part.y, part.weights, None


def _setup(network: Network, call: Call, data: Data, world: World, together: Together) -> Setup:
    """Return what the loop needs. Examples that differ from process to process are shares of one data set."""
    source = data.source
    if data.train is not None and not together.train:
        source = Share(source.signature, data.train, call.batch_size, call.shuffle, world=world, together=together)
    elif isinstance(source, StoredBatches) and not together.train and call.batch_size is not None:
        source.contribute(parts_of_batch(call.batch_size, together.sizes)[world.rank])
    return Setup(
        network,
        call.optimizer,
        source,
        data.class_weight,
        data.validation,
        data.metrics,
        call.hooks,
        warns=world.rank == 0,
        world=world,
        together=together,
    )


def loop_class(choice: Choice, world: World = SINGLE) -> type[Loop]:
    """Return the loop of an engine, and of one or several processes."""
    if world.size > 1:
        from nnlite.fitting.parallel import ParallelLoop

        if choice.engine == "textbook":
            return ParallelLoop
        from nnlite.fitting.parallel_compiled import ParallelCompiledLoop

        return ParallelCompiledLoop
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
    accuracy = ["accuracy"] if network.output.classifies else []
    measured = ["loss", *accuracy, *(key for key, _ in metrics)]
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


def _check_standardizing(network: Network, wanted: Any, *, streams: bool) -> bool | None:
    """Return whether the target is to be standardized, None for the default; ArgumentError if it cannot be."""
    if wanted is None:
        return None
    chosen = checks.boolean("standardize_target", wanted)
    if chosen and not isinstance(network.output, Identity):
        raise ArgumentError(f"standardize_target: is for values, and the network ends in {network.output}")
    if chosen and streams and network.target_scale is None:
        raise ArgumentError("standardize_target: needs all targets at once: pass arrays, not a source of batches")
    return chosen
