"""What a classifier finds and what it takes wrongly, for every threshold of its probabilities."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.plots.inputs import Scored, scored
from nnlite.plots.style import COLORS, FEW, GRAY, check_ax, checked_names, legend, line_style, names_for, own_or_new


class Curve(NamedTuple):
    """A line and the area under it."""

    x: Array
    y: Array
    area: float


def roc_curve(*data: Any, ax: Any = None, class_names: Any = None, classes: Sequence[int] | None = None) -> Any:
    r"""Draw ``TP / (TP + FN)`` over ``FP / (FP + TN)``, for every threshold of the probability.

    Of two classes, those of class 1 are the positives. Of more, each class has a curve against the rest; of several
    labels, each label.

    Parameters
    ----------
    *data
        ``(y, Y_hat)``, truth (M,) or (M, C) and probabilities or other scores (M, C) (or (M,), of class 1 of two); or
        ``(model, X, y)``.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    class_names : sequence of str, optional
        What the classes are called; by default 0 .. C-1.
    classes : sequence of int, optional
        Whose curves to draw; by default those of all, for more than 10 in gray with their mean.

    Returns
    -------
    Axes
        That was drawn on. The legend has the area under each curve. A class of which there is no example, or nothing
        but examples, has no curve.

    Raises
    ------
    ArgumentError
        If the network gives values, no class has a curve, or an argument is not what it should be.

    References
    ----------
    T. Fawcett, "An introduction to ROC analysis", 2006.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], ax=Figure().subplots())
    >>> ax.get_lines()[0].get_label()
    'AUC = 0.750'
    """
    chosen = _choose(scored(data, "roc_curve", any_scores=True), classes, names_for(data, class_names))
    curves = _curves(chosen, _roc, "roc_curve", "examples of it and of others")
    check_ax(ax)
    beside = ax is None and len(curves) > 4
    ax = own_or_new(ax, (6.6 if beside else 4.4, 4.2))
    _draw(ax, curves, "AUC", _mean_roc)
    ax.plot([0, 1], [0, 1], color=GRAY, linestyle=":", linewidth=1, zorder=1)
    _finish(ax, "false positive rate", "true positive rate", beside)
    return ax


def precision_recall_curve(
    *data: Any, ax: Any = None, class_names: Any = None, classes: Sequence[int] | None = None
) -> Any:
    r"""Draw ``TP / (TP + FP)`` over ``TP / (TP + FN)``, for every threshold of the probability.

    Of two classes, those of class 1 are the positives. Of more, each class has a curve against the rest; of several
    labels, each label. The area is the average precision, ``AP = sum_n (R_n - R_{n-1}) P_n``.

    Parameters
    ----------
    *data
        ``(y, Y_hat)``, truth (M,) or (M, C) and probabilities or other scores (M, C) (or (M,), of class 1 of two); or
        ``(model, X, y)``.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    class_names : sequence of str, optional
        What the classes are called; by default 0 .. C-1.
    classes : sequence of int, optional
        Whose curves to draw; by default those of all, for more than 10 in gray with their mean.

    Returns
    -------
    Axes
        That was drawn on. The legend has the average precision of each class; a class of which there is no example
        has no curve. With a single curve, the dotted line is what guessing would reach.

    Raises
    ------
    ArgumentError
        If the network gives values, no class has a curve, or an argument is not what it should be.

    References
    ----------
    J. Davis and M. Goadrich, "The relationship between precision-recall and ROC curves", 2006.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], ax=Figure().subplots())
    >>> ax.get_lines()[0].get_label()
    'AP = 0.833'
    """
    scores = scored(data, "precision_recall_curve", any_scores=True)
    chosen = _choose(scores, classes, names_for(data, class_names))
    curves = _curves(chosen, _precision_recall, "precision_recall_curve", "an example of it")
    check_ax(ax)
    beside = ax is None and len(curves) > 4
    ax = own_or_new(ax, (6.6 if beside else 4.4, 4.2))
    _draw(ax, curves, "AP", _mean_precision_recall, drawstyle="steps-pre")
    if len(chosen) == 1:
        ((positive, _),) = chosen.values()
        ax.axhline(positive.mean(), color=GRAY, linestyle=":", linewidth=1, zorder=1)
    _finish(ax, "recall", "precision", beside)
    return ax


def _choose(given: Scored, classes: Sequence[int] | None, names: Any) -> dict[str, tuple[Array, Array]]:
    """Which examples are positive, and their scores, by the name of the class."""
    n_classes = given.scores.shape[1]
    named = checked_names(names, n_classes)
    two = n_classes == 2 and not given.labels
    if classes is None:
        chosen = [1] if two else list(range(n_classes))
    else:
        indices = checks.class_indices("classes", classes, n_classes, of=f" for {n_classes} classes")
        chosen = list(dict.fromkeys(int(c) for c in np.atleast_1d(indices).ravel()))
        if not chosen:
            raise ArgumentError(f"classes: expected at least one of 0..{n_classes - 1}, got {classes!r}")
    nameless = two and names is None and classes is None
    return {"" if nameless else named[c]: (given.truth[:, c], given.scores[:, c]) for c in chosen}


def _curves(
    chosen: dict[str, tuple[Array, Array]], curve: Callable[[Array, Array], Curve | None], what: str, need: str
) -> dict[str, Curve]:
    """The curve of each class that has one."""
    curves = {name: curve(*columns) for name, columns in chosen.items()}
    known = {name: found for name, found in curves.items() if found is not None}
    if not known:
        raise ArgumentError(f"y: {what} needs {need}, and there are not both for any class that was asked for")
    return known


def _counts(positive: Array, scores: Array) -> tuple[Array, Array]:
    """TP and FP for each threshold, from the highest score down."""
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    descending = scores[order]
    last = np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)  # of equal scores
    TP = np.cumsum(positive[order])[last]
    return TP, last + 1 - TP


def _roc(positive: Array, scores: Array) -> Curve | None:
    """False and true positive rate from (0, 0) to (1, 1), and the area; None without positives or negatives."""
    TP, FP = _counts(positive, scores)
    if TP[-1] == 0 or FP[-1] == 0:
        return None
    x, y = np.append(0, FP / FP[-1]), np.append(0, TP / TP[-1])
    return Curve(x, y, float(np.trapezoid(y, x)))


def _precision_recall(positive: Array, scores: Array) -> Curve | None:
    """Recall, from 0 to 1, and precision, from 1, and the average precision; None without positives."""
    TP, FP = _counts(positive, scores)
    if TP[-1] == 0:
        return None
    recall, precision = np.append(0, TP / TP[-1]), np.append(1, TP / (TP + FP))
    return Curve(recall, precision, float(np.diff(recall) @ precision[1:]))


def _mean_roc(curves: Sequence[Curve]) -> tuple[Array, Array]:
    """Mean true positive rate at each false positive rate."""
    grid = np.linspace(0, 1, 501)
    # of several true positive rates at one false positive rate the highest, and 0 to begin with
    return np.append(0, grid), np.append(0, np.mean([np.interp(grid, c.x, c.y) for c in curves], axis=0))


def _mean_precision_recall(curves: Sequence[Curve]) -> tuple[Array, Array]:
    """Mean precision at each recall, that of the first threshold that reaches it."""
    grid = np.linspace(0, 1, 501)[1:]
    return grid, np.mean([c.y[np.searchsorted(c.x, grid)] for c in curves], axis=0)


def _draw(ax: Any, curves: dict[str, Curve], area: str, mean: Callable[..., tuple[Array, Array]], **style: Any) -> None:
    """A line for each class; where there are many, in gray behind their mean."""
    if len(curves) <= FEW:
        for i, (name, curve) in enumerate(curves.items()):
            label = f"{name}: {area} = {curve.area:.3f}".removeprefix(": ")
            ax.plot(curve.x, curve.y, label=label, **line_style(i), **style)
        return
    for i, curve in enumerate(curves.values()):
        label = "_" if i else "each class"
        ax.plot(curve.x, curve.y, color=GRAY, linewidth=0.6, alpha=0.4, label=label, **style)
    macro = np.mean([curve.area for curve in curves.values()])
    label = f"mean of {len(curves)}: {area} = {macro:.3f}"
    ax.plot(*mean(list(curves.values())), color=COLORS[0], linewidth=2, label=label, **style)


def _finish(ax: Any, xlabel: str, ylabel: str, beside: bool) -> None:
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=xlabel, ylabel=ylabel)
    ax.set_aspect("equal", adjustable="box")
    ax.grid(alpha=0.3)
    legend(ax, beside=beside, fontsize="small")
