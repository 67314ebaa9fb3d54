"""ROC and precision-recall curves: how a classifier does for every threshold of its scores."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.plots.axes import FEW, axes_or_new, legend
from nnlite.plots.inputs import Scored, scored
from nnlite.plots.names import checked_names, given_or_own_names
from nnlite.plots.style import COLORS, GRAY, line_style


class Curve(NamedTuple):
    """A curve and the area under it."""

    x: Array
    y: Array
    area: float


def roc_curve(*data: Any, ax: Any = None, class_names: Any = None, classes: Sequence[int] | None = None) -> Any:
    r"""Draw the true positive rate ``TP / (TP + FN)`` over the false positive rate ``FP / (FP + TN)``.

    Each point of a curve belongs to a threshold of the score. For two classes, class 1 is the positive class. For more
    classes there is one curve for each class against the rest; for several labels, one for each label.

    Parameters
    ----------
    *data
        ``(y, Y_hat)``, truth (M,) or (M, C) and scores such as probabilities (M, C), or (M,) of class 1 of two; or
        ``(model, X, y)``.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    class_names : sequence of str, optional
        Names of the classes. By default those of the model, or 0 .. C-1.
    classes : sequence of int, optional
        The classes to draw. By default all; more than 10 are drawn in gray behind their mean.

    Returns
    -------
    Axes
        The Axes with the picture. The legend has the area under each curve (AUC). A class has no curve if no example,
        or every example, belongs to it.

    Raises
    ------
    ArgumentError
        If the network gives values, no class has a curve, or an argument has a wrong value.

    References
    ----------
    T. Fawcett, "An introduction to ROC analysis", 2006.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> ax = nn.plots.roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], ax=Figure().subplots())
    >>> ax.get_lines()[0].get_label()
    'AUC = 0.750'
    """
    columns = _columns(scored(data, "roc_curve", any_scores=True), classes, given_or_own_names(class_names, data[0]))
    curves = _curves(columns, _roc)
    if not curves:
        raise ArgumentError("y: roc_curve needs a class with examples of it and examples of other classes")
    ax, beside = _axes_for(ax, curves)
    _draw(ax, curves, "AUC", _mean_roc)
    ax.plot([0, 1], [0, 1], color=GRAY, linestyle=":", linewidth=1, zorder=1)
    _finish(ax, "false positive rate", "true positive rate", beside)
    return ax


def precision_recall_curve(
    *data: Any, ax: Any = None, class_names: Any = None, classes: Sequence[int] | None = None
) -> Any:
    r"""Draw the precision ``P = TP / (TP + FP)`` over the recall ``R = TP / (TP + FN)``.

    Each point of a curve belongs to a threshold of the score. For two classes, class 1 is the positive class. For more
    classes there is one curve for each class against the rest; for several labels, one for each label. The area is
    the average precision, ``AP = sum_n (R_n - R_{n-1}) P_n``.

    Parameters
    ----------
    *data
        ``(y, Y_hat)``, truth (M,) or (M, C) and scores such as probabilities (M, C), or (M,) of class 1 of two; or
        ``(model, X, y)``.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    class_names : sequence of str, optional
        Names of the classes. By default those of the model, or 0 .. C-1.
    classes : sequence of int, optional
        The classes to draw. By default all; more than 10 are drawn in gray behind their mean.

    Returns
    -------
    Axes
        The Axes with the picture. The legend has the average precision of each class. A class without examples has no
        curve. If there is a single curve, a dotted line shows the precision of guessing.

    Raises
    ------
    ArgumentError
        If the network gives values, no class has a curve, or an argument has a wrong value.

    References
    ----------
    J. Davis and M. Goadrich, "The relationship between precision-recall and ROC curves", 2006.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> ax = nn.plots.precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], ax=Figure().subplots())
    >>> ax.get_lines()[0].get_label()
    'AP = 0.833'
    """
    given = scored(data, "precision_recall_curve", any_scores=True)
    columns = _columns(given, classes, given_or_own_names(class_names, data[0]))
    curves = _curves(columns, _precision_recall)
    if not curves:
        raise ArgumentError("y: precision_recall_curve needs a class with examples of it")
    ax, beside = _axes_for(ax, curves)
    _draw(ax, curves, "AP", _mean_precision_recall, drawstyle="steps-pre")
    if len(columns) == 1:
        ((positive, _),) = columns.values()
        ax.axhline(positive.mean(), color=GRAY, linestyle=":", linewidth=1, zorder=1)
    _finish(ax, "recall", "precision", beside)
    return ax


# ---- the numbers --------------------------------------------------------------------------------------------------


def _columns(given: Scored, classes: Sequence[int] | None, names: Any) -> dict[str, tuple[Array, Array]]:
    """Return, by the name of each chosen class, which examples are positive and their scores."""
    n_classes = given.scores.shape[1]
    named = checked_names(names, n_classes)
    one_is_positive = n_classes == 2 and not given.multi_label
    if classes is None:
        chosen = [1] if one_is_positive else list(range(n_classes))
    else:
        indices = checks.class_indices("classes", classes, n_classes, of=f" for {n_classes} classes")
        chosen = list(dict.fromkeys(int(c) for c in np.atleast_1d(indices).ravel()))
        if not chosen:
            raise ArgumentError(f"classes: expected at least one of 0..{n_classes - 1}, got {classes!r}")
    nameless = one_is_positive and names is None and classes is None
    return {"" if nameless else named[c]: (given.truth[:, c], given.scores[:, c]) for c in chosen}


def _curves(columns: dict[str, tuple[Array, Array]], curve: Callable[[Array, Array], Curve | None]) -> dict[str, Curve]:
    """Return the curves of the classes that have one."""
    curves = {name: curve(positive, scores) for name, (positive, scores) in columns.items()}
    return {name: found for name, found in curves.items() if found is not None}


def _roc(positive: Array, scores: Array) -> Curve | None:
    """Return the ROC curve from (0, 0) to (1, 1) and its area; None if there are no positives or no negatives."""
    TP, FP = _true_and_false_positives(positive, scores)
    if TP[-1] == 0 or FP[-1] == 0:
        return None
    x, y = np.append(0, FP / FP[-1]), np.append(0, TP / TP[-1])
    return Curve(x, y, float(np.trapezoid(y, x)))


def _precision_recall(positive: Array, scores: Array) -> Curve | None:
    """Return recall from 0 to 1, precision from 1 on, and the average precision; None if there are no positives."""
    TP, FP = _true_and_false_positives(positive, scores)
    if TP[-1] == 0:
        return None
    recall, precision = np.append(0, TP / TP[-1]), np.append(1, TP / (TP + FP))
    return Curve(recall, precision, float(np.diff(recall) @ precision[1:]))


def _true_and_false_positives(positive: Array, scores: Array) -> tuple[Array, Array]:
    """Return TP and FP for each threshold, from the highest score down."""
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    descending = scores[order]
    last_of_equals = np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)
    TP = np.cumsum(positive[order])[last_of_equals]
    return TP, last_of_equals + 1 - TP


def _mean_roc(curves: Sequence[Curve]) -> tuple[Array, Array]:
    """Return the mean true positive rate at each false positive rate."""
    grid = np.linspace(0, 1, 501)
    # where a curve rises vertically, np.interp takes the upper end; so the mean starts with a point of its own at 0
    return np.append(0, grid), np.append(0, np.mean([np.interp(grid, c.x, c.y) for c in curves], axis=0))


def _mean_precision_recall(curves: Sequence[Curve]) -> tuple[Array, Array]:
    """Return the mean precision at each recall; a curve's precision is that of the first threshold to reach it."""
    grid = np.linspace(0, 1, 501)[1:]
    return grid, np.mean([c.y[np.searchsorted(c.x, grid)] for c in curves], axis=0)


# ---- drawing ------------------------------------------------------------------------------------------------------


def _axes_for(ax: Any, curves: dict[str, Curve]) -> tuple[Any, bool]:
    """Return the axes, and whether the legend goes beside them because it is long and the figure is new."""
    beside = ax is None and len(curves) > 4
    return axes_or_new(ax, (6.6 if beside else 4.4, 4.2)), beside


def _draw(ax: Any, curves: dict[str, Curve], area: str, mean: Callable[..., tuple[Array, Array]], **style: Any) -> None:
    """Draw a line for each class; draw many classes in gray behind their mean."""
    if len(curves) <= FEW:
        for i, (name, curve) in enumerate(curves.items()):
            label = f"{name}: {area} = {curve.area:.3f}".removeprefix(": ")
            ax.plot(curve.x, curve.y, label=label, **line_style(i), **style)
        return
    for i, curve in enumerate(curves.values()):
        label = "_" if i else "each class"
        ax.plot(curve.x, curve.y, color=GRAY, linewidth=0.6, alpha=0.4, label=label, **style)
    macro_average = np.mean([curve.area for curve in curves.values()])
    label = f"mean of {len(curves)}: {area} = {macro_average:.3f}"
    ax.plot(*mean(list(curves.values())), color=COLORS[0], linewidth=2, label=label, **style)


def _finish(ax: Any, xlabel: str, ylabel: str, beside: bool) -> None:
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=xlabel, ylabel=ylabel)
    ax.set_aspect("equal", adjustable="box")
    ax.grid(alpha=0.3)
    legend(ax, beside=beside, fontsize="small")
