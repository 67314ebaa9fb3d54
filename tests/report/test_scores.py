"""Facts about the scores of a report: they are those of the metrics, beside the trivial guess."""

import math

import numpy as np
import pytest

from nnlite import metrics
from nnlite.report import Trivial
from nnlite.report.scores import class_scores, value_scores

from ..support import for_each

RNG = np.random.default_rng(0)
NAMES = ("cat", "dog", "owl")


def one_hot(y, share=0.9, C=3):
    """Probabilities that give class y_i the share, and the others the rest."""
    return np.where(np.eye(C, dtype=bool)[y], share, (1 - share) / (C - 1))


def known(y, C=3):
    """What training examples with these targets tell the trivial guess."""
    return Trivial.learn(y, C)


def test_scores_of_classes_are_those_of_the_metrics():
    y, P = RNG.integers(0, 3, 500), RNG.dirichlet([1, 1, 1], 500)
    found = class_scores(y, P, NAMES, known(y))
    assert found.accuracy == metrics.accuracy(y, P)
    assert found.loss == metrics.log_loss(y, P)
    assert [row.recall for row in found.rows] == metrics.recall(y, P, average=None).tolist()
    assert [row.support for row in found.rows] == np.bincount(y).tolist()
    assert found.confusion.sum() == 500


def test_the_trivial_guess_is_the_most_frequent_class_of_the_training():
    y = np.array([0, 0, 0, 1])
    found = class_scores(y, one_hot(y), NAMES, known(np.array([1] * 8 + [0] * 2)))
    assert (found.guess, found.baseline) == ("dog", 0.25)
    # Laplace's rule: (2 + 1) / 13, (8 + 1) / 13, (0 + 1) / 13
    assert found.baseline_loss == pytest.approx(-(3 * math.log(3 / 13) + math.log(9 / 13)) / 4)


def test_a_network_that_gives_the_class_frequencies_has_learned_nothing():
    y = RNG.choice(3, 1000, p=[0.7, 0.2, 0.1])
    frequencies = np.tile([0.7, 0.2, 0.1], (1000, 1))
    assert class_scores(y, frequencies, NAMES, known(y)).learned_nothing
    assert "learned nothing" in class_scores(y, frequencies, NAMES, known(y)).verdict
    assert class_scores(y, one_hot(RNG.permutation(y)), NAMES, known(y)).learned_nothing
    assert not class_scores(y, one_hot(y), NAMES, known(y)).learned_nothing


def test_better_probabilities_are_something_learned_though_the_classes_are_the_same():
    rare = RNG.uniform(size=2000) < 0.5  # a group in which class 1 has 40 % instead of 0 %
    y = (rare & (RNG.uniform(size=2000) < 0.4)).astype(int)
    p = np.where(rare, 0.4, 0.01)
    found = class_scores(y, np.column_stack([1 - p, p]), ("no", "yes"), known(y, 2))
    assert found.accuracy == found.baseline
    assert not found.learned_nothing


def test_scores_of_values_and_of_their_mean():
    y = RNG.normal(100, 10, 1000)
    found = value_scores(y, y + RNG.normal(0, 5, 1000), known(y, None))
    assert found.rmse == pytest.approx(5, rel=0.1)
    assert found.baseline_rmse == pytest.approx(y.std())
    assert found.baseline_r2 == pytest.approx(0, abs=1e-9)
    assert found.r2 == pytest.approx(0.75, abs=0.05)
    assert not found.learned_nothing
    assert value_scores(y, np.full(1000, 100.0), known(y, None)).learned_nothing
    assert value_scores(y, RNG.permutation(y), known(y, None)).learned_nothing


def test_a_constant_target_that_is_met_is_not_nothing():
    assert not value_scores(np.ones(5), np.ones(5), known(np.ones(5), None)).learned_nothing


def test_the_text_has_every_class_and_both_baselines():
    y = RNG.integers(0, 3, 50)
    text = str(class_scores(y, one_hot(y), NAMES, known(y)))
    for word in (*NAMES, "precision", "recall", "test accuracy: 100.00%", "always", "log loss"):
        assert word in text
    text = str(value_scores(RNG.normal(size=9), RNG.normal(size=9), known(RNG.normal(size=9), None)))
    for word in ("R2", "MAE", "RMSE", "mean"):
        assert word in text


@for_each(
    ("true", "predicted"),
    [
        ([0, 1, 2, 3, 3, 0], [0, 1, 1, 3, 0, 0]),  # every class
        ([0, 0, 1, 1, 1, 0], [0, 1, 1, 1, 0, 0]),  # 2 and 3 are nowhere
        ([0, 0, 1, 1, 1, 0], [0, 2, 1, 2, 0, 0]),  # 2 is only predicted, 3 is nowhere
        ([3, 3, 3], [3, 3, 3]),  # there is one class alone
        ([3, 3, 3], [0, 0, 0]),
    ],
)
def test_the_means_are_those_of_scikit_learn_in_the_text_and_in_json(true, predicted):
    report = pytest.importorskip("sklearn.metrics").classification_report
    y, names = np.array(true), ("ant", "bee", "cat", "dog")
    found = class_scores(y, one_hot(np.array(predicted), C=4), names, known(y, 4))
    expected = report(true, predicted, output_dict=True, zero_division=0)
    lines = {line.split()[0]: line.split()[1:] for line in str(found).splitlines()[1:] if line}
    for k, name in enumerate(names):
        if str(k) in expected:
            scores = [expected[str(k)][key] for key in ("precision", "recall", "f1-score")]
            assert lines[name] == [*(f"{score:.3f}" for score in scores), f"{expected[str(k)]['support']:.0f}"]
        else:  # a class that is neither there nor predicted has no scores
            assert lines[name] == ["-", "-", "-", "0"]
    means = [expected["macro avg"][key] for key in ("precision", "recall", "f1-score")]
    assert lines["macro"] == ["mean", *(f"{mean:.3f}" for mean in means), str(len(true))]
    json = found.as_dict()
    assert [json[key] for key in ("precision", "recall", "f1")] == pytest.approx(means)
    assert json["f1"] == pytest.approx(metrics.f1(y, one_hot(np.array(predicted), C=4)))


def test_what_the_trivial_guess_knows_comes_back_from_json_or_not_at_all():
    y = np.array([0, 2, 2])
    for trivial, C in ((known(y), 3), (known(y, None), None)):
        again = Trivial.from_json(trivial.to_json(), C)
        assert again.to_json() == trivial.to_json()
    for damaged in (None, [], {}, {"class_counts": [1, 2]}, {"class_counts": [0, 0, 0]}, {"class_counts": "abc"},
                    {"class_counts": [1, -1, 2]}, {"class_counts": [1, float("nan"), 2]}, {"mean": 3}):  # fmt: skip
        assert Trivial.from_json(damaged, 3) is None


def test_the_text_says_whose_frequencies_the_trivial_guess_gives():
    y = np.array([0, 0, 1])
    assert "in training" in str(class_scores(y, one_hot(y), NAMES, known(y)))
    assert "in these rows" in str(class_scores(y, one_hot(y), NAMES, Trivial.learn(y, 3, of_training=False)))
    assert "the mean in training" in str(value_scores(y, y, known(y, None)))


def fraud(n=2000):
    """Five in a hundred are frauds; a network that weighted them finds 80 %, and takes 10 % of the others for some."""
    rng = np.random.default_rng(1)
    y = (rng.uniform(size=n) < 0.05).astype(int)
    p = np.where(rng.uniform(size=n) < np.where(y, 0.8, 0.1), 0.8, 0.2)
    return y, np.column_stack([1 - p, p])


def test_with_class_weights_a_network_is_judged_as_if_all_classes_were_equally_frequent():
    y, P = fraud()
    found = class_scores(y, P, ("no", "fraud"), known(y, 2), balanced=True)
    assert found.accuracy < found.baseline
    assert class_scores(y, P, ("no", "fraud"), known(y, 2)).learned_nothing
    assert not found.learned_nothing
    assert found.balanced_accuracy == pytest.approx(np.mean([(P.argmax(1) == y)[y == c].mean() for c in (0, 1)]))
    assert found.balanced_baseline == 0.5
    assert found.as_dict()["balanced_accuracy"] == found.balanced_accuracy
    for text in found.verdict, str(found):
        assert "balanced accuracy" in text
        assert "50" in text


def test_with_class_weights_chance_is_still_nothing():
    y, P = fraud()
    for guess in np.full((len(y), 2), 0.5), P[np.random.default_rng(2).permutation(len(y))], one_hot(0 * y, 0.95, 2):
        found = class_scores(y, guess, ("no", "fraud"), known(y, 2), balanced=True)
        assert found.learned_nothing
        assert "learned nothing: its balanced accuracy" in found.verdict
