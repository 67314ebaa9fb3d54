"""Facts about the profile of a compiled step."""

import numpy as np
import pytest

import nnlite as nn

pytest.importorskip("numba")

from nnlite.engine.profile import batch_of, seconds_of_kernels


def test_every_kernel_of_a_step_takes_some_time():
    X, y = np.random.default_rng(0).standard_normal((64, 20)).astype(np.float32), np.arange(64) % 3
    model = nn.Model([nn.Dense(40), nn.ReLU(), nn.Dense(3), nn.Softmax()], n_features=20, seed=0, dtype="float64")
    found = seconds_of_kernels(model, nn.Adam(), batch_of(X, y, 32))
    kernels = {"gather", "dense_forward", "softmax_labels", "dense_backward", "dense_gradient"}
    assert set(found) == kernels
    assert all(0 <= found[kernel] < 60 for kernel in kernels)


def test_clipping_lets_the_optimizer_wait_for_the_whole_gradient():
    X, y = np.random.default_rng(0).standard_normal((64, 20)).astype(np.float32), np.arange(64) % 3
    model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=20, seed=0, dtype="float64")
    assert "pieces" in seconds_of_kernels(model, nn.SGD(clip_norm=1.0), batch_of(X, y, 32))
