"""Pictures for a page: drawn by matplotlib, written as SVG whose colors the style sheet decides, light or dark."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite import plots
from nnlite.checks import Array
from nnlite.plots.axes import LAYOUT, ROUND
from nnlite.plots.confusion import figure_size
from nnlite.plots.style import COLORS, GRAY, RIGHT, VALIDATION
from nnlite.report.numbers import short

INK = "#010203"  # no picture has this color otherwise: the style sheet replaces it
PAPER = "#fefdfc"
VARIABLES = {
    INK: "--ink",
    PAPER: "--paper",
    "#000000": "--ink",
    "#ffffff": "--paper",
    GRAY: "--muted",
    COLORS[0].lower(): "--blue",
    COLORS[1].lower(): "--orange",
    COLORS[2].lower(): "--green",
    COLORS[5].lower(): "--sky",
    "#b0b0b0": "--rule",  # of matplotlib's grid
    "#cccccc": "--rule",
}
STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "axes.edgecolor": GRAY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": GRAY,
    "ytick.color": GRAY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "nnlite",
}
MOST_DIGITS = 5  # of a number above a bar of the reliability diagram, without being turned
WIDTH = 4.8  # inches: near the width of a phone, so that letters keep their size there
MOST_POINTS = 2000  # in a scatter plot, whose file size grows with them


def svg(draw: Callable[[Any], None], size: tuple[float, float], label: str, number: int) -> str:
    """Return a picture as an ``<svg>`` element.

    Parameters
    ----------
    draw : callable
        ``draw(axes)`` draws on matplotlib Axes.
    size : (float, float)
        Inches.
    label : str
        What the picture shows, for those who cannot see it.
    number : int
        Of the picture on the page: its elements get names of their own.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", STYLE]):  # whatever the user's own style is
        figure = Figure(figsize=size, layout=LAYOUT)
        draw(figure.subplots())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _embedded(buffer.getvalue(), label, number)


def _embedded(text: str, label: str, number: int) -> str:
    """Return the SVG file as an element of a page."""
    import html

    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # nothing refers to them
    text = re.sub(r'\bid="', f'id="f{number}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\1f{number}-", text)
    text = re.sub(r"#[0-9a-f]{6}\b", lambda found: _variable(found[0]), text)
    box = re.search(r'viewBox="[^"]*"', text)
    assert box is not None  # matplotlib writes one
    head = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {box[0]} role="img">'
    return f"{head}<title>{html.escape(label)}</title>{text[text.index('>') + 1 :].strip()}"


def _variable(color: str) -> str:
    return f"var({VARIABLES[color]})" if color in VARIABLES else color


# ---- the pictures -------------------------------------------------------------------------------------------------


def curve(history: Any, key: str, best_epoch: int | None, number: int) -> str:
    """Return the learning curve of a key of the history."""
    both = f"val_{key}" in history

    def draw(ax: Any) -> None:
        plots.learning_curves(history, ax, keys=key)
        for line in ax.get_lines():
            line.set_linewidth(1.6)
        _with_commas(ax.yaxis)
        if best_epoch is not None and best_epoch < len(history[key]):
            ax.axvline(best_epoch, color=GRAY, linewidth=0.9, linestyle=":")
            place: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
            above: dict[str, Any] = {"xytext": (0, 2), "ha": "center", "va": "bottom", "annotation_clip": False}
            ax.annotate(f"epoch {best_epoch}", (best_epoch, 1), color=GRAY, fontsize=8, **above, **place)

    label = f"{key} by epoch, training{' and validation' if both else ''}"
    return svg(draw, (WIDTH, 2.9), label, number)


def calibration(y: Array, P: Array, number: int) -> str:
    """Return the reliability diagram."""

    def draw(ax: Any) -> None:
        plots.reliability_diagram(y, P, ax=ax, n_bins=10)
        ax.set_title("")
        ax.get_legend().remove()  # it would hide bars: the text beside the picture explains them
        ax.set_aspect("auto")
        for count in ax.texts:
            count.set(fontsize=8, position=(0, 6))  # clear of the number 1.0 beside the axis
            if len(count.get_text()) <= MOST_DIGITS:
                count.set_rotation(0)

    return svg(draw, (WIDTH, 3.4), "accuracy by confidence, with the gap between them", number)


def confusion(y: Array, P: Array, names: Sequence[str], number: int) -> str:
    """Return the confusion matrix of many classes as a picture."""
    return svg(
        lambda ax: plots.confusion_matrix(y, P, ax=ax, class_names=names),
        figure_size(names),
        "confusion matrix: true class by predicted class",
        number,
    )


def _with_commas(*axes: Any) -> None:
    """Write numbers as in the tables, with commas, where an axis has numbers from 1,000 on."""
    for axis in axes:
        if 1000 <= np.abs(axis.get_view_interval()).max() < 1e9:
            axis.set_major_formatter(lambda value, place: short(value))


def prediction_error(y: Array, Y_hat: Array, number: int) -> str:
    """Return predicted values against true ones."""
    chosen = _sample(len(y))

    def draw(ax: Any) -> None:
        plots.prediction_error(y[chosen], Y_hat[chosen], ax=ax)
        ax.get_legend().remove()  # the R2 stands beside the picture, for all examples

    return svg(draw, (WIDTH, 4.2), "predicted value against true value", number)


def residuals(y: Array, Y_hat: Array, number: int) -> str:
    """Return a histogram of the errors of values."""
    from matplotlib import ticker

    def draw(ax: Any) -> None:
        ax.hist(np.ravel(Y_hat - y), bins=30, color=COLORS[5], edgecolor=PAPER, linewidth=0.6)
        ax.axvline(0, color=GRAY, linewidth=0.9, linestyle="--")
        ax.set(xlabel="predicted minus true value", ylabel="examples")
        _with_commas(ax.xaxis)
        ax.xaxis.set_major_locator(ticker.MaxNLocator(5, steps=ROUND))
        ax.yaxis.set_major_locator(ticker.MaxNLocator(integer=True, steps=ROUND))

    return svg(draw, (WIDTH, 4.2), "how often each error occurs", number)


def learning_rate(history: Any, number: int) -> str:
    """Return the learning rate by epoch."""

    def draw(ax: Any) -> None:
        rates = history["learning_rate"]
        ax.plot(np.arange(1, len(rates) + 1), rates, color=VALIDATION["color"], linewidth=1.6)
        ax.set(xlabel="epoch", ylabel="learning rate")
        ax.grid(alpha=0.3)

    return svg(draw, (WIDTH, 2.2), "learning rate by epoch", number)


def _sample(n: int) -> Array:
    """Return the rows to draw: all, or some at equal distances."""
    return np.unique(np.linspace(0, n - 1, min(n, MOST_POINTS)).astype(int))


# ---- pixels -------------------------------------------------------------------------------------------------------


def picture(pixels: Array, black: float, white: float) -> str:
    """Return the address (a data URI) of a picture, gray (rows, columns) or in color (rows, columns, 3)."""
    if pixels.ndim == 2:
        return _png(pixels, cmap="gray", vmin=black, vmax=white)
    return _png(np.clip((pixels - black) / (white - black or 1.0), 0, 1))


def heat_image(values: Array) -> str:
    """Return the address (a data URI) of a picture of values: the larger, the more of the color; none at 0 or below."""
    from matplotlib.colors import to_rgb

    most = values.max()
    share = np.clip(values, 0, None) / most if most > 0 else np.zeros_like(values)
    colored = np.empty((*values.shape, 4))
    colored[..., :3] = to_rgb(RIGHT)
    colored[..., 3] = share
    return _png(colored)


def _png(pixels: Array, **options: Any) -> str:
    from matplotlib import image

    buffer = io.BytesIO()
    image.imsave(buffer, pixels, format="png", **options)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
