"""How often the predicted class is right: accuracy, top-k accuracy and the confusion matrix."""

from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.metrics.arguments import class_of_each, classes_or_labels, example_weights, truth_and_probabilities


def accuracy(y: Any, Y_hat: Any, *, multi_label: bool | None = None, sample_weight: Any = None) -> float:
    r"""``accuracy = sum_i w_i [class of Y_hat_i = class of y_i] / sum_i w_i``: the share of right predictions.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities, or predicted classes.
    multi_label : bool, optional
        Whether each column is a label of its own; by default the sums of the rows decide (see `nnlite.metrics`).
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0; by default 1.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ArgumentError
        If a shape, a label, a probability or a weight is wrong.

    Notes
    -----
    For multi-label data this is the share of right entries among the M C labels, as in `Model.evaluate`.
    (scikit-learn counts the rows that are right as a whole.)

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.metrics.accuracy([0, 1, 2, 2], [0, 1, 2, 0])
    0.75
    >>> nn.metrics.accuracy([0, 1], [[0.6, 0.4], [0.7, 0.3]])
    0.5
    """
    truth, guess, _ = classes_or_labels(y, Y_hat, multi_label)
    right = truth == guess
    share = right if right.ndim == 1 else right.mean(axis=1)
    return float(np.average(share, weights=example_weights(sample_weight, truth)))


def top_k_accuracy(
    y: Any, Y_hat: Any, *, k: int = 5, multi_label: bool | None = None, sample_weight: Any = None
) -> float:
    r"""``sum_i w_i [rank_i <= k] / sum_i w_i``: how often the true class is among the k most probable.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M, C)
        Probabilities.
    k : int, default 5
        In 1 .. C. With k = 1 this is the accuracy, with k = C it is 1.
    multi_label : bool, optional
        Whether each column is a label of its own (an error here); by default the sums of the rows decide.
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0; by default 1.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ArgumentError
        If there are fewer than k classes, or the data are multi-label; if a shape, a label, a probability or a weight
        is wrong.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.metrics.top_k_accuracy([2, 0], [[0.5, 0.2, 0.3], [0.1, 0.4, 0.5]], k=2)
    0.5
    """
    y, Y_hat, multi_label = truth_and_probabilities(y, Y_hat, multi_label)
    if multi_label:
        raise ArgumentError("Y_hat: the k most probable classes must exclude one another, got several labels")
    k, C = checks.integer("k", k), Y_hat.shape[1]
    if k > C:
        raise ArgumentError(f"k: expected at most {C}, the number of classes, got {k}")
    truth = class_of_each(y)
    probability = Y_hat[np.arange(len(truth)), truth][:, None]  # of the true class
    above = Y_hat > probability
    equal_before = (Y_hat == probability) & (np.arange(C) < truth[:, None])  # argmax prefers the first of equals, too
    rank = 1 + np.count_nonzero(above | equal_before, axis=1)
    return float(np.average(rank <= k, weights=example_weights(sample_weight, truth)))


def confusion_matrix(
    y: Any,
    Y_hat: Any,
    *,
    n_classes: int | None = None,
    normalize: str | None = None,
    multi_label: bool | None = None,
    sample_weight: Any = None,
) -> Array:
    r"""``n_jk``: the number of examples of class j that are predicted as class k.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities, or predicted classes.
    n_classes : int, optional
        C; by default the number of columns of Y_hat or y, or else the largest class plus 1.
    normalize : {None, "true", "pred", "all"}, default None
        Divide by the sum of the row ("true": the diagonal is the recall), of the column ("pred": the diagonal is the
        precision), or of all entries ("all"). Where the sum is 0, the result is 0.
    multi_label : bool, optional
        Whether each column is a label of its own (an error here); by default the sums of the rows decide.
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0; by default 1.

    Returns
    -------
    ndarray, (C, C)
        Rows are the true classes, columns the predicted ones. Integers, unless weighted or normalized.

    Raises
    ------
    ArgumentError
        If a class is ``n_classes`` or larger, or the data are multi-label; if a shape, a label, a probability, a
        weight or ``normalize`` is wrong.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.metrics.confusion_matrix([0, 0, 1, 2], [0, 1, 1, 1])
    array([[1, 1, 0],
           [0, 1, 0],
           [0, 1, 0]])
    """
    checks.choice("normalize", normalize, ("true", "pred", "all", None))
    truth, guess, found = classes_or_labels(y, Y_hat, multi_label)
    if truth.ndim > 1:
        raise ArgumentError("y: the classes of a confusion matrix must exclude one another, got several labels")
    C = found if n_classes is None else checks.integer("n_classes", n_classes)
    largest = int(max(truth.max(), guess.max()))
    if largest >= C:
        raise ArgumentError(f"n_classes: expected at least {largest + 1}, got {C}")
    w = example_weights(sample_weight, truth)
    n = np.bincount(truth * C + guess, w, minlength=C * C).reshape(C, C)
    if normalize is None:
        return n
    total = n.sum(axis={"true": 1, "pred": 0, "all": None}[normalize], keepdims=True)
    shares: Array = np.divide(n, total, out=np.zeros((C, C)), where=total > 0)
    return shares
