"""Activations and gradients, layer by layer."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.layers import Layer
from nnlite.layers.convolution import as_rows_of_units
from nnlite.network.examples import check_X
from nnlite.network.knowledge import as_numbers
from nnlite.network.network import Network
from nnlite.plots.axes import axes_or_new
from nnlite.plots.inputs import check_labelled, require_model
from nnlite.plots.names import chosen_from, layer_name, percent
from nnlite.plots.style import COLORS

N_BINS = 80


class Row(NamedTuple):
    """The numbers of one layer, its name to the left and the notes to the right."""

    name: str
    values: Array
    notes: tuple[str, ...]


def activations(model: Network, X: Any, *, ax: Any = None, training: bool = False) -> Any:
    r"""Draw the distribution of the outputs a[l] of each layer for a batch.

    The share of zeros and the number of dead units stand to the right. A unit is dead for the batch if its output is
    0 for every example; in a network with convolutions, a channel of an image is a unit, and each pixel an example.
    Zeros are counted but not drawn, because they would hide all other values.

    Parameters
    ----------
    model : Model
        It is not changed: the batch goes through a copy.
    X : array_like, (M, n[0])
        A batch of some hundred examples.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    training : bool, default False
        If True, compute as in a training step: with dropout and with the statistics of the batch.

    Returns
    -------
    Axes
        The Axes with the picture. The first layer is at the top, and each row has its own vertical scale. Layers that
        do not change their input are left out.

    Raises
    ------
    ArgumentError
        If X does not fit the network, or an argument has a wrong value.
    NotBuiltError
        If the network has no parameters yet.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(32), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=64, seed=0)
    >>> ax = nn.plots.activations(model, digits.X_train[:200], ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['1  Dense(32)', '2  ReLU()', '3  Dense(10)', '4  Softmax()']
    """
    model = require_model(model)
    X = check_X(as_numbers(X, model.encoding, model.dtype, arrays=True), model.input_shape, model.dtype)
    passes = _layer_passes(model.copy(), X, training=checks.boolean("training", training))
    rows = [
        _activation_row(f"{number}  {layer_name(layer)}", as_rows_of_units(a, model.all_layers()))
        for number, (layer, a_prev, a) in enumerate(passes, start=1)
        if not np.array_equal(a_prev.ravel(), a.ravel(), equal_nan=True)
    ]
    low, high = _range([row.values for row in rows], outliers=0.001)
    return _draw(ax, rows, np.linspace(low, high, N_BINS + 1), ("zero", "dead units"), "output a of the layer")


def gradients(
    model: Network, X: Any, y: Any, *, ax: Any = None, names: Sequence[str] | None = None, sample_weight: Any = None
) -> Any:
    r"""Draw the distribution of the absolute gradients ``|dJ/dW|`` of each layer for a batch, on a logarithmic scale.

    Vanishing gradients move to the left from the last layer to the first, exploding gradients to the right. The share
    of zeros and the root mean square stand to the right.

    Parameters
    ----------
    model : Model
        It is not changed: the batch goes through a copy.
    X : array_like, (M, n[0])
        A batch.
    y : array_like, (M,) or (M, n[L])
        The classes or values of its examples.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    names : sequence of str, optional
        Names in ``model.gradients``. By default the gradients of the weights, dW1, dW2, ...
    sample_weight : array_like, (M,), optional
        Weight of each example in the cost, at least 0.

    Returns
    -------
    Axes
        The Axes with the picture. The first layer is at the top, and each row has its own vertical scale.

    Raises
    ------
    ArgumentError
        If the batch does not fit the network, or an argument has a wrong value.
    NotBuiltError
        If the network has no parameters yet.

    References
    ----------
    S. Hochreiter, "Untersuchungen zu dynamischen neuronalen Netzen", 1991. X. Glorot and Y. Bengio, "Understanding the
    difficulty of training deep feedforward neural networks", 2010.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(32), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=64, seed=0)
    >>> ax = nn.plots.gradients(model, digits.X_train[:200], digits.y_train[:200], ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['dW1', 'dW2']
    """
    copy = require_model(model).copy()
    X, targets = check_labelled(copy, X, y)
    chosen = _check_names(names, copy)
    copy.forward(X)
    copy.backward(targets, sample_weight)
    rows = [_gradient_row(name, copy.gradients[name]) for name in chosen]
    low, high = _range([np.log10(row.values) for row in rows])
    label = "absolute gradient |dJ/dW|" if names is None else "absolute gradient |dJ/dtheta|"
    ax = _draw(ax, rows, np.logspace(low, high, N_BINS + 1), ("zero", "rms"), label)
    ax.set_xscale("log")
    return ax


# ---- the numbers --------------------------------------------------------------------------------------------------


def _layer_passes(model: Network, X: Array, *, training: bool) -> list[tuple[Layer, Array, Array]]:
    """Return each layer with its input a[l-1] and its output a[l]. A pass for training changes running averages."""
    passes: list[tuple[Layer, Array, Array]] = []

    def observe(layer: Layer, method: str, a_prev: Array, a: Array) -> None:
        if layer is model.layers[len(passes)]:  # not a layer inside it
            passes.append((layer, a_prev, a))

    model.new_pass(training=training, observer=observe).forward(X.astype(model.dtype))
    return passes


def _activation_row(name: str, a: Array) -> Row:
    zero = a == 0
    n_dead = zero.all(axis=0).sum()
    dead = f"{n_dead} of {a.shape[1]}" if n_dead else ""
    return Row(name, _drawn_values(a), (_note_zeros_and_nan(a), dead))


def _gradient_row(name: str, gradient: Array) -> Row:
    size = np.abs(gradient.astype(np.float64))
    rms = np.sqrt(np.mean(size**2))
    return Row(name, _drawn_values(size), (_note_zeros_and_nan(size), f"{rms:.1e}"))


def _drawn_values(values: Array) -> Array:
    """Return the finite values other than 0, (n,)."""
    flat = values.ravel().astype(np.float64)
    finite: Array = flat[np.isfinite(flat) & (flat != 0)]
    return finite


def _note_zeros_and_nan(values: Array) -> str:
    share = np.mean(values == 0)
    return (percent(float(share)) if share else "") + ("" if np.isfinite(values).all() else " NaN!")


def _check_names(names: Any, model: Network) -> list[str]:
    """Return the names of the gradients that are drawn. "W1" means "dW1"."""
    known = list(model.gradients)
    if names is None:
        return [name for name in known if name.startswith("dW")] or known
    chosen = [names] if isinstance(names, str) else names
    if isinstance(chosen, (list, tuple, np.ndarray)):
        chosen = [f"d{name}" if f"d{name}" in known else name for name in map(str, chosen)]
    return chosen_from(known, chosen, "names")


def _range(values: list[Array], *, outliers: float = 0) -> tuple[float, float]:
    """Return the smallest and the largest value; of each layer, ignore a share of ``outliers`` at both ends."""
    ends = [np.quantile(v, (outliers, 1 - outliers)) for v in values if v.size]
    if not ends:
        return 0.0, 1.0
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


# ---- drawing ------------------------------------------------------------------------------------------------------


def _draw(ax: Any, rows: list[Row], edges: Array, note_titles: tuple[str, ...], xlabel: str) -> Any:
    """Draw a histogram for each row, the first at the top, with the notes in columns at the right."""
    ax = axes_or_new(ax, (6.4, 1.2 + 0.5 * len(rows)))
    for i, row in enumerate(rows):
        _draw_histogram(ax, i, row.values, edges)
    for column, title in enumerate(note_titles):
        notes = [row.notes[column] for row in rows]
        if any(notes):
            _write_column(ax, 40 + 60 * column, [title, *notes])
    ax.set_yticks(range(len(rows)), [row.name for row in rows])
    ax.set(ylim=(len(rows) - 0.85, -1.0), xlabel=xlabel)
    ax.grid(axis="x", alpha=0.3)
    for side in ("top", "left", "right"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="y", length=0)
    return ax


def _draw_histogram(ax: Any, i: int, values: Array, edges: Array) -> None:
    """Draw the histogram of row i, with a mark at the median."""
    count = np.histogram(values, edges)[0]
    height = 0.85 * count / (count.max() or 1)
    style = {"color": COLORS[0], "zorder": 2 + i}
    ax.stairs(i - height, edges, baseline=i, fill=True, alpha=0.35, **style)
    ax.stairs(i - height, edges, baseline=i, linewidth=0.9, **style)
    if values.size:
        ax.plot([np.median(values)] * 2, [i, i - 0.3], color=COLORS[1], linewidth=1.5, zorder=2 + i)


def _write_column(ax: Any, x: float, texts: list[str]) -> None:
    """Write texts x points to the right of the axes: a title, and one for each row."""
    place: dict[str, Any] = {"xycoords": ax.get_yaxis_transform(), "textcoords": "offset points", "xytext": (x, 0)}
    for i, text in enumerate(texts, start=-1):
        if text:
            ax.annotate(text, (1, i), annotation_clip=False, ha="right", va="bottom", fontsize=8, **place)
