"""Reliability diagrams: whether the probabilities of a classifier match its accuracy."""

from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.plots.axes import axes_or_new, legend
from nnlite.plots.inputs import Scored, scored
from nnlite.plots.style import COLORS, GRAY, WRONG

MOST_COUNTS = 30  # with more bins the numbers above them would overlap


def reliability_diagram(*data: Any, ax: Any = None, n_bins: int = 15) -> Any:
    r"""Draw the accuracy of a classifier by its confidence, with the gaps that make up the calibration error.

    The confidence is the probability of the predicted class. Bin b holds the M_b of M examples whose confidence is in
    ``((b - 1) / n_bins, b / n_bins]``. Its bar is the share of correct predictions, and the gap to the mean confidence
    is hatched. The expected calibration error is
    ``ECE = sum_b (M_b / M) |accuracy_b - confidence_b|``.

    Parameters
    ----------
    *data
        ``(y, Y_hat)``, truth (M,) or (M, C) and probabilities (M, C), or (M,) of class 1 of two; or
        ``(model, X, y)``. With several labels, each label is a decision between two classes.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    n_bins : int, default 15
        Number of bins, at least 1.

    Returns
    -------
    Axes
        The Axes with the picture. Its title has the ECE; above each bar is the number of examples (for up to 30 bins).

    Raises
    ------
    ArgumentError
        If the network gives values, there are no probabilities, or an argument has a wrong value.

    References
    ----------
    A. Niculescu-Mizil and R. Caruana, "Predicting good probabilities with supervised learning", 2005. C. Guo et al.,
    "On calibration of modern neural networks", 2017, section 2.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> ax = nn.plots.reliability_diagram([1, 1, 0, 0], [0.75, 0.75, 0.75, 0.75], ax=Figure().subplots(), n_bins=4)
    >>> ax.get_title()
    'ECE = 0.250'
    """
    n_bins = checks.integer("n_bins", n_bins)
    correct, confidence = _decisions(scored(data, "reliability_diagram"))
    edges = np.arange(1, n_bins) / n_bins
    bins = np.searchsorted(edges, confidence, side="left")
    count = np.bincount(bins, minlength=n_bins)
    used = np.flatnonzero(count)
    accuracy, mean_confidence = (np.bincount(bins, v, n_bins)[used] / count[used] for v in (correct, confidence))
    ece = float(count[used] @ np.abs(accuracy - mean_confidence)) / len(correct)

    is_new, ax = ax is None, axes_or_new(ax, (6, 4.2))
    middle = (used + 0.5) / n_bins
    _draw_bars(ax, middle, 1 / n_bins, accuracy, mean_confidence)
    ax.plot([0, 1], [0, 1], color=GRAY, linestyle="--", linewidth=1, label="perfect calibration")
    ax.set_title(f"ECE = {ece:.3f}")
    if n_bins <= MOST_COUNTS:
        _write_counts(ax, middle, count[used])
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy")
    ax.set_aspect("equal", adjustable="box")
    legend(ax, beside=is_new)
    return ax


def _decisions(given: Scored) -> tuple[Array, Array]:
    """Return whether each decision is correct, and its confidence."""
    if given.multi_label:
        guess = given.scores > 0.5
        confidence = np.where(guess, given.scores, 1 - given.scores)
        return (guess == given.truth).ravel(), confidence.ravel().astype(np.float64)
    rows, best = np.arange(len(given.scores)), given.scores.argmax(axis=1)
    return given.truth[rows, best], given.scores[rows, best].astype(np.float64)


def _draw_bars(ax: Any, x: Array, width: float, accuracy: Array, confidence: Array) -> None:
    """Draw bars up to the accuracy, and hatched bars from there to the mean confidence."""
    ax.bar(x, accuracy, width, color=COLORS[5], edgecolor="white", linewidth=0.8, label="accuracy")
    gap = {"facecolor": "none", "edgecolor": WRONG, "hatch": "////", "linewidth": 0.8, "label": "gap to the confidence"}
    ax.bar(x, confidence - accuracy, 0.92 * width, bottom=accuracy, **gap)


def _write_counts(ax: Any, x: Array, count: Array) -> None:
    """Write the number of examples above each bar, and move the title above the numbers."""
    for x_b, n in zip(x, count, strict=True):
        _write_above(ax, x_b, str(n), rotation=90, ha="center")
    _write_above(ax, -0.01, "examples", ha="right")
    ax.set_title(ax.get_title(), pad=10 + 5 * len(str(count.max())))


def _write_above(ax: Any, x: float, text: str, **style: Any) -> None:
    """Write a text above the upper edge of the axes."""
    place: dict[str, Any] = {"xytext": (0, 3), "textcoords": "offset points", "annotation_clip": False}
    ax.annotate(text, (x, 1), va="bottom", fontsize=7, **place, **style)
