"""Activations of hidden layers: a = g(z) forward, dz = da g'(z) backward.

Softmax and Sigmoid, which can also end a network, are in outputs.py; GELU, SiLU and the like are in smooth.py.
"""

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.functional import SELU_ALPHA, SELU_LAMBDA
from nnlite.initializers import LeCunNormal
from nnlite.layers.base import Activation, Cache


class ReLU(Activation):
    r"""Rectified linear unit: ``a = max(0, z)``.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]). Backward: ``dz = da`` where z > 0, else 0.

    References
    ----------
    V. Nair and G. Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.ReLU().forward(np.array([[-2.0, 3.0]]), nn.Cache())
    array([[0., 3.]])
    """

    def forward(self, z: Array, cache: Cache) -> Array:
        """``a = max(0, z)``."""
        cache.z = z
        return np.maximum(0, z)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da [z > 0]``."""
        return da * (cache.z > 0)


class LeakyReLU(Activation):
    r"""Leaky rectified linear unit: ``a = max(z, s z)``. A unit with z < 0 still learns.

    Parameters
    ----------
    negative_slope : float, default 0.01
        The slope s for z < 0, in [0, 1].

    Raises
    ------
    ArgumentError
        If ``negative_slope`` is not in [0, 1].

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]). Backward: ``dz = da`` where z > 0, else ``s da``.

    References
    ----------
    A. Maas et al., "Rectifier nonlinearities improve neural network acoustic models", 2013.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.LeakyReLU().forward(np.array([[-2.0, 3.0]]), nn.Cache())
    array([[-0.02,  3.  ]])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = checks.real("negative_slope", negative_slope, minimum=0, maximum=1)

    def forward(self, z: Array, cache: Cache) -> Array:
        """``a = max(z, s z)``, since s is at most 1."""
        cache.z = z
        return np.maximum(z, self.negative_slope * z)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da`` where z > 0, else ``s da``."""
        return np.where(cache.z > 0, da, self.negative_slope * da)


class ELU(Activation):
    r"""Exponential linear unit: ``a = z`` where z > 0, else ``alpha (e^z - 1)``. Its mean is nearer to 0 than ReLU's.

    Parameters
    ----------
    alpha : float, default 1
        The limit of a for z -> -infinity is -alpha; at least 0.

    Raises
    ------
    ArgumentError
        If ``alpha`` is negative.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) above -alpha. Backward: ``dz = da`` where z > 0, else ``da alpha e^z``.

    References
    ----------
    D.-A. Clevert et al., "Fast and accurate deep network learning by exponential linear units (ELUs)", 2016. Their
    networks start from the weights of He et al.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.ELU().forward(np.array([[-100.0, 3.0]]), nn.Cache())
    array([[-1.,  3.]])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = checks.real("alpha", alpha, minimum=0)

    def forward(self, z: Array, cache: Cache) -> Array:
        """``a = max(0, z) + alpha (e^{min(0, z)} - 1)``."""
        cache.z = z
        return _elu(z, self.alpha)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da`` where z > 0, else ``da alpha e^z``."""
        return da * _elu_slope(cache.z, self.alpha)


class SELU(Activation):
    r"""Scaled exponential linear unit: ``a = lambda z`` where z > 0, else ``lambda alpha (e^z - 1)``.

    With lambda = 1.0507 and alpha = 1.6733 a network normalizes itself: if z has mean 0 and variance 1, so has a. This
    needs weights of variance 1 / n[l-1], as a Dense layer in front draws them by default (`LeCunNormal`), and
    `AlphaDropout` instead of `Dropout`.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) above -1.7581. Backward: ``dz = da lambda`` where z > 0, else
    ``da lambda alpha e^z``.

    References
    ----------
    G. Klambauer et al., "Self-normalizing neural networks", 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.SELU().forward(np.array([[-100.0, 1.0]]), nn.Cache()).round(4)
    array([[-1.7581,  1.0507]])
    """

    initializer = LeCunNormal()

    def forward(self, z: Array, cache: Cache) -> Array:
        """``a = lambda (max(0, z) + alpha (e^{min(0, z)} - 1))``."""
        cache.z = z
        return SELU_LAMBDA * _elu(z, SELU_ALPHA)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da lambda`` where z > 0, else ``da lambda alpha e^z``."""
        return da * (SELU_LAMBDA * _elu_slope(cache.z, SELU_ALPHA))


class Tanh(Activation):
    r"""Hyperbolic tangent: ``a = tanh(z)``.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) in (-1, 1). Backward: ``dz = da (1 - a^2)``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.Tanh().forward(np.array([[0.0, 100.0]]), nn.Cache())
    array([[0., 1.]])
    """

    def forward(self, z: Array, cache: Cache) -> Array:
        """``a = tanh(z)``."""
        cache.a = np.tanh(z)
        return cache.a

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da (1 - a^2)``."""
        return da * (1 - cache.a**2)


def _elu(z: Array, alpha: float) -> Array:
    """``max(0, z) + alpha (e^{min(0, z)} - 1)``."""
    return np.maximum(0, z) + alpha * np.expm1(np.minimum(0, z))


def _elu_slope(z: Array, alpha: float) -> Array:
    """1 where z > 0, else ``alpha e^z``."""
    return np.where(z > 0, 1, alpha * np.exp(np.minimum(0, z)))
