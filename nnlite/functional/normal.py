r"""The error function and the normal distribution, which NumPy does not have.

Both rest on one smooth function: ``erfc(x) = e^{-x^2} F(x) / (1 + 2 x)`` for x >= 0, where F stays between 1.0 and 1.24
and is a polynomial in ``t = (x - 15/4) / (x + 15/4)`` for all x from 0 to infinity, so that no value needs a case of
its own. The functions write into arrays that are handed in, so that a layer can use them without allocating.

References
----------
M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity", 1981.
"""

import math

import numpy as np

from nnlite.checks import Array

# of t^n, t^(n-1), ..., 1: tests/reference/erf.py computes them
_F = {
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
# erf(x) = sum_n c_n x^{2n+1}, from the last c_n to the first: below x = 1/2 the next one is less than 1e-17
_MACLAURIN = [(-1) ** n * 2 / math.sqrt(math.pi) / (math.factorial(n) * (2 * n + 1)) for n in reversed(range(13))]
_FAR = 40.0  # e^{-x^2} is 0 from here on, in float64 too; larger x would overflow when squared


def erf(x: Array) -> Array:
    r"""``2 / sqrt(pi) int_0^x e^{-s^2} ds``, a new array; its rounding error is a few units in the last place."""
    y = np.minimum(np.abs(x), _FAR)
    square = np.square(y)
    far = np.negative(square)
    np.exp(far, out=far)
    far *= _tail(y, np.empty_like(y), np.empty_like(y))
    np.subtract(1, far, out=far)
    near = _polynomial(_MACLAURIN, square, np.empty_like(y))
    near *= y
    a: Array = np.copysign(np.where(y < 0.5, near, far), x)  # 1 - erfc would lose digits where erf is small
    return a


def normal_cdf(z: Array, cdf: Array, bell: Array, scratch: Array, positive: Array) -> None:
    r"""``Phi(z) = erfc(-z / sqrt 2) / 2`` into ``cdf`` and ``e^{-z^2/2}`` into ``bell``.

    Phi keeps its digits where it is small: the relative error is a few units in the last place times ``1 + z^2/2``.

    Parameters
    ----------
    z : ndarray
        Left as it is. The others are of its shape and are written to.
    cdf, bell, scratch : ndarray
        Of the dtype of ``z``.
    positive : ndarray of bool
    """
    y = np.abs(z, out=scratch)
    np.minimum(y, _FAR, out=y)
    y *= math.sqrt(0.5)
    _tail(y, cdf, bell)
    np.square(y, out=bell)
    np.negative(bell, out=bell)
    np.exp(bell, out=bell)
    cdf *= bell
    cdf *= 0.5  # Phi(-|z|)
    np.copyto(scratch, np.greater(z, 0, out=positive))
    np.subtract(scratch, cdf, out=cdf)
    np.abs(cdf, out=cdf)  # |[z > 0] - Phi(-|z|)|; to choose by a mask would take as long again as all this


def _tail(x: Array, out: Array, scratch: Array) -> Array:
    """``e^{x^2} erfc(x) = F / (1 + 2 x)`` for x >= 0."""
    t = np.add(x, 3.75, out=scratch)
    np.divide(-7.5, t, out=t)
    t += 1  # (x - 3.75) / (x + 3.75)
    _polynomial(_F[x.dtype], t, out)
    denominator = np.multiply(x, 2, out=scratch)
    denominator += 1
    out /= denominator
    return out


def _polynomial(coefficients: list[float], t: Array, out: Array) -> Array:
    """``(... (c_n t + c_{n-1}) t + ...) t + c_0``, by Horner's rule."""
    first, *others, last = coefficients
    np.multiply(t, first, out=out)
    for c in others:
        out += c
        out *= t
    out += last
    return out
