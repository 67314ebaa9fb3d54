"""The filters of a convolution, and what the layers make of an image."""

import math
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Conv2D, Layer
from nnlite.network.examples import check_X
from nnlite.network.network import Network
from nnlite.plots.axes import axes_or_new, color_bar, hide_ticks
from nnlite.plots.inputs import require_model
from nnlite.plots.mosaic import draw_gaps, mosaic_of
from nnlite.plots.names import layer_name
from nnlite.plots.style import DIVERGING

GAP = 0.08  # between two maps, of their width


class Row(NamedTuple):
    """The maps (rows, columns, channels) of an image behind a layer, with the name of the layer."""

    name: str
    maps: Array


def filters(
    model: Network,
    layer: int | None = None,
    *,
    ax: Any = None,
    n_filters: int | None = None,
    n_channels: int = 16,
    limit: float | None = None,
) -> Any:
    r"""Draw W of a convolution: the kernel of each filter as an image.

    A red weight increases z where the pixel under it is bright, and a blue one decreases it. The scale is symmetric, so
    white is 0. A filter of an image with several channels has a kernel for each of them: they stand side by side, one
    row for each filter.

    Parameters
    ----------
    model : Model
    layer : int, optional
        The place of the `Conv2D` in ``model.layers``. By default the first one of the network, which may be inside a
        Residual layer.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    n_filters : int, optional
        Draw at most this many filters, the first ones: by default 64, or 16 of an image with several channels.
    n_channels : int, default 16
        Draw the kernels of at most this many channels, the first ones.
    limit : float, optional
        The weight with the strongest color, above 0. By default the largest absolute weight that is drawn.

    Returns
    -------
    Axes
        The Axes with the picture.

    Raises
    ------
    ArgumentError
        If there is no Conv2D at that place, or an argument has a wrong value.
    NotBuiltError
        If the network has no parameters yet.

    References
    ----------
    A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional neural networks", 2012,
    figure 3.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> layers = [nn.Conv2D(8, 5), nn.ReLU(), nn.GlobalAveragePool2D(), nn.Dense(10), nn.Softmax()]
    >>> model = nn.Model(layers, n_features=(28, 28, 1), seed=0)
    >>> nn.plots.filters(model, ax=Figure().subplots()).get_xlabel()
    '8 filters, 5 x 5 weights each'
    """
    W = _convolution(require_model(model), layer).W
    height, width, C, F = W.shape
    most = (64 if C == 1 else 16) if n_filters is None else checks.integer("n_filters", n_filters)
    n = min(most, F)
    c = min(checks.integer("n_channels", n_channels), C)
    kernels = np.moveaxis(W[:, :, :c, :n], (3, 2), (0, 1)).reshape(n * c, height, width)
    limit = float(np.abs(kernels).max()) or 1.0 if limit is None else checks.real("limit", limit, above=0)
    columns = c if c > 1 else math.ceil(math.sqrt(n * height / width))
    mosaic = mosaic_of(kernels, columns)

    ax = axes_or_new(ax, _size_of(mosaic))
    image = ax.imshow(mosaic, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest")
    draw_gaps(ax, mosaic, height, width)
    color_bar(ax, image, "weight")
    shown = f"the first {n} of {F} filters" if n < F else f"{n} filter{'s' * (n > 1)}"
    ax.set_xlabel(f"{shown}, {height} x {width} weights each" if C == 1 else _of_channels(c, C, height, width))
    if C > 1:
        ax.set_ylabel(shown)
    return ax


def feature_maps(model: Network, x: Any, *, ax: Any = None, n_channels: int = 8) -> Any:
    r"""Draw what each layer makes of an image: its feature maps a[l], one for each channel.

    Parameters
    ----------
    model : Model
        It is not changed.
    x : array_like, (height, width, channels)
        One image, as the network takes it.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    n_channels : int, default 8
        Draw at most this many channels of a layer, the first ones.

    Returns
    -------
    Axes
        The Axes with the picture. The image is at the top, and below it a row for each layer whose output still is an
        image; layers that do not change their input are left out. Each row has its own scale, from its lowest number
        (black) to its largest (white).

    Raises
    ------
    ArgumentError
        If x is no image that fits the network, or an argument has a wrong value.
    NotBuiltError
        If the network has no parameters yet.

    References
    ----------
    M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", 2014.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> layers = [nn.Conv2D(4, 3), nn.ReLU(), nn.MaxPool2D(), nn.Flatten(), nn.Dense(10), nn.Softmax()]
    >>> model = nn.Model(layers, n_features=(8, 8, 1), seed=0)
    >>> digits = nn.load_digits()
    >>> ax = nn.plots.feature_maps(model, digits.X_train[0].reshape(8, 8, 1), ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['X', '1  Conv2D(4, 3)', '2  ReLU()', '3  MaxPool2D()']
    """
    model = require_model(model)
    x = checks.numeric_array("x", x)
    if model.input_shape is not None and (len(model.input_shape) != 3 or x.shape != model.input_shape):
        raise ArgumentError(
            f"x: expected one image (height, width, channels) for a network whose examples have the shape "
            f"{model.input_shape}, got an array of shape {x.shape}"
        )
    n = checks.integer("n_channels", n_channels)
    rows = _rows(model.copy(), check_X(x[None], model.input_shape, model.dtype))
    columns = max(min(n, row.maps.shape[-1]) for row in rows)
    height, width = x.shape[:2]
    ax = axes_or_new(ax, (2.2 + 0.8 * columns, 0.3 + 0.85 * len(rows) * height / width))
    for i, row in enumerate(rows):
        low, high = float(row.maps.min()), float(row.maps.max())
        for c in range(min(n, row.maps.shape[-1])):
            place = (c + GAP / 2, c + 1 - GAP / 2, i + 1 - GAP / 2, i + GAP / 2)  # left, right, bottom, top
            limits = {"vmin": low, "vmax": high if high > low else low + 1}
            ax.imshow(row.maps[:, :, c], cmap="gray", extent=place, interpolation="nearest", **limits)
        if row.maps.shape[-1] > n:
            ax.text(columns + 0.1, i + 0.5, f"of {row.maps.shape[-1]}", va="center", fontsize=8, clip_on=False)
    ax.set(xlim=(0, columns), ylim=(len(rows), 0), aspect=height / width, xlabel="channels")
    hide_ticks(ax)
    ax.set_yticks(np.arange(len(rows)) + 0.5, [row.name for row in rows])
    ax.tick_params(axis="y", length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def _convolution(model: Network, place: int | None) -> Conv2D:
    """Return the convolution whose filters are drawn, or raise ArgumentError."""
    if place is None:
        for layer in model.all_layers():
            if isinstance(layer, Conv2D):
                return layer
        raise ArgumentError(f"model: expected a Conv2D layer, whose filters are drawn, got {model!r}")
    place = checks.integer("layer", place, minimum=-len(model.layers))
    found = model.layers[place] if place < len(model.layers) else None
    if not isinstance(found, Conv2D):
        places = [str(i) for i, layer in enumerate(model.layers) if isinstance(layer, Conv2D)]
        has = f"the network has some at {', '.join(places)}" if places else "the network has none"
        raise ArgumentError(f"layer: expected the place of a Conv2D in model.layers, got {place}; {has}")
    return found


def _rows(model: Network, X: Array) -> list[Row]:
    """Return the maps of the image in X behind each layer that changes it, as long as they are images."""
    rows = [Row("X", X[0])]
    place = 0

    def observe(layer: Layer, method: str, a_prev: Array, a: Array) -> None:
        nonlocal place
        if place < len(model.layers) and layer is model.layers[place]:  # not a layer inside it
            place += 1
            if a.ndim == 4 and not np.array_equal(a_prev, a, equal_nan=True):
                rows.append(Row(f"{place}  {layer_name(layer)}", a[0].astype(np.float64)))

    model.new_pass(training=False, observer=observe).forward(X.astype(model.dtype))
    return rows


def _of_channels(c: int, C: int, height: int, width: int) -> str:
    channels = f"the first {c} of {C} channels" if c < C else f"{C} channels"
    return f"{channels}, {height} x {width} weights each"


def _size_of(mosaic: Array) -> tuple[float, float]:
    """Return the size of a figure: wide or high enough for its kernels, within bounds."""
    rows, columns = mosaic.shape
    return min(max(1.6 + 0.16 * columns, 4), 10), min(max(0.8 + 0.16 * rows, 3.4), 10)
