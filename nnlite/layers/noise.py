"""Layers that disturb the network in training, so that it does not rely on any single unit."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import math
from typing import ClassVar

import numpy as np

from nnlite import checks, counters
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.functional import SELU_ALPHA, SELU_LAMBDA
from nnlite.layers.base import Cache, Layer, Shape
from nnlite.layers.windows import require_channels


class Dropout(Layer):
    r"""In training ``a = a_prev d / (1 - rate)``, where d is 0 with probability ``rate``, else 1.

    The division by ``1 - rate`` (inverted dropout) keeps the mean, so that prediction is ``a = a_prev``.

    Parameters
    ----------
    rate : float
        Fraction of the units to drop, in [0, 1).

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

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> rng = np.random.default_rng(0)
    >>> nn.Dropout(0.5).forward(np.ones((1, 4)), nn.Cache(training=True, rng=rng))
    array([[2., 2., 2., 0.]])
    """

    def __init__(self, rate: float) -> None:
        self.rate = checks.real("rate", rate, minimum=0, below=1)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = a_prev d / (1 - rate)`` in training, else a_prev."""
        if not cache.training or self.rate == 0:
            return a_prev
        cache.d = draw_kept(a_prev, self.rate, cache)
        return a_prev * cache.d / (1 - self.rate)

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da d / (1 - rate)`` in training, else da."""
        if not cache.training or self.rate == 0:
            return da
        return da * cache.d / (1 - self.rate)


class ChannelDropout(Dropout):
    """Base class of `Dropout1D` and `Dropout2D`."""

    axes: ClassVar[int]

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = a_prev d / (1 - rate)`` in training, with one d for all pixels of a channel; else a_prev."""
        if not cache.training or self.rate == 0:
            return a_prev
        one_pixel = a_prev[:, *[slice(1)] * self.axes]
        cache.d = draw_kept(one_pixel, self.rate, cache)
        return a_prev * cache.d / (1 - self.rate)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return ``input_shape``, which must have an axis of channels."""
        require_channels(self, input_shape, self.axes)
        return input_shape


class Dropout2D(ChannelDropout):
    r"""In training ``a[i,j,c] = a_prev[i,j,c] d[c] / (1 - rate)``, where d[c] is 0 with probability ``rate``, else 1.

    Neighboring pixels of a channel say nearly the same, so that `Dropout` of single pixels hides little; this layer
    drops whole channels of an image.

    Parameters
    ----------
    rate : float
        Fraction of the channels to drop, in [0, 1).

    Raises
    ------
    ArgumentError
        If ``rate`` is not in [0, 1), or the examples are not images with channels last.

    Notes
    -----
    a_prev (M, H, W, C) -> a (M, H, W, C), with d (M, 1, 1, C). Backward: ``da_prev = da d / (1 - rate)``. Prediction:
    ``a = a_prev``.

    References
    ----------
    J. Tompson et al., "Efficient object localization using convolutional networks", 2015.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> cache = nn.Cache(training=True, rng=np.random.default_rng(0))
    >>> nn.Dropout2D(0.5).forward(np.ones((1, 2, 2, 4)), cache)[0, :, :, 3]
    array([[0., 0.],
           [0., 0.]])
    """

    axes = 2


class Dropout1D(ChannelDropout):
    r"""In training ``a[i,c] = a_prev[i,c] d[c] / (1 - rate)``, where d[c] is 0 with probability ``rate``, else 1.

    It drops whole channels of a sequence, as `Dropout2D` those of an image.

    Parameters
    ----------
    rate : float
        Fraction of the channels to drop, in [0, 1).

    Raises
    ------
    ArgumentError
        If ``rate`` is not in [0, 1), or the examples are not sequences with channels last.

    Notes
    -----
    a_prev (M, L, C) -> a (M, L, C), with d (M, 1, C). Backward: ``da_prev = da d / (1 - rate)``. Prediction:
    ``a = a_prev``.

    References
    ----------
    J. Tompson et al., "Efficient object localization using convolutional networks", 2015.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> cache = nn.Cache(training=True, rng=np.random.default_rng(0))
    >>> nn.Dropout1D(0.5).forward(np.ones((1, 2, 4)), cache)
    array([[[2., 2., 2., 0.],
            [2., 2., 2., 0.]]])
    """

    axes = 1


class AlphaDropout(Layer):
    r"""Dropout for SELU: ``a = A (a_prev d + a' (1 - d)) + B`` in training, with ``a' = - lambda alpha``.

    A dropped unit gets a', the lowest value of SELU, instead of 0. ``A = ((1 - rate) (1 + rate a'^2))^{-1/2}`` and
    ``B = - A rate a'`` keep mean 0 and variance 1.

    Parameters
    ----------
    rate : float
        Fraction of the units to drop, in [0, 1).

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

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> rng = np.random.default_rng(0)
    >>> nn.AlphaDropout(0.5).forward(np.ones((1, 4)), nn.Cache(training=True, rng=rng)).round(3)
    array([[ 1.666,  1.666,  1.666, -0.779]])
    """

    def __init__(self, rate: float) -> None:
        self.rate = checks.real("rate", rate, minimum=0, below=1)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = A (a_prev d + a' (1 - d)) + B`` in training, else a_prev."""
        if not cache.training or self.rate == 0:
            return a_prev
        lowest = -SELU_LAMBDA * SELU_ALPHA
        cache.A = 1 / math.sqrt((1 - self.rate) * (1 + self.rate * lowest**2))
        B = -cache.A * self.rate * lowest
        cache.d = draw_kept(a_prev, self.rate, cache)
        return cache.A * np.where(cache.d, a_prev, lowest) + B

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da A d`` in training, else da."""
        if not cache.training or self.rate == 0:
            return da
        return cache.A * da * cache.d


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

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> rng = np.random.default_rng(0)
    >>> nn.GaussianNoise(0.1).forward(np.ones((1, 3)), nn.Cache(training=True, rng=rng)).round(3)
    array([[0.943, 1.13 , 0.865]])
    """

    def __init__(self, stddev: float) -> None:
        self.stddev = checks.real("stddev", stddev, minimum=0)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = a_prev + e`` in training, else a_prev."""
        if not cache.training or self.stddev == 0:
            return a_prev
        e = counters.standard_normal(draw_key(cache, 2 * math.prod(a_prev.shape[1:])), a_prev.shape, a_prev.dtype.type)
        return a_prev + self.stddev * e

    def backward(self, da: Array, cache: Cache) -> Array:
        """``da_prev = da``."""
        return da


def draw_kept(a_prev: Array, rate: float, cache: Cache) -> Array:
    """Draw d of the shape of ``a_prev``: True with probability ``1 - rate``."""
    n = math.prod(a_prev.shape[1:])
    return np.greater_equal(counters.uniform(draw_key(cache, n), a_prev.shape, a_prev.dtype.type), rate)


def draw_key(cache: Cache, n: int) -> np.uint64:
    """Draw a key for the random numbers of this pass, n for each example, or raise ArgumentError.

    The numbers of an example depend on its place in the whole batch, also if this pass has only a part of it.
    """
    if cache.rng is None:
        raise ArgumentError("rng: a layer that draws random numbers in training needs nn.Cache(training=True, rng=rng)")
    key = counters.draw_key(cache.rng)
    return key if cache.part is None else counters.key_at(key, cache.part.start * n)
