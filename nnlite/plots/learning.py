"""Learning curves: what training reports for each epoch, for one run or for several that are compared."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.plots.axes import check_axes, legend, new_grid
from nnlite.plots.names import chosen_from, quantity_name
from nnlite.plots.style import BAND, GRAY, TRAINING, VALIDATION, color, marker

Record = Mapping[str, Sequence[float]]  # a History
Runs = dict[str, list[Record]]  # one record for each seed, by label

STYLES: dict[str, dict[str, Any]] = {"training": TRAINING, "validation": VALIDATION}
WITHOUT_PART = ("learning_rate", "seconds")  # these belong to an epoch, not to training or validation


class Curve(NamedTuple):
    """The line of one run, and the lines between which its band lies; each has one number per epoch."""

    run: int
    part: str
    middle: Array
    low: Array
    high: Array


def learning_curves(history: Any, axes: Any = None, *, keys: str | Sequence[str] | None = None) -> Any:
    """Draw loss and accuracy by epoch, for training and validation.

    Parameters
    ----------
    history : History, mapping or list
        One run: a History, or a mapping with the same keys. Several runs: a mapping from labels to Histories, or a
        list of Histories. Several seeds for each run: a mapping from labels to lists of Histories; the line is their
        median, the band goes from the smallest to the largest of those that trained for that many epochs.
    axes : matplotlib Axes, or a sequence of them, optional
        Where to draw: the first quantity on the first Axes, the second on the second, and so on. By default a new
        figure.
    keys : str or sequence of str, optional
        What to draw: keys of the History, or "all". By default those of loss and accuracy that were recorded. "loss"
        is drawn together with "val_loss"; "val_loss" is drawn alone.

    Returns
    -------
    ndarray of Axes
        The Axes with the pictures.

    Raises
    ------
    ArgumentError
        If ``history`` has nothing to draw, a key was not recorded, or ``axes`` are not matplotlib Axes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> iris, runs = nn.load_iris(), {}
    >>> for label, optimizer in {"SGD": nn.SGD(0.1), "Adam": nn.Adam(0.01)}.items():
    ...     models = [nn.Model([nn.Dense(8), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=seed) for seed in range(3)]
    ...     runs[label] = [model.fit(iris.X_train, iris.y_train, optimizer=optimizer, epochs=3) for model in models]
    >>> (ax,) = nn.plots.learning_curves(runs, Figure().subplots(), keys="loss")
    >>> [line.get_label() for line in ax.get_lines()]
    ['SGD, training', 'Adam, training']
    """
    runs, compared = _runs(history)
    panels = [(key, _curves(runs, key)) for key in _chosen_keys(runs, keys)]
    given = check_axes(axes)
    drawn = new_grid(len(panels), 3, (5, 3.6)) if given is None else given[: len(panels)]
    for ax, (key, curves) in zip(drawn, panels, strict=False):
        for curve in curves:
            _draw(ax, curve, list(runs)[curve.run] if compared else None)
        _label_axes(ax, key)
        if max(len(curve.middle) for curve in curves) == 1:
            ax.set_xlim(0.5, 1.5)
            ax.set_xticks([1])
        if not compared and key not in WITHOUT_PART:
            ax.legend()
    if compared:
        parts = {curve.part for _, curves in panels for curve in curves}
        legend(drawn[-1], handles=_legend_of_runs(runs, parts), beside=given is None)
    return drawn


# ---- the numbers --------------------------------------------------------------------------------------------------


def _runs(history: Any) -> tuple[Runs, bool]:
    """Return the Histories of each label, and whether there are several runs to compare."""
    if isinstance(history, Mapping):
        if not any(_is_run(value) for value in history.values()):
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
    """Whether ``value`` is a History or a list of them."""
    if isinstance(value, Mapping):
        return True
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(entry, Mapping) for entry in value)


def _chosen_keys(runs: Runs, keys: str | Sequence[str] | None) -> list[str]:
    """Return the keys that get a picture each."""
    recorded = list(dict.fromkeys(key for run in runs.values() for record in run for key in record))
    if keys is None:
        found: list[str] = [key for key in ("loss", "accuracy") if key in recorded]
        if not found:
            raise ArgumentError("history: nothing to draw, it has neither loss nor accuracy")
        return found
    if keys == "all":
        keys = [key for key in recorded if not key.startswith("val_") or key.removeprefix("val_") not in recorded]
    return chosen_from(recorded, keys, "keys")


def _curves(runs: Runs, key: str) -> list[Curve]:
    """Return the lines of one picture: training and validation of each run that recorded them."""
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
    """Return median, minimum and maximum of the finite numbers of each epoch; NaN if an epoch has none."""
    if len(lines) == 1:
        return (lines[0],) * 3
    band = np.full((3, max(map(len, lines))), np.nan)
    for epoch in range(band.shape[1]):
        values = [line[epoch] for line in lines if len(line) > epoch and np.isfinite(line[epoch])]
        if values:
            band[:, epoch] = np.median(values), min(values), max(values)
    return band[0], band[1], band[2]


# ---- drawing ------------------------------------------------------------------------------------------------------


def _draw(ax: Any, curve: Curve, run: str | None) -> None:
    """Draw a line and its band. Colors tell training from validation or, with the label of a ``run``, the runs."""
    n = len(curve.middle)
    style = STYLES[curve.part] | {"label": curve.part, "marker": "o" if n == 1 else ""}  # a line needs two points
    if run is not None:
        style |= {"label": f"{run}, {curve.part}", "color": color(curve.run), "marker": marker(curve.run)}
        style |= {"markevery": max(1, n // 8), "markersize": 4}
    epochs = np.arange(1, n + 1)
    ax.plot(epochs, curve.middle, **style)
    if curve.low is not curve.middle:
        ax.fill_between(epochs, curve.low, curve.high, color=style["color"], **BAND)


def _label_axes(ax: Any, key: str) -> None:
    from matplotlib.ticker import MaxNLocator

    part = "validation " if key.startswith("val_") else ""
    ax.set_xlabel("epoch")
    ax.set_ylabel(part + quantity_name(key.removeprefix("val_")))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.grid(alpha=0.3)


def _legend_of_runs(runs: Runs, parts: set[str]) -> list[Any]:
    """Return an entry for each run and, if both parts are drawn, the meaning of the dashes."""
    from matplotlib.lines import Line2D

    entries = [Line2D([], [], color=color(i), marker=marker(i), markersize=4, label=run) for i, run in enumerate(runs)]
    if len(parts) > 1:
        for part, style in STYLES.items():
            entries.append(Line2D([], [], color=GRAY, linestyle=style["linestyle"], label=part))
    return entries
