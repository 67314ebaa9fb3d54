"""Facts about vectors that begin with a line of the processor's cache."""

import numpy as np
import pytest

from nnlite.engine.memory import LINE, WORTH_IT, aligned, aligned_copy


def begins(vector):
    return vector.__array_interface__["data"][0] % LINE


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", bool])
@pytest.mark.parametrize("n_bytes", [0, 8, WORTH_IT - 8, WORTH_IT, WORTH_IT + 8, 1_000_000])
def test_it_has_the_size_asked_for_and_if_long_begins_a_line(n_bytes, dtype):
    size = n_bytes // np.dtype(dtype).itemsize
    for _ in range(5):
        vector = aligned(size, dtype)
        assert vector.shape == (size,)
        assert vector.dtype == dtype
        assert not vector.any()
        assert vector.flags.writeable
        assert n_bytes < WORTH_IT or begins(vector) == 0


def test_objects_are_kept_as_numpy_keeps_them():
    assert aligned(10_000, object, np.empty).tolist() == [None] * 10_000


def test_a_copy_has_the_numbers_and_none_of_the_memory():
    vector = np.arange(5000.0)[::2]
    copy = aligned_copy(vector, "float32")
    assert copy.dtype == np.float32
    np.testing.assert_array_equal(copy, vector)
    assert not np.shares_memory(aligned_copy(vector), vector)
