"""Facts about the smooth activations GELU, SiLU, HardSwish and Softplus; test_activations.py has what holds for all."""

import math

import numpy as np
import pytest

from nnlite import functional, layers

from ..support import for_each, refuse
from .common import DTYPES, EPS, value_and_slope

GATED = {  # a = z g(z) with a gate g, and its lowest value
    "GELU": (layers.GELU(), -0.16997),
    "GELU of tanh": (layers.GELU("tanh"), -0.17004),
    "SiLU": (layers.SiLU(), -0.27846),
    "HardSwish": (layers.HardSwish(), -0.375),
}


def value(layer, z):
    return value_and_slope(layer, z)[0]


# ---- gates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("layer", "lowest"), GATED.values(), ids=GATED)
def test_the_lowest_value_of_a_gated_unit(layer, lowest):
    assert value(layer, np.linspace(-6, 6, 100_001)).min() == pytest.approx(lowest, abs=1e-5)


@pytest.mark.parametrize("layer", [layer for layer, _ in GATED.values()], ids=GATED)
def test_a_gate_is_half_open_at_0(layer):
    a, slope = value_and_slope(layer, np.array([-0.0, 0.0]))
    np.testing.assert_array_equal(a, 0)
    np.testing.assert_allclose(slope, 0.5, rtol=2 * EPS)


@pytest.mark.parametrize("layer", [*(layer for layer, _ in GATED.values()), layers.Softplus()], ids=repr)
def test_the_value_at_z_minus_the_value_at_minus_z_is_z(layer):
    z = np.linspace(0, 50, 1001)
    np.testing.assert_allclose(value(layer, z) - value(layer, -z), z, rtol=8 * EPS)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_slope_of_hard_swish_at_its_kinks_is_the_slope_outside(dtype):
    three = np.array([3], dtype)
    z = np.concatenate([-three, three, np.nextafter(-three, 0), np.nextafter(three, 0)])
    _, slope = value_and_slope(layers.HardSwish(), z)
    np.testing.assert_allclose(slope, [0, 1, -0.5, 1.5], rtol=4 * np.finfo(dtype).eps)


# ---- GELU -----------------------------------------------------------------------------------------------------


def test_small_values_of_gelu_keep_their_digits():
    z = -np.linspace(0.01, 37, 500)
    exact = np.array([v * math.erfc(-v / math.sqrt(2)) / 2 for v in z])
    assert np.all(np.abs(value(layers.GELU(), z) - exact) <= 8 * EPS * (1 + z**2 / 2) * np.abs(exact))


def test_small_slopes_of_gelu_keep_their_digits():
    z = -np.linspace(2, 37, 500)
    phi = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    exact = np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in z]) + z * phi
    _, slope = value_and_slope(layers.GELU(), z)
    np.testing.assert_allclose(slope, exact, rtol=1e-12)


def test_the_tanh_form_of_gelu_is_within_5e_4_of_the_exact_one():
    z = np.linspace(-10, 10, 10_001)
    difference = np.abs(value(layers.GELU(), z) - value(layers.GELU("tanh"), z)).max()
    assert 4e-4 < difference < 5e-4


@for_each("wrong", ["exact", "Tanh", True, None, ["tanh"], 1])
def test_the_form_of_gelu_is_none_or_tanh(wrong):
    for make in (layers.GELU, lambda approximate: functional.gelu([1.0], approximate)):
        refuse(lambda: make(wrong), "approximate: expected 'none' or 'tanh', got ")  # noqa: B023


# ---- SiLU and Softplus ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_small_values_of_silu_and_softplus_keep_their_digits(dtype):
    # further to the left e^z is subnormal
    z = np.linspace(-5, math.log(np.finfo(dtype).tiny) + 1, 300).astype(dtype)
    e = np.exp(z.astype(np.longdouble))
    rtol = 16 * np.finfo(dtype).eps
    np.testing.assert_allclose(value(layers.SiLU(), z), (z * e / (1 + e)).astype(float), rtol=rtol)
    np.testing.assert_allclose(value(layers.Softplus(), z), np.log1p(e).astype(float), rtol=rtol)


def test_the_slope_of_softplus_is_the_sigmoid():
    z = np.linspace(-700, 700, 2801)
    _, slope = value_and_slope(layers.Softplus(), z)
    np.testing.assert_allclose(slope, functional.sigmoid(z), rtol=8 * EPS, atol=1e-307)
