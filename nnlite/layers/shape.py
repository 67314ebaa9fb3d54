"""Layers that change the shape of the examples."""

import math

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import Cache, Layer, Shape


class Flatten(Layer):
    """Turn examples of any shape into rows of features: (M, 28, 28) becomes (M, 784).

    Notes
    -----
    a_prev (M, ...) -> a (M, n), a view. Backward: da in the shape of a_prev.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.Model([nn.Flatten(), nn.Dense(10), nn.Softmax()], n_features=(28, 28)).parameters["W1"].shape
    (784, 10)
    """

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = a_prev``, each example as a row."""
        cache.shape = a_prev.shape
        return a_prev.reshape(len(a_prev), -1)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da``, in the shape of a_prev."""
        return da.reshape(cache.shape)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (n,), where n is the product of the input shape."""
        return (math.prod(input_shape),)


class Reshape(Layer):
    """Give each example another shape; the numbers and their order stay.

    Parameters
    ----------
    target_shape : tuple of int
        Shape of one output example. One entry may be -1 and is then computed from the others.

    Raises
    ------
    ArgumentError
        If ``target_shape`` is not a tuple of such integers, or has another number of entries than the input.

    Notes
    -----
    a_prev ``(M, ...)`` -> a ``(M, *target_shape)``, a view. Backward: da in the shape of a_prev.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.Reshape((28, -1)).output_shape((784,))
    (28, 28)
    """

    def __init__(self, target_shape: Shape) -> None:
        if not isinstance(target_shape, (tuple, list)) or not target_shape:
            raise ArgumentError(f"target_shape: expected a tuple of integers such as (28, 28), got {target_shape!r}")
        self.target_shape = tuple(checks.integer("target_shape", n, minimum=-1) for n in target_shape)
        if 0 in self.target_shape or self.target_shape.count(-1) > 1:
            raise ArgumentError(f"target_shape: expected positive integers and at most one -1, got {target_shape!r}")

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = a_prev``, in the target shape."""
        cache.shape = a_prev.shape
        return a_prev.reshape(len(a_prev), *self.target_shape)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da``, in the shape of a_prev."""
        return da.reshape(cache.shape)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return ``target_shape``, with -1 replaced by what is left."""
        size = math.prod(input_shape)
        known = math.prod(n for n in self.target_shape if n != -1)
        shape = tuple(size // known if n == -1 else n for n in self.target_shape)
        if math.prod(shape) != size:
            raise ArgumentError(f"{self} cannot hold the {size} numbers of examples of shape {input_shape}")
        return shape
