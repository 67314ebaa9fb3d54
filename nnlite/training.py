"""The training loop behind `Model.fit`: four lines a step, with batches, validation and a history around them."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite import checks, data
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.history import History
from nnlite.optimizers import SGD, Optimizer
from nnlite.progress import EpochBar
from nnlite.splits import stratified_split

if TYPE_CHECKING:
    from nnlite.model import Model


class Examples(NamedTuple):
    """Checked examples: all of X and y, or those that ``rows`` names."""

    X: Array
    y: Array
    rows: Array | None = None

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.X) if self.rows is None else len(self.rows)


def fit(
    model: "Model",
    X: Any,
    y: Any,
    *,
    optimizer: Optimizer | None,
    epochs: int,
    batch_size: int | None,
    validation_data: tuple[Any, Any] | None,
    validation_split: float | None,
    shuffle: bool,
    progress: bool,
) -> History:
    """Train ``model``; `Model.fit` says what the arguments mean. All is checked before anything changes."""
    optimizer = _check_optimizer(optimizer)
    epochs = checks.integer("epochs", epochs)
    batch_size = None if batch_size is None else checks.integer("batch_size", batch_size)
    shuffle, progress = checks.boolean("shuffle", shuffle), checks.boolean("progress", progress)
    train = _check_examples(model, X, y, "X", "y")
    validation = None
    if validation_data is not None:
        if validation_split is not None:
            raise ArgumentError("validation_split: give either validation_data or validation_split, not both")
        validation = _check_validation_data(model, train, validation_data)
    elif validation_split is not None:
        train, validation = _split(model, train, validation_split)
    if not model.built:
        model._build(train.X.shape[1:])

    history = History()
    try:
        with EpochBar(epochs, progress) as bar:
            for epoch in range(epochs):
                start = time.perf_counter()
                batches = _batches(model, train, batch_size or train.size, shuffle)
                values = _train_epoch(model, optimizer, batches, train.size, epoch, bar)
                if validation is not None:
                    values |= {f"val_{key}": value for key, value in model._evaluate(*validation).items()}
                values["learning_rate"] = optimizer.learning_rate
                values["seconds"] = time.perf_counter() - start
                history.append(values)
                bar.finished(epoch, values)
    finally:
        model._training_pass().forget()
    return history


def _train_epoch(
    model: "Model",
    optimizer: Optimizer,
    batches: Iterator[tuple[Array, Array]],
    n_examples: int,
    epoch: int,
    bar: EpochBar,
) -> dict[str, float]:
    """One step for each batch; return the mean loss (and accuracy) of the batches as the network met them."""
    step = model._training_pass()
    classifies = model.output.classifies
    seen, loss, correct = 0, 0.0, 0.0
    for X, y in batches:
        step.forward(X)
        Y = step.target_rows(y)
        loss += float(step.losses(Y).sum())
        correct += step.n_correct(Y) if classifies else 0
        step.backward(Y)
        optimizer.step(model)
        seen += len(X)
        bar.within(epoch, seen / n_examples)
    values = {"loss": loss / n_examples}
    if classifies:
        values["accuracy"] = correct / n_examples
    return values


def _batches(model: "Model", examples: Examples, batch_size: int, shuffle: bool) -> Iterator[tuple[Array, Array]]:
    """Every example once; a batch is overwritten by the next. The whole data set is one batch, in its own order."""
    X, y, rows = examples
    n = examples.size
    if shuffle and batch_size < n:
        order = model.rng.permutation(n)
        rows = order if rows is None else rows[order]
    cache = model._training_pass().batch
    for start in range(0, n, batch_size):
        yield data.batch(X, y, rows, slice(start, start + batch_size), cache)


def _check_optimizer(optimizer: Any) -> Optimizer:
    if optimizer is None:
        return SGD(0.1)
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"optimizer: expected an Optimizer such as nn.SGD(0.1), got {optimizer!r}")
    return optimizer


def _check_examples(model: "Model", X: Any, y: Any, X_name: str, y_name: str) -> Examples:
    """X and y as arrays that fit each other and the network (built or not), ready to be gathered from."""
    X = data.check_X(X, model.input_shape, model.dtype, X_name)
    y = model._check_targets(y, y_name, model._infer_shapes(X.shape[1:], X_name))
    data.check_lengths(X, y, X_name, y_name)
    return Examples(data.gatherable(X), data.gatherable(y))


def _check_validation_data(model: "Model", train: Examples, validation_data: Any) -> Examples:
    try:
        X, y = validation_data
    except (TypeError, ValueError):
        got = type(validation_data).__name__ + (
            f" of {len(validation_data)}" if hasattr(validation_data, "__len__") else ""
        )
        raise ArgumentError(f"validation_data: expected a pair (X, y), got {got}") from None
    validation = _check_examples(model, X, y, "validation_data X", "validation_data y")
    if validation.X.shape[1:] != train.X.shape[1:]:
        raise ArgumentError(
            f"validation_data: X has examples of shape {validation.X.shape[1:]}, "
            f"the training data of {train.X.shape[1:]}"
        )
    return validation


def _split(model: "Model", examples: Examples, fraction: float) -> tuple[Examples, Examples]:
    """Training and validation examples, of each class its share where there are classes.

    The seed alone says which, apart from the generator that shuffles, so that training further on the same data
    holds out the same examples.
    """
    X, y, _ = examples
    classes = y if y.ndim == 1 else model.output.predict(y)
    if not model.output.classifies or classes.ndim > 1:
        classes = np.zeros(len(y), np.intp)
    rng = np.random.default_rng(np.random.SeedSequence(model._entropy, spawn_key=(1,)))
    kept, held_out = stratified_split(classes, fraction, rng, name="validation_split")
    return Examples(X, y, kept), Examples(X, y, held_out)
