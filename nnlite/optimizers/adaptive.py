"""Rules that divide a step by the size of the gradients so far, or use only its sign."""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.optimizers.base import Optimizer, Options
from nnlite.optimizers.state import Part
from nnlite.schedules import Rate


class Adagrad(Optimizer):
    r"""Adagrad: ``s = s + g^2``, ``theta = theta - learning_rate g / (sqrt(s) + epsilon)``.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.01
    initial_accumulator_value : float, default 0
        s before the first step, at least 0.
    epsilon : float, default 1e-10
        Above 0.
    weight_decay : float, default 0
        Coupled.
    **options
        ``l1``, ``clip_value``, ``clip_norm``, ``max_norm``: see `Optimizer`.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    References
    ----------
    J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", 2011.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.Adagrad()
    Adagrad(0.01)
    """

    def __init__(
        self,
        learning_rate: "float | Rate" = 0.01,
        initial_accumulator_value: float = 0.0,
        epsilon: float = 1e-10,
        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **options)
        self.initial_accumulator_value = checks.real("initial_accumulator_value", initial_accumulator_value, minimum=0)
        self.epsilon = checks.real("epsilon", epsilon, above=0)

    @property
    def state_names(self) -> tuple[str, ...]:
        """``accumulator``, s."""
        return ("accumulator",)

    @property
    def initial_values(self) -> Mapping[str, float]:
        """The value of s before the first step."""
        return {"accumulator": self.initial_accumulator_value}

    def update(self, part: Part, g: Array, learning_rate: float) -> None:
        """``s = s + g^2``, ``theta = theta - learning_rate g / (sqrt(s) + epsilon)``."""
        s = part.accumulator
        s += g**2
        part.theta -= learning_rate * g / (np.sqrt(s) + self.epsilon)


class RMSProp(Optimizer):
    r"""RMSProp: ``s = rho s + (1 - rho) g^2``, ``theta = theta - learning_rate g / (sqrt(s) + epsilon)``.

    If ``centered``, the root is taken of ``s - m^2`` with ``m = rho m + (1 - rho) g``, an estimate of the variance.
    With momentum mu, ``v = mu v + g / (sqrt(s) + epsilon)`` and ``theta = theta - learning_rate v``.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.01
    rho : float, default 0.99
        In [0, 1).
    momentum : float, default 0
        mu in [0, 1).
    epsilon : float, default 1e-8
        Above 0.
    centered : bool, default False
    weight_decay : float, default 0
        Coupled.
    **options
        ``l1``, ``clip_value``, ``clip_norm``, ``max_norm``: see `Optimizer`.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    References
    ----------
    T. Tieleman and G. Hinton, "Lecture 6.5: rmsprop", Coursera, 2012; A. Graves, "Generating sequences with
    recurrent neural networks", 2013 (centered). The defaults are PyTorch's; Keras' are 0.001 and rho 0.9.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.RMSProp()
    RMSProp(0.01)
    """

    def __init__(
        self,
        learning_rate: "float | Rate" = 0.01,
        rho: float = 0.99,
        momentum: float = 0.0,
        epsilon: float = 1e-8,
        centered: bool = False,
        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **options)
        self.rho = checks.real("rho", rho, minimum=0, below=1)
        self.momentum = checks.real("momentum", momentum, minimum=0, below=1)
        self.epsilon = checks.real("epsilon", epsilon, above=0)
        self.centered = checks.boolean("centered", centered)

    @property
    def state_names(self) -> tuple[str, ...]:
        """``mean_square``; ``mean`` if centered; ``velocity`` with momentum."""
        return ("mean_square",) + ("mean",) * self.centered + ("velocity",) * (self.momentum > 0)

    def update(self, part: Part, g: Array, learning_rate: float) -> None:
        """``s = rho s + (1 - rho) g^2``, ``theta = theta - learning_rate g / (sqrt(s) + epsilon)``."""
        s = part.mean_square
        s *= self.rho
        s += (1 - self.rho) * g**2
        if self.centered:
            m = part.mean
            m *= self.rho
            m += (1 - self.rho) * g
            s = np.maximum(0, s - m**2)  # rounding can make it negative if the gradient hardly changes
        step = g / (np.sqrt(s) + self.epsilon)
        if self.momentum:
            v = part.velocity
            v *= self.momentum
            v += step
            step = v
        part.theta -= learning_rate * step


class Lion(Optimizer):
    r"""Lion: ``theta = theta - learning_rate sign(beta_1 m + (1 - beta_1) g)``, ``m = beta_2 m + (1 - beta_2) g``.

    Each parameter moves by the same length. Weight decay is decoupled.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.0001
        A third to a tenth of the rate for Adam.
    beta_1, beta_2 : float, default 0.9 and 0.99
        In [0, 1).
    weight_decay : float, default 0
        lambda, at least 0; three to ten times the value for AdamW.
    **options
        ``l1``, ``clip_value``, ``clip_norm``, ``max_norm``: see `Optimizer`.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    References
    ----------
    X. Chen et al., "Symbolic discovery of optimization algorithms", 2023.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.Lion()
    Lion(0.0001)
    """

    decoupled = True

    def __init__(
        self,
        learning_rate: "float | Rate" = 0.0001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **options)
        self.beta_1 = checks.real("beta_1", beta_1, minimum=0, below=1)
        self.beta_2 = checks.real("beta_2", beta_2, minimum=0, below=1)

    @property
    def state_names(self) -> tuple[str, ...]:
        """``m``."""
        return ("m",)

    def update(self, part: Part, g: Array, learning_rate: float) -> None:
        """``theta = theta - learning_rate sign(beta_1 m + (1 - beta_1) g)``, ``m = beta_2 m + (1 - beta_2) g``."""
        m = part.m
        part.theta -= learning_rate * np.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        m *= self.beta_2
        m += (1 - self.beta_2) * g
