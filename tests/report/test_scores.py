"""Facts about the scores of a report: they are those of the metrics, beside the trivial guess."""

import math

import numpy as np
import pytest

from nnlite import metrics
from nnlite.report.scores import class_scores, value_scores

RNG = np.random.default_rng(0)
NAMES = ("cat", "dog", "owl")


def one_hot(y, share=0.9, C=3):
    """Probabilities that give class y_i the share, and the others the rest."""
    return np.where(np.eye(C, dtype=bool)[y], share, (1 - share) / (C - 1))


def test_scores_of_classes_are_those_of_the_metrics():
    y, P = RNG.integers(0, 3, 500), RNG.dirichlet([1, 1, 1], 500)
    found = class_scores(y, P, NAMES, y)
    assert found.accuracy == metrics.accuracy(y, P)
    assert found.loss == metrics.log_loss(y, P)
    assert [row.recall for row in found.rows] == metrics.recall(y, P, average=None).tolist()
    assert [row.support for row in found.rows] == np.bincount(y).tolist()
    assert found.confusion.sum() == 500


def test_the_trivial_guess_is_the_most_frequent_class_of_the_training():
    y = np.array([0, 0, 0, 1])
    found = class_scores(y, one_hot(y), NAMES, np.array([1] * 8 + [0] * 2))
    assert (found.guess, found.baseline) == ("dog", 0.25)
    # Laplace's rule: (2 + 1) / 13, (8 + 1) / 13, (0 + 1) / 13
    assert found.baseline_loss == pytest.approx(-(3 * math.log(3 / 13) + math.log(9 / 13)) / 4)


def test_a_network_that_gives_the_class_frequencies_has_learned_nothing():
    y = RNG.choice(3, 1000, p=[0.7, 0.2, 0.1])
    frequencies = np.tile([0.7, 0.2, 0.1], (1000, 1))
    assert class_scores(y, frequencies, NAMES, y).learned_nothing
    assert "learned nothing" in class_scores(y, frequencies, NAMES, y).verdict
    assert class_scores(y, one_hot(RNG.permutation(y)), NAMES, y).learned_nothing
    assert not class_scores(y, one_hot(y), NAMES, y).learned_nothing


def test_better_probabilities_are_something_learned_though_the_classes_are_the_same():
    rare = RNG.uniform(size=2000) < 0.5  # a group in which class 1 has 40 % instead of 0 %
    y = (rare & (RNG.uniform(size=2000) < 0.4)).astype(int)
    p = np.where(rare, 0.4, 0.01)
    found = class_scores(y, np.column_stack([1 - p, p]), ("no", "yes"), y)
    assert found.accuracy == found.baseline
    assert not found.learned_nothing


def test_scores_of_values_and_of_their_mean():
    y = RNG.normal(100, 10, 1000)
    found = value_scores(y, y + RNG.normal(0, 5, 1000), y)
    assert found.rmse == pytest.approx(5, rel=0.1)
    assert found.baseline_rmse == pytest.approx(y.std())
    assert found.baseline_r2 == pytest.approx(0, abs=1e-9)
    assert found.r2 == pytest.approx(0.75, abs=0.05)
    assert not found.learned_nothing
    assert value_scores(y, np.full(1000, 100.0), y).learned_nothing
    assert value_scores(y, RNG.permutation(y), y).learned_nothing


def test_a_constant_target_that_is_met_is_not_nothing():
    assert not value_scores(np.ones(5), np.ones(5), np.ones(5)).learned_nothing


def test_the_text_has_every_class_and_both_baselines():
    y = RNG.integers(0, 3, 50)
    text = str(class_scores(y, one_hot(y), NAMES, y))
    for word in (*NAMES, "precision", "recall", "test accuracy: 100.00%", "always", "log loss"):
        assert word in text
    text = str(value_scores(RNG.normal(size=9), RNG.normal(size=9), RNG.normal(size=9)))
    for word in ("R2", "MAE", "RMSE", "mean"):
        assert word in text
