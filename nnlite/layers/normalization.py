"""Layers that give their input mean 0 and variance 1, and let the network learn another scale and shift."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.initializers import Initializer
from nnlite.layers.base import Cache, Layer, Shape


class BatchNorm(Layer):
    r"""``a = gamma (z - mu) / sqrt(sigma^2 + epsilon) + beta``, with mu and sigma^2 of each unit over the batch.

    Running averages of both are kept in training (that of sigma^2 without bias, ``M / (M - 1)`` times larger), and
    prediction uses them:
    ``running_mean <- (1 - momentum) running_mean + momentum mu``, and so for ``running_variance``.

    Parameters
    ----------
    momentum : float, default 0.1
        Weight of the newest batch in the running averages, in (0, 1]. As in PyTorch; Keras calls 1 minus this the
        momentum.
    epsilon : float, default 1e-5
        Above 0.
    trainable : bool, default True
        False freezes the layer: gamma and beta stay, and training, too, uses the running averages as they are.

    Attributes
    ----------
    gamma, beta : ndarray, (n,)
        Scale and shift; 1 and 0 at first.
    running_mean, running_variance : ndarray, (n,)
        0 and 1 at first; they lie in ``model.state``.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    Notes
    -----
    z (M, n) -> a (M, n). Backward, with ``z_hat = (z - mu) / sqrt(sigma^2 + epsilon)``::

        dgamma = sum_i da z_hat         dbeta = sum_i da
        dz = gamma / sqrt(sigma^2 + epsilon) (da - dbeta / M - z_hat dgamma / M)

    A batch of one example has no variance: z_hat is then 0, and the running variance stays.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
    shift", 2015.
    """

    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array
    running_mean: Array
    running_variance: Array

    def __init__(self, momentum: float = 0.1, epsilon: float = 1e-5, trainable: bool = True) -> None:
        self.momentum = checks.real("momentum", momentum, above=0, maximum=1)
        self.epsilon = checks.real("epsilon", epsilon, above=0)
        self.trainable = checks.boolean("trainable", trainable)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Gamma and beta, as an example."""
        return {"gamma": input_shape, "beta": input_shape}

    def state_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Running mean and variance, as an example."""
        return {"running_mean": input_shape, "running_variance": input_shape}

    def initialize(self, rng: np.random.Generator, initializer: Initializer) -> None:
        """Set gamma and the running variance to 1; beta and the running mean stay 0."""
        self.gamma[...] = 1
        self.running_variance[...] = 1

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = gamma (z - mu) / sqrt(sigma^2 + epsilon) + beta``."""
        z, shape = a_prev, a_prev.shape[1:]
        cache.by_batch = cache.training and self.trainable
        z_hat = cache.z_hat = cache.array("z_hat", z.shape)
        inverse = cache.inverse = cache.array("inverse", shape)
        if cache.by_batch:
            mu = np.mean(z, axis=0, out=cache.array("mu", shape))
            np.subtract(z, mu, out=z_hat)
            squares = np.square(z_hat, out=cache.array("work", z.shape))
            variance = np.mean(squares, axis=0, out=cache.array("variance", shape))
            self._average(self.running_mean, mu, 1.0, cache)
            if len(z) > 1:
                self._average(self.running_variance, variance, len(z) / (len(z) - 1), cache)
        else:
            np.subtract(z, self.running_mean, out=z_hat)
            variance = self.running_variance
        np.add(variance, self.epsilon, out=inverse)
        np.sqrt(inverse, out=inverse)
        np.divide(1, inverse, out=inverse)
        z_hat *= inverse
        a = np.multiply(z_hat, self.gamma, out=cache.array("a", z.shape))
        a += self.beta
        return a

    def _average(self, running: Array, of_batch: Array, factor: float, cache: Cache) -> None:
        running *= 1 - self.momentum
        running += np.multiply(of_batch, self.momentum * factor, out=cache.array("newest", of_batch.shape))

    def backward(self, da: Array, cache: Cache) -> Array | None:
        """``dgamma``, ``dbeta`` and ``dz``, through mu and sigma^2 where they are the batch's."""
        z_hat, M, shape = cache.z_hat, len(da), da.shape[1:]
        da_z_hat = np.multiply(da, z_hat, out=cache.array("work", da.shape))
        dgamma = np.sum(da_z_hat, axis=0, out=cache.array("dgamma", shape))
        dbeta = np.sum(da, axis=0, out=cache.array("dbeta", shape))
        if self.trainable:
            self.dgamma[...] = dgamma
            self.dbeta[...] = dbeta
        if not cache.input_gradient:
            return None
        if cache.by_batch:  # da - dbeta / M - z_hat dgamma / M
            dbeta *= 1 / M
            dgamma *= 1 / M
            da -= dbeta
            da -= np.multiply(z_hat, dgamma, out=da_z_hat)
        da *= np.multiply(self.gamma, cache.inverse, out=cache.array("scale", shape))
        return da


class LayerNorm(Layer):
    r"""``a = gamma (z - mu) / sqrt(sigma^2 + epsilon) + beta``, with mu and sigma^2 of each example over its units.

    Parameters
    ----------
    epsilon : float, default 1e-5
        Above 0.
    trainable : bool, default True
        False freezes gamma and beta.

    Attributes
    ----------
    gamma, beta : ndarray, (n,)
        Scale and shift of each unit; 1 and 0 at first.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    Notes
    -----
    z (M, n) -> a (M, n), the same in training and prediction. Backward, with ``dz_hat = da gamma``::

        dgamma = sum_i da z_hat         dbeta = sum_i da
        dz = (dz_hat - mean_j dz_hat - z_hat mean_j (dz_hat z_hat)) / sqrt(sigma^2 + epsilon)

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", 2016.
    """

    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array

    def __init__(self, epsilon: float = 1e-5, trainable: bool = True) -> None:
        self.epsilon = checks.real("epsilon", epsilon, above=0)
        self.trainable = checks.boolean("trainable", trainable)

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Gamma and beta, as an example."""
        return {"gamma": input_shape, "beta": input_shape}

    def initialize(self, rng: np.random.Generator, initializer: Initializer) -> None:
        """Set gamma to 1; beta stays 0."""
        self.gamma[...] = 1

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = gamma (z - mu) / sqrt(sigma^2 + epsilon) + beta``."""
        z, axes = a_prev, tuple(range(1, a_prev.ndim))
        column = (len(z),) + (1,) * len(axes)
        mu = np.mean(z, axis=axes, keepdims=True, out=cache.array("mu", column))
        z_hat = cache.z_hat = np.subtract(z, mu, out=cache.array("z_hat", z.shape))
        squares = np.square(z_hat, out=cache.array("work", z.shape))
        inverse = np.mean(squares, axis=axes, keepdims=True, out=cache.array("inverse", column))
        inverse += self.epsilon
        np.sqrt(inverse, out=inverse)
        cache.inverse = np.divide(1, inverse, out=inverse)
        z_hat *= inverse
        a = np.multiply(z_hat, self.gamma, out=cache.array("a", z.shape))
        a += self.beta
        return a

    def backward(self, da: Array, cache: Cache) -> Array | None:
        """``dgamma``, ``dbeta`` and ``dz``, through mu and sigma^2."""
        z_hat, axes = cache.z_hat, tuple(range(1, da.ndim))
        column = (len(da),) + (1,) * len(axes)
        work = cache.array("work", da.shape)
        if self.trainable:
            np.sum(np.multiply(da, z_hat, out=work), axis=0, out=self.dgamma)
            np.sum(da, axis=0, out=self.dbeta)
        if not cache.input_gradient:
            return None
        da *= self.gamma  # dz_hat
        along = np.mean(np.multiply(da, z_hat, out=work), axis=axes, keepdims=True, out=cache.array("along", column))
        da -= np.mean(da, axis=axes, keepdims=True, out=cache.array("mean", column))
        da -= np.multiply(z_hat, along, out=work)
        da *= cache.inverse
        return da
