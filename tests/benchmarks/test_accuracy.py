"""The comparisons of accuracy have data sets enough, and measure what they say."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import neural_network

import nnlite as nn
import nnlite.sklearn
from benchmarks.accuracy import against_scikit_learn, initializers
from benchmarks.accuracy.data import data_sets


@pytest.fixture(scope="module")
def sets():
    return {data.name: data for data in data_sets()}


def test_there_are_more_than_ten_scaled_data_sets_of_both_kinds(sets):
    assert len(sets) > 10
    assert {data.classifies for data in sets.values()} == {True, False}
    for data in sets.values():
        assert np.isfinite(data.X).all()
        assert np.abs(data.X).max() < 20


def test_another_seed_holds_out_other_examples(sets):
    first, again, other = (sets["wine"].split(seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", ["iris", "Friedman 1"])
def test_a_training_returns_a_score_and_an_early_loss(name, sets):
    pair = initializers.CANDIDATES["Glorot, Glorot"]()
    score, early = initializers.train(sets[name], pair, nn.Adam(0.01), 1, 20, 0)
    assert 0.5 < score <= 1
    assert early > 0


def test_the_same_seed_gives_both_libraries_the_same_score(sets):
    scores = [against_scikit_learn.measure(home, sets["iris"], 0)[0] for home in (neural_network, nnlite.sklearn)]
    assert scores[0] == scores[1]
