"""Layers that give their input mean 0 and variance 1, and learn a new scale and shift."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import math
from types import MappingProxyType

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.initializers import Initializer
from nnlite.layers.base import Cache, Layer, Shape

LIKE_KERAS = 0.9  # a momentum from here on is probably that of Keras, where 0.99 is the default


class BatchNorm(Layer):
    r"""Batch normalization: ``a = gamma (z - mu) / sqrt(sigma^2 + epsilon) + beta``.

    mu and sigma^2 are the mean and variance of each unit over the batch. For images (M, H, W, C) and sequences
    (M, L, C) they are those of each channel, over the batch and all pixels: over every axis but the last. Training
    keeps running averages of both, and prediction uses them::

        running_weight   <- running_weight + momentum (1 - running_weight)
        rate              = momentum / running_weight
        running_mean     <- running_mean + rate (mu - running_mean)
        running_variance <- running_variance + rate (N / (N - 1) sigma^2 - running_variance)

    N is the number of values that a mean is of: M for rows, M H W for images. The first rate is 1, so that the averages
    are those of the first batch after the first batch. The rate falls to ``momentum``, as ``running_weight`` rises from
    0 to 1.

    Parameters
    ----------
    momentum : float, default 0.1
        Weight of the newest batch in the running averages after a long training, in (0, 1]. This is PyTorch's meaning;
        Keras calls 1 minus this number momentum.
    epsilon : float, default 1e-5
        Above 0.
    trainable : bool, default True
        False freezes the layer: gamma and beta stay as they are, and training also uses the running averages.

    Attributes
    ----------
    gamma, beta : ndarray, (n,)
        Scale and shift; they start at 1 and 0.
    running_mean, running_variance : ndarray, (n,)
        They start at 0 and 1, and lie in ``model.state``.
    running_weight : ndarray, (n,)
        How much of the averages is due to batches, in [0, 1]; it starts at 0. With 1 the averages are those of PyTorch.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    Notes
    -----
    z (M, ..., n) -> a (M, ..., n). Backward, with ``z_hat = (z - mu) / sqrt(sigma^2 + epsilon)`` and sums over every
    axis but the last::

        dgamma = sum da z_hat         dbeta = sum da
        dz = gamma / sqrt(sigma^2 + epsilon) (da - dbeta / N - z_hat dgamma / N)

    With a single value (N = 1) z_hat is 0, and the running averages do not change. A step of ``running_mean`` that
    would be lost by rounding is replaced by the smallest one that is not, so that the mean of a large constant is
    exact.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
    shift", 2015.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.Model([nn.Dense(8), nn.BatchNorm(), nn.ReLU(), nn.Dense(3), nn.Softmax()], n_features=4).n_parameters
    83
    """

    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array
    running_mean: Array
    running_variance: Array
    running_weight: Array
    added_state = MappingProxyType({"running_weight": 1.0})

    def __init__(self, momentum: float = 0.1, epsilon: float = 1e-5, trainable: bool = True) -> None:
        self.momentum = checks.real("momentum", momentum, above=0, maximum=1)
        if LIKE_KERAS <= self.momentum < 1:
            checks.warn(
                f"momentum: {self.momentum:g} gives the newest batch nearly all the weight; Keras calls 1 minus this "
                f"number momentum: for its {self.momentum:g} write momentum={1 - self.momentum:.4g}"
            )
        self.epsilon = checks.real("epsilon", epsilon, above=0)
        self.trainable = checks.boolean("trainable", trainable)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = gamma z_hat + beta`` with ``z_hat = (z - mu) / sqrt(sigma^2 + epsilon)``."""
        z = a_prev
        cache.of_batch = cache.training and self.trainable
        if cache.of_batch:
            mu, centered = _center(z, _all_but_last(z), cache)
            variance = _mean(np.square(centered), _all_but_last(z), cache).reshape(-1)
            self._average(mu.reshape(-1), variance, _n_values(z, cache))
        else:
            centered, variance = z - self.running_mean, self.running_variance
        cache.sigma = np.sqrt(variance + self.epsilon)
        cache.z_hat = centered / cache.sigma
        return self.gamma * cache.z_hat + self.beta

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dgamma``, ``dbeta`` and ``dz``; frozen, mu and sigma^2 are constants."""
        N, z_hat = da.size // da.shape[-1], cache.z_hat
        dgamma = self.dgamma = (da * z_hat).sum(axis=_all_but_last(da))
        dbeta = self.dbeta = da.sum(axis=_all_but_last(da))
        if cache.of_batch:
            mean_da, mean_along = _of_whole_batch(np.stack([dbeta / N, dgamma / N]), cache)
            da = da - mean_da - z_hat * mean_along
        return self.gamma / cache.sigma * da

    def _average(self, mu: Array, variance: Array, N: int) -> None:
        """Move the running averages toward those of the batch."""
        if N == 1:  # one value has no variance
            return
        self.running_weight += self.momentum * (1 - self.running_weight)
        rate = self.momentum / self.running_weight
        self.running_variance += rate * (variance * (N / (N - 1)) - self.running_variance)
        to_go = mu - self.running_mean
        least = np.finfo(mu.dtype).eps * np.abs(self.running_mean)  # a smaller step may be lost by rounding
        step = rate * to_go
        self.running_mean += np.where(np.abs(step) < least, np.clip(to_go, -least, least), step)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes of gamma and beta: (n,), the units or channels."""
        return {"gamma": input_shape[-1:], "beta": input_shape[-1:]}

    def state_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes of the running mean, variance and weight: (n,), the units or channels."""
        n = input_shape[-1:]
        return {"running_mean": n, "running_variance": n, "running_weight": n}

    def initialize(self, rng: np.random.Generator, initializer: Initializer) -> None:
        """Set gamma and the running variance to 1; beta, the running mean and the running weight stay 0."""
        self.gamma[...] = 1
        self.running_variance[...] = 1


class LayerNorm(Layer):
    r"""Layer normalization: ``a = gamma (z - mu) / sqrt(sigma^2 + epsilon) + beta``.

    mu and sigma^2 are the mean and variance of each example over its units. For an image (H, W, C) these are all its
    H W C numbers, and gamma and beta have a number for each of them, as in the paper and in PyTorch's
    ``LayerNorm((H, W, C))``. (Keras's ``LayerNormalization()`` takes the mean of the channels of each pixel.)

    Parameters
    ----------
    epsilon : float, default 1e-5
        Above 0.
    trainable : bool, default True
        False freezes gamma and beta.

    Attributes
    ----------
    gamma, beta : ndarray, (n,)
        Scale and shift of each unit, in the shape of one example; they start at 1 and 0.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    Notes
    -----
    z (M, n) -> a (M, n), the same in training and prediction. Backward, with
    ``z_hat = (z - mu) / sqrt(sigma^2 + epsilon)`` and ``dz_hat = da gamma``::

        dgamma = sum_i da z_hat         dbeta = sum_i da
        dz = (dz_hat - mean_j dz_hat - z_hat mean_j (dz_hat z_hat)) / sqrt(sigma^2 + epsilon)

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", 2016.

    Examples
    --------
    >>> import nnlite as nn
    >>> model = nn.Model([nn.LayerNorm(), nn.Identity()], n_features=3)
    >>> model.predict([[1.0, 2.0, 3.0]]).round(3)
    array([[-1.225,  0.   ,  1.225]], dtype=float32)
    """

    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array

    def __init__(self, epsilon: float = 1e-5, trainable: bool = True) -> None:
        self.epsilon = checks.real("epsilon", epsilon, above=0)
        self.trainable = checks.boolean("trainable", trainable)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = gamma z_hat + beta`` with ``z_hat = (z - mu) / sqrt(sigma^2 + epsilon)``."""
        z, units = a_prev, _unit_axes(a_prev)
        _, centered = _center(z, units)
        variance = np.square(centered).mean(axis=units, keepdims=True)
        cache.sigma = np.sqrt(variance + self.epsilon)
        cache.z_hat = centered / cache.sigma
        return self.gamma * cache.z_hat + self.beta

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dgamma``, ``dbeta`` and ``dz``."""
        z_hat, units = cache.z_hat, _unit_axes(da)
        self.dgamma = (da * z_hat).sum(axis=0)
        self.dbeta = da.sum(axis=0)
        dz_hat = da * self.gamma
        along = (dz_hat * z_hat).mean(axis=units, keepdims=True)
        return (dz_hat - dz_hat.mean(axis=units, keepdims=True) - z_hat * along) / cache.sigma

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return the shapes of gamma and beta, each that of one example."""
        return {"gamma": input_shape, "beta": input_shape}

    def initialize(self, rng: np.random.Generator, initializer: Initializer) -> None:
        """Set gamma to 1; beta stays 0."""
        self.gamma[...] = 1


def _unit_axes(z: Array) -> tuple[int, ...]:
    """Every axis but that of the examples."""
    return tuple(range(1, z.ndim))


def _all_but_last(z: Array) -> tuple[int, ...]:
    """Every axis but that of the units or channels."""
    return tuple(range(z.ndim - 1))


def _center(z: Array, axes: tuple[int, ...], cache: Cache | None = None) -> tuple[Array, Array]:
    """Return the mean mu over ``axes``, which it keeps, and ``z - mu``.

    The mean of ``z - mu`` shows by how much mu was rounded, which matters for numbers that are large and nearly equal.
    """
    mu = _mean(z, axes, cache)
    centered = z - mu
    rounded = _mean(centered, axes, cache)
    return mu + rounded, centered - rounded


# ---- a batch of which this process has a part -----------------------------------------------------------------------


def _mean(z: Array, axes: tuple[int, ...], cache: Cache | None) -> Array:
    """The mean over ``axes``, which it keeps. With a cache, the examples are among them."""
    mean: Array = z.mean(axis=axes, keepdims=True)
    return mean if cache is None else _of_whole_batch(mean, cache)


def _of_whole_batch(mean: Array, cache: Cache) -> Array:
    """Make the mean over the examples of this process that over the whole batch, if the processes synchronize."""
    return mean if cache.part is None or cache.part.mean is None else cache.part.mean(mean)


def _n_values(z: Array, cache: Cache) -> int:
    """Number of values of a unit or channel of which the mean is taken."""
    if cache.part is None or cache.part.mean is None:
        return z.size // z.shape[-1]
    return cache.part.size * math.prod(z.shape[1:-1])
