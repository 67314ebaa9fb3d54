"""The decision boundary: what a network predicts over the plane of two features."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.network.network import Network
from nnlite.plots.axes import FEW, axes_or_new, color_bar, legend, sparse_ticks
from nnlite.plots.inputs import check_examples, classes_of, require_model
from nnlite.plots.names import checked_names, given_or_own_names
from nnlite.plots.style import fills, marker

BLOCK = 2**22  # numbers of X that are computed at once


class Plane(NamedTuple):
    """The part of the plane that is drawn: its edges (left, right, bottom, top) and the coordinates in between."""

    extent: tuple[float, float, float, float]
    x: Array
    y: Array


def decision_boundary(
    model: Network,
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
    r"""Draw the predicted class, or the predicted value for regression, over the plane of two features.

    Parameters
    ----------
    model : Model
    X : array_like, (M, n[0])
        Examples. The picture extends a little beyond them.
    y : array_like, (M,) or (M, n[L]), optional
        Their classes or values. If given, the examples are drawn, each class with its own marker.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    features : (int, int), optional
        The features on the horizontal and the vertical axis. Required if there are more than two.
    others : {"median", "mean"} or array_like, (n[0],), default "median"
        The values of the other features: their median or mean in X, or those of the given example.
    unit : int, optional
        Which output to draw, for several labels or values.
    class_names : sequence of str, optional
        Names of the classes, such as ``Dataset.class_names``. By default those of the model, or 0 .. C-1.
    feature_names : sequence of str, optional
        Names of the n[0] features, such as ``Dataset.feature_names``.
    resolution : int, default 200
        Number of points in each row and column for which the network predicts, at least 2.

    Returns
    -------
    Axes
        The Axes with the picture.

    Raises
    ------
    ArgumentError
        If there are more than two features and ``features`` is None, there are several labels or values and ``unit``
        is None, or an argument has a wrong value.
    NotBuiltError
        If the network has no parameters yet.

    Notes
    -----
    The color is that of the most probable class. It goes from pale to strong as the probability goes from 1 / C to 1.
    On the lines two classes are equally probable.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> X, y = nn.make_moons(100, seed=0)
    >>> model = nn.Model([nn.Dense(8), nn.Tanh(), nn.Dense(1), nn.Sigmoid()], n_features=2, seed=0)
    >>> ax = nn.plots.decision_boundary(model, X, y, ax=Figure().subplots())
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('feature 0', 'feature 1')
    """
    model = require_model(model)
    X, targets = check_examples(model, X, y)
    X = X.reshape(len(X), -1)
    pair = _check_features(features, X.shape[1])
    base = _check_others(others, X)
    unit = _check_unit(unit, model)
    resolution = checks.integer("resolution", resolution, minimum=2)
    truth = None if targets is None else _truth(model, targets, unit)
    xlabel, ylabel = _feature_labels(feature_names, X.shape[1], pair)
    n_classes = _n_classes(model)
    names = checked_names(given_or_own_names(class_names, model), n_classes) if n_classes else []

    points = X[:, pair]
    plane = _plane(points, resolution)
    outputs = np.concatenate([_outputs(model, rows, unit) for rows in _examples_on(plane, base, pair)])
    surface = outputs.reshape(resolution, resolution, -1)
    is_new, ax = ax is None, axes_or_new(ax, (5, 4))
    if n_classes:
        _draw_classes(ax, plane, surface)
        _draw_examples(ax, points, truth, names, legend_beside=is_new)
    else:
        _draw_values(ax, plane, surface[..., 0], points, truth)
    ax.set(xlim=plane.extent[:2], ylim=plane.extent[2:], xlabel=xlabel, ylabel=ylabel)
    if max(map(abs, plane.extent[:2])) >= 10_000:
        ax.locator_params(axis="x", nbins=4)  # more labels of that length would overlap
    if X.shape[1] > 2:
        values = f"their {others}" if isinstance(others, str) else "given values"
        ax.set_title(f"the {X.shape[1] - 2} other features at {values}", fontsize="medium")
    return ax


# ---- arguments ----------------------------------------------------------------------------------------------------


def _check_features(features: Any, n: int) -> list[int]:
    """Return the indices of the two features that are drawn."""
    if features is None and n == 2:
        return [0, 1]
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
    return [i, j]


def _check_others(others: Any, X: Array) -> Array:
    """Return an example (n[0],) whose values the other features keep."""
    n = X.shape[1]
    if isinstance(others, str):
        if others not in ("median", "mean"):
            raise ArgumentError(f"others: expected 'median', 'mean' or {n} values, got {others!r}")
        return np.asarray(getattr(np, others)(X, axis=0), np.float64)
    values = checks.numeric_array("others", others).ravel()
    if len(values) != n:
        raise ArgumentError(f"others: expected a value for each of {n} features, got {len(values)}")
    checks.finite("others", values)
    return values.astype(np.float64)


def _check_unit(unit: Any, model: Network) -> int | None:
    """Return the output unit that is drawn; None for classes that exclude one another."""
    n = model.n_units or 0
    if model.n_classes is not None:
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


def _n_classes(model: Network) -> int:
    """Return the number of classes in the picture: 2 for a label, 0 for values."""
    return (model.n_classes or 2) if model.output.classifies else 0


def _truth(model: Network, targets: Array, unit: int | None) -> Array:
    """Return the class, or the value, of each example, (M,)."""
    if unit is None:
        return classes_of(model, targets)
    return targets[:, unit] > 0.5 if model.output.classifies else targets[:, unit]


def _feature_labels(names: Any, n: int, pair: list[int]) -> list[str]:
    if names is None or (hasattr(names, "__len__") and len(names) == 0):
        return [f"feature {k}" for k in pair]
    named = checked_names(names, n, "feature_names")
    return [named[k] for k in pair]


# ---- predictions --------------------------------------------------------------------------------------------------


def _plane(points: Array, resolution: int) -> Plane:
    """Return the part of the plane that holds all points (M, 2), with a margin."""
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    margin = 0.08 * (high - low)
    margin[margin == 0] = 1
    (left, bottom), (right, top) = (low - margin).tolist(), (high + margin).tolist()
    return Plane((left, right, bottom, top), np.linspace(left, right, resolution), np.linspace(bottom, top, resolution))


def _examples_on(plane: Plane, base: Array, pair: list[int]) -> Iterator[Array]:
    """Yield an example for each point of the plane, row by row from the bottom, in blocks that fit into memory."""
    n_columns = len(plane.x)
    n_rows = max(1, BLOCK // (n_columns * len(base)))
    for start in range(0, len(plane.y), n_rows):
        heights = plane.y[start : start + n_rows]
        examples = np.tile(base, (len(heights) * n_columns, 1))
        examples[:, pair[0]] = np.tile(plane.x, len(heights))
        examples[:, pair[1]] = np.repeat(heights, n_columns)
        yield examples


def _outputs(model: Network, examples: Array, unit: int | None) -> Array:
    """Return the probabilities of the classes (M, C), or of a label (M, 2); or the value, (M, 1)."""
    X = examples.reshape(len(examples), *(model.input_shape or ()))
    Y_hat = model.predict_rows(X)
    if not model.output.classifies:
        values = Y_hat if model.target_scale is None else model.target_scale.outside(Y_hat)
        return values[:, [unit or 0]]
    P = model.output.predict_proba(Y_hat)
    return P if unit is None else np.hstack([1 - P[:, [unit]], P[:, [unit]]])


# ---- drawing ------------------------------------------------------------------------------------------------------


def _draw_classes(ax: Any, plane: Plane, P: Array) -> None:
    """Draw the most probable class of each point as a color, and lines between the classes."""
    C = P.shape[-1]
    best, p = P.argmax(axis=-1), P.max(axis=-1)
    strength = 0.1 + 0.45 * np.clip((p - 1 / C) / (1 - 1 / C), 0, 1)[..., None]
    shade = 1 - strength * (1 - fills(C)[best])
    ax.imshow(shade, extent=plane.extent, origin="lower", aspect="auto", interpolation="bilinear")
    second, first = np.moveaxis(np.partition(P, -2, axis=-1)[..., -2:], -1, 0)
    seen = np.unique(best)
    if len(seen) <= 2:
        seen = seen[:-1]  # two classes share one line, and a single class has none
    for c in seen:
        lead = P[..., c] - np.where(best == c, second, first)
        ax.contour(plane.x, plane.y, lead, [0], colors="black", linewidths=0.8)


def _draw_examples(ax: Any, points: Array, classes: Array | None, names: list[str], *, legend_beside: bool) -> None:
    """Draw the examples of each class with its own marker, and a legend or, for many classes, a color bar."""
    colors, size = fills(len(names)), _point_size(len(points))
    if classes is not None:
        for c in np.unique(classes.astype(int)):
            face = {"facecolor": colors[c : c + 1], "edgecolor": "white", "linewidth": 0.1 * np.sqrt(size)}
            ax.scatter(*points[classes == c].T, s=size, marker=marker(c), label=names[c], zorder=3, **face)
    if len(names) > FEW:
        _add_class_bar(ax, colors, names)
    elif classes is not None:
        legend(ax, beside=legend_beside, markerscale=np.sqrt(30 / size))


def _add_class_bar(ax: Any, colors: Array, names: list[str]) -> None:
    """Add a color bar with a field for each class."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, ListedColormap

    n = len(names)
    scale = ScalarMappable(BoundaryNorm(np.arange(n + 1) - 0.5, n), ListedColormap(colors))
    ticks = sparse_ticks(n)
    bar = color_bar(ax, scale, "class")
    bar.set_ticks(ticks, labels=[names[c] for c in ticks])
    bar.ax.minorticks_off()


def _draw_values(ax: Any, plane: Plane, surface: Array, points: Array, y: Array | None) -> None:
    """Draw the predicted values as colors with contour lines, and the examples on the same scale."""
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
    """Return the area of a marker in square points: smaller for more examples."""
    return float(np.clip(6000 / n, 8, 30))
