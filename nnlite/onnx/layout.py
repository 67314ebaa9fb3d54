"""Turn the layers of a file, whose images have channels first, into layers with channels last.

A value of the file is the value of nnlite with its axes in another order: (C, H, W) for (H, W, C). The order is kept
from layer to layer. Operators that transpose an image only change it; a Flatten makes rows in another order, and the
next Dense layer gets its weights in the order of nnlite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnlite import layers
from nnlite.checks import Array
from nnlite.errors import ModelFileError
from nnlite.layers.windows import Windows
from nnlite.onnx.items import Affine, Item
from nnlite.onnx.windows import Kernel

Shape = tuple[int, ...]
NOT_NEGATIVE = (layers.ReLU, layers.Sigmoid, layers.Softmax, layers.Exponential, layers.Softplus)
UNCHANGED = (
    layers.ZeroPadding1D,
    layers.ZeroPadding2D,
    layers.MaxPool1D,
    layers.MaxPool2D,
)  # keep numbers from below 0


@dataclass(frozen=True)
class Transposed(Item):
    """The axes of an example in another order."""

    axes: Shape = ()


@dataclass(frozen=True)
class Reshaped(Item):
    """Examples of another shape."""

    shape: Shape = ()


@dataclass(frozen=True)
class OfImages(Item):
    """An operator that works on images with channels first: Conv, MaxPool, AveragePool, GlobalAveragePool, Pad, Mean.

    ``padding_counts`` says for a mean of windows whether padding counts. ``pads`` are those of Pad for each axis of an
    example, and ``axes`` those over which Mean is taken.
    """

    operator: str = ""
    kernel: Kernel | None = None
    groups: int = 1
    padding_counts: bool = True
    pads: tuple[tuple[int, int], ...] = ()
    axes: Shape = ()
    keeps_axes: bool = True

    def __str__(self) -> str:
        return self.operator


@dataclass(frozen=True)
class Layout:
    """What a value of the file is here.

    Attributes
    ----------
    shape : tuple of int
        The shape of an example here.
    axes : tuple of int
        The example of the file is the one here, transposed to these axes.
    order : ndarray, optional
        Of rows: the feature i of the file is the feature ``order[i]`` here. None if they are the same.
    """

    shape: Shape
    axes: Shape
    order: Array | None = None

    @property
    def in_file(self) -> Shape:
        """The shape of an example in the file."""
        return tuple(self.shape[axis] for axis in self.axes)

    def here(self, array: Array) -> Array:
        """Return an array with a number for each entry of an example, in the order of nnlite."""
        if self.order is None:
            return array.transpose(np.argsort(self.axes))
        turned = np.empty_like(array)
        turned[self.order] = array
        return turned


def plain(shape: Shape) -> Layout:
    """Return the layout of a value that is the same here."""
    return Layout(shape, tuple(range(len(shape))))


def channels_last(items: Sequence[Item], shape: Shape) -> tuple[list[Item], Shape]:
    """Return the layers with channels last, and the shape of an example of the input.

    Raises
    ------
    ModelFileError
        If nnlite has no layer for an operator on images, or a chain mixes the order of axes.
    """
    layout = _first(shape) if _begins_with_channels(items) else plain(shape)
    converted, end = _Converter().chain(items, layout)
    if end.order is not None or end.axes != tuple(range(len(end.axes))):
        raise ModelFileError("ends with the numbers of an image, whose channels nnlite has in another order")
    return converted, layout.shape


def _first(shape: Shape) -> Layout:
    """Return the layout of an image whose channels are first in the file."""
    C, *size = shape
    return Layout((*size, C), (len(size), *range(len(size))))


def _begins_with_channels(items: Sequence[Item]) -> bool:
    """Whether the first operator on images gets the input itself, with channels first."""
    for item in items:
        if isinstance(item, (Transposed, Reshaped)) or ("W" in item.arrays and not isinstance(item, OfImages)):
            return False
        if isinstance(item, OfImages) and item.operator not in ("Pad", "Mean"):
            return True
        if item.inner:
            return _begins_with_channels(item.inner) or _begins_with_channels(item.shortcut)
    return False


class _Converter:
    """Converts chains."""

    def chain(self, items: Sequence[Item], layout: Layout) -> tuple[list[Item], Layout]:
        """Return the layers of a chain, and the layout of what they give."""
        done: list[Item] = []
        for item in items:
            layout = self._item(item, layout, done)
        return done, layout

    def _item(self, item: Item, layout: Layout, done: list[Item]) -> Layout:
        """Append what an item becomes to ``done``; return the layout behind it."""
        if isinstance(item, Transposed):
            layout = replace(layout, axes=tuple(layout.axes[axis] for axis in item.axes))
        elif isinstance(item, Reshaped):
            layout = self._reshaped(item, layout, done)
        elif isinstance(item, OfImages):
            layout = self._of_images(item, layout, done)
        elif item.inner:
            layout = self._residual(item, layout, done)
        elif "W" in item.arrays:
            W = item.arrays["W"] if layout.order is None else layout.here(item.arrays["W"])
            done.append(replace(item, arrays=item.arrays | {"W": W}))
            layout = plain((W.shape[1],))
        elif item.arrays:
            self._with_arrays(item, layout, done)
        else:
            done.append(item)
            turned = layout.axes[-1:] != (len(layout.axes) - 1,)
            if turned and isinstance(item.make(), layers.Softmax):
                raise ModelFileError("has the operator Softmax along an axis of an image that is not that of channels")
        return layout

    def _residual(self, item: Item, layout: Layout, done: list[Item]) -> Layout:
        (inner, one), (shortcut, other) = (self.chain(chain, layout) for chain in (item.inner, item.shortcut))
        same = one.shape == other.shape and one.axes == other.axes
        if not same or not np.array_equal(_order(one), _order(other)):
            raise ModelFileError("has an addition of values whose axes are in another order")
        done.append(replace(item, inner=tuple(inner), shortcut=tuple(shortcut)))
        return one

    def _with_arrays(self, item: Item, layout: Layout, done: list[Item]) -> None:
        """Append a normalization or ``s z + t``; its numbers for each channel, if those of all pixels are the same."""
        arrays = {name: layout.here(array) for name, array in item.arrays.items()}
        shape = layout.shape
        is_norm = isinstance(item, Affine) or "running_mean" in arrays
        if len(shape) == 1 or not is_norm:
            done.append(replace(item, arrays=arrays))
            return
        pixels = {name: array.reshape(-1, shape[-1]) for name, array in arrays.items()}
        if all((array == array[0]).all() for array in pixels.values()):
            done.append(replace(item, arrays={name: array[0] for name, array in pixels.items()}))
            return
        flat = replace(item, arrays={name: array.ravel() for name, array in arrays.items()})
        done += [Item(layers.Flatten), flat, Item(lambda: layers.Reshape(shape))]

    def _reshaped(self, item: Reshaped, layout: Layout, done: list[Item]) -> Layout:
        shape = item.shape
        if layout.order is not None:
            raise ModelFileError("has a reshape of the numbers of an image, whose channels nnlite has in another order")
        if math.prod(layout.shape) == max(layout.shape, default=1):  # a vector, whatever its axes
            if done and getattr(done[-1], "shape", None) == layout.shape and isinstance(done[-1], Reshaped):
                done.pop()
                if len(shape) == 1:
                    return plain(shape)
            done.append(_as_reshape(shape))
            return plain(shape)
        if layout.axes == tuple(range(len(layout.axes))):
            done.append(_as_reshape(shape))
            return plain(shape)
        if len(shape) > 1 and _only_ones_differ(layout.in_file, shape) and layout.axes == _first(layout.in_file).axes:
            done.append(_as_reshape(_first(shape).shape))
            return _first(shape)
        if len(shape) != 1:
            raise ModelFileError("has a reshape of an image, whose channels nnlite has in another order")
        done.append(Item(layers.Flatten))
        order = np.arange(math.prod(layout.shape)).reshape(layout.shape).transpose(layout.axes).ravel()
        return Layout(shape, (0,), None if (order == np.arange(len(order))).all() else order)

    # ---- images ----------------------------------------------------------------------------------------------------

    def _of_images(self, item: OfImages, layout: Layout, done: list[Item]) -> Layout:
        if item.operator == "Pad":
            return self._pad(item, layout, done)
        if item.operator == "Mean":
            return self._mean(item, layout, done)
        layout = self._with_channels_first(item, layout, done)
        *size, C = layout.shape
        if item.operator == "GlobalAveragePool":
            return self._global(layout, done, keeps_axes=True)
        assert item.kernel is not None
        kernel = item.kernel
        around, padding = self._padding(item, layout, done)
        if around:
            done.append(_zeros(kernel.pads))
            size = [n + sum(pad) for n, pad in zip(size, kernel.pads, strict=True)]
        made, arrays = _layer_of(item, kernel, padding)
        done.append(Item(made, arrays))
        shape = made().output_shape((*size, C))
        return Layout(shape, layout.axes)

    def _with_channels_first(self, item: OfImages, layout: Layout, done: list[Item]) -> Layout:
        """Return a layout with channels first in the file, for which numbers stay in their order if it has one."""
        wanted = _first(layout.in_file)
        if layout.order is not None or len(layout.in_file) < 2:
            raise ModelFileError(f"has the operator {item} on what is no image")
        if layout.axes == wanted.axes:
            return layout
        C, *size = layout.in_file
        if layout.axes == tuple(range(len(layout.axes))) and (C == 1 or math.prod(size) == 1):
            if done and isinstance(done[-1], Reshaped):
                done.pop()
            done.append(_as_reshape(wanted.shape))
            return wanted
        raise ModelFileError(f"has the operator {item} on images whose channels are not last here")

    def _padding(self, item: OfImages, layout: Layout, done: list[Item]) -> tuple[bool, str]:
        """Return whether zeros must be put around the image, and the padding of the layer."""
        assert item.kernel is not None
        kernel = item.kernel
        if not any(map(any, kernel.pads)):
            return False, "valid"
        same = Windows(kernel.size, kernel.strides, kernel.dilation, "same").pads(layout.shape[:-1])
        if tuple(same) == kernel.pads and not (item.operator == "AveragePool" and item.padding_counts):
            return False, "same"
        if item.operator == "AveragePool" and not item.padding_counts:
            raise ModelFileError("has the operator AveragePool with a padding that nnlite does not have")
        if item.operator == "MaxPool" and not _is_not_negative(done):
            raise ModelFileError("has the operator MaxPool with a padding that nnlite does not have")
        return True, "valid"

    def _pad(self, item: OfImages, layout: Layout, done: list[Item]) -> Layout:
        if not any(map(any, item.pads)):
            return layout
        pads = [(0, 0)] * len(layout.shape)
        for axis, pad in zip(layout.axes, item.pads, strict=True):
            pads[axis] = pad
        if layout.order is not None or len(pads) not in (2, 3) or pads[-1] != (0, 0):
            raise ModelFileError("has the operator Pad along the axis of channels")
        done.append(_zeros(tuple(pads[:-1])))
        return replace(layout, shape=tuple(n + sum(pad) for n, pad in zip(layout.shape, pads, strict=True)))

    def _mean(self, item: OfImages, layout: Layout, done: list[Item]) -> Layout:
        axes = {layout.axes[axis] for axis in item.axes}
        if layout.order is not None or len(layout.shape) not in (2, 3) or axes != set(range(len(layout.shape) - 1)):
            raise ModelFileError("has the operator ReduceMean, for which nnlite has no layer")
        return self._global(layout, done, keeps_axes=item.keeps_axes)

    def _global(self, layout: Layout, done: list[Item], *, keeps_axes: bool) -> Layout:
        *size, C = layout.shape
        done.append(Item(layers.GlobalAveragePool1D if len(size) == 1 else layers.GlobalAveragePool2D))
        if not keeps_axes:
            return plain((C,))
        shape = (*(1 for _ in size), C)
        done.append(_as_reshape(shape))
        return replace(layout, shape=shape)


def _only_ones_differ(before: Shape, after: Shape) -> bool:
    """Whether a reshape adds or removes axes of one entry, and leaves that of the channels, the first."""
    return before[0] == after[0] and [n for n in before if n > 1] == [n for n in after if n > 1]


def _order(layout: Layout) -> Any:
    return () if layout.order is None else layout.order


def _as_reshape(shape: Shape) -> Item:
    if len(shape) == 1:
        return Item(layers.Flatten)
    return Reshaped(lambda: layers.Reshape(shape) if shape else None, shape=shape)


def _zeros(pads: tuple[tuple[int, int], ...]) -> Item:
    if len(pads) == 1:
        return Item(lambda: layers.ZeroPadding1D(pads[0]))
    return Item(lambda: layers.ZeroPadding2D((pads[0], pads[1])))


def _layer_of(item: OfImages, kernel: Kernel, padding: str) -> tuple[Any, dict[str, Array]]:
    """Return what makes the layer, and its arrays."""
    one = len(kernel.size) == 1
    if item.operator == "Conv":
        W = np.ascontiguousarray(np.moveaxis(item.arrays["W"], (0, 1), (-1, -2)))
        conv: Any = layers.Conv1D if one else layers.Conv2D
        options: dict[str, Any] = {"strides": kernel.strides, "dilation": kernel.dilation, "groups": item.groups}
        made = lambda: conv(W.shape[-1], kernel.size, padding=padding, **options)  # noqa: E731
        return made, {"W": W, "b": item.arrays["b"]}
    pools = {
        "MaxPool": (layers.MaxPool2D, layers.MaxPool1D),
        "AveragePool": (layers.AveragePool2D, layers.AveragePool1D),
    }
    pool: Any = pools[item.operator][one]
    strides = None if kernel.strides == kernel.size else kernel.strides
    return lambda: pool(kernel.size, strides, padding), {}


def _is_not_negative(done: Sequence[Item]) -> bool:
    """Whether the last layer gives no negative numbers, so that zeros around an image change no maximum."""
    for item in reversed(done):
        made = None if item.inner else item.make and item.make()
        if not isinstance(made, UNCHANGED):
            return isinstance(made, NOT_NEGATIVE)
    return False
