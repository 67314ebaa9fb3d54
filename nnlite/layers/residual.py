"""Layers around which the signal also goes straight on."""

from collections.abc import Sequence

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import Cache, Layer, Shape


class Residual(Layer):
    r"""``a = a_prev + F(a_prev)``, where F is a chain of layers that keeps the shape.

    Parameters
    ----------
    layers : sequence of Layer
        The chain F, at least one layer.
    trainable : bool, default True
        False freezes all of them.

    Raises
    ------
    ArgumentError
        If there is no layer or one is there twice, or F changes the shape of its input.

    Notes
    -----
    a_prev (M, ...) -> a (M, ...). Backward: ``da_prev = da + dF(da)``, where dF is the chain's backward pass.

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", 2016.
    """

    def __init__(self, layers: Sequence[Layer], trainable: bool = True) -> None:
        if isinstance(layers, Layer) or not isinstance(layers, Sequence) or not layers:
            raise ArgumentError(f"layers: expected a list of at least one layer, got {layers!r}")
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise ArgumentError(f"layers: entry {i} is no layer, got {layer!r}")
            if any(layer is earlier for earlier in layers[:i]):
                raise ArgumentError(f"layers: entry {i}, {layer}, is in the list twice; make one layer for each place")
        self.layers = self.inner_layers = tuple(layers)
        if not checks.boolean("trainable", trainable):
            self.trainable = False

    @property
    def trainable(self) -> bool:
        """Whether any of the layers learns; setting it sets them all."""
        return any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.layers:
            layer.trainable = checks.boolean("trainable", value)

    def output_shape(self, input_shape: Shape) -> Shape:
        """``input_shape``, which F must keep."""
        shape = input_shape
        for layer in self.layers:
            shape = layer.output_shape(shape)
        if shape != input_shape:
            raise ArgumentError(
                f"layers: {self} must keep the shape {input_shape} of its input, but turns it into {shape}"
            )
        return input_shape

    def inner_input_shapes(self, input_shape: Shape) -> list[Shape]:
        """Shapes along the chain F."""
        shapes = [input_shape]
        for layer in self.layers[:-1]:
            shapes.append(layer.output_shape(shapes[-1]))
        return shapes

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = a_prev + F(a_prev)``."""
        a = a_prev
        for layer, inner in zip(self.layers, cache.inner(len(self.layers)), strict=True):
            a = layer.forward(a, inner)
        self._check_shape("forward", a, a_prev)
        return np.add(a_prev, a, out=cache.array("a", a_prev.shape))

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da + dF(da)``."""
        da_F = cache.array("da_F", da.shape)
        np.copyto(da_F, da)  # the layers of F may overwrite it
        for layer, inner in zip(self.layers[::-1], cache.inner(len(self.layers))[::-1], strict=True):
            result = layer.backward(da_F, inner)
            if result is None:
                raise ArgumentError(f"layers: {layer}.backward must return the gradient of its input, got None")
            da_F = result
        self._check_shape("backward", da_F, da)
        da += da_F
        return da

    def _check_shape(self, method: str, result: Array, straight: Array) -> None:
        """A chain with a layer of a user's own may give something that could be added, but does not belong there."""
        if np.shape(result) != straight.shape:
            raise ArgumentError(
                f"layers: the {method} pass through the layers of {self} must give the shape {straight.shape}, "
                f"got {np.shape(result)}"
            )
