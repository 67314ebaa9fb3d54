"""Smooth relatives of ReLU: ``a = z g(z)`` with a gate g from 0 to 1, and Softplus, whose slope is a gate."""

import math

import numpy as np

from nnlite.checks import Array
from nnlite.functional import check_approximate, normal_cdf, normal_pdf, sigmoid
from nnlite.layers.base import Activation, Cache


class GELU(Activation):
    r"""Gaussian error linear unit: ``a = z Phi(z)`` with ``Phi(z) = (1 + erf(z / sqrt 2)) / 2``.

    Phi is the distribution function of a standard normal number.

    Parameters
    ----------
    approximate : {'none', 'tanh'}, default 'none'
        'tanh': ``a = z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2``, within 0.0005 of the exact value.

    Raises
    ------
    ArgumentError
        If ``approximate`` is neither 'none' nor 'tanh'.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) of at least -0.17. Backward: ``dz = da (Phi(z) + z phi(z))`` with
    ``phi(z) = e^{-z^2/2} / sqrt(2 pi)``.

    References
    ----------
    D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.GELU().forward(np.array([[-1.0, 0.0, 1.0]]), nn.Cache()).round(4)
    array([[-0.1587,  0.    ,  0.8413]])
    """

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = check_approximate(approximate)

    def forward(self, z: Array, cache: Cache) -> Array:
        """``a = z Phi(z)``."""
        cache.z = z
        cache.gate = normal_cdf(z) if self.approximate == "none" else sigmoid(_twice_u(z))
        return z * cache.gate

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da (Phi(z) + z Phi'(z))``."""
        z, gate = _near(cache.z), cache.gate
        if self.approximate == "none":
            slope = normal_pdf(z)
        else:
            slope = gate * (1 - gate) * math.sqrt(8 / math.pi) * (1 + 3 * 0.044715 * z**2)
        return da * (gate + z * slope)


class SiLU(Activation):
    r"""Sigmoid linear unit (swish): ``a = z sigma(z)`` with ``sigma(z) = 1 / (1 + e^{-z})``.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) of at least -0.28. Backward: ``dz = da sigma(z) (1 + z (1 - sigma(z)))``.

    References
    ----------
    S. Elfwing et al., "Sigmoid-weighted linear units for neural network function approximation in reinforcement
    learning", 2018; P. Ramachandran et al., "Searching for activation functions", 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.SiLU().forward(np.array([[-1.0, 0.0, 1.0]]), nn.Cache()).round(4)
    array([[-0.2689,  0.    ,  0.7311]])
    """

    def forward(self, z: Array, cache: Cache) -> Array:
        """``a = z sigma(z)``."""
        cache.z = z
        cache.gate = sigmoid(z)
        return z * cache.gate

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da sigma(z) (1 + z (1 - sigma(z)))``."""
        return da * (cache.gate * (1 + cache.z * (1 - cache.gate)))


class HardSwish(Activation):
    r"""Piecewise form of SiLU, cheap to compute: ``a = z min(max(z + 3, 0), 6) / 6``.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) of at least -3/8. Backward: ``dz = da (z / 3 + 1 / 2)`` where \|z\| < 3, 0 for z <= -3
    and ``da`` for z >= 3.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.HardSwish().forward(np.array([[-3.0, -1.5, 0.0, 3.0]]), nn.Cache())
    array([[-0.   , -0.375,  0.   ,  3.   ]])
    """

    def forward(self, z: Array, cache: Cache) -> Array:
        """``a = z g`` with ``g = min(max(z + 3, 0), 6) / 6``."""
        cache.z = z
        cache.gate = np.clip(z + 3, 0, 6) / 6
        return z * cache.gate

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da (g + z g')`` with ``g' = [|z| < 3] / 6``."""
        return da * (cache.gate + cache.z * (np.abs(cache.z) < 3) / 6)


class Softplus(Activation):
    r"""Smooth ReLU: ``a = log(1 + e^z)``.

    It is computed as ``max(0, z) + log(1 + e^{-\|z\|})``, which is the same number and cannot overflow.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) above 0. Backward: ``dz = da sigma(z)`` with ``sigma(z) = 1 / (1 + e^{-z})``.

    References
    ----------
    C. Dugas et al., "Incorporating second-order functional knowledge for better option pricing", 2001.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.Softplus().forward(np.array([[-1e4, 0.0, 100.0]]), nn.Cache()).round(4)
    array([[  0.    ,   0.6931, 100.    ]])
    """

    def forward(self, z: Array, cache: Cache) -> Array:
        """``a = max(0, z) + log(1 + e^{-|z|})``."""
        cache.z = z
        return np.maximum(0, z) + np.log1p(np.exp(-np.abs(z)))

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da sigma(z)``."""
        return da * sigmoid(cache.z)


def _twice_u(z: Array) -> Array:
    """``2 u = 2 sqrt(2 / pi) (z + 0.044715 z^3)``: ``(1 + tanh u) / 2`` is ``sigma(2 u)``."""
    z = _near(z)
    return math.sqrt(8 / math.pi) * z * (1 + 0.044715 * z**2)


def _near(z: Array) -> Array:
    """Clip z to [-40, 40]: beyond, the gates are 0 or 1, and powers of z could overflow."""
    return np.clip(z, -40, 40)
