"""Functions of one number for kernels.

In float32 they are polynomials of about 1e-7, which the compiler makes wide: 16 numbers at a time with AVX-512. In
float64 they are those of the C library.
"""

import math

import numpy as np

from nnlite.engine.language import Inline, T, bits_as_float, inline


@inline
def sqrt(x: float) -> float:
    """The square root."""
    return T(math.sqrt(x))


@inline
def _fraction(x: float, n: float) -> float:
    """``f = x - n ln 2``, with ln 2 in two parts so that nothing is lost."""
    return x - n * T(0.693359375) + n * T(2.12194440e-4)


@inline
def _power_of_two(n: float) -> float:
    """``2^n`` for an integer n from -126 to 127."""
    return bits_as_float((np.int32(n) + np.int32(127)) << np.int32(23))


@inline
def _expm1_near_0(f: float) -> float:
    """``e^f - 1`` for |f| <= ln 2 / 2: the polynomial of Cephes' expf."""
    p = T(1.9875691500e-4)
    p = p * f + T(1.3981999507e-3)
    p = p * f + T(8.3334519073e-3)
    p = p * f + T(4.1665795894e-2)
    p = p * f + T(1.6666665459e-1)
    p = p * f + T(5.0000001201e-1)
    return p * f * f + f


def _exp32(x: float) -> float:
    """``e^x = 2^n e^f``; 0 below -87, infinity above 88.7."""
    y = min(max(x, T(-87.3)), T(88.7))
    n = np.floor(y * T(1.4426950408889634) + T(0.5))
    half = _power_of_two(n - T(1))
    small = (_expm1_near_0(_fraction(y, n)) + T(1)) * half
    e = small + small if x < T(88.7) else T(np.inf)
    return e if x > T(-87.3) else T(0) if x == x else x  # noqa: PLR0124


def _exp64(x: float) -> float:
    return math.exp(x)


def _expm1_32(x: float) -> float:
    """``e^x - 1 = 2^n (e^f - 1) + (2^n - 1)``, exact near 0; for x up to 88."""
    y = min(max(x, T(-87.0)), T(88.0))
    n = np.floor(y * T(1.4426950408889634) + T(0.5))
    power = _power_of_two(n)
    e = power * _expm1_near_0(_fraction(y, n)) + (power - T(1))
    return e if x == x else x  # noqa: PLR0124


def _expm1_64(x: float) -> float:
    return math.expm1(x)


def _log1p_32(u: float) -> float:
    """``log(1 + u) = 2 atanh(s)`` with ``s = u / (2 + u)``, for u in [0, 1]."""
    s = u / (T(2) + u)
    s2 = s * s
    p = T(1 / 15)
    p = p * s2 + T(1 / 13)
    p = p * s2 + T(1 / 11)
    p = p * s2 + T(1 / 9)
    p = p * s2 + T(1 / 7)
    p = p * s2 + T(1 / 5)
    p = p * s2 + T(1 / 3)
    return T(2) * (s + s * s2 * p)


def _log1p_64(u: float) -> float:
    return math.log1p(u)


def _normal_cdf_32(x: float) -> float:
    """``Phi(x)`` within 3e-7: M. Abramowitz and I. Stegun, "Handbook of mathematical functions", 1964, 7.1.26."""
    z = abs(x) * T(0.7071067811865476)
    t = T(1) / (T(1) + T(0.3275911) * z)
    p = T(1.061405429)
    p = p * t - T(1.453152027)
    p = p * t + T(1.421413741)
    p = p * t - T(0.284496736)
    p = p * t + T(0.254829592)
    tail = T(0.5) * p * t * exp(-z * z)
    return T(1) - tail if x > T(0) else tail


def _normal_cdf_64(x: float) -> float:
    return 0.5 * math.erfc(-x * 0.7071067811865476)


exp = Inline(_exp64, {"float32": _exp32})
expm1 = Inline(_expm1_64, {"float32": _expm1_32})
log1p = Inline(_log1p_64, {"float32": _log1p_32})
normal_cdf = Inline(_normal_cdf_64, {"float32": _normal_cdf_32})


@inline
def sigmoid(x: float) -> float:
    """``1 / (1 + e^{-x})``."""
    return T(1) / (T(1) + exp(-x))


@inline
def tanh(x: float) -> float:
    """``(e^{2x} - 1) / (e^{2x} + 1)`` of |x|, with the sign of x."""
    e = expm1(T(2) * min(abs(x), T(20)))
    t = e / (e + T(2))
    return t if x >= T(0) else -t


@inline
def normal_pdf(x: float) -> float:
    """``e^{-x^2 / 2} / sqrt(2 pi)``."""
    return exp(T(-0.5) * x * x) * T(0.3989422804014327)
