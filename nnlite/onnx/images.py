"""Convolutions and pooling as operators of ONNX, which have channels first.

Around each such operator the image is transposed; runtimes remove the transpositions that cancel. For float64, ONNX
Runtime has no convolution and no average: there the windows are slices of the image, joined to rows of a matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.layers.convolution import Convolution
from nnlite.layers.noise import ChannelDropout
from nnlite.layers.padding import ZeroPadding
from nnlite.layers.pooling import AveragePooling, GlobalAveragePooling, MaxPooling
from nnlite.layers.windows import Windows
from nnlite.onnx.operators import LayerWriter

Pads = Sequence[tuple[int, int]]


def _convolution(to: LayerWriter, layer: Any, a_prev: str) -> str:
    size = to.shapes[layer][:-1]
    if not to.single:
        return _product_of_windows(to, layer, a_prev, size)
    name, W = to.arrays[layer, "W"]
    turned = to.graph.constant(name, np.moveaxis(W, (-1, -2), (0, 1)))
    options = _options(layer.windows, size) | {"dilations": list(layer.windows.dilation), "group": layer.groups}
    z = to.add("Conv", _channels_first(to, a_prev, layer.axes), turned, to.array(layer, "b"), **options)
    return _channels_last(to, z, layer.axes)


def _product_of_windows(to: LayerWriter, layer: Any, a_prev: str, size: tuple[int, ...]) -> str:
    """``windows W + b`` for each group, with the pixels that an entry of the kernel sees as a slice of the image."""
    slices = _slices(to, layer.windows, a_prev, size)
    W, n_in, n_out = layer.W, layer.W.shape[-2], layer.filters // layer.groups
    results = []
    for group in range(layer.groups):
        seen = slices
        if layer.groups > 1:
            seen = [_slice(to, one, [-1], [group * n_in], [(group + 1) * n_in], [1]) for one in slices]
        windows = to.add("Concat", *seen, axis=-1) if len(seen) > 1 else seen[0]
        of_group = W[..., group * n_out : (group + 1) * n_out].reshape(-1, n_out)
        results.append(to.add("MatMul", windows, to.graph.constant("W", of_group)))
    z = to.add("Concat", *results, axis=-1) if len(results) > 1 else results[0]
    return to.add("Add", z, to.array(layer, "b"))


def _max_pool(to: LayerWriter, layer: Any, a_prev: str) -> str:
    options = _options(layer.windows, to.shapes[layer][:-1])
    a = to.add("MaxPool", _channels_first(to, a_prev, layer.axes), **options)
    return _channels_last(to, a, layer.axes)


def _average_pool(to: LayerWriter, layer: Any, a_prev: str) -> str:
    size = to.shapes[layer][:-1]
    if to.single:
        options = _options(layer.windows, size) | {"count_include_pad": 0}
        a = to.add("AveragePool", _channels_first(to, a_prev, layer.axes), **options)
        return _channels_last(to, a, layer.axes)
    first, *others = _slices(to, layer.windows, a_prev, size)
    total = first
    for other in others:
        total = to.add("Add", total, other)
    windows = layer.windows.of(np.ones((1, *size, 1)))
    n = windows.sum(axis=tuple(range(1 + layer.axes, 1 + 2 * layer.axes)))
    return to.add("Div", total, to.graph.constant("n", n))


def _global_average_pool(to: LayerWriter, layer: Any, a_prev: str) -> str:
    return to.add("ReduceMean", a_prev, axes=[*range(1, 1 + layer.axes)], keepdims=0)


def _zero_padding(to: LayerWriter, layer: Any, a_prev: str) -> str:
    return _padded(to, a_prev, layer.sides)


def _nothing(to: LayerWriter, layer: Any, a_prev: str) -> str:
    return a_prev


# ---- windows ---------------------------------------------------------------------------------------------------------


def _options(windows: Windows, size: tuple[int, ...]) -> dict[str, Any]:
    """Return the attributes of a kernel."""
    pads = windows.pads(size)
    around = [*(before for before, _ in pads), *(after for _, after in pads)]
    return {"kernel_shape": list(windows.kernel), "strides": list(windows.strides), "pads": around}


def _slices(to: LayerWriter, windows: Windows, a_prev: str, size: tuple[int, ...]) -> list[str]:
    """Return what each entry of the kernel sees of the image, at all its places."""
    places, axes = windows.places(size), [*range(1, 1 + len(size))]
    if any(map(any, windows.pads(size))):
        a_prev = _padded(to, a_prev, windows.pads(size))
    seen = []
    for entry in windows.entries:
        starts = [p * d for p, d in zip(entry, windows.dilation, strict=True)]
        ends = [start + (n - 1) * s + 1 for start, n, s in zip(starts, places, windows.strides, strict=True)]
        seen.append(_slice(to, a_prev, axes, starts, ends, windows.strides))
    return seen


def _slice(
    to: LayerWriter, a: str, axes: Sequence[int], starts: Sequence[int], ends: Sequence[int], steps: Sequence[int]
) -> str:
    return to.add("Slice", a, *(to.shape(numbers) for numbers in (starts, ends, axes, steps)))


def _padded(to: LayerWriter, a: str, pads: Pads) -> str:
    around = [(0, 0), *pads, (0, 0)]
    return to.add("Pad", a, to.shape([*(before for before, _ in around), *(after for _, after in around)]))


def _channels_first(to: LayerWriter, a: str, axes: int) -> str:
    return to.add("Transpose", a, perm=[0, 1 + axes, *range(1, 1 + axes)])


def _channels_last(to: LayerWriter, a: str, axes: int) -> str:
    return to.add("Transpose", a, perm=[0, *range(2, 2 + axes), 1])


WRITERS_OF_IMAGES: dict[Any, Callable[[LayerWriter, Any, str], str]] = {
    AveragePooling.forward: _average_pool,
    ChannelDropout.forward: _nothing,
    Convolution.forward: _convolution,
    GlobalAveragePooling.forward: _global_average_pool,
    MaxPooling.forward: _max_pool,
    ZeroPadding.forward: _zero_padding,
}
