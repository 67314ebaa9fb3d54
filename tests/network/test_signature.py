"""Facts about the signature of a network: what it takes and gives."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.network.signature import Signature

from ..support import for_each, refuse
from .common import KINDS, X, of_kind


def signature(output=None, units=3, dtype="float32"):
    return Signature((4,), units, np.dtype(dtype), output or nn.Softmax())


def test_the_signature_of_a_network_has_its_input_shape_units_dtype_and_output():
    model = nn.Model([nn.Flatten(), nn.Dense(3), nn.Softmax()], n_features=(2, 2), dtype="float64")
    assert model.signature == Signature((2, 2), 3, np.dtype("float64"), model.output)


def test_a_network_that_is_not_built_has_no_signature():
    model = of_kind(n_features=None)
    refuse(lambda: model.signature, "signature: the network does not know its input size", error=nn.NotBuiltError)


def test_a_network_that_is_not_built_has_a_signature_for_examples_and_stays_unbuilt():
    model = of_kind(n_features=None)
    assert model.signature_for(X) == Signature((5,), 3, np.dtype("float32"), model.output)
    assert not model.built
    refuse(lambda: model.signature_for([1.0, 2.0], "batch 0 X"), "batch 0 X: expected two dimensions")
    refuse(lambda: model.signature_for(np.ones((2, 3, 4)), "batch 0 X"), "batch 0 X: Dense(7) expects examples of one")


def test_a_built_network_has_one_signature_for_any_examples():
    model = of_kind()
    assert model.signature_for(np.ones((2, 9))) == model.signature


@pytest.mark.parametrize(
    ("output", "units", "n_classes"),
    [(nn.Softmax, 3, 3), (nn.Sigmoid, 1, 2), (nn.Sigmoid, 3, None), (nn.Identity, 1, None)],
)
def test_the_number_of_classes_is_that_of_the_output(output, units, n_classes):
    assert signature(output(), units).n_classes == n_classes


def test_targets_are_checked_by_the_output_and_must_be_finite_in_the_dtype():
    np.testing.assert_array_equal(signature().check_targets([0, 2]), [0, 2])
    refuse(lambda: signature().check_targets([0, 3]), "y: ", "3")
    refuse(lambda: signature().check_targets([0, 3], "val_y"), "val_y: ")
    values = [[1e300, 0, 0]]
    assert signature(nn.Identity(), dtype="float64").check_targets(values).tolist() == values
    refuse(lambda: signature(nn.Identity()).check_targets(values), "y", "1e+300")


@for_each("kind", KINDS)
def test_target_rows_have_the_units_and_dtype_of_the_network(kind):
    of_network = of_kind(kind, dtype="float64").signature
    rows = of_network.target_rows(of_network.check_targets(KINDS[kind][2]))
    assert rows.shape == (24, KINDS[kind][0])
    assert rows.dtype == np.float64


def test_class_indices_become_one_hot_rows():
    np.testing.assert_array_equal(signature().target_rows(np.array([2, 0])), [[0, 0, 1], [1, 0, 0]])


def test_check_returns_x_y_and_weights_as_arrays():
    examples = signature().check([[1, 2, 3, 4], [5, 6, 7, 8]], [0, 2], [1, 3])
    np.testing.assert_array_equal(examples.X, [[1, 2, 3, 4], [5, 6, 7, 8]])
    np.testing.assert_array_equal(examples.y, [0, 2])
    np.testing.assert_array_equal(examples.weights, [1, 3])
    assert examples.X.dtype.kind == "i"  # cast batch by batch
    assert examples.weights.dtype == np.float64
    assert examples.rows is None
    assert signature().check(np.ones((2, 4)), [0, 2]).weights is None


def test_check_returns_contiguous_arrays_of_native_byte_order():
    data = np.ones((4, 6), ">f4")[:, ::-1].T
    examples = signature().check(data, np.array([0, 1, 2] * 4, ">i4")[::2])
    for array in (examples.X, examples.y):
        assert array.flags.c_contiguous
        assert array.dtype.isnative


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((2, 5)), [0, 1]), "validation_X: expected 4 features"),
        ((np.ones((2, 4)), [0, 9]), "validation_y: "),
        ((np.ones((2, 4)), [0, 1, 2]), "validation_y: expected 2 labels, one for each row of validation_X (2, 4)"),
        ((np.ones((2, 4)), [0, 1], [1, -1]), "validation_sample_weight: expected weights of at least 0"),
    ],
)
def test_errors_name_the_argument_with_its_prefix(arguments, message):
    refuse(lambda: signature().check(*arguments, prefix="validation_"), message)


def test_weights_may_all_be_zero_only_on_request():
    refuse(lambda: signature().check(np.ones((2, 4)), [0, 1], [0, 0]), "sample_weight: expected weights", "not all 0")
    assert signature().check(np.ones((2, 4)), [0, 1], [0, 0], all_zero=True).weights.sum() == 0


def test_cast_copies_only_where_the_dtype_differs():
    single, double = np.ones((2, 4), np.float32), np.ones((2, 4))
    assert signature().cast(single) is single
    assert signature().cast(double).dtype == np.float32
