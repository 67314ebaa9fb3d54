"""The fully connected layer."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.initializers import Initializer
from nnlite.layers.base import Cache, Layer, Shape


class Dense(Layer):
    r"""Fully connected layer, ``z = a_prev W + b``.

    Parameters
    ----------
    units : int
        Number of units n[l], at least 1.
    initializer : Initializer, optional
        How W is drawn; b starts at 0. By default what suits the activation that follows: `HeNormal` before ReLU,
        `GlorotUniform` before Tanh and Sigmoid, a tenth of that in front of the output.
    trainable : bool, default True
        False freezes W and b.

    Attributes
    ----------
    W, dW : ndarray, (n[l-1], n[l])
        Weights and their gradient, once the model knows its input size.
    b, db : ndarray, (n[l],)
        Biases and their gradient.

    Raises
    ------
    ArgumentError
        If ``units`` is not an integer of at least 1 or ``initializer`` no Initializer.

    Notes
    -----
    a_prev (M, n[l-1]), W (n[l-1], n[l]), b (n[l],) -> z (M, n[l]). Backward, with dz = dJ/dz (M, n[l])::

        dW = a_prev^T dz        db = sum_i dz        da_prev = dz W^T
    """

    reads_output = False

    W: Array
    b: Array
    dW: Array
    db: Array

    def __init__(self, units: int, initializer: Initializer | None = None, trainable: bool = True) -> None:
        self.units = checks.integer("units", units)
        if not (initializer is None or isinstance(initializer, Initializer)):
            raise ArgumentError(f"initializer: expected an Initializer such as nn.HeNormal(), got {initializer!r}")
        self.initializer = initializer
        self.trainable = checks.boolean("trainable", trainable)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(units,)."""
        if len(input_shape) != 1:
            raise ArgumentError(
                f"{self} expects examples of one dimension (features), got examples of shape {input_shape}; "
                f"flatten them with X.reshape(len(X), -1)"
            )
        return (self.units,)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """W (n[l-1], n[l]) and b (n[l],)."""
        return {"W": (input_shape[0], self.units), "b": (self.units,)}

    def initialize(self, rng: np.random.Generator, initializer: Initializer) -> None:
        """Draw W; b stays 0."""
        chosen = self.initializer or initializer
        W = chosen(self.W.shape, rng)
        if np.shape(W) != self.W.shape or not np.isfinite(W).all():
            raise ArgumentError(f"initializer: {chosen} must give finite numbers of shape {self.W.shape}, got {W!r}")
        self.W[...] = W

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``z = a_prev W + b``."""
        cache.a_prev = a_prev
        z: Array = a_prev.dot(self.W, out=cache.array("z", (len(a_prev), self.units)))
        z += cache.rows(self.b, z.shape)
        return z

    def _infer(self, a_prev: Array) -> Array:
        """``z = a_prev W + b``."""
        z: Array = a_prev.dot(self.W)
        z += self.b
        return z

    def backward(self, da: Array, cache: Cache) -> Array | None:
        """``dW = a_prev^T dz``, ``db = sum dz``, ``da_prev = dz W^T``."""
        dz = da  # the gradient of what this layer put out, which is z
        if self.trainable:
            cache.a_prev.T.dot(dz, out=self.dW)
            cache.full(1, (len(dz),)).dot(dz, out=self.db)
        if not cache.input_gradient:
            return None
        da_prev: Array = dz.dot(self.W.T, out=cache.array("da_prev", cache.a_prev.shape))
        return da_prev
