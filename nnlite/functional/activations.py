"""Activations of single units: sigmoid, tanh, relu and its relatives."""

import math
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.functional.normal import normal_cdf

# With these numbers, mean 0 and variance 1 are a fixed point of SELU (Klambauer et al., 2017, eq. 14).
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_LAMBDA = 1.0507009873554804934193349852946


def sigmoid(z: Any) -> Array:
    r"""``a = 1 / (1 + e^{-z})``: the softmax of two classes with logits z and 0.

    Computed as ``e^{min(0, z)} / (1 + e^{-\|z\|})``, which is the same number and cannot overflow.

    Parameters
    ----------
    z : array_like
        Logits of any size.

    Returns
    -------
    ndarray
        Values in [0, 1], in the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.sigmoid([-1e4, 0, 1e4])
    array([0. , 0.5, 1. ])
    """
    z = checks.floats("z", z)
    a: Array = np.exp(np.minimum(0, z)) / (1 + np.exp(-np.abs(z)))
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
        Values in [-1, 1], in the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.tanh([0.0])
    array([0.])
    """
    a: Array = np.tanh(checks.floats("z", z))
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
        Values of at least 0, in the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.relu([-2.0, 0.0, 3.0])
    array([0., 0., 3.])
    """
    a: Array = np.maximum(checks.floats("z", z), 0)
    return a


def leaky_relu(z: Any, negative_slope: float = 0.01) -> Array:
    r"""``a = max(z, s z)``: z where z > 0, else s z.

    Parameters
    ----------
    z : array_like
        Pre-activations.
    negative_slope : float, default 0.01
        The slope s on the left, in [0, 1].

    Returns
    -------
    ndarray
        In the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers, or ``negative_slope`` is not in [0, 1].

    References
    ----------
    A. Maas et al., "Rectifier nonlinearities improve neural network acoustic models", 2013.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.leaky_relu([-2.0, 0.0, 3.0])
    array([-0.02,  0.  ,  3.  ])
    """
    z = checks.floats("z", z)
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
        At least 0. For z to minus infinity, a tends to -alpha.

    Returns
    -------
    ndarray
        Values of at least -alpha, in the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers, or ``alpha`` is negative.

    References
    ----------
    D.-A. Clevert et al., "Fast and accurate deep network learning by exponential linear units (ELUs)", 2016.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.elu([-1e4, 0.0, 3.0])
    array([-1.,  0.,  3.])
    """
    z = checks.floats("z", z)
    alpha = checks.real("alpha", alpha, minimum=0)
    a: Array = np.maximum(z, 0) + alpha * np.expm1(np.minimum(z, 0))
    return a


def selu(z: Any) -> Array:
    r"""``a = lambda z`` where z > 0, else ``lambda alpha (e^z - 1)``, with lambda = 1.0507 and alpha = 1.6733.

    Parameters
    ----------
    z : array_like
        Pre-activations.

    Returns
    -------
    ndarray
        Values of at least -1.7581, in the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers.

    References
    ----------
    G. Klambauer et al., "Self-normalizing neural networks", 2017.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.selu([-1e4, 0.0, 1.0]).round(4)
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
        'tanh' computes ``a = z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2`` instead, which differs from the
        exact a by less than 0.0005.

    Returns
    -------
    ndarray
        Values of at least -0.17, in the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers, or ``approximate`` is neither 'none' nor 'tanh'.

    References
    ----------
    D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", 2016.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.gelu([-1.0, 0.0, 1.0]).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """
    z = checks.floats("z", z)
    if check_approximate(approximate) == "none":
        return _gated(z, normal_cdf(z))
    near = np.clip(z, -40, 40)  # beyond, the gate is 0 or 1 and z^3 could overflow
    return _gated(z, sigmoid(math.sqrt(8 / math.pi) * near * (1 + 0.044715 * near**2)))  # (1 + tanh u) / 2 = sigma(2 u)


def silu(z: Any) -> Array:
    r"""``a = z sigma(z) = z / (1 + e^{-z})``, also called swish.

    Parameters
    ----------
    z : array_like
        Pre-activations.

    Returns
    -------
    ndarray
        Values of at least -0.28, in the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers.

    References
    ----------
    S. Elfwing et al., "Sigmoid-weighted linear units for neural network function approximation in reinforcement
    learning", 2018.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.silu([-1.0, 0.0, 1.0]).round(4)
    array([-0.2689,  0.    ,  0.7311])
    """
    z = checks.floats("z", z)
    return _gated(z, sigmoid(z))


def hard_swish(z: Any) -> Array:
    r"""``a = z min(max(z + 3, 0), 6) / 6``: silu with a piecewise linear gate.

    Parameters
    ----------
    z : array_like
        Pre-activations.

    Returns
    -------
    ndarray
        Values of at least -3/8, in the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", 2019.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.hard_swish([-3.0, -1.5, 0.0, 3.0])
    array([-0.   , -0.375,  0.   ,  3.   ])
    """
    z = checks.floats("z", z)
    return _gated(z, np.clip(z + 3, 0, 6) / 6)


def softplus(z: Any) -> Array:
    r"""``a = log(1 + e^z)``: a smooth relu, whose derivative is the sigmoid.

    Computed as ``max(0, z) + log(1 + e^{-\|z\|})``, which is the same number and cannot overflow.

    Parameters
    ----------
    z : array_like
        Pre-activations.

    Returns
    -------
    ndarray
        Values of at least 0, in the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers.

    References
    ----------
    C. Dugas et al., "Incorporating second-order functional knowledge for better option pricing", 2001.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.softplus([-1e4, 0.0, 100.0]).round(4)
    array([  0.    ,   0.6931, 100.    ])
    """
    z = checks.floats("z", z)
    a: Array = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
    return a


def check_approximate(approximate: object) -> str:
    """Return ``approximate`` of GELU; raise ArgumentError unless it is 'none' or 'tanh'."""
    return checks.choice("approximate", approximate, ("none", "tanh"))


def _gated(z: Array, gate: Array) -> Array:
    """``z gate``, and 0 at minus infinity, where the gate is 0."""
    a: Array = np.maximum(z, np.finfo(z.dtype).min) * gate
    return a
