"""Augmentations of whole pixels: flip, crop, cutout."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import numpy as np

from nnlite import checks
from nnlite.augment.base import Augmentation, uniform
from nnlite.augment.images import check_fill, padded
from nnlite.checks import Array
from nnlite.errors import ArgumentError


class Flip(Augmentation):
    r"""Mirror an image with a probability: ``x_ij <- x_i,W-1-j`` (left and right), ``x_ij <- x_H-1-i,j`` (up and down).

    For digits and letters it is wrong: a mirrored 2 is none.

    Parameters
    ----------
    horizontal : float, default 0.5
        Probability of left for right, in [0, 1].
    vertical : float, default 0
        Probability of up for down, in [0, 1].

    Raises
    ------
    ArgumentError
        If a probability is not in [0, 1].

    References
    ----------
    A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional neural networks", 2012,
    section 4.1.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.augment.Flip(1.0)([[[1, 2, 3]]])
    array([[[3, 2, 1]]])
    """

    def __init__(self, horizontal: float = 0.5, vertical: float = 0.0) -> None:
        self.horizontal = checks.real("horizontal", horizontal, minimum=0, maximum=1)
        self.vertical = checks.real("vertical", vertical, minimum=0, maximum=1)

    def apply(self, images: Array, rng: np.random.Generator) -> Array:
        """Mirror the images that are drawn."""
        left_right, up_down = uniform(rng, 0, 1, (2, len(images)))
        flipped = images.copy()
        mirrored = left_right < self.horizontal
        flipped[mirrored] = flipped[mirrored, :, ::-1]
        mirrored = up_down < self.vertical
        flipped[mirrored] = flipped[mirrored, ::-1]
        return flipped


class Crop(Augmentation):
    r"""Pad, then cut out an image of the old size: ``x_ij <- x_i+r,j+c``, r and c uniform in -padding .. padding.

    It shifts by whole pixels, so it does not interpolate.

    Parameters
    ----------
    padding : int, optional
        Pixels on each side, at least 0. By default an eighth of the height, 4 of 32 pixels, and at least 1.
    fill : float or "edge", default 0
        The padding: a value, or the pixels at the edge.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.

    References
    ----------
    4 pixels: C.-Y. Lee et al., "Deeply-supervised nets", 2015; K. He et al., "Deep residual learning for image
    recognition", 2016, section 4.2.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.augment.Crop(1)([[[1, 2], [3, 4]]] * 3, seed=0).tolist()
    [[[0, 3], [0, 0]], [[0, 1], [0, 3]], [[0, 1], [0, 3]]]
    """

    def __init__(self, padding: int | None = None, *, fill: float | str = 0.0) -> None:
        self.padding = padding if padding is None else checks.integer("padding", padding, minimum=0)
        self.fill = check_fill(fill)

    def apply(self, images: Array, rng: np.random.Generator) -> Array:
        """Cut a window out of each padded image."""
        M, H, W, _ = images.shape
        padding = max(1, round(H / 8)) if self.padding is None else self.padding
        top, left = rng.integers(0, 2 * padding + 1, (2, M))
        framed = padded(images, padding, padding, self.fill)
        windows = np.lib.stride_tricks.sliding_window_view(framed, (H, W), axis=(1, 2))
        return np.ascontiguousarray(np.moveaxis(windows[np.arange(M), top, left], 1, -1))


class Cutout(Augmentation):
    r"""Cover a square: ``x_ij <- fill`` where ``|i - r|`` and ``|j - c|`` are at most ``size / 2``, (r, c) uniform.

    The center is a pixel of the image, so a part of the square may be outside.

    Parameters
    ----------
    size : int, optional
        Side of the square in pixels, at least 1. By default half the height, 16 of 32 pixels.
    fill : float, default 0
        The value that covers.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.

    Notes
    -----
    The square has the rows ``r - size // 2`` to ``r - size // 2 + size - 1``, and the columns likewise.

    References
    ----------
    T. DeVries and G. Taylor, "Improved regularization of convolutional neural networks with cutout", 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.augment.Cutout(2)(np.ones((1, 4, 4), int), seed=0)
    array([[[1, 1, 1, 1],
            [1, 1, 1, 1],
            [1, 0, 0, 1],
            [1, 0, 0, 1]]])
    """

    def __init__(self, size: int | None = None, *, fill: float = 0.0) -> None:
        self.size = size if size is None else checks.integer("size", size)
        if isinstance(fill, str):
            raise ArgumentError(f"fill: expected a finite number, got {fill!r}")
        self.fill = checks.real("fill", fill)

    def apply(self, images: Array, rng: np.random.Generator) -> Array:
        """Cover a square of each image."""
        M, H, W, _ = images.shape
        size = max(1, H // 2) if self.size is None else self.size
        rows = _covered(rng.integers(0, H, M), H, size)
        columns = _covered(rng.integers(0, W, M), W, size)
        covered = rows[:, :, None, None] & columns[:, None, :, None]
        cut: Array = np.where(covered, images.dtype.type(self.fill), images)
        return cut


def _covered(center: Array, n: int, size: int) -> Array:
    """Return which of n rows or columns the square of each image covers, (M, n)."""
    offset = np.arange(n) - (center[:, None] - size // 2)
    covered: Array = (offset >= 0) & (offset < size)
    return covered
