"""Facts about softmax, log_softmax, hardmax and one_hot: the figures of the course, their properties, their limits."""

import math

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import nnlite as nn
from nnlite.functional import hardmax, log_softmax, one_hot, softmax

from ..support import for_each, holds_for, refuse
from .draws import DTYPES, OVER_CLASSES, eps, extended, logits, tiny


@st.composite
def whole_logits(draw):
    """Draw whole numbers, whose sums and differences are exact."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = (draw(st.integers(1, 3)), draw(st.integers(2, 6)))
    return draw(arrays(np.int64, shape, elements=st.integers(-1000, 1000))).astype(dtype)


def exact_softmax(z):
    temp = np.exp(extended(z) - extended(z).max(-1, keepdims=True))
    return temp / temp.sum(-1, keepdims=True)


# ---- the figures of the course -------------------------------------------------------------------------------------


def test_softmax_of_the_course():
    np.testing.assert_array_equal(softmax([5, 2, -1, 3]).round(3), [0.842, 0.042, 0.002, 0.114])


def test_softmax_of_the_course_is_temp_over_sum():
    temp = [math.exp(5), math.exp(2), math.exp(-1), math.exp(3)]
    np.testing.assert_allclose(softmax([5, 2, -1, 3]), np.array(temp) / sum(temp), rtol=1e-15)


def test_hardmax_of_the_course():
    np.testing.assert_array_equal(hardmax([5, 2, -1, 3]), [1, 0, 0, 0])


# ---- softmax, log_softmax, hardmax ---------------------------------------------------------------------------------


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


@holds_for(logits(), st.randoms(use_true_random=False))
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


@pytest.mark.parametrize("C", [2, 7, 1000])
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


@holds_for(st.lists(st.integers(-20, 20), min_size=2, max_size=8, unique=True))
def test_softmax_of_ever_larger_logits_becomes_hardmax(z):
    np.testing.assert_array_equal(softmax(1000 * np.array(z)), hardmax(z))


@for_each("equation", OVER_CLASSES)
@for_each("axis", [0, 1, 2, -1, -2, -3])
def test_axis_says_where_the_classes_are(equation, axis):
    z = np.random.default_rng(0).normal(size=(2, 3, 4))
    expected = np.moveaxis(equation(np.moveaxis(z, axis, -1)), -1, axis)
    np.testing.assert_allclose(equation(z, axis=axis), expected, rtol=1e-15)
    np.testing.assert_array_equal(equation(z, axis), equation(z, axis=axis))


def test_the_classes_are_on_the_last_axis_by_default():
    z = np.random.default_rng(0).normal(size=(2, 3, 4))
    for equation in OVER_CLASSES:
        np.testing.assert_array_equal(equation(z), equation(z, axis=2))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_logit_of_minus_infinity_has_probability_0(dtype):
    z = np.array([[-np.inf, 3, -np.inf, -np.inf], [-np.inf, 2, 2, -np.inf]], dtype)
    np.testing.assert_array_equal(softmax(z), [[0, 1, 0, 0], [0, 0.5, 0.5, 0]])
    half = -dtype(np.log(dtype(2)))
    np.testing.assert_allclose(
        log_softmax(z), [[-np.inf, 0, -np.inf, -np.inf], [-np.inf, half, half, -np.inf]], rtol=2 * eps(z)
    )
    np.testing.assert_array_equal(hardmax(z), [[0, 1, 0, 0], [0, 1, 0, 0]])


@pytest.mark.parametrize("equation", OVER_CLASSES)
def test_a_column_of_logits_as_in_the_course_needs_axis_0(equation):
    column = [[5], [2], [-1], [3]]
    np.testing.assert_array_equal(equation(column, axis=0).ravel(), equation([5, 2, -1, 3]))
    refuse(lambda: equation(column), "z: expected at least two classes", "got shape (4, 1)", "need axis=0")


# ---- one_hot -------------------------------------------------------------------------------------------------------


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


# ---- wrong use -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("equation", OVER_CLASSES)
def test_an_axis_that_z_does_not_have_is_refused(equation):
    with pytest.raises((ValueError, IndexError), match="axis 2"):
        equation([[1.0, 2.0]], axis=2)


@for_each("equation", OVER_CLASSES)
@for_each("axis", [None, 0.5, "0", (0, 1)])
def test_an_axis_that_is_not_an_integer_is_refused_by_its_name(equation, axis):
    with pytest.raises(nn.ArgumentError, match="axis"):
        equation([[1.0, 2.0]], axis=axis)


@for_each("equation", OVER_CLASSES)
@for_each("z", [3.0, [], [[], []], [3.0]])
def test_logits_of_no_class_or_one_are_refused(equation, z):
    with pytest.raises(nn.ArgumentError, match=r"^z: expected at least two classes along axis -1, got shape [^;]*$"):
        equation(z)


@for_each("y", [[0.0, 1.0], 1.5, ["0", "1"], [1j], None, [[0, 1], [2]], [np.nan]])
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


@for_each("n_classes", [0, -1, 2.0, "3", True, [3]])
def test_a_number_of_classes_that_is_not_a_positive_integer_is_refused(n_classes):
    with pytest.raises(nn.ArgumentError, match=r"^n_classes: "):
        one_hot([0], n_classes)
