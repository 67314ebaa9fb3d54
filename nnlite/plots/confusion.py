"""The confusion matrix: which classes a network mistakes for which."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite import metrics
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.plots.axes import FEW, MANY, axes_or_new, color_bar, sparse_ticks
from nnlite.plots.inputs import pair
from nnlite.plots.names import checked_names, given_or_own_names, percent
from nnlite.plots.style import SEQUENTIAL, text_color
from nnlite.tables.labels import names_in

SHARES = {"true": "share of the true class", "pred": "share of the predicted class", "all": "share of all examples"}
MOST_POINTS = 10  # font size of the numbers, where the cells are large enough
LONGEST_NAME = 30  # characters of a tick label
LETTER = 0.085  # inches: width of a letter of a tick label


def confusion_matrix(*data: Any, ax: Any = None, class_names: Any = None, normalize: str = "true") -> Any:
    r"""Draw how many examples of class j are predicted as class k, with the share as the color.

    Parameters
    ----------
    *data
        ``(y, Y_hat)``, truth (M,) or (M, C) and prediction, classes (M,) or probabilities (M, C); or
        ``(model, X, y)``.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    class_names : sequence of str, optional
        Names of the classes, such as ``Dataset.class_names``. By default those of the model, or 0 .. C-1.
    normalize : {"true", "pred", "all"}, default "true"
        What the shares refer to: the examples of the true class (the diagonal is then the recall), those of the
        predicted class (the precision), or all examples.

    Returns
    -------
    Axes
        The Axes with the picture. For up to 20 classes, each cell that is not empty shows the number of examples; for
        up to 10, also the share in percent.

    Raises
    ------
    ArgumentError
        If the network gives values or several labels, or an argument has a wrong value.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> names = ["cat", "dog", "owl"]
    >>> ax = nn.plots.confusion_matrix([0, 0, 1, 2], [0, 1, 1, 1], ax=Figure().subplots(), class_names=names)
    >>> ax.texts[0].get_text()
    '1\n50 %'
    """
    y, Y_hat, multi_label = pair(data, "confusion_matrix")
    if multi_label:
        raise ArgumentError(
            "confusion_matrix: is for classes that exclude one another, and this network gives several labels; "
            "draw one at a time: confusion_matrix(y[:, j], Y_hat[:, j])"
        )
    if not isinstance(normalize, str) or normalize not in SHARES:
        raise ArgumentError(f"normalize: expected 'true', 'pred' or 'all', got {normalize!r}")
    class_names = given_or_own_names(class_names, data[0])
    if class_names is None:
        class_names = names_in(y, Y_hat)
    n_classes = _n_classes(y, Y_hat, class_names)
    counts = metrics.confusion_matrix(y, Y_hat, n_classes=n_classes)
    shares = metrics.confusion_matrix(y, Y_hat, n_classes=n_classes, normalize=normalize)
    names = checked_names(class_names, len(counts))

    ax = axes_or_new(ax, figure_size(names))
    image = ax.imshow(shares, cmap=SEQUENTIAL, vmin=0, vmax=1 if normalize != "all" else None)
    _label_axes(ax, names)
    color_bar(ax, image, SHARES[normalize], format=lambda share, _: f"{100 * share:.3g} %")
    if len(counts) <= MANY:
        _write_counts(ax, image, counts, shares)
    return ax


def _n_classes(y: Any, Y_hat: Any, class_names: Any) -> int | None:
    """Return the number of classes that the names tell, if nothing else does: classes may not occur in the data."""
    if not hasattr(class_names, "__len__") or not np.ndim(Y_hat) == np.ndim(y) == 1:
        return None
    n_seen = len(metrics.confusion_matrix(y, Y_hat))
    if len(class_names) < n_seen:
        raise ArgumentError(f"class_names: expected a name for each class, at least {n_seen}, got {len(class_names)}")
    return len(class_names)


def figure_size(names: Sequence[str]) -> tuple[float, float]:
    """Return the width and height in inches of a figure in which long class names leave the matrix its space."""
    side = min(7.0, max(2.4, 0.4 + 0.5 * len(names)))
    _, labels, is_long = _tick_labels(names)
    longest = LETTER * max(map(len, labels))
    height = 0.75 * longest if is_long else 0.0
    return side + longest + 2.0, side + height + 0.9


def _tick_labels(names: Sequence[str]) -> tuple[Array, list[str], bool]:
    """Return which classes have a tick label, the labels, and whether they are too long to stand side by side."""
    ticks = sparse_ticks(len(names))
    labels = [names[i] if len(names[i]) <= LONGEST_NAME else names[i][: LONGEST_NAME - 1] + "…" for i in ticks]
    return ticks, labels, max(map(len, labels)) > 3 + 30 / len(labels)


def _label_axes(ax: Any, names: Sequence[str]) -> None:
    ticks, labels, is_long = _tick_labels(names)
    ax.set_xticks(ticks, labels, **{"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if is_long else {})
    ax.set_yticks(ticks, labels)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")


def _write_counts(ax: Any, image: Any, counts: Array, shares: Array) -> None:
    """Write the count into each cell that is not empty and, for few classes, the share below it."""
    with_share = len(counts) <= FEW
    width = 0.75 * len(str(counts.max()))  # of the longest text, in units of the font size
    if with_share:
        width = max(width, 3.65)  # of "100 %"
    points = min(MOST_POINTS, max(3, _cell_points(ax, len(counts)) / width))
    for (j, k), count in np.ndenumerate(counts):
        if count:
            text = f"{count}\n{percent(float(shares[j, k]))}" if with_share else f"{count}"
            shade = text_color(image.to_rgba(shares[j, k]))
            ax.text(k, j, text, ha="center", va="center", color=shade, fontsize=points, linespacing=1.1)


def _cell_points(ax: Any, n: int) -> float:
    """Return the width of a cell in points (1/72 inch). The layout of the figure may still change it a little."""
    extent = ax.get_window_extent()
    return float(min(extent.width, extent.height) / ax.figure.dpi * 72 / n)
