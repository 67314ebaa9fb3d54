"""The weights of the first layer as images."""

import math
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Dense
from nnlite.layers.convolution import Convolution
from nnlite.network.network import Network
from nnlite.plots.axes import axes_or_new, color_bar
from nnlite.plots.convolutions import filters
from nnlite.plots.images import check_image_shape
from nnlite.plots.inputs import require_model
from nnlite.plots.mosaic import draw_gaps, mosaic_of
from nnlite.plots.style import DIVERGING

MOST_UNITS = 64


def first_layer_weights(
    model: Network,
    *,
    ax: Any = None,
    image_shape: tuple[int, int] | None = None,
    n_units: int = MOST_UNITS,
    limit: float | None = None,
) -> Any:
    r"""Draw W[1] of the first layer with weights: those of each unit as an image.

    Of a `Conv2D` these are its filters, as `filters` draws them; of a `Conv1D` the rows of an image are the entries of
    the kernel, and its columns the channels.

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
        If there is no Dense layer or convolution, its input is not an image, or an argument has a wrong value.
    NotBuiltError
        If the network has no parameters yet.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(20), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=64, seed=0)
    >>> nn.plots.first_layer_weights(model, ax=Figure().subplots()).get_xlabel()
    '20 units, 8 x 8 weights each'
    """
    W = _first_W(require_model(model))
    if W.ndim == 4:
        return filters(model, ax=ax, n_filters=None if n_units == MOST_UNITS else n_units, limit=limit)
    if W.ndim == 3:
        rows, columns = W.shape[:2]
        W = W.reshape(rows * columns, -1)
    else:
        has_input_shape = math.prod(model.input_shape or ()) == len(W)
        example_shape = model.input_shape if has_input_shape and model.input_shape else (len(W),)
        rows, columns = check_image_shape(image_shape, example_shape, channels=False)
    n = min(checks.integer("n_units", n_units), W.shape[1])
    images = W.T[:n].reshape(n, rows, columns)
    limit = float(np.abs(images).max()) or 1.0 if limit is None else checks.real("limit", limit, above=0)

    ax = axes_or_new(ax, (5, 4.2))
    mosaic = mosaic_of(images, math.ceil(math.sqrt(n * rows / columns)))
    image = ax.imshow(mosaic, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest")
    draw_gaps(ax, mosaic, rows, columns)
    color_bar(ax, image, "weight")
    units = f"the first {n} of {W.shape[1]} units" if n < W.shape[1] else f"{n} unit{'s' * (n > 1)}"
    ax.set_xlabel(f"{units}, {rows} x {columns} weights each")
    return ax


def _first_W(model: Network) -> Array:
    """Return W of the first Dense layer or convolution, which may be inside another layer."""
    for layer in model.all_layers():
        if isinstance(layer, (Dense, Convolution)):
            return layer.W
    raise ArgumentError(f"model: expected a Dense layer, whose weights are drawn, got {model!r}")
