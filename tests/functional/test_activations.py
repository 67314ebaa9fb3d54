"""Facts about the activations as functions. tests/layers/test_activations.py has those that hold for layers, too."""

import math

import numpy as np
import pytest
from hypothesis import strategies as st

from nnlite.functional import (
    elu,
    gelu,
    hard_swish,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)

from ..support import holds_for
from .draws import DTYPES, eps, extended, logits, tiny

# ---- sigmoid, relu, tanh -------------------------------------------------------------------------------------------


@holds_for(logits(bound=700))
def test_sigmoid_is_softmax_of_two_classes_with_logits_z_and_0(z):
    pairs = np.stack([z, np.zeros_like(z)], -1)
    np.testing.assert_allclose(sigmoid(z), softmax(pairs)[..., 0], rtol=8 * eps(z), atol=tiny(z))


@holds_for(logits(bound=700))
def test_sigmoid_of_minus_z_is_1_minus_sigmoid_of_z(z):
    np.testing.assert_allclose(sigmoid(-z), 1 - sigmoid(z), rtol=0, atol=2 * eps(z))


@holds_for(logits(bound=80))
def test_sigmoid_is_the_formula_in_extended_precision(z):
    a = sigmoid(z)
    assert np.all((a >= 0) & (a <= 1))
    exact = 1 / (1 + np.exp(-extended(z)))
    assert np.all(np.abs(a - exact) <= 8 * eps(z) * exact)


def test_sigmoid_of_0_is_one_half():
    assert sigmoid(0) == 0.5


@holds_for(logits())
def test_relu_is_z_where_z_is_positive_and_0_elsewhere(z):
    np.testing.assert_array_equal(relu(z), np.where(z > 0, z, 0))


@holds_for(logits())
def test_relu_of_z_minus_relu_of_minus_z_is_z(z):
    np.testing.assert_array_equal(relu(z) - relu(-z), z)


@holds_for(logits())
def test_relu_twice_is_relu(z):
    np.testing.assert_array_equal(relu(relu(z)), relu(z))


@holds_for(logits())
def test_tanh_is_odd_and_within_1(z):
    np.testing.assert_array_equal(tanh(-z), -tanh(z))
    assert np.all(np.abs(tanh(z)) <= 1)


@holds_for(logits(bound=20))
def test_tanh_is_the_formula_in_extended_precision(z):
    up, down = np.exp(extended(z)), np.exp(-extended(z))
    np.testing.assert_allclose(tanh(z), ((up - down) / (up + down)).astype(float), rtol=8 * eps(z), atol=1e-18)


@holds_for(logits())
def test_tanh_is_a_stretched_sigmoid(z):
    np.testing.assert_allclose(tanh(z), 2 * sigmoid(2 * z) - 1, rtol=0, atol=4 * eps(z))


@pytest.mark.parametrize("dtype", DTYPES)
def test_infinity_is_in_the_domain_of_sigmoid_tanh_and_relu(dtype):
    z = np.array([-np.inf, np.inf], dtype)
    np.testing.assert_array_equal(sigmoid(z), [0, 1])
    np.testing.assert_array_equal(tanh(z), [-1, 1])
    np.testing.assert_array_equal(relu(z), [0, np.inf])


# ---- relatives of relu ---------------------------------------------------------------------------------------------


@holds_for(logits(), st.floats(0, 1))
def test_leaky_relu_is_z_where_z_is_positive_and_s_z_elsewhere(z, s):
    np.testing.assert_array_equal(leaky_relu(z, s), np.where(z > 0, z, z.dtype.type(s) * z))


@holds_for(logits(), st.floats(0, 4, width=32))
def test_elu_is_the_formula_in_extended_precision(z, alpha):
    exact = np.where(z > 0, z, alpha * np.expm1(extended(z)))
    assert np.all(np.abs(elu(z, alpha) - exact) <= 4 * eps(z) * np.abs(exact) + tiny(z))


@holds_for(logits())
def test_silu_is_z_times_the_sigmoid_of_z(z):
    exact = extended(z) / (1 + np.exp(-extended(z)))
    assert np.all(np.abs(silu(z) - exact) <= 8 * eps(z) * np.abs(exact) + tiny(z))


@holds_for(logits())
def test_softplus_is_the_formula_in_extended_precision(z):
    exact = np.log1p(np.exp(extended(z)))
    assert np.all(np.abs(softplus(z) - exact) <= 8 * eps(z) * exact + tiny(z))


@holds_for(logits())
def test_softplus_is_minus_the_logarithm_of_the_sigmoid_of_minus_z(z):
    pairs = np.stack([z, np.zeros_like(z)], -1)
    np.testing.assert_allclose(softplus(z), -log_softmax(pairs)[..., 1], rtol=0, atol=60 * eps(z))


@holds_for(logits())
def test_gelu_is_z_times_the_probability_of_a_standard_normal_number_below_z(z):
    exact = np.array([v * math.erfc(-v / math.sqrt(2)) / 2 for v in z.ravel().astype(float)]).reshape(z.shape)
    assert np.all(np.abs(gelu(z) - exact) <= 8 * eps(z) * (1 + z.astype(float) ** 2 / 2) * np.abs(exact) + tiny(z))


@holds_for(logits())
def test_hard_swish_is_made_of_three_pieces(z):
    pieces = np.where(z <= -3, 0, np.where(z >= 3, z, extended(z) * (extended(z) + 3) / 6))
    np.testing.assert_allclose(hard_swish(z), pieces.astype(z.dtype), rtol=4 * eps(z), atol=4 * eps(z))


@holds_for(logits())
def test_relatives_of_relu_stay_close_to_it(z):
    for equation, most in ((gelu, 0.17), (silu, 0.2785), (hard_swish, 0.375), (softplus, 0.6932), (elu, 1)):
        assert np.all(np.abs(equation(z) - relu(z)) <= most)
