"""Predicted values against true ones, for regression."""

from typing import Any

from nnlite.metrics import r2
from nnlite.plots.axes import axes_or_new, commas_and_few_ticks
from nnlite.plots.inputs import values
from nnlite.plots.names import checked_names
from nnlite.plots.style import GRAY, color, marker


def prediction_error(*data: Any, ax: Any = None, names: Any = None) -> Any:
    r"""Draw predicted against true values; perfect predictions lie on the diagonal.

    Parameters
    ----------
    *data
        ``(y, Y_hat)``, true and predicted values (M,) or (M, n); or ``(model, X, y)``.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    names : sequence of str, optional
        Names of the n outputs.

    Returns
    -------
    Axes
        The Axes with the picture. The legend has R2 of each output.

    Raises
    ------
    ArgumentError
        If the network classifies, or an argument has a wrong value.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> ax = nn.plots.prediction_error([1.0, 2.0, 3.0], [1.0, 2.0, 2.0], ax=Figure().subplots())
    >>> ax.get_legend().get_texts()[0].get_text()
    'R2 = 0.500'
    """
    y, Y_hat = values(data, "prediction_error")
    n_outputs = y.shape[1]
    named = checked_names(names, n_outputs, "names") if names is not None or n_outputs > 1 else [""]
    ax = axes_or_new(ax, (4.4, 4.2))
    for j in range(n_outputs):
        label = f"{named[j]}: R2 = {r2(y[:, j], Y_hat[:, j]):.3f}".removeprefix(": ")
        style = {"color": color(j), "marker": marker(j), "linestyle": "", "markersize": 4, "alpha": 0.6}
        ax.plot(y[:, j], Y_hat[:, j], label=label, markeredgewidth=0, **style)
    low, high = min(y.min(), Y_hat.min()), max(y.max(), Y_hat.max())
    margin = 0.04 * (high - low) or 0.5
    ax.plot([low, high], [low, high], color=GRAY, linestyle="--", linewidth=1, zorder=1)
    ax.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
    commas_and_few_ticks(ax.xaxis, ax.yaxis)
    ax.set_aspect("equal", adjustable="box")
    ax.set_xlabel("true value")
    ax.set_ylabel("predicted value")
    ax.grid(alpha=0.3)
    ax.legend(loc="upper left")
    return ax
