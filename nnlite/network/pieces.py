"""Stored examples, checked as they are read: what is wrong with them names the file and the row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError, DataFileError
from nnlite.network.examples import Examples, check_weights, contiguous
from nnlite.network.signature import Signature
from nnlite.stored import StoredArrays, StoredTable
from nnlite.stored.arrays import Part
from nnlite.stored.numbers import numbers_of
from nnlite.stored.rows import InMemory, Rows
from nnlite.tables.encoding import Encoding
from nnlite.tables.frames import Text


def table_pieces(signature: Signature, table: StoredTable) -> Iterator[Examples]:
    """Yield the rows of a stored table as examples, some at a time.

    Raises
    ------
    ArgumentError
        If the network did not learn from a table, or the table has no target.
    DataFileError
        If a value is not of the kind that it was in training, or a target is missing or of no class.
    """
    encoding = check_table(signature, table)
    target = table.target_name or encoding.target_name
    if target not in table.names:
        raise ArgumentError(f"y: {table.name} has no column {target!r}, the target")
    classes = signature.output.classifies
    for numbers in numbers_of(table, encoding, signature.dtype.name, target, classes=classes):
        try:
            y = contiguous(signature.check_targets(numbers.target))
        except ArgumentError:
            row, said = first_refused(signature.check_targets, numbers.target)
            said = said.removeprefix("y: ")
            raise DataFileError(f"{numbers.source}: {numbers.frame.place(row)}: column {target!r}: {said}") from None
        yield Examples(numbers.X, y)


def pieces_to_predict(signature: Signature, data: StoredArrays | StoredTable) -> Iterator[Array]:
    """Yield X of stored examples, or the numbers of a stored table, some rows at a time; all are checked."""
    if isinstance(data, StoredTable):
        encoding = check_table(signature, data)
        target = encoding.target_name if encoding.target_name in data.names else ""
        ignored = data.target_name or target
        for numbers in numbers_of(data.without(ignored), encoding, signature.dtype.name, "", classes=False):
            yield numbers.X
        return
    check_shape(signature, data)
    for part in data.pieces():
        check_finite(data, part, signature.dtype)
        yield part.X


def check_table(signature: Signature, table: StoredTable) -> Encoding:
    """Return what makes the columns into numbers; ArgumentError if the network does not know it."""
    encoding = signature.knowledge.encoding
    if encoding is None:
        raise ArgumentError(
            f"X: {table.name} is a table, and the network was trained on arrays; open arrays with nn.open_data"
        )
    return encoding


def checked_pieces(signature: Signature, data: StoredArrays) -> Iterator[Examples]:
    """Yield the examples in the order of the data, a few megabytes at a time.

    Raises
    ------
    ArgumentError
        If there are no targets, or the examples have another shape than the network takes.
    DataFileError
        If a number is not finite, a target or weight is wrong, or a file has changed.
    """
    require_targets(data)
    for part in data.pieces():
        yield checked_part(signature, data, part)


def require_targets(data: StoredArrays) -> None:
    """Raise ArgumentError if the examples have no targets."""
    if data.y_rows is None:
        raise ArgumentError(f"y: {data!r} has no targets; pass y= to open_data")


def check_shape(signature: Signature, data: StoredArrays) -> None:
    """Raise ArgumentError unless the examples have the shape that the network takes."""
    if signature.knowledge.encoding is not None:
        signature.check(np.zeros((1, 1)), None)  # raises ArgumentError: the network wants a table
    if data.shape[1:] != signature.input_shape:
        raise ArgumentError(
            f"X: expected examples of shape {signature.input_shape}, as the network was built for, got "
            f"{data.shape[1:]} in {data.X_rows.name}"
        )


def checked_part(signature: Signature, data: StoredArrays, part: Part) -> Examples:
    """Return a part as examples whose X, targets and weights are right for the network."""
    check_finite(data, part, signature.dtype)
    y, weights = checked_targets(signature, data, part)
    return Examples(contiguous(part.X), y, weights)


def checked_targets(
    signature: Signature, data: StoredArrays, part: Part, *, training: bool = False
) -> tuple[Array, Array | None]:
    """Return targets and weights of a part; ``training`` tells in a message how the network would take other labels."""
    indices = signature._replace(knowledge=signature.knowledge._replace(encoding=None))  # numbers are indices
    try:
        y = contiguous(indices.check_targets(part.y))
    except ArgumentError:
        i, said = first_refused(indices.check_targets, part.y)
        said = said.removeprefix("y: ").replace("; subtract 1?", "")
        said += _more_classes(signature.n_classes, part.y) if training else ""
        raise _refused(data, data.y_rows, part, i, said) from None
    try:
        return y, check_weights(part.weights, len(y), all_zero=True)
    except ArgumentError:
        i, said = first_refused(lambda weights: check_weights(weights, len(weights), all_zero=True), part.weights)
        raise _refused(data, data.weight_rows, part, i, said.removeprefix("sample_weight: ")) from None


def _refused(data: StoredArrays, rows: Rows | None, part: Part, i: int, said: str) -> DataFileError:
    """Return the error for a target or weight, which names the place where it is, not that of its example."""
    assert rows is not None
    return DataFileError(f"{rows.place(data.row_of(part, i))}: {said}")


def check_labels(data: StoredArrays, part: Part, n_classes: int | None) -> None:
    """Raise DataFileError if a class index in a file is out of range; the message names file and row.

    All else about targets that are read as a whole is told as about arrays.
    """
    y = part.y
    if y is None or isinstance(data.y_rows, InMemory) or n_classes is None or y.ndim != 1 or y.dtype.kind not in "iu":
        return
    wrong = (y < 0) | (y >= n_classes)
    if wrong.any():
        i = int(wrong.argmax())
        said = f"label {y[i]} is out of range for a network that chooses from {n_classes} classes (labels are 0.."
        raise _refused(data, data.y_rows, part, i, f"{said}{n_classes - 1}){_more_classes(n_classes, y)}")


def _more_classes(n: int | None, y: Any) -> str:
    """Say which output takes class indices that are too large, or that they seem to begin at 1; "" if none is."""
    y = np.asarray(y)
    if n is None or y.ndim != 1 or y.dtype.kind not in "iu" or y.min() < 0 or y.max() < n:
        return ""
    return (
        "; subtract 1?"
        if y.min() == 1 and y.max() == n
        else f"; let the network end in Dense({int(y.max()) + 1}), Softmax()"
    )


def first_refused(check: Callable[[Any], object], targets: Any) -> tuple[int, str]:
    """Return the first of some targets that a check refuses, and what it says of it; the check refuses all of them."""
    n_right, n_refused = 0, len(targets)
    while n_refused - n_right > 1:
        n = (n_right + n_refused) // 2
        if _refusal(check, targets, n):
            n_refused = n
        else:
            n_right = n
    return n_refused - 1, _refusal(check, targets, n_refused)


def _refusal(check: Callable[[Any], object], targets: Any, n: int) -> str:
    """Return what a check says of the first n targets; "" if they are right."""
    try:
        check(targets.take(np.arange(n)) if isinstance(targets, Text) else targets[:n])
    except ArgumentError as error:
        return str(error)
    return ""


def check_finite(data: StoredArrays, part: Part, dtype: Any) -> None:
    """Raise DataFileError if a number of X is NaN, infinite or too large for the network; the message names the row."""
    X = part.X
    if X.dtype.kind != "f" or not X.size or all_finite(X, dtype):
        return
    largest = np.finfo(dtype).max
    wrong = ~(np.abs(X.reshape(len(X), -1)) <= largest)
    i = int(wrong.any(axis=1).argmax())
    column = int(wrong[i].argmax())
    value = X.reshape(len(X), -1)[i, column]
    where = data.X_rows.place(data.row_of(part, i))
    raise DataFileError(f"{where}, column {column}: expected a finite number that {np.dtype(dtype)} holds, got {value}")


def all_finite(X: Array, dtype: Any) -> bool:
    """Whether all numbers are finite, also after a cast. If the sum of squares is finite, one product tells it."""
    if X.dtype == dtype and X.flags.c_contiguous and np.isfinite(checks.squares(X.reshape(-1))):
        return True
    largest = np.finfo(dtype).max
    return bool(-largest <= X.min() and X.max() <= largest)
