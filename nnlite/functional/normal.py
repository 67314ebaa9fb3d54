r"""The error function and the normal distribution, which NumPy does not have.

Both rest on one smooth function F, defined by ``erfc(x) = e^{-x^2} F(x) / (1 + 2 x)`` for x >= 0. F lies between 1.0
and 1.24. One polynomial in ``t = (x - 15/4) / (x + 15/4)`` approximates it for all x from 0 to infinity.

References
----------
M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity", 1981.
"""

import math
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array

# Coefficients of F for t^n, t^(n-1), ..., 1, computed by tests/reference/erf.py.
ERFC_POLYNOMIAL = {
    np.dtype(np.float32): [
        2.204671891e-05, -2.241167467e-04, 3.301674563e-04, 1.675912218e-03, -9.770087183e-03,
        2.840925236e-02, -5.868544049e-02, 9.229076959e-02, -1.088052275e-01, 8.227841998e-02,
        3.585495314e-03, -1.402406583e-01, 1.237512630e+00,
    ],
    np.dtype(np.float64): [
        4.25147144479639004e-10, 3.11143338097992545e-10, -5.17399021401130954e-09, -3.74421008096201827e-09,
        3.86753342422223536e-08, 2.32635087088591238e-08, -2.58668507161558839e-07, -5.72182306032240859e-08,
        1.75163764884906209e-06, -9.73559896736774970e-07, -1.14441462377005235e-05, 2.23842391550822306e-05,
        5.16490988926824067e-05, -2.90154080540841724e-04, 2.93713665591344814e-04, 1.75562585289529543e-03,
        -9.74657955802927557e-03, 2.83622774189564060e-02, -5.86933985896367708e-02, 9.23043211603774838e-02,
        -1.08803930141748856e-01, 8.22767384901452042e-02, 3.58541548546442929e-03, -1.40240598585546966e-01,
        1.23751263083782748e+00,
    ],
}  # fmt: skip
# erf(x) = sum_n c_n x^{2n+1}, from the last c_n to the first; for x < 1/2 the first omitted term is below 1e-17.
_MACLAURIN = [(-1) ** n * 2 / math.sqrt(math.pi) / (math.factorial(n) * (2 * n + 1)) for n in reversed(range(13))]
FAR = 40.0  # e^{-x^2} is 0 from here on, even in float64; the square of a larger x could overflow


def erf(z: Any) -> Array:
    r"""``erf(z) = 2 / sqrt(pi) int_0^z e^{-s^2} ds``: the error function.

    Parameters
    ----------
    z : array_like
        Numbers of any size.

    Returns
    -------
    ndarray
        Values in [-1, 1], in the shape of ``z``, accurate to 2 units in the last place (3 in float32).

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers.

    References
    ----------
    M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity",
    1981; below 1/2 the Maclaurin series.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.erf([-1e4, 0.0, 0.5]).round(4)
    array([-1.    ,  0.    ,  0.5205])
    """
    z = checks.floats("z", z)
    x = np.minimum(np.abs(z), FAR)
    near = _polynomial(_MACLAURIN, x**2) * x  # 1 - erfc would lose digits where erf is small
    far = 1 - _erfc(x)
    a: Array = np.copysign(np.where(x < 0.5, near, far), z)
    return a


def normal_cdf(z: Any) -> Array:
    r"""``Phi(z) = erfc(-z / sqrt 2) / 2``: the probability that a standard normal number is below z.

    Parameters
    ----------
    z : array_like
        Numbers of any size.

    Returns
    -------
    ndarray
        Probabilities in [0, 1], in the shape of ``z``. Small ones keep their digits: the relative error is a few
        units in the last place times ``1 + z^2/2``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.functional.normal_cdf([-1.0, 0.0, 1.0]).round(4)
    array([0.1587, 0.5   , 0.8413])
    """
    z = checks.floats("z", z)
    left = _erfc(np.minimum(np.abs(z), FAR) * math.sqrt(0.5)) / 2  # Phi(-|z|)
    return np.where(z > 0, 1 - left, left)


def normal_pdf(z: Any) -> Array:
    r"""``phi(z) = e^{-z^2/2} / sqrt(2 pi)``: the density of the standard normal distribution, and the slope of Phi.

    Parameters
    ----------
    z : array_like
        Numbers of any size.

    Returns
    -------
    ndarray
        Values in [0, 0.4], in the shape of ``z``.

    Raises
    ------
    ArgumentError
        If ``z`` is not an array of numbers.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.functional.normal_pdf([-1.0, 0.0, 1.0]).round(4)
    array([0.242 , 0.3989, 0.242 ])
    """
    z = np.minimum(np.abs(checks.floats("z", z)), FAR)
    phi: Array = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return phi


def _erfc(x: Array) -> Array:
    """``erfc(x) = e^{-x^2} F / (1 + 2 x)`` for x >= 0."""
    t = 1 - 7.5 / (x + 3.75)  # (x - 3.75) / (x + 3.75)
    erfc: Array = np.exp(-(x**2)) * (_polynomial(ERFC_POLYNOMIAL[x.dtype], t) / (1 + 2 * x))
    return erfc


def _polynomial(coefficients: list[float], t: Array) -> Array:
    """``(... (c_n t + c_{n-1}) t + ...) t + c_0``, by Horner's rule."""
    highest, *others = coefficients
    value = np.full_like(t, highest)
    for c in others:
        value = value * t + c
    return value
