"""Pictures of pictures: weights as images, and predictions on images."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Dense
from nnlite.network.examples import check_lengths, check_X
from nnlite.plots.inputs import VALUES, output_units, require_model
from nnlite.plots.style import (
    DIVERGING,
    WRONG,
    check_ax,
    check_axes,
    checked_names,
    color_bar,
    names_for,
    new_grid,
    own_or_new,
)

if TYPE_CHECKING:
    from nnlite.model import Model

Shape = tuple[int, ...]


def first_layer_weights(
    model: "Model",
    *,
    ax: Any = None,
    image_shape: tuple[int, int] | None = None,
    n_units: int = 64,
    limit: float | None = None,
) -> Any:
    r"""Draw W[1] of the first Dense layer: for each unit what it looks for, as an image.

    Red pixels speak for the unit and blue ones against it; the scale is symmetric, so that white is 0.

    Parameters
    ----------
    model : Model
    ax : matplotlib Axes, optional
        Where to draw all of them, side by side. By default a new figure.
    image_shape : (int, int), optional
        Rows and columns of an image. By default those of the network's input, or a square.
    n_units : int, default 64
        For how many units at most, the first ones.
    limit : float, optional
        The weight with the strongest colour, above 0; by default the largest that is drawn. It makes pictures
        comparable.

    Returns
    -------
    Axes
        That was drawn on.

    Raises
    ------
    ArgumentError
        If there is no Dense layer, its input makes no image, or an argument is not what it should be.
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
    model = require_model(model)
    dense = next((layer for layer in model.all_layers() if isinstance(layer, Dense)), None)
    if dense is None:
        raise ArgumentError(f"model: expected a Dense layer, whose weights are drawn, got {model!r}")
    inputs = model.input_shape if math.prod(model.input_shape or ()) == len(dense.W) else None
    shape = check_image_shape(image_shape, inputs or (len(dense.W),), channels=False)
    n = min(checks.integer("n_units", n_units), dense.W.shape[1])
    images = dense.W.T[:n].reshape(n, *shape[:2])
    limit = float(np.abs(images).max()) or 1.0 if limit is None else checks.real("limit", limit, above=0)
    check_ax(ax)
    columns = min(n, math.ceil(math.sqrt(n * shape[0] / shape[1])))
    ax = own_or_new(ax, (5, 4.2))
    mosaic = _mosaic(images, columns)
    image = ax.imshow(mosaic, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest")
    ax.vlines(np.arange(0, mosaic.shape[1] + 1, shape[1]) - 0.5, *ax.get_ylim(), color="white", linewidth=2.5)
    ax.hlines(np.arange(0, mosaic.shape[0] + 1, shape[0]) - 0.5, *ax.get_xlim(), color="white", linewidth=2.5)
    color_bar(ax, image, "weight")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)
    total = dense.W.shape[1]
    units = f"the first {n} of {total} units" if n < total else f"{n} unit{'s' * (n > 1)}"
    ax.set_xlabel(f"{units}, {shape[0]} x {shape[1]} weights each")
    return ax


def predictions(
    model: "Model",
    X: Any,
    y: Any = None,
    *,
    axes: Any = None,
    n: int = 20,
    image_shape: Shape | None = None,
    class_names: Any = None,
) -> Any:
    """Draw examples as images, with what the network takes them for and how sure it is; wrong ones are framed.

    Parameters
    ----------
    model : Model
    X : array_like, (M, n[0])
        Examples whose features are pixels.
    y : array_like, (M,) or (M, n[L]), optional
        What they are.
    axes : sequence of matplotlib Axes, optional
        An image on each, as far as there are both. By default a new figure.
    n : int, default 20
        How many images a new figure has at most: of the first examples.
    image_shape : (int, int) or (int, int, 3), optional
        Rows and columns of an image (and colours). By default those of the network's input, or a square.
    class_names : sequence of str, optional
        What the classes are called; by default 0 .. C-1.

    Returns
    -------
    ndarray of Axes
        Those that were drawn on.

    Raises
    ------
    ArgumentError
        If the features make no image, or an argument is not what it should be.
    NotBuiltError
        If the network has no parameters yet.

    Examples
    --------
    >>> import nnlite as nn
    >>> from matplotlib.figure import Figure
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(32), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> history = model.fit(digits.X_train, digits.y_train, epochs=20)
    >>> axes = predictions(model, digits.X_test, digits.y_test, axes=Figure().subplots(1, 3))
    >>> len(axes)
    3
    """
    model, X, truth, shape, names = _check_examples(model, X, y, image_shape, class_names)
    n = checks.integer("n", n)
    drawn = check_axes(axes)
    shown = min(len(X), n if drawn is None else len(drawn))
    drawn = new_grid(shown, 10 if shown > 20 else 5, (1.25, 1.55)) if drawn is None else drawn[:shown]
    says, sure = _say(model, X[:shown])
    for i, ax in enumerate(drawn):
        _show(ax, X[i].reshape(shape), _scale(X))
        _caption(ax, says[i], sure[i], None if truth is None else truth[i], names)
    return drawn


def most_confident_mistakes(
    model: "Model",
    X: Any,
    y: Any,
    *,
    axes: Any = None,
    n: int = 10,
    image_shape: Shape | None = None,
    class_names: Any = None,
) -> Any:
    """Draw the examples that the network takes for something else, those first of which it is surest.

    Parameters
    ----------
    model : Model
    X : array_like, (M, n[0])
        Examples whose features are pixels.
    y : array_like, (M,) or (M, n[L])
        What they are.
    axes : sequence of matplotlib Axes, optional
        An image on each, as far as there are both. By default a new figure.
    n : int, default 10
        How many images a new figure has at most.
    image_shape : (int, int) or (int, int, 3), optional
        Rows and columns of an image (and colours). By default those of the network's input, or a square.
    class_names : sequence of str, optional
        What the classes are called; by default 0 .. C-1.

    Returns
    -------
    ndarray of Axes
        Those that were drawn on; below each is which row of X it is. Where there is no mistake, one that says so.

    Raises
    ------
    ArgumentError
        If the network gives values or several labels, the features make no image, or an argument is not what it should
        be.
    NotBuiltError
        If the network has no parameters yet.

    Examples
    --------
    >>> import nnlite as nn
    >>> from matplotlib.figure import Figure
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(32), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> history = model.fit(digits.X_train, digits.y_train, epochs=5)
    >>> axes = most_confident_mistakes(model, digits.X_test, digits.y_test, axes=Figure().subplots(1, 3))
    >>> len(axes)
    3
    """
    model, X, truth, shape, names = _check_examples(model, X, y, image_shape, class_names)
    if not names or truth is None:
        raise ArgumentError("y: expected the class of each example, got None")
    n = checks.integer("n", n)
    drawn = check_axes(axes)
    says, sure = _say(model, X)
    wrong = np.flatnonzero(says != truth)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
    if not wrong.size:
        return _nothing_wrong(drawn, len(X))
    shown = min(len(wrong), n if drawn is None else len(drawn))
    drawn = new_grid(shown, 5, (1.25, 1.75)) if drawn is None else drawn[:shown]
    for ax, i in zip(drawn, wrong, strict=False):
        _show(ax, X[i].reshape(shape), _scale(X))
        _caption(ax, says[i], sure[i], truth[i], names)
        ax.set_xlabel(f"X[{i}]", fontsize=7)
    return drawn


# ---- images -------------------------------------------------------------------------------------------------------


def check_image_shape(image_shape: Any, example_shape: Shape, *, channels: bool = True) -> Shape:
    """(rows, columns), and perhaps colours, of an example; by default its own shape, or a square.

    Raises ArgumentError where that makes no image.
    """
    n = math.prod(example_shape)
    if image_shape is None:
        shape: Shape = example_shape
        if len(shape) == 3 and shape[2] == 1:
            shape = shape[:2]
        side = math.isqrt(n)
        if len(shape) == 1 and side * side == n:
            shape = (side, side)
        if len(shape) == 2 or (channels and len(shape) == 3 and shape[2] in (3, 4)):
            return shape
        raise ArgumentError(
            f"image_shape: {n} features in the shape {example_shape} are not obviously an image; "
            "if they are, give image_shape=(rows, columns)"
        )
    expected = f"(rows, columns){' or (rows, columns, 3)' if channels else ''} of {n} pixels"
    if not isinstance(image_shape, (tuple, list)) or len(image_shape) not in ((2, 3) if channels else (2,)):
        raise ArgumentError(f"image_shape: expected {expected}, got {image_shape!r}")
    shape = tuple(checks.integer("image_shape", side) for side in image_shape)
    if math.prod(shape) != n or (len(shape) == 3 and shape[2] not in (3, 4)):
        raise ArgumentError(f"image_shape: expected {expected}, got {image_shape!r}")
    return shape


def _mosaic(images: Array, columns: int) -> Array:
    """Images (n, rows, columns) side by side in one; NaN, which is not drawn, where there is none."""
    n, height, width = images.shape
    rows = -(-n // columns)
    mosaic = np.full((rows * height, columns * width), np.nan)
    for i, image in enumerate(images):
        top, left = (i // columns) * height, (i % columns) * width
        mosaic[top : top + height, left : left + width] = image
    return mosaic


def _scale(X: Array) -> tuple[float, float]:
    """What is black and what is white."""
    low, high = float(X.min()), float(X.max())
    return low, high if high > low else low + 1


def _show(ax: Any, image: Array, scale: tuple[float, float]) -> None:
    low, high = scale
    if image.ndim == 3:
        ax.imshow(np.clip((image - low) / (high - low), 0, 1))
    else:
        ax.imshow(image, cmap="gray", vmin=low, vmax=high)
    ax.set(xticks=[], yticks=[])


# ---- what the network says ----------------------------------------------------------------------------------------


def _check_examples(
    model: "Model", X: Any, y: Any, image_shape: Any, class_names: Any
) -> tuple["Model", Array, Array | None, Shape, list[str]]:
    """All that comes in; truth as classes, and names of the classes."""
    model = require_model(model)
    units = output_units(model)
    C = model.output.n_classes(units)
    if C is None:
        instead = VALUES if not model.output.classifies else "plots.roc_curve shows each label"
        raise ArgumentError(
            f"model: expected a network whose classes exclude one another, and {model.output} with {units} unit"
            f"{'s' * (units != 1)} has none; {instead}"
        )
    X = check_X(X, model.input_shape, model.dtype)
    shape = check_image_shape(image_shape, X.shape[1:])
    truth = None
    if y is not None:
        targets = model.output.check_targets(y, units)
        check_lengths(X, targets)
        truth = targets if targets.ndim == 1 else model.output.predict(targets)
    return model, X, truth, shape, checked_names(names_for([model], class_names), C)


def _say(model: "Model", X: Array) -> tuple[Array, Array]:
    """The most probable class of each example, and its probability."""
    P = model.predict_proba(X)
    says = P.argmax(axis=1)
    return says, P[np.arange(len(P)), says]


def _caption(ax: Any, says: int, sure: float, truth: int | None, names: Sequence[str]) -> None:
    """What it is taken for; where that is wrong, what it is, in a frame."""
    text = f"{names[says]} ({100 * sure:.0f} %)"
    if truth is None or says == truth:
        ax.set_title(text, fontsize=8, pad=3)
        return
    ax.set_title(f"{text}\nis {names[truth]}", fontsize=8, pad=4, color=WRONG, fontweight="bold")
    for spine in ax.spines.values():
        spine.set(color=WRONG, linewidth=3)


def _nothing_wrong(drawn: Array | None, n: int) -> Array:
    drawn = new_grid(1, 1, (3.5, 1.5)) if drawn is None else drawn[:1]
    ax = drawn[0]
    ax.text(0.5, 0.5, f"no mistake among {n} examples", ha="center", va="center", transform=ax.transAxes)
    ax.set(xticks=[], yticks=[])
    return drawn
