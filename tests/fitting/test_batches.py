"""Facts about nnlite.batches: every example once in each iteration, in an order that the seed determines."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlite.fitting.batches import batches

M, SIZE = 22, 5  # the last of five batches has two examples
RNG = np.random.default_rng(0)
X = RNG.standard_normal((M, 4))
y = RNG.integers(0, 3, M)
weight = RNG.integers(0, 3, M).astype(float)
NUMBERS = np.arange(M)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 45), st.booleans(), st.none() | st.integers(0, 9))
def test_batches_give_every_example_once(m, size, shuffle, seed):
    source = batches(np.arange(m)[:, None], np.arange(m) + 100, size, seed, shuffle=shuffle)
    for _ in range(2):
        given = list(source)
        assert len(given) == len(source) == math.ceil(m / size)
        assert [len(a) for a, _ in given] == [size] * (m // size) + ([m % size] if m % size else [])
        numbers = np.concatenate([a[:, 0] for a, _ in given])
        np.testing.assert_array_equal(np.concatenate([b for _, b in given]), numbers + 100)
        np.testing.assert_array_equal(numbers if not shuffle else np.sort(numbers), np.arange(m))


def orders(source, n=3):
    return [np.concatenate([a[:, 0] for a, *_ in source]).tolist() for _ in range(n)]


def numbered(**options):
    return batches(NUMBERS[:, None], y, **options)


def test_the_seed_determines_the_orders_and_each_iteration_has_another():
    first = orders(numbered(seed=3))
    assert first == orders(numbered(seed=3))
    assert len({tuple(order) for order in [*first, *orders(numbered(seed=4)), *orders(numbered())]}) == 9


def test_without_shuffling_the_examples_keep_their_order():
    assert orders(numbered(shuffle=False)) == [NUMBERS.tolist()] * 3


def test_numpys_global_generator_is_not_used():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    orders(numbered())
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("size", [SIZE, M])
def test_changing_a_batch_does_not_change_the_data(shuffle, size):
    kept, labels, weights = X.copy(), y.copy(), weight.copy()
    given = list(batches(kept, labels, size, 0, shuffle=shuffle, sample_weight=weights))
    for arrays in given:
        for array in arrays:
            array[...] = 9
    np.testing.assert_array_equal(kept, X)
    np.testing.assert_array_equal(labels, y)
    np.testing.assert_array_equal(weights, weight)


def test_a_batch_is_not_overwritten_by_the_next():
    source = batches(X, y, SIZE, shuffle=False)
    given = list(source)
    list(source)
    np.testing.assert_array_equal(np.concatenate([a for a, _ in given]), X)


def test_weights_go_with_their_examples():
    for a, _, w in batches(NUMBERS[:, None], y, SIZE, 0, sample_weight=NUMBERS + 1):
        np.testing.assert_array_equal(a[:, 0] + 1, w)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.int64, bool])
def test_batches_keep_the_dtype(dtype):
    (a, b), *_ = batches(np.ones((M, 2, 2), dtype), y.astype(np.uint8))
    assert (a.dtype, a.shape, b.dtype) == (dtype, (M, 2, 2), np.uint8)


def test_lists_rows_and_two_loops_at_once():
    (a, b), *_ = batches([[1], [2]], [[0.5, 0.5], [0, 1]], shuffle=False)
    assert (a.tolist(), b.tolist()) == ([[1], [2]], [[0.5, 0.5], [0, 1]])
    source = numbered(batch_size=3, shuffle=False)
    for (one, _), (other, _) in zip(source, source, strict=True):
        np.testing.assert_array_equal(one, other)
