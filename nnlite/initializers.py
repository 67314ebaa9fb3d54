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


class Zeros(Initializer):
    r"""``W = 0``. In a hidden layer every unit then learns the same; for softmax regression it is as good as any."""

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Return zeros of ``shape``; nothing is drawn."""
        return np.zeros(shape)
