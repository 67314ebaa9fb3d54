"""How good predictions are: pure functions ``metric(y, Y_hat)`` of the truth and of what the network says.

They take whole data sets, the truth first. For classifiers

- ``y`` is class indices (M,), or rows (M, C) of 0 and 1 or of probabilities, whose class is the most probable; for a
  single Sigmoid unit 0, 1 or the probability of class 1, (M,) or (M, 1);
- ``Y_hat`` is probabilities (M, C), as `Model.predict_proba` gives them, or (M,) or (M, 1) floats: the probability of
  class 1 of two. Where only the class matters, it may be predicted classes (M,), which are integers.

Classes exclude one another unless both are (M, C) and there is a row, in one or the other, that does not sum to 1:
then each column is a label of its own, which is there where its number is above one half. (For `fit` and `evaluate`
the network decides: several Sigmoid units are labels.) Of equally probable classes
the first counts. All is computed in float64, whatever comes in, but for the logarithm's bounds (see `log_loss`).

For regression both are values, (M,) or (M, n).

`METRICS` has the names by which ``fit(metrics=[...])`` knows them.
"""

import contextvars
import functools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError

Metric = Callable[..., Any]

# what the network whose Y_hat it is says of its columns; None for a metric that a user calls
_MULTI_LABEL: contextvars.ContextVar[bool | None] = contextvars.ContextVar("multi_label", default=None)
SUM_TOLERANCE = 1e-3  # by how much a row of probabilities may miss the sum of 1, as for the targets of Softmax


# ---- how often the class is right ---------------------------------------------------------------------------------


def accuracy(y: Any, Y_hat: Any, *, sample_weight: Any = None) -> float:
    r"""``accuracy = sum_i w_i [class of Y_hat_i = class of y_i] / sum_i w_i``: the share that is right.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities, or predicted classes.
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0; by default 1.

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
    With several labels it is the share of the M C labels that are right, as in `Model.evaluate` (scikit-learn counts
    the rows that are right as a whole).

    Examples
    --------
    >>> accuracy([0, 1, 2, 2], [0, 1, 2, 0])
    0.75
    >>> accuracy([0, 1], [[0.6, 0.4], [0.7, 0.3]])
    0.5
    """
    truth, guess, _ = _labels(y, Y_hat)
    right = truth == guess
    return _mean(right if right.ndim == 1 else right.mean(axis=1), _weights(sample_weight, truth))


def top_k_accuracy(y: Any, Y_hat: Any, *, k: int = 5, sample_weight: Any = None) -> float:
    r"""How often the true class is among the k most probable, ``sum_i w_i [rank_i <= k] / sum_i w_i``.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M, C)
        Probabilities.
    k : int, default 5
        In 1 .. C. With 1 it is the accuracy, with C it is 1.
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0; by default 1.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ArgumentError
        If there are fewer than k classes, or several labels; or a shape, a label, a probability or a weight is wrong.

    Examples
    --------
    >>> top_k_accuracy([2, 0], [[0.5, 0.2, 0.3], [0.1, 0.4, 0.5]], k=2)
    0.5
    """
    y, Y_hat = _paired(y, Y_hat)
    _require_probabilities(Y_hat)
    if _several_labels(y, Y_hat):
        raise ArgumentError("Y_hat: the k most probable are of classes that exclude one another, got several labels")
    k, n_classes = checks.integer("k", k), Y_hat.shape[1]
    if k > n_classes:
        raise ArgumentError(f"k: the most probable {k} were asked for, but there are only {n_classes} classes")
    truth = _classes(y)
    of_truth = Y_hat[np.arange(len(truth)), truth][:, None]
    ahead = np.count_nonzero(Y_hat > of_truth, axis=1)
    # of equals the first goes ahead, as in argmax
    ahead += np.count_nonzero((Y_hat == of_truth) & (np.arange(n_classes) < truth[:, None]), axis=1)
    return _mean(ahead < k, _weights(sample_weight, truth))


def confusion_matrix(
    y: Any, Y_hat: Any, *, n_classes: int | None = None, normalize: str | None = None, sample_weight: Any = None
) -> Array:
    r"""``n_jk``: how many examples of class j were taken for class k.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities, or predicted classes.
    n_classes : int, optional
        C; by default the columns of Y_hat or y, or else one more than the largest class.
    normalize : {None, "true", "pred", "all"}, default None
        Divide by the sum of the row (so that the diagonal is the recall), of the column (the precision), or of all.
        Where that is 0, so is the result.
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0; by default 1.

    Returns
    -------
    ndarray, (C, C)
        Rows are the true classes, columns the predicted ones. Integers unless weighted or normalized.

    Raises
    ------
    ArgumentError
        If there are more than ``n_classes``, or several labels; or a shape, a label, a probability, a weight or
        ``normalize`` is wrong.

    Examples
    --------
    >>> confusion_matrix([0, 0, 1, 2], [0, 1, 1, 1])
    array([[1, 1, 0],
           [0, 1, 0],
           [0, 1, 0]])
    """
    _check_choice("normalize", normalize, ("true", "pred", "all", None))
    truth, guess, found = _labels(y, Y_hat)
    if truth.ndim > 1:
        raise ArgumentError("y: a confusion matrix is of classes that exclude one another, got several labels")
    C = found if n_classes is None else checks.integer("n_classes", n_classes)
    if found > C and max(truth.max(), guess.max()) >= C:
        raise ArgumentError(f"n_classes: expected at least {max(truth.max(), guess.max()) + 1}, got {C}")
    w = _weights(sample_weight, truth)
    n = np.bincount(truth * C + guess, w, minlength=C * C).reshape(C, C)
    if normalize is None:
        return n
    axis = {"true": 1, "pred": 0, "all": None}[normalize]
    total = n.sum(axis=axis, keepdims=True)
    shares: Array = np.divide(n, total, out=np.zeros((C, C)), where=total > 0)
    return shares


# ---- class by class -----------------------------------------------------------------------------------------------


def precision(
    y: Any, Y_hat: Any, *, average: str | None = "macro", zero_division: float = 0.0, sample_weight: Any = None
) -> Any:
    r"""``precision_c = TP_c / (TP_c + FP_c)``: the share of those taken for class c that are of class c.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities, or predicted classes.
    average : {"macro", "micro", "weighted", None}, default "macro"
        "macro": the mean over the classes that occur in the truth or among the predictions (with several labels:
        over all). "weighted": the same, each class by how often it occurs in the truth. "micro": the one ratio of the
        sums over all classes, which is the accuracy unless there are several labels. None: a number for each class.
    zero_division : float, default 0
        What 0 / 0 is, in [0, 1]; NaN leaves such a class out of the mean.
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0; by default 1.

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
    >>> precision([0, 0, 1, 1], [0, 0, 0, 1], average=None)
    array([0.66666667, 1.        ])
    """
    counts = _counts(y, Y_hat, sample_weight)
    return _averaged(counts.hits, counts.predicted, counts, average, zero_division)


def recall(
    y: Any, Y_hat: Any, *, average: str | None = "macro", zero_division: float = 0.0, sample_weight: Any = None
) -> Any:
    r"""``recall_c = TP_c / (TP_c + FN_c)``: the share of those of class c that are taken for class c.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities, or predicted classes.
    average : {"macro", "micro", "weighted", None}, default "macro"
        As for `precision`.
    zero_division : float, default 0
        What 0 / 0 is, in [0, 1]; NaN leaves such a class out of the mean.
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0; by default 1.

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
    >>> recall([0, 0, 1, 1], [0, 0, 0, 1], average=None)
    array([1. , 0.5])
    """
    counts = _counts(y, Y_hat, sample_weight)
    return _averaged(counts.hits, counts.actual, counts, average, zero_division)


def f1(
    y: Any, Y_hat: Any, *, average: str | None = "macro", zero_division: float = 0.0, sample_weight: Any = None
) -> Any:
    r"""``F1_c = 2 TP_c / (2 TP_c + FP_c + FN_c)``: the harmonic mean of precision and recall.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities, or predicted classes.
    average : {"macro", "micro", "weighted", None}, default "macro"
        As for `precision`; "macro" is the mean of the F1 of the classes.
    zero_division : float, default 0
        What 0 / 0 is, in [0, 1]; NaN leaves such a class out of the mean.
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0; by default 1.

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
    >>> f1([0, 0, 1, 1], [0, 0, 0, 1], average=None)
    array([0.8       , 0.66666667])
    """
    counts = _counts(y, Y_hat, sample_weight)
    return _averaged(2 * counts.hits, counts.predicted + counts.actual, counts, average, zero_division)


# ---- how good the probabilities are -------------------------------------------------------------------------------


def log_loss(y: Any, Y_hat: Any, *, sample_weight: Any = None) -> float:
    r"""``J = - sum_i w_i sum_j y_ij log y_hat_ij / sum_i w_i``, the cost of Softmax, from probabilities.

    With several labels the cost of Sigmoid, ``L = - sum_j (y_j log y_hat_j + (1 - y_j) log(1 - y_hat_j))``.
    Probabilities are kept away from 0 and 1 by the machine epsilon of their dtype, as in scikit-learn, where the cost
    of a network, computed from z, needs no such bounds.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth; rows may be probabilities.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities.
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0; by default 1.

    Returns
    -------
    float
        At least 0, in nats.

    Raises
    ------
    ArgumentError
        If a shape, a label, a probability or a weight is wrong; if rows of probabilities do not sum to 1.

    References
    ----------
    I. J. Good, "Rational decisions", 1952.

    Examples
    --------
    >>> round(log_loss([0, 1], [[0.9, 0.1], [0.2, 0.8]]), 4)
    0.1643
    """
    y, Y_hat = _paired(y, Y_hat)
    _require_probabilities(Y_hat)
    epsilon = np.finfo(Y_hat.dtype if Y_hat.dtype.kind == "f" else np.float64).eps
    if y.ndim == 1:
        _require_sums(Y_hat)
        L = -np.log(_clipped(Y_hat[np.arange(len(y)), y], epsilon))
    else:
        several = _several_labels(y, Y_hat)
        Y, Y_hat = y.astype(np.float64, copy=False), _clipped(Y_hat, epsilon)
        L = -np.einsum("ij,ij->i", Y, np.log(Y_hat))
        if several:
            L -= np.einsum("ij,ij->i", 1 - Y, np.log1p(-Y_hat))
    return _mean(L, _weights(sample_weight, y))


def roc_auc(y: Any, Y_hat: Any, *, average: str | None = "macro", sample_weight: Any = None) -> Any:
    r"""``AUC = P(y_hat of a positive > y_hat of a negative) + 1/2 P(they are equal)``.

    That is the area under the curve of the true over the false positive rate. With two classes, those of class 1 are
    the positives. With more, each class has an AUC against the rest; with several labels, each label.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities, or any other scores, as only their order matters.
    average : {"macro", "weighted", None}, default "macro"
        "macro": the mean over the classes. "weighted": each class by how often it occurs in the truth. None: a number
        for each class.
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0; by default 1.

    Returns
    -------
    float, or ndarray (C,) for ``average=None``
        In [0, 1]; one half for scores that tell nothing.

        A class of which there is no example, or nothing but examples, has no AUC: it is NaN in the array and left out
        of the mean, so that a small validation set still has a value in every epoch. If no class has an AUC, the mean
        is NaN.

    Raises
    ------
    ArgumentError
        If a shape, a label, a weight or ``average`` is wrong, or ``Y_hat`` is predicted classes.

    References
    ----------
    J. A. Hanley and B. J. McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC)
    curve", 1982. F. Provost and P. Domingos, "Well-trained PETs: improving probability estimation trees", 2000 (one
    against the rest, weighted).

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    _check_choice("average", average, ("macro", "weighted", None))
    y, Y_hat = _paired(y, Y_hat, scores=True)
    _require_probabilities(Y_hat)
    w = _weights(sample_weight, y)
    n_classes = Y_hat.shape[1]
    several = _several_labels(y, Y_hat)
    truth = y > 0.5 if several else _classes(y)
    if n_classes == 2 and not several:
        area, _ = _area(Y_hat[:, 1], truth == 1, w)
        return np.array([area, area]) if average is None else area
    areas, shares = np.transpose(
        [_area(Y_hat[:, c], truth[:, c] if several else truth == c, w) for c in range(n_classes)]
    )
    return areas if average is None else _mean_of_known(areas, shares if average == "weighted" else None)


def expected_calibration_error(y: Any, Y_hat: Any, *, n_bins: int = 15, sample_weight: Any = None) -> float:
    r"""``ECE = sum_b (M_b / M) |accuracy_b - confidence_b|``: by how much the network is surer than it is right.

    Examples are put in bins ``((b - 1) / n_bins, b / n_bins]`` by their confidence, the probability of the predicted
    class. M_b of them are in bin b, where accuracy_b is the share that is right and confidence_b the mean confidence.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities. With several labels, each label is a decision between two classes.
    n_bins : int, default 15
        Number of bins, all equally wide, at least 1.
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0; by default 1.

    Returns
    -------
    float
        In [0, 1], 0 for a network that is right as often as it says.

    Raises
    ------
    ArgumentError
        If a shape, a label, a probability, a weight or ``n_bins`` is wrong.

    References
    ----------
    C. Guo et al., "On calibration of modern neural networks", 2017, section 2.

    Examples
    --------
    >>> expected_calibration_error([1, 1, 1, 0], [0.75, 0.75, 0.75, 0.75])
    0.0
    >>> expected_calibration_error([1, 1, 0, 0], [0.75, 0.75, 0.75, 0.75])
    0.25
    """
    n_bins = checks.integer("n_bins", n_bins)
    y, Y_hat = _paired(y, Y_hat)
    _require_probabilities(Y_hat)
    w = _weights(sample_weight, y)
    if _several_labels(y, Y_hat):
        guess = Y_hat > 0.5
        right = (guess == (y > 0.5)).ravel()
        confidence = np.where(guess, Y_hat, 1 - Y_hat).ravel()
        w = None if w is None else np.repeat(w, Y_hat.shape[1])
    else:
        guess = Y_hat.argmax(axis=1)
        right = guess == _classes(y)
        confidence = Y_hat[np.arange(len(guess)), guess]
    gap = right - confidence.astype(np.float64)
    edges = np.arange(1, n_bins) / n_bins
    # M_b (accuracy_b - confidence_b) is the sum of the gaps in the bin
    gaps = np.bincount(np.searchsorted(edges, confidence, side="left"), gap if w is None else w * gap)
    return float(np.abs(gaps).sum() / (len(gap) if w is None else w.sum()))


# ---- values -------------------------------------------------------------------------------------------------------


def r2(y: Any, Y_hat: Any, *, sample_weight: Any = None) -> float:
    r"""``R2 = 1 - sum_i w_i (y_i - y_hat_i)^2 / sum_i w_i (y_i - mean y)^2``: the share of the variance explained.

    Parameters
    ----------
    y : array_like, (M,) or (M, n)
        The truth.
    Y_hat : array_like, (M,) or (M, n)
        Values.
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0; by default 1.

    Returns
    -------
    float
        At most 1; 0 for the mean of y, below for worse. With n outputs the mean of their R2. Of an output that is
        constant in y it is 1 if that is predicted exactly and 0 if not. NaN with fewer than two examples.

    Raises
    ------
    ArgumentError
        If the shapes do not fit, a number is not finite or a weight is wrong.

    References
    ----------
    S. Wright, "Correlation and causation", 1921.

    Examples
    --------
    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """
    y, Y_hat = _values(y, Y_hat)
    w = _weights(sample_weight, y)
    w = np.ones(len(y)) if w is None else w
    used = w > 0
    if not used.all():
        y, Y_hat, w = y[used], Y_hat[used], w[used]
    if len(y) < 2:
        return math.nan
    with np.errstate(over="ignore", invalid="ignore"):
        unexplained = w @ (y - Y_hat) ** 2
        total = w @ (y - (w @ y) / w.sum()) ** 2
    constant = y.max(axis=0) == y.min(axis=0)  # where rounding may leave a total that is not quite 0
    share = np.divide(unexplained, total, out=(unexplained > 0).astype(np.float64), where=~constant & (total > 0))
    return float(np.mean(1 - share))


def mae(y: Any, Y_hat: Any, *, sample_weight: Any = None) -> float:
    r"""``MAE = sum_i w_i |y_i - y_hat_i| / sum_i w_i``: the mean absolute error.

    Parameters
    ----------
    y : array_like, (M,) or (M, n)
        The truth.
    Y_hat : array_like, (M,) or (M, n)
        Values.
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0; by default 1.

    Returns
    -------
    float
        At least 0, in the unit of y. With n outputs the mean over them.

    Raises
    ------
    ArgumentError
        If the shapes do not fit, a number is not finite or a weight is wrong.

    Examples
    --------
    >>> mae([1.0, 2.0], [1.5, 4.0])
    1.25
    """
    y, Y_hat = _values(y, Y_hat)
    with np.errstate(over="ignore"):
        return _mean(np.abs(y - Y_hat).mean(axis=1), _weights(sample_weight, y))


def mse(y: Any, Y_hat: Any, *, sample_weight: Any = None) -> float:
    r"""``MSE = sum_i w_i (y_i - y_hat_i)^2 / sum_i w_i``: the mean squared error.

    Twice the cost of Identity, for one output.

    Parameters
    ----------
    y : array_like, (M,) or (M, n)
        The truth.
    Y_hat : array_like, (M,) or (M, n)
        Values.
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0; by default 1.

    Returns
    -------
    float
        At least 0, in the squared unit of y. With n outputs the mean over them.

    Raises
    ------
    ArgumentError
        If the shapes do not fit, a number is not finite or a weight is wrong.

    Examples
    --------
    >>> mse([1.0, 2.0], [1.5, 4.0])
    2.125
    """
    y, Y_hat = _values(y, Y_hat)
    with np.errstate(over="ignore"):
        return _mean(((y - Y_hat) ** 2).mean(axis=1), _weights(sample_weight, y))


# ---- by name ------------------------------------------------------------------------------------------------------

METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "top_k_accuracy": top_k_accuracy,
    **{metric.__name__: metric for metric in (precision, recall, f1)},
    **{
        f"{metric.__name__}_{average}": functools.partial(metric, average=average)
        for metric in (precision, recall, f1)
        for average in ("macro", "micro", "weighted")
    },
    "log_loss": log_loss,
    "roc_auc": roc_auc,
    "expected_calibration_error": expected_calibration_error,
    "ece": expected_calibration_error,
    "r2": r2,
    "mae": mae,
    "mse": mse,
}
"""The metrics by name; besides these, "top_3_accuracy" and the like are understood for any k."""

FOR_VALUES = (r2, mae, mse)
TAKEN = ("loss", "learning_rate", "seconds")  # under these names the history has something else


def resolve(metric: Any, classifies: bool, multi_label: bool | None = None) -> tuple[str, Metric]:
    """Key in the history and function of a metric that a user asked for.

    Parameters
    ----------
    metric : str or callable
        A name from `METRICS`, "top_3_accuracy" or the like; or a function of (y, Y_hat), which is called after its
        ``__name__`` (a lambda "metric", a `functools.partial` after its function).
    classifies : bool
        Whether it is for a classifier; regression has metrics of its own.
    multi_label : bool, optional
        Whether the columns of its Y_hat are labels that do not exclude one another, where that is known.

    Returns
    -------
    key : str
        The name, as it was given.
    function : callable
        Called as ``function(y, Y_hat)``. If it is one of this module, it gives NaN where Y_hat is not finite, as in a
        training that diverged, instead of refusing it.

    Raises
    ------
    ArgumentError
        If there is no such metric, it is not for this kind of network, or its name is taken.

    Examples
    --------
    >>> key, function = resolve("top_3_accuracy", classifies=True)
    >>> key, function([0, 3], [[0.4, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1]])
    ('top_3_accuracy', 0.5)
    """
    function = _named(metric, classifies) if isinstance(metric, str) else metric
    if not callable(function) or isinstance(function, type):
        raise _unknown(metric, classifies)
    plain = _unwrapped(function)
    key = metric if isinstance(metric, str) else _name_of(plain)
    if not any(plain is own for own in _OWN):
        if key in TAKEN or key.startswith("val_") or (key == "accuracy" and classifies):
            raise ArgumentError(f"metrics: the history has its own {key!r}; give the function another name")
        return key, function
    if (plain in FOR_VALUES) == classifies:
        kinds = "values, and this network classifies" if classifies else "classes, and this network gives values"
        raise ArgumentError(f"metrics: {key!r} is for {kinds}; choose from {_choices(classifies)}")
    return key, functools.partial(_for_network, function, multi_label)


def try_out(function: Metric, y: Array, units: int) -> Any:
    """What a resolved metric of this module gives for a few examples, before a training; NaN for a user's own.

    A network of that many units that prefers none of them stands in for the one to be trained, so that what can never
    work (the 5 most probable of 3 classes) is known at once.
    """
    if not (isinstance(function, functools.partial) and function.func is _for_network):
        return math.nan
    return function(y, np.full((len(y), units), 1 / units))


def _unwrapped(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _name_of(function: Any) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return "metric" if name == "<lambda>" else str(name)


_OWN = (*map(_unwrapped, METRICS.values()), confusion_matrix)


def _named(name: str, classifies: bool) -> Metric:
    if name in METRICS:
        return METRICS[name]
    if found := re.fullmatch(r"top_([1-9][0-9]{0,8})_accuracy", name):
        return functools.partial(top_k_accuracy, k=int(found[1]))
    raise _unknown(name, classifies)


def _unknown(metric: Any, classifies: bool) -> ArgumentError:
    import difflib

    plain = re.sub(r"[\s-]+", "_", str(metric).strip().lower())
    near = difflib.get_close_matches(plain, _suitable(classifies), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return ArgumentError(
        f"metrics: there is no {metric!r}; choose from {_choices(classifies)}, or give a function of (y, Y_hat){hint}"
    )


def _choices(classifies: bool) -> str:
    names = ", ".join(_suitable(classifies))
    return names.replace("top_k_accuracy", "top_k_accuracy (k = 5; top_3_accuracy and the like)")


def _suitable(classifies: bool) -> list[str]:
    return [name for name, metric in METRICS.items() if (metric in FOR_VALUES) != classifies]


def _for_network(function: Metric, multi_label: bool | None, y: Array, Y_hat: Array) -> Any:
    """``function(y, Y_hat)``, or NaN if a number in Y_hat is none; a training that diverged goes on to say so."""
    if np.size(Y_hat) and not (math.isfinite(np.min(Y_hat)) and math.isfinite(np.max(Y_hat))):
        return math.nan
    token = _MULTI_LABEL.set(multi_label)
    try:
        return function(y, Y_hat)
    finally:
        _MULTI_LABEL.reset(token)


# ---- what comes in ------------------------------------------------------------------------------------------------


def _paired(y: Any, Y_hat: Any, *, scores: bool = False) -> tuple[Array, Array]:
    """``y`` as class indices (M,) or rows (M, C), and ``Y_hat`` as rows (M, C) or predicted classes (M,).

    With ``scores`` the rows of Y_hat need not be in [0, 1].
    """
    y, Y_hat = _array("y", y), _array("Y_hat", Y_hat)
    if len(y) != len(Y_hat):
        kind = "predicted classes (M,)" if Y_hat.ndim == 1 else "probabilities (M, C)"
        raise ArgumentError(f"Y_hat: expected {kind} for y of shape {y.shape}, got shape {Y_hat.shape}")
    if Y_hat.ndim == 1 and Y_hat.dtype.kind != "f":
        y = _truth(y, None if y.ndim == 1 else y.shape[1])
        return y, checks.class_indices("Y_hat", Y_hat, None if y.ndim == 1 else y.shape[1])
    if not scores:
        one = Y_hat.ndim == 1
        checks.in_unit_interval(
            "Y_hat", Y_hat, "probabilities of class 1 (or classes, as integers)," if one else "probabilities"
        )
    if Y_hat.ndim == 1:
        Y_hat = np.column_stack([1 - Y_hat, Y_hat])
    return _truth(y, Y_hat.shape[1]), Y_hat


def _array(name: str, value: Any) -> Array:
    """``value`` as finite numbers, (M,) or (M, C) with C of at least 2."""
    array = checks.numeric_array(name, value)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ArgumentError(f"{name}: expected an array (M,) or (M, C) of at least one example, got {array.shape}")
    checks.finite(name, array)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _truth(y: Array, n_classes: int | None) -> Array:
    """``y`` as class indices (M,) or rows (M, C); a number in [0, 1] becomes the row of two classes that it means."""
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


def _several_labels(y: Array, Y_hat: Array) -> bool:
    """Whether the columns are labels that do not exclude one another: as the network says, or as the sums tell."""
    known = _MULTI_LABEL.get()
    if known is not None:
        return known and y.ndim == 2
    return y.ndim == 2 and not (_sum_to_one(y) and (Y_hat.ndim == 1 or _sum_to_one(Y_hat)))


def _sum_to_one(rows: Array) -> bool:
    sums = rows.sum(axis=1, dtype=np.float64)
    return bool(sums.min() >= 1 - SUM_TOLERANCE and sums.max() <= 1 + SUM_TOLERANCE)


def _require_sums(Y_hat: Array) -> None:
    if not _sum_to_one(Y_hat):
        sums = Y_hat.sum(axis=1, dtype=np.float64)
        i = int(np.abs(sums - 1).argmax())
        raise ArgumentError(f"Y_hat: the probabilities of exclusive classes must sum to 1, row {i} sums to {sums[i]:g}")


def _require_probabilities(Y_hat: Array) -> None:
    if Y_hat.ndim == 1:
        raise ArgumentError("Y_hat: expected probabilities as predict_proba gives them, got predicted classes")


def _classes(y: Array) -> Array:
    """Class of each example, (M,), from class indices or rows."""
    return y if y.ndim == 1 else y.argmax(axis=1)


def _labels(y: Any, Y_hat: Any) -> tuple[Array, Array, int]:
    """Classes (M,) of the truth and of the prediction, or (M, C) booleans if there are several labels; and C."""
    y, Y_hat = _paired(y, Y_hat)
    if _several_labels(y, Y_hat):
        if Y_hat.ndim == 1:
            raise ArgumentError(f"Y_hat: expected shape {y.shape}, since y has several labels, got shape {Y_hat.shape}")
        return y > 0.5, Y_hat > 0.5, y.shape[1]
    truth, guess = _classes(y), _classes(Y_hat)
    rows = [array.shape[1] for array in (Y_hat, y) if array.ndim == 2]
    return truth, guess, rows[0] if rows else int(max(truth.max(), guess.max())) + 1


def _values(y: Any, Y_hat: Any) -> tuple[Array, Array]:
    """``y`` and ``Y_hat`` as float64 rows (M, n)."""
    Y_hat, y = _array("Y_hat", Y_hat), _array("y", y)
    y, Y_hat = (a.astype(np.float64, copy=False).reshape(len(a), -1) for a in (y, Y_hat))
    if y.shape != Y_hat.shape:
        raise ArgumentError(f"Y_hat: expected the shape of y, {y.shape}, got {Y_hat.shape}")
    return y, Y_hat


def _weights(sample_weight: Any, y: Array) -> Array | None:
    """``sample_weight`` in float64; None, for all 1, stays None."""
    if sample_weight is None:
        return None
    w, expected = checks.numeric_array("sample_weight", sample_weight), f"{len(y)} finite numbers of at least 0"
    if w.shape != (len(y),):
        raise ArgumentError(f"sample_weight: expected {expected}, one for each example, got shape {w.shape}")
    checks.finite("sample_weight", w)
    if w.min() < 0 or w.max() == 0:
        raise ArgumentError(f"sample_weight: expected {expected}, not all 0, got {w.min():g} to {w.max():g}")
    return w.astype(np.float64)


def _check_choice(name: str, value: Any, choices: Sequence[str | None]) -> None:
    if not any(value is choice or (isinstance(value, str) and value == choice) for choice in choices):
        raise ArgumentError(f"{name}: expected {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}, got {value!r}")


# ---- what is counted ----------------------------------------------------------------------------------------------


class _Counts(NamedTuple):
    """Of each class, by weight: how often it is predicted rightly, predicted, and true; and whether it takes part."""

    hits: Array
    predicted: Array
    actual: Array
    occurs: Array


def _counts(y: Any, Y_hat: Any, sample_weight: Any) -> _Counts:
    truth, guess, n_classes = _labels(y, Y_hat)
    w = _weights(sample_weight, truth)
    if truth.ndim == 2:
        hits, predicted, actual = (_column_sums(labels, w) for labels in (truth & guess, guess, truth))
        return _Counts(hits, predicted, actual, occurs=np.ones(n_classes, bool))
    right = truth == guess
    hits = np.bincount(truth[right], None if w is None else w[right], minlength=n_classes)
    predicted, actual = (np.bincount(classes, w, minlength=n_classes) for classes in (guess, truth))
    return _Counts(hits, predicted, actual, occurs=predicted + actual > 0)


def _column_sums(labels: Array, w: Array | None) -> Array:
    return np.asarray(np.count_nonzero(labels, axis=0) if w is None else w @ labels)


def _averaged(numerator: Array, denominator: Array, counts: _Counts, average: Any, zero_division: Any) -> Any:
    """Ratio of each class, or their average."""
    _check_choice("average", average, ("macro", "micro", "weighted", None))
    if not (isinstance(zero_division, (float, np.floating)) and math.isnan(zero_division)):
        zero_division = checks.real("zero_division", zero_division, minimum=0, maximum=1)
    if average == "micro":
        total = denominator.sum()
        return float(numerator.sum() / total if total > 0 else zero_division)
    ratio = np.divide(
        numerator, denominator, out=np.full(len(numerator), zero_division, np.float64), where=denominator > 0
    )
    if average is None:
        return ratio
    return _mean_of_known(ratio[counts.occurs], counts.actual[counts.occurs] if average == "weighted" else None)


def _mean_of_known(values: Array, weights: Array | None) -> float:
    """Mean of those that are not NaN, by weight unless all weights are 0; NaN if there is none."""
    known = ~np.isnan(values)
    if not known.any():
        return math.nan
    if weights is None or weights[known].sum() == 0:
        return float(values[known].mean())
    return float(np.average(values[known], weights=weights[known]))


def _mean(values: Array, w: Array | None) -> float:
    # the same order of summation above and below, so that the mean of ones is exactly 1
    return float(values.mean() if w is None else (values * w).sum() / w.sum())


def _clipped(Y_hat: Array, epsilon: Any) -> Array:
    return np.clip(Y_hat.astype(np.float64, copy=False), epsilon, 1 - epsilon)


def _area(scores: Array, positive: Array, w: Array | None) -> tuple[float, float]:
    """AUC of one class, NaN without positives or without negatives, and the weight of the positives.

    ``AUC = sum_p w_p (W_below(p) + W_not_above(p)) / (2 W+ W-)``, with the weights of the negatives that score below
    the positive p, and not above it.
    """
    above, below = scores[positive], scores[~positive]
    if w is None:
        below.sort()
        up_to, weight_of = np.arange(len(below) + 1.0), np.ones(len(above))
    else:
        order = np.argsort(below)
        below = below[order]
        up_to, weight_of = np.append(0, np.cumsum(w[~positive][order])), w[positive]
    total = weight_of.sum() * up_to[-1]
    if total == 0:
        return math.nan, float(weight_of.sum())
    order = np.argsort(above)  # so that the search walks through `below` once
    above, weight_of = above[order], weight_of[order]
    beaten = up_to[np.searchsorted(below, above, "left")] + up_to[np.searchsorted(below, above, "right")]
    return min(1.0, float(weight_of @ beaten / (2 * total))), float(weight_of.sum())
