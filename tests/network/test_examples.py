"""Facts about checked examples: X, y and weights that fit each other."""

import numpy as np
import pytest

from nnlite.network.examples import Examples, check_lengths, check_weights, check_X, contiguous

from ..support import for_each, refuse

X = np.arange(20.0).reshape(10, 2)
Y = np.arange(10)
WEIGHTS = np.linspace(0, 1, 10)


# ---- a set of examples ----------------------------------------------------------------------------------------


def test_a_batch_has_the_examples_of_a_slice_with_their_weights():
    batch = Examples(X, Y, WEIGHTS).batch(slice(3, 5))
    np.testing.assert_array_equal(batch.X, X[3:5])
    np.testing.assert_array_equal(batch.y, [3, 4])
    np.testing.assert_array_equal(batch.weights, WEIGHTS[3:5])
    assert batch.rows is None
    assert Examples(X, Y).batch(slice(3, 5)).weights is None


def test_rows_select_examples_and_give_their_order():
    examples = Examples(X, Y, WEIGHTS, rows=np.array([7, 0, 9]))
    assert examples.size == 3
    batch = examples.batch(slice(0, 2))
    np.testing.assert_array_equal(batch.y, [7, 0])
    np.testing.assert_array_equal(batch.X, X[[7, 0]])
    np.testing.assert_array_equal(batch.weights, WEIGHTS[[7, 0]])


def test_without_rows_all_examples_are_selected():
    assert Examples(X, Y).size == 10


def test_the_fingerprint_is_the_same_for_equal_examples():
    fingerprint = Examples(X, Y, WEIGHTS).fingerprint()
    assert fingerprint == Examples(X.copy(), Y.copy(), WEIGHTS.copy()).fingerprint()
    assert fingerprint == Examples(np.asfortranarray(X), Y, WEIGHTS).fingerprint()
    assert len(fingerprint) == 8
    int(fingerprint, 16)


def test_the_fingerprint_changes_with_each_array_and_with_the_order():
    changed = X.copy()
    changed[9, 1] += 1
    rows = np.arange(10)
    examples = [
        Examples(X, Y),
        Examples(X, Y, WEIGHTS),
        Examples(changed, Y),
        Examples(X, Y[::-1]),
        Examples(X, Y, rows=rows),
        Examples(X, Y, rows=rows[::-1].copy()),
        Examples(X, Y, rows=rows[:9]),
    ]
    assert len({each.fingerprint() for each in examples}) == len(examples)


# ---- checks ---------------------------------------------------------------------------------------------------


def test_x_becomes_an_array_that_is_not_cast():
    assert check_X([[1, 2], [3, 4]], (2,), np.float32).dtype.kind == "i"
    images = np.zeros((3, 4, 5), np.uint8)
    assert check_X(images, (4, 5), np.float32) is images
    assert check_X(images, None, np.float32) is images


@for_each(
    ("wrong", "fragments"),
    [
        (np.ones(4), ["data: expected two dimensions", "shape (4,)", "an example of this network has 2 features"]),
        (3.0, ["data: expected two dimensions", "shape ()"]),
        (np.ones((0, 2)), ["data: expected at least one example and one feature, got shape (0, 2)"]),
        (np.ones((2, 0)), ["data: expected at least one example and one feature, got shape (2, 0)"]),
        (np.ones((2, 3)), ["data: expected 2 features, as the network was built for, got 3 features (shape (2, 3))"]),
        (np.ones((2, 2, 3)), ["data: expected 2 features", "got examples of shape (2, 3)"]),
        ([["a", "b"]], ["data: "]),
        ([[1.0, np.nan]], ["data", "[0, 1]"]),
        ([[1.0, 1e300]], ["data", "1e+300"]),
    ],
)
def test_a_wrong_x_is_refused(wrong, fragments):
    refuse(lambda: check_X(wrong, (2,), np.float32, "data"), *fragments)


def test_only_the_dtype_of_the_network_limits_x():
    assert check_X([[1.0, 1e300]], (2,), np.float64).max() == 1e300


def test_each_example_has_one_label():
    check_lengths(X, Y)
    refuse(lambda: check_lengths(X, Y[:9]), "y: expected 10 labels, one for each row of X (10, 2), got 9")
    refuse(lambda: check_lengths(X, Y[:2], "data", "labels"), "labels: expected 10", "rows are examples: pass data.T")
    with pytest.raises(ValueError, match=r"got 9$"):
        check_lengths(X, Y[:9])


def test_weights_are_float64_and_none_stays_none():
    assert check_weights(None, 3) is None
    weights = check_weights([1, 0, 2], 3)
    assert weights.dtype == np.float64
    np.testing.assert_array_equal(weights, [1, 0, 2])
    np.testing.assert_array_equal(check_weights([0, 0], 2, all_zero=True), [0, 0])


@for_each(
    ("wrong", "message"),
    [
        ([1, 2], "w: expected one weight for each of 3 examples, got shape (2,)"),
        ([[1], [2], [3]], "w: expected one weight for each of 3 examples, got shape (3, 1)"),
        ([1, -1e-9, 1], "w: expected weights of at least 0, not all 0, got -1e-09 to 1.0"),
        ([0, 0, 0], "w: expected weights of at least 0, not all 0, got 0 to 0"),
        ([1, np.nan, 1], "w"),
        ([1, np.inf, 1], "w"),
        (["a", "b", "c"], "w"),
    ],
)
def test_wrong_weights_are_refused(wrong, message):
    refuse(lambda: check_weights(wrong, 3, "w"), message)


def test_negative_weights_are_refused_where_all_may_be_zero():
    refuse(lambda: check_weights([0, -1], 2, all_zero=True), "sample_weight: expected weights of at least 0")


def test_contiguous_copies_only_where_it_must():
    assert np.shares_memory(contiguous(X), X)
    for array in (X.T, X[::2], X.astype(">f8")):
        made = contiguous(array)
        assert made.flags.c_contiguous
        assert made.dtype.isnative
        np.testing.assert_array_equal(made, array)
