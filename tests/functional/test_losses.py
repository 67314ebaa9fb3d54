"""Facts about cross_entropy and binary_cross_entropy: the figures of the course, their properties, their limits."""

import math

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import nnlite as nn
from nnlite.functional import binary_cross_entropy, cross_entropy, hardmax, log_softmax, softmax

from ..support import for_each, holds_for, refuse
from .draws import DTYPES, eps, extended, logits, numbers, tiny

pytestmark = pytest.mark.filterwarnings("ignore:.*swapped")  # draws of 0 and 1 often look so

COSTS = [cross_entropy, binary_cross_entropy]


@st.composite
def probabilities_and_truth(draw):
    """Draw Y_hat and Y of the same shape with entries in [0, 1], often exactly 0 or 1."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = *draw(array_shapes(min_dims=0, max_dims=1, max_side=5)), draw(st.integers(2, 5))
    unit = st.one_of(numbers(0, 1, dtype), st.sampled_from([0.0, 1.0, 0.5]))
    return draw(arrays(dtype, shape, elements=unit)), draw(arrays(dtype, shape, elements=unit))


def minus_y_log(Y, Y_hat, log=np.log):
    """``- y log y_hat`` in extended precision, with 0 log 0 = 0 and log 0 = -infinity."""
    Y, value = extended(Y), extended(Y_hat)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(Y == 0, 0, -Y * log(value))


def assert_rounded(L, exact):
    """Check that L, a sum of terms of one sign, is exact up to the rounding of each operation."""
    finite = np.isfinite(exact)
    np.testing.assert_array_equal(np.isfinite(L), finite)
    allowed = 12 * eps(L) * exact[finite] + 10 * tiny(L)
    assert np.all(np.abs(L[finite] - exact[finite]) <= allowed)


# ---- the figures of the course -------------------------------------------------------------------------------------


def test_loss_of_the_course_is_minus_log_of_the_probability_of_the_true_class():
    assert cross_entropy([0.3, 0.2, 0.1, 0.4], [0, 1, 0, 0]) == pytest.approx(-math.log(0.2), rel=1e-15)


def test_cost_of_the_course_is_the_mean_of_the_losses():
    Y_hat = [[0.3, 0.2, 0.1, 0.4], [0.05, 0.9, 0.03, 0.02]]  # 20% certain that it is a cat, and 90%
    L = cross_entropy(Y_hat, [[0, 1, 0, 0], [0, 1, 0, 0]])
    assert L.mean() == pytest.approx(-(math.log(0.2) + math.log(0.9)) / 2, rel=1e-15)
    assert L[0] > L[1]


# ---- properties ----------------------------------------------------------------------------------------------------


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


@holds_for(logits())
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


def test_cross_entropy_of_columns_as_in_the_course_needs_axis_0():
    Y_hat, Y = np.array([[0.3, 0.2, 0.1, 0.4]]).T, np.array([[0, 1, 0, 0]]).T
    np.testing.assert_array_equal(cross_entropy(Y_hat, Y, axis=0), cross_entropy(Y_hat.T, Y.T))
    refuse(lambda: cross_entropy(Y_hat, Y), "Y_hat: expected at least two classes", "(4, 1)", "need axis=0")


def test_cross_entropy_of_single_probabilities_is_pointed_to_the_binary_one():
    refuse(lambda: cross_entropy([0.2], [1]), "Y_hat: expected at least two classes", "binary_cross_entropy")


# ---- arguments and results -----------------------------------------------------------------------------------------


@for_each("dtype", DTYPES)
@for_each("cost", COSTS)
@for_each("of_truth", [np.float32, np.float64, np.uint8, bool])
def test_a_loss_has_the_dtype_of_the_prediction(cost, of_truth, dtype):
    assert cost(np.full((2, 3), 0.5, dtype), np.ones((2, 3), of_truth)).dtype == dtype


@pytest.mark.parametrize("cost", COSTS)
def test_a_loss_takes_lists(cost):
    Y_hat, Y = [[0.25, 0.75], [1, 0]], [[0, 1], [1, 0]]
    np.testing.assert_array_equal(cost(Y_hat, Y), cost(np.array(Y_hat), np.array(Y)))


@pytest.mark.parametrize("cost", COSTS)
def test_a_loss_leaves_its_arguments_alone(cost):
    Y_hat, Y = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])
    cost(Y_hat, Y)
    np.testing.assert_array_equal(Y_hat, [[0, 1]])
    np.testing.assert_array_equal(Y, [[1, 0]])


@pytest.mark.parametrize("cost", COSTS)
def test_a_prediction_of_0_and_1_for_a_truth_that_is_not_is_taken_for_swapped(cost):
    Y_hat, Y = [0.3, 0.2, 0.1, 0.4], [0, 1, 0, 0]
    with pytest.warns(UserWarning, match=r"entropy\(Y_hat, Y\): .* swapped"):
        cost(Y, Y_hat)
    cost(Y_hat, Y)
    cost(Y_hat, Y_hat)
    cost(Y, Y)


# ---- wrong use -----------------------------------------------------------------------------------------------------


@for_each("cost", COSTS)
@for_each(("Y_hat", "Y"), [([0.5, 0.5], [1]), ([[0.5, 0.5]], [1, 0]), ([0.5], [[1]])])
def test_shapes_that_differ_are_refused(cost, Y_hat, Y):
    with pytest.raises(nn.ArgumentError, match=r"^Y: expected the shape of Y_hat"):
        cost(Y_hat, Y)


def test_class_indices_instead_of_rows_are_pointed_to_one_hot():
    with pytest.raises(nn.ArgumentError, match="one_hot"):
        cross_entropy([[0.5, 0.5], [0.1, 0.9]], [0, 1])


@for_each("cost", COSTS)
@for_each("value", [-0.1, 1.1, 5, np.nan, np.inf, -np.inf])
def test_predictions_out_of_0_to_1_are_refused(cost, value):
    with pytest.raises(nn.ArgumentError, match=r"^Y_hat: .*\[0, 1\]"):
        cost([0.5, value], [1, 0])


@for_each("cost", COSTS)
@for_each("value", [-1, 2, np.nan, np.inf])
def test_truth_out_of_0_to_1_is_refused(cost, value):
    with pytest.raises(nn.ArgumentError, match=r"^Y: .*\[0, 1\]"):
        cost([0.5, 0.5], [1, value])


@for_each("cost", COSTS)
@for_each("wrong", [["a", "b"], [1j, 0], [None, 1], None])
def test_a_loss_names_the_argument_that_is_not_an_array_of_numbers(cost, wrong):
    with pytest.raises(nn.ArgumentError, match=r"^Y_hat: "):
        cost(wrong, [1, 0])
    with pytest.raises(nn.ArgumentError, match=r"^Y: "):
        cost([0.5, 0.5], wrong)
