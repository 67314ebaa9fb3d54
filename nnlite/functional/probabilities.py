"""Probabilities of classes: softmax and its logarithm from logits, hardmax, and one-hot rows from class indices."""

import contextlib
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError


def softmax(z: Any, axis: int = -1) -> Array:
    r"""``a_j = e^{z_j} / sum_k e^{z_k}``: turn logits into probabilities that sum to 1.

    Computed as ``e^{z_j - max z} / sum_k e^{z_k - max z}``, which is the same number and cannot overflow.

    Parameters
    ----------
    z : array_like
        Logits of any size; -inf gives probability 0.
    axis : int, default -1
        Axis of the classes. A column vector, as in the course, needs ``axis=0``.

    Returns
    -------
    ndarray
        Probabilities in [0, 1], in the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers or has fewer than two classes along ``axis``.

    References
    ----------
    J. S. Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.softmax([5, 2, -1, 3]).round(3)
    array([0.842, 0.042, 0.002, 0.114])
    """
    z = _logits(z, axis)
    temp = np.exp(z - z.max(axis, keepdims=True))
    a: Array = temp / temp.sum(axis, keepdims=True)
    return a


def log_softmax(z: Any, axis: int = -1) -> Array:
    r"""``log a_j = z_j - log sum_k e^{z_k}``: the logarithm of softmax, accurate even where softmax rounds to 0.

    Parameters
    ----------
    z : array_like
        Logits of any size.
    axis : int, default -1
        Axis of the classes. A column vector, as in the course, needs ``axis=0``.

    Returns
    -------
    ndarray
        Log-probabilities, at most 0, in the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers or has fewer than two classes along ``axis``.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.log_softmax([1e4, 0.0, -1e4])
    array([     0., -10000., -20000.])
    """
    z = _logits(z, axis)
    shifted = z - z.max(axis, keepdims=True)
    log_a: Array = shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))
    return log_a


def hardmax(z: Any, axis: int = -1) -> Array:
    r"""``a_j = 1`` for the largest z_j, else 0. Softmax is its smooth form.

    Parameters
    ----------
    z : array_like
        Logits. If several are largest, the first of them gets the 1.
    axis : int, default -1
        Axis of the classes. A column vector, as in the course, needs ``axis=0``.

    Returns
    -------
    ndarray
        A single 1 along ``axis``, in the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers or has fewer than two classes along ``axis``.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.hardmax([5, 2, -1, 3])
    array([1., 0., 0., 0.])
    """
    z = _logits(z, axis)
    a: Array = np.zeros_like(z)
    np.put_along_axis(a, np.expand_dims(z.argmax(axis), axis), 1, axis)
    return a


def one_hot(y: Any, n_classes: int | None = None, dtype: Any = np.float32) -> Array:
    r"""``Y_ij = 1`` if ``y_i = j``, else 0: turn class indices into rows with a single 1.

    Parameters
    ----------
    y : array_like of int, any shape
        Class indices 0 .. C-1.
    n_classes : int, optional
        Number of classes C; by default the largest index plus 1.
    dtype : dtype, default float32
        Numeric dtype of the result.

    Returns
    -------
    ndarray
        In the shape of ``y`` with one more axis of length C at the end.

    Raises
    ------
    ArgumentError
        If ``y`` does not hold integers, an index is negative or at least ``n_classes``, or ``dtype`` is not numeric.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.one_hot([1, 0, 3], 4)
    array([[0., 1., 0., 0.],
           [1., 0., 0., 0.],
           [0., 0., 0., 1.]], dtype=float32)
    """
    C = None if n_classes is None else checks.integer("n_classes", n_classes)
    y = checks.class_indices("y", y, C, of="" if C is None else f" for {C} classes")
    if C is None:
        C = int(y.max(initial=-1)) + 1
    Y = np.zeros((*y.shape, C), _numeric_dtype(dtype))
    np.put_along_axis(Y, np.expand_dims(y, -1), 1, -1)
    return Y


def check_classes(name: str, array: Array, axis: Any, hint: str = "") -> None:
    """Raise ArgumentError unless the array has at least two classes along ``axis``; ``hint`` is for a single class."""
    axis = checks.integer("axis", axis, minimum=-max(array.ndim, 1))
    n_classes = array.shape[axis] if -array.ndim <= axis < array.ndim else 0
    if n_classes < 2:
        columns = "; classes in columns, as in the course, need axis=0" if n_classes and array.ndim > 1 and axis else ""
        raise ArgumentError(
            f"{name}: expected at least two classes along axis {axis}, got shape {array.shape}"
            + (columns + hint if n_classes else "")
        )


def _logits(z: Any, axis: int) -> Array:
    """Return ``z`` as floats; raise ArgumentError unless it has at least two classes along ``axis``."""
    logits = checks.floats("z", z)
    check_classes("z", logits, axis)
    return logits


def _numeric_dtype(dtype: Any) -> np.dtype[Any]:
    with contextlib.suppress(TypeError, ValueError):
        found: np.dtype[Any] = np.dtype(dtype)
        if found.kind in "buif":
            return found
    raise ArgumentError(f"dtype: expected a numeric dtype such as 'float32', got {dtype!r}")
