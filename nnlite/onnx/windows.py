"""The operators of ONNX that work on windows of images: what they compute, and what they say of their kernel.

ONNX has channels first: (M, C, H, W). They are computed with the layers of nnlite, which have channels last.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from nnlite import layers
from nnlite.checks import Array
from nnlite.errors import ModelFileError
from nnlite.layers import Cache
from nnlite.layers.windows import LARGEST_OF_FILE, Windows
from nnlite.onnx.evaluation import OPERATORS, Call, check_size

MOST_PRODUCTS = 2**34  # multiplications of one operator
LARGEST_KERNEL = 2**12
AXES = (1, 2)

Pads = tuple[tuple[int, int], ...]


class Kernel(NamedTuple):
    """What an operator says of its kernel, with one number for each axis of the image.

    ``pads`` are the pixels before and behind the image along each axis.
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: Pads


def kernel_of(call: Call, size: tuple[int, ...], kernel: tuple[int, ...]) -> Kernel:
    """Return the kernel of an operator that works on images of that size; ModelFileError if nnlite has none like it."""
    n = len(size)
    if n not in AXES or len(kernel) != n:
        raise ModelFileError(f"{call.node} works on {n} axes of an image; nnlite has layers for 1 and 2")
    strides, dilation = (_numbers(call, name, [1] * n, 1) for name in ("strides", "dilations"))
    windows = Windows(kernel, strides, dilation, "same")
    how = call.attribute("auto_pad", "NOTSET")
    around = _numbers(call, "pads", [0] * 2 * n, 0)
    pads: Pads = tuple(zip(around[:n], around[n:], strict=True))
    if how in ("SAME_UPPER", "SAME_LOWER"):
        pads = tuple(pad if how == "SAME_UPPER" else pad[::-1] for pad in windows.pads(size))
    elif how == "VALID":
        pads = ((0, 0),) * n
    elif how != "NOTSET":
        raise ModelFileError(f"{call.node} has auto_pad {how!r:.30}")
    whole = tuple(before + side + after for side, (before, after) in zip(size, pads, strict=True))
    places = windows._replace(padding="valid").places(whole)
    if min(places) < 1:
        raise ModelFileError(f"{call.node} has a kernel that is larger than its image")
    if call.attribute("ceil_mode", 0) and any(
        (side - e) % s for side, e, s in zip(whole, windows.covered, strides, strict=True)
    ):
        raise ModelFileError(f"{call.node} rounds the number of its windows up, and nnlite down")
    return Kernel(kernel, strides, dilation, pads)


def _numbers(call: Call, name: str, default: list[int], least: int) -> tuple[int, ...]:
    given = call.attribute(name, default)
    if len(given) != len(default) or not all(least <= n <= LARGEST_KERNEL for n in given):
        raise ModelFileError(f"{call.node} has {name} {given!r:.50}")
    return tuple(map(int, given))


def pads_of(call: Call) -> Pads:
    """Return how many zeros the operator Pad adds along each axis, the batch included."""
    ndim = call[0].ndim
    around = call.attribute("pads") if call.get(1) is None else call[1].ravel().tolist()
    axes = range(ndim) if call.get(3) is None else [int(axis) % ndim for axis in call[3].ravel()[:64]]
    value = call.attribute("value", 0.0) if call.get(2) is None else call[2].ravel()[:1].tolist()[0]
    if call.attribute("mode", "constant") != "constant" or value != 0:
        raise ModelFileError(f"{call.node} pads an image with other numbers than 0")
    if around is None or len(around) != 2 * len(axes) or not all(0 <= n <= LARGEST_KERNEL for n in around):
        raise ModelFileError(f"{call.node} has pads {around!r:.50}")
    pads = [(0, 0)] * ndim
    for axis, before, after in zip(axes, around[: len(axes)], around[len(axes) :], strict=True):
        pads[axis] = (int(before), int(after))
    if pads[0] != (0, 0):
        raise ModelFileError(f"{call.node} adds examples to the batch")
    return tuple(pads)


# ---- evaluation ------------------------------------------------------------------------------------------------------


def _conv(call: Call) -> Array:
    a, W = call[0], call[1]
    kernel = kernel_of(call, a.shape[2:], W.shape[2:])
    a = _padded(call, a, kernel, 0.0)
    layer = _layer(layers.Conv1D, layers.Conv2D, W.ndim - 2)(
        W.shape[0], kernel.size, strides=kernel.strides, dilation=kernel.dilation, groups=call.attribute("group", 1)
    )
    places = layer.windows.places(a.shape[2:])
    check_size((len(a), *places, W.shape[0]), call.node)
    if len(a) * math.prod(places) * W.size > MOST_PRODUCTS:
        raise ModelFileError(f"{call.node} would compute {math.prod(places) * W.size} products for one example")
    if W.shape[1] * layer.groups != a.shape[1]:
        raise ModelFileError(f"{call.node} has weights for {W.shape[1] * layer.groups} channels, and gets {a.shape[1]}")
    b = call.get(2)
    layer.W, layer.b = np.moveaxis(W, (0, 1), (-1, -2)), np.zeros(W.shape[0]) if b is None else b
    return _through(call, layer, a)


def _max_pool(call: Call) -> Array:
    kernel = kernel_of(call, call[0].shape[2:], tuple(call.attribute("kernel_shape", ())))
    if max(kernel.dilation) > 1:
        raise ModelFileError(f"{call.node} has a dilation, and the pooling of nnlite none")
    a = _padded(call, call[0], kernel, -np.inf)
    return _through(call, _layer(layers.MaxPool1D, layers.MaxPool2D, a.ndim - 2)(kernel.size, kernel.strides), a)


def _average_pool(call: Call) -> Array:
    kernel = kernel_of(call, call[0].shape[2:], tuple(call.attribute("kernel_shape", ())))
    if max(kernel.dilation) > 1:
        raise ModelFileError(f"{call.node} has a dilation, and the pooling of nnlite none")
    layer = _layer(layers.AveragePool1D, layers.AveragePool2D, call[0].ndim - 2)(kernel.size, kernel.strides)
    mean = _through(call, layer, _padded(call, call[0], kernel, 0.0))
    if call.attribute("count_include_pad", 0):
        return mean
    return mean / _through(call, layer, _padded(call, np.ones_like(call[0][:1, :1]), kernel, 0.0))


def _global_average_pool(call: Call) -> Array:
    mean: Array = call[0].mean(axis=tuple(range(2, call[0].ndim)), keepdims=True)
    return mean


def _pad(call: Call) -> Array:
    pads = pads_of(call)
    check_size([n + sum(pad) for n, pad in zip(call[0].shape, pads, strict=True)], call.node)
    return np.pad(call[0], pads)


def _padded(call: Call, a: Array, kernel: Kernel, value: float) -> Array:
    pads = ((0, 0), (0, 0), *kernel.pads)
    check_size([n + sum(pad) for n, pad in zip(a.shape, pads, strict=True)], call.node)
    return np.pad(a, pads, constant_values=value)


def _layer(of_sequences: Any, of_images: Any, axes: int) -> Any:
    return of_sequences if axes == 1 else of_images


def _through(call: Call, layer: Any, a: Array) -> Array:
    n = layer.windows.n_numbers((*a.shape[2:], a.shape[1]))
    if n > LARGEST_OF_FILE:
        raise ModelFileError(f"{call.node} would compute with {n} numbers for one example")
    result: Array = np.moveaxis(layer.forward(np.moveaxis(a, 1, -1), Cache()), -1, 1)
    return result


OPERATORS.update({
    "AveragePool": _average_pool,
    "Conv": _conv,
    "GlobalAveragePool": _global_average_pool,
    "MaxPool": _max_pool,
    "Pad": _pad,
})  # fmt: skip
