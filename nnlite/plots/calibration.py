"""Whether a network is right as often as it says."""

from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.plots.inputs import Scored, scored
from nnlite.plots.style import COLORS, GRAY, WRONG, check_ax, legend, own_or_new


def reliability_diagram(*data: Any, ax: Any = None, n_bins: int = 15) -> Any:
    r"""Draw how often the network is right by how sure it is; the gaps to the diagonal make the calibration error.

    Examples are put in bins ``((b - 1) / n_bins, b / n_bins]`` by their confidence, the probability of the predicted
    class. Of the M_b in a bin the share that is right is a bar, and the gap to their mean confidence is hatched:
    ``ECE = sum_b (M_b / M) |accuracy_b - confidence_b|``.

    Parameters
    ----------
    *data
        ``(y, Y_hat)``, truth (M,) or (M, C) and probabilities (M, C) (or (M,), of class 1 of two); or
        ``(model, X, y)``. With several labels, each label is a decision between two classes.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    n_bins : int, default 15
        Number of bins, at least 1.

    Returns
    -------
    Axes
        That was drawn on. Above each bar is the number of examples, in the title the ECE.

    Raises
    ------
    ArgumentError
        If the network gives values, there are no probabilities, or an argument is not what it should be.

    References
    ----------
    A. Niculescu-Mizil and R. Caruana, "Predicting good probabilities with supervised learning", 2005. C. Guo et al.,
    "On calibration of modern neural networks", 2017, section 2.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = reliability_diagram([1, 1, 0, 0], [0.75, 0.75, 0.75, 0.75], ax=Figure().subplots(), n_bins=4)
    >>> ax.get_title()
    'ECE = 0.250'
    """
    n_bins = checks.integer("n_bins", n_bins)
    right, confidence = _decisions(scored(data, "reliability_diagram"))
    check_ax(ax)
    own, ax = ax is None, own_or_new(ax, (6, 4.2))
    edges = np.arange(1, n_bins) / n_bins
    bins = np.searchsorted(edges, confidence, side="left")
    count = np.bincount(bins, minlength=n_bins)
    used = np.flatnonzero(count)
    accuracy, mean_confidence = (np.bincount(bins, v, n_bins)[used] / count[used] for v in (right, confidence))
    middle = (used + 0.5) / n_bins
    ece = float(count[used] @ np.abs(accuracy - mean_confidence)) / len(right)
    _bars(ax, middle, 1 / n_bins, accuracy, mean_confidence)
    for x, n in zip(middle, count[used], strict=True):
        _above(ax, x, n, rotation=90)
    _above(ax, -0.01, "examples", ha="right")
    ax.plot([0, 1], [0, 1], color=GRAY, linestyle="--", linewidth=1, label="right as often as it says")
    ax.set_title(f"ECE = {ece:.3f}", pad=10 + 5 * len(str(count.max())))
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy")
    ax.set_aspect("equal", adjustable="box")
    legend(ax, beside=own)
    return ax


def _decisions(given: Scored) -> tuple[Array, Array]:
    """Whether each decision is right, and how sure the network was of it."""
    if given.labels:
        guess = given.scores > 0.5
        confidence = np.where(guess, given.scores, 1 - given.scores)
        return (guess == given.truth).ravel(), confidence.ravel().astype(np.float64)
    rows, best = np.arange(len(given.scores)), given.scores.argmax(axis=1)
    return given.truth[rows, best], given.scores[rows, best].astype(np.float64)


def _bars(ax: Any, x: Array, width: float, accuracy: Array, confidence: Array) -> None:
    """The share that is right, and hatched from there to the mean confidence."""
    ax.bar(x, accuracy, width, color=COLORS[5], edgecolor="white", linewidth=0.8, label="accuracy")
    gap = {"facecolor": "none", "edgecolor": WRONG, "hatch": "////", "linewidth": 0.8, "label": "gap to the confidence"}
    ax.bar(x, confidence - accuracy, 0.92 * width, bottom=accuracy, **gap)


def _above(ax: Any, x: float, text: Any, **style: Any) -> None:
    """A text on the upper edge."""
    place: dict[str, Any] = {"xytext": (0, 3), "textcoords": "offset points", "annotation_clip": False}
    ax.annotate(str(text), (x, 1), va="bottom", fontsize=7, **{"ha": "center"} | place | style)
