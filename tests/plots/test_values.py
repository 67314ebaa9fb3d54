"""Predicted values against true ones."""

import itertools

import numpy as np
import pytest

import nnlite as nn
from nnlite import metrics, plots

from ..support import network, refuse
from .reading import legend, points, tick_labels

X = np.random.default_rng(1).normal(size=(9, 2))


def test_values_are_drawn_against_the_truth_with_their_r2():
    y, Y_hat = np.array([1.0, 2, 3]), np.array([1.5, 2, 2])
    ax = plots.prediction_error(y, Y_hat)
    np.testing.assert_array_equal(points(ax.get_lines()[0]), [y, Y_hat])
    assert legend(ax) == [f"R2 = {metrics.r2(y, Y_hat):.3f}"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("true value", "predicted value")
    ax = plots.prediction_error(np.eye(3), np.eye(3), names=["a", "b", "c"])
    assert legend(ax) == ["a: R2 = 1.000", "b: R2 = 1.000", "c: R2 = 1.000"]


def test_a_network_and_its_predictions_give_the_same_picture():
    model = network(units=1, output=nn.Identity(), n_features=2)
    ax = plots.prediction_error(model, X, X[:, 0])
    np.testing.assert_array_equal(points(ax.get_lines()[0]), [X[:, 0], model.predict(X)])


@pytest.mark.parametrize(("low", "high"), [(40_000, 170_000), (100_000, 1_500_000), (-3e8, -2e8), (0, 0.001)])
def test_the_numbers_below_the_picture_stay_apart(low, high, plt):
    y = np.linspace(low, high, 9)
    ax = plots.prediction_error(y, y)
    ax.figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
    shown = [box for box in boxes if ax.bbox.x0 <= (box.x0 + box.x1) / 2 <= ax.bbox.x1]
    assert len(shown) >= 3
    assert all(left.x1 + 4 < right.x0 for left, right in itertools.pairwise(shown))


def test_large_numbers_have_commas():
    ax = plots.prediction_error([50_000, 100_000], [50_000, 100_000])
    ax.figure.draw_without_rendering()
    assert "60,000" in tick_labels(ax.xaxis)
    assert "60,000" in tick_labels(ax.yaxis)


@pytest.mark.parametrize(
    ("data", "fragments"),
    [
        ((network(n_features=2), X, np.zeros(9, int)), ["prediction_error: is for values", "plots.confusion_matrix"]),
        (([1, 2, 3], [1, 2]), ["Y_hat: expected the shape of y, (3, 1), got (2, 1)"]),
        (([1.0, 2], [1, np.nan]), ["Y_hat: expected finite numbers"]),
        ((network(units=1, output=nn.Identity(), n_features=2), X, X[:5, 0]), ["y: expected 9 labels"]),
    ],
)
def test_wrong_data_are_refused_before_a_figure_is_made(data, fragments, plt):
    refuse(lambda: plots.prediction_error(*data), *fragments)
    assert plt.get_fignums() == []
