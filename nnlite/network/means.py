"""Running means of loss, accuracy and metrics over the batches that go through a network."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Output, Sigmoid
from nnlite.metrics import resolve
from nnlite.network.knowledge import TargetScale

Metrics = Sequence[tuple[str, Callable[..., Any]]]


class RunningMeans:
    """Running means over batches: the loss weighted, the accuracy and the metrics not.

    Parameters
    ----------
    output : Output
        Counts the correct predictions.
    metrics : sequence of (str, callable), optional
        They need all targets and all Y_hat at once, which are kept only if there are metrics.
    scale : TargetScale, optional
        Metrics get Y_hat in the units of the target.
    """

    def __init__(self, output: Output, metrics: Metrics = (), scale: TargetScale | None = None) -> None:
        self.output = output
        self.metrics = metrics
        self.scale = scale
        self.reset()

    def reset(self) -> None:
        """Start again with no examples."""
        self.n_examples = 0
        self.loss = self.weight = self.n_correct = 0.0
        self._y: list[Array] = []
        self._Y_hat: list[Array] = []

    def add(self, J: float, y: Array, Y_hat: Array, weights: Array | None = None) -> None:
        """Add a batch: its mean loss J, its checked targets, Y_hat (M, n[L]) and the weights of its examples."""
        M = len(Y_hat)
        n_correct = self.output.n_correct(y, Y_hat) if self.output.classifies else 0
        self.add_sums(J, M, M if weights is None else float(weights.sum()), n_correct)
        if self.metrics:
            self.keep(y, Y_hat)

    def add_sums(self, J: float, n_examples: int, weight: float, n_correct: float) -> None:
        """Add a batch of ``n_examples`` with that sum of weights."""
        self.n_examples += n_examples
        self.loss += J * weight
        self.weight += weight
        self.n_correct += n_correct

    def add_several(self, J: Array, n_examples: Array, weights: Array, n_correct: Array) -> None:
        """Add several batches, one after the other: an entry of each array belongs to a batch."""
        self.n_examples += int(n_examples.sum())
        self.loss = _running_sum(self.loss, J * weights)
        self.weight = _running_sum(self.weight, weights)
        self.n_correct = _running_sum(self.n_correct, n_correct)

    def keep(self, y: Array, Y_hat: Array) -> None:
        """Keep the targets and Y_hat of a batch, for the metrics."""
        self._y.append(y.copy())
        self._Y_hat.append(Y_hat.copy() if self.scale is None else self.scale.outside(Y_hat))

    def values(self) -> dict[str, float]:
        """Return the means so far: ``loss``, for classifiers ``accuracy``, and the metrics by name."""
        values = {"loss": self.loss / self.weight if self.weight else math.nan}
        if self.output.classifies:
            values["accuracy"] = self.n_correct / self.n_examples if self.n_examples else math.nan
        if self.metrics:
            y, Y_hat = _joined(self._y), np.concatenate(self._Y_hat)
            for key, function in self.metrics:
                values[key] = as_number(key, function(y, Y_hat))
        return values

    def get_state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {
            "sums": (self.loss, self.weight, self.n_examples, self.n_correct),
            "y": _joined(self._y) if self._y else None,
            "Y_hat": np.concatenate(self._Y_hat) if self._Y_hat else None,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore the state returned by `get_state`."""
        self.loss, self.weight, self.n_examples, self.n_correct = state["sums"]
        self._y, self._Y_hat = ([] if state[name] is None else [state[name]] for name in ("y", "Y_hat"))


def _running_sum(start: float, values: Array) -> float:
    """Add the values in their order, so that it does not matter between which of them a training was interrupted."""
    return float(np.add.accumulate(np.concatenate([[start], values]))[-1])


def _joined(targets: Sequence[Array]) -> Array:
    """Join the targets of all batches; as rows, if some batches have class indices and others rows."""
    if len({y.ndim for y in targets}) == 1:
        return np.concatenate(targets)
    units = next(y.shape[1] for y in targets if y.ndim > 1)
    return np.concatenate([np.eye(units)[y] if y.ndim == 1 else y for y in targets])


def resolve_metrics(metrics: Any, output: Output, units: int | None) -> list[tuple[str, Callable[..., Any]]]:
    """Return (key, function) for each of ``metrics`` (names or functions), without accuracy, which is always reported.

    ``units`` is the number of output units, if it is known.
    """
    if isinstance(metrics, str) or not isinstance(metrics, Sequence):
        raise ArgumentError(f"metrics: expected a list of names or functions, got {metrics!r}")
    several_labels = isinstance(output, Sigmoid) and (None if units is None else units > 1)
    resolved = [resolve(metric, output.classifies, several_labels) for metric in metrics]
    keys = [key for key, _ in resolved]
    for key in keys:
        if keys.count(key) > 1:
            raise ArgumentError(f"metrics: {key!r} occurs twice; give each function a name of its own")
    return [(key, function) for key, function in resolved if not (key == "accuracy" and output.classifies)]


def with_rmse(metrics: Metrics, scale: TargetScale | None) -> Metrics:
    """Return the metrics, with the root mean squared error first if the target is standardized inside the network."""
    if scale is None or any(key == "rmse" for key, _ in metrics):
        return metrics
    return [resolve("rmse", classifies=False), *metrics]


def as_number(key: str, value: Any) -> float:
    """Return what a metric returned as a float; ArgumentError for anything but a number."""
    if isinstance(value, (str, bytes)) or getattr(value, "ndim", 0) != 0:
        got = f"an array of shape {value.shape}" if hasattr(value, "shape") else repr(value)
        raise ArgumentError(f"metrics: {key} must give a number, got {got}")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"metrics: {key} must give a number, got {value!r}") from None
