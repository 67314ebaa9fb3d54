"""Examples as images (M, H, W, C), whatever form they come in."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError

Shape = tuple[int, ...]
MOST_CHANNELS = 4  # gray, with transparency, red-green-blue, red-green-blue with transparency


class ImageForm(NamedTuple):
    """How examples are images.

    Attributes
    ----------
    example_shape : tuple of int
        The shape of one example in X: (H, W), (H, W, C) or, for rows of pixels, (H W C,).
    image_shape : (int, int, int)
        H rows, W columns and C channels.
    """

    example_shape: Shape
    image_shape: tuple[int, int, int]

    def images(self, X: Array) -> Array:
        """Return X as images (M, H, W, C), a view where that is possible."""
        return X.reshape(len(X), *self.image_shape)

    def examples(self, images: Array) -> Array:
        """Return images in the shape of the examples."""
        return images.reshape(len(images), *self.example_shape)


def image_form(example_shape: Shape, image_shape: Any = None, name: str = "X") -> ImageForm:
    """Return how examples of that shape are images.

    Parameters
    ----------
    example_shape : tuple of int
        Without the number of examples: (H, W), (H, W, C), or (n,) for rows of pixels.
    image_shape : (int, int) or (int, int, int), optional
        (H, W) or (H, W, C); rows of pixels need it.
    name : str
        What messages call X.

    Raises
    ------
    ArgumentError
        If the examples are no images, are rows of pixels without an ``image_shape``, or have their channels first.
    """
    given = None if image_shape is None else check_image_shape(image_shape)
    if len(example_shape) == 1:
        return _of_rows(example_shape, given, name)
    if len(example_shape) not in (2, 3):
        raise ArgumentError(
            f"{name}: expected images of shape (M, H, W) or (M, H, W, C), got examples of shape {example_shape}"
        )
    H, W, C = (*example_shape, 1)[:3]
    if C > MOST_CHANNELS and H <= MOST_CHANNELS:
        raise ArgumentError(
            f"{name}: expected channels last, (M, H, W, C), got examples of shape {example_shape}, which seem to have "
            f"{H} channel{'s' * (H > 1)} first; pass np.moveaxis({name}, 1, -1)"
        )
    if given is not None and given != (H, W, C):
        raise ArgumentError(f"image_shape: expected that of the examples, {example_shape}, got {image_shape!r}")
    return ImageForm(example_shape, (H, W, C))


def _of_rows(example_shape: Shape, given: tuple[int, int, int] | None, name: str) -> ImageForm:
    n = example_shape[0]
    if given is None:
        side = math.isqrt(n)
        shape = f"({side}, {side})" if side * side == n else "(rows, columns)"
        raise ArgumentError(
            f"{name}: has rows of {n} numbers; say in which shape they are images, "
            f"nn.augment.Compose([...], image_shape={shape})"
        )
    if math.prod(given) != n:
        raise ArgumentError(f"image_shape: expected the shape of {n} pixels, got {given}")
    return ImageForm(example_shape, given)


def check_image_shape(image_shape: Any) -> tuple[int, int, int]:
    """Return ``image_shape`` as (H, W, C); ArgumentError if it is something else than two or three sizes."""
    if not isinstance(image_shape, (tuple, list)) or len(image_shape) not in (2, 3):
        raise ArgumentError(f"image_shape: expected (rows, columns) or (rows, columns, channels), got {image_shape!r}")
    H, W, C = (checks.integer("image_shape", side) for side in (*image_shape, 1)[:3])
    return H, W, C


def as_floats(images: Array) -> Array:
    """Return pixels as float32, or as float64 if they are."""
    return images if images.dtype in (np.float32, np.float64) else images.astype(np.float32)


def in_dtype(images: Array, dtype: np.dtype[Any]) -> Array:
    """Return computed pixels in the dtype of the originals: rounded and limited for integers."""
    if dtype.kind == "b":
        return images > 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.clip(np.rint(images), limits.min, limits.max).astype(dtype)
    return images.astype(dtype, copy=False)


def padded(images: Array, n_rows: int, n_columns: int, fill: float | str) -> Array:
    """Return images with a border: of the value ``fill``, or of the pixels at the edge if it is "edge"."""
    M, H, W, C = images.shape
    if fill == "edge":
        return np.pad(images, ((0, 0), (n_rows, n_rows), (n_columns, n_columns), (0, 0)), mode="edge")
    framed = np.full((M, H + 2 * n_rows, W + 2 * n_columns, C), fill, images.dtype)
    framed[:, n_rows : n_rows + H, n_columns : n_columns + W] = images
    return framed


def check_fill(fill: Any) -> float | str:
    """Return the value of what lies outside of an image: a number or "edge"."""
    if isinstance(fill, str) and fill == "edge":
        return fill
    try:
        return checks.real("fill", fill)
    except ArgumentError:
        raise ArgumentError(f"fill: expected a finite number or 'edge', got {fill!r}") from None
