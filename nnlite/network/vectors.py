"""Where the parameters of a network's layers, and what else they keep, lie in its flat vectors."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from nnlite.checks import Array
from nnlite.engine.memory import aligned, aligned_copy
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


def walk(layers: Sequence[Layer], input_shapes: Sequence[Shape]) -> Iterator[tuple[Layer, Shape]]:
    """Every layer and the shape of what goes into it; a layer's inner layers come right behind it."""
    for layer, shape in zip(layers, input_shapes, strict=False):
        yield layer, shape
        yield from walk(layer.inner_layers, layer.inner_input_shapes(shape))


def flattened(layers: Sequence[Layer]) -> Iterator[Layer]:
    """Every layer; a layer's inner layers come right behind it."""
    for layer in layers:
        yield layer
        yield from flattened(layer.inner_layers)


VECTORS = ("theta", "grad", "state")


class Vectors:
    """Everything that the layers of a network learn and keep, in three flat vectors.

    Parameters
    ----------
    layers : sequence of (Layer, tuple)
        All layers, inner ones too, with the shape of what goes into each.
    dtype : numpy.dtype

    Attributes
    ----------
    theta, grad : ndarray, (n_parameters,)
        Parameters and their gradients: first all that weight decay acts on, then the rest.
    state : ndarray
        What training changes without learning it, such as running averages.
    segments, state_segments : list of Segment
        Where each lies, in the order of the layers.
    """

    def __init__(self, layers: Sequence[tuple[Layer, Shape]], dtype: Any) -> None:
        self.segments = _lay_out([(layer, layer.parameter_shapes(shape)) for layer, shape in layers])
        self.state_segments = _lay_out([(layer, layer.state_shapes(shape)) for layer, shape in layers])
        self.theta = aligned(_size(self.segments), dtype)
        self.grad = aligned(_size(self.segments), dtype)
        self.state = aligned(_size(self.state_segments), dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> Vectors:
        copied = memo[id(self)] = object.__new__(type(self))
        for name, value in vars(self).items():
            setattr(copied, name, aligned_copy(value) if name in VECTORS else copy.deepcopy(value, memo))
        return copied

    def __setstate__(self, state: dict[str, Any]) -> None:  # of a pickle
        vars(self).update(state | {name: aligned_copy(state[name]) for name in VECTORS})

    def bind(self) -> None:
        """Set ``layer.W``, ``layer.dW`` and the like, for every layer, to views into the vectors."""
        views: dict[Layer, dict[str, Array]] = {}
        for segment in self.segments:
            of_layer = views.setdefault(segment.layer, {})
            of_layer[segment.attribute] = segment.view(self.theta)
            of_layer[f"d{segment.attribute}"] = segment.view(self.grad)
        for segment in self.state_segments:
            views.setdefault(segment.layer, {})[segment.attribute] = segment.view(self.state)
        for layer, of_layer in views.items():
            layer.bind(of_layer)

    @property
    def n_weights(self) -> int:
        """How many numbers at the beginning of theta weight decay acts on."""
        return _size([segment for segment in self.segments if segment.decayed])

    @property
    def trainable(self) -> tuple[bool, ...]:
        """Of each segment, whether its layer is."""
        return tuple([segment.layer.trainable for segment in self.segments])


def _lay_out(announced: Sequence[tuple[Layer, dict[str, Shape]]]) -> list[Segment]:
    entries = [(layer, attribute, shape) for layer, shapes in announced for attribute, shape in shapes.items()]
    starts = {}
    size = 0
    for decayed in (True, False):
        for i, (layer, attribute, shape) in enumerate(entries):
            if (attribute in layer.decayed) == decayed:
                starts[i] = size
                size += math.prod(shape)
    count: dict[str, int] = {}
    segments = []
    for i, (layer, attribute, shape) in enumerate(entries):
        number = count[attribute] = count.get(attribute, 0) + 1
        stop = starts[i] + math.prod(shape)
        segments.append(Segment(f"{attribute}{number}", layer, attribute, starts[i], stop, shape))
    return segments


def _size(segments: Sequence[Segment]) -> int:
    return max((segment.stop for segment in segments), default=0)
