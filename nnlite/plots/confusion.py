"""Which classes are taken for which."""

from typing import Any

import numpy as np

from nnlite import metrics
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.plots.inputs import pair
from nnlite.plots.style import (
    FEW,
    MANY,
    SEQUENTIAL,
    check_ax,
    checked_names,
    color_bar,
    names_for,
    own_or_new,
    sparse_ticks,
)

SHARES = {"true": "share of the true class", "pred": "share of the predicted class", "all": "share of all examples"}


def confusion_matrix(*data: Any, ax: Any = None, class_names: Any = None, normalize: str = "true") -> Any:
    r"""Draw how many examples of class j were taken for class k, and which share of them.

    Parameters
    ----------
    *data
        ``(y, Y_hat)``, truth (M,) or (M, C) and prediction: classes (M,) or probabilities (M, C); or
        ``(model, X, y)``.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    class_names : sequence of str, optional
        What the classes are called, such as ``Dataset.class_names``; by default 0 .. C-1.
    normalize : {"true", "pred", "all"}, default "true"
        Of what the shares are, which give the colour: of the row (so that the diagonal is the recall), of the column
        (the precision), or of all.

    Returns
    -------
    Axes
        That was drawn on. Each cell that is not empty says how many, for up to 10 classes also which share in percent;
        above 20 classes the colour alone speaks.

    Raises
    ------
    ArgumentError
        If the network gives values or several labels, or an argument is not what it should be.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = confusion_matrix([0, 0, 1, 2], [0, 1, 1, 1], ax=Figure().subplots(), class_names=["cat", "dog", "owl"])
    >>> ax.texts[0].get_text()
    '1\n50 %'
    """
    y, Y_hat, labels = pair(data, "confusion_matrix")
    if labels:
        raise ArgumentError(
            "confusion_matrix: is of classes that exclude one another, and this network gives several labels; "
            "draw one at a time: confusion_matrix(y[:, j], Y_hat[:, j])"
        )
    if not isinstance(normalize, str) or normalize not in SHARES:
        raise ArgumentError(f"normalize: expected 'true', 'pred' or 'all', got {normalize!r}")
    class_names = names_for(data, class_names)
    # of predicted classes the names tell how many there are, for those that did not occur
    n_classes = len(class_names) if hasattr(class_names, "__len__") and np.ndim(Y_hat) == np.ndim(y) == 1 else None
    n_seen = len(metrics.confusion_matrix(y, Y_hat))
    if n_classes is not None and n_classes < n_seen:
        raise ArgumentError(f"class_names: expected a name for each class, at least {n_seen}, got {n_classes}")
    n = metrics.confusion_matrix(y, Y_hat, n_classes=n_classes)
    shares = metrics.confusion_matrix(y, Y_hat, n_classes=n_classes, normalize=normalize)
    named = checked_names(class_names, len(n))
    check_ax(ax)
    side = min(9.0, max(3.6, 1.6 + 0.5 * len(n)))
    ax = own_or_new(ax, (side + 1.2, side))
    image = ax.imshow(shares, cmap=SEQUENTIAL, vmin=0, vmax=1 if normalize != "all" else None)
    if len(n) <= MANY:
        _write(ax, n, shares)
    _name(ax, named)
    color_bar(ax, image, SHARES[normalize], format=lambda share, _: f"{100 * share:.3g} %")
    return ax


def _write(ax: Any, n: Array, shares: Array) -> None:
    """How many in each cell, and which share; light on dark."""
    dark = 0.5 * ax.images[-1].norm.vmax
    few = len(n) <= FEW
    width = ax.get_window_extent().width / ax.figure.dpi * 72 / len(n)  # of a cell, in points
    size = min(10, max(3, width / (3.2 if few else 0.75 * len(str(n.max())))))
    for (j, k), count in np.ndenumerate(n):
        if count:
            text = f"{count}\n{_percent(float(shares[j, k]))}" if few else f"{count}"
            shade = "white" if shares[j, k] > dark else "black"
            ax.text(k, j, text, ha="center", va="center", color=shade, fontsize=size, linespacing=1.1)


def _percent(share: float) -> str:
    """No share is called 0 % or 100 % that is not."""
    percent = 100 * share
    return "<1 %" if 0 < percent < 1 else ">99 %" if 99 < percent < 100 else f"{percent:.0f} %"


def _name(ax: Any, names: list[str]) -> None:
    ticks = sparse_ticks(len(names))
    labels = [names[i] for i in ticks]
    long = max(map(len, labels)) > 3 + 30 / len(labels)
    ax.set_xticks(ticks, labels, **{"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if long else {})
    ax.set_yticks(ticks, labels)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
