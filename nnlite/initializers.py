"""How the weights of a layer are drawn before training."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import math

import numpy as np

from nnlite import checks
from nnlite.checks import Array


class Initializer:
    """Base class: a rule that draws a weight matrix.

    Its one method is ``__call__(shape, rng)``; n_in is the first number of ``shape``, n_out the last.
    """

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return a float64 array of ``shape``, drawn from ``rng`` and from nothing else."""
        raise NotImplementedError(f"{type(self).__name__} does not say how weights are drawn")

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({arguments})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).items()))


class HeNormal(Initializer):
    r"""``W ~ N(0, 2 / n_in)``: keeps the size of the activations through layers of ReLU.

    References
    ----------
    K. He et al., "Delving deep into rectifiers", 2015, eq. 10.
    """

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        return rng.standard_normal(shape) * math.sqrt(2 / shape[0])


class HeUniform(Initializer):
    r"""``W ~ U(-r, r)`` with ``r = sqrt(6 / n_in)``: mean 0 and variance 2 / n_in, as `HeNormal`.

    References
    ----------
    K. He et al., "Delving deep into rectifiers", 2015, eq. 10.
    """

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        r = math.sqrt(6 / shape[0])
        return rng.uniform(-r, r, shape)


class GlorotUniform(Initializer):
    r"""``W ~ U(-r, r)`` with ``r = gain sqrt(6 / (n_in + n_out))``: for Tanh and Sigmoid.

    Parameters
    ----------
    gain : float, default 1
        Above 0. Output layers start with a tenth, so that an untrained network favours no class: J is near ln C.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010,
    eq. 16.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = checks.real("gain", gain, above=0)

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        r = self.gain * math.sqrt(6 / (shape[0] + shape[-1]))
        return rng.uniform(-r, r, shape)


class GlorotNormal(Initializer):
    r"""``W ~ N(0, 2 / (n_in + n_out))``: the variance of `GlorotUniform`, for Tanh and Sigmoid.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010,
    eq. 12.
    """

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        return rng.standard_normal(shape) * math.sqrt(2 / (shape[0] + shape[-1]))


class LeCunNormal(Initializer):
    r"""``W ~ N(0, 1 / n_in)``: z has the variance of a_prev; what SELU needs to normalize itself.

    References
    ----------
    Y. LeCun et al., "Efficient BackProp", 1998, section 4.6; G. Klambauer et al., "Self-normalizing neural networks",
    2017.
    """

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        return rng.standard_normal(shape) * math.sqrt(1 / shape[0])


class LeCunUniform(Initializer):
    r"""``W ~ U(-r, r)`` with ``r = sqrt(3 / n_in)``: mean 0 and variance 1 / n_in, as `LeCunNormal`.

    References
    ----------
    Y. LeCun et al., "Efficient BackProp", 1998, section 4.6.
    """

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        r = math.sqrt(3 / shape[0])
        return rng.uniform(-r, r, shape)


class Orthogonal(Initializer):
    r"""``W = gain Q`` with ``Q^T Q = 1``, every such Q equally likely: W keeps the length of what passes through it.

    Where n_out > n_in the rows are orthonormal instead of the columns, ``Q Q^T = 1``; axes before the last count as
    one. An entry has mean 0 and variance ``gain^2 / max(n_in, n_out)``.

    Parameters
    ----------
    gain : float, default 1
        Above 0; sqrt(2) suits ReLU.

    References
    ----------
    A. Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2014;
    F. Mezzadri, "How to generate random matrices from the classical compact groups", 2007, for the signs.

    Examples
    --------
    >>> W = Orthogonal()((3, 2), np.random.default_rng(0))
    >>> np.abs(W.T @ W).round(12)
    array([[1., 0.],
           [0., 1.]])
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = checks.real("gain", gain, above=0)

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        n_in, n_out = math.prod(shape[:-1]), shape[-1]
        Q, R = np.linalg.qr(rng.standard_normal((max(n_in, n_out), min(n_in, n_out))))
        Q *= np.copysign(self.gain, R.diagonal())  # QR leaves the signs to the algorithm: without this Q is biased
        return np.ascontiguousarray(Q if n_in >= n_out else Q.T).reshape(shape)


class TruncatedNormal(Initializer):
    r"""``W ~ N(mean, stddev^2)``, drawn again where it is more than two ``stddev`` away from ``mean``.

    What is cut off makes it narrower: the standard deviation of W is 0.8796 ``stddev``.

    Parameters
    ----------
    mean : float, default 0
    stddev : float, default 0.05
        Above 0; of the normal distribution before the cut, as in Keras.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05) -> None:
        self.mean = checks.real("mean", mean)
        self.stddev = checks.real("stddev", stddev, above=0)

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        W = rng.standard_normal(shape)
        while (outside := np.abs(W) > 2).any():
            W[outside] = rng.standard_normal(np.count_nonzero(outside))
        W *= self.stddev
        W += self.mean
        return W


class Constant(Initializer):
    r"""``W = value``. In a hidden layer every unit then learns the same.

    Parameters
    ----------
    value : float
    """

    def __init__(self, value: float) -> None:
        self.value = checks.real("value", value)

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return ``value`` everywhere; nothing is drawn."""
        return np.full(shape, self.value)


class Zeros(Initializer):
    r"""``W = 0``. In a hidden layer every unit then learns the same; for softmax regression it is as good as any."""

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return zeros of ``shape``; nothing is drawn."""
        return np.zeros(shape)
