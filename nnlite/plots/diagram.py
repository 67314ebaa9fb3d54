"""A diagram of the network: layers as columns of units."""

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.layers import Dense, Flatten, Layer, Residual
from nnlite.layers.convolution import Convolution
from nnlite.network.network import Network
from nnlite.plots.axes import axes_or_new
from nnlite.plots.inputs import require_model
from nnlite.plots.names import layer_name
from nnlite.plots.style import COLORS, GRAY

Shape = tuple[int, ...]
COLUMN, UNIT = 3.0, 1.0  # distance between columns, and between the units of a column


class Column(NamedTuple):
    """A column of units: the shape of an example there, the layers that compute it, and the shape of W before it.

    An image of a network of convolutions has a square for each channel, in place of a circle for each unit.
    """

    shape: Shape
    layers: list[Layer]
    weights: str
    has_channels: bool

    @property
    def size(self) -> int:
        """Number of units or channels."""
        return self.shape[-1] if self.has_channels else math.prod(self.shape)

    @property
    def text(self) -> str:
        """The names of the layers, one a line."""
        return "\n".join(map(_name, self.layers))


def network_diagram(model: Network, *, ax: Any = None, most_units: int = 10) -> Any:
    r"""Draw the network as columns of units: one for a[0], and one for each layer that makes new units.

    Parameters
    ----------
    model : Model
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    most_units : int, default 10
        Draw at most this many units of a column, at least 3. Larger columns show the first and the last units, with
        dots between them.

    Returns
    -------
    Axes
        The Axes with the picture. Above each column is the shape of a[l], below it the names of its layers, and below
        the lines the shape of W. In a network with convolutions, an image has a square for each of its channels.
        Layers that keep the number of units, such as activations, are in the column of the layer before them. An arc
        shows the shortcut of a Residual layer.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.
    NotBuiltError
        If the network does not know its input size yet.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=64)
    >>> ax = nn.plots.network_diagram(model, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.texts if text.get_text().startswith("a[")]
    ['a[0] = X', 'a[1]', 'a[2]']
    """
    model = require_model(model)
    most = checks.integer("most_units", most_units, minimum=3)
    columns = _columns(model)
    places = [_places(column.size, most) for column in columns]
    top = max(float(np.abs(heights).max()) for heights, _ in places) + UNIT
    bottom = -top - 0.3 - 0.55 * max(column.text.count("\n") + 1 for column in columns)
    ax = axes_or_new(ax, (0.6 + 1.7 * len(columns), 0.28 * (top + 1.5 - bottom)))
    for i, ((left, _), (right, _)) in enumerate(itertools.pairwise(places)):
        _draw_lines(ax, i, left, right)
    for i, (column, (heights, shortened)) in enumerate(zip(columns, places, strict=True)):
        _draw_units(ax, i, heights, shortened, last=0 < i == len(columns) - 1, squares=i == 0 or column.has_channels)
        _write(ax, i, column, top)
        if any(isinstance(layer, Residual) for layer in column.layers):
            _draw_arc(ax, i, places[i - 1][0], heights)
    ax.set(xlim=(-0.5 * COLUMN, (len(columns) - 0.5) * COLUMN), ylim=(bottom, top + 1.5))
    ax.set_axis_off()
    return ax


def _columns(model: Network) -> list[Column]:
    """Return a column for a[0] and for each layer that makes new units; other layers join the column before them."""
    shapes = model.shapes or ()
    convolves = any(isinstance(layer, Convolution) for layer in model.all_layers())
    columns = [Column(shapes[0], [], "", convolves and len(shapes[0]) > 1)]
    for layer, before, shape in zip(model.layers, shapes, shapes[1:], strict=False):
        new = isinstance(layer, (Dense, Residual, Convolution))
        if new or math.prod(shape) != math.prod(before) or (convolves and isinstance(layer, Flatten)):
            weights = f"W {' x '.join(map(str, layer.W.shape))}" if isinstance(layer, (Dense, Convolution)) else ""
            columns.append(Column(shape, [layer], weights, convolves and len(shape) > 1))
        else:
            columns[-1].layers.append(layer)
    return columns


def _name(layer: Layer) -> str:
    if isinstance(layer, Residual):
        around = ["shortcut", *map(_name, layer.shortcut)] if layer.shortcut else []
        return "\n".join(["Residual of", *map(_name, layer.layers), *around])
    return layer_name(layer)


def _places(size: int, most: int) -> tuple[Array, bool]:
    """Return the heights of the units that are drawn, from the top, and whether dots replace some in the middle."""
    if size <= most:
        return UNIT * ((size - 1) / 2 - np.arange(size)), False
    half = (most - 1) // 2  # one place is for the dots
    heights = UNIT * (half - np.arange(half))
    return np.concatenate([heights, -heights[::-1]]), True


def _draw_lines(ax: Any, i: int, left: Array, right: Array) -> None:
    from matplotlib.collections import LineCollection

    lines = [[(i * COLUMN, a), ((i + 1) * COLUMN, b)] for a in left for b in right]
    ax.add_collection(LineCollection(lines, colors=GRAY, linewidths=0.5, alpha=max(0.25, 0.8 - len(lines) / 100)))


def _draw_units(ax: Any, i: int, heights: Array, shortened: bool, *, last: bool, squares: bool) -> None:
    face = "white" if i == 0 else COLORS[1] if last else COLORS[5]
    edge = {"edgecolors": "black", "linewidths": 0.9, "facecolors": face, "marker": "s" if squares else "o"}
    ax.scatter(np.full(len(heights), i * COLUMN), heights, s=90, zorder=3, **edge)
    if shortened:
        dots = UNIT * np.array([0.3, 0, -0.3])
        ax.scatter(np.full(3, i * COLUMN), dots, s=6, color="black", zorder=3)


def _write(ax: Any, i: int, column: Column, top: float) -> None:
    """Write symbol and shape above the column, the layers below it, and the shape of W between the columns."""
    x, centered = i * COLUMN, {"ha": "center", "fontsize": 8}
    ax.text(x, top + 0.75, "a[0] = X" if i == 0 else f"a[{i}]", va="bottom", fontweight="bold", **centered)
    units = "" if len(column.shape) > 1 or i == 0 else " unit" if column.size == 1 else " units"
    ax.text(x, top + 0.65, " x ".join(map(str, column.shape)) + units, va="top", **centered)
    ax.text(x, -top, column.text, va="top", **centered)
    if column.weights:
        ax.text(x - COLUMN / 2, -top + 0.1, column.weights, va="bottom", color=GRAY, ha="center", fontsize=7)


def _draw_arc(ax: Any, i: int, before: Array, heights: Array) -> None:
    """Draw an arc from the top of the column before to the top of this one."""
    from matplotlib.patches import FancyArrowPatch

    ends = ((i - 1) * COLUMN, before[0] + 0.3), (i * COLUMN, heights[0] + 0.3)
    style: dict[str, Any] = {
        "connectionstyle": "arc3,rad=-0.25",
        "arrowstyle": "-|>",
        "mutation_scale": 10,
        "zorder": 2,
    }
    ax.add_patch(FancyArrowPatch(*ends, color=COLORS[1], linewidth=1.2, **style))
