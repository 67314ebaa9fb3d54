"""The equations of the course as pure functions: softmax, hardmax, sigmoid, relu, cross_entropy, ...

They take anything that NumPy takes for an array of numbers. float32 and float64 stay what they are, every other
kind of number is computed in float64. The last axis holds the units (or the classes), the axes before it the
examples. A layer does the same work in arrays that it reuses; here each function returns a new one.
"""

import contextlib
import math
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.errors import ArgumentError
from nnlite.functional import normal as special

Array = checks.Array

# the numbers for which mean 0 and variance 1 are a fixed point of SELU (Klambauer et al., 2017, eq. 14)
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_LAMBDA = 1.0507009873554804934193349852946


def softmax(z: Any, axis: int = -1) -> Array:
    r"""``a_j = e^{z_j} / sum_k e^{z_k}``: logits into probabilities that sum to 1.

    Computed as ``e^{z_j - max z} / sum_k e^{z_k - max z}``, the same number, which cannot overflow.

    Parameters
    ----------
    z : array_like
        Logits of any size; -inf gives probability 0.
    axis : int, default -1
        The axis of the classes; a column, as the course writes it, needs ``axis=0``.

    Returns
    -------
    ndarray
        Probabilities in [0, 1], of the shape of ``z``.

    References
    ----------
    J. S. Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.

    Examples
    --------
    >>> softmax([5, 2, -1, 3]).round(3)
    array([0.842, 0.042, 0.002, 0.114])
    """
    z = _logits(z, axis)
    temp = np.exp(z - z.max(axis, keepdims=True))
    a: Array = temp / temp.sum(axis, keepdims=True)
    return a


def log_softmax(z: Any, axis: int = -1) -> Array:
    r"""``log a_j = z_j - log sum_k e^{z_k}``: the logarithm of softmax, exact where softmax rounds to 0.

    Parameters
    ----------
    z : array_like
        Logits of any size.
    axis : int, default -1
        The axis of the classes.

    Returns
    -------
    ndarray
        Log-probabilities, at most 0, of the shape of ``z``.

    Examples
    --------
    >>> log_softmax([1e4, 0.0, -1e4])
    array([     0., -10000., -20000.])
    """
    z = _logits(z, axis)
    shifted = z - z.max(axis, keepdims=True)
    log_a: Array = shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))
    return log_a


def hardmax(z: Any, axis: int = -1) -> Array:
    r"""``a_j = 1`` where z_j is the largest (the first of equals), else 0: what softmax is the soft form of.

    Parameters
    ----------
    z : array_like
        Logits.
    axis : int, default -1
        The axis of the classes.

    Returns
    -------
    ndarray
        A single 1 along ``axis``, of the shape of ``z``.

    Examples
    --------
    >>> hardmax([5, 2, -1, 3])
    array([1., 0., 0., 0.])
    """
    z = _logits(z, axis)
    a: Array = np.zeros_like(z)
    np.put_along_axis(a, np.expand_dims(z.argmax(axis), axis), 1, axis)
    return a


def sigmoid(z: Any) -> Array:
    r"""``a = 1 / (1 + e^{-z})``: softmax for two classes, of the logits z and 0.

    Parameters
    ----------
    z : array_like
        Logits of any size. Where ``e^{-z}`` overflows to infinity, a is 0, as it should be.

    Returns
    -------
    ndarray
        Values in [0, 1], of the shape of ``z``.

    Examples
    --------
    >>> sigmoid([-1e4, 0, 1e4])
    array([0. , 0.5, 1. ])
    """
    with np.errstate(over="ignore"):
        a: Array = 1 / (1 + np.exp(-_floats("z", z)))
    return a


def relu(z: Any) -> Array:
    r"""``a = max(0, z)``.

    Parameters
    ----------
    z : array_like
        Pre-activations.

    Returns
    -------
    ndarray
        Of the shape of ``z``.

    Examples
    --------
    >>> relu([-2.0, 0.0, 3.0])
    array([0., 0., 3.])
    """
    a: Array = np.maximum(_floats("z", z), 0)
    return a


def tanh(z: Any) -> Array:
    r"""``a = (e^z - e^{-z}) / (e^z + e^{-z})``.

    Parameters
    ----------
    z : array_like
        Pre-activations.

    Returns
    -------
    ndarray
        Values in [-1, 1], of the shape of ``z``.

    Examples
    --------
    >>> tanh([0.0])
    array([0.])
    """
    a: Array = np.tanh(_floats("z", z))
    return a


def leaky_relu(z: Any, negative_slope: float = 0.01) -> Array:
    r"""``a = max(z, s z)``: z where z > 0, else s z.

    Parameters
    ----------
    z : array_like
        Pre-activations.
    negative_slope : float, default 0.01
        s, in [0, 1].

    Returns
    -------
    ndarray
        Of the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``negative_slope`` is not in [0, 1].

    References
    ----------
    A. Maas et al., "Rectifier nonlinearities improve neural network acoustic models", 2013.

    Examples
    --------
    >>> leaky_relu([-2.0, 0.0, 3.0])
    array([-0.02,  0.  ,  3.  ])
    """
    z = _floats("z", z)
    s = checks.real("negative_slope", negative_slope, minimum=0, maximum=1)
    a: Array = np.maximum(z, s * np.minimum(z, 0))
    return a


def elu(z: Any, alpha: float = 1.0) -> Array:
    r"""``a = z`` where z > 0, else ``alpha (e^z - 1)``.

    Parameters
    ----------
    z : array_like
        Pre-activations.
    alpha : float, default 1
        At least 0.

    Returns
    -------
    ndarray
        Values above -alpha, of the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``alpha`` is negative.

    References
    ----------
    D.-A. Clevert et al., "Fast and accurate deep network learning by exponential linear units (ELUs)", 2016.

    Examples
    --------
    >>> elu([-1e4, 0.0, 3.0])
    array([-1.,  0.,  3.])
    """
    z = _floats("z", z)
    a: Array = np.maximum(z, 0) + checks.real("alpha", alpha, minimum=0) * np.expm1(np.minimum(z, 0))
    return a


def selu(z: Any) -> Array:
    r"""``a = lambda z`` where z > 0, else ``lambda alpha (e^z - 1)``; lambda = 1.0507, alpha = 1.6733.

    Parameters
    ----------
    z : array_like
        Pre-activations.

    Returns
    -------
    ndarray
        Values above -1.7581, of the shape of ``z``.

    References
    ----------
    G. Klambauer et al., "Self-normalizing neural networks", 2017.

    Examples
    --------
    >>> selu([-1e4, 0.0, 1.0]).round(4)
    array([-1.7581,  0.    ,  1.0507])
    """
    a: Array = SELU_LAMBDA * elu(z, SELU_ALPHA)
    return a


def gelu(z: Any, approximate: str = "none") -> Array:
    r"""``a = z Phi(z)`` with ``Phi(z) = (1 + erf(z / sqrt 2)) / 2``.

    Parameters
    ----------
    z : array_like
        Pre-activations.
    approximate : {'none', 'tanh'}, default 'none'
        'tanh': ``a = z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2`` instead, within 0.0005 of the exact one.

    Returns
    -------
    ndarray
        Values of at least -0.17, of the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``approximate`` is neither of them.

    References
    ----------
    D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", 2016.

    Examples
    --------
    >>> gelu([-1.0, 0.0, 1.0]).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """
    z = _floats("z", z)
    if check_approximate(approximate) == "none":
        gate, bell, scratch = (np.empty(z.shape, z.dtype) for _ in range(3))
        special.normal_cdf(z, gate, bell, scratch, np.empty(z.shape, bool))
    else:
        near = np.clip(z, -40, 40)  # the gate is 0 or 1 beyond, and z^3 cannot overflow
        gate = _sigmoid_of_both_sides(math.sqrt(8 / math.pi) * near * (1 + 0.044715 * near**2))
    return _gated(z, gate)


def silu(z: Any) -> Array:
    r"""``a = z sigma(z) = z / (1 + e^{-z})``, also called swish.

    Parameters
    ----------
    z : array_like
        Pre-activations.

    Returns
    -------
    ndarray
        Values of at least -0.28, of the shape of ``z``.

    References
    ----------
    S. Elfwing et al., "Sigmoid-weighted linear units for neural network function approximation in reinforcement
    learning", 2018.

    Examples
    --------
    >>> silu([-1.0, 0.0, 1.0]).round(4)
    array([-0.2689,  0.    ,  0.7311])
    """
    z = _floats("z", z)
    return _gated(z, _sigmoid_of_both_sides(z))


def hard_swish(z: Any) -> Array:
    r"""``a = z min(max(z + 3, 0), 6) / 6``: silu made of straight lines.

    Parameters
    ----------
    z : array_like
        Pre-activations.

    Returns
    -------
    ndarray
        Values of at least -3/8, of the shape of ``z``.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", 2019.

    Examples
    --------
    >>> hard_swish([-3.0, -1.5, 0.0, 3.0])
    array([-0.   , -0.375,  0.   ,  3.   ])
    """
    z = _floats("z", z)
    return _gated(z, np.clip(z + 3, 0, 6) / 6)


def softplus(z: Any) -> Array:
    r"""``a = log(1 + e^z)``: a smooth relu, with the sigmoid as its derivative.

    Computed as ``max(0, z) + log(1 + e^{-\|z\|})``, the same number, which cannot overflow.

    Parameters
    ----------
    z : array_like
        Pre-activations.

    Returns
    -------
    ndarray
        Values of at least 0, of the shape of ``z``.

    References
    ----------
    C. Dugas et al., "Incorporating second-order functional knowledge for better option pricing", 2001.

    Examples
    --------
    >>> softplus([-1e4, 0.0, 100.0]).round(4)
    array([  0.    ,   0.6931, 100.    ])
    """
    z = _floats("z", z)
    a: Array = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
    return a


def erf(z: Any) -> Array:
    r"""``2 / sqrt(pi) int_0^z e^{-s^2} ds``, the error function.

    Parameters
    ----------
    z : array_like
        Numbers of any size.

    Returns
    -------
    ndarray
        Values in [-1, 1], of the shape of ``z``; wrong by a few units in the last place at most.

    References
    ----------
    M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity",
    1981, and the Maclaurin series below 1/2.

    Examples
    --------
    >>> erf([-1e4, 0.0, 0.5]).round(4)
    array([-1.    ,  0.    ,  0.5205])
    """
    z = _floats("z", z)
    a: Array = special.erf(np.atleast_1d(z)).reshape(z.shape)
    return a


def cross_entropy(Y_hat: Any, Y: Any) -> Array:
    r"""``L(y_hat, y) = - sum_j y_j log y_hat_j``, the loss of each example.

    A class with ``y_j = 0`` adds nothing, even where ``y_hat_j`` is 0; a true class that was given probability 0
    costs infinity. (A Model computes its cost from the logits, where nothing is rounded to 0.)

    Parameters
    ----------
    Y_hat : array_like, (C,) or (M, C)
        Probabilities of the C classes, in [0, 1]. They come first, as in the course.
    Y : array_like, of the same shape
        Ground truth: one-hot rows, or probabilities.

    Returns
    -------
    ndarray, () or (M,)
        The loss of each example, at least 0.

    Raises
    ------
    ArgumentError
        If the shapes differ or an entry leaves [0, 1].

    Examples
    --------
    >>> cross_entropy([0.3, 0.2, 0.1, 0.4], [0, 1, 0, 0]).round(3)      # -log 0.2
    np.float64(1.609)
    """
    Y_hat, Y = _probabilities_and_truth(Y_hat, Y)
    L: Array = _minus_y_log(Y, Y_hat, np.log).sum(-1)
    return L


def binary_cross_entropy(Y_hat: Any, Y: Any) -> Array:
    r"""``L(y_hat, y) = - y log y_hat - (1 - y) log(1 - y_hat)``, for each entry.

    Parameters
    ----------
    Y_hat : array_like
        Probabilities of class 1, in [0, 1].
    Y : array_like, of the same shape
        Ground truth: 0 or 1, or a probability.

    Returns
    -------
    ndarray
        The loss of each entry, at least 0, of the shape of ``Y_hat``.

    Raises
    ------
    ArgumentError
        If the shapes differ or an entry leaves [0, 1].

    Examples
    --------
    >>> binary_cross_entropy([0.9, 0.2], [1, 0]).round(3)
    array([0.105, 0.223])
    """
    Y_hat, Y = _probabilities_and_truth(Y_hat, Y)
    L: Array = _minus_y_log(Y, Y_hat, np.log) + _minus_y_log(1 - Y, -Y_hat, np.log1p)
    return L


def one_hot(y: Any, n_classes: int | None = None, dtype: Any = np.float32) -> Array:
    r"""``Y_ij = 1`` if ``y_i = j`` else 0: class indices into rows with a single 1.

    Parameters
    ----------
    y : array_like of int, any shape
        Class indices 0 .. C-1.
    n_classes : int, optional
        C; by default the largest index plus 1.
    dtype : dtype, default float32
        Of the result.

    Returns
    -------
    ndarray, shape of ``y`` plus a last axis of length C

    Raises
    ------
    ArgumentError
        If ``y`` is not integer, an index is negative or at least ``n_classes``, or ``dtype`` is none of numbers.

    Examples
    --------
    >>> one_hot([1, 0, 3], 4)
    array([[0., 1., 0., 0.],
           [1., 0., 0., 0.],
           [0., 0., 0., 1.]], dtype=float32)
    """
    C = None if n_classes is None else checks.integer("n_classes", n_classes)
    y = checks.class_indices("y", y, C, of="" if C is None else f" for {C} classes")
    if C is None:
        C = int(y.max(initial=-1)) + 1
    Y = np.zeros((*y.shape, C), _dtype_of_numbers(dtype))
    np.put_along_axis(Y, np.expand_dims(y, -1), 1, -1)
    return Y


def _dtype_of_numbers(dtype: Any) -> np.dtype[Any]:
    with contextlib.suppress(TypeError, ValueError):
        found: np.dtype[Any] = np.dtype(dtype)
        if found.kind in "buif":
            return found
    raise ArgumentError(f"dtype: expected one of numbers, such as 'float32', got {dtype!r}")


def check_approximate(approximate: object) -> str:
    """``approximate`` of GELU, or an ArgumentError."""
    if not (isinstance(approximate, str) and approximate in ("none", "tanh")):
        raise ArgumentError(f"approximate: expected 'none' or 'tanh', got {approximate!r}")
    return approximate


def _sigmoid_of_both_sides(z: Array) -> Array:
    """``e^{min(0, z)} / (1 + e^{-|z|})``: where the sigmoid is small, its digits are kept (and multiplied by z)."""
    a: Array = np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))
    return a


def _gated(z: Array, gate: Array) -> Array:
    """``z gate``, and 0 at -infinity, where the gate is 0."""
    a: Array = np.maximum(z, np.finfo(z.dtype).min) * gate
    return a


def _floats(name: str, value: Any) -> Array:
    array = checks.numeric_array(name, value)
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def _logits(z: Any, axis: int) -> Array:
    logits = _floats("z", z)
    axis = checks.integer("axis", axis, minimum=-max(logits.ndim, 1))
    if logits.ndim == 0 or axis >= logits.ndim or logits.shape[axis] == 0:
        raise ArgumentError(f"z: expected logits of at least one class along axis {axis}, got shape {logits.shape}")
    return logits


def _probabilities_and_truth(Y_hat: Any, Y: Any) -> tuple[Array, Array]:
    Y_hat = _floats("Y_hat", Y_hat)
    Y = checks.numeric_array("Y", Y)
    if Y.shape != Y_hat.shape:
        raise ArgumentError(
            f"Y: expected the shape of Y_hat, {Y_hat.shape}, got {Y.shape}"
            + ("; one_hot(y, C) turns class indices into rows" if Y.ndim == Y_hat.ndim - 1 else "")
        )
    checks.in_unit_interval("Y_hat", Y_hat, "probabilities")
    checks.in_unit_interval("Y", Y, "the truth")
    return Y_hat, Y.astype(Y_hat.dtype, copy=False)


def _minus_y_log(Y: Array, value: Array, log: Any) -> Array:
    """``- y log(value)`` for each entry, with ``0 log 0 = 0``."""
    with np.errstate(divide="ignore"):
        return np.where(Y == 0, 0, -Y * log(np.where(Y == 0, 0.5, value)))
