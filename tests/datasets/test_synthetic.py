"""Facts about the data drawn from equations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlite.datasets import make_blobs, make_moons, make_spirals

from ..support import for_each, refuse


@given(st.integers(2, 60), st.integers(0, 5))
def test_the_sizes_of_two_classes_differ_by_at_most_one(n_examples, seed):
    for X, y in (
        make_moons(n_examples, seed=seed),
        make_spirals(n_examples, n_classes=2, seed=seed),
        make_blobs(n_examples, n_classes=min(n_examples, 7), seed=seed),
    ):
        assert (X.shape, X.dtype) == ((n_examples, 2), np.float32)
        assert (y.shape, y.dtype) == ((n_examples,), np.int64)
        assert np.isfinite(X).all()
        assert np.ptp(np.bincount(y)) <= 1


@pytest.mark.parametrize("make", [make_spirals, make_moons, make_blobs])
def test_the_same_seed_draws_the_same_data(make):
    for one, two in zip(make(seed=1), make(seed=1), strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(make(seed=1)[0], make(seed=2)[0])
    assert not np.array_equal(make()[0], make()[0])


@pytest.mark.parametrize("make", [make_spirals, make_moons, make_blobs])
def test_the_examples_are_shuffled(make):
    y = make(seed=0)[1]
    assert 0.25 < np.mean(np.diff(y) == 0) < 0.6


def test_spirals_without_noise_lie_on_their_arms():
    X, y = make_spirals(400, n_classes=4, noise=0, turns=0.5, seed=0)
    r, phi = np.hypot(*X.T), np.arctan2(X[:, 1], X[:, 0])
    winding = np.exp(1j * (phi - 2 * np.pi * (y / 4 + 0.5 * r)))
    np.testing.assert_allclose(winding, 1, atol=1e-5)
    assert r.max() == pytest.approx(1)
    assert r.min() == pytest.approx(1 / 100)


def test_spirals_without_turns_are_rays():
    X, y = make_spirals(90, noise=0, turns=0, seed=0)
    np.testing.assert_allclose(X[y == 0][:, 1], 0, atol=1e-6)


def test_the_noise_of_spirals_is_in_the_angle():
    X, _ = make_spirals(30_000, n_classes=1, noise=0.2, turns=0, seed=0)
    np.testing.assert_allclose(np.std(np.arctan2(X[:, 1], X[:, 0])), 0.2, rtol=0.02)
    assert np.hypot(*X.T).max() <= 1 + 1e-6


def test_moons_without_noise_are_half_circles():
    X, y = make_moons(200, noise=0, seed=0)
    upper, lower = X[y == 0], X[y == 1]
    np.testing.assert_allclose(np.hypot(upper[:, 0], upper[:, 1]), 1, rtol=1e-6)
    np.testing.assert_allclose(np.hypot(lower[:, 0] - 1, lower[:, 1] - 0.5), 1, rtol=1e-6)
    assert upper[:, 1].min() > 0
    assert lower[:, 1].max() < 0.5


def test_the_noise_of_moons_is_in_the_coordinates():
    (clean, _), (noisy, _) = make_moons(20_000, noise=0, seed=0), make_moons(20_000, noise=0.1, seed=0)
    np.testing.assert_allclose(np.std(noisy - clean, axis=0), 0.1, rtol=0.03)


def test_blobs_spread_around_their_centres():
    X, y = make_blobs(30_000, n_features=3, spread=0.5, seed=0)
    for k in range(3):
        np.testing.assert_allclose(np.std(X[y == k], axis=0), 0.5, rtol=0.03)
        assert np.all(np.abs(X[y == k].mean(axis=0)) < 10.1)


def test_blobs_without_spread_are_points():
    X, _ = make_blobs(30, spread=0, seed=0)
    assert len(np.unique(X, axis=0)) == 3


@for_each(
    ("make", "argument", "value"),
    [
        (make_spirals, "n_examples", 2),
        (make_spirals, "n_examples", 300.0),
        (make_spirals, "n_classes", 0),
        (make_spirals, "noise", -0.1),
        (make_spirals, "turns", -1),
        (make_spirals, "turns", float("inf")),
        (make_spirals, "seed", -1),
        (make_moons, "n_examples", 1),
        (make_moons, "n_examples", "many"),
        (make_moons, "noise", float("nan")),
        (make_moons, "noise", 1e39),
        (make_moons, "seed", 0.5),
        (make_blobs, "n_examples", 2),
        (make_blobs, "n_classes", True),
        (make_blobs, "n_features", 0),
        (make_blobs, "spread", -1),
        (make_blobs, "spread", None),
        (make_blobs, "seed", "0"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(make, argument, value):
    refuse(lambda: make(**{argument: value}), f"{argument}: ")
