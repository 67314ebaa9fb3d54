"""Facts about chunks, which are read and decoded as a whole."""

import warnings

import numpy as np
import pytest

import nnlite as nn
from nnlite.stored.temporary import WrittenRows

from ..fitting.stored_examples import network


class Chunked:
    """An array in chunks, which counts how often a chunk is decoded."""

    def __init__(self, array, n):
        self.array, self.shape, self.dtype, self.chunks = array, array.shape, array.dtype, (n, *array.shape[1:])
        self.n_decoded = 0

    def __getitem__(self, rows):
        n = self.chunks[0]
        self.n_decoded += -(-rows.stop // n) - rows.start // n
        return self.array[rows]


N = 2**16
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 8)).astype(np.float32)
Y = np.zeros((N, 5), np.float32) + X[:, :1]  # 1.25 MiB


def values(**options):
    options = {"epochs": 2, "batch_size": 4096, "progress": False, "engine": "textbook"} | options
    return nn.Model([nn.Dense(5), nn.Identity()], seed=0), options


def test_targets_in_chunks_larger_than_a_block_are_decoded_once(monkeypatch):
    monkeypatch.setattr("nnlite.fitting.stored.KEPT", 2**20)
    thetas = []
    for n_rows in (500, N // 2, N):
        y = Chunked(Y, n_rows)
        data = nn.open_data(Chunked(X, 1000), y=y, memory=3 * 2**18)
        assert len(data.edges) > 60
        model, options = values()
        model.fit(data, **options)
        thetas.append(model.theta)
        if n_rows > 500:
            assert y.n_decoded <= 6 * (N // n_rows)  # the survey, and one copy
        before = y.n_decoded
        model.evaluate(data)
        if n_rows > 500:
            assert y.n_decoded - before <= 2 * (N // n_rows)
    for theta in thetas[1:]:
        np.testing.assert_array_equal(theta, thetas[0])
    assert isinstance(data.with_targets_at_hand().y_rows, WrittenRows)
    assert data.with_targets_at_hand().y_rows.place(7) == data.y_rows.place(7)


def test_examples_in_chunks_are_read_by_whole_chunks():
    source = Chunked(X, 3000)
    data = nn.open_data(source, y=Y, memory=3 * 2**18)
    model, options = values()
    model.fit(data, **options)
    n_chunks = -(-N // 3000)
    assert source.n_decoded <= 2 * n_chunks + 20  # each once in an epoch, and a few that are looked at


def test_a_chunk_larger_than_a_window_gets_a_warning_that_says_what_to_write():
    y = np.zeros(N, np.int64)
    large, small = (nn.open_data(Chunked(X, n), y=y, memory=3 * 2**18) for n in (2**15, 2000))
    said = r"source: 32,768 rows \(1.2 MiB\) are stored together.*memory=3.*of about 102 rows"
    with pytest.warns(UserWarning, match=said):
        network().fit(large, epochs=1, batch_size=4096, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network().fit(small, epochs=1, batch_size=4096, progress=False)


def test_the_blocks_of_zarr_are_chunks_not_shards(tmp_path):
    zarr = pytest.importorskip("zarr")
    array = zarr.create_array(tmp_path / "a.zarr", shape=(4000, 8), dtype="f4", chunks=(100, 8), shards=(2000, 8))
    array[...] = X[:4000]
    for data in (nn.open_data(tmp_path / "a.zarr", memory=2**14), nn.open_data(array, memory=2**14)):
        assert set(np.diff(data.edges)) == {100}
        np.testing.assert_array_equal(data.read(90, 210)[0], X[90:210])


def test_sorted_data_in_large_chunks_get_a_warning_with_what_is_enough():
    """A window of 2**18 bytes has 3 chunks of 2000 rows (40 bytes each)."""
    y = np.repeat(np.arange(4), N // 4)
    with pytest.warns(UserWarning, match=r"within 3 such chunks .*same class.*memory=3 \* 2\*\*20.*about 102 rows"):
        network(units=4).fit(nn.open_data(Chunked(X, 2000), y=y, memory=3 * 2**18), epochs=1, progress=False)
    enough = nn.open_data(Chunked(X, 100), y=y, memory=3 * 2**18)
    mixed = nn.open_data(Chunked(X, 2000), y=RNG.permutation(y), memory=3 * 2**18)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in (enough, mixed):
            network(units=4).fit(data, epochs=1, batch_size=4096, progress=False)


def test_memory_is_enough_for_64_chunks_in_a_window_unless_that_is_a_large_part_of_the_data(monkeypatch):
    monkeypatch.setattr("nnlite.stored.arrays.SMALLEST", 2**10)
    y, whole = np.zeros(N, np.int64), 40 * N
    for n_rows, memory in ((1, whole // 8), (20, whole // 8), (50, 3 * 64 * 50 * 40), (2000, whole // 4)):
        assert nn.open_data(Chunked(X, n_rows), y=y).memory == max(memory, whole // 8), n_rows
