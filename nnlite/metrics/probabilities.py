"""How good predicted probabilities are: log loss and calibration error."""

from typing import Any

import numpy as np

from nnlite import checks
from nnlite.metrics.arguments import class_of_each, example_weights, require_sums_of_1, truth_and_probabilities


def log_loss(y: Any, Y_hat: Any, *, multi_label: bool | None = None, sample_weight: Any = None) -> float:
    r"""``J = - sum_i w_i sum_j y_ij log y_hat_ij / sum_i w_i``: the cost of Softmax, computed from probabilities.

    For multi-label data it is the cost of Sigmoid, ``L = - sum_j (y_j log y_hat_j + (1 - y_j) log(1 - y_hat_j))``.
    Probabilities are clipped to [eps, 1 - eps] with the machine epsilon of their dtype, as in scikit-learn. (The cost
    of a network needs no clipping, since it is computed from z.)

    The truth comes first, as in scikit-learn. The loss `nnlite.cross_entropy` takes the prediction first, as in the
    course.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth; rows may be probabilities.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities.
    multi_label : bool, optional
        Whether each column is a label of its own; by default the sums of the rows decide (see `nnlite.metrics`).
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0; by default 1.

    Returns
    -------
    float
        At least 0, in nats.

    Raises
    ------
    ArgumentError
        If a shape, a label, a probability or a weight is wrong; if ``y`` holds class indices and a row of ``Y_hat``
        does not sum to 1.

    Warns
    -----
    UserWarning
        If all entries of ``Y_hat`` are 0 or 1 and those of ``y`` are not: they seem to be swapped.

    References
    ----------
    I. J. Good, "Rational decisions", 1952.

    Examples
    --------
    >>> import nnlite as nn
    >>> round(nn.metrics.log_loss([0, 1], [[0.9, 0.1], [0.2, 0.8]]), 4)
    0.1643
    """
    y, Y_hat, multi_label = truth_and_probabilities(y, Y_hat, multi_label)
    if y.ndim == 1:
        require_sums_of_1(Y_hat)
    else:
        checks.warn_if_swapped("log_loss(y, Y_hat)", prediction=Y_hat, truth=y)
    eps = np.finfo(Y_hat.dtype if Y_hat.dtype.kind == "f" else np.float64).eps
    Y_hat = np.clip(Y_hat.astype(np.float64), eps, 1 - eps)
    if y.ndim == 1:
        L = -np.log(Y_hat[np.arange(len(y)), y])
    else:
        Y = y.astype(np.float64)
        L = -(Y * np.log(Y_hat)).sum(axis=1)
        if multi_label:
            L -= ((1 - Y) * np.log1p(-Y_hat)).sum(axis=1)
    return float(np.average(L, weights=example_weights(sample_weight, y)))


def expected_calibration_error(
    y: Any, Y_hat: Any, *, n_bins: int = 15, multi_label: bool | None = None, sample_weight: Any = None
) -> float:
    r"""``ECE = sum_b (M_b / M) |accuracy_b - confidence_b|``: how far confidence and accuracy are apart.

    The confidence of a prediction is the probability of the predicted class. Bin b holds the M_b examples with
    confidence in ``((b - 1) / n_bins, b / n_bins]``; accuracy_b is the share of them that are right, confidence_b their
    mean confidence.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities. In multi-label data each label is a decision between two classes.
    n_bins : int, default 15
        Number of bins of equal width, at least 1.
    multi_label : bool, optional
        Whether each column is a label of its own; by default the sums of the rows decide (see `nnlite.metrics`).
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0; by default 1.

    Returns
    -------
    float
        In [0, 1]; 0 if in every bin the network is right as often as its confidence says.

    Raises
    ------
    ArgumentError
        If a shape, a label, a probability, a weight or ``n_bins`` is wrong.

    References
    ----------
    C. Guo et al., "On calibration of modern neural networks", 2017, section 2.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.metrics.expected_calibration_error([1, 1, 1, 0], [0.75, 0.75, 0.75, 0.75])
    0.0
    >>> nn.metrics.expected_calibration_error([1, 1, 0, 0], [0.75, 0.75, 0.75, 0.75])
    0.25
    """
    n_bins = checks.integer("n_bins", n_bins)
    y, Y_hat, multi_label = truth_and_probabilities(y, Y_hat, multi_label)
    w = example_weights(sample_weight, y)
    w = np.ones(len(y)) if w is None else w
    if multi_label:
        guess = Y_hat > 0.5
        right = (guess == (y > 0.5)).ravel()
        confidence = np.where(guess, Y_hat, 1 - Y_hat).ravel()
        w = np.repeat(w, Y_hat.shape[1])
    else:
        guess = Y_hat.argmax(axis=1)
        right = guess == class_of_each(y)
        confidence = Y_hat[np.arange(len(guess)), guess]
    bins = np.searchsorted(np.arange(1, n_bins) / n_bins, confidence, side="left")
    # M_b (accuracy_b - confidence_b) is the sum of right - confidence over the bin
    gaps = np.bincount(bins, w * (right - confidence.astype(np.float64)))
    return float(np.abs(gaps).sum() / w.sum())
