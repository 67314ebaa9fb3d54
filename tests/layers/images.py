"""Convolution and pooling written as loops over single numbers, in float64: the oracle of the layers on images."""

import itertools

import numpy as np


def padded(a, layer, value=0.0):
    """The image with what "same" adds: TensorFlow's rule, for each axis by itself."""
    for axis, (n, k, s, d) in enumerate(zip(a.shape[1:-1], *sizes(layer), strict=True), start=1):
        covered = (k - 1) * d + 1
        added = max(covered - (n % s or s), 0) if layer.padding == "same" else 0
        before = added // 2
        shape = list(a.shape)
        shape[axis] = n + added
        larger = np.full(shape, value)
        larger[(slice(None),) * axis + (slice(before, before + n),)] = a
        a = larger
    return a


def sizes(layer):
    """The kernel, strides and dilation of a layer, with one number for each axis."""
    axes = layer.axes
    kernel = getattr(layer, "kernel_size", None) or layer.pool_size
    strides = layer.strides or kernel
    dilation = getattr(layer, "dilation", 1)
    return [(n,) * axes if isinstance(n, int) else tuple(n) for n in (kernel, strides, dilation)]


def places(a, layer):
    """Every place of the kernel in a padded image, with the pixels (as indices) that its entries see there."""
    kernel, strides, dilation = sizes(layer)
    counts = [
        (n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(a.shape[1:-1], kernel, strides, dilation, strict=True)
    ]
    for place in itertools.product(*map(range, counts)):
        seen = {}
        for entry in itertools.product(*map(range, kernel)):
            seen[entry] = tuple(i * s + p * d for i, s, p, d in zip(place, strides, entry, dilation, strict=True))
        yield place, seen


def shape_of(a, layer):
    return tuple(np.max([place for place, _ in places(a, layer)], axis=0) + 1)


def convolved(a_prev, layer, W, b):
    """z, one number after the other."""
    a = padded(a_prev, layer)
    M, F, c = len(a), W.shape[-1], W.shape[-2]
    z = np.zeros((M, *shape_of(a, layer), F))
    for place, seen in places(a, layer):
        for m, f in np.ndindex(M, F):
            first = f // (F // layer.groups) * c  # the first channel of the group of this filter
            z[(m, *place, f)] = b[f] + sum(
                a[(m, *pixel, first + k)] * W[(*entry, k, f)] for entry, pixel in seen.items() for k in range(c)
            )
    return z


def pooled(a_prev, layer, of_window):
    """What ``of_window`` makes of the pixels of each window that lie in the image."""
    a = padded(a_prev, layer, np.nan)
    result = np.zeros((len(a), *shape_of(a, layer), a.shape[-1]))
    for place, seen in places(a, layer):
        for m, k in np.ndindex(len(a), a.shape[-1]):
            inside = [a[(m, *pixel, k)] for pixel in seen.values() if not np.isnan(a[(m, *pixel, k)])]
            result[(m, *place, k)] = of_window(inside)
    return result
