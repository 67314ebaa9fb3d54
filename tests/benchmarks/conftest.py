"""Fixtures of the benchmarks: no pauses, a tiny network, files like those of MNIST."""

import gzip

import numpy as np
import pytest

from benchmarks.networks import NETWORKS

from .common import TINY


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("benchmarks.quiet.PAUSE", 0.001)
    monkeypatch.setattr("benchmarks.rows.training.SECONDS_OF_PRODUCTS", 0.01)
    monkeypatch.delenv("NNLITE_MNIST", raising=False)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(NETWORKS, TINY.name, TINY)
    return TINY


@pytest.fixture
def like_mnist(tmp_path):
    """A directory with 1,280 images to train on and 200 to test with, in MNIST's form: digit d has row d bright."""
    rng = np.random.default_rng(0)
    for part, n in (("train", 1280), ("t10k", 200)):
        labels = rng.integers(10, size=n).astype(np.uint8)
        pixels = rng.integers(100, size=(n, 28, 28)).astype(np.uint8)
        pixels[np.arange(n), labels] += 100
        for kind, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            with gzip.open(tmp_path / f"{part}-{kind}-ubyte.gz", "wb") as file:
                file.write(header + array.tobytes())
    return str(tmp_path)
