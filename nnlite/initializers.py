"""Initializers: how the weights of a layer are drawn before training.

n_in is the number of inputs of a unit of the layer, n_out the number of units that an input goes to. A Dense layer has
W (n_in, n_out). A convolution has W (kernel, C, F); with r entries of the kernel (9 for 3 x 3), ``n_in = r C`` and
``n_out = r F``.
"""

from __future__ import annotations  # avoids the import of numpy.random for its Generator

import math

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.words import Explained


class Initializer(Explained):
    """Base class of the initializers. A subclass defines ``__call__(shape, rng)``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> class Sparse(nn.Initializer):
    ...     def __call__(self, shape, rng):
    ...         return rng.standard_normal(shape) * (rng.random(shape) < 0.1)
    >>> nn.Dense(64, Sparse())
    Dense(64, initializer=Sparse())
    """

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights.

        Parameters
        ----------
        shape : tuple of int
            (n_in, n_out), or (kernel, C / groups, F) for a convolution.
        rng : numpy.random.Generator
            The only source of randomness.

        Returns
        -------
        ndarray of float64
            An array of ``shape``.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(shape, rng)")

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({arguments})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).items()))


class HeNormal(Initializer):
    r"""``W ~ N(0, 2 / n_in)``: keeps the size of the activations constant through layers of ReLU.

    References
    ----------
    K. He et al., "Delving deep into rectifiers", 2015, eq. 10.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> W = nn.HeNormal()((784, 128), np.random.default_rng(0))
    >>> W.shape, round(float(W.std()), 3)
    ((784, 128), 0.051)
    """

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        return rng.standard_normal(shape) * math.sqrt(2 / fans(shape)[0])


class HeUniform(Initializer):
    r"""``W ~ U(-r, r)`` with ``r = sqrt(6 / n_in)``: mean 0 and variance 2 / n_in, like `HeNormal`.

    References
    ----------
    K. He et al., "Delving deep into rectifiers", 2015, eq. 10.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> W = nn.HeUniform()((784, 128), np.random.default_rng(0))
    >>> W.shape, round(float(W.std()), 3)
    ((784, 128), 0.05)
    """

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        r = math.sqrt(6 / fans(shape)[0])
        return rng.uniform(-r, r, shape)


class GlorotUniform(Initializer):
    r"""``W ~ U(-r, r)`` with ``r = gain sqrt(6 / (n_in + n_out))``, the default of Dense layers.

    Parameters
    ----------
    gain : float, default 1
        Above 0. With 0.1 before the output, the untrained network hardly prefers a class, and J is very near ln C.

    Raises
    ------
    ArgumentError
        If ``gain`` is not a finite number above 0.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010,
    eq. 16.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> W = nn.GlorotUniform()((784, 128), np.random.default_rng(0))
    >>> W.shape, round(float(W.std()), 3)
    ((784, 128), 0.047)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = checks.real("gain", gain, above=0)

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        r = self.gain * math.sqrt(6 / sum(fans(shape)))
        return rng.uniform(-r, r, shape)


class GlorotNormal(Initializer):
    r"""``W ~ N(0, 2 / (n_in + n_out))``: the variance of `GlorotUniform`; suits Tanh and Sigmoid.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010,
    eq. 12.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> W = nn.GlorotNormal()((784, 128), np.random.default_rng(0))
    >>> W.shape, round(float(W.std()), 3)
    ((784, 128), 0.047)
    """

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        return rng.standard_normal(shape) * math.sqrt(2 / sum(fans(shape)))


class LeCunNormal(Initializer):
    r"""``W ~ N(0, 1 / n_in)``: gives z the variance of a_prev, as SELU needs it.

    References
    ----------
    Y. LeCun et al., "Efficient BackProp", 1998, section 4.6; G. Klambauer et al., "Self-normalizing neural networks",
    2017.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> W = nn.LeCunNormal()((784, 128), np.random.default_rng(0))
    >>> W.shape, round(float(W.std()), 3)
    ((784, 128), 0.036)
    """

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        return rng.standard_normal(shape) * math.sqrt(1 / fans(shape)[0])


class LeCunUniform(Initializer):
    r"""``W ~ U(-r, r)`` with ``r = sqrt(3 / n_in)``: mean 0 and variance 1 / n_in, like `LeCunNormal`.

    References
    ----------
    Y. LeCun et al., "Efficient BackProp", 1998, section 4.6.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> W = nn.LeCunUniform()((784, 128), np.random.default_rng(0))
    >>> W.shape, round(float(W.std()), 3)
    ((784, 128), 0.036)
    """

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        r = math.sqrt(3 / fans(shape)[0])
        return rng.uniform(-r, r, shape)


class Orthogonal(Initializer):
    r"""``W = gain Q`` with ``Q^T Q = 1``: keeps the length of a_prev. All such Q are equally likely.

    If n_out > n_in, the rows are orthonormal instead of the columns: ``Q Q^T = 1``. In a ``shape`` of more than two
    axes, all axes but the last count as one. An entry of W has mean 0 and variance ``gain^2 / max(n_in, n_out)``.

    Parameters
    ----------
    gain : float, default 1
        Above 0; sqrt(2) suits ReLU.

    Raises
    ------
    ArgumentError
        If ``gain`` is not a finite number above 0.

    References
    ----------
    A. Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2014;
    F. Mezzadri, "How to generate random matrices from the classical compact groups", 2007, for the signs.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> W = nn.Orthogonal()((3, 2), np.random.default_rng(0))
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
        Q *= np.copysign(self.gain, R.diagonal())  # the signs of QR depend on the algorithm: R_ii > 0 makes Q uniform
        return np.ascontiguousarray(Q if n_in >= n_out else Q.T).reshape(shape)


class TruncatedNormal(Initializer):
    r"""``W ~ N(mean, stddev^2)``, redrawn while it is more than two ``stddev`` away from ``mean``.

    The truncation narrows the distribution: the standard deviation of W is 0.8796 ``stddev``.

    Parameters
    ----------
    mean : float, default 0
        Mean of W.
    stddev : float, default 0.05
        Standard deviation of the normal distribution before the truncation, as in Keras; above 0.

    Raises
    ------
    ArgumentError
        If ``mean`` is not a finite number, or ``stddev`` is not a finite number above 0.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> W = nn.TruncatedNormal(0.1)((784, 128), np.random.default_rng(0))
    >>> W.shape, round(float(W.std()), 3)
    ((784, 128), 0.044)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05) -> None:
        self.mean = checks.real("mean", mean)
        self.stddev = checks.real("stddev", stddev, above=0)

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw weights of ``shape``."""
        W = rng.standard_normal(shape)
        while (outside := np.abs(W) > 2).any():
            W[outside] = rng.standard_normal(np.count_nonzero(outside))
        return self.stddev * W + self.mean


class Constant(Initializer):
    r"""``W = value``. All units of a hidden layer then learn the same.

    Parameters
    ----------
    value : float
        The value of every weight.

    Raises
    ------
    ArgumentError
        If ``value`` is not a finite number.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.Constant(0.5)((2, 2), np.random.default_rng(0))
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """

    def __init__(self, value: float) -> None:
        self.value = checks.real("value", value)

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return an array of ``shape`` filled with ``value``; ``rng`` is not used."""
        return np.full(shape, self.value)


class Zeros(Initializer):
    r"""``W = 0``. All units of a hidden layer then learn the same; softmax regression can start from it.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.Zeros()((2, 2), np.random.default_rng(0))
    array([[0., 0.],
           [0., 0.]])
    """

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return zeros of ``shape``; ``rng`` is not used."""
        return np.zeros(shape)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return n_in and n_out of weights of ``shape``.

    Examples
    --------
    >>> fans((784, 128)), fans((3, 3, 16, 32))
    ((784, 128), (144, 288))
    """
    *kernel, n_in, n_out = shape if len(shape) > 1 else (*shape, *shape)
    return math.prod(kernel) * n_in, math.prod(kernel) * n_out


def draw(initializer: Initializer, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw weights; ArgumentError if the initializer, which a user may have written, gives anything else."""
    W = initializer(shape, rng)
    if np.shape(W) != shape or not np.isfinite(W).all():
        raise ArgumentError(f"initializer: {initializer} must give finite numbers of shape {shape}, got {W!r}")
    return W
