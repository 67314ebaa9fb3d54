"""Activations of hidden layers: a = g(z) forward, dz = da g'(z) backward."""

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.functional import SELU_ALPHA, SELU_LAMBDA
from nnlite.initializers import HeNormal, LeCunNormal
from nnlite.layers.base import Activation, Cache

# NumPy takes it sooner than the number 0, and compares with it faster than with many; of float32, it makes none float64
_ZERO = np.zeros((), np.float32)


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
        a = cache.a = np.maximum(a_prev, cache.full(0, a_prev.shape), out=cache.in_place_of(a_prev))
        return a

    def _infer(self, a_prev: Array) -> Array:
        """``a = max(0, z)``."""
        return np.maximum(a_prev, _ZERO)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da [z > 0]``; a > 0 where z > 0."""
        da *= _one_where_positive(cache.a, cache)
        return da


class LeakyReLU(Activation):
    r"""Leaky rectified linear unit, ``a = max(z, s z)``: a unit that is off still learns.

    Parameters
    ----------
    negative_slope : float, default 0.01
        s, in [0, 1].

    Raises
    ------
    ArgumentError
        If ``negative_slope`` is not in [0, 1].

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]). Backward: ``dz = da`` where z > 0, else ``s da``.

    References
    ----------
    A. Maas et al., "Rectifier nonlinearities improve neural network acoustic models", 2013. The initializer is ReLU's
    (K. He et al., "Delving deep into rectifiers", 2015, eq. 15: for small s it is nearly the same).
    """

    initializer = HeNormal()

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = checks.real("negative_slope", negative_slope, minimum=0, maximum=1)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = max(z, s z)``, since s is at most 1."""
        cache.z = a_prev
        a = np.multiply(a_prev, self.negative_slope, out=cache.array("a", a_prev.shape))
        np.maximum(a_prev, a, out=a)
        return a

    def _infer(self, a_prev: Array) -> Array:
        """``a = max(z, s z)``."""
        return np.maximum(a_prev, a_prev * self.negative_slope)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da max([z > 0], s)``."""
        slope = _one_where_positive(cache.z, cache)
        np.maximum(slope, self.negative_slope, out=slope)
        da *= slope
        return da


class ELU(Activation):
    r"""Exponential linear unit, ``a = z`` where z > 0, else ``alpha (e^z - 1)``: its mean is nearer to 0 than ReLU's.

    Parameters
    ----------
    alpha : float, default 1
        a approaches -alpha on the left; at least 0.

    Raises
    ------
    ArgumentError
        If ``alpha`` is negative.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) above -alpha. Backward: ``dz = da`` where z > 0, else ``da alpha e^z``.

    References
    ----------
    D.-A. Clevert et al., "Fast and accurate deep network learning by exponential linear units (ELUs)", 2016, who start
    from the weights of He et al., too.
    """

    initializer = HeNormal()

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = checks.real("alpha", alpha, minimum=0)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = max(0, z) + alpha (e^{min(0, z)} - 1)``."""
        cache.z = a_prev
        return _exponential_linear(a_prev, self.alpha, cache)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da`` where z > 0, else ``da alpha e^z``."""
        da *= _exponential_linear_slope(cache.z, self.alpha, cache)
        return da


class SELU(Activation):
    r"""Scaled exponential linear unit, ``a = lambda z`` where z > 0, else ``lambda alpha (e^z - 1)``.

    With lambda = 1.0507 and alpha = 1.6733 a network normalizes itself: for z of mean 0 and variance 1, a has mean 0
    and variance 1 again. That takes weights of variance 1 / n[l-1], hence LeCun's initializer, and `AlphaDropout`
    instead of `Dropout`.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) above -1.7581. Backward: ``dz = da lambda`` where z > 0, else
    ``da lambda alpha e^z``.

    References
    ----------
    G. Klambauer et al., "Self-normalizing neural networks", 2017.
    """

    initializer = LeCunNormal()

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = lambda (max(0, z) + alpha (e^{min(0, z)} - 1))``."""
        cache.z = a_prev
        a = _exponential_linear(a_prev, SELU_ALPHA, cache)
        a *= SELU_LAMBDA
        return a

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da lambda`` where z > 0, else ``da lambda alpha e^z``."""
        slope = _exponential_linear_slope(cache.z, SELU_ALPHA, cache)
        slope *= SELU_LAMBDA
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
        a = cache.a = np.tanh(a_prev, out=cache.in_place_of(a_prev))
        return a

    def _infer(self, a_prev: Array) -> Array:
        """``a = tanh(z)``."""
        return np.tanh(a_prev)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da (1 - a^2)``."""
        slope = np.square(cache.a, out=cache.array("slope", da.shape))
        np.subtract(1, slope, out=slope)
        da *= slope
        return da


def _one_where_positive(z: Array, cache: Cache) -> Array:
    """``[z > 0]`` as numbers: multiplying by booleans would convert them through a buffer made anew each time."""
    active = np.greater(z, _ZERO, out=cache.scratch("active", z.shape, bool))
    slope = cache.scratch("slope", z.shape)
    np.copyto(slope, active)
    return slope


def _exponential_linear(z: Array, alpha: float, cache: Cache) -> Array:
    """``max(0, z) + alpha (e^{min(0, z)} - 1)``: each half is 0 where the other counts."""
    a = np.minimum(z, 0, out=cache.array("a", z.shape))
    np.expm1(a, out=a)
    a *= alpha
    a += np.maximum(z, 0, out=cache.array("positive", z.shape))
    return a


def _exponential_linear_slope(z: Array, alpha: float, cache: Cache) -> Array:
    """``alpha (e^{min(0, z)} - [z > 0]) + [z > 0]``; ``a + alpha`` would lose its digits on the left."""
    active = _one_where_positive(z, cache)
    slope = np.minimum(z, 0, out=cache.array("exponential", z.shape))
    np.exp(slope, out=slope)
    slope -= active
    slope *= alpha
    slope += active
    return slope
