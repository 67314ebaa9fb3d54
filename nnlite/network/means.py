"""Loss, accuracy and metrics of the examples that go through a network."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Cache, Output
from nnlite.layers.base import definer

Metrics = Sequence[tuple[str, Callable[..., Any]]]

# The losses of many small batches, worked out together, take a fraction of the time.
KEPT_ROWS = 1024  # of how many examples together, where they are not wide
KEPT_NUMBERS = 65_536  # of how many numbers of z[L] together: 256 kB of float32
FEWEST_KEPT_ROWS = 16  # however wide they are


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
        # an output of one's own may have n_correct alone, which then gets y as it was given
        self._has_truth = issubclass(definer(output, "truth"), definer(output, "n_correct"))
        self._cache = Cache(dtype)  # the output layer's
        self._own = Cache(np.float64)
        self._dtype = dtype
        self._kept: Kept | None = None
        self._is_warm = False
        self.begin()

    def begin(self) -> None:
        """Forget what has passed."""
        if self._kept is not None:
            self._kept.n = 0
        self.n_examples = 0
        self.loss = self.weight = self.n_correct = 0.0
        self._y: list[Array] = []  # for metrics, as they were given
        self._Y_hat: list[Array] = []

    def array_for_z(self, shape: tuple[int, ...]) -> Array:
        """Memory to collect z[L] of several batches in, until they are added."""
        return self._own.array("z", shape, self._dtype)

    def warm_up(self, z: Array, Y: Array, y: Array) -> None:
        """Take the memory that such batches will need; before the first step, so that no later one has to."""
        if not self._is_warm:
            arrays = self._arrays(z, Y, y, None)
            kept = self._kept_for(arrays)
            for mine, array in zip(kept.arrays[1:], arrays[1:], strict=True):
                mine[kept.n :] = array[:1]  # 0 might be no target
            self._total(*kept.arrays)
            self._is_warm = True

    def add(self, z: Array, Y: Array, y: Array, weights: Array | None) -> None:
        """Take in a batch, or several behind one another: the targets both as the cost takes them and as given."""
        if self.metrics:
            self._y.append(y.copy())
        arrays = self._arrays(z, Y, y, weights)
        kept = self._kept_for(arrays)
        start = 0
        while start < len(z):
            start += kept.add([array[start:] for array in arrays])
            if kept.is_full:
                self._settle()

    def add_at_once(self, z: Array, Y: Array, y: Array, weights: Array | None) -> None:
        """Take in a batch that need not wait for others."""
        if self.metrics:
            self._y.append(y.copy())
        self._work_out(*self._arrays(z, Y, y, weights))

    def _arrays(self, z: Array, Y: Array, y: Array, weights: Array | None) -> list[Array]:
        """What is kept of a batch: z, Y, the weights (1 where there are none) and, for classifiers, what is right."""
        arrays = [z, Y, self._weights(len(y), weights)]
        if self.output.classifies:
            arrays.append(self.output.truth(y, self._own) if self._has_truth else y)
        return arrays

    def _weights(self, n: int, weights: Array | None) -> Array:
        """1 where there are none."""
        return self._own.full(1, (n,)) if weights is None else weights

    def _kept_for(self, arrays: list[Array]) -> "Kept":
        """Where such arrays are kept; what was kept of another kind is worked out before."""
        kept = self._kept
        if kept is None or not kept.is_like(arrays):
            self._settle()
            kept = self._kept = Kept(arrays)
        return kept

    def _settle(self) -> None:
        """Work out what was kept."""
        if self._kept is not None and self._kept.n:
            self._work_out(*self._kept.all())
            self._kept.n = 0

    def _work_out(self, z: Array, Y: Array, weights: Array, *truth: Array) -> None:
        """Take in examples at once."""
        loss, weight, n_correct = self._total(z, Y, weights, *truth)
        self.loss += loss
        self.weight += weight
        self.n_correct += n_correct
        self.n_examples += len(z)
        if self.metrics:
            self._Y_hat.append(self._cache.Y_hat.copy())

    def _total(self, z: Array, Y: Array, weights: Array, *truth: Array) -> tuple[float, float, float]:
        """``sum_i w_i L_i`` and ``sum_i w_i``, in float64 (many large losses would overflow); how many are right."""
        self._cache.Y_hat = self.output.forward(z, self._cache)
        losses = self._own.array("losses", z.shape[:1])
        losses[...] = self.output.losses(Y, self._cache)
        n_correct = self.output.n_correct(truth[0], self._cache) if truth else 0.0
        return float(losses @ weights), float(weights.sum()), n_correct

    def loss_of(self, z: Array, Y: Array, weights: Array | None) -> float:
        """Mean loss of one batch."""
        loss, weight, _ = self._total(z, Y, self._weights(len(z), weights))
        return loss / (weight or 1)

    def get_state(self) -> dict[str, Any]:
        """What `set_state` needs to be the same."""
        kept = self._kept
        return {
            "sums": (self.loss, self.weight, self.n_examples, self.n_correct),
            "kept": None if kept is None else kept.all(),
            "y": self._all_y() if self._y else None,
            "Y_hat": np.concatenate(self._Y_hat) if self._Y_hat else None,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Be as one that gave this state."""
        self.begin()
        self.loss, self.weight, self.n_examples, self.n_correct = state["sums"]
        if state["kept"] is not None:
            self._kept = Kept(state["kept"])
            self._kept.add(state["kept"])
        self._y, self._Y_hat = ([] if state[name] is None else [state[name]] for name in ("y", "Y_hat"))

    def _all_y(self) -> Array:
        """The targets of all examples; rows, where some batches had indices and others rows."""
        if len({y.ndim for y in self._y}) == 1:
            return np.concatenate(self._y)
        units = next(y.shape[1] for y in self._y if y.ndim > 1)
        return np.concatenate([np.eye(units)[y] if y.ndim == 1 else y for y in self._y])

    def values(self) -> dict[str, float]:
        """Means over all examples: the loss weighted, the accuracy not."""
        self._settle()
        values = {"loss": self.loss / self.weight if self.weight else math.nan}
        if self.output.classifies:
            values["accuracy"] = self.n_correct / self.n_examples if self.n_examples else math.nan
        if self.metrics:
            y, Y_hat = self._all_y(), np.concatenate(self._Y_hat)
            for key, function in self.metrics:
                values[key] = as_number(key, function(y, Y_hat))
        return values


class Kept:
    """Rows of arrays like those given, of which the first ``n`` are there."""

    def __init__(self, arrays: Sequence[Array]) -> None:
        rows = max(FEWEST_KEPT_ROWS, min(KEPT_ROWS, KEPT_NUMBERS // int(arrays[0].shape[1])))
        self.n = 0
        self.arrays = [np.zeros((rows, *array.shape[1:]), array.dtype) for array in arrays]

    @property
    def is_full(self) -> bool:
        """Whether nothing more can be added."""
        return self.n == len(self.arrays[0])

    def is_like(self, arrays: Sequence[Array]) -> bool:
        """Whether such rows can be added."""
        pairs = zip(self.arrays, arrays, strict=True)
        return all(mine.dtype == array.dtype and mine.shape[1:] == array.shape[1:] for mine, array in pairs)

    def add(self, arrays: Sequence[Array]) -> int:
        """Copy as many rows behind the others as there is room for; return how many."""
        n = min(len(arrays[0]), len(self.arrays[0]) - self.n)
        for mine, array in zip(self.arrays, arrays, strict=True):
            mine[self.n : self.n + n] = array[:n]
        self.n += n
        return n

    def all(self) -> list[Array]:
        """What was kept."""
        return [array[: self.n] for array in self.arrays]


def as_number(key: str, value: Any) -> float:
    """What a metric gave, as a float; raises ArgumentError for anything but a number."""
    if isinstance(value, (str, bytes)) or getattr(value, "ndim", 0) != 0:
        got = f"an array of shape {value.shape}" if hasattr(value, "shape") else repr(value)
        raise ArgumentError(f"metrics: {key} must give a number, got {got}")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"metrics: {key} must give a number, got {value!r}") from None
