"""Learning curves by the number of training examples."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots

from ..support import for_each, network, refuse
from .reading import bands, legend

IRIS = nn.load_iris()
TRAIN, TEST = (IRIS.X_train, IRIS.y_train), (IRIS.X_test, IRIS.y_test)


def iris_network(seed=0):
    return network(nn.Dense(6), nn.Tanh(), seed=seed)


def scores_of(model=None, data=TRAIN, **options):
    """Scores with one short training for each size, unless ``options`` say otherwise."""
    return plots.scores_by_size(model or iris_network(), *data, **{"repeats": 1, "epochs": 1} | options)


class Watch(nn.Callback):
    """Notes the examples of each training."""

    seen = []  # noqa: RUF012  one list for all copies of the callback

    def on_train_begin(self, logs):
        self.seen.append([x.tobytes() for X in self.training_inputs() for x in X])


@pytest.fixture
def seen():
    Watch.seen.clear()
    return Watch.seen


def test_there_is_a_score_for_each_size_and_repeat(seen):
    scores = scores_of(sizes=[60, 10, 30], repeats=2, validation_data=TEST, callbacks=[Watch()])
    assert [len(examples) for examples in seen] == [10, 30, 60] * 2
    assert list(scores.sizes) == [10, 30, 60]
    assert scores.training.shape == scores.validation.shape == (3, 2)
    assert scores.score == "accuracy"
    n_correct = scores.validation * len(IRIS.y_test)
    np.testing.assert_allclose(n_correct, np.round(n_correct), atol=1e-6)


def test_the_scores_are_those_of_a_plain_fit():
    options = {"epochs": 2, "batch_size": None, "optimizer": nn.SGD(0.5)}
    scores = scores_of(sizes=[1.0], validation_data=TEST, score="loss", **options)
    alone = iris_network()
    alone.fit(*TRAIN, **options)
    assert scores.training[0, 0] == pytest.approx(alone.evaluate(*TRAIN)["loss"], rel=1e-5)
    assert scores.validation[0, 0] == pytest.approx(alone.evaluate(*TEST)["loss"], rel=1e-5)


def test_each_repeat_has_its_own_seed_and_larger_sizes_contain_the_examples_of_smaller_ones(seen):
    seeds = []

    def make(seed):
        seeds.append(seed)
        return iris_network(seed)

    X = np.arange(40.0)[:, None] * [1, 0, 0, 0]
    scores_of(make, (X, np.arange(40) % 3), sizes=[5, 20], repeats=2, seed=7, callbacks=[Watch()])
    assert [len(set(examples)) for examples in seen] == [5, 20, 5, 20]
    first_5, first_20, second_5, second_20 = map(set, seen)
    assert first_5 < first_20
    assert second_5 < second_20
    assert first_20 != second_20
    assert seeds[-4:] == [7, 7, 8, 8]


def test_fractions_are_of_the_examples_that_are_not_held_out_and_regression_has_r2():
    X = np.linspace(-1, 1, 50)[:, None]
    model = network(units=1, output=nn.Identity(), n_features=1)
    scores = scores_of(model, (X, 3 * X), sizes=[0.5, 1.0], epochs=50)
    assert list(scores.sizes) == [20, 40]
    assert scores.score == "r2"
    assert scores.validation[1, 0] > 0.99
    assert plots.learning_curve_by_size(scores).get_ylabel() == "R2"


def test_the_same_seed_gives_the_same_scores_and_another_seed_others():
    a, again, other = (scores_of(sizes=[20], repeats=2, score="loss", seed=seed).validation for seed in (0, 0, 5))
    assert np.array_equal(a, again)
    assert not np.array_equal(a, other)


def test_the_curve_shows_the_median_and_the_band_in_order_of_size():
    ax = plots.learning_curve_by_size(([200, 100], [[0.9, 0.8, 0.7], [1, 1, 0.9]], [[0.6, 0.7, 0.9], [0.3, 0.1, 0.2]]))
    training, validation = ax.get_lines()
    assert list(training.get_xdata()) == [100, 200]
    assert list(training.get_ydata()) == [1, 0.8]
    assert list(validation.get_ydata()) == [0.2, 0.7]
    assert bands(ax) == [[(0.9, 1), (0.7, 0.9)], [(0.1, 0.3), (0.6, 0.9)]]
    assert (ax.get_xlabel(), ax.get_ylabel(), legend(ax)) == ("training examples", "score", ["training", "validation"])


@for_each(
    ("options", "message"),
    [
        ({"sizes": [0.5, 1.5]}, "sizes: expected fractions above 0 and at most 1, or integers, got"),
        ({"sizes": [0]}, "sizes: expected integers in 1..96, the number of examples that are not held out, got"),
        ({"sizes": [97]}, "sizes: expected integers in 1..96, the number of examples that are not held out, got"),
        ({"sizes": []}, "sizes: expected a list of fractions or of numbers of examples, got"),
        ({"repeats": 0}, "repeats: expected an integer of at least 1, got 0"),
        ({"model": nn.Model}, "model: expected a Model, or a function of a seed that makes one, got"),
        ({"model": lambda seed: "m"}, "model: expected a function that makes a Model, but model(0) gave 'm'"),
        ({"score": "f2"}, "metrics: there is no 'f2'"),
        ({"score": 3}, "score: expected 'loss', or the name of a metric"),
        ({"data": (IRIS.X_train, [1, 2])}, "X: expected an example for each of at least 2 labels, got shapes (120, 4)"),
        ({"data": (IRIS.X_train, 3)}, "X: expected an example for each of at least 2 labels, got shapes (120, 4), ()"),
        ({"validation_data": (IRIS.X_test,)}, "validation_data: expected (X, y)"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    refuse(lambda: scores_of(**options), message)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([1, 2], "scores: expected (sizes, training scores, validation scores)"),
        (([1, 2], [1, 1], [1]), "scores: expected validation scores for each of 2 sizes, got scores for 1"),
        (([[1, 2]], [1], [1]), "scores: expected sizes of shape (n,), got (1, 2)"),
        (([1], [[[1]]], [1]), "scores: expected training of shape (n,) or (n, repeats)"),
    ],
)
def test_scores_whose_shapes_do_not_fit_are_refused_before_a_figure_is_made(scores, message, plt):
    refuse(lambda: plots.learning_curve_by_size(scores), message)
    assert plt.get_fignums() == []
