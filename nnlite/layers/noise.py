"""Layers that disturb the network in training, so that it learns not to rely on any single unit."""

import math

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.functional import SELU_ALPHA, SELU_LAMBDA
from nnlite.layers.base import Cache, Layer


class Dropout(Layer):
    r"""In training ``a = a_prev d / (1 - rate)``, where d is 0 with probability ``rate`` and else 1.

    Dividing by ``1 - rate`` (inverted dropout) keeps the mean, so that prediction is ``a = a_prev``.

    Parameters
    ----------
    rate : float
        Fraction of the units that is dropped, in [0, 1).

    Raises
    ------
    ArgumentError
        If ``rate`` is not in [0, 1).

    Notes
    -----
    a_prev (M, n) -> a (M, n). Backward: ``da_prev = da d / (1 - rate)``.

    References
    ----------
    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.
    """

    def __init__(self, rate: float) -> None:
        self.rate = checks.real("rate", rate, minimum=0, below=1)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = a_prev d / (1 - rate)`` in training, else a_prev."""
        if not cache.training or self.rate == 0:
            return a_prev
        kept = draw_kept(a_prev.shape, self.rate, cache)
        factor = cache.factor = cache.array("factor", a_prev.shape)
        np.copyto(factor, kept)
        factor *= 1 / (1 - self.rate)
        return np.multiply(a_prev, factor, out=cache.array("a", a_prev.shape))

    def _infer(self, a_prev: Array) -> Array:
        """``a = a_prev``."""
        return a_prev

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da d / (1 - rate)``."""
        if cache.training and self.rate != 0:
            da *= cache.factor
        return da


class AlphaDropout(Layer):
    r"""Dropout for SELU: ``a = A (a_prev d + a' (1 - d)) + B`` in training, with ``a' = - lambda alpha``.

    A dropped unit gets SELU's lowest value a' instead of 0, and ``A = ((1 - rate) (1 + rate a'^2))^{-1/2}`` and
    ``B = - A rate a'`` keep mean 0 and variance 1.

    Parameters
    ----------
    rate : float
        Fraction of the units that is dropped, in [0, 1).

    Raises
    ------
    ArgumentError
        If ``rate`` is not in [0, 1).

    Notes
    -----
    a_prev (M, n) -> a (M, n). Backward: ``da_prev = da A d``. Prediction: ``a = a_prev``.

    References
    ----------
    G. Klambauer et al., "Self-normalizing neural networks", 2017.
    """

    def __init__(self, rate: float) -> None:
        self.rate = checks.real("rate", rate, minimum=0, below=1)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = A (a_prev d + a' (1 - d)) + B`` in training, else a_prev."""
        if not cache.training or self.rate == 0:
            return a_prev
        lowest = -SELU_LAMBDA * SELU_ALPHA
        A = 1 / math.sqrt((1 - self.rate) * (1 + self.rate * lowest**2))
        B = -A * self.rate * lowest
        kept = draw_kept(a_prev.shape, self.rate, cache)
        factor = cache.factor = cache.array("factor", a_prev.shape)
        np.copyto(factor, kept)
        factor *= A
        a: Array = np.multiply(a_prev, factor, out=cache.array("a", a_prev.shape))
        dropped = np.subtract(A, factor, out=cache.array("dropped", a_prev.shape))  # A (1 - d)
        dropped *= lowest
        a += dropped
        a += B
        return a

    def _infer(self, a_prev: Array) -> Array:
        """``a = a_prev``."""
        return a_prev

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da A d``."""
        if cache.training and self.rate != 0:
            da *= cache.factor
        return da


class GaussianNoise(Layer):
    r"""In training ``a = a_prev + e``, with ``e ~ N(0, stddev^2)`` for each number.

    Parameters
    ----------
    stddev : float
        Standard deviation of the noise, at least 0.

    Raises
    ------
    ArgumentError
        If ``stddev`` is negative.

    Notes
    -----
    a_prev (M, n) -> a (M, n). Backward: ``da_prev = da``. Prediction: ``a = a_prev``.

    References
    ----------
    C. M. Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.
    """

    def __init__(self, stddev: float) -> None:
        self.stddev = checks.real("stddev", stddev, minimum=0)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = a_prev + e`` in training, else a_prev."""
        if not cache.training or self.stddev == 0:
            return a_prev
        assert cache.rng is not None
        a = cache.array("a", a_prev.shape)
        cache.rng.standard_normal(out=a, dtype=a.dtype.type)
        a *= self.stddev
        a += a_prev
        return a

    def _infer(self, a_prev: Array) -> Array:
        """``a = a_prev``."""
        return a_prev

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da``."""
        return da


def draw_kept(shape: tuple[int, ...], rate: float, cache: Cache) -> Array:
    """d: True with probability ``1 - rate``, drawn from the cache's generator."""
    assert cache.rng is not None
    uniform = cache.array("uniform", shape)
    cache.rng.random(out=uniform, dtype=uniform.dtype.type)
    return np.greater_equal(uniform, rate, out=cache.array("kept", shape, bool))
