"""Moving the pixels of images: where each pixel of the new image takes its value from, and what the value is.

An image is a function on the plane, known at the pixels. The new image at p is the old one at the point q = m(p), for a
move m. Coordinates are (row, column) from the center of the image.

References
----------
G. Wolberg, "Digital image warping", 1990.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnlite.augment.images import padded
from nnlite.checks import Array

BLOCK = 2**15  # pixels that are moved at once: their coordinates stay in the cache


class Affine(NamedTuple):
    """The move ``q = A p + t``: for each image a matrix A (M, 2, 2) and a vector t (M, 2)."""

    A: Array
    t: Array

    def after(self, first: Affine) -> Affine:
        """``A (A' p + t') + t``: the move that makes ``first`` before this one."""
        return Affine(self.A @ first.A, np.einsum("mij,mj->mi", self.A, first.t) + self.t)

    def move(self, rows: Array, columns: Array, part: slice) -> tuple[Array, Array]:
        """Return the moved points of the images in ``part``."""
        A = self.A[part, :, :, None, None].astype(rows.dtype)
        t = self.t[part, :, None, None].astype(rows.dtype)
        return (
            A[:, 0, 0] * rows + (A[:, 0, 1] * columns + t[:, 0]),
            A[:, 1, 0] * rows + (A[:, 1, 1] * columns + t[:, 1]),
        )


class Field(NamedTuple):
    """The move ``q = p + d(p)``: for each image a displacement d (M, 2, H, W), in pixels."""

    d: Array

    def move(self, rows: Array, columns: Array, part: slice) -> tuple[Array, Array]:
        """Return the moved points of the images in ``part``."""
        return rows + self.d[part, 0], columns + self.d[part, 1]


Move = Affine | Field


def joined(moves: Sequence[Move]) -> list[Move]:
    """Return the moves of several warps, one after the other, in the order in which a point is moved.

    The last image at p is the one before at m_n(p), and so on: the last move comes first. Affine moves that follow one
    another become one.
    """
    chain: list[Move] = []
    for move in reversed(moves):
        before = chain[-1] if chain else None
        if isinstance(move, Affine) and isinstance(before, Affine):
            chain[-1] = move.after(before)
        else:
            chain.append(move)
    return chain


def warp(images: Array, moves: Sequence[Move], fill: float | str) -> Array:
    """Return the images (M, H, W, C) after some moves, with a single interpolation."""
    M, H, W, _ = images.shape
    chain = joined(moves)
    warped = np.empty_like(images)
    at_once = max(1, BLOCK // (H * W))
    for start in range(0, M, at_once):
        part = slice(start, start + at_once)
        rows = (np.arange(H, dtype=images.dtype) - (H - 1) / 2)[None, :, None]
        columns = (np.arange(W, dtype=images.dtype) - (W - 1) / 2)[None, None, :]
        for move in chain:
            rows, columns = move.move(rows, columns, part)
        warped[part] = bilinear(images[part], rows + (H - 1) / 2, columns + (W - 1) / 2, fill)
    return warped


def bilinear(images: Array, rows: Array, columns: Array, fill: float | str) -> Array:
    """Return the values of images at points between their pixels.

    ``x(i + f, j + g) = (1 - f) ((1 - g) x_ij + g x_i,j+1) + f ((1 - g) x_i+1,j + g x_i+1,j+1)`` for whole i, j and f, g
    in [0, 1).

    Parameters
    ----------
    images : ndarray, (M, H, W, C)
    rows, columns : ndarray, (M, H', W')
        The points, in pixels from the first row and column.
    fill : float or "edge"
        What is outside.
    """
    M, H, W, C = images.shape
    low, border = (0, 0) if fill == "edge" else (-1, 1)
    rows = np.clip(rows, low, H - 1 + border) + 1  # in the image with a border of one pixel
    columns = np.clip(columns, low, W - 1 + border) + 1
    i, j = np.minimum(np.floor(rows), H), np.minimum(np.floor(columns), W)
    f, g = rows - i, columns - j
    at = (np.arange(M)[:, None, None] * (H + 2) + i.astype(np.intp)) * (W + 2) + j.astype(np.intp)
    flat = padded(images, 1, 1, 0.0 if fill == "edge" else fill).reshape(-1, C)
    if C == 1:
        flat = flat[:, 0]
    else:
        f, g = f[..., None], g[..., None]
    left_above, right_above, left_below, right_below = (flat[start:].take(at, axis=0) for start in (0, 1, W + 2, W + 3))
    above = left_above + g * (right_above - left_above)
    below = left_below + g * (right_below - left_below)
    between: Array = above + f * (below - above)
    return between if C > 1 else between[..., None]
