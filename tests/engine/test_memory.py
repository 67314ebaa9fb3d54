"""Facts about the memory of a training: kept while it runs, and vectors cut into pieces."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.engine import memory


@pytest.mark.parametrize("n", [0, 1, memory.PIECE, memory.PIECE + 1, 5 * memory.PIECE + 3])
def test_pieces_cover_a_vector_once_and_fit_the_cache(n):
    pieces = list(memory.pieces(7, 7 + n))
    assert [i for piece in pieces for i in (piece.start, piece.stop)] == sorted(
        i for piece in pieces for i in (piece.start, piece.stop)
    )
    assert sum(piece.stop - piece.start for piece in pieces) == n
    assert all(0 < piece.stop - piece.start <= memory.PIECE for piece in pieces)
    if n:
        assert (pieces[0].start, pieces[-1].stop) == (7, 7 + n)


def test_a_training_is_the_same_without_glibc(monkeypatch):
    X, y = np.random.default_rng(0).normal(size=(64, 4)), np.arange(64) % 3

    def trained():
        model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=0)
        model.fit(X, y, epochs=2)
        return model.theta

    expected = trained()
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    np.testing.assert_array_equal(trained(), expected)


def test_an_error_in_the_block_is_raised_and_nothing_hangs():
    with pytest.raises(KeyError), memory.kept():
        raise KeyError("x")
