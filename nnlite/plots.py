"""What people would rather look at. Every function draws on axes that are passed in, or makes its own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's blue and vermilion (2008), which colour-blind readers can tell apart; the dashes help in print.
TRAINING = {"color": "#0072B2", "linestyle": "-"}
VALIDATION = {"color": "#D55E00", "linestyle": "--"}


def learning_curves(history: Mapping[str, Sequence[float]], axes: Any = None) -> Any:
    """Draw loss and accuracy by epoch, training and validation.

    Parameters
    ----------
    history : History, or a mapping with the same keys
    axes : matplotlib Axes, or a sequence of them, optional
        The loss on the first, the accuracy on the second if there is a second. By default a new figure.

    Returns
    -------
    ndarray of Axes
        Those that were drawn on.

    Raises
    ------
    ArgumentError
        If the history is empty or ``axes`` are no Axes.
    """
    quantities = [key for key in ("loss", "accuracy") if key in history]
    if not quantities:
        raise ArgumentError("history: nothing to draw, it has neither loss nor accuracy")
    if axes is None:
        import matplotlib.pyplot as plt

        axes = plt.subplots(1, len(quantities), figsize=(5 * len(quantities), 3.6), layout="constrained")[1]
    drawn = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()
    for ax in drawn:
        if not hasattr(ax, "plot"):
            raise ArgumentError(f"axes: expected matplotlib Axes, got {ax!r}")
    for ax, quantity in zip(drawn, quantities, strict=False):
        _curve(ax, history, quantity)
    return drawn[: len(quantities)]


def _curve(ax: "Axes", history: Mapping[str, Sequence[float]], quantity: str) -> None:
    from matplotlib.ticker import MaxNLocator

    for key, label, style in (
        (quantity, "training", TRAINING),
        (f"val_{quantity}", "validation", VALIDATION),
    ):
        if key in history:
            values = history[key]
            marker = "o" if len(values) == 1 else ""  # a line needs two points
            ax.plot(range(1, len(values) + 1), values, label=label, marker=marker, **style)  # type: ignore[arg-type]
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss J" if quantity == "loss" else quantity)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.grid(alpha=0.3)
    ax.legend()
