"""What makes pictures into the numbers that a network takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.words import Explained

Shape = tuple[int, ...]
BYTE = 255.0  # the value of white in a picture


class ImageEncoding(Explained):
    """How a network sees pictures: their size, gray or in color, and which number is white.

    ``nnlite train`` sets it as ``model.image_encoding``, and so can you. It is saved with the network;
    `read_images` with ``like=model`` brings new pictures to this form.

    Parameters
    ----------
    image_shape : (int, int) or (int, int, int)
        Rows and columns for gray pictures; rows, columns and 3 for colors.
    resize : bool, default False
        Whether pictures of another size are resized; otherwise they are refused.
    scale : float, default 255
        Above 0. The network takes the pixels of a picture divided by it.
    table_scale : float, optional
        The same for pixels in the columns of a table; by default ``scale``.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(10), nn.Softmax()], n_features=64, seed=0)
    >>> model.image_encoding = nn.ImageEncoding((8, 8))
    >>> model.image_encoding.transform(np.full((1, 8, 8), 255, np.uint8))[0, 0]
    array([1., 1., 1., 1., 1., 1., 1., 1.], dtype=float32)
    """

    def __init__(
        self, image_shape: Shape, resize: bool = False, scale: float = BYTE, table_scale: float | None = None
    ) -> None:
        if not isinstance(image_shape, (tuple, list)) or len(image_shape) not in (2, 3):
            raise ArgumentError(f"image_shape: expected (rows, columns) or (rows, columns, 3), got {image_shape!r}")
        self.image_shape: Shape = tuple(checks.integer("image_shape", side) for side in image_shape)
        if self.image_shape[2:] not in ((), (3,)):
            raise ArgumentError(f"image_shape: expected (rows, columns) or (rows, columns, 3), got {image_shape!r}")
        self.resize = checks.boolean("resize", resize)
        self.scale = checks.real("scale", scale, above=0)
        self.table_scale = self.scale if table_scale is None else checks.real("table_scale", table_scale, above=0)

    @property
    def grayscale(self) -> bool:
        """Whether pictures are gray."""
        return len(self.image_shape) == 2

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image_shape[0], self.image_shape[1]

    def transform(self, X: Any, *, dtype: Any = np.float32, input_shape: Shape | None = None) -> Array:
        """Return pixels divided by the scale.

        Parameters
        ----------
        X : array_like, (M, H, W) or (M, H, W, 3)
            Pictures of this size.
        dtype : {"float32", "float64"}, default "float32"
        input_shape : tuple of int, optional
            The shape of an example, such as (784,) or (28, 28, 1); by default that of the picture.

        Returns
        -------
        ndarray, (M, ...)
            In the shape ``input_shape``.

        Raises
        ------
        ArgumentError
            If X are other pictures, or ``input_shape`` has another number of pixels.
        """
        array = checks.numeric_array("X", X)
        if array.shape[1:] != self.image_shape:
            raise ArgumentError(f"X: expected pictures of shape {self.image_shape}, got shape {array.shape[1:]}")
        shape = self.image_shape if input_shape is None else tuple(input_shape)
        if math.prod(shape) != math.prod(self.image_shape):
            raise ArgumentError(f"input_shape: expected the shape of {math.prod(self.image_shape)} pixels, got {shape}")
        kind = np.dtype(dtype).type
        numbers: Array = array.reshape(len(array), *shape) / kind(self.scale)
        return numbers.astype(kind, copy=False)

    def describe(self) -> str:
        """Return what a picture is, such as "28 x 28 pixels, gray"."""
        return f"{self.size[0]} x {self.size[1]} pixels, {'gray' if self.grayscale else 'in color'}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for a model file."""
        return {"image_shape": list(self.image_shape), "resize": self.resize, "scale": self.scale,
                "table_scale": self.table_scale}  # fmt: skip

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ImageEncoding:
        """Return what plain values describe; they may come from a stranger."""
        if content.keys() != {"image_shape", "resize", "scale", "table_scale"}:
            raise ArgumentError("image_encoding: expected image_shape, resize, scale and table_scale")
        return cls(**content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ImageEncoding) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.image_shape, self.resize, self.scale, self.table_scale))

    def __repr__(self) -> str:
        tables = "" if self.table_scale == self.scale else f", table_scale={self.table_scale:g}"
        return f"ImageEncoding({self.image_shape}, resize={self.resize}, scale={self.scale:g}{tables})"


def check_image_encoding(encoding: Any, input_shape: Shape | None) -> ImageEncoding | None:
    """Return an encoding for a network with inputs of this shape (None: not known yet); None stays None.

    Raises
    ------
    ArgumentError
        If it is something else, or its pictures have another number of pixels than the network takes.
    """
    if encoding is None:
        return None
    if not isinstance(encoding, ImageEncoding):
        raise ArgumentError(
            f"image_encoding: expected nn.ImageEncoding((rows, columns)) or None, got {encoding!r:.100}"
        )
    if input_shape is not None and math.prod(input_shape) != math.prod(encoding.image_shape):
        raise ArgumentError(
            f"image_encoding: expected pictures of {math.prod(input_shape)} numbers, as the network takes, got "
            f"{encoding.image_shape}"
        )
    return encoding
