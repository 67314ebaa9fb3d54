"""The learning rate by step."""

from typing import Any

from nnlite import checks
from nnlite.errors import ArgumentError
from nnlite.plots.style import check_ax, color, own_or_new
from nnlite.schedules import Rate, as_schedule


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

    Examples
    --------
    >>> import nnlite as nn
    >>> from matplotlib.figure import Figure
    >>> ax = nn.plots.schedule(nn.CosineDecay(0.1, 100), 100, Figure().subplots(), label="cosine")
    >>> float(ax.get_lines()[0].get_ydata()[50])
    0.05
    """
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    rate, n_steps = as_schedule("schedule", schedule), checks.integer("n_steps", n_steps)
    rates = [checks.real(f"schedule at step {step}", rate(step), minimum=0) for step in range(n_steps)]
    check_ax(ax)
    marker = "o" if n_steps == 1 else ""  # a line needs two points
    try:
        options = {"color": color(0 if ax is None else len(ax.get_lines())), "marker": marker}
        line = Line2D(range(n_steps), rates, **options | normalize_kwargs(line_options, Line2D))
    except (AttributeError, TypeError, ValueError) as error:
        raise ArgumentError(f"line_options: expected options of matplotlib's Line2D, got {error}") from None
    ax = own_or_new(ax)
    ax.add_line(line)
    ax.autoscale_view()
    ax.set_xlabel("step")
    ax.set_ylabel("learning rate")
    ax.grid(alpha=0.3)
    if ax.get_legend_handles_labels()[0]:
        ax.legend()
    return ax
