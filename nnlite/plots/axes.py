"""The axes of a picture: check those that the caller passes in or make new ones, and add a legend or a color bar."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError

# Constrained layout that is also right at the first drawing for pictures of a fixed aspect ratio.
LAYOUT: Final = "compressed"
ROUND = [1, 2, 2.5, 5, 10]  # steps between the numbers of an axis
WHOLE_STEPS = 5  # from a step of this length on, all numbers of an axis are whole
FEW, MANY = 10, 20  # up to FEW classes get a line each in a legend, up to MANY a tick label each


def axes_or_new(ax: Any, figsize: tuple[float, float] = (5, 3.6)) -> Any:
    """Return ``ax`` if it is matplotlib Axes, or the Axes of a new figure of ``figsize`` inches if it is None.

    Raises ArgumentError for anything else. Call it after all other checks, so that an error leaves no empty figure.
    """
    check_ax(ax)
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout=LAYOUT)[1]


def check_ax(ax: Any) -> None:
    """Raise ArgumentError unless ``ax`` is matplotlib Axes or None."""
    from matplotlib.axes import Axes

    if ax is not None and not isinstance(ax, Axes):
        hint = "; this picture takes a single one" if isinstance(ax, (Sequence, np.ndarray)) else ""
        raise ArgumentError(f"ax: expected matplotlib Axes, got {ax!r}{hint}")


def check_axes(axes: Any) -> Array | None:
    """Return ``axes``, a single Axes or several, as a flat array; return None for None."""
    from matplotlib.axes import Axes

    if axes is None:
        return None
    flat = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()
    for ax in flat:
        if not isinstance(ax, Axes):
            raise ArgumentError(f"axes: expected matplotlib Axes, got {ax!r}")
    if not flat.size:
        raise ArgumentError("axes: expected at least one matplotlib Axes, got none")
    return flat


def new_grid(n: int, columns: int, size: tuple[float, float]) -> Array:
    """Return n Axes of ``size`` inches each, in rows of ``columns``, in a new figure."""
    import matplotlib.pyplot as plt

    columns = min(n, columns)
    rows = -(-n // columns)
    figsize = (size[0] * columns, size[1] * rows)
    axes = plt.subplots(rows, columns, figsize=figsize, layout=LAYOUT, squeeze=False)[1].ravel()
    for ax in axes[n:]:
        ax.remove()
    return np.asarray(axes[:n])


def legend(ax: Any, *, beside: bool = False, **options: Any) -> None:
    """Add a legend inside the axes, or to the right of them if ``beside`` is True (for a figure of our own)."""
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0, "frameon": False} if beside else {}
    ax.legend(**place | options)


def color_bar(ax: Any, colored: Any, label: str, **options: Any) -> Any:
    """Add a color bar for ``colored`` to the right of ``ax`` and return it.

    In a figure with constrained layout, the bar belongs to ``ax``: it is as high as the picture and vanishes when
    ``ax`` is cleared. In other figures it takes its space from ``ax``, so that it never covers a neighbor.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = ax.figure
    if isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        bar = figure.colorbar(colored, cax=ax.inset_axes((1.03, 0, 0.045, 1)), **options)
    else:
        bar = figure.colorbar(colored, ax=ax, fraction=0.046, pad=0.04, **options)
    bar.set_label(label)
    return bar


def commas_and_few_ticks(*axes: Any, most: int = 5) -> None:
    """Give each axis (``ax.xaxis``) at most ``most`` intervals, and its numbers commas from 1,000 on.

    There are at most 3 intervals from a million on, so that the numbers stay apart. From 10 million on they have a
    common power of ten, as matplotlib writes them.
    """
    from matplotlib import ticker

    for axis in axes:
        low, high = axis.get_view_interval()
        largest = max(abs(low), abs(high))
        axis.set_major_locator(ticker.MaxNLocator(3 if 1e6 <= largest < 1e7 else most, steps=ROUND))
        if 1000 <= largest < 1e7 and high - low >= WHOLE_STEPS * most:
            axis.set_major_formatter(lambda value, place: f"{value:,.0f}")


def hide_ticks(ax: Any) -> None:
    """Remove the ticks of both axes."""
    ax.set(xticks=[], yticks=[])


def sparse_ticks(n: int, most: int = MANY) -> Array:
    """Return which of n classes get a tick label: all, or every 2nd, 5th, 10th, ... if n is above ``most``."""
    step = next(s * 10**e for e in range(20) for s in (1, 2, 5) if n <= most * s * 10**e)
    return np.arange(0, n, step)
