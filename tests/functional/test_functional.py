"""Facts about the equations: the figures of the course, their properties, and their limits."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import nnlite as nn
from nnlite.functional import (
    binary_cross_entropy,
    cross_entropy,
    elu,
    erf,
    gelu,
    hard_swish,
    hardmax,
    leaky_relu,
    log_softmax,
    one_hot,
    relu,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)

DTYPES = [np.float32, np.float64]
OVER_CLASSES = [softmax, log_softmax, hardmax]
OF_EACH_NUMBER = [sigmoid, relu, tanh, leaky_relu, elu, selu, gelu, silu, hard_swish, softplus, erf]
OF_LOGITS = [*OVER_CLASSES, *OF_EACH_NUMBER]
COSTS = [cross_entropy, binary_cross_entropy]


def holds_for(*strategies):
    """The test is run for many draws of each of the strategies."""
    return lambda test: settings(deadline=None, max_examples=60)(given(*strategies)(test))


def numbers(low, high, dtype):
    return st.floats(low, high, width=np.finfo(dtype).bits)


@st.composite
def logits(draw, bound=50.0, n_min=1):
    """Rows of logits in float32 or float64."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = (*draw(array_shapes(min_dims=0, max_dims=2, max_side=3)), draw(st.integers(n_min, 6)))
    return draw(arrays(dtype, shape, elements=numbers(-bound, bound, dtype)))


@st.composite
def whole_logits(draw):
    """Whole numbers, of which sums and differences are exact."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 6)))
    return draw(arrays(np.int64, shape, elements=st.integers(-1000, 1000))).astype(dtype)


@st.composite
def probabilities_and_truth(draw, dims=2):
    """Y_hat and Y of one shape with entries in [0, 1]; 0 and 1 themselves come often."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(array_shapes(min_dims=1, max_dims=dims, max_side=5))
    unit = st.one_of(numbers(0, 1, dtype), st.sampled_from([0.0, 1.0, 0.5]))
    return draw(arrays(dtype, shape, elements=unit)), draw(arrays(dtype, shape, elements=unit))


def eps(array):
    return float(np.finfo(array.dtype).eps)


def tiny(array):
    return float(np.finfo(array.dtype).tiny)


def extended(array):
    return np.asarray(array, np.longdouble)


def exact_softmax(z):
    temp = np.exp(extended(z) - extended(z).max(-1, keepdims=True))
    return temp / temp.sum(-1, keepdims=True)


def minus_y_log(Y, Y_hat, log=np.log):
    """``- y log y_hat`` in extended precision, with 0 log 0 = 0 and log 0 = -infinity."""
    Y, value = extended(Y), extended(Y_hat)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(Y == 0, 0, -Y * log(value))


def assert_rounded(L, exact):
    """L, whose terms are all of one sign, is exact but for the rounding of each operation."""
    finite = np.isfinite(exact)
    np.testing.assert_array_equal(np.isfinite(L), finite)
    allowed = 12 * eps(L) * exact[finite] + 10 * tiny(L)
    assert np.all(np.abs(L[finite] - exact[finite]) <= allowed)


# ---- the figures of the course --------------------------------------------------------------------------------


def test_softmax_of_the_course():
    np.testing.assert_array_equal(softmax([5, 2, -1, 3]).round(3), [0.842, 0.042, 0.002, 0.114])


def test_softmax_of_the_course_is_temp_over_sum():
    temp = [math.exp(5), math.exp(2), math.exp(-1), math.exp(3)]
    np.testing.assert_allclose(softmax([5, 2, -1, 3]), np.array(temp) / sum(temp), rtol=1e-15)


def test_hardmax_of_the_course():
    np.testing.assert_array_equal(hardmax([5, 2, -1, 3]), [1, 0, 0, 0])


def test_loss_of_the_course_is_minus_log_of_the_probability_of_the_true_class():
    assert cross_entropy([0.3, 0.2, 0.1, 0.4], [0, 1, 0, 0]) == pytest.approx(-math.log(0.2), rel=1e-15)


def test_cost_of_the_course_is_the_mean_of_the_losses():
    Y_hat = [[0.3, 0.2, 0.1, 0.4], [0.05, 0.9, 0.03, 0.02]]  # 20% certain that it is a cat, and 90%
    L = cross_entropy(Y_hat, [[0, 1, 0, 0], [0, 1, 0, 0]])
    assert L.mean() == pytest.approx(-(math.log(0.2) + math.log(0.9)) / 2, rel=1e-15)
    assert L[0] > L[1]


# ---- softmax, log_softmax, hardmax ----------------------------------------------------------------------------


@holds_for(logits())
def test_softmax_rows_are_probabilities_that_sum_to_1(z):
    a = softmax(z)
    assert a.shape == z.shape
    assert np.all((a >= 0) & (a <= 1))
    np.testing.assert_allclose(a.sum(-1), 1, rtol=z.shape[-1] * eps(z))


@holds_for(logits())
def test_softmax_is_the_formula_in_extended_precision(z):
    spread = np.ptp(z.astype(np.float64), axis=-1, keepdims=True)
    exact = exact_softmax(z)
    assert np.all(np.abs(softmax(z) - exact) <= eps(z) * (12 + spread) * exact + tiny(z))


@holds_for(whole_logits(), st.integers(-1000, 1000))
def test_softmax_does_not_change_when_all_logits_shift(z, c):
    np.testing.assert_array_equal(softmax(z + z.dtype.type(c)), softmax(z))


@holds_for(logits(), st.floats(-20, 20, width=32))
def test_softmax_of_shifted_logits_differs_by_the_rounding_of_the_shift_only(z, c):
    np.testing.assert_allclose(softmax(z + z.dtype.type(c)), softmax(z), rtol=300 * eps(z), atol=tiny(z))


@holds_for(logits())
def test_softmax_keeps_the_order_of_the_logits(z):
    a = np.take_along_axis(softmax(z), z.argsort(-1), -1)
    assert np.all(np.diff(a, axis=-1) >= -4 * eps(z) * a[..., 1:])


@holds_for(logits(n_min=2), st.randoms(use_true_random=False))
def test_softmax_of_permuted_logits_is_the_permuted_softmax(z, random):
    order = list(range(z.shape[-1]))
    random.shuffle(order)
    np.testing.assert_allclose(softmax(z[..., order]), softmax(z)[..., order], rtol=8 * eps(z), atol=tiny(z))


@holds_for(logits())
def test_softmax_is_exp_of_log_softmax(z):
    spread = float(np.ptp(z.astype(np.float64)))
    np.testing.assert_allclose(np.exp(log_softmax(z)), softmax(z), rtol=(12 + spread) * eps(z), atol=tiny(z))


@holds_for(logits())
def test_log_softmax_is_at_most_0_and_the_formula_in_extended_precision(z):
    log_a = log_softmax(z)
    assert log_a.shape == z.shape
    assert np.all(log_a <= 0)
    exact = extended(z) - np.log(np.exp(extended(z)).sum(-1, keepdims=True))
    spread = float(np.ptp(z.astype(np.float64)))
    np.testing.assert_allclose(log_a, exact.astype(np.float64), rtol=0, atol=(8 + spread) * eps(z))


@pytest.mark.parametrize("C", [1, 2, 7, 1000])
def test_equal_logits_give_equal_probabilities(C):
    np.testing.assert_allclose(softmax(np.full(C, 3.7)), 1 / C, rtol=1e-15)
    np.testing.assert_allclose(log_softmax(np.full(C, 3.7)), -math.log(C), rtol=1e-14)


@holds_for(logits())
def test_hardmax_has_a_single_1_where_the_logit_is_largest(z):
    a = hardmax(z)
    assert a.shape == z.shape
    np.testing.assert_array_equal(np.sort(a, -1)[..., :-1], 0)
    np.testing.assert_array_equal(a.sum(-1), 1)
    np.testing.assert_array_equal((a * z).sum(-1), z.max(-1))


def test_hardmax_takes_the_first_of_equals():
    np.testing.assert_array_equal(hardmax([[2, 7, 7], [1, 1, 1]]), [[0, 1, 0], [1, 0, 0]])


@holds_for(st.lists(st.integers(-20, 20), min_size=1, max_size=8, unique=True))
def test_softmax_of_ever_larger_logits_becomes_hardmax(z):
    np.testing.assert_array_equal(softmax(1000 * np.array(z)), hardmax(z))


@pytest.mark.parametrize("equation", OVER_CLASSES)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_axis_says_where_the_classes_are(equation, axis):
    z = np.random.default_rng(0).normal(size=(2, 3, 4))
    expected = np.moveaxis(equation(np.moveaxis(z, axis, -1)), -1, axis)
    np.testing.assert_allclose(equation(z, axis=axis), expected, rtol=1e-15)
    np.testing.assert_array_equal(equation(z, axis), equation(z, axis=axis))


def test_the_classes_are_on_the_last_axis_by_default():
    z = np.random.default_rng(0).normal(size=(2, 3, 4))
    for equation in OVER_CLASSES:
        np.testing.assert_array_equal(equation(z), equation(z, axis=2))


# ---- sigmoid, relu, tanh --------------------------------------------------------------------------------------


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


# ---- relatives of relu; what they have in common with the layers is tested there ------------------------------


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


@holds_for(logits(bound=8))
def test_erf_is_that_of_the_c_library(z):
    exact = np.array([math.erf(v) for v in z.ravel().astype(float)]).reshape(z.shape)
    assert np.all(np.abs(erf(z) - exact) <= 2 * eps(z) * np.abs(exact) + tiny(z))


@holds_for(logits())
def test_no_relative_of_relu_is_further_from_it_than_by_its_value_at_the_bend(z):
    for equation, most in ((gelu, 0.17), (silu, 0.2785), (hard_swish, 0.375), (softplus, 0.6932), (elu, 1)):
        assert np.all(np.abs(equation(z) - relu(z)) <= most)


# ---- cross_entropy, binary_cross_entropy, one_hot -------------------------------------------------------------


@holds_for(probabilities_and_truth())
def test_cross_entropy_is_at_least_0_and_one_number_for_each_example(pair):
    Y_hat, Y = pair
    L = cross_entropy(Y_hat, Y)
    assert L.shape == Y.shape[:-1]
    assert np.all(L >= 0)


@holds_for(probabilities_and_truth())
def test_cross_entropy_is_the_formula_in_extended_precision(pair):
    Y_hat, Y = pair
    exact = minus_y_log(Y, Y_hat).sum(-1)
    assert_rounded(cross_entropy(Y_hat, Y), exact)


@holds_for(probabilities_and_truth())
def test_binary_cross_entropy_is_the_formula_in_extended_precision(pair):
    Y_hat, Y = pair
    exact = minus_y_log(Y, Y_hat) + minus_y_log(1 - Y, -extended(Y_hat), np.log1p)
    L = binary_cross_entropy(Y_hat, Y)
    assert L.shape == Y.shape
    assert np.all(L >= 0)
    assert_rounded(L, exact)


@holds_for(probabilities_and_truth())
def test_binary_cross_entropy_is_cross_entropy_of_two_classes(pair):
    y_hat, y = pair
    L = cross_entropy(np.stack([1 - y_hat, y_hat], -1), np.stack([1 - y, y], -1))
    expected = binary_cross_entropy(y_hat, y)
    both = np.isfinite(L)  # 1 - y_hat may round to 1, not to 0, so that infinity comes from both or from none
    np.testing.assert_array_equal(np.isfinite(expected), both)
    np.testing.assert_allclose(L[both], expected[both], rtol=12 * eps(y), atol=2 * eps(y))


@holds_for(logits(n_min=2))
def test_cross_entropy_of_softmax_is_minus_log_softmax_of_the_true_class(z):
    Y = hardmax(-z)  # the least probable class is the true one
    expected = -(log_softmax(z) * Y).sum(-1)
    rtol = (12 + float(np.ptp(z.astype(np.float64)))) * eps(z)
    L = cross_entropy(softmax(z), Y)
    visible = softmax(-z).max(-1) > 0
    visible &= (softmax(z) * Y).sum(-1) > tiny(z)  # below, the probability is rounded to a few digits
    np.testing.assert_allclose(L[visible], expected[visible], rtol=rtol, atol=rtol)


@holds_for(st.integers(2, 8), st.data())
def test_no_prediction_costs_less_than_the_truth_itself(C, data):
    rows = arrays(np.float64, C, elements=st.floats(-5, 5))
    Y, Y_hat = softmax(data.draw(rows)), softmax(data.draw(rows))
    assert cross_entropy(Y_hat, Y) >= cross_entropy(Y, Y) - 1e-14


@pytest.mark.parametrize("dtype", DTYPES)
def test_zero_times_log_of_zero_is_0(dtype):
    certain = np.array([1, 0, 0], dtype)
    one = np.ones((1, 2), dtype)
    for L in (cross_entropy(certain, certain), *binary_cross_entropy(certain, certain), *cross_entropy(one, one)):
        assert L == 0
        assert not np.signbit(L)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_true_class_that_got_probability_0_costs_infinity(dtype):
    wrong, true = np.array([[0, 1, 0], [0.5, 0.5, 0]], dtype), np.array([[1, 0, 0], [1, 0, 0]], dtype)
    np.testing.assert_allclose(cross_entropy(wrong, true), [np.inf, math.log(2)])
    np.testing.assert_array_equal(binary_cross_entropy(np.array([0, 1], dtype), np.array([1, 0], dtype)), np.inf)


def test_binary_cross_entropy_keeps_its_digits_near_0():
    y_hat = np.array([1e-30, 1e-12])
    np.testing.assert_allclose(binary_cross_entropy(y_hat, [0, 0]), y_hat, rtol=1e-11)


@holds_for(arrays(np.intp, array_shapes(min_dims=0, max_dims=3), elements=st.integers(0, 8)))
def test_argmax_of_one_hot_gives_the_labels_back(y):
    Y = one_hot(y, 9)
    assert Y.shape == (*y.shape, 9)
    np.testing.assert_array_equal(Y.argmax(-1), y)
    np.testing.assert_array_equal(Y.sum(-1), 1)
    np.testing.assert_array_equal(np.unique(Y), [0, 1])


@holds_for(logits())
def test_one_hot_of_argmax_is_hardmax(z):
    np.testing.assert_array_equal(one_hot(z.argmax(-1), z.shape[-1]), hardmax(z))


def test_one_hot_counts_the_classes_itself():
    assert one_hot([1, 0, 3]).shape == (3, 4)
    assert one_hot(2).shape == (3,)
    assert one_hot([]).shape == (0, 0)
    assert one_hot([], 5).shape == (0, 5)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int32, np.uint64, bool])
def test_one_hot_takes_every_kind_of_integer(kind):
    np.testing.assert_array_equal(one_hot(np.array([1, 0], kind), 2), [[0, 1], [1, 0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, bool])
def test_one_hot_is_of_the_dtype_asked_for(dtype):
    assert one_hot([1, 0], 2, dtype=dtype).dtype == dtype
    assert one_hot([1, 0], 2).dtype == np.float32


# ---- limits: huge and infinite logits -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_huge_logits_are_exact(dtype):
    z = np.array([1e4, 0, -1e4], dtype)
    np.testing.assert_array_equal(softmax(z), [1, 0, 0])
    np.testing.assert_array_equal(log_softmax(z), [0, -1e4, -2e4])
    np.testing.assert_array_equal(hardmax(z), [1, 0, 0])
    np.testing.assert_array_equal(sigmoid(z), [1, 0.5, 0])
    np.testing.assert_array_equal(relu(z), [1e4, 0, 0])
    np.testing.assert_array_equal(tanh(z), [1, 0, -1])
    np.testing.assert_array_equal(softmax(np.full(4, z[0])), 0.25)
    np.testing.assert_array_equal(softmax(np.full(4, z[2])), 0.25)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_logit_of_minus_infinity_has_probability_0(dtype):
    z = np.array([[-np.inf, 3, -np.inf, -np.inf], [-np.inf, 2, 2, -np.inf]], dtype)
    np.testing.assert_array_equal(softmax(z), [[0, 1, 0, 0], [0, 0.5, 0.5, 0]])
    half = -dtype(np.log(dtype(2)))
    np.testing.assert_allclose(
        log_softmax(z), [[-np.inf, 0, -np.inf, -np.inf], [-np.inf, half, half, -np.inf]], rtol=2 * eps(z)
    )
    np.testing.assert_array_equal(hardmax(z), [[0, 1, 0, 0], [0, 1, 0, 0]])


@pytest.mark.parametrize("dtype", DTYPES)
def test_infinity_is_in_the_domain_of_sigmoid_tanh_and_relu(dtype):
    z = np.array([-np.inf, np.inf], dtype)
    np.testing.assert_array_equal(sigmoid(z), [0, 1])
    np.testing.assert_array_equal(tanh(z), [-1, 1])
    np.testing.assert_array_equal(relu(z), [0, np.inf])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_largest_numbers_raise_no_warning(dtype):
    largest = np.finfo(dtype).max / 2
    z = np.array([[largest, -largest, 0]], dtype)
    for equation in OF_LOGITS:
        assert np.isfinite(equation(z)).all()


# ---- what goes in and what comes out --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("equation", OF_LOGITS)
def test_float32_and_float64_stay_what_they_are(equation, dtype):
    assert equation(np.ones((2, 3), dtype)).dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("of_truth", [np.float32, np.float64, np.uint8, bool])
def test_a_loss_has_the_dtype_of_the_prediction(cost, of_truth, dtype):
    assert cost(np.full((2, 3), 0.5, dtype), np.ones((2, 3), of_truth)).dtype == dtype


@pytest.mark.parametrize("equation", OF_LOGITS)
@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.float16, bool])
def test_every_other_kind_of_number_is_computed_in_float64(equation, kind):
    z = np.array([[1, 0, 1]], kind)
    a = equation(z)
    assert a.dtype == np.float64
    np.testing.assert_array_equal(a, equation(z.astype(np.float64)))


@pytest.mark.parametrize("equation", OF_LOGITS)
def test_lists_tuples_and_whole_numbers_will_do(equation):
    expected = equation(np.array([[5.0, 2.0], [-1.0, 3.0]]))
    for z in ([[5, 2], [-1, 3]], ((5.0, 2.0), (-1.0, 3.0)), [np.array([5, 2]), np.array([-1, 3])]):
        np.testing.assert_array_equal(equation(z), expected)


@pytest.mark.parametrize("equation", OF_EACH_NUMBER)
def test_a_single_number_will_do(equation):
    assert equation(1) == equation([1.0])[0]


@pytest.mark.parametrize("cost", COSTS)
def test_a_loss_takes_lists(cost):
    Y_hat, Y = [[0.25, 0.75], [1, 0]], [[0, 1], [1, 0]]
    np.testing.assert_array_equal(cost(Y_hat, Y), cost(np.array(Y_hat), np.array(Y)))


@pytest.mark.parametrize("equation", OF_LOGITS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_equation_leaves_its_argument_alone_and_returns_a_new_array(equation, dtype):
    z = np.array([[5, 2, -1, 3]], dtype)
    a = equation(z)
    assert not np.shares_memory(a, z)
    np.testing.assert_array_equal(z, [[5, 2, -1, 3]])


@pytest.mark.parametrize("cost", COSTS)
def test_a_loss_leaves_its_arguments_alone(cost):
    Y_hat, Y = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])
    cost(Y_hat, Y)
    np.testing.assert_array_equal(Y_hat, [[0, 1]])
    np.testing.assert_array_equal(Y, [[1, 0]])


@pytest.mark.parametrize("equation", OF_LOGITS)
def test_strided_arrays_will_do(equation):
    z = np.random.default_rng(0).normal(size=(4, 6))
    np.testing.assert_array_equal(equation(z[::2, ::-2]), equation(z[::2, ::-2].copy()))


# ---- wrong use ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("equation", OF_LOGITS)
@pytest.mark.parametrize("z", ["abc", ["a", "b"], [1j, 2], None, [None, 1.0], [[1, 2], [3]], object(), {}])
def test_what_is_no_array_of_numbers_is_refused(equation, z):
    with pytest.raises(nn.ArgumentError, match=r"^z: "):
        equation(z)


@pytest.mark.parametrize("equation", OVER_CLASSES)
def test_an_axis_that_z_does_not_have_is_refused(equation):
    with pytest.raises((ValueError, IndexError), match="axis 2"):
        equation([[1.0, 2.0]], axis=2)


@pytest.mark.parametrize("equation", OVER_CLASSES)
@pytest.mark.parametrize("axis", [None, 0.5, "0", (0, 1)])
def test_an_axis_that_is_no_integer_is_refused_by_its_name(equation, axis):
    with pytest.raises(nn.ArgumentError, match="axis"):
        equation([[1.0, 2.0]], axis=axis)


@pytest.mark.parametrize("equation", OVER_CLASSES)
@pytest.mark.parametrize("z", [3.0, [], [[], []]])
def test_logits_of_no_class_are_refused(equation, z):
    with pytest.raises(nn.ArgumentError, match=r"^z: "):
        equation(z)


@pytest.mark.parametrize("equation", OF_LOGITS)
def test_no_examples_give_no_results(equation):
    assert equation(np.empty((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize(("Y_hat", "Y"), [([0.5, 0.5], [1]), ([[0.5, 0.5]], [1, 0]), ([0.5], [[1]])])
def test_shapes_that_differ_are_refused(cost, Y_hat, Y):
    with pytest.raises(nn.ArgumentError, match=r"^Y: expected the shape of Y_hat"):
        cost(Y_hat, Y)


def test_class_indices_instead_of_rows_are_pointed_to_one_hot():
    with pytest.raises(nn.ArgumentError, match="one_hot"):
        cross_entropy([[0.5, 0.5], [0.1, 0.9]], [0, 1])


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("value", [-0.1, 1.1, 5, np.nan, np.inf, -np.inf])
def test_predictions_out_of_0_to_1_are_refused(cost, value):
    with pytest.raises(nn.ArgumentError, match=r"^Y_hat: .*\[0, 1\]"):
        cost([0.5, value], [1, 0])


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("value", [-1, 2, np.nan, np.inf])
def test_truth_out_of_0_to_1_is_refused(cost, value):
    with pytest.raises(nn.ArgumentError, match=r"^Y: .*\[0, 1\]"):
        cost([0.5, 0.5], [1, value])


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("wrong", [["a", "b"], [1j, 0], [None, 1], None])
def test_a_loss_names_the_argument_that_is_no_array_of_numbers(cost, wrong):
    with pytest.raises(nn.ArgumentError, match=r"^Y_hat: "):
        cost(wrong, [1, 0])
    with pytest.raises(nn.ArgumentError, match=r"^Y: "):
        cost([0.5, 0.5], wrong)


@pytest.mark.parametrize("y", [[0.0, 1.0], 1.5, ["0", "1"], [1j], None, [[0, 1], [2]], [np.nan]])
def test_labels_that_are_no_integers_are_refused(y):
    with pytest.raises(nn.ArgumentError, match=r"^y: "):
        one_hot(y, 3)


@pytest.mark.parametrize(("y", "label"), [([0, -1], -1), ([0, 3], 3), (np.array([200], np.uint8), 200)])
def test_a_label_out_of_range_is_refused_with_the_range(y, label):
    with pytest.raises(nn.ArgumentError, match=rf"^y: label {label} is out of range for 3 classes \(labels are 0..2\)"):
        one_hot(y, 3)


def test_a_negative_label_is_refused_where_the_classes_are_counted():
    with pytest.raises(nn.ArgumentError, match=r"^y: label -1 is out of range") as error:
        one_hot([0, -1])
    assert "None" not in str(error.value)


@pytest.mark.parametrize("n_classes", [0, -1, 2.0, "3", True, [3]])
def test_a_number_of_classes_that_is_no_positive_integer_is_refused(n_classes):
    with pytest.raises(nn.ArgumentError, match=r"^n_classes: "):
        one_hot([0], n_classes)


def test_wrong_use_is_both_a_value_error_and_a_type_error():
    for kind in (ValueError, TypeError, nn.NnliteError):
        with pytest.raises(kind):
            softmax("five")
