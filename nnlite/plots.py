"""What people would rather look at. Every function draws on axes that are passed in, or makes its own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import checks
from nnlite.errors import ArgumentError
from nnlite.schedules import Rate, as_schedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's blue and vermilion (2008), which colour-blind readers can tell apart; the dashes help in print.
TRAINING = {"color": "#0072B2", "linestyle": "-"}
VALIDATION = {"color": "#D55E00", "linestyle": "--"}
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # more of theirs


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


def schedule(schedule: float | Rate, n_steps: int, ax: Any = None, **line_options: Any) -> Any:
    """Draw the learning rate by step: what an optimizer with this schedule uses for its first steps.

    Parameters
    ----------
    schedule : float or schedule
        A number, or a function of the step t = 0, 1, 2, ..., such as those of `nnlite.schedules`.
    n_steps : int
        How many steps, at least 1.
    ax : matplotlib Axes, optional
        Where to draw; several schedules on the same Axes get different colours. By default a new figure.
    **line_options
        Of matplotlib's Line2D, such as ``label``, ``color`` or ``linestyle``. A label makes a legend.

    Returns
    -------
    Axes
        That was drawn on.

    Raises
    ------
    ArgumentError
        If ``schedule`` is neither a number nor a function or gives no finite number of at least 0, ``n_steps`` is
        no integer of at least 1, ``ax`` are no Axes, or matplotlib does not know a line option.
    """
    from matplotlib.axes import Axes
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    rate, n_steps = as_schedule("schedule", schedule), checks.integer("n_steps", n_steps)
    rates = [checks.real(f"schedule at step {step}", rate(step), minimum=0) for step in range(n_steps)]
    if ax is not None and not isinstance(ax, Axes):
        raise ArgumentError(f"ax: expected matplotlib Axes, got {ax!r}")
    color = COLORS[0 if ax is None else len(ax.get_lines()) % len(COLORS)]
    marker = "o" if n_steps == 1 else ""  # a line needs two points
    try:
        options = {"color": color, "marker": marker} | normalize_kwargs(line_options, Line2D)
        line = Line2D(range(n_steps), rates, **options)
    except (AttributeError, TypeError, ValueError) as error:
        raise ArgumentError(f"line_options: expected options of matplotlib's Line2D, got {error}") from None
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=(5, 3.6), layout="constrained")[1]
    ax.add_line(line)
    ax.autoscale_view()
    ax.set_xlabel("step")
    ax.set_ylabel("learning rate")
    ax.grid(alpha=0.3)
    if ax.get_legend_handles_labels()[0]:
        ax.legend()
    return ax
