"""`Model.fit`: what it is given is checked, and then the training runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import checks
from nnlite.callbacks import Callback, Hooks, check_callbacks
from nnlite.checks import Array
from nnlite.engine import parallel
from nnlite.errors import ArgumentError
from nnlite.fitting.batches import Arrays, Examples, Stream, check_examples
from nnlite.fitting.history import History
from nnlite.fitting.loop import Run, classes_of
from nnlite.network.means import Metrics, as_number
from nnlite.optimizers import SGD, Optimizer
from nnlite.splits import stratified_split
from nnlite.storage.checkpoints import check_checkpoint
from nnlite.storage.directory import open_directory, split_entropy

if TYPE_CHECKING:
    from nnlite.model import Model


def fit(
    model: "Model",
    X: Any,
    y: Any,
    *,
    optimizer: Optimizer | None,
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
) -> History:
    """Train ``model``; `Model.fit` says what the arguments mean. All is checked before anything changes."""
    optimizer = _check_optimizer(optimizer)
    epochs = checks.integer("epochs", epochs)
    batch_size = None if batch_size is None else checks.integer("batch_size", batch_size)
    steps_per_epoch = None if steps_per_epoch is None else checks.integer("steps_per_epoch", steps_per_epoch)
    shuffle, progress = checks.boolean("shuffle", shuffle), checks.boolean("progress", progress)
    saving = check_checkpoint(checkpoint, resume)
    parallel.n_threads()  # what the environment says of it may be wrong
    hooks = Hooks(check_callbacks(callbacks))
    resolved = model._resolve_metrics(metrics)
    if y is None:
        _check_source(X, validation_split=validation_split, sample_weight=sample_weight)
    elif steps_per_epoch is not None:
        raise ArgumentError("steps_per_epoch: is for sources of batches; for arrays choose batch_size and epochs")
    elif validation_split is not None and validation_data is not None:
        raise ArgumentError("validation_split: give either validation_data or validation_split, not both")
    train = None if y is None else check_examples(model, X, y, sample_weight)
    validation: Examples | None = None
    with open_directory(saving, resume) as directory:
        if train is not None and validation_split is not None:
            train, validation = _split(model, train, validation_split, split_entropy(directory, model._entropy))
        source = Stream(model, X, steps_per_epoch, shuffle) if train is None else Arrays(train, batch_size, shuffle)
        _try_metrics(resolved, source.first_y, model._infer_shapes(source.input_shape)[-1][0])
        weight_of_class = _class_weights(model, class_weight, source.input_shape, train)
        if validation_data is not None:
            validation = _check_validation_data(model, source.input_shape, validation_data)
        keys = _keys(model, resolved, validation is not None)
        _introduce(hooks.callbacks, model, optimizer, keys)
        run = Run(model, optimizer, source, weight_of_class, validation, resolved, hooks, keys, directory)
        run.check_saved()
        if not model.built:
            model._build(source.input_shape)
        return run.epochs(epochs, progress)


def _introduce(callbacks: Sequence[Callback], model: "Model", optimizer: Optimizer, keys: list[str]) -> None:
    """Tell the callbacks whom they are with, and ask whether they will have what they need."""
    for callback in callbacks:
        callback.model, callback.optimizer = model, optimizer
    for callback in callbacks:
        callback.check_keys(keys)
        if callback.may_add_keys:
            break  # what those behind it will find is not known


def _try_metrics(metrics: Metrics, y: Array, units: int) -> None:
    """Raise ArgumentError for a metric that can never give a number for such a network."""
    if metrics:
        from nnlite.metrics import try_out

        for key, function in metrics:
            as_number(key, try_out(function, y, units))


def _keys(model: "Model", metrics: Metrics, validated: bool) -> list[str]:
    """What the history will record."""
    measured = ["loss", *["accuracy"] * model.output.classifies, *(key for key, _ in metrics)]
    return [*measured, *(f"val_{key}" for key in measured if validated), "learning_rate", "seconds"]


def _gives_batches(X: Any) -> bool:
    """Whether ``X`` is to be asked for batches, rather than being an array of examples."""
    if isinstance(X, np.ndarray) or hasattr(X, "__array__") or isinstance(X, (str, bytes, dict)):
        return False
    return hasattr(X, "__iter__") or (hasattr(X, "__getitem__") and hasattr(X, "__len__"))


def _check_source(X: Any, **arguments: Any) -> None:
    """Raise ArgumentError if X, which came without y, gives no batches, or with arguments that are for arrays."""
    if not _gives_batches(X):
        if hasattr(X, "__array__"):
            raise ArgumentError("y: expected numbers, a label for each example of X, got None")
        raise ArgumentError(f"X: expected an array of examples or a source of batches, got {X!r}")
    for name, value in arguments.items():
        if value is not None:
            raise ArgumentError(f"{name}: is for arrays, and X is a source of batches, got {value!r}")


def _check_optimizer(optimizer: Any) -> Optimizer:
    if optimizer is None:
        return SGD(0.1)
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"optimizer: expected an Optimizer such as nn.SGD(0.1), got {optimizer!r}")
    return optimizer


def _check_validation_data(model: "Model", input_shape: tuple[int, ...], validation_data: Any) -> Examples:
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
        size = f" of {len(validation_data)}" if hasattr(validation_data, "__len__") else ""
        raise ArgumentError(
            f"validation_data: expected (X, y) or (X, y, sample_weight), got {type(validation_data).__name__}{size}"
        )
    X, y, *weights = validation_data
    return check_examples(model, X, y, *weights, prefix="validation_data ", input_shape=input_shape)


def _split(model: "Model", examples: Examples, fraction: float, entropy: int) -> tuple[Examples, Examples]:
    """Training and validation examples, of each class its share where there are classes.

    The seed alone says which, apart from the generator that shuffles, so that training further on the same data
    holds out the same examples.
    """
    y = examples.y
    classes = y if y.ndim == 1 else model.output.predict(y)
    if not model.output.classifies or classes.ndim > 1:
        classes = np.zeros(len(y), np.intp)
    rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(1,)))
    kept, held_out = stratified_split(classes, fraction, rng, name="validation_split")
    return examples._replace(rows=kept), examples._replace(rows=held_out)


def _class_weights(
    model: "Model", class_weight: Any, input_shape: tuple[int, ...], examples: Examples | None
) -> Array | None:
    """A weight for each class, from a mapping, a sequence or "balanced": M / (C M_c), as scikit-learn has it."""
    if class_weight is None:
        return None
    n_classes = model.output.n_classes(model._infer_shapes(input_shape)[-1][0])
    if n_classes is None:
        raise ArgumentError(f"class_weight: {model.output} does not choose between classes, got {class_weight!r}")
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ArgumentError(f"class_weight: expected a weight for each class or 'balanced', got {class_weight!r}")
        if examples is None:
            raise ArgumentError("class_weight: 'balanced' needs all labels, so it is for arrays, not for a source")
        classes = classes_of(examples.y if examples.rows is None else examples.y[examples.rows])
        counts = np.bincount(classes, minlength=n_classes)
        return np.divide(len(classes), n_classes * counts, out=np.zeros(n_classes), where=counts > 0)
    if hasattr(class_weight, "keys"):
        missing = [c for c in range(n_classes) if c not in class_weight]
        extra = [c for c in class_weight if c not in range(n_classes)]
        if missing or extra:
            raise ArgumentError(
                f"class_weight: expected a weight for each of the classes 0..{n_classes - 1}"
                + (f", misses {', '.join(map(str, missing))}" if missing else "")
                + (f", has {', '.join(map(repr, extra))}" if extra else "")
            )
        class_weight = [class_weight[c] for c in range(n_classes)]
    weights = checks.numeric_array("class_weight", class_weight)
    wrong = weights.shape != (n_classes,) or not np.isfinite(weights).all() or weights.min() < 0 or not weights.any()
    if wrong:
        raise ArgumentError(
            f"class_weight: expected {n_classes} finite numbers of at least 0, not all 0, one for each class, "
            f"got {class_weight!r}"
        )
    return weights.astype(np.float64)
