"""Random numbers by counting: each depends on a key and its place alone.

So a layer can draw the same numbers in any order, in several threads, and once more in its backward pass. The
generator is SplitMix64: the n-th number is a fixed mixture of the bits of ``key + n gamma``. It passes the tests of
BigCrush.

References
----------
G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators", 2014; J. Salmon et al., "Parallel
random numbers: as easy as 1, 2, 3", 2011, on generators of this kind.
"""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import math

import numpy as np

from nnlite.checks import Array

GAMMA = np.uint64(0x9E3779B97F4A7C15)


def draw_key(rng: np.random.Generator) -> np.uint64:
    """Draw a key from the random generator of a model."""
    return rng.integers(0, 2**64, dtype=np.uint64)


def key_at(key: np.uint64, place: int) -> np.uint64:
    """Return the key whose numbers are those of ``key`` from a place on."""
    return np.uint64((int(key) + place * int(GAMMA)) % 2**64)


def random_bits(key: np.uint64, n: int) -> Array:
    """Return 64 random bits for each of the places 0 .. n-1, as uint64."""
    x = np.arange(1, n + 1, dtype=np.uint64) * GAMMA + key
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def uniform(key: np.uint64, shape: tuple[int, ...], dtype: type = np.float64) -> Array:
    """Return numbers that are uniform in [0, 1): multiples of 2^-24, the same ones in float32 and float64."""
    bits = random_bits(key, math.prod(shape)) >> np.uint64(40)
    return (bits.astype(dtype) * dtype(2.0**-24)).reshape(shape)


def standard_normal(key: np.uint64, shape: tuple[int, ...], dtype: type = np.float64) -> Array:
    """Return standard normal numbers: ``sqrt(-2 log u) cos(2 pi v)`` (G. Box and M. Muller, 1958)."""
    u, v = uniform(key, (math.prod(shape), 2)).T
    return (np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * np.pi * v)).astype(dtype).reshape(shape)
