"""Learning curves by epoch and by the number of examples."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots
from nnlite.plots.style import COLORS


def history(*loss, **more):
    return nn.History({"loss": list(loss), **{key: list(values) for key, values in more.items()}})


def curves(ax):
    return {line.get_label(): list(line.get_ydata()) for line in ax.get_lines()}


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def bands(ax):
    """Lower and upper edge of each band, by epoch."""
    found = []
    for band in ax.collections:
        x, y = band.get_paths()[0].vertices.T
        found.append([(y[x == epoch].min(), y[x == epoch].max()) for epoch in np.unique(x)])
    return found


# ---- by epoch -----------------------------------------------------------------------------------------------------


def test_the_median_of_the_seeds_is_drawn_within_their_smallest_and_largest():
    runs = {"Adam": [history(4, 1), history(8, 2), history(5, 6)]}
    (ax,) = plots.learning_curves(runs)
    assert curves(ax) == {"Adam, training": [5, 2]}
    assert bands(ax) == [[(4, 8), (1, 6)]]


def test_seeds_that_stopped_early_or_diverged_do_not_count_where_they_have_no_number():
    (ax,) = plots.learning_curves({"run": [history(4, 2, 1), history(2), history(6, np.nan, np.inf)]})
    assert curves(ax)["run, training"] == [4, 2, 1]
    assert bands(ax) == [[(2, 6), (2, 2), (1, 1)]]


def test_one_run_has_no_band_and_several_have_colours_and_markers_of_their_own():
    compared = {"a": history(2, 1, val_loss=[3, 2]), "b": history(4, 3, val_loss=[5, 4])}
    (ax,) = plots.learning_curves(compared)
    assert curves(ax) == {
        "a, training": [2, 1],
        "a, validation": [3, 2],
        "b, training": [4, 3],
        "b, validation": [5, 4],
    }
    a, a_val, b, b_val = ax.get_lines()
    assert not ax.collections
    assert a.get_color() == a_val.get_color() == COLORS[0]
    assert b.get_color() == b_val.get_color() == COLORS[1]
    assert (a.get_marker(), b.get_marker()) == ("o", "s")
    assert a.get_linestyle() == b.get_linestyle() == "-"
    assert a_val.get_linestyle() == b_val.get_linestyle() == "--"
    assert texts(ax) == ["a", "b", "training", "validation"]


def test_a_list_of_runs_is_numbered():
    axes = plots.learning_curves([history(2, 1, accuracy=[0, 1]), history(3, 2, accuracy=[0, 1])])
    assert axes[0].get_legend() is None
    assert texts(axes[1]) == ["run 1", "run 2"]


def test_keys_choose_any_quantity_and_all_are_all():
    record = history(2, 1, f1=[0, 1], val_loss=[3, 2], val_f1=[0, 1], learning_rate=[0.1, 0.2], seconds=[1, 2])
    rate, f1, loss = record.plot(keys=["learning_rate", "f1", "val_loss"])
    assert curves(rate) == {"training": [0.1, 0.2]}
    assert (rate.get_ylabel(), rate.get_legend()) == ("learning rate", None)
    assert list(curves(f1)) == ["training", "validation"]
    assert (curves(loss), loss.get_ylabel()) == ({"validation": [3, 2]}, "validation loss J")
    everything = plots.learning_curves(record, keys="all")
    assert [ax.get_ylabel() for ax in everything] == ["loss J", "f1", "learning rate", "seconds per epoch"]


def test_a_key_that_one_of_the_runs_lacks_is_drawn_for_the_others():
    (ax,) = plots.learning_curves({"a": history(1), "b": history(2, f1=[0.5])}, keys="f1")
    assert curves(ax) == {"b, training": [0.5]}


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ({}, {}, "history: nothing to draw, it has neither loss nor accuracy"),
        ([], {}, r"history: expected a History, a list of them or a mapping to them, got \[\]"),
        (3, {}, "history: expected a History, a list of them or a mapping to them, got 3"),
        ({"a": history(1), "b": 3}, {}, "history: expected a History, or a list of them, for 'b', got 3"),
        ({"a": [history(1)], "b": []}, {}, r"history: expected a History, or a list of them, for 'b', got \[\]"),
        (history(1), {"keys": "f1"}, "keys: there is no 'f1'; choose from loss"),
        (history(1), {"keys": []}, "keys: expected some of loss"),
        ({"loss": ["low"]}, {}, "loss: expected numbers"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_a_figure_is_made(plt, given, options, message):
    with pytest.raises(nn.ArgumentError, match=f"^{message}"):
        plots.learning_curves(given, **options)
    assert plt.get_fignums() == []


# ---- by size ------------------------------------------------------------------------------------------------------

IRIS = nn.load_iris()


def network(seed=0):
    return nn.Model([nn.Dense(6), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=seed)


def test_scores_by_size_are_those_of_networks_trained_with_so_many_examples():
    sizes_seen = []

    class Count(nn.Callback):
        def on_train_begin(self, logs):
            sizes_seen.append(sum(len(X) for X in self.training_inputs()))

    data = (IRIS.X_test, IRIS.y_test)
    scores = plots.scores_by_size(
        network,
        IRIS.X_train,
        IRIS.y_train,
        sizes=[60, 10, 30],
        repeats=2,
        validation_data=data,
        epochs=3,
        callbacks=[Count()],
    )
    assert sizes_seen == [10, 30, 60] * 2
    assert list(scores.sizes) == [10, 30, 60]
    assert scores.training.shape == scores.validation.shape == (3, 2)
    assert scores.score == "accuracy"
    assert set(np.unique(scores.validation * len(IRIS.y_test) % 1).round(6)) <= {0.0, 1.0}


def test_with_all_examples_the_score_is_that_of_a_plain_fit():
    data = (IRIS.X_test, IRIS.y_test)
    scores = plots.scores_by_size(
        network(),
        IRIS.X_train,
        IRIS.y_train,
        sizes=[1.0],
        repeats=1,
        validation_data=data,
        score="loss",
        epochs=2,
        batch_size=None,
        optimizer=nn.SGD(0.5),
    )
    alone = network()
    alone.fit(IRIS.X_train, IRIS.y_train, epochs=2, batch_size=None, optimizer=nn.SGD(0.5))
    assert scores.training[0, 0] == pytest.approx(alone.evaluate(IRIS.X_train, IRIS.y_train)["loss"], rel=1e-5)
    assert scores.validation[0, 0] == pytest.approx(alone.evaluate(*data)["loss"], rel=1e-5)


def test_each_repeat_has_a_seed_of_its_own_and_larger_sizes_have_the_examples_of_smaller_ones():
    seen, seeds = [], []

    class Watch(nn.Callback):
        def on_train_begin(self, logs):
            seen.append({x.tobytes() for X in self.training_inputs() for x in X})

    def make(seed):
        seeds.append(seed)
        return network(seed)

    X = np.arange(40.0)[:, None] * [1, 0, 0, 0]
    plots.scores_by_size(make, X, np.arange(40) % 3, sizes=[5, 20], repeats=2, seed=7, epochs=1, callbacks=[Watch()])
    assert list(map(len, seen)) == [5, 20, 5, 20]
    assert seen[0] < seen[1]
    assert seen[2] < seen[3]
    assert seen[1] != seen[3]
    assert seeds[-4:] == [7, 7, 8, 8]


def test_fractions_are_of_what_is_not_held_out_and_regression_has_r2():
    X = np.linspace(-1, 1, 50)[:, None]
    model = nn.Model([nn.Dense(1), nn.Identity()], seed=0)
    scores = plots.scores_by_size(model, X, 3 * X, sizes=[0.5, 1.0], repeats=1, epochs=50)
    assert list(scores.sizes) == [20, 40]
    assert scores.score == "r2"
    assert scores.validation[1, 0] > 0.99
    assert plots.learning_curve_by_size(scores).get_ylabel() == "R2"


def test_the_same_seed_gives_the_same_scores_and_another_others():
    def scores(seed):
        return plots.scores_by_size(
            network, IRIS.X_train, IRIS.y_train, sizes=[20], repeats=2, score="loss", epochs=1, seed=seed
        )

    assert np.array_equal(scores(0).validation, scores(0).validation)
    assert not np.array_equal(scores(0).validation, scores(5).validation)


def test_the_curve_by_size_draws_the_median_and_the_band_in_order_of_size():
    ax = plots.learning_curve_by_size(([200, 100], [[0.9, 0.8, 0.7], [1, 1, 0.9]], [[0.6, 0.7, 0.9], [0.3, 0.1, 0.2]]))
    training, validation = ax.get_lines()
    assert list(training.get_xdata()) == [100, 200]
    assert list(training.get_ydata()) == [1, 0.8]
    assert list(validation.get_ydata()) == [0.2, 0.7]
    assert bands(ax) == [[(0.9, 1), (0.7, 0.9)], [(0.1, 0.3), (0.6, 0.9)]]
    assert (ax.get_xlabel(), ax.get_ylabel(), texts(ax)) == ("training examples", "score", ["training", "validation"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": [0.5, 1.5]}, "sizes: expected fractions above 0 and at most 1, or integers, got"),
        ({"sizes": [0]}, "sizes: expected integers in 1..96, which are not held out, got"),
        ({"sizes": [97]}, "sizes: expected integers in 1..96, which are not held out, got"),
        ({"sizes": []}, "sizes: expected a list of fractions or of numbers of examples, got"),
        ({"repeats": 0}, "repeats: expected an integer of at least 1, got 0"),
        ({"model": nn.Model}, "model: expected a Model, or a function of a seed that makes one, got"),
        ({"model": lambda seed: "m"}, r"model: expected a function that makes a Model, but model\(0\) gave 'm'"),
        ({"score": "f2"}, "metrics: there is no 'f2'"),
        ({"y": [1, 2]}, r"X: expected an example for each of at least 2 labels, got shapes \(120, 4\), \(2,\)"),
    ],
)
def test_scores_by_size_refuses_what_makes_no_sense(options, message):
    arguments = {"model": network(), "X": IRIS.X_train, "y": IRIS.y_train, "epochs": 1, "repeats": 1} | options
    with pytest.raises(nn.ArgumentError, match=f"^{message}"):
        plots.scores_by_size(**arguments)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([1, 2], r"scores: expected \(sizes, training scores, validation scores\)"),
        (([1, 2], [1, 1], [1]), r"scores: expected as many validation as sizes, got shape \(1, 1\)"),
        (([[1, 2]], [1], [1]), r"scores: expected as many sizes as sizes, got shape \(1, 2\)"),
        (([1], [[[1]]], [1]), r"scores: expected training of shape \(n,\) or \(n, repeats\)"),
    ],
)
def test_a_curve_by_size_refuses_shapes_that_do_not_fit(scores, message, plt):
    with pytest.raises(nn.ArgumentError, match=f"^{message}"):
        plots.learning_curve_by_size(scores)
    assert plt.get_fignums() == []
