"""Layers with a direct connection around them."""

from collections.abc import Sequence
from typing import Any

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import Cache, Layer, Shape, fault
from nnlite.layers.by_name import as_layer
from nnlite.layers.chain import backward as chain_backward
from nnlite.layers.chain import forward as chain_forward
from nnlite.layers.chain import shapes_along


class Residual(Layer):
    r"""Residual connection: ``a = S(a_prev) + F(a_prev)``, where F is a chain of layers, and S the shortcut around it.

    Without ``shortcut``, ``S(a_prev) = a_prev``, and F must keep the shape of its input. A shortcut of layers, such as
    ``[nn.Conv2D(128, 1, strides=2)]``, is a projection: it gives a_prev the shape of F's output.

    Parameters
    ----------
    layers : sequence of Layer or str
        The chain F, at least one layer. An activation may be given by its name, such as "relu".
    trainable : bool, default True
        False freezes all of them, and those of the shortcut.
    shortcut : sequence of Layer or str, optional
        The chain S, at least one layer.

    Attributes
    ----------
    inner_layers : tuple of Layer
        The layers of F, then those of S.

    Raises
    ------
    ArgumentError
        If there is no layer, if a layer occurs twice, or if F and S give different shapes.

    Notes
    -----
    a_prev (M, ...) -> a (M, ...). Backward: ``da_prev = dS(da) + dF(da)``, where dS and dF are the backward passes of S
    and F; without ``shortcut``, ``dS(da) = da``.

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", 2016.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.Residual([nn.Dense(64), nn.ReLU()])
    Residual((Dense(64), ReLU()))
    >>> block = nn.Residual([nn.Conv2D(16, 3, strides=2, padding="same")], shortcut=[nn.Conv2D(16, 1, strides=2)])
    >>> block.output_shape((28, 28, 8))
    (14, 14, 16)
    """

    shortcut: tuple[Layer, ...] | None = None

    def __init__(
        self,
        layers: Sequence[Layer | str],
        trainable: bool = True,
        *,
        shortcut: Sequence[Layer | str] | None = None,
    ) -> None:
        self.layers = _chain("layers", layers)
        self.shortcut = None if shortcut is None else _chain("shortcut", shortcut)
        self.inner_layers = self.layers + (self.shortcut or ())
        seen: list[Layer] = []
        for name, chain in self.inner_chains.items():
            for i, layer in enumerate(chain):
                if any(layer is earlier for earlier in seen):
                    raise ArgumentError(f"{name}: entry {i}, {layer}, occurs twice; make one layer for each place")
                seen.append(layer)
        if not checks.boolean("trainable", trainable):
            self.trainable = False

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = S(a_prev) + F(a_prev)``."""
        F, S = self.layers, self.shortcut or ()
        cache.shapes, cache.caches = shapes_along(F, a_prev.shape[1:]), cache.inner(len(F))
        cache.S_shapes, cache.S_caches = shapes_along(S, a_prev.shape[1:]), cache.inner(len(S))
        F_of_a_prev = chain_forward(F, a_prev, cache.caches, cache.shapes)
        return chain_forward(S, a_prev, cache.S_caches, cache.S_shapes) + F_of_a_prev

    def backward(self, da: Array, cache: Cache) -> Array | None:
        """``da_prev = dS(da) + dF(da)``."""
        dF: Any = chain_backward(self.layers, da, cache.caches, cache.shapes)
        dS: Any = chain_backward(self.shortcut or (), da, cache.S_caches, cache.S_shapes)
        return dS + dF

    @property
    def trainable(self) -> bool:
        """Whether any of the layers learns. Assigning to it sets all of them."""
        return any(layer.trainable for layer in self.inner_layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.inner_layers:
            layer.trainable = checks.boolean("trainable", value)

    @property
    def inner_chains(self) -> dict[str, tuple[Layer, ...]]:
        """F and S."""
        return {"layers": self.layers} | ({} if self.shortcut is None else {"shortcut": self.shortcut})

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of F's output, which must be that of S."""
        shape = shapes_along(self.layers, input_shape)[-1]
        of_shortcut = shapes_along(self.shortcut or (), input_shape)[-1]
        if self.shortcut is None and shape != input_shape:
            hint = "; shortcut=[nn.Conv2D(filters, 1, strides=...)] gives it that shape, too" if len(shape) > 1 else ""
            raise fault(self, f" must keep the shape {input_shape} of its input, but turns it into {shape}{hint}")
        if shape != of_shortcut:
            raise fault(
                self,
                f" must have a shortcut that gives the shape {shape} of its layers, but it gives {of_shortcut} for "
                f"examples of shape {input_shape}",
            )
        return shape


def _chain(name: str, layers: Any) -> tuple[Layer, ...]:
    """Return the layers of a chain, or raise ArgumentError."""
    if isinstance(layers, (Layer, str)) or not isinstance(layers, Sequence) or not layers:
        raise ArgumentError(f"{name}: expected a list of at least one layer, got {layers!r}")
    return tuple(as_layer(f"{name}: entry {i}", layer) for i, layer in enumerate(layers))
