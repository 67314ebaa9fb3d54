"""Smooth relatives of ReLU: ``a = z g(z)`` with a gate g from 0 to 1, and Softplus, whose slope is such a gate."""

import math

import numpy as np

from nnlite.checks import Array
from nnlite.functional import check_approximate
from nnlite.functional.normal import normal_cdf, normal_pdf
from nnlite.initializers import GlorotUniform, HeNormal
from nnlite.layers.base import Activation, Cache


class GELU(Activation):
    r"""Gaussian error linear unit, ``a = z Phi(z)``, where ``Phi(z) = (1 + erf(z / sqrt 2)) / 2``.

    Phi is the normal distribution: a is the mean of ReLU under a gate that opens with the probability that a standard
    normal number is below z.

    Parameters
    ----------
    approximate : {'none', 'tanh'}, default 'none'
        'tanh': ``a = z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2`` instead, within 0.0005 of the exact one.

    Raises
    ------
    ArgumentError
        If ``approximate`` is neither of them.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) of at least -0.17. Backward: ``dz = da (Phi(z) + z phi(z))`` with
    ``phi(z) = e^{-z^2/2} / sqrt(2 pi)``.

    References
    ----------
    D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", 2016. The initializer is ReLU's: for standard
    normal z the mean of a^2 is 0.43, of ReLU 0.5.
    """

    initializer = HeNormal()

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = check_approximate(approximate)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = z Phi(z)``."""
        cache.z = a_prev
        gate = normal_cdf(a_prev) if self.approximate == "none" else _tanh_gate(a_prev, cache)
        cache.gate = gate
        return np.multiply(a_prev, gate, out=cache.array("a", a_prev.shape))

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da (Phi(z) + z Phi'(z))``."""
        slope = cache.array("slope", da.shape)
        if self.approximate == "none":
            np.multiply(cache.z, normal_pdf(cache.z), out=slope)
        else:
            _tanh_gate_slope(cache, slope)
        slope += cache.gate
        da *= slope
        return da


class SiLU(Activation):
    r"""Sigmoid linear unit (swish), ``a = z sigma(z)`` with ``sigma(z) = 1 / (1 + e^{-z})``.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) of at least -0.28. Backward: ``dz = da sigma(z) (1 + z (1 - sigma(z)))``.

    References
    ----------
    S. Elfwing et al., "Sigmoid-weighted linear units for neural network function approximation in reinforcement
    learning", 2018; P. Ramachandran et al., "Searching for activation functions", 2017. The initializer is ReLU's: for
    standard normal z the mean of a^2 is 0.36, of ReLU 0.5.
    """

    initializer = HeNormal()

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = z sigma(z)``."""
        cache.z = a_prev
        gate = cache.gate = _sigmoid(a_prev, "gate", cache)
        return np.multiply(a_prev, gate, out=cache.array("a", a_prev.shape))

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da sigma (1 + z (1 - sigma))``."""
        slope = np.subtract(1, cache.gate, out=cache.array("slope", da.shape))
        slope *= cache.z
        slope += 1
        slope *= cache.gate
        da *= slope
        return da


class HardSwish(Activation):
    r"""``a = z min(max(z + 3, 0), 6) / 6``: SiLU made of straight lines, cheap to compute.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) of at least -3/8. Backward: ``dz = da (z / 3 + 1 / 2)`` where \|z\| < 3, 0 to the left
    and ``da`` to the right; 0 and ``da`` also at -3 and 3 themselves.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", 2019. The initializer is ReLU's, as for SiLU: for standard normal z
    the mean of a^2 is 0.33, of ReLU 0.5.
    """

    initializer = HeNormal()

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = z g`` with ``g = min(max(z + 3, 0), 6) / 6``."""
        cache.z = a_prev
        gate = np.add(a_prev, 3, out=cache.array("gate", a_prev.shape))
        np.clip(gate, 0, 6, out=gate)
        gate /= 6
        cache.gate = gate
        return np.multiply(a_prev, gate, out=cache.array("a", a_prev.shape))

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da (g + z g')`` with ``g' = [|z| < 3] / 6``."""
        slope = np.abs(cache.z, out=cache.array("slope", da.shape))
        np.copyto(slope, np.less(slope, 3, out=cache.array("inside", da.shape, bool)))
        slope /= 6
        slope *= cache.z
        slope += cache.gate
        da *= slope
        return da


class Softplus(Activation):
    r"""``a = log(1 + e^z)``, a smooth ReLU that is above 0 everywhere.

    Computed as ``max(0, z) + log(1 + e^{-\|z\|})``, the same number, which cannot overflow.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) above 0. Backward: ``dz = da sigma(z)`` with ``sigma(z) = 1 / (1 + e^{-z})``.

    References
    ----------
    C. Dugas et al., "Incorporating second-order functional knowledge for better option pricing", 2001. The initializer
    is Glorot's: for standard normal z the mean of a^2 is 0.92, so that ReLU's would let a grow from layer to layer.
    """

    initializer = GlorotUniform()

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = max(0, z) + log(1 + e^{-|z|})``."""
        cache.z = a_prev
        a: Array = np.abs(a_prev, out=cache.array("a", a_prev.shape))
        np.negative(a, out=a)
        np.exp(a, out=a)
        np.log1p(a, out=a)
        a += np.maximum(a_prev, 0, out=cache.array("positive", a_prev.shape))
        return a

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da sigma(z)``."""
        da *= _sigmoid(cache.z, "slope", cache)
        return da


def _sigmoid(z: Array, name: str, cache: Cache) -> Array:
    """``e^{min(0, z)} / (1 + e^{-|z|})``, the sigmoid, which keeps its digits on both sides."""
    a = np.minimum(z, 0, out=cache.array(name, z.shape))
    np.exp(a, out=a)
    denominator = np.abs(z, out=cache.array("denominator", z.shape))
    np.negative(denominator, out=denominator)
    np.exp(denominator, out=denominator)
    denominator += 1
    a /= denominator
    return a


def _tanh_gate(z: Array, cache: Cache) -> Array:
    """``(1 + tanh u) / 2 = sigma(2 u)`` with ``2 u = 2 sqrt(2 / pi) (z + 0.044715 z^3)``."""
    near = np.clip(z, -40, 40, out=cache.array("near", z.shape))  # the gate is 0 or 1 beyond, and z^3 cannot overflow
    cache.near = near
    twice_u = np.square(near, out=cache.array("twice_u", z.shape))
    twice_u *= 0.044715
    twice_u += 1
    twice_u *= near
    twice_u *= math.sqrt(8 / math.pi)
    return _sigmoid(twice_u, "gate", cache)


def _tanh_gate_slope(cache: Cache, slope: Array) -> None:
    """``z g' = z g (1 - g) 2 u'`` with ``2 u' = 2 sqrt(2 / pi) (1 + 3 0.044715 z^2)``, into ``slope``."""
    np.square(cache.near, out=slope)
    slope *= 3 * 0.044715
    slope += 1
    slope *= math.sqrt(8 / math.pi)
    slope *= cache.near
    slope *= cache.gate
    slope *= np.subtract(1, cache.gate, out=cache.array("closed", slope.shape))
