"""Predictions for examples that are images."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.network.network import Network
from nnlite.plots.axes import check_axes, hide_ticks, new_grid
from nnlite.plots.inputs import USE_PREDICTION_ERROR, check_examples, classes_of, require_model
from nnlite.plots.names import checked_names, given_or_own_names
from nnlite.plots.style import WRONG

Shape = tuple[int, ...]


class Images(NamedTuple):
    """Examples as images (M, rows, columns) or (M, rows, columns, colors), and their predictions.

    ``guess`` and ``truth`` are classes (M,), ``confidence`` (M,) is the probability of the predicted class, and
    ``limits`` are the pixels that are drawn in black and in white.
    """

    pixels: Array
    guess: Array
    confidence: Array
    truth: Array | None
    names: list[str]
    limits: tuple[float, float]

    def is_wrong(self, i: int) -> bool:
        """Whether the prediction for example i is wrong; False if the true class is unknown."""
        return self.truth is not None and bool(self.guess[i] != self.truth[i])

    def caption(self, i: int) -> str:
        """Return the predicted class with its probability and, if that is wrong, the true class."""
        text = f"{self.names[self.guess[i]]} ({100 * self.confidence[i]:.0f} %)"
        if self.truth is not None and self.is_wrong(i):
            text += f"\nis {self.names[self.truth[i]]}"
        return text


def predictions(
    model: Network,
    X: Any,
    y: Any = None,
    *,
    axes: Any = None,
    n: int = 20,
    image_shape: Shape | None = None,
    class_names: Any = None,
) -> Any:
    """Draw examples as images with the predicted class and its probability; a frame marks wrong predictions.

    Parameters
    ----------
    model : Model
    X : array_like, (M, n[0])
        Examples whose features are pixels.
    y : array_like, (M,) or (M, n[L]), optional
        Their classes.
    axes : sequence of matplotlib Axes, optional
        Where to draw, one image on each. By default a new figure.
    n : int, default 20
        Number of images in a new figure, if there are that many; the first examples are drawn.
    image_shape : (int, int) or (int, int, 3), optional
        Rows and columns of an image, and colors. By default the shape of the network's input, or a square.
    class_names : sequence of str, optional
        Names of the classes. By default those of the model, or 0 .. C-1.

    Returns
    -------
    ndarray of Axes
        The Axes with images.

    Raises
    ------
    ArgumentError
        If the features are not an image, or an argument has a wrong value.
    NotBuiltError
        If the network has no parameters yet.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(32), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> history = model.fit(digits.X_train, digits.y_train, epochs=20)
    >>> axes = nn.plots.predictions(model, digits.X_test, digits.y_test, axes=Figure().subplots(1, 3))
    >>> len(axes)
    3
    """
    n, given = checks.integer("n", n), check_axes(axes)
    images = _check_images(model, X, y, image_shape, class_names, most=n if given is None else len(given))
    chosen = range(len(images.pixels))
    drawn = _new_grid(images, chosen, 10 if len(chosen) > 20 else 5, 0.3) if given is None else given[: len(chosen)]
    for ax, i in zip(drawn, chosen, strict=True):
        _draw(ax, images, i)
    return drawn


def most_confident_mistakes(
    model: Network,
    X: Any,
    y: Any,
    *,
    axes: Any = None,
    n: int = 10,
    image_shape: Shape | None = None,
    class_names: Any = None,
) -> Any:
    """Draw the examples with wrong predictions as images, the most confident predictions first.

    Parameters
    ----------
    model : Model
    X : array_like, (M, n[0])
        Examples whose features are pixels.
    y : array_like, (M,) or (M, n[L])
        Their classes.
    axes : sequence of matplotlib Axes, optional
        Where to draw, one image on each. By default a new figure.
    n : int, default 10
        Number of images in a new figure, if there are that many mistakes.
    image_shape : (int, int) or (int, int, 3), optional
        Rows and columns of an image, and colors. By default the shape of the network's input, or a square.
    class_names : sequence of str, optional
        Names of the classes. By default those of the model, or 0 .. C-1.

    Returns
    -------
    ndarray of Axes
        The Axes with images; below each is its row of X. If there are no mistakes, one Axes that says so.

    Raises
    ------
    ArgumentError
        If the network gives values or several labels, the features are not an image, or an argument has a wrong value.
    NotBuiltError
        If the network has no parameters yet.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(32), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> history = model.fit(digits.X_train, digits.y_train, epochs=5)
    >>> axes = nn.plots.most_confident_mistakes(model, digits.X_test, digits.y_test, axes=Figure().subplots(1, 3))
    >>> len(axes)
    3
    """
    if y is None:
        raise ArgumentError("y: expected the class of each example, got None")
    n, given = checks.integer("n", n), check_axes(axes)
    images = _check_images(model, X, y, image_shape, class_names)
    wrong = np.flatnonzero(images.guess != images.truth)
    if not wrong.size:
        return _say_no_mistake(given, len(images.pixels))
    by_confidence = wrong[np.argsort(-images.confidence[wrong], kind="stable")]
    chosen = by_confidence[: n if given is None else len(given)]
    drawn = _new_grid(images, chosen, 5, 0.5) if given is None else given[: len(chosen)]
    for ax, i in zip(drawn, chosen, strict=True):
        _draw(ax, images, i)
        ax.set_xlabel(f"X[{i}]", fontsize=7)
    return drawn


# ---- arguments ----------------------------------------------------------------------------------------------------


def _check_images(model: Any, X: Any, y: Any, image_shape: Any, class_names: Any, *, most: int | None = None) -> Images:
    """Check the arguments of both pictures, and predict the classes of the first ``most`` examples, or of all."""
    model = require_model(model)
    if model.n_classes is None:
        instead = USE_PREDICTION_ERROR if not model.output.classifies else "plots.roc_curve shows each label"
        raise ArgumentError(
            f"model: expected a network whose classes exclude one another, not one that ends in {model.output} with "
            f"{model.n_units} unit{'s' * (model.n_units != 1)}; {instead}"
        )
    X, targets = check_examples(model, X, y)
    shape = check_image_shape(image_shape, X.shape[1:])
    names = checked_names(given_or_own_names(class_names, model), model.n_classes)
    truth = None if targets is None else classes_of(model, targets)[:most]
    black, white = float(X.min()), float(X.max())
    X = X[:most]
    P = model.output.predict_proba(model.predict_rows(X))
    limits = black, white if white > black else black + 1
    return Images(X.reshape(len(X), *shape), P.argmax(axis=1), P.max(axis=1), truth, names, limits)


def check_image_shape(image_shape: Any, example_shape: Shape, *, channels: bool = True) -> Shape:
    """Return (rows, columns), or (rows, columns, colors) with ``channels``, of an example.

    By default this is the shape of the example, or a square. Raise ArgumentError if the example is not such an image.
    """
    if image_shape is None:
        return _obvious_image_shape(example_shape, channels)
    n = math.prod(example_shape)
    expected = f"(rows, columns){' or (rows, columns, 3)' if channels else ''} of {n} pixels"
    if not isinstance(image_shape, (tuple, list)) or len(image_shape) not in ((2, 3) if channels else (2,)):
        raise ArgumentError(f"image_shape: expected {expected}, got {image_shape!r}")
    shape = tuple(checks.integer("image_shape", side) for side in image_shape)
    if math.prod(shape) != n or shape[2:] not in ((), (3,), (4,)):
        raise ArgumentError(f"image_shape: expected {expected}, got {image_shape!r}")
    return shape


def _obvious_image_shape(example_shape: Shape, channels: bool) -> Shape:
    n = math.prod(example_shape)
    side = math.isqrt(n)
    if len(example_shape) == 2:
        return example_shape
    if len(example_shape) == 3 and example_shape[2] == 1:
        return example_shape[:2]
    if len(example_shape) == 3 and channels and example_shape[2] in (3, 4):
        return example_shape
    if len(example_shape) == 1 and side * side == n:
        return side, side
    raise ArgumentError(
        f"image_shape: {n} features in the shape {example_shape} are not obviously an image; "
        "if they are, give image_shape=(rows, columns)"
    )


# ---- drawing ------------------------------------------------------------------------------------------------------


def _new_grid(images: Images, chosen: Sequence[int] | Array, columns: int, extra_height: float) -> Array:
    """Return the axes of a new figure, wide enough that no caption reaches into its neighbor."""
    longest = max(len(line) for i in chosen for line in images.caption(i).split("\n"))
    side = max(1.25, 0.085 * longest)
    return new_grid(len(chosen), columns, (side, side + extra_height))


def _draw(ax: Any, images: Images, i: int) -> None:
    pixels, (black, white) = images.pixels[i], images.limits
    if pixels.ndim == 3:
        ax.imshow(np.clip((pixels - black) / (white - black), 0, 1))
    else:
        ax.imshow(pixels, cmap="gray", vmin=black, vmax=white)
    hide_ticks(ax)
    if not images.is_wrong(i):
        ax.set_title(images.caption(i), fontsize=8, pad=3)
        return
    ax.set_title(images.caption(i), fontsize=8, pad=4, color=WRONG, fontweight="bold")
    for spine in ax.spines.values():
        spine.set(color=WRONG, linewidth=3)


def _say_no_mistake(given: Array | None, n: int) -> Array:
    drawn = new_grid(1, 1, (3.5, 1.5)) if given is None else given[:1]
    ax = drawn[0]
    ax.text(0.5, 0.5, f"no mistake among {n} examples", ha="center", va="center", transform=ax.transAxes)
    hide_ticks(ax)
    return drawn
