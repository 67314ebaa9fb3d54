"""How close predicted values are to the true ones: R2, mean absolute and mean squared error, and the root of that."""

import math
from typing import Any

import numpy as np

from nnlite.metrics.arguments import example_weights, truth_and_values


def r2(y: Any, Y_hat: Any, *, sample_weight: Any = None) -> float:
    r"""``R2 = 1 - sum_i w_i (y_i - y_hat_i)^2 / sum_i w_i (y_i - mean y)^2``: the share of the variance explained.

    Parameters
    ----------
    y : array_like, (M,) or (M, n)
        The truth.
    Y_hat : array_like, (M,) or (M, n)
        Predicted values.
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0; by default 1.

    Returns
    -------
    float
        At most 1; 0 if the mean of y is predicted everywhere, negative for worse predictions. For n outputs, the mean
        of their R2. The R2 of an output that is constant in y is 1 if all predictions are exact, else 0. NaN for fewer
        than two examples.

    Raises
    ------
    ArgumentError
        If the shapes do not match, a number is not finite or a weight is wrong.

    References
    ----------
    S. Wright, "Correlation and causation", 1921.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.metrics.r2([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """
    y, Y_hat = truth_and_values(y, Y_hat)
    w = example_weights(sample_weight, y)
    w = np.ones(len(y)) if w is None else w
    y, Y_hat, w = y[w > 0], Y_hat[w > 0], w[w > 0]
    if len(y) < 2:
        return math.nan
    with np.errstate(over="ignore", invalid="ignore"):
        unexplained = w @ (y - Y_hat) ** 2
        total = w @ (y - (w @ y) / w.sum()) ** 2
    varies = (y.max(axis=0) > y.min(axis=0)) & (total > 0)  # by rounding, the total of a constant may be above 0
    share = np.divide(unexplained, total, out=(unexplained > 0).astype(np.float64), where=varies)
    return float(np.mean(1 - share))


def mae(y: Any, Y_hat: Any, *, sample_weight: Any = None) -> float:
    r"""``MAE = sum_i w_i |y_i - y_hat_i| / sum_i w_i``: the mean absolute error.

    Parameters
    ----------
    y : array_like, (M,) or (M, n)
        The truth.
    Y_hat : array_like, (M,) or (M, n)
        Predicted values.
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0; by default 1.

    Returns
    -------
    float
        At least 0, in the unit of y. For n outputs, the mean over them.

    Raises
    ------
    ArgumentError
        If the shapes do not match, a number is not finite or a weight is wrong.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.metrics.mae([1.0, 2.0], [1.5, 4.0])
    1.25
    """
    y, Y_hat = truth_and_values(y, Y_hat)
    with np.errstate(over="ignore"):
        return float(np.average(np.abs(y - Y_hat).mean(axis=1), weights=example_weights(sample_weight, y)))


def mse(y: Any, Y_hat: Any, *, sample_weight: Any = None) -> float:
    r"""``MSE = sum_i w_i (y_i - y_hat_i)^2 / sum_i w_i``: the mean squared error.

    For a single output it is twice the cost of Identity.

    Parameters
    ----------
    y : array_like, (M,) or (M, n)
        The truth.
    Y_hat : array_like, (M,) or (M, n)
        Predicted values.
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0; by default 1.

    Returns
    -------
    float
        At least 0, in the squared unit of y. For n outputs, the mean over them.

    Raises
    ------
    ArgumentError
        If the shapes do not match, a number is not finite or a weight is wrong.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.metrics.mse([1.0, 2.0], [1.5, 4.0])
    2.125
    """
    y, Y_hat = truth_and_values(y, Y_hat)
    with np.errstate(over="ignore"):
        return float(np.average(((y - Y_hat) ** 2).mean(axis=1), weights=example_weights(sample_weight, y)))


def rmse(y: Any, Y_hat: Any, *, sample_weight: Any = None) -> float:
    r"""``RMSE = sqrt(MSE)``: the root of the mean squared error.

    Parameters
    ----------
    y : array_like, (M,) or (M, n)
        The truth.
    Y_hat : array_like, (M,) or (M, n)
        Predicted values.
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0; by default 1.

    Returns
    -------
    float
        At least 0, in the unit of y. For n outputs, the root of the mean over them.

    Raises
    ------
    ArgumentError
        If the shapes do not match, a number is not finite or a weight is wrong.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.metrics.rmse([1.0, 2.0], [4.0, 5.0])
    3.0
    """
    return math.sqrt(mse(y, Y_hat, sample_weight=sample_weight))
