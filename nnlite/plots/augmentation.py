"""Examples and what augmentations make of them."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

from typing import Any

import numpy as np

from nnlite import checks
from nnlite.augment.base import Batch
from nnlite.augment.compose import check_augment
from nnlite.augment.images import as_floats, image_form
from nnlite.checks import Array
from nnlite.draws import generator
from nnlite.errors import ArgumentError
from nnlite.plots.axes import check_axes, hide_ticks, new_grid


def augmented_examples(
    augment: Any,
    X: Any,
    *,
    axes: Any = None,
    n: int = 4,
    n_copies: int = 7,
    image_shape: tuple[int, ...] | None = None,
    seed: int | None = 0,
) -> Any:
    """Draw examples, a row for each, and beside each of them what augmentations make of it.

    Look at it before a training: each image should still be one of its class.

    Parameters
    ----------
    augment : Augmentation, str or sequence of them
        What ``fit(augment=...)`` gets.
    X : array_like, (M, H, W), (M, H, W, C) or (M, H W C)
        Examples; the first n are drawn.
    axes : sequence of matplotlib Axes, optional
        Where to draw, row by row, ``1 + n_copies`` on each. By default a new figure.
    n : int, default 4
        Number of examples in a new figure, if there are that many.
    n_copies : int, default 7
        How many augmented images of each example.
    image_shape : (int, int) or (int, int, int), optional
        Rows and columns, and channels; needed if X has rows of pixels and ``augment`` does not say it.
    seed : int or None, default 0
        None draws others each time.

    Returns
    -------
    ndarray of Axes, (n, 1 + n_copies)

    Raises
    ------
    ArgumentError
        If the examples are no images, the axes do not suffice for one example, or an argument has a wrong value.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> axes = nn.plots.augmented_examples("rotate", digits.X_train, image_shape=(8, 8), axes=Figure().subplots(2, 8))
    >>> axes.shape
    (2, 8)
    """
    composed = check_augment(augment)
    if composed is None:
        raise ArgumentError("augment: expected augmentations such as nn.augment.Rotate(15), got None")
    n, n_copies, given = checks.integer("n", n), checks.integer("n_copies", n_copies), check_axes(axes)
    array = checks.numeric_array("X", X)
    if array.ndim < 2 or array.size == 0:
        raise ArgumentError(f"X: expected images of shape (M, H, W) or (M, H, W, C), got shape {array.shape}")
    form = image_form(array.shape[1:], composed.image_shape if image_shape is None else image_shape)
    if given is not None and len(given) < 1 + n_copies:
        raise ArgumentError(f"axes: expected at least {1 + n_copies}, for an example and its copies, got {len(given)}")
    rng = generator(seed)
    n = min(len(array), n if given is None else len(given) // (1 + n_copies))
    originals = as_floats(form.images(array[:n]))
    checks.finite("X", originals)
    repeated = np.repeat(originals, n_copies, axis=0)
    copies = composed.augment(Batch(repeated, np.zeros((len(repeated), 1))), rng).images
    shown = np.concatenate([originals[:, None], copies.reshape(n, n_copies, *form.image_shape)], axis=1)
    grid = new_grid(n * (1 + n_copies), 1 + n_copies, (1.0, 1.05)) if given is None else given[: n * (1 + n_copies)]
    grid = grid.reshape(n, 1 + n_copies)
    limits = _limits(array[:n], originals)
    for row, images in zip(grid, shown, strict=True):
        for ax, image in zip(row, images, strict=True):
            _draw(ax, image, *limits)
    grid[0, 0].set_title("original", fontsize=8, pad=3)
    grid[0, 1].set_title("augmented", fontsize=8, pad=3)
    return grid


def _limits(array: Array, originals: Array) -> tuple[float, float]:
    """Return the values that are black and white: 0 and 255 for bytes."""
    if array.dtype == np.uint8:
        return 0.0, 255.0
    black, white = float(originals.min()), float(originals.max())
    return black, white if white > black else black + 1


def _draw(ax: Any, image: Array, black: float, white: float) -> None:
    if image.shape[2] in (3, 4):
        ax.imshow(np.clip((image - black) / (white - black), 0, 1))
    else:
        ax.imshow(image[..., 0], cmap="gray", vmin=black, vmax=white)
    hide_ticks(ax)
