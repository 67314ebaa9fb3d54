"""Layers with a direct connection around them."""

from collections.abc import Sequence

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import Cache, Layer, Shape
from nnlite.layers.by_name import as_layer
from nnlite.layers.chain import backward as chain_backward
from nnlite.layers.chain import forward as chain_forward
from nnlite.layers.chain import shapes_along


class Residual(Layer):
    r"""Residual connection: ``a = a_prev + F(a_prev)``, where F is a chain of layers that keeps the shape.

    Parameters
    ----------
    layers : sequence of Layer or str
        The chain F, at least one layer. An activation may be given by its name, such as "relu".
    trainable : bool, default True
        False freezes all of them.

    Raises
    ------
    ArgumentError
        If there is no layer, if a layer occurs twice, or if F changes the shape of its input.

    Notes
    -----
    a_prev (M, ...) -> a (M, ...). Backward: ``da_prev = da + dF(da)``, where dF is the backward pass of F.

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", 2016.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.Residual([nn.Dense(64), nn.ReLU()])
    Residual((Dense(64), ReLU()))
    """

    def __init__(self, layers: Sequence[Layer | str], trainable: bool = True) -> None:
        if isinstance(layers, (Layer, str)) or not isinstance(layers, Sequence) or not layers:
            raise ArgumentError(f"layers: expected a list of at least one layer, got {layers!r}")
        chain = [as_layer(f"layers: entry {i}", layer) for i, layer in enumerate(layers)]
        for i, layer in enumerate(chain):
            if any(layer is earlier for earlier in chain[:i]):
                raise ArgumentError(f"layers: entry {i}, {layer}, occurs twice; make one layer for each place")
        self.layers = self.inner_layers = tuple(chain)
        if not checks.boolean("trainable", trainable):
            self.trainable = False

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = a_prev + F(a_prev)``."""
        cache.shapes = shapes_along(self.layers, a_prev.shape[1:])
        cache.caches = cache.inner(len(self.layers))
        return a_prev + chain_forward(self.layers, a_prev, cache.caches, cache.shapes)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da + dF(da)``."""
        return da + chain_backward(self.layers, da, cache.caches, cache.shapes)

    @property
    def trainable(self) -> bool:
        """Whether any of the layers learns. Assigning to it sets all of them."""
        return any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.layers:
            layer.trainable = checks.boolean("trainable", value)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return ``input_shape``, which F must keep."""
        shape = shapes_along(self.layers, input_shape)[-1]
        if shape != input_shape:
            raise ArgumentError(
                f"layers: {self} must keep the shape {input_shape} of its input, but turns it into {shape}"
            )
        return input_shape
