"""Metrics by name: look up what ``fit(metrics=[...])`` and ``evaluate(metrics=[...])`` ask for."""

import difflib
import functools
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.metrics.classification import accuracy, confusion_matrix, top_k_accuracy
from nnlite.metrics.precision_recall import f1, precision, recall
from nnlite.metrics.probabilities import expected_calibration_error, log_loss
from nnlite.metrics.ranking import roc_auc
from nnlite.metrics.regression import mae, mse, r2, rmse

Metric = Callable[..., Any]

METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "top_k_accuracy": top_k_accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    **{
        f"{name}_{average}": functools.partial(metric, average=average)
        for name, metric in (("precision", precision), ("recall", recall), ("f1", f1))
        for average in ("macro", "micro", "weighted")
    },
    "log_loss": log_loss,
    "roc_auc": roc_auc,
    "expected_calibration_error": expected_calibration_error,
    "ece": expected_calibration_error,
    "r2": r2,
    "mae": mae,
    "mse": mse,
    "rmse": rmse,
}
"""The metrics by name. "top_3_accuracy" and the like are understood as well, for any k."""

_OF_VALUES = (r2, mae, mse, rmse)
_RESERVED = ("loss", "learning_rate", "seconds")  # keys of the history that are not metrics


class NetworkMetric:
    """A metric of this package, called for a network: NaN instead of an error where Y_hat is not finite.

    So a training that diverges can report its metrics until it stops.
    """

    def __init__(self, function: Metric) -> None:
        self.function = function

    def __call__(self, y: Array, Y_hat: Array) -> Any:
        """Return ``function(y, Y_hat)``."""
        return self.function(y, Y_hat) if np.isfinite(Y_hat).all() else math.nan


def resolve(metric: Any, classifies: bool, multi_label: bool | None = None) -> tuple[str, Metric]:
    """Look up a metric that a user asked for.

    Parameters
    ----------
    metric : str or callable
        A name from `METRICS`, or "top_3_accuracy" and the like; or a function of (y, Y_hat). A function is
        recorded under its ``__name__``, a lambda as "metric", a `functools.partial` under the name of its function.
    classifies : bool
        Whether the network is a classifier.
    multi_label : bool, optional
        Whether the outputs are labels that do not exclude one another. If None, the sums of the rows decide.

    Returns
    -------
    key : str
        The key of the metric in the history.
    function : callable
        Called as ``function(y, Y_hat)``. A metric of this package becomes a `NetworkMetric`.

    Raises
    ------
    ArgumentError
        If the metric does not exist or is not for this kind of network, or its key is reserved.

    Examples
    --------
    >>> key, function = resolve("top_3_accuracy", classifies=True)
    >>> key, function([0, 3], [[0.4, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1]])
    ('top_3_accuracy', 0.5)
    """
    function = _find(metric) if isinstance(metric, str) else metric
    if not callable(function) or isinstance(function, type):
        raise _unknown(metric, classifies)
    plain = _unwrap(function)
    key = metric if isinstance(metric, str) else _name(plain)
    if not any(plain is own for own in (*map(_unwrap, METRICS.values()), confusion_matrix)):
        if key in _RESERVED or key.startswith("val_") or (key == "accuracy" and classifies):
            raise ArgumentError(f"metrics: {key!r} is a key of the history itself; give the function another name")
        return key, function
    if _is_of_values(plain) == classifies:
        kinds = "values, and this network classifies" if classifies else "classes, and this network gives values"
        raise ArgumentError(f"metrics: {key!r} is for {kinds}; choose from {_choices(classifies)}")
    return key, NetworkMetric(functools.partial(function, multi_label=multi_label) if classifies else function)


def try_out(function: Metric, y: Array, units: int) -> Any:
    """Compute a resolved metric before the training, for targets ``y`` and equal outputs of ``units`` units.

    So a metric that can never work (the top 5 of 3 classes) is refused before the first epoch. A user's own function
    is not called; the result is then NaN.
    """
    return function(y, np.full((len(y), units), 1 / units)) if isinstance(function, NetworkMetric) else math.nan


def _find(name: str) -> Metric | None:
    if found := re.fullmatch(r"top_([1-9][0-9]{0,8})_accuracy", name):
        return functools.partial(top_k_accuracy, k=int(found[1]))
    return METRICS.get(name)


def _unwrap(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _name(function: Any) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return "metric" if name == "<lambda>" else str(name)


def _is_of_values(metric: Metric) -> bool:
    return any(metric is own for own in _OF_VALUES)


def _unknown(metric: Any, classifies: bool) -> ArgumentError:
    typed = re.sub(r"[\s-]+", "_", str(metric).strip().lower())
    near = difflib.get_close_matches(typed, _suitable(classifies), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return ArgumentError(
        f"metrics: there is no {metric!r}; choose from {_choices(classifies)}, or give a function of (y, Y_hat){hint}"
    )


def _choices(classifies: bool) -> str:
    names = ", ".join(_suitable(classifies))
    return names.replace("top_k_accuracy", "top_k_accuracy (k = 5; top_3_accuracy and the like)")


def _suitable(classifies: bool) -> list[str]:
    return [name for name, metric in METRICS.items() if _is_of_values(metric) != classifies]
