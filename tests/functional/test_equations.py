"""Facts about all equations of logits or pre-activations: extreme numbers, dtypes, what they take and refuse."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.functional import hardmax, log_softmax, relu, sigmoid, softmax, tanh

from ..support import for_each
from .draws import DTYPES, OF_EACH_NUMBER, OVER_CLASSES

OF_LOGITS = [*OVER_CLASSES, *OF_EACH_NUMBER]


# ---- extreme numbers -----------------------------------------------------------------------------------------------


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
def test_the_largest_numbers_raise_no_warning(dtype):
    largest = np.finfo(dtype).max / 2
    z = np.array([[largest, -largest, 0]], dtype)
    for equation in OF_LOGITS:
        assert np.isfinite(equation(z)).all()


# ---- arguments and results -----------------------------------------------------------------------------------------


@for_each("dtype", DTYPES)
@for_each("equation", OF_LOGITS)
def test_float32_and_float64_stay_what_they_are(equation, dtype):
    assert equation(np.ones((2, 3), dtype)).dtype == dtype


@for_each("equation", OF_LOGITS)
@for_each("kind", [np.int8, np.uint8, np.int64, np.float16, bool])
def test_every_other_kind_of_number_is_computed_in_float64(equation, kind):
    z = np.array([[1, 0, 1]], kind)
    a = equation(z)
    assert a.dtype == np.float64
    np.testing.assert_array_equal(a, equation(z.astype(np.float64)))


@for_each("equation", OF_LOGITS)
def test_lists_tuples_and_integers_are_accepted(equation):
    expected = equation(np.array([[5.0, 2.0], [-1.0, 3.0]]))
    for z in ([[5, 2], [-1, 3]], ((5.0, 2.0), (-1.0, 3.0)), [np.array([5, 2]), np.array([-1, 3])]):
        np.testing.assert_array_equal(equation(z), expected)


@for_each("equation", OF_EACH_NUMBER)
def test_a_single_number_is_accepted(equation):
    assert equation(1) == equation([1.0])[0]


@for_each("equation", OF_LOGITS)
@for_each("dtype", DTYPES)
def test_an_equation_leaves_its_argument_alone_and_returns_a_new_array(equation, dtype):
    z = np.array([[5, 2, -1, 3]], dtype)
    a = equation(z)
    assert not np.shares_memory(a, z)
    np.testing.assert_array_equal(z, [[5, 2, -1, 3]])


@for_each("equation", OF_LOGITS)
def test_strided_arrays_are_accepted(equation):
    z = np.random.default_rng(0).normal(size=(4, 6))
    np.testing.assert_array_equal(equation(z[::2, ::-2]), equation(z[::2, ::-2].copy()))


# ---- wrong use -----------------------------------------------------------------------------------------------------


@for_each("equation", OF_LOGITS)
@for_each("z", ["abc", ["a", "b"], [1j, 2], None, [None, 1.0], [[1, 2], [3]], object(), {}])
def test_anything_but_an_array_of_numbers_is_refused(equation, z):
    with pytest.raises(nn.ArgumentError, match=r"^z: "):
        equation(z)


@for_each("equation", OF_LOGITS)
def test_no_examples_give_no_results(equation):
    assert equation(np.empty((0, 3))).shape == (0, 3)


def test_wrong_use_is_both_a_value_error_and_a_type_error():
    for kind in (ValueError, TypeError, nn.NnliteError):
        with pytest.raises(kind):
            softmax("five")
