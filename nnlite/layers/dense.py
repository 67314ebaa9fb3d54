"""The fully connected layer."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.initializers import Initializer, draw
from nnlite.layers.base import Cache, Layer, Shape


class Dense(Layer):
    r"""Fully connected layer: ``z = a_prev W + b``.

    Parameters
    ----------
    units : int
        Number of units n[l], at least 1.
    initializer : Initializer, optional
        How to draw W, by default `GlorotUniform`, before SELU `LeCunNormal`; b starts at 0. In deep networks of ReLU,
        from about ten layers on, `HeNormal` learns faster.
    trainable : bool, default True
        False freezes W and b.

    Attributes
    ----------
    W, dW : ndarray, (n[l-1], n[l])
        Weights and their gradient, as soon as the model knows its input size.
    b, db : ndarray, (n[l],)
        Biases and their gradient.

    Raises
    ------
    ArgumentError
        If ``units`` is not an integer of at least 1, or ``initializer`` is not an Initializer.

    Notes
    -----
    a_prev (M, n[l-1]), W (n[l-1], n[l]), b (n[l],) -> z (M, n[l]). Backward, with dz = dJ/dz (M, n[l])::

        dW = a_prev^T dz        db = sum_i dz        da_prev = dz W^T

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=2)
    >>> model.layers[0].W.shape, model.layers[0].b.shape
    ((2, 3), (3,))
    """

    W: Array
    b: Array
    dW: Array
    db: Array

    def __init__(self, units: int, initializer: Initializer | None = None, trainable: bool = True) -> None:
        self.units = checks.integer("units", units)
        if not (initializer is None or isinstance(initializer, Initializer)):
            is_size = isinstance(initializer, int) and not isinstance(initializer, bool)
            hint = f"Dense takes only the number of outputs: write nn.Dense({initializer})" if is_size else ""
            raise ArgumentError(
                f"initializer: expected an Initializer such as nn.HeNormal(), got {initializer!r} "
                f"({hint or 'an activation is a layer of its own'})"
            )
        self.initializer = initializer
        self.trainable = checks.boolean("trainable", trainable)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``z = a_prev W + b``."""
        cache.a_prev = a_prev
        return a_prev @ self.W + self.b

    def backward(self, dz: Array, cache: Cache) -> Array | None:
        """``dW = a_prev^T dz``, ``db = sum_i dz``, ``da_prev = dz W^T``."""
        self.dW = cache.a_prev.T @ dz
        self.db = dz.sum(axis=0)
        return dz @ self.W.T if cache.input_gradient else None

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (units,)."""
        if len(input_shape) != 1:
            raise ArgumentError(
                f"{self} expects examples of one dimension (features), got examples of shape {input_shape}; "
                f"put nn.Flatten() in front of it, or flatten them with X.reshape(len(X), -1)"
            )
        return (self.units,)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes of W (n[l-1], n[l]) and b (n[l],)."""
        return {"W": (input_shape[0], self.units), "b": (self.units,)}

    def initialize(self, rng: np.random.Generator, initializer: Initializer) -> None:
        """Draw W; b stays 0."""
        self.W = draw(self.initializer or initializer, self.W.shape, rng)
