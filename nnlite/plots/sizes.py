"""Learning curves by the number of training examples, which tell whether more examples would help."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.network.network import Network
from nnlite.plots.axes import axes_or_new
from nnlite.plots.names import quantity_name
from nnlite.plots.style import BAND, TRAINING, VALIDATION
from nnlite.splits import stratified_split


class ScoresBySize(NamedTuple):
    """Scores of networks that were trained with different numbers of examples.

    Draw them with `learning_curve_by_size`.

    Attributes
    ----------
    sizes : ndarray of int, (n_sizes,)
        Numbers of training examples, in ascending order.
    training, validation : ndarray, (n_sizes, repeats)
        Scores on the training examples and on the held-out ones.
    score : str
        Name of the score.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> training, validation = np.array([[0.99], [0.98]]), np.array([[0.8], [0.85]])
    >>> scores = nn.plots.ScoresBySize(np.array([100, 200]), training, validation, "accuracy")
    >>> scores.validation.mean(axis=1)
    array([0.8 , 0.85])
    """

    sizes: Array
    training: Array
    validation: Array
    score: str = "score"


def scores_by_size(
    model: Network | Callable[[int], Network],
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
    """Train networks with more and more examples and score each on its training examples and on held-out ones.

    Parameters
    ----------
    model : Model or callable
        An untrained network: copies of it are trained, and it is not changed. Or a function that takes a seed and
        returns a network; it is called with ``seed``, ``seed + 1``, ..., one seed for each repeat.
    X : array_like, (M, n[0])
    y : array_like, (M,) or (M, n[L])
    sizes : sequence of float or of int
        Numbers of training examples: fractions of the examples that are not held out, above 0 and at most 1; or
        integers.
    repeats : int, default 3
        How often to train with each size, each time with other examples. Within a repeat, a larger size contains the
        examples of the smaller ones.
    validation_data : (X, y), optional
        The held-out examples. By default a part of X and y.
    validation_split : float, default 0.2
        The fraction of X and y to hold out, above 0 and below 1; the same for each class.
    score : str, optional
        "loss", "accuracy" or the name of one of `nnlite.metrics`. By default accuracy, or R2 for regression.
    seed : int, default 0
        Decides which examples are held out, and the order in which the others are used.
    **fit_options
        Options of `Model.fit`, such as ``optimizer``, ``epochs`` or ``batch_size``. If there are callbacks, each
        training gets copies of them and the validation data.

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
    >>> scores = nn.plots.scores_by_size(model, iris.X_train, iris.y_train, sizes=[12, 96], repeats=2, epochs=5)
    >>> scores.sizes, scores.validation.shape, scores.score
    (array([12, 96]), (2, 2), 'accuracy')
    """
    X, y = _check_labelled(X, y)
    repeats, seed = checks.integer("repeats", repeats), checks.integer("seed", seed, minimum=0)
    make = _network_maker(model)
    classifies = make(seed).output.classifies
    score = _check_score(score, classifies)
    rng = np.random.default_rng(seed)
    pool, validation_data = _hold_out(X, y, validation_data, validation_split, rng, by_class=classifies)
    counts = _check_sizes(sizes, len(pool))
    training, validation = np.empty((2, len(counts), repeats))
    for j in range(repeats):
        order = rng.permutation(pool)
        for i, n in enumerate(counts):
            network, rows = make(seed + j), order[:n]
            _fit(network, X[rows], y[rows], validation_data, fit_options)
            training[i, j] = _score(network, X[rows], y[rows], score)
            validation[i, j] = _score(network, validation_data[0], validation_data[1], score)
    return ScoresBySize(counts, training, validation, score)


def learning_curve_by_size(scores: Any, ax: Any = None) -> Any:
    """Draw the scores on training and on held-out examples over the number of training examples.

    If the two lines still approach each other at the right end, more examples would help. If they have met, a larger
    network may help.

    Parameters
    ----------
    scores : ScoresBySize or (sizes, training, validation)
        The result of `scores_by_size`. Or sizes (n,) and scores (n,) or (n, repeats), as scikit-learn's
        ``learning_curve`` returns them. With repeats, the line is the median and the band goes from the smallest to
        the largest.
    ax : matplotlib Axes, optional
        Where to draw. By default a new figure.

    Returns
    -------
    Axes
        The Axes with the picture.

    Raises
    ------
    ArgumentError
        If the shapes do not fit, or ``ax`` is not matplotlib Axes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import nnlite as nn
    >>> ax = nn.plots.learning_curve_by_size(([100, 200], [1.0, 0.98], [0.8, 0.9]), Figure().subplots())
    >>> ax.get_xlabel()
    'training examples'
    """
    sizes, training, validation, score = _check_scores(scores)
    order = np.argsort(sizes)
    ax = axes_or_new(ax)
    for label, values, marker, style in (
        ("training", training[order], "o", TRAINING),
        ("validation", validation[order], "s", VALIDATION),
    ):
        ax.plot(sizes[order], np.median(values, axis=1), label=label, marker=marker, **style)
        if values.shape[1] > 1:
            ax.fill_between(sizes[order], values.min(axis=1), values.max(axis=1), color=style["color"], **BAND)
    ax.set_xlabel("training examples")
    ax.set_ylabel(quantity_name(score))
    ax.grid(alpha=0.3)
    ax.legend()
    return ax


# ---- what is trained, and with what -------------------------------------------------------------------------------


def _check_labelled(X: Any, y: Any) -> tuple[Array, Array]:
    X, y = checks.numeric_array("X", X), checks.numeric_array("y", y)
    if X.ndim < 2 or y.ndim < 1 or len(X) != len(y) or len(X) < 2:
        raise ArgumentError(f"X: expected an example for each of at least 2 labels, got shapes {X.shape}, {y.shape}")
    return X, y


def _check_score(score: Any, classifies: bool) -> str:
    if score is None:
        return "accuracy" if classifies else "r2"
    if not isinstance(score, str):
        raise ArgumentError(f"score: expected 'loss', or the name of a metric such as 'f1', got {score!r}")
    return score


def _network_maker(model: Any) -> Callable[[int], Network]:
    """Return a function that takes a seed and returns a new network: the given one, or one that copies ``model``."""
    if isinstance(model, Network):
        return lambda seed: model.copy()
    if not callable(model) or isinstance(model, type):
        raise ArgumentError(f"model: expected a Model, or a function of a seed that makes one, got {model!r}")

    def make(seed: int) -> Network:
        made = model(seed)
        if not isinstance(made, Network):
            raise ArgumentError(f"model: expected a function that makes a Model, but model({seed}) gave {made!r}")
        return made

    return make


def _hold_out(
    X: Array, y: Array, validation_data: Any, fraction: float, rng: np.random.Generator, *, by_class: bool
) -> tuple[Array, Sequence[Any]]:
    """Return the indices of the examples to train with, and the validation data."""
    if validation_data is None:
        has_classes = by_class and y.ndim == 1 and y.dtype.kind in "iu"
        classes = y if has_classes else np.zeros(len(y), np.intp)
        pool, held_out = stratified_split(classes, fraction, rng, name="validation_split")
        return pool, (X[held_out], y[held_out])
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
        raise ArgumentError(f"validation_data: expected (X, y), got {validation_data!r:.100}")
    return np.arange(len(X)), validation_data


def _check_sizes(sizes: Any, n_available: int) -> Array:
    """Return ``sizes`` as different numbers of examples in ascending order."""
    array = checks.numeric_array("sizes", sizes)
    if array.ndim != 1 or not array.size:
        raise ArgumentError(f"sizes: expected a list of fractions or of numbers of examples, got {sizes!r}")
    if array.dtype.kind == "f":
        if not (array.min() > 0 and array.max() <= 1):
            raise ArgumentError(f"sizes: expected fractions above 0 and at most 1, or integers, got {sizes!r}")
        array = np.maximum(1, np.round(array * n_available)).astype(np.intp)
    if array.dtype.kind == "b" or array.min() < 1 or array.max() > n_available:
        raise ArgumentError(
            f"sizes: expected integers in 1..{n_available}, the number of examples that are not held out, got {sizes!r}"
        )
    return np.unique(array).astype(np.intp)


def _fit(network: Any, X: Array, y: Array, validation_data: Sequence[Any], options: dict[str, Any]) -> None:
    """Train with copies of the callbacks, because callbacks remember what they have seen."""
    extra: dict[str, Any] = {}
    if options.get("callbacks"):
        extra = {"callbacks": copy.deepcopy(options["callbacks"]), "validation_data": validation_data}
    network.fit(X, y, **{"progress": False} | options | extra)


def _score(network: Network, X: Any, y: Any, score: str) -> float:
    always_there = ("loss", "accuracy") if network.output.classifies else ("loss",)
    return network.evaluate(X, y, metrics=() if score in always_there else (score,))[score]


# ---- what is drawn ------------------------------------------------------------------------------------------------


def _check_scores(scores: Any) -> tuple[Array, Array, Array, str]:
    """Return sizes (n,), training and validation scores (n, repeats), and the name of the score."""
    if not isinstance(scores, (tuple, list)) or len(scores) not in (3, 4):
        raise ArgumentError(
            "scores: expected (sizes, training scores, validation scores), as scores_by_size returns them, "
            f"got {type(scores).__name__}"
        )
    sizes, training, validation = map(_rows, ("sizes", "training", "validation"), scores[:3])
    if sizes.shape[1] != 1:
        raise ArgumentError(f"scores: expected sizes of shape (n,), got {sizes.shape}")
    for name, rows in (("training", training), ("validation", validation)):
        if len(rows) != len(sizes):
            raise ArgumentError(
                f"scores: expected {name} scores for each of {len(sizes)} sizes, got scores for {len(rows)}"
            )
    return sizes[:, 0], training, validation, scores[3] if len(scores) == 4 else "score"


def _rows(name: str, values: Any) -> Array:
    """Return ``values`` (n,) or (n, repeats) as (n, repeats)."""
    array = checks.numeric_array(name, values)
    if array.ndim not in (1, 2) or not array.size:
        raise ArgumentError(f"scores: expected {name} of shape (n,) or (n, repeats), got {array.shape}")
    return array[:, None] if array.ndim == 1 else array
