"""What the user hands in: checked as a whole, and given to the network batch by batch in its own dtype."""

import math
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Cache
from nnlite.layers.base import Shape

FEW = 16  # examples for which checks, and a cache, would take as long as the prediction


def check_X(X: Any, input_shape: Shape | None, dtype: Any, name: str = "X") -> Array:
    """Return ``X`` as an array of at least one finite example of ``input_shape`` (None: any), not yet cast."""
    if (
        type(X) is np.ndarray
        and X.dtype == dtype
        and X.shape[1:] == input_shape
        and 0 < len(X) <= FEW
        and math.isfinite(checks.squares(X))
    ):
        return X  # all is well, as it mostly is with single examples
    array = checks.numeric_array(name, X)
    if array.ndim < 2:
        one = f"; a single example is {name}.reshape(1, -1)" if array.ndim == 1 else ""
        raise ArgumentError(
            f"{name}: expected two dimensions (examples, features), got an array of shape {array.shape}{one}"
        )
    if array.size == 0:
        raise ArgumentError(f"{name}: expected at least one example and one feature, got shape {array.shape}")
    if input_shape is not None and array.shape[1:] != input_shape:
        raise ArgumentError(
            f"{name}: expected {_describe(input_shape)}, as the network was built for, "
            f"got {_describe(array.shape[1:])} (shape {array.shape})"
        )
    checks.finite(name, array, dtype)
    return array


def check_lengths(X: Array, y: Array, X_name: str = "X", y_name: str = "y") -> None:
    """Raise ArgumentError unless there is one label for each example."""
    if len(X) != len(y):
        raise ArgumentError(
            f"{y_name}: expected {len(X)} labels, one for each row of {X_name} {X.shape}, got {len(y)}"
            + (f"; rows are examples: pass {X_name}.T" if X.ndim == 2 and X.shape[1] == len(y) else "")
        )


def _describe(shape: Shape) -> str:
    return f"{shape[0]} features" if len(shape) == 1 else f"examples of shape {shape}"


def gatherable(array: Array) -> Array:
    """``array`` in C order and native byte order, so that `take` need not convert all of it for each batch."""
    return read_only(np.ascontiguousarray(array, array.dtype.newbyteorder("=")))


def read_only(array: Array) -> Array:
    """A view of what is the user's own: no layer may write into it."""
    view = array.view()
    view.flags.writeable = False
    return view


def take(array: Array, rows: Array, name: str, cache: Cache) -> Array:
    """``array[rows]``, in the cache's memory."""
    out = cache.array(name, (len(rows), *array.shape[1:]), array.dtype)
    return np.take(array, rows, axis=0, out=out, mode="clip")


def cast(array: Array, name: str, cache: Cache, *, copy: bool = False) -> Array:
    """``array`` in the dtype of the network: itself where it is so already, else (or to copy) in the cache's memory."""
    if array.dtype == cache.dtype and not copy:
        return array
    out = cache.array(name, array.shape)
    np.copyto(out, array, casting="unsafe")
    return out


def check_weights(sample_weight: Any, n: int, name: str = "sample_weight") -> Array | None:
    """``sample_weight`` as n finite numbers of at least 0, of which one is above; None stays None."""
    if sample_weight is None:
        return None
    weights = checks.numeric_array(name, sample_weight)
    if weights.shape != (n,):
        raise ArgumentError(f"{name}: expected one weight for each of {n} examples, got shape {weights.shape}")
    checks.finite(name, weights)
    if weights.min() < 0 or weights.max() == 0:
        raise ArgumentError(
            f"{name}: expected weights of at least 0, not all 0, got {weights.min()} to {weights.max()}"
        )
    return weights.astype(np.float64)
