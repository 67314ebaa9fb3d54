"""What a network takes and gives."""

from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.layers import Output
from nnlite.layers.base import Shape
from nnlite.network.examples import Examples, check_lengths, check_weights, check_X, contiguous


class Signature(NamedTuple):
    """What a network takes and gives: all that batches and the checks of arguments need to know of it.

    Attributes
    ----------
    input_shape : tuple of int
        Shape of one example.
    units : int
        Number n[L] of output units.
    dtype : numpy.dtype
        float32 or float64.
    output : Output
        The output layer, which knows the targets.
    """

    input_shape: Shape
    units: int
    dtype: np.dtype[Any]
    output: Output

    @property
    def n_classes(self) -> int | None:
        """Number of classes that the network chooses from; None if it does not choose."""
        return self.output.n_classes(self.units)

    def check_targets(self, y: Any, name: str = "y") -> Array:
        """Return ``y`` as class indices (M,) or rows (M, n[L]), or raise ArgumentError."""
        targets = self.output.check_targets(y, self.units, name)
        checks.finite(name, targets, self.dtype)
        return targets

    def check(self, X: Any, y: Any, sample_weight: Any = None, *, prefix: str = "", all_zero: bool = False) -> Examples:
        """Return X, y and weights as arrays that fit each other and the network, or raise ArgumentError.

        ``prefix`` stands before the names in a message; ``all_zero`` allows that all weights are 0.
        """
        X = check_X(X, self.input_shape, self.dtype, f"{prefix}X")
        y = self.check_targets(y, f"{prefix}y")
        check_lengths(X, y, f"{prefix}X", f"{prefix}y")
        weights = check_weights(sample_weight, len(X), f"{prefix}sample_weight", all_zero=all_zero)
        return Examples(contiguous(X), contiguous(y), weights)

    def cast(self, X: Array) -> Array:
        """Return ``X`` in the dtype of the network."""
        return X.astype(self.dtype, copy=False)

    def target_rows(self, y: Array) -> Array:
        """Return Y (M, n[L]) in the dtype of the network, from checked targets: class indices become one-hot rows."""
        return self.output.target_rows(y, self.units, self.dtype)
