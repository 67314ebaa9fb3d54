"""Layers that draw random numbers in training. Each number depends on a key and its place alone: see `nnlite.counters`.

The backward pass draws the same numbers again instead of keeping them.
"""

import math

import numpy as np

from nnlite.engine.language import Block, Integer, Integers, Number, T, inline, kernel


@inline
def random_bits(key: int, place: int) -> np.uint64:
    """64 random bits for a place: SplitMix64 (G. Steele et al., 2014)."""
    x = np.uint64(key) + np.uint64(place + 1) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@inline
def uniform(key: int, place: int) -> float:
    """A number in [0, 1): a multiple of 2^-24, exact in float32 and float64."""
    return T(np.int32(random_bits(key, place) >> np.uint64(40))) * T(2.0**-24)


@kernel
def dropout(
    a: Block, rate: Number, keys: Integers, n_keys: Integer, which: Integer, units: Integer,
    step: int, r0: int, panel: int, width: int,
) -> None:  # fmt: skip
    """``a = a d / (1 - rate)``; backward, ``da = da d / (1 - rate)``. d is 0 with probability ``rate``, else 1."""
    key, scale = keys[step * n_keys + which], T(1) / (T(1) - rate)
    for i in range(a.size // width):
        place = (r0 + i) * units + panel * width
        for j in range(width):
            d = T(1) if uniform(key, place + j) >= rate else T(0)
            a[i * width + j] = a[i * width + j] * d * scale


@kernel
def alpha_dropout_forward(
    a: Block, rate: Number, A: Number, B: Number, lowest: Number, keys: Integers, n_keys: Integer, which: Integer,
    units: Integer, step: int, r0: int, panel: int, width: int,
) -> None:  # fmt: skip
    """``a = A (a d + a' (1 - d)) + B``, where a' is the lowest value of SELU."""
    key = keys[step * n_keys + which]
    for i in range(a.size // width):
        place = (r0 + i) * units + panel * width
        for j in range(width):
            kept = a[i * width + j] if uniform(key, place + j) >= rate else lowest
            a[i * width + j] = A * kept + B


@kernel
def alpha_dropout_backward(
    da: Block, rate: Number, A: Number, keys: Integers, n_keys: Integer, which: Integer, units: Integer,
    step: int, r0: int, panel: int, width: int,
) -> None:  # fmt: skip
    """``da = da A d``."""
    key = keys[step * n_keys + which]
    for i in range(da.size // width):
        place = (r0 + i) * units + panel * width
        for j in range(width):
            d = T(1) if uniform(key, place + j) >= rate else T(0)
            da[i * width + j] = A * da[i * width + j] * d


@kernel
def gaussian_noise(
    a: Block, stddev: Number, keys: Integers, n_keys: Integer, which: Integer, units: Integer,
    step: int, r0: int, panel: int, width: int,
) -> None:  # fmt: skip
    """``a = a + e`` with ``e ~ N(0, stddev^2)``, from two uniform numbers (G. Box and M. Muller, 1958)."""
    key = keys[step * n_keys + which]
    for i in range(a.size // width):
        place = 2 * ((r0 + i) * units + panel * width)
        for j in range(width):
            u = 1.0 - float(random_bits(key, place + 2 * j) >> np.uint64(40)) * 2.0**-24
            angle = float(random_bits(key, place + 2 * j + 1) >> np.uint64(40)) * 2.0**-24
            e = math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * angle)
            a[i * width + j] = a[i * width + j] + stddev * T(e)
