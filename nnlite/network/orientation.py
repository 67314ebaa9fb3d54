"""In which order PyTorch keeps the numbers of a layer.

PyTorch has units first (n_out, n_in) and channels first (C, H, W): the weights of a Dense layer or a convolution
turn round. Behind a Flatten the features of an image are in another order, too: (C, H, W) there, (H, W, C) here. The
arrays of the layers that work on these features have PyTorch's order then.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.layers import BatchNorm, Dense, Flatten, Layer, LayerNorm, Reshape, Residual
from nnlite.layers.base import Shape
from nnlite.layers.chain import with_input_shapes
from nnlite.layers.convolution import Convolution
from nnlite.layers.noise import ChannelDropout
from nnlite.layers.padding import ZeroPadding
from nnlite.layers.pooling import GlobalAveragePooling, Pooling

WITH_CHANNELS = (Convolution, Pooling, ZeroPadding, ChannelDropout)
TAKE_IMAGES = (*WITH_CHANNELS, GlobalAveragePooling)


class Orientation(NamedTuple):
    """How an array of a layer becomes that of PyTorch: take it as ``split``, order its axes, join them to ``shape``.

    Attributes
    ----------
    split : tuple of int
        The shape of the array here, with an axis of features as (H, W, C) if they are those of an image.
    axes : tuple of int
        The axes of ``split`` in the order of PyTorch.
    shape : tuple of int
        The shape of the array in PyTorch.
    """

    split: Shape
    axes: Shape
    shape: Shape

    def to_pytorch(self, array: Array) -> Array:
        """Return the array in the order of PyTorch."""
        return np.ascontiguousarray(array.reshape(self.split).transpose(self.axes).reshape(self.shape))

    def from_pytorch(self, array: Array, shape: Shape) -> Array:
        """Return an array of PyTorch in the order and shape of the layer."""
        turned = array.reshape([self.split[axis] for axis in self.axes])
        return turned.transpose(np.argsort(self.axes)).reshape(shape)


class View(NamedTuple):
    """What the input of a layer is: an image with channels, the features of an image, or neither.

    Attributes
    ----------
    image : tuple of int or None
        The shape (H, W, C) of the input, if it is an image.
    features : tuple of int or None
        The shape (H, W, C) of the image whose numbers are the features of the input.
    units : tuple of int or None
        For a Dense layer in a `Residual`: the shape (H, W, C) of the image to whose features its units are added. The
        units then have the order of these features.
    """

    image: Shape | None = None
    features: Shape | None = None
    units: Shape | None = None


NEITHER = View()


def orientation(layer: Layer, attribute: str, shape: Shape, view: View) -> Orientation:
    """Return how PyTorch keeps the array ``attribute`` of a layer, which has that shape here."""
    if isinstance(layer, Convolution) and attribute == "W":
        axes = (len(shape) - 1, len(shape) - 2, *range(len(shape) - 2))
        return Orientation(shape, axes, tuple(shape[axis] for axis in axes))
    of_features = view.features if view.features and math.prod(view.features) == shape[0] else shape[:1]
    if isinstance(layer, Dense):
        units, axes_of_units = _channels_first(view.units or shape[-1:])
        if attribute != "W":
            return Orientation(units, axes_of_units, shape)
        split, axes = _channels_first(of_features)
        return Orientation((*split, *units), (*(len(split) + axis for axis in axes_of_units), *axes), shape[::-1])
    if isinstance(layer, LayerNorm) and view.image == shape:
        split, axes = _channels_first(shape)
        return Orientation(split, axes, (shape[-1], *shape[:-1]))
    if isinstance(layer, (BatchNorm, LayerNorm)) and len(shape) == 1:
        split, axes = _channels_first(of_features)
        return Orientation(split, axes, shape)
    return Orientation(shape, tuple(range(len(shape))), shape)


def views(
    layers: Sequence[Layer], input_shape: Shape, view: View = NEITHER, wanted: Shape | None = None
) -> Iterator[tuple[Layer, View]]:
    """Yield every layer, also those inside others, with what an example is to it.

    With ``wanted`` the results are added to the features of an image of that shape.
    """
    shape = input_shape
    last = max((i for i, layer in enumerate(layers) if _orders(layer)), default=-1)
    for i, layer in enumerate(layers):
        if _takes_images(layer, shape):
            view = View(image=shape)
        units = wanted if i == last else None
        yield layer, view._replace(units=units)
        of_chains = units if _orders(layer) else view.features
        for chain in layer.inner_chains.values():
            yield from views(chain, shape, view, of_chains if isinstance(layer, Residual) else None)
        before, shape = shape, layer.output_shape(shape)
        if _orders(layer):
            view = View(features=units)
        elif isinstance(layer, (Flatten, Reshape)) and len(shape) == 1 and view.image is not None:
            view = View(features=before)
        elif isinstance(layer, WITH_CHANNELS) or (view.image is not None and len(shape) == len(before)):
            view = View(image=shape)
        elif isinstance(layer, (Flatten, Reshape)) or shape != before:
            view = NEITHER


def _orders(layer: Layer) -> bool:
    """Whether the layer gives its output units an order of its own, as Dense does.

    A Residual does so if both its chains do. A direct connection keeps the order of the input.
    """
    if isinstance(layer, Residual):
        return layer.shortcut is not None and all(any(map(_orders, chain)) for chain in layer.inner_chains.values())
    return isinstance(layer, Dense)


def _takes_images(layer: Layer, shape: Shape) -> bool:
    """Whether it is a layer for images, or has one inside that gets examples of the same shape."""
    inside = with_input_shapes([layer], [shape])
    return any(isinstance(inner, TAKE_IMAGES) and before == shape for inner, before in inside)


def _channels_first(shape: Shape) -> tuple[Shape, Shape]:
    """Return the shape, and its axes with the last in front."""
    return shape, (len(shape) - 1, *range(len(shape) - 1))
