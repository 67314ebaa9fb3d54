"""Softmax with class indices: several examples at once, in the registers, and what is left one by one."""

import numpy as np
import pytest

pytest.importorskip("numba")

import nnlite as nn


def trained(engine, units, M, dtype, weighted):
    """Loss, accuracy and weights of a network after three steps; many of its z are equal."""
    rng = np.random.default_rng(units + M)
    X = rng.integers(-1, 2, (M, 3)).astype(dtype)
    y = rng.integers(0, units, M)
    model = nn.Model([nn.Dense(units), nn.Softmax()], n_features=3, seed=0, dtype=dtype)
    model.parameters["W1"][...] = rng.integers(-1, 2, (3, units))
    weights = rng.random(M) if weighted else None
    history = model.fit(
        X, y, optimizer=nn.SGD(0.1), batch_size=None, epochs=3, sample_weight=weights, progress=False, engine=engine
    )
    return np.array(history["loss"]), history["accuracy"], model.theta


@pytest.mark.parametrize("n_threads", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-13), pytest.param("float32", 2e-6, marks=pytest.mark.slow)]
)
def test_it_agrees_with_the_textbook_for_any_number_of_classes_and_examples(dtype, tolerance, n_threads, monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", str(n_threads))
    for units, M in [(2, 16), (2, 47), (8, 8), (9, 33), (10, 32), (10, 1), (16, 50), (17, 31), (32, 64), (33, 40)]:
        for weighted in (False, True):
            loss, accuracy, theta = trained("compiled", units, M, dtype, weighted)
            expected = trained("textbook", units, M, dtype, weighted)
            np.testing.assert_allclose(loss, expected[0], rtol=tolerance)
            assert accuracy[0] == expected[1][0], (units, M)
            np.testing.assert_allclose(theta, expected[2], rtol=0, atol=tolerance)
