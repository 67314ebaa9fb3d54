"""Reliability diagrams."""

import numpy as np
import pytest

from nnlite import metrics, plots

from ..support import refuse
from .reading import overlap, texts

RNG = np.random.default_rng(1)
Y, P = RNG.integers(0, 3, 90), RNG.dirichlet(np.ones(3), 90)
MANY, P_MANY = RNG.integers(0, 100, 2000), RNG.dirichlet(np.ones(100), 2000)
LABELS, P_LABELS = (RNG.random((50, 4)) < 0.4) * 1, RNG.random((50, 4))


def bars(ax):
    """The accuracy and the gap of each bin."""
    accuracy, gap = ax.containers
    return [(bar.get_height(), hatched.get_height()) for bar, hatched in zip(accuracy, gap, strict=True)]


def test_bars_are_accuracies_and_the_hatched_gaps_reach_to_the_confidence():
    ax = plots.reliability_diagram([1, 1, 0, 0, 1], [0.8, 0.8, 0.8, 0.3, 0.6], n_bins=5)
    # 0.6 is in (0.4, 0.6] and correct; 0.7 and three times 0.8 are in (0.6, 0.8], and three of them are correct
    np.testing.assert_allclose(bars(ax), [(1, -0.4), (0.75, 0.775 - 0.75)], atol=1e-12)
    assert texts(ax) == ["1", "4", "examples"]
    assert [bar.get_x() for bar in ax.containers[0]] == pytest.approx([0.4, 0.6])


@pytest.mark.parametrize(("y", "Y_hat"), [(Y, P), (LABELS, P_LABELS), (MANY, P_MANY)])
@pytest.mark.parametrize("n_bins", [1, 7, 15])
def test_the_error_is_that_of_the_metric(y, Y_hat, n_bins):
    ax = plots.reliability_diagram(y, Y_hat, n_bins=n_bins)
    ece = metrics.expected_calibration_error(y, Y_hat, n_bins=n_bins)
    assert ax.get_title() == f"ECE = {ece:.3f}"
    counts = [int(text) for text in texts(ax)[:-1]]
    gaps = [abs(gap) for _, gap in bars(ax)]
    assert np.dot(counts, gaps) / sum(counts) == pytest.approx(ece)
    assert sum(counts) == np.size(y)


@pytest.mark.parametrize("n_bins", [30, 31])
def test_numbers_above_the_bars_do_not_overlap(n_bins):
    confidence = np.linspace(0.501, 1, 1000)
    ax = plots.reliability_diagram(np.ones(1000, int), confidence, n_bins=n_bins)
    ax.figure.draw_without_rendering()
    assert not overlap(ax.texts[:-1])
    assert bool(ax.texts) == (n_bins == 30)


@pytest.mark.parametrize(
    ("Y_hat", "options", "message"),
    [
        (P, {"n_bins": 0}, "n_bins: expected an integer of at least 1, got 0"),
        (Y, {}, "Y_hat: expected probabilities as predict_proba returns them, got predicted classes"),
    ],
)
def test_wrong_arguments_are_refused_before_a_figure_is_made(Y_hat, options, message, plt):
    refuse(lambda: plots.reliability_diagram(Y, Y_hat, **options), message)
    assert plt.get_fignums() == []
