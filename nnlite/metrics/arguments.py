"""Check what metrics take and convert it: the truth, the predictions and the weights of the examples."""

from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.tables.labels import indices_of_names

SUM_TOLERANCE = 1e-3  # how far the sum of a row of probabilities may be from 1; the same as for targets of Softmax


def classes_or_labels(y: Any, Y_hat: Any, multi_label: bool | None) -> tuple[Array, Array, int]:
    """Return the truth, the prediction and C: classes (M,), or booleans (M, C) for multi-label data."""
    y, Y_hat, multi_label = _truth_and_prediction(y, Y_hat, multi_label)
    if multi_label:
        if Y_hat.ndim == 1:
            raise ArgumentError(f"Y_hat: expected shape {y.shape}, since y has several labels, got shape {Y_hat.shape}")
        return y > 0.5, Y_hat > 0.5, y.shape[1]
    truth, guess = class_of_each(y), class_of_each(Y_hat)
    columns = [array.shape[1] for array in (Y_hat, y) if array.ndim == 2]
    return truth, guess, columns[0] if columns else int(max(truth.max(), guess.max())) + 1


def truth_and_probabilities(y: Any, Y_hat: Any, multi_label: bool | None) -> tuple[Array, Array, bool]:
    """Return y as class indices (M,) or rows (M, C), Y_hat as rows (M, C), and whether the data are multi-label."""
    y, Y_hat, multi_label = _truth_and_prediction(y, Y_hat, multi_label)
    _require_columns(Y_hat)
    return y, Y_hat, multi_label


def one_against_rest(
    y: Any, Y_hat: Any, multi_label: bool | None = None, *, any_scores: bool = True
) -> tuple[Array, Array, bool]:
    """Return the truth (M, C) as booleans, the scores (M, C), and whether the data are multi-label.

    Column c of the truth says which examples are of class c or have label c. Scores must be probabilities unless
    ``any_scores`` is True.
    """
    y, Y_hat, multi_label = _truth_and_prediction(y, Y_hat, multi_label, any_scores=any_scores)
    _require_columns(Y_hat)
    return y > 0.5 if multi_label else class_of_each(y)[:, None] == np.arange(Y_hat.shape[1]), Y_hat, multi_label


def truth_and_values(y: Any, Y_hat: Any) -> tuple[Array, Array]:
    """Return the values ``y`` and ``Y_hat`` of a regression as float64 rows (M, n)."""
    Y_hat, y = _one_or_two_axes("Y_hat", Y_hat), _one_or_two_axes("y", y)
    y, Y_hat = (a.astype(np.float64, copy=False).reshape(len(a), -1) for a in (y, Y_hat))
    if y.shape != Y_hat.shape:
        raise ArgumentError(f"Y_hat: expected the shape of y, {y.shape}, got {Y_hat.shape}")
    return y, Y_hat


def example_weights(sample_weight: Any, y: Array) -> Array | None:
    """Return ``sample_weight`` in float64, one weight for each row of ``y``; None, for equal weights, stays None."""
    if sample_weight is None:
        return None
    w, expected = checks.numeric_array("sample_weight", sample_weight), f"{len(y)} finite numbers of at least 0"
    if w.shape != (len(y),):
        raise ArgumentError(f"sample_weight: expected {expected}, one for each example, got shape {w.shape}")
    checks.finite("sample_weight", w)
    if w.min() < 0 or w.max() == 0:
        raise ArgumentError(f"sample_weight: expected {expected}, not all 0, got {w.min():g} to {w.max():g}")
    return w.astype(np.float64)


def class_of_each(y: Array) -> Array:
    """Return the class of each example, (M,), from class indices or rows."""
    return y if y.ndim == 1 else y.argmax(axis=1)


def require_sums_of_1(Y_hat: Array) -> None:
    """Raise ArgumentError unless every row of probabilities sums to 1."""
    if not _sums_to_1(Y_hat):
        sums = Y_hat.sum(axis=1, dtype=np.float64)
        i = int(np.abs(sums - 1).argmax())
        raise ArgumentError(f"Y_hat: the probabilities of exclusive classes must sum to 1, row {i} sums to {sums[i]:g}")


def _truth_and_prediction(
    y: Any, Y_hat: Any, multi_label: bool | None, *, any_scores: bool = False
) -> tuple[Array, Array, bool]:
    """Return y as class indices (M,) or rows (M, C), Y_hat as rows or predicted classes (M,), and ``multi_label``.

    If ``multi_label`` is None, the sums of the rows decide. With ``any_scores``, Y_hat may leave [0, 1].
    """
    y, Y_hat = indices_of_names(y, Y_hat)
    y, Y_hat = _one_or_two_axes("y", y), _one_or_two_axes("Y_hat", Y_hat)
    if len(y) != len(Y_hat):
        kind = "predicted classes (M,)" if Y_hat.ndim == 1 else "probabilities (M, C)"
        raise ArgumentError(f"Y_hat: expected {kind} for y of shape {y.shape}, got shape {Y_hat.shape}")
    if multi_label is not None and checks.boolean("multi_label", multi_label) and y.ndim == 1:
        raise ArgumentError(f"multi_label: True needs y as rows (M, C), one column for each label, got shape {y.shape}")
    if Y_hat.ndim == 1 and Y_hat.dtype.kind != "f":
        C = None if y.ndim == 1 else y.shape[1]
        y, Y_hat = _truth(y, C), checks.class_indices("Y_hat", Y_hat, C)
    else:
        if not any_scores:
            one = Y_hat.ndim == 1
            expected = "probabilities of class 1 (or classes, as integers)," if one else "probabilities"
            checks.in_unit_interval("Y_hat", Y_hat, expected)
        if Y_hat.ndim == 1:
            Y_hat = np.column_stack([1 - Y_hat, Y_hat])
        y = _truth(y, Y_hat.shape[1])
    if multi_label is None:
        multi_label = y.ndim == 2 and not (_sums_to_1(y) and (Y_hat.ndim == 1 or _sums_to_1(Y_hat)))
    return y, Y_hat, multi_label


def _one_or_two_axes(name: str, value: Any) -> Array:
    """Return ``value`` as finite numbers, (M,) or (M, C) with C of at least 2."""
    array = checks.numeric_array(name, value)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ArgumentError(f"{name}: expected an array (M,) or (M, C) of at least one example, got {array.shape}")
    checks.finite(name, array)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _truth(y: Array, n_classes: int | None) -> Array:
    """Return ``y`` as class indices (M,) or rows (M, C); floats (M,) are probabilities of class 1 and become rows."""
    if y.ndim == 1 and (y.dtype.kind != "f" or n_classes not in (2, None)):
        of = "" if n_classes is None else f" for {n_classes} columns of Y_hat"
        return checks.class_indices("y", y, n_classes, of=of)
    if y.ndim == 2 and y.shape[1] != n_classes:
        raise ArgumentError(
            f"y: expected class indices (M,) or rows (M, {n_classes}), as many columns as Y_hat, got shape {y.shape}"
        )
    if y.ndim == 2:
        checks.in_unit_interval("y", y, "0, 1 or probabilities")
        return y
    if y.min() < 0 or y.max() > 1:
        raise ArgumentError(
            "y: class indices must be integers; as floats expected 0, 1 or probabilities of class 1 of two, "
            f"got values from {y.min():g} to {y.max():g}"
        )
    return np.column_stack([1 - y, y])


def _sums_to_1(rows: Array) -> bool:
    sums = rows.sum(axis=1, dtype=np.float64)
    return bool(sums.min() >= 1 - SUM_TOLERANCE and sums.max() <= 1 + SUM_TOLERANCE)


def _require_columns(Y_hat: Array) -> None:
    if Y_hat.ndim == 1:
        raise ArgumentError("Y_hat: expected probabilities as predict_proba returns them, got predicted classes")
