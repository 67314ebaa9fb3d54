"""Class by class: precision, recall and F1."""

import math
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.metrics.arguments import classes_or_labels, example_weights
from nnlite.metrics.averages import mean_over_classes


def precision(
    y: Any,
    Y_hat: Any,
    *,
    average: str | None = "macro",
    zero_division: float = 0.0,
    multi_label: bool | None = None,
    sample_weight: Any = None,
) -> Any:
    r"""``precision_c = TP_c / (TP_c + FP_c)``: the share of the predictions of class c that are right.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities, or predicted classes.
    average : {"macro", "micro", "weighted", None}, default "macro"
        How to average over the classes.

        - "macro": the mean over the classes that occur in the truth or in the predictions; for multi-label data, over
          all labels.
        - "weighted": the same mean, weighted by how often each class occurs in the truth.
        - "micro": one ratio of the sums over all classes. Unless the data are multi-label, this is the accuracy.
        - None: return one number for each class.
    zero_division : float, default 0
        The value of 0 / 0, in [0, 1], or NaN to leave such a class out of the mean.
    multi_label : bool, optional
        Whether each column is a label of its own; by default the sums of the rows decide (see `nnlite.metrics`).
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0; by default 1.

    Returns
    -------
    float, or ndarray (C,) for ``average=None``
        In [0, 1].

    Raises
    ------
    ArgumentError
        If a shape, a label, a probability, a weight, ``average`` or ``zero_division`` is wrong.

    References
    ----------
    C. J. van Rijsbergen, "Information retrieval", 1979, chapter 7.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.metrics.precision([0, 0, 1, 1], [0, 0, 0, 1], average=None)
    array([0.66666667, 1.        ])
    """
    n = _count(y, Y_hat, multi_label, sample_weight)
    return _ratio(n.hits, n.predicted, n, average, zero_division)


def recall(
    y: Any,
    Y_hat: Any,
    *,
    average: str | None = "macro",
    zero_division: float = 0.0,
    multi_label: bool | None = None,
    sample_weight: Any = None,
) -> Any:
    r"""``recall_c = TP_c / (TP_c + FN_c)``: the share of the examples of class c that are predicted as c.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities, or predicted classes.
    average : {"macro", "micro", "weighted", None}, default "macro"
        How to average over the classes, as for `precision`.
    zero_division : float, default 0
        The value of 0 / 0, in [0, 1], or NaN to leave such a class out of the mean.
    multi_label : bool, optional
        Whether each column is a label of its own; by default the sums of the rows decide (see `nnlite.metrics`).
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0; by default 1.

    Returns
    -------
    float, or ndarray (C,) for ``average=None``
        In [0, 1].

    Raises
    ------
    ArgumentError
        If a shape, a label, a probability, a weight, ``average`` or ``zero_division`` is wrong.

    References
    ----------
    C. J. van Rijsbergen, "Information retrieval", 1979, chapter 7.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.metrics.recall([0, 0, 1, 1], [0, 0, 0, 1], average=None)
    array([1. , 0.5])
    """
    n = _count(y, Y_hat, multi_label, sample_weight)
    return _ratio(n.hits, n.actual, n, average, zero_division)


def f1(
    y: Any,
    Y_hat: Any,
    *,
    average: str | None = "macro",
    zero_division: float = 0.0,
    multi_label: bool | None = None,
    sample_weight: Any = None,
) -> Any:
    r"""``F1_c = 2 TP_c / (2 TP_c + FP_c + FN_c)``: the harmonic mean of precision and recall.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities, or predicted classes.
    average : {"macro", "micro", "weighted", None}, default "macro"
        How to average over the classes, as for `precision`; "macro" is the mean of the F1 of the classes.
    zero_division : float, default 0
        The value of 0 / 0, in [0, 1], or NaN to leave such a class out of the mean.
    multi_label : bool, optional
        Whether each column is a label of its own; by default the sums of the rows decide (see `nnlite.metrics`).
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0; by default 1.

    Returns
    -------
    float, or ndarray (C,) for ``average=None``
        In [0, 1].

    Raises
    ------
    ArgumentError
        If a shape, a label, a probability, a weight, ``average`` or ``zero_division`` is wrong.

    References
    ----------
    C. J. van Rijsbergen, "Information retrieval", 1979, chapter 7 (as E = 1 - F1).

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.metrics.f1([0, 0, 1, 1], [0, 0, 0, 1], average=None)
    array([0.8       , 0.66666667])
    """
    n = _count(y, Y_hat, multi_label, sample_weight)
    return _ratio(2 * n.hits, n.predicted + n.actual, n, average, zero_division)


class _Counts(NamedTuple):
    """Weighted counts for each class, (C,)."""

    hits: Array  # TP
    predicted: Array  # TP + FP
    actual: Array  # TP + FN
    occurs: Array  # whether the class enters the mean over the classes


def _count(y: Any, Y_hat: Any, multi_label: bool | None, sample_weight: Any) -> _Counts:
    truth, guess, C = classes_or_labels(y, Y_hat, multi_label)
    w = example_weights(sample_weight, truth)
    if truth.ndim == 2:
        w = np.ones(len(truth)) if w is None else w
        return _Counts(w @ (truth & guess), w @ guess, w @ truth, occurs=np.ones(C, bool))
    right = truth == guess
    hits = np.bincount(truth[right], None if w is None else w[right], minlength=C)
    predicted, actual = (np.bincount(classes, w, minlength=C) for classes in (guess, truth))
    return _Counts(hits, predicted, actual, occurs=predicted + actual > 0)


def _ratio(numerator: Array, denominator: Array, counts: _Counts, average: Any, zero_division: Any) -> Any:
    """``numerator / denominator`` of each class, or the average over the classes."""
    checks.choice("average", average, ("macro", "micro", "weighted", None))
    if not (isinstance(zero_division, (float, np.floating)) and math.isnan(zero_division)):
        zero_division = checks.real("zero_division", zero_division, minimum=0, maximum=1)
    if average == "micro":
        total = denominator.sum()
        return float(numerator.sum() / total if total > 0 else zero_division)
    ratio = np.full(len(numerator), zero_division, np.float64)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    if average is None:
        return ratio
    return mean_over_classes(ratio[counts.occurs], counts.actual[counts.occurs] if average == "weighted" else None)
