"""How good a network becomes with so many examples: would more of them help?"""

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.plots.style import TRAINING, VALIDATION, check_ax, own_or_new
from nnlite.splits import stratified_split

if TYPE_CHECKING:
    from nnlite.model import Model


class ScoresBySize(NamedTuple):
    """Scores of networks that were trained with so many examples, as `learning_curve_by_size` draws them.

    Attributes
    ----------
    sizes : ndarray of int, (n_sizes,)
        Numbers of training examples.
    training, validation : ndarray, (n_sizes, repeats)
        The score on the examples that were learned from, and on those held out.
    score : str
        What it is.
    """

    sizes: Array
    training: Array
    validation: Array
    score: str = "score"


def scores_by_size(
    model: "Model | Callable[[int], Model]",
    X: Any,
    y: Any,
    *,
    sizes: Sequence[float] = (0.1, 0.325, 0.55, 0.775, 1.0),
    repeats: int = 3,
    validation_data: Sequence[Any] | None = None,
    validation_split: float = 0.2,
    score: str | None = None,
    seed: int = 0,
    **fit_options: Any,
) -> ScoresBySize:
    """Train again and again, with more examples each time, and evaluate on those learned from and on those held out.

    Parameters
    ----------
    model : Model or callable
        An untrained network, of which copies are trained while it stays as it is; or a function of a seed that makes
        one, called with ``seed``, ``seed + 1``, ... for each repeat.
    X : array_like, (M, n[0])
    y : array_like, (M,) or (M, n[L])
    sizes : sequence of float or of int
        How many examples to train with: fractions of those that are not held out, above 0 and at most 1; or numbers of
        them, as integers.
    repeats : int, default 3
        How often, each time with other examples (of a larger size, those of the smaller and some more).
    validation_data : (X, y), optional
        What to evaluate on. By default examples are held out.
    validation_split : float, default 0.2
        Which fraction of them; of each class its share.
    score : str, optional
        "loss", "accuracy" or the name of one of `nnlite.metrics`; by default the accuracy, for regression R2.
    seed : int, default 0
        Decides which examples are held out and in which order the others are taken.
    **fit_options
        Of `Model.fit`: optimizer, epochs, batch_size, ... Callbacks find the validation data, and are copied for each
        training.

    Returns
    -------
    ScoresBySize
        Draw it with `learning_curve_by_size`.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.

    Examples
    --------
    >>> import nnlite as nn
    >>> iris = nn.load_iris()
    >>> model = nn.Model([nn.Dense(8), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)
    >>> scores = scores_by_size(model, iris.X_train, iris.y_train, sizes=[12, 96], repeats=2, epochs=5)
    >>> scores.sizes, scores.validation.shape, scores.score
    (array([12, 96]), (2, 2), 'accuracy')
    """
    X, y = checks.numeric_array("X", X), checks.numeric_array("y", y)
    if X.ndim < 2 or y.ndim < 1 or len(X) != len(y) or len(X) < 2:
        raise ArgumentError(f"X: expected an example for each of at least 2 labels, got shapes {X.shape}, {y.shape}")
    repeats, seed = checks.integer("repeats", repeats), checks.integer("seed", seed, minimum=0)
    make = _maker(model)
    classifies = make(seed).output.classifies
    metric = score or ("accuracy" if classifies else "r2")
    rng = np.random.default_rng(seed)
    if validation_data is None:
        classes = y if classifies and y.ndim == 1 and y.dtype.kind in "iu" else np.zeros(len(y), np.intp)
        pool, held_out = stratified_split(classes, validation_split, rng, name="validation_split")
        validation_data = (X[held_out], y[held_out])
    else:
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
            raise ArgumentError(f"validation_data: expected (X, y), got {validation_data!r:.100}")
        pool = np.arange(len(X))
    if score is not None and not isinstance(score, str):
        raise ArgumentError(f"score: expected 'loss', or the name of a metric such as 'f1', got {score!r}")
    counts = _counts(sizes, len(pool))
    training, validation = np.empty((2, len(counts), repeats))
    for j in range(repeats):
        order = rng.permutation(pool)
        for i, n in enumerate(counts):
            network, learned = make(seed + j), order[:n]
            _fit(network, X[learned], y[learned], validation_data, fit_options)
            training[i, j] = _score(network, X[learned], y[learned], metric)
            validation[i, j] = _score(network, validation_data[0], validation_data[1], metric)
    return ScoresBySize(counts, training, validation, metric)


def learning_curve_by_size(scores: Any, ax: Any = None) -> Any:
    """Draw the score over the number of training examples, on those and on held-out ones.

    Where the two lines still approach each other, more examples would help; where they have met, a larger network may.

    Parameters
    ----------
    scores : ScoresBySize or (sizes, training, validation)
        From `scores_by_size`; or sizes (n,) and scores (n,), or (n, repeats) of several trainings each, as
        scikit-learn's ``learning_curve`` returns them. Of several the median is drawn, within a band from the smallest
        to the largest.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.

    Returns
    -------
    Axes
        That was drawn on.

    Raises
    ------
    ArgumentError
        If the shapes do not fit, or ``ax`` are no Axes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = learning_curve_by_size(([100, 200], [1.0, 0.98], [0.8, 0.9]), Figure().subplots())
    >>> ax.get_xlabel()
    'training examples'
    """
    if not isinstance(scores, (tuple, list)) or len(scores) not in (3, 4):
        raise ArgumentError(
            "scores: expected (sizes, training scores, validation scores), such as scores_by_size gives, "
            f"got {type(scores).__name__}"
        )
    sizes = _rows("sizes", scores[0])
    lines = [_rows(name, values) for name, values in (("training", scores[1]), ("validation", scores[2]))]
    for name, line in (("sizes", sizes), ("training", lines[0]), ("validation", lines[1])):
        if len(line) != len(sizes) or (name == "sizes" and line.shape[1] != 1):
            raise ArgumentError(f"scores: expected as many {name} as sizes, got shape {line.shape}")
    check_ax(ax)
    ax = own_or_new(ax)
    order = np.argsort(sizes[:, 0])
    x = sizes[order, 0]
    for line, part, style in zip(lines, ("training", "validation"), (TRAINING, VALIDATION), strict=True):
        values = line[order]
        marker = "o" if part == "training" else "s"
        ax.plot(x, np.median(values, axis=1), label=part, marker=marker, **style)
        if values.shape[1] > 1:
            band = {"color": style["color"], "alpha": 0.15, "linewidth": 0}
            ax.fill_between(x, values.min(axis=1), values.max(axis=1), **band)
    ax.set_xlabel("training examples")
    score = scores[3] if len(scores) == 4 else "score"
    ax.set_ylabel("loss J" if score == "loss" else {"r2": "R2"}.get(score, score.replace("_", " ")))
    ax.grid(alpha=0.3)
    ax.legend()
    return ax


def _maker(model: Any) -> "Callable[[int], Model]":
    """What makes a fresh network for a seed: the user's function, or copies of the user's network."""
    from nnlite.model import Model

    if isinstance(model, Model):
        return lambda seed: model.copy()
    if not callable(model) or isinstance(model, type):
        raise ArgumentError(f"model: expected a Model, or a function of a seed that makes one, got {model!r}")

    def make(seed: int) -> Model:
        made = model(seed)
        if not isinstance(made, Model):
            raise ArgumentError(f"model: expected a function that makes a Model, but model({seed}) gave {made!r}")
        return made

    return make


def _counts(sizes: Any, n_available: int) -> Array:
    """``sizes`` as numbers of examples, each once, in ascending order."""
    array = checks.numeric_array("sizes", sizes)
    if array.ndim != 1 or not array.size:
        raise ArgumentError(f"sizes: expected a list of fractions or of numbers of examples, got {sizes!r}")
    if array.dtype.kind == "f":
        if not (array.min() > 0 and array.max() <= 1):
            raise ArgumentError(f"sizes: expected fractions above 0 and at most 1, or integers, got {sizes!r}")
        array = np.maximum(1, np.round(array * n_available)).astype(np.intp)
    if array.dtype.kind == "b" or array.min() < 1 or array.max() > n_available:
        raise ArgumentError(f"sizes: expected integers in 1..{n_available}, which are not held out, got {sizes!r}")
    return np.unique(array).astype(np.intp)


def _fit(network: "Model", X: Array, y: Array, validation_data: Sequence[Any], options: dict[str, Any]) -> None:
    """Train with callbacks of its own, which remember what they have seen."""
    own: dict[str, Any] = {}
    if options.get("callbacks"):
        own = {"callbacks": copy.deepcopy(options["callbacks"]), "validation_data": validation_data}
    network.fit(X, y, **{"progress": False} | options | own)


def _score(network: "Model", X: Any, y: Any, metric: str) -> float:
    known = ("loss", "accuracy") if network.output.classifies else ("loss",)
    return network.evaluate(X, y, metrics=() if metric in known else (metric,))[metric]


def _rows(name: str, values: Any) -> Array:
    """``values`` (n,) or (n, repeats) as (n, repeats)."""
    array = checks.numeric_array(name, values)
    if array.ndim not in (1, 2) or not array.size:
        raise ArgumentError(f"scores: expected {name} of shape (n,) or (n, repeats), got {array.shape}")
    return array[:, None] if array.ndim == 1 else array
