"""Where the parameters of a network's layers lie in its flat vectors."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from nnlite.checks import Array
from nnlite.layers.base import Layer, Shape


class Segment(NamedTuple):
    """The place of one parameter: ``theta[start:stop]``, seen as an array of ``shape``.

    ``name`` is its name in the network ("W2": the second with that name), ``attribute`` its name on the layer ("W").
    """

    name: str
    layer: Layer
    attribute: str
    start: int
    stop: int
    shape: Shape

    @property
    def decayed(self) -> bool:
        """Whether weight decay acts on it."""
        return self.attribute in self.layer.decayed

    def view(self, vector: Array) -> Array:
        """Return the parameter's part of ``vector``."""
        return vector[self.start : self.stop].reshape(self.shape)


def lay_out(layers: Sequence[tuple[Layer, Shape]]) -> list[Segment]:
    """Give each parameter of the layers its place, first those that weight decay acts on, and a name by its number."""
    parameters = [
        (layer, attribute, shape)
        for layer, input_shape in layers
        for attribute, shape in layer.parameter_shapes(input_shape).items()
    ]
    starts = {}
    size = 0
    for decayed in (True, False):
        for i, (layer, attribute, shape) in enumerate(parameters):
            if (attribute in layer.decayed) == decayed:
                starts[i] = size
                size += math.prod(shape)
    count: dict[str, int] = {}
    segments = []
    for i, (layer, attribute, shape) in enumerate(parameters):
        number = count[attribute] = count.get(attribute, 0) + 1
        stop = starts[i] + math.prod(shape)
        segments.append(Segment(f"{attribute}{number}", layer, attribute, starts[i], stop, shape))
    return segments


def bind(segments: Sequence[Segment], theta: Array, grad: Array) -> None:
    """Set ``layer.W`` and ``layer.dW``, for every layer and parameter, to views into the vectors."""
    views: dict[Layer, dict[str, Array]] = {}
    for segment in segments:
        of_layer = views.setdefault(segment.layer, {})
        of_layer[segment.attribute] = segment.view(theta)
        of_layer[f"d{segment.attribute}"] = segment.view(grad)
    for layer, of_layer in views.items():
        layer.bind(of_layer)
