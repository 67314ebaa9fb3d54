"""Checks of examples: X, y and weights as arrays that fit each other."""

import math
import zlib
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import Shape


class Examples(NamedTuple):
    """Checked examples and their weights (None: all 1).

    ``rows`` selects some of the examples and their order; None selects all.
    """

    X: Array
    y: Array
    weights: Array | None = None
    rows: Array | None = None

    @property
    def size(self) -> int:
        """Number of selected examples."""
        return len(self.X) if self.rows is None else len(self.rows)

    def batch(self, part: slice) -> "Examples":
        """Return the selected examples in ``part``."""
        rows = part if self.rows is None else self.rows[part]
        return Examples(self.X[rows], self.y[rows], None if self.weights is None else self.weights[rows])

    def some(self, n: int) -> "Examples":
        """Return up to n of the selected examples, evenly spread."""
        rows = np.linspace(0, self.size - 1, min(self.size, n)).astype(np.intp)
        return self._replace(rows=rows if self.rows is None else self.rows[rows])

    def fingerprint(self) -> str:
        """Return a checksum (CRC-32) that identifies these examples and their order."""
        number = 0
        for array in self:
            if array is not None:
                number = zlib.crc32(np.ascontiguousarray(array).data, number)
        return f"{number:08x}"


def check_X(X: Any, input_shape: Shape | None, dtype: Any, name: str = "X") -> Array:
    """Return ``X`` as an array of at least one finite example of ``input_shape`` (None: any shape), not yet cast."""
    array = checks.numeric_array(name, X)
    if array.ndim < 2:
        one = f"; a single example is {name}.reshape(1, -1)" if array.ndim == 1 else ""
        if array.ndim == 1 and input_shape == (1,):
            one = f"; examples of one feature are {name}.reshape(-1, 1)"
        elif array.ndim == 1 and input_shape is not None and array.shape != input_shape:
            one = f"; an example of this network has {_describe(input_shape)}"
        raise ArgumentError(
            f"{name}: expected two dimensions (examples, features), got an array of shape {array.shape}{one}"
        )
    if array.size == 0:
        raise ArgumentError(f"{name}: expected at least one example and one feature, got shape {array.shape}")
    if input_shape is not None and array.shape[1:] != input_shape:
        raise ArgumentError(
            f"{name}: expected {_describe(input_shape)}, as the network was built for, "
            f"got {_describe(array.shape[1:])} (shape {array.shape}){_turned(name, array.shape[1:], input_shape)}"
        )
    checks.finite(name, array, dtype)
    return array


def _turned(name: str, shape: Shape, wanted: Shape) -> str:
    """Say how an image of that shape becomes one with channels last, if it does."""
    if len(wanted) < 2:
        return ""
    if (*shape, 1) == wanted:
        return f"; add the axis of channels: {name}[..., None]"
    if len(shape) == len(wanted) and (*shape[1:], shape[0]) == wanted:
        return f"; channels come last: np.moveaxis({name}, 1, -1)"
    if len(shape) == 1 and math.prod(shape) == math.prod(wanted):
        return f"; {name}.reshape{(-1, *wanted)} makes them of rows"
    return ""


def check_lengths(X: Array, y: Array, X_name: str = "X", y_name: str = "y") -> None:
    """Raise ArgumentError unless there is one label for each example."""
    if len(X) != len(y):
        raise ArgumentError(
            f"{y_name}: expected {len(X)} labels, one for each row of {X_name} {X.shape}, got {len(y)}"
            + (f"; rows are examples: pass {X_name}.T" if X.ndim == 2 and X.shape[1] == len(y) else "")
        )


def check_weights(sample_weight: Any, n: int, name: str = "sample_weight", *, all_zero: bool = False) -> Array | None:
    """Return n finite weights of at least 0 in float64; None stays None. ``all_zero`` allows that all are 0."""
    if sample_weight is None:
        return None
    weights = checks.numeric_array(name, sample_weight)
    if weights.shape != (n,):
        raise ArgumentError(f"{name}: expected one weight for each of {n} examples, got shape {weights.shape}")
    checks.finite(name, weights)
    if weights.min() < 0 or (weights.max() == 0 and not all_zero):
        raise ArgumentError(
            f"{name}: expected weights of at least 0, not all 0, got {weights.min()} to {weights.max()}"
        )
    weights = weights.astype(np.float64)
    with np.errstate(over="ignore"):
        total = weights.sum()
    if np.isinf(total):
        raise ArgumentError(f"{name}: the sum of the weights is infinite; divide them by their largest")
    return weights


def contiguous(array: Array) -> Array:
    """Return ``array`` in C order and native byte order, so that a batch need not be converted."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


def _describe(shape: Shape) -> str:
    return f"{shape[0]} features" if len(shape) == 1 else f"examples of shape {shape}"
