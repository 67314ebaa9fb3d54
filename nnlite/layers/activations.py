"""Activations of hidden layers: a = g(z) forward, dz = da g'(z) backward."""

import numpy as np

from nnlite.checks import Array
from nnlite.initializers import HeNormal
from nnlite.layers.base import Activation, Cache


class ReLU(Activation):
    r"""Rectified linear unit, ``a = max(0, z)``.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]). Backward: ``dz = da`` where z > 0, else 0.

    References
    ----------
    V. Nair and G. Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
    """

    initializer = HeNormal()

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = max(0, z)``."""
        a = cache.a = np.maximum(a_prev, 0, out=cache.array("a", a_prev.shape))
        return a

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da [z > 0]``; a > 0 where z > 0."""
        active = np.greater(cache.a, 0, out=cache.array("active", da.shape, bool))
        slope = cache.array("slope", da.shape)
        np.copyto(slope, active)  # multiplying by booleans would convert them through a buffer made anew each time
        da *= slope
        return da


class Tanh(Activation):
    r"""Hyperbolic tangent, ``a = tanh(z)``.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) in (-1, 1). Backward: ``dz = da (1 - a^2)``.
    """

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = tanh(z)``."""
        a = cache.a = np.tanh(a_prev, out=cache.array("a", a_prev.shape))
        return a

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da (1 - a^2)``."""
        slope = np.square(cache.a, out=cache.array("slope", da.shape))
        np.subtract(1, slope, out=slope)
        da *= slope
        return da
