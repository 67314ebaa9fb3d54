"""Learning curves by epoch."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots
from nnlite.plots.style import COLORS

from ..support import refuse
from .reading import bands, legend


def history(*loss, **more):
    return nn.History({"loss": list(loss), **{key: list(values) for key, values in more.items()}})


def curves(ax):
    return {line.get_label(): list(line.get_ydata()) for line in ax.get_lines()}


def test_the_median_of_the_seeds_is_drawn_within_their_smallest_and_largest():
    runs = {"Adam": [history(4, 1), history(8, 2), history(5, 6)]}
    (ax,) = plots.learning_curves(runs)
    assert curves(ax) == {"Adam, training": [5, 2]}
    assert bands(ax) == [[(4, 8), (1, 6)]]


def test_seeds_that_stopped_early_or_diverged_count_only_where_they_have_a_number():
    (ax,) = plots.learning_curves({"run": [history(4, 2, 1), history(2), history(6, np.nan, np.inf)]})
    assert curves(ax)["run, training"] == [4, 2, 1]
    assert bands(ax) == [[(2, 6), (2, 2), (1, 1)]]


def test_single_runs_have_no_band_and_each_has_its_own_color_and_marker():
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
    assert legend(ax) == ["a", "b", "training", "validation"]


def test_the_runs_of_a_list_are_numbered():
    axes = plots.learning_curves([history(2, 1, accuracy=[0, 1]), history(3, 2, accuracy=[0, 1])])
    assert axes[0].get_legend() is None
    assert legend(axes[1]) == ["run 1", "run 2"]


@pytest.mark.slow
def test_keys_choose_what_is_drawn_and_all_draws_everything():
    record = history(2, 1, f1=[0, 1], val_loss=[3, 2], val_f1=[0, 1], learning_rate=[0.1, 0.2], seconds=[1, 2])
    rate, f1, loss = plots.learning_curves(record, keys=["learning_rate", "f1", "val_loss"])
    assert curves(rate) == {"training": [0.1, 0.2]}
    assert (rate.get_ylabel(), rate.get_legend()) == ("learning rate", None)
    assert list(curves(f1)) == ["training", "validation"]
    assert (curves(loss), loss.get_ylabel()) == ({"validation": [3, 2]}, "validation loss J")
    everything = plots.learning_curves(record, keys="all")
    assert [ax.get_ylabel() for ax in everything] == ["loss J", "f1", "learning rate", "seconds per epoch"]


def test_a_key_that_some_runs_lack_is_drawn_for_the_others():
    (ax,) = plots.learning_curves({"a": history(1), "b": history(2, f1=[0.5])}, keys="f1")
    assert curves(ax) == {"b, training": [0.5]}


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ({}, {}, "history: nothing to draw, it has neither loss nor accuracy"),
        ([], {}, "history: expected a History, a list of them or a mapping to them, got []"),
        (3, {}, "history: expected a History, a list of them or a mapping to them, got 3"),
        ({"a": history(1), "b": 3}, {}, "history: expected a History, or a list of them, for 'b', got 3"),
        ({"a": [history(1)], "b": []}, {}, "history: expected a History, or a list of them, for 'b', got []"),
        (history(1), {"keys": "f1"}, "keys: there is no 'f1'; choose from loss"),
        (history(1), {"keys": []}, "keys: expected some of loss"),
        (history(1), {"keys": 3}, "keys: expected some of loss, got 3"),
        ({"loss": ["low"]}, {}, "loss: expected numbers"),
        ({"loss": 3.0}, {}, "history: expected a number per epoch of loss, got shape ()"),
    ],
)
def test_wrong_arguments_are_refused_before_a_figure_is_made(plt, given, options, message):
    refuse(lambda: plots.learning_curves(given, **options), message)
    assert plt.get_fignums() == []
