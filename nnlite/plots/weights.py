"""The weights of the first layer as images."""

import math
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Dense
from nnlite.network.network import Network
from nnlite.plots.axes import axes_or_new, color_bar, hide_ticks
from nnlite.plots.images import check_image_shape
from nnlite.plots.inputs import require_model
from nnlite.plots.style import DIVERGING


def first_layer_weights(
    model: Network,
    *,
    ax: Any = None,
    image_shape: tuple[int, int] | None = None,
    n_units: int = 64,
    limit: float | None = None,
) -> Any:
    r"""Draw W[1] of the first Dense layer: the weights of each unit as an image.

    A red pixel increases z of the unit and a blue one decreases it. The scale is symmetric, so white is 0.

    Parameters
    ----------
    model : Model
    ax : matplotlib Axes, optional
        Where to draw all images. By default a new figure.
    image_shape : (int, int), optional
        Rows and columns of an image. By default the shape of the network's input, or a square.
    n_units : int, default 64
        Draw at most this many units, the first ones.
    limit : float, optional
        The weight with the strongest color, above 0. By default the largest absolute weight that is drawn. Use the
        same limit to compare several pictures.

    Returns
    -------
    Axes
        The Axes with the picture.

    Raises
    ------
    ArgumentError
        If there is no Dense layer, its input is not an image, or an argument has a wrong value.
    NotBuiltError
        If the network has no parameters yet.

    Examples
    --------
    >>> import nnlite as nn
    >>> from matplotlib.figure import Figure
    >>> model = nn.Model([nn.Dense(20), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=64, seed=0)
    >>> first_layer_weights(model, ax=Figure().subplots()).get_xlabel()
    '20 units, 8 x 8 weights each'
    """
    W = _first_W(require_model(model))
    has_input_shape = math.prod(model.input_shape or ()) == len(W)
    example_shape = model.input_shape if has_input_shape and model.input_shape else (len(W),)
    rows, columns = check_image_shape(image_shape, example_shape, channels=False)
    n = min(checks.integer("n_units", n_units), W.shape[1])
    images = W.T[:n].reshape(n, rows, columns)
    limit = float(np.abs(images).max()) or 1.0 if limit is None else checks.real("limit", limit, above=0)

    ax = axes_or_new(ax, (5, 4.2))
    mosaic = _mosaic(images, math.ceil(math.sqrt(n * rows / columns)))
    image = ax.imshow(mosaic, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest")
    _draw_gaps(ax, mosaic, rows, columns)
    color_bar(ax, image, "weight")
    units = f"the first {n} of {W.shape[1]} units" if n < W.shape[1] else f"{n} unit{'s' * (n > 1)}"
    ax.set_xlabel(f"{units}, {rows} x {columns} weights each")
    return ax


def _first_W(model: Network) -> Array:
    """Return W (inputs, units) of the first Dense layer, which may be inside another layer."""
    for layer in model.all_layers():
        if isinstance(layer, Dense):
            return layer.W
    raise ArgumentError(f"model: expected a Dense layer, whose weights are drawn, got {model!r}")


def _mosaic(images: Array, n_columns: int) -> Array:
    """Return images (n, rows, columns) as one, side by side in rows of ``n_columns``; NaN is not drawn."""
    n, height, width = images.shape
    n_columns = min(n, n_columns)
    n_rows = -(-n // n_columns)
    mosaic = np.full((n_rows * height, n_columns * width), np.nan)
    for i, image in enumerate(images):
        top, left = (i // n_columns) * height, (i % n_columns) * width
        mosaic[top : top + height, left : left + width] = image
    return mosaic


def _draw_gaps(ax: Any, mosaic: Array, rows: int, columns: int) -> None:
    """Draw white lines between the images, and nothing around them."""
    ax.vlines(np.arange(0, mosaic.shape[1] + 1, columns) - 0.5, *ax.get_ylim(), color="white", linewidth=2.5)
    ax.hlines(np.arange(0, mosaic.shape[0] + 1, rows) - 0.5, *ax.get_xlim(), color="white", linewidth=2.5)
    hide_ticks(ax)
    for spine in ax.spines.values():
        spine.set_visible(False)
