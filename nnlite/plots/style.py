"""What all pictures share: colours, dashes and markers that everyone can tell apart, and axes to draw on."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Dense, Layer

# Okabe and Ito's colours (2008), which colour-blind readers can tell apart; their yellow is for areas only, being too
# pale for lines. Dashes, markers and hatches tell apart in print. There are 5 dashes and 6 markers for 7 colours, so
# that the combinations repeat late.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
FILLS = (*COLORS[:6], "#F0E442", "#777777")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P")
TRAINING = {"color": COLORS[0], "linestyle": "-"}
VALIDATION = {"color": COLORS[1], "linestyle": "--"}
RIGHT, WRONG = COLORS[0], COLORS[1]
GRAY = "#777777"
LAYOUT: Final = "compressed"  # constrained, and right at the first drawing for pictures of a fixed aspect, too
SEQUENTIAL, DIVERGING = "Blues", "RdBu_r"  # both keep their order for colour-blind readers and in print
FEW, MANY = 10, 20  # classes: so many have a line each in a legend, and so many a label each


def color(i: int) -> str:
    """Colour of the i-th line or class."""
    return COLORS[i % len(COLORS)]


def marker(i: int) -> str:
    """Marker of the i-th line or class."""
    return MARKERS[i % len(MARKERS)]


def line_style(i: int) -> dict[str, Any]:
    """Colour and dashes of the i-th of many lines."""
    return {"color": color(i), "linestyle": DASHES[i % len(DASHES)]}


def fills(n: int) -> Array:
    """Colours of n areas, as rows (n, 3): Okabe and Ito's, or for more than these a scale from dark to light."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    if n <= len(FILLS):
        return np.array([to_rgb(color) for color in FILLS[:n]])
    return np.asarray(colormaps["viridis"](np.linspace(0, 1, n)))[:, :3]


# ---- axes ---------------------------------------------------------------------------------------------------------


def check_ax(ax: Any) -> None:
    """Raise ArgumentError for an ``ax`` that is neither matplotlib Axes nor None."""
    from matplotlib.axes import Axes

    if ax is not None and not isinstance(ax, Axes):
        hint = "; this picture takes a single one" if isinstance(ax, (Sequence, np.ndarray)) else ""
        raise ArgumentError(f"ax: expected matplotlib Axes, got {ax!r}{hint}")


def own_or_new(ax: Any, figsize: tuple[float, float] = (5, 3.6)) -> Any:
    """``ax``, or the Axes of a new figure of ``figsize`` inches. Called last, when nothing can be wrong any more."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout=LAYOUT)[1]


def check_axes(axes: Any) -> Array | None:
    """``axes`` as a flat array of matplotlib Axes; None stays None."""
    from matplotlib.axes import Axes

    if axes is None:
        return None
    flat = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()
    for ax in flat:
        if not isinstance(ax, Axes):
            raise ArgumentError(f"axes: expected matplotlib Axes, got {ax!r}")
    if not flat.size:
        raise ArgumentError("axes: expected at least one of matplotlib's Axes, got none")
    return flat


def new_grid(n: int, columns: int, size: tuple[float, float]) -> Array:
    """N Axes in rows of ``columns`` in a new figure, each of ``size`` inches."""
    import matplotlib.pyplot as plt

    columns = min(n, columns)
    rows = -(-n // columns)
    figsize = (size[0] * columns, size[1] * rows)
    axes = plt.subplots(rows, columns, figsize=figsize, layout=LAYOUT, squeeze=False)[1].ravel()
    for ax in axes[n:]:
        ax.remove()
    return np.asarray(axes[:n])


def legend(ax: Any, *, beside: bool = False, **options: Any) -> None:
    """A legend where there is room, or ``beside`` the axes: where many lines leave no room, and a figure is ours."""
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0, "frameon": False} if beside else {}
    ax.legend(**place | options)


def color_bar(ax: Any, colored: Any, label: str, **options: Any) -> Any:
    """What the colours of ``colored`` mean, beside ``ax``.

    Where the figure makes room by itself, the bar is just as high as the picture and goes when ``ax`` is cleared; else
    it takes its room from ``ax``, so that it does not cover what is beside.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = ax.figure
    if isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        bar = figure.colorbar(colored, cax=ax.inset_axes((1.03, 0, 0.045, 1)), **options)
    else:
        bar = figure.colorbar(colored, ax=ax, fraction=0.046, pad=0.04, **options)
    bar.set_label(label)
    return bar


# ---- names --------------------------------------------------------------------------------------------------------


def checked_names(names: Any, n: int, argument: str = "class_names") -> list[str]:
    """``names`` as one text for each of n classes; by default their indices."""
    if names is None:
        return [str(c) for c in range(n)]
    if isinstance(names, (str, Mapping)) or not hasattr(names, "__iter__") or len(names) != n:
        n_given = len(names) if hasattr(names, "__len__") and not isinstance(names, str) else repr(names)
        raise ArgumentError(f"{argument}: expected {n} names, got {n_given}")
    return [str(name) for name in names]


def names_for(data: Sequence[Any], class_names: Any) -> Any:
    """``class_names``, or those that the model has if there is one in front of the data."""
    return getattr(data[0], "class_names", None) if class_names is None and len(data) else class_names


def chosen_from(known: Sequence[str], chosen: Any, argument: str) -> list[str]:
    """``chosen``, a name or several, as a list; each must be among those that are known."""
    names = [chosen] if isinstance(chosen, str) else chosen
    there_is = ", ".join(known) or "nothing"
    if not isinstance(names, (Sequence, np.ndarray)) or not len(names):
        raise ArgumentError(f"{argument}: expected some of {there_is}, got {chosen!r}")
    for name in names:
        if name not in known:
            raise ArgumentError(f"{argument}: there is no {name!r}; choose from {there_is}")
    return list(names)


def short_name(layer: Layer) -> str:
    """``Dense(64)``, without what else was chosen if that is long."""
    text, kind = repr(layer), type(layer).__name__
    if len(text) <= 24:
        return text
    return f"{kind}({layer.units}, ...)" if isinstance(layer, Dense) else f"{kind}(...)"


def sparse_ticks(n: int, most: int = MANY) -> Array:
    """Which of n classes have a label: all, or every 2nd, 5th, 10th, ... if there are more than ``most``."""
    step = next(s * 10**e for e in range(20) for s in (1, 2, 5) if n <= most * s * 10**e)
    return np.arange(0, n, step)
