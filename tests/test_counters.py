"""Random numbers by counting: SplitMix64's published numbers, their distribution, and what they depend on.

A mean of n draws must be within 5 of its own standard deviations.
"""

import math

import numpy as np
import pytest

from nnlite import counters

N = 200_000
KEYS = [np.uint64(key) for key in (0, 1, 2**63, 2**64 - 1, 0x9E3779B97F4A7C15, 1234567)]
every_key = pytest.mark.parametrize("key", KEYS, ids=hex)


def correlation(x, y):
    """The correlation of two vectors, times the root of their length: about standard normal if they are independent."""
    return np.corrcoef(x, y)[0, 1] * math.sqrt(len(x))


def excess(cells, n_cells):
    """Chi squared of the numbers of draws in equally probable cells, less its mean, in its standard deviations."""
    counts = np.bincount(cells, minlength=n_cells)
    expected = len(cells) / n_cells
    return (((counts - expected) ** 2 / expected).sum() - (n_cells - 1)) / math.sqrt(2 * (n_cells - 1))


# ---- bits -----------------------------------------------------------------------------------------------------


def test_the_bits_are_those_that_the_authors_of_splitmix64_published():
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert counters.random_bits(np.uint64(1234567), 3).tolist() == published


@every_key
def test_each_bit_is_1_in_half_of_the_draws_and_independent_of_the_others(key):
    bits = np.unpackbits(counters.random_bits(key, N // 4).view(np.uint8)).reshape(-1, 64)
    deviations = 2.0 * bits - 1
    assert np.abs(deviations.sum(axis=0)).max() < 5 * math.sqrt(len(bits))
    together = deviations.T @ deviations - len(bits) * np.eye(64)
    assert np.abs(together).max() < 5.5 * math.sqrt(len(bits))  # the largest of 2,016


def test_no_bits_come_twice():
    assert len(np.unique(counters.random_bits(KEYS[0], N))) == N


# ---- uniform numbers ------------------------------------------------------------------------------------------


@every_key
def test_uniform_numbers_have_the_moments_of_their_distribution(key):
    u = counters.uniform(key, (N,))
    assert u.min() >= 0
    assert u.max() < 1
    for k in range(1, 7):  # E u^k = 1 / (k + 1)
        sigma = math.sqrt(1 / (2 * k + 1) - 1 / (k + 1) ** 2)
        assert abs((u**k).mean() - 1 / (k + 1)) < 5 * sigma / math.sqrt(N)


@every_key
def test_uniform_numbers_fall_into_equal_cells_equally_often(key):
    u = counters.uniform(key, (N,))
    assert abs(excess((1000 * u).astype(int), 1000)) < 5
    low = (u * 2**24).astype(int) % 256  # the last of their 24 bits
    assert abs(excess(low, 256)) < 5


def test_uniform_numbers_are_multiples_of_2_to_the_minus_24_and_the_same_in_float32():
    u = counters.uniform(KEYS[1], (N,))
    np.testing.assert_array_equal(u * 2**24, np.floor(u * 2**24))
    single = counters.uniform(KEYS[1], (N,), np.float32)
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, u)


@every_key
@pytest.mark.parametrize("apart", [1, 2, 3, 31, 32, 33, 1000, 4096])
def test_numbers_at_places_apart_are_independent(key, apart):
    u = counters.uniform(key, (N,))
    assert abs(correlation(u[:-apart], u[apart:])) < 5
    assert abs(correlation((u[:-apart] - 0.5) ** 2, (u[apart:] - 0.5) ** 2)) < 5
    cells = (16 * u[:-apart]).astype(int) * 16 + (16 * u[apart:]).astype(int)
    assert abs(excess(cells, 256)) < 5


@pytest.mark.parametrize("other", [1, 2, 3, 2**32, 2**63])
def test_numbers_of_neighboring_keys_are_independent(other):
    for key in KEYS:
        u, v = (counters.uniform(k, (N,)) for k in (key, key ^ np.uint64(other)))
        assert abs(correlation(u, v)) < 5
        assert abs(excess((16 * u).astype(int) * 16 + (16 * v).astype(int), 256)) < 5


def test_first_numbers_of_many_keys_are_uniform_and_independent():
    rng = np.random.default_rng(0)
    first = np.array([counters.uniform(counters.draw_key(rng), (2,)) for _ in range(5000)])
    assert abs(excess((50 * first[:, 0]).astype(int), 50)) < 5
    assert abs(correlation(first[:-1, 0], first[1:, 0])) < 5
    assert abs(correlation(first[:, 0], first[:, 1])) < 5


# ---- normal numbers -------------------------------------------------------------------------------------------


@every_key
def test_normal_numbers_have_the_moments_of_their_distribution(key):
    x = counters.standard_normal(key, (N,))
    for k, mean, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10395 - 225)]:
        assert abs((x**k).mean() - mean) < 5 * math.sqrt(variance / N)


@every_key
def test_normal_numbers_are_within_k_sigma_as_often_as_they_should(key):
    x = np.abs(counters.standard_normal(key, (N,)))
    for k in (0.1, 0.5, 1, 2, 3, 4):
        p = math.erf(k / math.sqrt(2))
        assert abs((x < k).mean() - p) < 5 * math.sqrt(p * (1 - p) / N)


@every_key
def test_neighboring_normal_numbers_are_independent(key):
    x = counters.standard_normal(key, (N,))
    assert abs(correlation(x[:-1], x[1:])) < 5
    assert abs(correlation(x[:-1] ** 2, x[1:] ** 2)) < 5


def test_normal_numbers_are_finite_where_the_uniform_ones_are_0_or_nearly_1(monkeypatch):
    extremes = [0.0, 1 - 2.0**-24]
    pairs = np.array([(u, v) for u in extremes for v in extremes])
    monkeypatch.setattr(counters, "uniform", lambda key, shape: pairs)
    x = counters.standard_normal(KEYS[0], (4,))
    assert np.isfinite(x).all()
    assert np.abs(x).max() == pytest.approx(math.sqrt(-2 * math.log(2.0**-24)))


def test_normal_numbers_of_float32_are_those_of_float64_rounded():
    single = counters.standard_normal(KEYS[2], (N,), np.float32)
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, counters.standard_normal(KEYS[2], (N,)).astype(np.float32))


# ---- what a number depends on -------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [counters.uniform, counters.standard_normal])
def test_a_number_depends_on_its_key_and_place_alone(draw):
    whole = draw(KEYS[3], (6, 7, 5))
    np.testing.assert_array_equal(draw(KEYS[3], (210,)).reshape(6, 7, 5), whole)
    np.testing.assert_array_equal(draw(KEYS[3], (2, 7, 5)), whole[:2])
    assert not np.isclose(draw(KEYS[4], (6, 7, 5)), whole).any()


def test_no_numbers_can_be_drawn():
    assert counters.uniform(KEYS[0], (0, 3)).shape == (0, 3)
    assert counters.standard_normal(KEYS[0], (0, 3)).shape == (0, 3)


def test_the_same_generator_gives_the_same_keys_from_all_64_bits():
    rng, twin = np.random.default_rng(5), np.random.default_rng(5)
    keys = [counters.draw_key(rng) for _ in range(4000)]
    assert keys == [counters.draw_key(twin) for _ in range(4000)]
    bits = np.unpackbits(np.array(keys).view(np.uint8)).reshape(-1, 64)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / math.sqrt(4000)
