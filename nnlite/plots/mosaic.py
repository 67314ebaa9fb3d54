"""Several images as one picture, side by side."""

from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.plots.axes import hide_ticks


def mosaic_of(images: Array, n_columns: int) -> Array:
    """Return images (n, rows, columns) as one, side by side in rows of ``n_columns``; NaN is not drawn."""
    n, height, width = images.shape
    n_columns = min(n, n_columns)
    n_rows = -(-n // n_columns)
    mosaic = np.full((n_rows * height, n_columns * width), np.nan)
    for i, image in enumerate(images):
        top, left = (i // n_columns) * height, (i % n_columns) * width
        mosaic[top : top + height, left : left + width] = image
    return mosaic


def draw_gaps(ax: Any, mosaic: Array, rows: int, columns: int) -> None:
    """Draw white lines between the images, and nothing around them."""
    ax.vlines(np.arange(0, mosaic.shape[1] + 1, columns) - 0.5, *ax.get_ylim(), color="white", linewidth=2.5)
    ax.hlines(np.arange(0, mosaic.shape[0] + 1, rows) - 0.5, *ax.get_xlim(), color="white", linewidth=2.5)
    hide_ticks(ax)
    for spine in ax.spines.values():
        spine.set_visible(False)
