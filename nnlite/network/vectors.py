"""The flat vectors of a network: theta, grad and state, and where each parameter lies in them."""

from __future__ import annotations

import copy
import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import Layer, Shape, fault
from nnlite.layers.chain import is_shape

LINE = 64  # bytes


class Segment(NamedTuple):
    """The place of one parameter: ``theta[start:stop]``, an array of ``shape``.

    ``name`` is its name in the network ("W2" is the second W), ``attribute`` its name on the layer ("W").
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

    @property
    def trainable(self) -> bool:
        """Whether its layer learns."""
        return self.layer.trainable

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.stop - self.start

    def view(self, vector: Array) -> Array:
        """Return this parameter's part of ``vector``."""
        return vector[self.start : self.stop].reshape(self.shape)


def is_unset(gradient: Array) -> bool:
    """Whether a gradient has never been set. A NaN that was computed is not meant."""
    return bool((_bits(gradient) == _bits(_unset(1, gradient.dtype))).all())


def copy_into(name: str, vector: Array, value: Any) -> None:
    """Copy ``value`` into a vector; ArgumentError unless it is one number or has the length of the vector."""
    array = checks.numeric_array(name, value)
    if array.size != 1 and array.shape != vector.shape:
        raise ArgumentError(f"{name}: expected {vector.size} numbers or one, got an array of shape {array.shape}")
    vector[...] = array


def wrong_segment(vector: Array, segments: Sequence[Segment]) -> Segment | None:
    """Return the first part of ``vector`` that has NaN or infinity; None if all is finite."""
    if math.isfinite(checks.squares(vector)) or np.isfinite(vector).all():  # the first is faster, and may overflow
        return None
    return next(segment for segment in segments if not np.isfinite(segment.view(vector)).all())


def _unset(size: int, dtype: Any) -> Array:
    """Return NaNs with a mark in the last bit, which no computation sets."""
    gradient = np.full(size, np.nan, dtype)
    _bits(gradient)[...] |= 1
    return gradient


def _at_a_line(vector: Array) -> Array:
    """Return a copy that begins with a line of the cache: the prediction of one example reads theta faster then."""
    memory = np.zeros(vector.nbytes + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    copied = memory[start : start + vector.nbytes].view(vector.dtype)
    copied[...] = vector
    return copied


def _bits(array: Array) -> Array:
    return array.view(f"u{array.itemsize}")


class Views(Mapping[str, Array]):
    """Arrays by name, which are views into a vector: an assignment copies numbers into the array of that name.

    Parameters
    ----------
    what : str
        The name of the mapping, "parameters" or "gradients".
    views : dict of str to ndarray
    """

    def __init__(self, what: str, views: dict[str, Array]) -> None:
        self._what = what
        self._views = views

    def __getitem__(self, name: str) -> Array:
        try:
            return self._views[name]
        except KeyError:
            raise KeyError(self._no_such(name)) from None

    def __setitem__(self, name: str, value: Any) -> None:
        """Copy ``value`` into the array of that name, or change nothing."""
        view = self._views.get(name)
        if view is None:
            raise ArgumentError(f"{self._what}: {self._no_such(name)}")
        array = checks.numeric_array(f'{self._what}["{name}"]', value)
        if array.shape not in (view.shape, ()):
            turned = f"; {name}.T has it: rows are inputs, columns are units" if array.shape[::-1] == view.shape else ""
            raise ArgumentError(
                f'{self._what}["{name}"]: expected the shape {view.shape} or one number, got {array.shape}{turned}'
            )
        checks.finite(f'{self._what}["{name}"]', array, view.dtype)
        view[...] = array

    def _no_such(self, name: object) -> str:
        by_lower = {known.lower(): known for known in self._views}
        close = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.8)
        hint = f"; did you mean {by_lower[close[0]]!r}?" if close else ""
        return f"the network has no {name!r}; it has {', '.join(self._views) or 'none'}{hint}"

    def __delitem__(self, name: str) -> None:
        raise ArgumentError(f"{self._what}: {name} belongs to a layer and cannot be deleted")

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        return repr(self._views)


class Vectors:
    """All that the layers of a network learn and keep, in three flat vectors.

    Parameters
    ----------
    layers : sequence of (Layer, tuple)
        Every layer, also those inside others, and the shape of one of its input examples.
    dtype : numpy.dtype

    Attributes
    ----------
    theta, grad : ndarray, (n_parameters,)
        Parameters and their gradients: first those that weight decay acts on, then the others. A gradient that has
        not been set yet is NaN, since an optimizer would take 0 for a gradient.
    state : ndarray
        What the layers keep but do not learn, such as running averages.
    segments, state_segments : list of Segment
        Where each parameter lies, in the order of the layers.
    """

    def __init__(self, layers: Sequence[tuple[Layer, Shape]], dtype: Any) -> None:
        self.segments = _lay_out([(layer, layer.parameter_shapes(shape)) for layer, shape in layers])
        self.state_segments = _lay_out([(layer, layer.state_shapes(shape)) for layer, shape in layers])
        self.theta = _at_a_line(np.zeros(_size(self.segments), dtype))
        self.grad = _unset(_size(self.segments), dtype)
        self.state = np.zeros(_size(self.state_segments), dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> Vectors:
        memo[id(self.theta)] = _at_a_line(self.theta)
        other = memo[id(self)] = object.__new__(type(self))
        vars(other).update(copy.deepcopy(vars(self), memo))
        return other

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.theta = _at_a_line(self.theta)

    def bind(self) -> None:
        """Set ``layer.W``, ``layer.dW`` and the like to views into the vectors, for every layer."""
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


def _lay_out(announced: Sequence[tuple[Layer, dict[str, Shape]]]) -> list[Segment]:
    """Give each parameter its place: first all that weight decay acts on, then the others."""
    for layer, shapes in announced:
        if not isinstance(shapes, Mapping):
            raise fault(
                layer, f": parameter_shapes and state_shapes must return a dict like {{'W': (4, 8)}}, got {shapes!r}"
            )
    entries = [(layer, attribute, shape) for layer, shapes in announced for attribute, shape in shapes.items()]
    for layer, attribute, shape in entries:
        if not is_shape(shape):
            raise fault(layer, f": the shape of {attribute} must be a tuple like (8,), got {shape!r}")
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
