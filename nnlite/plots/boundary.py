"""What a network says over the plane of two features."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.network.examples import check_lengths, check_X
from nnlite.plots.inputs import output_units, require_model
from nnlite.plots.style import (
    FEW,
    check_ax,
    checked_names,
    color_bar,
    fills,
    legend,
    marker,
    names_for,
    own_or_new,
    sparse_ticks,
)

if TYPE_CHECKING:
    from nnlite.model import Model

BLOCK = 2**22  # numbers of X that are sent through the network at once


class Plane(NamedTuple):
    """Where the picture lies: its edges (left, right, bottom, top), and the points between them."""

    extent: tuple[float, float, float, float]
    x: Array
    y: Array


def decision_boundary(
    model: "Model",
    X: Any,
    y: Any = None,
    *,
    ax: Any = None,
    features: Sequence[int] | None = None,
    others: Any = "median",
    unit: int | None = None,
    class_names: Any = None,
    feature_names: Any = None,
    resolution: int = 200,
) -> Any:
    r"""Draw which class the network predicts where, over two features: the stronger the colour, the surer it is.

    For regression, the predicted value.

    Parameters
    ----------
    model : Model
    X : array_like, (M, n[0])
        Examples: the picture reaches a little farther than they do.
    y : array_like, (M,) or (M, n[L]), optional
        What they are; with it they are drawn, each class with a marker of its own.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    features : (int, int), optional
        Which features are drawn to the right and upwards; needed where there are more than two.
    others : {"median", "mean"} or array_like, (n[0],), default "median"
        Where the other features are kept: at the median or mean of X, or at those of this example.
    unit : int, optional
        Which output, of several labels or values.
    class_names, feature_names : sequence of str, optional
        What they are called, such as ``Dataset.class_names`` and ``Dataset.feature_names``.
    resolution : int, default 200
        Points in a row and in a column at which the network is asked, at least 2.

    Returns
    -------
    Axes
        That was drawn on.

    Raises
    ------
    ArgumentError
        If there are more than two features and no pair is chosen, several labels or values and no unit, or an argument
        is not what it should be.
    NotBuiltError
        If the network has no parameters yet.

    Notes
    -----
    The shade is that of the most probable class, and goes from light to strong as its probability goes from 1 / C to
    1. Lines are where two classes are equally probable.

    Examples
    --------
    >>> import nnlite as nn
    >>> from matplotlib.figure import Figure
    >>> X, y = nn.make_moons(100, seed=0)
    >>> model = nn.Model([nn.Dense(8), nn.Tanh(), nn.Dense(1), nn.Sigmoid()], n_features=2, seed=0)
    >>> ax = decision_boundary(model, X, y, ax=Figure().subplots())
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('feature 0', 'feature 1')
    """
    model = require_model(model)
    X = check_X(X, model.input_shape, model.dtype)
    flat = X.reshape(len(X), -1)
    i, j = _check_features(features, flat.shape[1])
    base = _check_others(others, flat)
    unit = _check_unit(unit, model)
    resolution = checks.integer("resolution", resolution, minimum=2)
    labels = None if y is None else _check_y(model, X, y, unit)
    feature_labels = _feature_labels(feature_names, flat.shape[1], (i, j))
    classes = _n_classes(model)
    names = checked_names(names_for([model], class_names), classes) if classes else []
    check_ax(ax)

    plane = _plane(flat[:, i], flat[:, j], resolution)
    rows = _ask(model, plane, base, (i, j), unit)
    surface = rows.reshape(resolution, resolution, -1)
    own = ax is None
    ax = own_or_new(ax, (5, 4))
    if classes:
        _draw_classes(ax, plane, surface, flat[:, [i, j]], labels, names, own)
    else:
        _draw_values(ax, plane, surface[..., 0], flat[:, [i, j]], labels)
    ax.set(xlim=plane.extent[:2], ylim=plane.extent[2:], xlabel=feature_labels[0], ylabel=feature_labels[1])
    if flat.shape[1] > 2:
        at = f"their {others}" if isinstance(others, str) else "given values"
        ax.set_title(f"the {flat.shape[1] - 2} other features at {at}", fontsize="medium")
    return ax


# ---- what is asked for --------------------------------------------------------------------------------------------


def _check_features(features: Any, n: int) -> tuple[int, int]:
    if features is None and n == 2:
        return 0, 1
    if n < 2:
        raise ArgumentError("model: a decision boundary is drawn over two features, and this network takes 1")
    if features is None:
        raise ArgumentError(
            f"features: a picture has two and this network takes {n}; choose a pair, such as features=(0, 1), while "
            "the others stay at their median (see others), or train a network on two features"
        )
    if isinstance(features, str) or not hasattr(features, "__len__") or len(features) != 2:
        raise ArgumentError(f"features: expected a pair of indices, such as (0, 1), got {features!r}")
    i, j = (checks.integer("features", feature, minimum=0) for feature in features)
    if i == j or max(i, j) >= n:
        raise ArgumentError(f"features: expected two different indices in 0..{n - 1}, got {(i, j)}")
    return i, j


def _check_others(others: Any, flat: Array) -> Array:
    if isinstance(others, str):
        if others not in ("median", "mean"):
            raise ArgumentError(f"others: expected 'median', 'mean' or {flat.shape[1]} values, got {others!r}")
        return np.asarray(getattr(np, others)(flat, axis=0), np.float64)
    values = checks.numeric_array("others", others).ravel()
    if len(values) != flat.shape[1]:
        raise ArgumentError(f"others: expected a value for each of {flat.shape[1]} features, got {len(values)}")
    checks.finite("others", values)
    return values.astype(np.float64)


def _check_unit(unit: Any, model: "Model") -> int | None:
    """Which column of the output is drawn; None for classes that exclude one another."""
    n = output_units(model)
    if model.output.n_classes(n) is not None:
        if unit is not None:
            raise ArgumentError(f"unit: is for several labels or values, and this network has {n} classes")
        return None
    if unit is None:
        if n == 1:
            return 0
        kind = "labels" if model.output.classifies else "values"
        raise ArgumentError(f"unit: this network gives {n} {kind}; choose one to draw, such as unit=0")
    chosen = checks.integer("unit", unit, minimum=0)
    if chosen >= n:
        raise ArgumentError(f"unit: expected one of 0..{n - 1}, got {chosen}")
    return chosen


def _n_classes(model: "Model") -> int:
    """How many classes are told apart; two for a label, none for values."""
    return (model.output.n_classes(output_units(model)) or 2) if model.output.classifies else 0


def _check_y(model: "Model", X: Array, y: Any, unit: int | None) -> Array:
    """The class of each example (M,), or its value."""
    targets = model.output.check_targets(y, output_units(model))
    check_lengths(X, targets)
    if unit is not None:
        return targets[:, unit] > 0.5 if model.output.classifies else targets[:, unit]
    return targets if targets.ndim == 1 else model.output.predict(targets)


def _feature_labels(names: Any, n: int, pair: tuple[int, int]) -> list[str]:
    if names is None or (hasattr(names, "__len__") and len(names) == 0):
        return [f"feature {k}" for k in pair]
    named = checked_names(names, n, "feature_names")
    return [named[k] for k in pair]


# ---- what the network says ----------------------------------------------------------------------------------------


def _plane(x: Array, y: Array, resolution: int) -> Plane:
    sides = []
    for values in (x.astype(np.float64), y.astype(np.float64)):
        margin = 0.08 * (values.max() - values.min()) or 1.0
        sides.append((values.min() - margin, values.max() + margin))
    (left, right), (bottom, top) = sides
    return Plane((left, right, bottom, top), np.linspace(left, right, resolution), np.linspace(bottom, top, resolution))


def _ask(model: "Model", plane: Plane, base: Array, pair: tuple[int, int], unit: int | None) -> Array:
    """Probabilities, or the value, at all points of the plane, row by row from the bottom."""
    n_rows = max(1, BLOCK // (len(plane.x) * len(base)))
    answers = []
    for start in range(0, len(plane.y), n_rows):
        heights = plane.y[start : start + n_rows]
        points = np.tile(base, (len(heights) * len(plane.x), 1))
        points[:, pair[0]] = np.tile(plane.x, len(heights))
        points[:, pair[1]] = np.repeat(heights, len(plane.x))
        points = points.reshape(len(points), *(model.input_shape or ()))
        if unit is None:
            answers.append(model.predict_proba(points))
        elif model.output.classifies:
            p = model.predict_proba(points)[:, [unit]]
            answers.append(np.hstack([1 - p, p]))
        else:
            answers.append(model.predict(points).reshape(len(points), -1)[:, [unit]])
    return np.concatenate(answers)


# ---- drawing ------------------------------------------------------------------------------------------------------


def _draw_classes(
    ax: Any, plane: Plane, P: Array, points: Array, labels: Array | None, names: list[str], own: bool
) -> None:
    colors, C = fills(len(names)), len(names)
    best, p = P.argmax(axis=-1), P.max(axis=-1)
    strength = 0.1 + 0.45 * np.clip((p - 1 / C) / (1 - 1 / C), 0, 1)[..., None]
    shade = 1 - strength * (1 - colors[best])
    ax.imshow(shade, extent=plane.extent, origin="lower", aspect="auto", interpolation="bilinear")
    _draw_lines(ax, plane, P, best)
    size = _point_size(len(points))
    if labels is not None:
        for c in np.unique(labels.astype(int)):
            chosen = points[labels == c]
            face = {"facecolor": colors[c : c + 1], "edgecolor": "white", "linewidth": 0.1 * np.sqrt(size)}
            ax.scatter(*chosen.T, s=size, marker=marker(c), label=names[c], zorder=3, **face)
    if len(names) > FEW:
        _class_bar(ax, colors, names)
    elif labels is not None:
        legend(ax, beside=own, markerscale=np.sqrt(30 / size))


def _draw_lines(ax: Any, plane: Plane, P: Array, best: Array) -> None:
    """Where the lead of a class over the best of the others is 0."""
    second, first = np.moveaxis(np.partition(P, -2, axis=-1)[..., -2:], -1, 0)
    seen = np.unique(best)
    for c in seen[: -1 if len(seen) == 2 else None] if len(seen) > 1 else []:
        lead = P[..., c] - np.where(best == c, second, first)
        ax.contour(plane.x, plane.y, lead, [0], colors="black", linewidths=0.8)


def _class_bar(ax: Any, colors: Array, names: list[str]) -> None:
    """Which colour is which class, where there are too many for a legend."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, ListedColormap

    n = len(names)
    scale = ScalarMappable(BoundaryNorm(np.arange(n + 1) - 0.5, n), ListedColormap(colors))
    ticks = sparse_ticks(n)
    bar = color_bar(ax, scale, "class")
    bar.set_ticks(ticks, labels=[names[c] for c in ticks])
    bar.ax.minorticks_off()


def _draw_values(ax: Any, plane: Plane, surface: Array, points: Array, y: Array | None) -> None:
    low, high = surface.min(), surface.max()
    if y is not None:
        low, high = min(low, y.min()), max(high, y.max())
    scale = {"cmap": "viridis", "vmin": low, "vmax": high}
    image = ax.imshow(surface, extent=plane.extent, origin="lower", aspect="auto", interpolation="bilinear", **scale)
    if surface.max() > surface.min():
        ax.contour(plane.x, plane.y, surface, 8, colors="white", linewidths=0.6)
    if y is not None:
        ax.scatter(*points.T, c=y, s=_point_size(len(points)), edgecolor="black", linewidth=0.5, zorder=3, **scale)
    color_bar(ax, image, "predicted value" + (", points: true value" if y is not None else ""))


def _point_size(n: int) -> float:
    return float(np.clip(6000 / n, 8, 30))
