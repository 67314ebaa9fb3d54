"""Permutation importance: how much worse a network predicts without the information in one feature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.callbacks import Monitor
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.inspect.twins import require_network
from nnlite.network.examples import Examples
from nnlite.network.network import Network
from nnlite.plots.axes import axes_or_new
from nnlite.plots.style import COLORS, GRAY

MOST_SHOWN = 20  # features in the text and in the picture


class PermutationImportance:
    """What `permutation_importance` returns; ``print`` shows a table, ``plot()`` draws it.

    Attributes
    ----------
    importances : ndarray, (n_features, n_repeats)
        How much worse the score was in each repeat.
    importances_mean, importances_std : ndarray, (n_features,)
        Mean and standard deviation over the repeats.
    score : float
        The score without a permutation.
    metric : str
        What was measured.
    feature_names : tuple of str

    Examples
    --------
    >>> import nnlite as nn
    >>> importance = nn.PermutationImportance([[0.4, 0.6], [0.0, 0.0]], 0.9, "accuracy", ["length", "width"])
    >>> importance.importances_mean
    array([0.5, 0. ])
    >>> print(importance)
    accuracy 0.9; how much worse without each feature (mean and standard deviation of 2 repeats):
      length  0.5  +- 0.1
      width     0  +- 0
    """

    def __init__(self, importances: Any, score: float, metric: str, feature_names: Sequence[str]) -> None:
        self.importances: Array = np.asarray(importances, np.float64)
        self.importances_mean: Array = self.importances.mean(axis=1)
        self.importances_std: Array = self.importances.std(axis=1)
        self.score = score
        self.metric = metric
        self.feature_names = tuple(feature_names)

    @property
    def order(self) -> Array:
        """Positions of the features, the most important first."""
        return np.argsort(-self.importances_mean, kind="stable")

    def __repr__(self) -> str:
        n, repeats = self.importances.shape
        first = self.feature_names[self.order[0]]
        return f"<PermutationImportance of {n} features, {repeats} repeats: {first!r} is the most important>"

    def __str__(self) -> str:
        shown = self.order[:MOST_SHOWN]
        rows = [
            (self.feature_names[j], f"{self.importances_mean[j]:.3g}", f"{self.importances_std[j]:.2g}") for j in shown
        ]
        name, mean = (max(len(row[i]) for row in rows) for i in (0, 1))
        lines = [f"  {a:<{name}}  {b:>{mean}}  +- {c}" for a, b, c in rows]
        if len(self.order) > MOST_SHOWN:
            lines.append(f"  ... and {len(self.order) - MOST_SHOWN} more")
        head = (
            f"{self.metric} {self.score:.4g}; how much worse without each feature "
            f"(mean and standard deviation of {self.importances.shape[1]} repeats):"
        )
        return "\n".join([head, *lines])

    def plot(self, ax: Any = None) -> Any:
        """Draw the mean of each feature as a bar and its standard deviation as a line, for up to 20 features.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. By default a new figure.

        Returns
        -------
        Axes

        Raises
        ------
        ArgumentError
            If ``ax`` is not Axes.
        """
        shown = self.order[:MOST_SHOWN][::-1]
        ax = axes_or_new(ax, (5, 1.2 + 0.26 * len(shown)))
        style = {"color": COLORS[5], "ecolor": GRAY, "error_kw": {"linewidth": 1}}
        ax.barh(range(len(shown)), self.importances_mean[shown], xerr=self.importances_std[shown], **style)
        ax.set_yticks(range(len(shown)), [self.feature_names[j] for j in shown])
        ax.axvline(0, color=GRAY, linewidth=0.8)
        ax.set_xlabel(f"how much worse: {self.metric}")
        return ax


def permutation_importance(
    model: Network,
    X: Any,
    y: Any = None,
    *,
    metric: str | Callable[..., Any] | None = None,
    n_repeats: int = 5,
    feature_names: Sequence[str] | None = None,
    seed: int | None = 0,
) -> PermutationImportance:
    r"""``importance_j = score(X) - mean_r score(X with column j permuted)``: how much the network relies on a feature.

    Permuting a column breaks its relation to the target and keeps its distribution. For a metric of which less is
    better, such as the loss, the sign is turned: a large importance always means that the feature matters.

    Parameters
    ----------
    model : Model
        Trained.
    X : Table, data frame or array_like, (M, n[0])
        Examples, best those that the network was not trained with; M is at least 2. The columns of a table are permuted
        as they are, before they are encoded.
    y : array_like, (M,) or (M, n[L]), optional
        Their targets; a table with a target has them.
    metric : str or callable, optional
        "loss", a name from `nnlite.metrics`, or a function of (y, Y_hat) of which more is better. By default
        "accuracy" for a classifier, "r2" for values.
    n_repeats : int, default 5
        How often each column is permuted, at least 1. The spread over the repeats tells differences from chance.
    feature_names : sequence of str, optional
        A name for each column. By default those of the table, or "x0", "x1", ...
    seed : int or None, default 0
        Seed of the permutations. None draws others on each call.

    Returns
    -------
    PermutationImportance

    Raises
    ------
    ArgumentError
        If X or y does not fit the network, or an argument has a wrong value.
    NotBuiltError
        If the network has no parameters yet.

    Notes
    -----
    It predicts ``n_features n_repeats`` times. Of two features that say the same, each may look unimportant, because
    the network still has the other one.

    References
    ----------
    L. Breiman, "Random forests", 2001, section 10; A. Fisher, C. Rudin and F. Dominici, "All models are wrong, but many
    are useful", 2019 (for any model).

    Examples
    --------
    >>> import nnlite as nn
    >>> iris = nn.load_iris()
    >>> model = nn.Model([nn.Dense(16), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)
    >>> history = model.fit(iris.X_train, iris.y_train, epochs=50, batch_size=16, progress=False)
    >>> found = nn.permutation_importance(model, iris.X_test, iris.y_test, feature_names=iris.feature_names)
    >>> found.feature_names[found.order[0]].startswith("petal")
    True
    """
    model = require_network(model)
    n_repeats = checks.integer("n_repeats", n_repeats)
    seed = None if seed is None else checks.integer("seed", seed, minimum=0)
    key = _metric(model, metric)
    model.theta  # noqa: B018  raises NotBuiltError
    examples = model.signature.check(X, y)
    if examples.size < 2:
        raise ArgumentError(f"X: expected at least 2 examples to permute, got {examples.size}")
    groups = _groups(model, examples.X)
    names = [*groups] if feature_names is None else _checked_names(feature_names, len(groups))
    sign = Monitor(key).sign if isinstance(key, str) else -1
    rng = np.random.default_rng(seed)
    whole = _score(model, examples, key)
    importances = np.empty((len(names), n_repeats))
    numbers = examples.X.reshape(examples.size, -1)
    permuted = np.array(numbers)
    for j, group in enumerate(groups.values()):
        for repeat in range(n_repeats):
            permuted[:, group] = numbers[rng.permutation(examples.size), group]
            worse = _score(model, examples._replace(X=permuted.reshape(examples.X.shape)), key)
            importances[j, repeat] = sign * (worse - whole)
        permuted[:, group] = numbers[:, group]
    return PermutationImportance(importances, whole, key if isinstance(key, str) else _name(key), names)


def _groups(model: Network, X: Array) -> dict[str, slice]:
    """Return which numbers of an example belong together, by name: those that a column of a table became."""
    if model.encoding is None:
        return {f"x{j}": slice(j, j + 1) for j in range(int(np.prod(X.shape[1:])))}
    groups, start = {}, 0
    for column in model.encoding.columns:
        stop = start + len(column.feature_names)
        groups[column.name] = slice(start, stop)
        start = stop
    return groups


def _score(model: Network, examples: Examples, key: Any) -> float:
    resolved = model.resolve_metrics([] if key in ("loss", "accuracy") else [key])
    found = model.evaluate_examples(examples, resolved, engine="auto")
    return found[key if isinstance(key, str) else [*found][-1]]


def _metric(model: Network, metric: Any) -> str | Callable[..., Any]:
    """Return the name of the metric, or the user's function."""
    classifies = model.output.classifies
    if metric is None:
        return "accuracy" if classifies else "r2"
    if metric != "loss" and not (metric == "accuracy" and classifies):
        model.resolve_metrics([metric])  # raises ArgumentError
    return metric  # type: ignore[no-any-return]


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", "metric"))


def _checked_names(feature_names: Any, n: int) -> list[str]:
    if isinstance(feature_names, str) or not isinstance(feature_names, (Sequence, np.ndarray)):
        raise ArgumentError(f"feature_names: expected a name for each of the {n} features, got {feature_names!r}")
    if len(feature_names) != n:
        raise ArgumentError(f"feature_names: expected {n}, one for each feature, got {len(feature_names)}")
    return [str(name) for name in feature_names]
