"""The learning rate by step."""

from typing import Any

from nnlite import checks
from nnlite.errors import ArgumentError
from nnlite.plots.axes import axes_or_new
from nnlite.plots.style import color
from nnlite.schedules import Rate, as_schedule


def schedule(schedule: float | Rate, n_steps: int, ax: Any = None, **line_options: Any) -> Any:
    """Draw the learning rates that an optimizer with this schedule uses for its first steps.

    Parameters
    ----------
    schedule : float or schedule
        A number, or a function of the step t = 0, 1, 2, ..., such as those of `nnlite.schedules`.
    n_steps : int
        Number of steps to draw, at least 1.
    ax : matplotlib Axes, optional
        Where to draw. Several schedules on the same Axes get different colors. By default a new figure.
    **line_options
        Options of matplotlib's Line2D, such as ``label``, ``color`` or ``linestyle``. A label adds a legend.

    Returns
    -------
    Axes
        The Axes with the picture.

    Raises
    ------
    ArgumentError
        If ``schedule`` is neither a number nor a function, or returns anything but finite numbers of at least 0;
        ``n_steps`` is not an integer of at least 1; ``ax`` is not matplotlib Axes; or Line2D does not know an option.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> ax = nn.plots.schedule(nn.CosineDecay(0.1, 100), 100, Figure().subplots(), label="cosine")
    >>> float(ax.get_lines()[0].get_ydata()[50])
    0.05
    """
    rate, n_steps = as_schedule("schedule", schedule), checks.integer("n_steps", n_steps)
    rates = [checks.real(f"schedule at step {step}", rate(step), minimum=0) for step in range(n_steps)]
    line, has_color = _line(rates, line_options)
    ax = axes_or_new(ax)
    if not has_color:
        line.set_color(color(len(ax.get_lines())))
    ax.add_line(line)
    ax.autoscale_view()
    ax.set_xlabel("step")
    ax.set_ylabel("learning rate")
    ax.grid(alpha=0.3)
    if ax.get_legend_handles_labels()[0]:
        ax.legend()
    return ax


def _line(rates: list[float], options: dict[str, Any]) -> tuple[Any, bool]:
    """Return the line, and whether ``options`` choose its color."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    marker = "o" if len(rates) == 1 else ""  # a line needs two points
    try:
        options = normalize_kwargs(options, Line2D)
        return Line2D(range(len(rates)), rates, **{"marker": marker} | options), "color" in options
    except (AttributeError, TypeError, ValueError) as error:
        raise ArgumentError(f"line_options: expected options of matplotlib's Line2D, got {error}") from None
