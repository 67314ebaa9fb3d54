"""The training loop behind `Model.fit`: four lines a step, with batches, validation and a history around them."""

import time
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import checks, data
from nnlite.callbacks import Hooks, check_callbacks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.history import History
from nnlite.layers import Cache
from nnlite.optimizers import SGD, Optimizer
from nnlite.progress import EpochBar
from nnlite.running import Metrics, Running, as_number
from nnlite.sources import Arrays, Chunk, Examples, Stream, check_examples
from nnlite.splits import stratified_split

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
    progress: bool,
) -> History:
    """Train ``model``; `Model.fit` says what the arguments mean. All is checked before anything changes."""
    optimizer = _check_optimizer(optimizer)
    epochs = checks.integer("epochs", epochs)
    batch_size = None if batch_size is None else checks.integer("batch_size", batch_size)
    steps_per_epoch = None if steps_per_epoch is None else checks.integer("steps_per_epoch", steps_per_epoch)
    shuffle, progress = checks.boolean("shuffle", shuffle), checks.boolean("progress", progress)
    hooks = Hooks(check_callbacks(callbacks))
    resolved = model._resolve_metrics(metrics)
    validation: Examples | None = None
    source: Arrays | Stream
    train: Examples | None
    if y is None and not _gives_batches(X):
        if hasattr(X, "__array__"):
            raise ArgumentError("y: expected numbers, a label for each example of X, got None")
        raise ArgumentError(f"X: expected an array of examples or a source of batches, got {X!r}")
    if y is None:
        _refuse_for_streams(validation_split=validation_split, sample_weight=sample_weight)
        source = Stream(model, X, steps_per_epoch, shuffle)
        train = None
    else:
        if steps_per_epoch is not None:
            raise ArgumentError("steps_per_epoch: is for sources of batches; for arrays choose batch_size and epochs")
        train = check_examples(model, X, y, sample_weight)
        if validation_split is not None:
            if validation_data is not None:
                raise ArgumentError("validation_split: give either validation_data or validation_split, not both")
            train, validation = _split(model, train, validation_split)
        source = Arrays(train, batch_size, shuffle)
    _try_metrics(resolved, source.first_y, model._infer_shapes(source.input_shape)[-1][0])
    weight_of_class = _class_weights(model, class_weight, source.input_shape, train)
    if validation_data is not None:
        validation = _check_validation_data(model, source.input_shape, validation_data)
    keys = _keys(model, resolved, validation is not None)
    for callback in hooks.callbacks:
        callback.model, callback.optimizer = model, optimizer
    for callback in hooks.callbacks:
        callback.check_keys(keys)
        if callback.may_add_keys:
            break  # what those behind it will find is not known
    if not model.built:
        model._build(source.input_shape)
    return _Run(model, optimizer, source, weight_of_class, validation, resolved, hooks).epochs(epochs, progress)


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


class _Run:
    """One call of fit, with everything checked."""

    def __init__(
        self,
        model: "Model",
        optimizer: Optimizer,
        source: Arrays | Stream,
        weight_of_class: Array | None,
        validation: Examples | None,
        metrics: Metrics,
        hooks: Hooks,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.source = source
        self.weight_of_class = weight_of_class
        self.validation = validation
        self.metrics = metrics
        self.hooks = hooks
        self.running = Running(model.output, metrics, model.dtype)

    def epochs(self, epochs: int, progress: bool) -> History:
        """Train for so many epochs, or until a callback has had enough."""
        model, hooks = self.model, self.hooks
        history = History()
        values: dict[str, float] = {}
        for callback in hooks.callbacks:
            callback.training_inputs = self._training_inputs
        model.stop_training = False
        try:
            for begin in hooks.train_begin:
                begin({})
            with EpochBar(epochs, progress) as bar:
                for epoch in range(epochs):
                    in_epoch = self._epoch(epoch, bar)
                    if not in_epoch:  # there was nothing left to train on
                        break
                    values = in_epoch
                    history.append(values)
                    bar.finished(epoch, values)
                    for epoch_end in hooks.epoch_end:
                        epoch_end(epoch, values)
                    if model.stop_training:
                        break
            for end in hooks.train_end:
                end(values)
        finally:
            model._training_pass().forget()
            for callback in hooks.callbacks:
                vars(callback).pop("training_inputs", None)  # it holds the data
        return history

    def _training_inputs(self) -> Iterator[Array]:
        """X of the batches of an epoch."""
        for chunk in self.source.epoch(self.model):
            for batch in chunk.batches:
                yield chunk.examples.X[batch].copy()

    def _epoch(self, epoch: int, bar: EpochBar) -> dict[str, float]:
        """Train on every batch once, then validate."""
        start = time.perf_counter()
        for epoch_begin in self.hooks.epoch_begin:
            epoch_begin(epoch, {})
        values = self._train(epoch, bar)
        if not values:
            return values
        if self.validation is not None:
            validated = self.model._evaluate(self.validation, self.metrics)
            values |= {f"val_{key}": value for key, value in validated.items()}
        values["learning_rate"] = self.optimizer.state(self.model).learning_rate
        values["seconds"] = time.perf_counter() - start
        return values

    def _train(self, epoch: int, bar: EpochBar) -> dict[str, float]:
        """One step for each batch; return the mean loss (and accuracy) of the batches as the network met them."""
        model, hooks, running = self.model, self.hooks, self.running
        watched = bool(hooks.batch_begin or hooks.batch_end)
        running.begin()
        n_batches = 0
        for chunk in self.source.epoch(model, one_by_one=watched):
            for batch_begin in hooks.batch_begin:
                batch_begin(n_batches, {})
            last = self._train_on(chunk)
            n_batches += len(chunk.batches)
            for batch_end in hooks.batch_end:
                batch_end(n_batches - 1, {"loss": running.loss_of(*last), "size": chunk.examples.size})
            if self.source.n_steps is not None:
                bar.within(epoch, n_batches / self.source.n_steps)
            if model.stop_training:
                break
        if not model.stop_training:
            self._notice_a_dry_source(epoch, n_batches)
        return running.values() if n_batches else {}

    def _train_on(self, chunk: Chunk) -> tuple[Array, Array, Array | None]:
        """One step for each batch of the chunk: the four lines. Return z[L], y and the weights of the last batch."""
        optimizer, running = self.optimizer, self.running
        step = self.model._training_pass()  # another one where a callback has frozen or freed a layer
        X, y, weights, _ = chunk.examples
        X, Y, weights = data.cast(X, "X", step.batch), step.target_rows(y), self._weighted(y, weights, step.batch)
        for batch in chunk.batches:
            weight = None if weights is None else weights[batch]
            step.forward(X[batch], training=True)
            running.add(step.z, y[batch], weight)
            step.backward(Y[batch], weight)
            optimizer.step(self.model)
        return step.z, y[batch], weight

    def _notice_a_dry_source(self, epoch: int, n_batches: int) -> None:
        """A source that gave fewer batches than it should ends the training, with what was learned until then."""
        if n_batches == 0 or n_batches < (self.source.n_steps or 0):
            of = "" if self.source.n_steps is None else f" of {self.source.n_steps}"
            text = f"X: the source of batches ran dry after {n_batches}{of} in epoch {epoch + 1}"
            if epoch == n_batches == 0:
                raise ArgumentError(text)
            warnings.warn(f"{text}; the training ends here", stacklevel=2)
            self.model.stop_training = True

    def _weighted(self, y: Array, weights: Array | None, cache: Cache) -> Array | None:
        """The examples' own weights times those of their classes, as far as there are such."""
        if self.weight_of_class is None:
            return weights
        of_class = data.take(self.weight_of_class, _classes(y), "class_weights", cache)
        return of_class if weights is None else np.multiply(of_class, weights, out=of_class)


def _gives_batches(X: Any) -> bool:
    """Whether ``X`` is to be asked for batches, rather than being an array of examples."""
    if isinstance(X, np.ndarray) or hasattr(X, "__array__") or isinstance(X, (str, bytes, dict)):
        return False
    return hasattr(X, "__iter__") or (hasattr(X, "__getitem__") and hasattr(X, "__len__"))


def _refuse_for_streams(**arguments: Any) -> None:
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


def _split(model: "Model", examples: Examples, fraction: float) -> tuple[Examples, Examples]:
    """Training and validation examples, of each class its share where there are classes.

    The seed alone says which, apart from the generator that shuffles, so that training further on the same data
    holds out the same examples.
    """
    y = examples.y
    classes = y if y.ndim == 1 else model.output.predict(y)
    if not model.output.classifies or classes.ndim > 1:
        classes = np.zeros(len(y), np.intp)
    rng = np.random.default_rng(np.random.SeedSequence(model._entropy, spawn_key=(1,)))
    kept, held_out = stratified_split(classes, fraction, rng, name="validation_split")
    return examples._replace(rows=kept), examples._replace(rows=held_out)


def _classes(y: Array) -> Array:
    """Class of each example, from class indices or rows."""
    if y.ndim == 1:
        return y
    return (y[:, 0] > 0.5).astype(np.intp) if y.shape[1] == 1 else y.argmax(axis=1)


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
        classes = _classes(examples.y if examples.rows is None else examples.y[examples.rows])
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
