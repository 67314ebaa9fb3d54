"""Loss, accuracy and metrics of the examples that go through a network."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Cache, Output

Metrics = Sequence[tuple[str, Callable[..., Any]]]

# of how many examples losses are worked out at once: of those of many small batches at a fraction of the cost
KEPT_ROWS = 1024
KEPT_NUMBERS = 65_536


class Running:
    """Loss, accuracy and metrics of batches as they pass.

    Of a batch it needs z[L] and the targets alone. They are kept until there are many, and worked out at once; which
    ones together does not depend on the batches, so that a training can go on in the middle of an epoch.

    Parameters
    ----------
    output : Output
        Knows the loss.
    metrics : sequence of (str, callable)
        They need all Y_hat at once, which are kept only if there are metrics.
    dtype : numpy.dtype
        Of the network.
    """

    def __init__(self, output: Output, metrics: Metrics, dtype: Any) -> None:
        self.output = output
        self.metrics = metrics
        self._cache = Cache(dtype)
        self._kept: Kept | None = None
        self.begin()

    def begin(self) -> None:
        """Forget what has passed."""
        if self._kept is not None:
            self._kept.n = 0
        self.n_examples = 0
        self.loss = self.weight = self.n_correct = 0.0
        self._for_metrics: list[tuple[Array, ...]] = []

    def add(self, z: Array, y: Array, weights: Array | None) -> None:
        """Take in a batch, or several behind one another."""
        kept = self.room_for(z, y, weights)
        start = 0
        while start < len(y):
            start += kept.add(z[start:], y[start:], None if weights is None else weights[start:])
            if kept.is_full:
                self._settle()

    def room_for(self, z: Array, y: Array, weights: Array | None) -> "Kept":
        """Where such examples are kept: also before the first step, which is to take all the memory that is needed."""
        kept = self._kept
        if kept is None or not kept.is_like(y, weights):
            self._settle()
            # cast now, rows need no buffer later; only metrics see them as they were given
            of_dtype = y[:0].astype(z.dtype) if y.ndim > 1 and not self.metrics else y
            kept = self._kept = Kept(z, of_dtype, weights, y.dtype)
            self._losses(kept.z, kept.y)
            if self.output.classifies:
                self.output.n_correct(kept.y, self._cache)
        return kept

    def _settle(self) -> None:
        """Work out what was kept."""
        if self._kept is not None and self._kept.n:
            self.work_out(*self._kept.all())
            self._kept.n = 0

    def _losses(self, z: Array, y: Array) -> Array:
        """L of each example; leaves Y_hat in the cache."""
        self._cache.Y_hat = self.output.forward(z, self._cache)
        return self.output.losses(self.output.target_rows(y, z.shape[1], self._cache), self._cache)

    def work_out(self, z: Array, y: Array, weights: Array | None) -> None:
        """Take in examples at once."""
        loss, weight = self._total(z, y, weights)
        self.loss += loss
        self.weight += weight
        self.n_examples += len(y)
        if self.output.classifies:
            self.n_correct += self.output.n_correct(y, self._cache)
        if self.metrics:
            self._for_metrics.append((y.copy(), self._cache.Y_hat.copy()))

    def get_state(self) -> dict[str, Any]:
        """What `set_state` needs to be the same."""
        kept = self._kept
        pairs = list(zip(*self._for_metrics, strict=True))
        return {
            "sums": (self.loss, self.weight, self.n_examples, self.n_correct),
            "kept": None if kept is None or kept.n == 0 else kept.all(),
            "given": None if kept is None else kept.given.str,
            "for_metrics": [np.concatenate(arrays) for arrays in pairs],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Be as one that gave this state."""
        self.begin()
        self.loss, self.weight, self.n_examples, self.n_correct = state["sums"]
        if state["kept"] is not None:
            z, y, weights = state["kept"]
            self._kept = Kept(z, y, weights, state["given"])
            self._kept.add(z, y, weights)
        if state["for_metrics"]:
            self._for_metrics = [tuple(state["for_metrics"])]

    def _total(self, z: Array, y: Array, weights: Array | None) -> tuple[float, float]:
        """``sum_i w_i L_i`` and ``sum_i w_i``, in float64: many large losses would overflow."""
        losses = self._cache.array("losses", y.shape[:1], np.float64)
        losses[...] = self._losses(z, y)
        if weights is None:
            return float(losses.sum()), float(len(losses))
        return float(losses @ weights), float(weights.sum())

    def loss_of(self, z: Array, y: Array, weights: Array | None) -> float:
        """Mean loss of one batch."""
        loss, weight = self._total(z, y, weights)
        return loss / (weight or 1)

    def _all_y(self) -> Array:
        """The targets of all examples; rows, where some batches had indices and others rows."""
        kinds = {y.ndim for y, _ in self._for_metrics}
        units = self._for_metrics[0][1].shape[1]
        as_rows = [np.eye(units)[y] if len(kinds) > 1 and y.ndim == 1 else y for y, _ in self._for_metrics]
        return np.concatenate(as_rows)

    def values(self) -> dict[str, float]:
        """Means over all examples: the loss weighted, the accuracy not."""
        self._settle()
        values = {"loss": self.loss / self.weight if self.weight else math.nan}
        if self.output.classifies:
            values["accuracy"] = self.n_correct / self.n_examples
        if self.metrics:
            y = self._all_y()
            Y_hat = np.concatenate([Y_hat for _, Y_hat in self._for_metrics])
            for key, function in self.metrics:
                values[key] = as_number(key, function(y, Y_hat))
        return values


class Kept:
    """z[L], targets and weights of ``n`` examples like these, from targets that are given in another dtype."""

    def __init__(self, z: Array, y: Array, weights: Array | None, given: Any) -> None:
        rows = max(1, min(KEPT_ROWS, KEPT_NUMBERS // int(z.shape[1])))
        self.n = 0
        self.given = np.dtype(given)
        self.z = np.zeros((rows, *z.shape[1:]), z.dtype)
        self.y = np.zeros((rows, *y.shape[1:]), y.dtype)
        self.weights = None if weights is None else np.zeros(rows)

    @property
    def is_full(self) -> bool:
        """Whether nothing more can be added."""
        return self.n == len(self.y)

    def is_like(self, y: Array, weights: Array | None) -> bool:
        """Whether a batch has the same kind of targets, and weights if these have."""
        return (y.dtype, y.shape[1:], weights is None) == (self.given, self.y.shape[1:], self.weights is None)

    def add(self, z: Array, y: Array, weights: Array | None) -> int:
        """Copy as many examples behind the others as there is room for; return how many."""
        n = min(len(y), len(self.y) - self.n)
        part = slice(self.n, self.n + n)
        self.z[part] = z[:n]
        self.y[part] = y[:n]
        if self.weights is not None and weights is not None:
            self.weights[part] = weights[:n]
        self.n = part.stop
        return n

    def all(self) -> tuple[Array, Array, Array | None]:
        """What was kept."""
        n = self.n
        return self.z[:n], self.y[:n], None if self.weights is None else self.weights[:n]


def as_number(key: str, value: Any) -> float:
    """What a metric gave, as a float; raises ArgumentError for anything but a number."""
    if isinstance(value, (str, bytes)) or getattr(value, "ndim", 0) != 0:
        got = f"an array of shape {value.shape}" if hasattr(value, "shape") else repr(value)
        raise ArgumentError(f"metrics: {key} must give a number, got {got}")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"metrics: {key} must give a number, got {value!r}") from None
