"""Facts about samples of examples on the disk."""

import numpy as np

import nnlite as nn
from nnlite.stored.sampling import sample_of

N = 100_000
X = np.stack([np.arange(N), np.arange(N) % 7], axis=1).astype(np.float32)


def stored(**options):
    return nn.open_data(X, y=np.arange(N) // (N // 10), memory=3 * 2**18, **options)


def test_a_sample_is_spread_over_sorted_data_and_the_same_for_the_same_seed():
    data = stored()
    assert len(data.counts) > 10
    found, again, other = (sample_of(data, 2000, 2**20, seed) for seed in (0, 0, 1))
    assert found.X.shape == (2000, 2)
    np.testing.assert_array_equal(found.X, again.X)
    assert not np.array_equal(found.X, other.X)
    assert (np.diff(found.X[:, 0]) > 0).all()  # in the order of the data, each row once
    np.testing.assert_array_equal(found.y, found.X[:, 0] // (N // 10))
    assert np.abs(np.bincount(found.y) - 200).max() <= 20  # each part of the data has its share


def test_a_sample_is_no_larger_than_its_memory_and_all_of_small_data():
    assert len(sample_of(stored(), 10**6, 1600).X) == 100
    assert len(sample_of(stored(), 10**6, 1).X) == 1
    assert len(sample_of(stored(), 10**6, 2**30).X) == N


def test_a_sample_of_a_part_has_rows_of_that_part_alone():
    rest, held_out = stored().split(0.01)
    found = sample_of(held_out, 500, 2**20)
    of_held_out = set(held_out.read(0, len(held_out))[0][:, 0].tolist())
    assert len(found.X) == 500
    assert set(found.X[:, 0].tolist()) <= of_held_out
    assert not set(sample_of(rest, 500, 2**20).X[:, 0].tolist()) & of_held_out
