"""The training loop behind `Model.fit`: four lines a step, with batches, validation and a history around them."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

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

Examples = tuple[Array, Array]


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
    """Train ``model``; `Model.fit` says what the arguments mean. Everything is checked before anything changes."""
    optimizer = _check_optimizer(optimizer)
    epochs = checks.integer("epochs", epochs)
    if batch_size is not None:
        batch_size = checks.integer("batch_size", batch_size)
    X, y = _check_examples(model, X, y, "X", "y")
    validation = None
    if validation_data is not None:
        if validation_split is not None:
            raise ArgumentError("validation_split: give either validation_data or validation_split, not both")
        validation = _check_validation_data(model, X, validation_data)
    elif validation_split is not None:
        fraction = checks.real("validation_split", validation_split, above=0, below=1)
        (X, y), validation = _split(model, X, y, fraction)
    if not model.built:
        model._build(X.shape[1:])
    if shuffle:
        X, y = data.gatherable(X), data.gatherable(y)

    history = History()
    with EpochBar(epochs, progress) as bar:
        for epoch in range(epochs):
            start = time.perf_counter()
            batches = _batches(model, X, y, len(X) if batch_size is None else batch_size, shuffle)
            values = _train_epoch(model, optimizer, batches, len(X), epoch, bar)
            if validation is not None:
                values |= {f"val_{key}": value for key, value in model._evaluate(*validation).items()}
            values["learning_rate"] = optimizer.learning_rate
            values["seconds"] = time.perf_counter() - start
            history.append(values)
            bar.finished(epoch, values)
    return history


def _train_epoch(
    model: "Model",
    optimizer: Optimizer,
    batches: Iterator[Examples],
    n_examples: int,
    epoch: int,
    bar: EpochBar,
) -> dict[str, float]:
    """One step for each batch; the mean loss (and accuracy) of the batches as the network met them."""
    output = model.output
    seen, loss, correct = 0, 0.0, 0.0
    for X, y in batches:
        Y_hat = model._forward(X)
        Y = data.target_rows(y, Y_hat.shape[1], model._batch)
        loss += float(output.losses(Y, model._caches[-1]).sum())
        if output.classifies:
            correct += output.n_correct(Y_hat, Y)
        model._backward(Y)
        optimizer.step(model)
        seen += len(X)
        bar.within(epoch, seen / n_examples)
    values = {"loss": loss / n_examples}
    if output.classifies:
        values["accuracy"] = correct / n_examples
    return values


def _batches(model: "Model", X: Array, y: Array, batch_size: int, shuffle: bool) -> Iterator[Examples]:
    """Every example once; a batch is overwritten by the next. The whole data set is one batch, in its own order."""
    n = len(X)
    if batch_size >= n:
        yield X, y
        return
    order = model.rng.permutation(n) if shuffle else None
    for start in range(0, n, batch_size):
        if order is None:
            yield X[start : start + batch_size], y[start : start + batch_size]
        else:
            rows = order[start : start + batch_size]
            yield data.take(X, rows, "X_rows", model._batch), data.take(y, rows, "y_rows", model._batch)


def _check_optimizer(optimizer: Any) -> Optimizer:
    if optimizer is None:
        return SGD(0.1)
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"optimizer: expected an Optimizer such as nn.SGD(0.1), got {optimizer!r}")
    return optimizer


def _check_examples(model: "Model", X: Any, y: Any, X_name: str, y_name: str) -> Examples:
    """X and y as arrays that fit each other and the network (built or not)."""
    X = data.check_X(X, model.input_shape, model.dtype, X_name)
    y = model._check_targets(y, X.shape[1:], y_name)
    data.check_lengths(X, y, X_name, y_name)
    return X, y


def _check_validation_data(model: "Model", X: Array, validation_data: Any) -> Examples:
    try:
        X_val, y_val = validation_data
    except (TypeError, ValueError):
        raise ArgumentError(f"validation_data: expected a pair (X, y), got {type(validation_data).__name__}") from None
    X_val, y_val = _check_examples(model, X_val, y_val, "validation_data X", "validation_data y")
    if X_val.shape[1:] != X.shape[1:]:
        raise ArgumentError(
            f"validation_data: X has examples of shape {X_val.shape[1:]}, the training data of {X.shape[1:]}"
        )
    return X_val, y_val


def _split(model: "Model", X: Array, y: Array, fraction: float) -> tuple[Examples, Examples]:
    """Training and validation examples, of each class its share where there are classes.

    The seed alone says which, apart from the generator that shuffles, so that training further on the same data
    holds out the same examples.
    """
    classes = y if y.ndim == 1 else model.output.predict(y)
    if not model.output.classifies or classes.ndim > 1:
        classes = np.zeros(len(y), np.intp)
    entropy = model.rng.bit_generator.seed_seq.entropy  # type: ignore[attr-defined]
    rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(1,)))
    try:
        kept, held_out = stratified_split(classes, fraction, rng)
    except ArgumentError as error:
        raise ArgumentError(f"validation_split: {error}") from None
    return (X[kept], y[kept]), (X[held_out], y[held_out])
