"""What goes on inside: activations and gradients, layer by layer."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.layers import Cache
from nnlite.network.examples import check_lengths, check_X
from nnlite.plots.inputs import output_units, require_model
from nnlite.plots.style import COLORS, check_ax, chosen_from, own_or_new, short_name

if TYPE_CHECKING:
    from nnlite.model import Model

N_BINS = 80


class Row(NamedTuple):
    """The numbers of one layer, and what is written beside them."""

    name: str
    values: Array
    notes: tuple[str, ...]


def activations(model: "Model", X: Any, *, ax: Any = None, training: bool = False) -> Any:
    r"""Draw the distribution of the outputs a[l] of each layer for a batch, with the share of zeros and dead units.

    A unit is dead for the batch if its output is 0 for every example. Zeros are counted, not drawn, as they would
    hide everything else.

    Parameters
    ----------
    model : Model
        It stays as it is: the batch goes through a copy.
    X : array_like, (M, n[0])
        A batch, of some hundred examples.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    training : bool, default False
        True computes as a training step does, with dropout and statistics of the batch.

    Returns
    -------
    Axes
        That was drawn on: the first layer at the top, each with its own height. Layers that pass on what they get are
        left out.

    Raises
    ------
    ArgumentError
        If X is not what the network takes, or an argument is not what it should be.
    NotBuiltError
        If the network has no parameters yet.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Examples
    --------
    >>> import nnlite as nn
    >>> from matplotlib.figure import Figure
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(32), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=64, seed=0)
    >>> ax = activations(model, digits.X_train[:200], ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['1  Dense(32)', '2  ReLU()', '3  Dense(10)', '4  Softmax()']
    """
    model = require_model(model)
    X = check_X(X, model.input_shape, model.dtype)
    training = checks.boolean("training", training)
    check_ax(ax)
    rows = [_activation_row(name, a) for name, a in _forward(model.copy(), X, training)]
    ax = own_or_new(ax, (6.4, 1.2 + 0.5 * len(rows)))
    low, high = _range([row.values for row in rows])
    _ridges(ax, rows, np.linspace(low, high, N_BINS + 1), ("zero", "dead units"))
    ax.set_xlabel("output a of the layer")
    return ax


def gradients(
    model: "Model", X: Any, y: Any, *, ax: Any = None, names: Sequence[str] | None = None, sample_weight: Any = None
) -> Any:
    r"""Draw the distribution of the sizes ``|dJ/dW|`` of each layer's gradient for a batch, on a logarithmic scale.

    Gradients that vanish move to the left from the last layer to the first; those that explode, to the right.

    Parameters
    ----------
    model : Model
        It stays as it is: the batch goes through a copy.
    X : array_like, (M, n[0])
        A batch.
    y : array_like, (M,) or (M, n[L])
        What its examples are.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.
    names : sequence of str, optional
        Which of ``model.gradients``; by default those of the weights, dW1, dW2, ...
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0.

    Returns
    -------
    Axes
        That was drawn on: the first layer at the top, each with its own height.

    Raises
    ------
    ArgumentError
        If the batch is not what the network takes, or an argument is not what it should be.
    NotBuiltError
        If the network has no parameters yet.

    References
    ----------
    S. Hochreiter, "Untersuchungen zu dynamischen neuronalen Netzen", 1991. X. Glorot and Y. Bengio, "Understanding the
    difficulty of training deep feedforward neural networks", 2010.

    Examples
    --------
    >>> import nnlite as nn
    >>> from matplotlib.figure import Figure
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(32), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=64, seed=0)
    >>> ax = gradients(model, digits.X_train[:200], digits.y_train[:200], ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['dW1', 'dW2']
    """
    copy = require_model(model).copy()
    X = check_X(X, copy.input_shape, copy.dtype)
    check_lengths(X, copy.output.check_targets(y, output_units(copy)))
    chosen = _check_names(names, copy)
    check_ax(ax)
    copy.forward(X)
    copy.backward(y, sample_weight)
    rows = [_gradient_row(name, copy.gradients[name]) for name in chosen]
    ax = own_or_new(ax, (6.4, 1.2 + 0.5 * len(rows)))
    low, high = _range([np.log10(row.values) for row in rows], all_of_it=True)
    _ridges(ax, rows, np.logspace(low, high, N_BINS + 1), ("zero", "rms"))
    ax.set_xscale("log")
    ax.set_xlabel("size of the gradient |dJ/dW|" if names is None else "size of the gradient |dJ/dtheta|")
    return ax


# ---- the numbers --------------------------------------------------------------------------------------------------


def _forward(model: "Model", X: Array, training: bool) -> Iterator[tuple[str, Array]]:
    """The output of each layer, but for those that only pass on what they get."""
    a = X.astype(model.dtype)
    for number, layer in enumerate(model.layers, start=1):
        before = a.copy()
        a = layer.forward(a, Cache(model.dtype, model.rng if training else None))
        if not np.array_equal(before.ravel(), a.ravel(), equal_nan=True):
            yield f"{number}  {short_name(layer)}", a


def _activation_row(name: str, a: Array) -> Row:
    a = a.reshape(len(a), -1)
    zero = a == 0
    dead = zero.all(axis=0).sum()
    notes = (_percent(zero.mean()), f"{dead} of {a.shape[1]}" if dead else "") if zero.any() else ("", "")
    return Row(name, _drawn(a), (notes[0] + _not_finite(a), notes[1]))


def _gradient_row(name: str, gradient: Array) -> Row:
    size = np.abs(gradient.astype(np.float64))
    zero = (size == 0).mean()
    rms = np.sqrt(np.mean(size**2))
    return Row(name, _drawn(size), ((_percent(zero) if zero else "") + _not_finite(size), f"{rms:.1e}"))


def _drawn(values: Array) -> Array:
    """Those that are finite and not 0."""
    flat = values.ravel().astype(np.float64)
    finite: Array = flat[np.isfinite(flat) & (flat != 0)]
    return finite


def _not_finite(values: Array) -> str:
    return "" if np.isfinite(values).all() else " NaN!"


def _percent(share: float) -> str:
    return "<1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


def _check_names(names: Any, model: "Model") -> list[str]:
    known = list(model.gradients)
    if names is None:
        return [name for name in known if name.startswith("dW")] or known
    chosen = [names] if isinstance(names, str) else names
    if isinstance(chosen, (list, tuple, np.ndarray)):  # "W1" and "dW1" are the same to a reader
        chosen = [f"d{name}" if f"d{name}" in known else name for name in map(str, chosen)]
    return chosen_from(known, chosen, "names")


def _range(values: list[Array], *, all_of_it: bool = False) -> tuple[float, float]:
    """From where to where to draw: but for the farthest thousandth of a layer."""
    ends = [np.quantile(v, (0, 1) if all_of_it else (0.001, 0.999)) for v in values if v.size]
    if not ends:
        return 0.0, 1.0
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


# ---- drawing ------------------------------------------------------------------------------------------------------


def _ridges(ax: Any, rows: list[Row], edges: Array, columns: tuple[str, ...]) -> None:
    """A histogram to each row, the first at the top, with the notes in columns at the right."""
    for i, row in enumerate(rows):
        count = np.histogram(row.values, edges)[0]
        height = 0.85 * count / (count.max() or 1)
        style = {"color": COLORS[0], "zorder": 2 + i}
        ax.stairs(i - height, edges, baseline=i, fill=True, alpha=0.35, **style)
        ax.stairs(i - height, edges, baseline=i, linewidth=0.9, **style)
        if row.values.size:
            ax.plot([np.median(row.values)] * 2, [i, i - 0.3], color=COLORS[1], linewidth=1.5, zorder=2 + i)
    for column, title in enumerate(columns):
        beside: dict[str, Any] = {"xycoords": ax.get_yaxis_transform(), "textcoords": "offset points"}
        beside |= {"xytext": (40 + 60 * column, 0), "ha": "right", "va": "bottom", "fontsize": 8}
        notes = [row.notes[column] for row in rows]
        for i, text in enumerate([title, *notes], start=-1):
            if text and any(notes):
                ax.annotate(text, (1, i), annotation_clip=False, **beside)
    ax.set_yticks(range(len(rows)), [row.name for row in rows])
    ax.set(ylim=(len(rows) - 0.85, -1.0))
    ax.grid(axis="x", alpha=0.3)
    for side in ("top", "left", "right"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="y", length=0)
