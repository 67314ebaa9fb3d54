"""What training reports, by epoch: of one run, of several, and of several seeds to each."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.plots.style import GRAY, TRAINING, VALIDATION, check_axes, chosen_from, color, legend, marker, new_grid

Record = Mapping[str, Sequence[float]]  # a History
Runs = dict[str, list[Record]]

LABELS = {"loss": "loss J", "learning_rate": "learning rate", "seconds": "seconds per epoch"}
STYLES: dict[str, dict[str, Any]] = {"training": TRAINING, "validation": VALIDATION}
OF_THE_EPOCH = ("learning_rate", "seconds")  # neither of training nor of validation


class Curve(NamedTuple):
    """One line, by epoch, and between which other lines its band is."""

    run: int
    part: str
    middle: Array
    low: Array
    high: Array


def learning_curves(history: Any, axes: Any = None, *, keys: str | Sequence[str] | None = None) -> Any:
    """Draw loss and accuracy by epoch, training and validation; of one run, or of several that are compared.

    Parameters
    ----------
    history : History, mapping or list
        One run: a History, or a mapping with the same keys. Several: a mapping from a label to a History, or a list
        of Histories. Several seeds to a run: a mapping from a label to a list of Histories, of which the median is
        drawn, within a band from the smallest to the largest (of those that trained for so long).
    axes : matplotlib Axes, or a sequence of them, optional
        The first quantity on the first, the second on the second if there is a second, and so on. By default a new
        figure.
    keys : str or sequence of str, optional
        What to draw: any keys of the History, by default loss and accuracy, as far as there are such. "loss" is drawn
        with "val_loss", "val_loss" is drawn alone; "all" is everything.

    Returns
    -------
    ndarray of Axes
        Those that were drawn on.

    Raises
    ------
    ArgumentError
        If there is nothing to draw, a key was not recorded or ``axes`` are no Axes.

    Examples
    --------
    >>> import nnlite as nn
    >>> from matplotlib.figure import Figure
    >>> iris, runs = nn.load_iris(), {}
    >>> for label, optimizer in {"SGD": nn.SGD(0.1), "Adam": nn.Adam(0.01)}.items():
    ...     models = [nn.Model([nn.Dense(8), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=seed) for seed in range(3)]
    ...     runs[label] = [model.fit(iris.X_train, iris.y_train, optimizer=optimizer, epochs=3) for model in models]
    >>> (ax,) = nn.plots.learning_curves(runs, Figure().subplots(), keys="loss")
    >>> [line.get_label() for line in ax.get_lines()]
    ['SGD, training', 'Adam, training']
    """
    runs, compared = _runs(history)
    quantities = _quantities(runs, keys)
    panels = [(key, _curves(runs, key)) for key in quantities]
    drawn = check_axes(axes)
    beside = drawn is None and compared
    if drawn is None:
        drawn = new_grid(len(panels), 3, (5, 3.6))
    for ax, (key, curves) in zip(drawn, panels, strict=False):
        for curve in curves:
            _draw(ax, curve, list(runs)[curve.run] if compared else None)
        _label(ax, key)
        if not compared and key not in OF_THE_EPOCH:
            ax.legend()
    drawn = drawn[: len(panels)]
    if compared:
        parts = {curve.part for _, curves in panels for curve in curves}
        legend(drawn[-1], handles=_legend_of_runs(runs, parts), beside=beside)
    return drawn


def _runs(history: Any) -> tuple[Runs, bool]:
    """The Histories to each label, and whether they are to be compared (or are just one)."""
    if isinstance(history, Mapping):
        if not history or not any(_is_run(value) for value in history.values()):
            return {"": [history]}, False
        runs = {str(label): [run] if isinstance(run, Mapping) else run for label, run in history.items()}
    elif isinstance(history, (list, tuple)):
        runs = {f"run {i}": [run] for i, run in enumerate(history, start=1)}
    else:
        runs = {}
    for label, run in runs.items():
        if not _is_run(run):
            raise ArgumentError(f"history: expected a History, or a list of them, for {label!r}, got {run!r}")
    if not runs:
        raise ArgumentError(f"history: expected a History, a list of them or a mapping to them, got {history!r}")
    return {label: list(run) for label, run in runs.items()}, True


def _is_run(value: Any) -> bool:
    if isinstance(value, Mapping):
        return True
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(entry, Mapping) for entry in value)


def _quantities(runs: Runs, keys: str | Sequence[str] | None) -> list[str]:
    """Which keys have a picture each."""
    recorded = list(dict.fromkeys(key for run in runs.values() for record in run for key in record))
    if keys is None:
        found: list[str] = [key for key in ("loss", "accuracy") if key in recorded]
        if not found:
            raise ArgumentError("history: nothing to draw, it has neither loss nor accuracy")
        return found
    if keys == "all":
        keys = [key for key in recorded if key.removeprefix("val_") == key or key.removeprefix("val_") not in recorded]
    return chosen_from(recorded, keys, "keys")


def _curves(runs: Runs, key: str) -> list[Curve]:
    """The lines of one picture: of each run those of training and of validation, as far as recorded."""
    parts = {"validation": key} if key.startswith("val_") else {"training": key, "validation": f"val_{key}"}
    curves = []
    for i, records in enumerate(runs.values()):
        for part, part_key in parts.items():
            lines = [checks.numeric_array(part_key, record[part_key]) for record in records if part_key in record]
            for line in lines:
                if line.ndim != 1:
                    raise ArgumentError(f"history: expected a number per epoch of {part_key}, got shape {line.shape}")
            if lines:
                curves.append(Curve(i, part, *_middle_and_band(lines)))
    return curves


def _middle_and_band(lines: list[Array]) -> tuple[Array, Array, Array]:
    """Median, smallest and largest by epoch, of those that are finite; NaN where none is."""
    if len(lines) == 1:
        return (lines[0],) * 3
    band = np.full((3, max(map(len, lines))), np.nan)
    for epoch in range(band.shape[1]):
        values = [line[epoch] for line in lines if len(line) > epoch and np.isfinite(line[epoch])]
        if values:
            band[:, epoch] = np.median(values), min(values), max(values)
    return band[0], band[1], band[2]


def _draw(ax: Any, curve: Curve, run: str | None) -> None:
    """The line: in the colour of its part if there is only one run, else in that of its run."""
    own = STYLES[curve.part]
    n = len(curve.middle)
    style = own | {"label": curve.part, "marker": "o" if n == 1 else ""}  # a line needs two points
    if run is not None:
        style |= {"label": f"{run}, {curve.part}", "color": color(curve.run), "marker": marker(curve.run)}
        style |= {"markevery": max(1, n // 8), "markersize": 4}
    epochs = np.arange(1, n + 1)
    ax.plot(epochs, curve.middle, **style)
    if curve.low is not curve.middle:
        ax.fill_between(epochs, curve.low, curve.high, color=style["color"], alpha=0.15, linewidth=0)


def _label(ax: Any, key: str) -> None:
    from matplotlib.ticker import MaxNLocator

    of = "validation " if key.startswith("val_") else ""
    quantity = key.removeprefix("val_")
    ax.set_xlabel("epoch")
    ax.set_ylabel(of + LABELS.get(quantity, quantity.replace("_", " ")))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.grid(alpha=0.3)


def _legend_of_runs(runs: Runs, parts: set[str]) -> list[Any]:
    """An entry for each run, and where there are both, what the dashes mean."""
    from matplotlib.lines import Line2D

    entries = [Line2D([], [], color=color(i), marker=marker(i), markersize=4, label=run) for i, run in enumerate(runs)]
    if len(parts) > 1:
        for part, style in STYLES.items():
            entries.append(Line2D([], [], color=GRAY, linestyle=style["linestyle"], label=part))
    return entries
