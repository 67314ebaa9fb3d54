"""Losses of probabilities against the truth: cross-entropy for exclusive classes and for single questions.

A Model computes its cost from the logits z instead, where no probability has been rounded to 0.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.functional.probabilities import check_classes


def cross_entropy(Y_hat: Any, Y: Any, axis: int = -1) -> Array:
    r"""``L(y_hat, y) = - sum_j y_j log y_hat_j``: the loss of each example.

    A class with ``y_j = 0`` adds nothing, even where ``y_hat_j`` is 0. If the true class has probability 0, the loss
    is infinite.

    The prediction comes first, as in the course. The metrics, such as `nnlite.metrics.log_loss`, take the truth first,
    as in scikit-learn.

    Parameters
    ----------
    Y_hat : array_like, (C,) or (M, C)
        Probabilities of the C classes, in [0, 1].
    Y : array_like, same shape as ``Y_hat``
        Ground truth: one-hot rows, or probabilities.
    axis : int, default -1
        Axis of the classes. Column vectors, as in the course, need ``axis=0``.

    Returns
    -------
    ndarray, () or (M,)
        The loss of each example, at least 0.

    Raises
    ------
    ArgumentError
        If the shapes differ, there are fewer than two classes, or an entry is outside [0, 1].

    Warns
    -----
    UserWarning
        If all entries of ``Y_hat`` are 0 or 1 and those of ``Y`` are not: they seem to be swapped.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.cross_entropy([0.3, 0.2, 0.1, 0.4], [0, 1, 0, 0]).round(3)      # -log 0.2
    np.float64(1.609)
    """
    Y_hat, Y = _prediction_and_truth(Y_hat, Y)
    check_classes("Y_hat", Y_hat, axis, hint="; binary_cross_entropy is for single probabilities")
    checks.warn_if_swapped("cross_entropy(Y_hat, Y)", prediction=Y_hat, truth=Y)
    L: Array = _minus_y_log(Y, Y_hat, np.log).sum(axis)
    return L


def binary_cross_entropy(Y_hat: Any, Y: Any) -> Array:
    r"""``L(y_hat, y) = - y log y_hat - (1 - y) log(1 - y_hat)``: the loss of each entry.

    The prediction comes first, as in the course.

    Parameters
    ----------
    Y_hat : array_like
        Probabilities of class 1, in [0, 1].
    Y : array_like, same shape as ``Y_hat``
        Ground truth: 0 or 1, or a probability.

    Returns
    -------
    ndarray
        The loss of each entry, at least 0, in the shape of ``Y_hat``.

    Raises
    ------
    ArgumentError
        If the shapes differ or an entry is outside [0, 1].

    Warns
    -----
    UserWarning
        If all entries of ``Y_hat`` are 0 or 1 and those of ``Y`` are not: they seem to be swapped.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.binary_cross_entropy([0.9, 0.2], [1, 0]).round(3)
    array([0.105, 0.223])
    """
    Y_hat, Y = _prediction_and_truth(Y_hat, Y)
    checks.warn_if_swapped("binary_cross_entropy(Y_hat, Y)", prediction=Y_hat, truth=Y)
    L: Array = _minus_y_log(Y, Y_hat, np.log) + _minus_y_log(1 - Y, -Y_hat, np.log1p)
    return L


def _prediction_and_truth(Y_hat: Any, Y: Any) -> tuple[Array, Array]:
    """Return both as floats of one dtype; raise ArgumentError for different shapes or entries outside [0, 1]."""
    Y_hat = checks.floats("Y_hat", Y_hat)
    Y = checks.numeric_array("Y", Y)
    if Y.shape != Y_hat.shape:
        raise ArgumentError(
            f"Y: expected the shape of Y_hat, {Y_hat.shape}, got {Y.shape}"
            + ("; one_hot(y, C) turns class indices into rows" if Y.ndim == Y_hat.ndim - 1 else "")
        )
    checks.in_unit_interval("Y_hat", Y_hat, "probabilities")
    checks.in_unit_interval("Y", Y, "the truth")
    return Y_hat, Y.astype(Y_hat.dtype, copy=False)


def _minus_y_log(Y: Array, value: Array, log: Callable[[Array], Array]) -> Array:
    """``- y log(value)`` for each entry, with ``0 log 0 = 0``."""
    with np.errstate(divide="ignore"):
        return np.where(Y == 0, 0, -Y * log(np.where(Y == 0, 0.5, value)))
