"""What a network takes and gives."""

from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.layers import Output
from nnlite.layers.base import Shape
from nnlite.network.examples import Examples, check_lengths, check_weights, check_X, contiguous
from nnlite.network.knowledge import NOTHING, Knowledge, as_numbers, class_indices, target_of


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
    knowledge : Knowledge
        The columns of a table, the names of the classes, and the scale of the target, if the network knows them.
    """

    input_shape: Shape
    units: int
    dtype: np.dtype[Any]
    output: Output
    knowledge: Knowledge = NOTHING

    @property
    def n_classes(self) -> int | None:
        """Number of classes that the network chooses from; None if it does not choose."""
        return self.output.n_classes(self.units)

    def check_targets(self, y: Any, name: str = "y") -> Array:
        """Return ``y`` as class indices (M,) or rows (M, n[L]), or raise ArgumentError.

        Names of classes become indices.
        """
        if self.output.classifies:
            y = class_indices(y, self.knowledge, name)
        targets = self.output.check_targets(y, self.units, name)
        checks.finite(name, targets, self.dtype)
        return targets

    def check(self, X: Any, y: Any, sample_weight: Any = None, *, prefix: str = "", all_zero: bool = False) -> Examples:
        """Return X, y and weights as arrays that fit each other and the network, or raise ArgumentError.

        X may be a table, with its target in place of y. ``prefix`` stands before the names in a message; ``all_zero``
        allows that all weights are 0.
        """
        y = target_of(X, y, self.output.classifies)
        X = as_numbers(X, self.knowledge.encoding, self.dtype, f"{prefix}X")
        return self.check_arrays(X, y, sample_weight, prefix=prefix, all_zero=all_zero)

    def check_arrays(
        self, X: Any, y: Any, sample_weight: Any = None, *, prefix: str = "", all_zero: bool = False
    ) -> Examples:
        """Do the same as `check` for X that `Encoding.transform` has made, or that never was a table."""
        X = check_X(X, self.input_shape, self.dtype, f"{prefix}X")
        y = self.check_targets(y, f"{prefix}y")
        check_lengths(X, y, f"{prefix}X", f"{prefix}y")
        weights = check_weights(sample_weight, len(X), f"{prefix}sample_weight", all_zero=all_zero)
        return Examples(contiguous(X), contiguous(y), weights)

    def cast(self, X: Array) -> Array:
        """Return ``X`` in the dtype of the network."""
        return X.astype(self.dtype, copy=False)

    def inside(self, y: Array) -> Array:
        """Return checked targets as they are inside the network: values are standardized there, if it knows a scale."""
        return y if self.knowledge.scale is None else self.knowledge.scale.inside(y)

    def target_rows(self, y: Array) -> Array:
        """Return Y (M, n[L]) in the dtype of the network, from checked targets: class indices become one-hot rows."""
        return self.output.target_rows(self.inside(y), self.units, self.dtype)
