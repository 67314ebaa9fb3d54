"""Facts about the error function and the normal distribution: accuracy, tails, symmetry."""

import math

import numpy as np
import pytest

from nnlite.functional import erf, normal_cdf, normal_pdf

from ..support import holds_for
from .draws import eps, logits, tiny

EPS = np.finfo(float).eps


def ulps(a, exact):
    """The largest difference, in units in the last place of the exact value."""
    return np.max(np.abs(a - exact) / np.spacing(np.abs(exact)))


@pytest.mark.parametrize(
    "z",
    [
        np.linspace(-7, 7, 20_001),
        np.random.default_rng(0).normal(0, 2, 20_000),
        np.linspace(0.499, 0.501, 1001),  # where the series meets the rest
        np.logspace(-300, 4, 3000),
        -np.logspace(-20, 1, 1000),
    ],
    ids=["dense", "random", "seam", "tiny to huge", "negative"],
)
def test_erf_is_right_but_for_two_units_in_the_last_place(z):
    exact = np.array([math.erf(v) for v in z])
    assert ulps(erf(z), exact) <= 2
    z32 = z.astype(np.float32)
    z32 = z32[np.abs(z32) > 1e-37]
    exact = np.array([math.erf(v) for v in z32.astype(float)]).astype(np.float32)
    assert ulps(erf(z32), exact) <= 3


def test_erf_is_odd_and_within_1_and_does_not_fall():
    z = np.linspace(0, 8, 4001)
    a = erf(z)
    np.testing.assert_array_equal(erf(-z), -a)
    assert np.all(np.diff(a) >= 0)
    assert a[-1] == erf(np.inf) == 1
    assert erf(-np.inf) == -1


def test_the_normal_distribution_keeps_its_digits_on_the_left():
    z = np.linspace(-38, 9, 5001)
    exact = np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in z])
    assert np.all(np.abs(normal_cdf(z) - exact) <= 8 * EPS * (1 + z**2 / 2) * exact + 1e-320)


def test_the_density_of_the_normal_distribution_is_its_slope():
    z = np.linspace(-6, 6, 10_001)
    slope = np.gradient(normal_cdf(z), z)[1:-1]
    np.testing.assert_allclose(normal_pdf(z)[1:-1], slope, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(normal_pdf([-np.inf, -1e300, 1e300, np.inf]), 0)


@holds_for(logits(bound=8))
def test_erf_agrees_with_the_c_library(z):
    exact = np.array([math.erf(v) for v in z.ravel().astype(float)]).reshape(z.shape)
    assert np.all(np.abs(erf(z) - exact) <= 2 * eps(z) * np.abs(exact) + tiny(z))
