"""Layers that only give the examples another shape."""

import math

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import Cache, Layer, Shape


class Flatten(Layer):
    """Rows of features from examples of any shape: (M, 28, 28) becomes (M, 784).

    Notes
    -----
    a_prev (M, ...) -> a (M, n), a view; backward gives ``da`` the shape of a_prev.
    """

    def output_shape(self, input_shape: Shape) -> Shape:
        """(n,), the product of the input's shape."""
        return (math.prod(input_shape),)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = a_prev``, each example as a row."""
        cache.shape = a_prev.shape
        return a_prev.reshape(len(a_prev), -1)

    def _infer(self, a_prev: Array) -> Array:
        """``a = a_prev``, each example as a row."""
        return a_prev.reshape(len(a_prev), -1)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da``, in the shape of a_prev."""
        return da.reshape(cache.shape)


class Reshape(Layer):
    """Examples of another shape, with the same numbers in the same order.

    Parameters
    ----------
    target_shape : tuple of int
        Shape of one example behind the layer; one entry may be -1 and is then worked out.

    Raises
    ------
    ArgumentError
        If ``target_shape`` is no tuple of such integers, or does not have as many entries as the input.

    Notes
    -----
    a_prev (M, ...) -> a (M, *target_shape), a view; backward gives ``da`` the shape of a_prev.
    """

    def __init__(self, target_shape: Shape) -> None:
        if not isinstance(target_shape, (tuple, list)) or not target_shape:
            raise ArgumentError(f"target_shape: expected a tuple of integers such as (28, 28), got {target_shape!r}")
        self.target_shape = tuple(checks.integer("target_shape", n, minimum=-1) for n in target_shape)
        if 0 in self.target_shape or self.target_shape.count(-1) > 1:
            raise ArgumentError(f"target_shape: expected positive integers and at most one -1, got {target_shape!r}")

    def output_shape(self, input_shape: Shape) -> Shape:
        """``target_shape``, with -1 worked out."""
        size = math.prod(input_shape)
        known = math.prod(n for n in self.target_shape if n != -1)
        shape = tuple(size // known if n == -1 else n for n in self.target_shape)
        if math.prod(shape) != size:
            raise ArgumentError(f"{self} cannot hold the {size} numbers of examples of shape {input_shape}")
        return shape

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = a_prev``, in the target shape."""
        cache.shape = a_prev.shape
        return a_prev.reshape(len(a_prev), *self.output_shape(a_prev.shape[1:]))

    def _infer(self, a_prev: Array) -> Array:
        """``a = a_prev``, in the target shape."""
        return a_prev.reshape(len(a_prev), *self.output_shape(a_prev.shape[1:]))

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da``, in the shape of a_prev."""
        return da.reshape(cache.shape)
