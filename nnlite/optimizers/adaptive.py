"""Rules that divide each step by the size of the gradients so far, or take its sign alone."""

from typing import Unpack

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.optimizers.base import Block, Optimizer, OptimizerState, Options
from nnlite.schedules import Rate


class Adagrad(Optimizer):
    r"""``s = s + g^2``, ``theta = theta - learning_rate g / (sqrt(s) + epsilon)``.

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

    def prepare(self, state: OptimizerState) -> None:
        """Start s where it is to start."""
        if state.n_steps == 0:
            state.vectors["accumulator"][...] = self.initial_accumulator_value

    def update(self, block: Block, g: Array, learning_rate: float, state: OptimizerState) -> None:
        """``s += g^2``, ``theta -= learning_rate g / (sqrt(s) + epsilon)``."""
        s, scratch = block.state["accumulator"], block.scratch
        s += np.square(g, out=scratch)
        np.sqrt(s, out=scratch)
        scratch += self.epsilon
        step = np.divide(g, scratch, out=scratch)
        step *= learning_rate
        block.theta -= step


class RMSProp(Optimizer):
    r"""``s = rho s + (1 - rho) g^2``, ``theta = theta - learning_rate g / (sqrt(s) + epsilon)``.

    Centered, s is replaced under the root by ``s - m^2`` with ``m = rho m + (1 - rho) g``, an estimate of the
    variance. With momentum mu, ``v = mu v + g / (sqrt(s) + epsilon)`` and ``theta = theta - learning_rate v``.

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
        """``mean_square``, and as far as they are needed ``mean`` and ``velocity``."""
        return ("mean_square",) + ("mean",) * self.centered + ("velocity",) * (self.momentum > 0)

    def update(self, block: Block, g: Array, learning_rate: float, state: OptimizerState) -> None:
        """``s = rho s + (1 - rho) g^2``, ``theta -= learning_rate g / (sqrt(s) + epsilon)``."""
        s, scratch = block.state["mean_square"], block.scratch
        s *= self.rho
        np.square(g, out=scratch)
        scratch *= 1 - self.rho
        s += scratch
        if self.centered:
            m = block.state["mean"]
            m *= self.rho
            m += np.multiply(g, 1 - self.rho, out=scratch)
            np.square(m, out=scratch)
            np.subtract(s, scratch, out=scratch)
            np.maximum(scratch, 0, out=scratch)  # where the gradient hardly changes, rounding may go below 0
            np.sqrt(scratch, out=scratch)
        else:
            np.sqrt(s, out=scratch)
        scratch += self.epsilon
        step = np.divide(g, scratch, out=scratch)
        if self.momentum:
            v = block.state["velocity"]
            v *= self.momentum
            v += step
            step = np.multiply(v, learning_rate, out=scratch)
        else:
            step *= learning_rate
        block.theta -= step


class Lion(Optimizer):
    r"""Steps of one length in every direction: ``theta = theta - learning_rate sign(beta_1 m + (1 - beta_1) g)``.

    Then ``m = beta_2 m + (1 - beta_2) g``. Weight decay is decoupled.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.0001
        A third to a tenth of what one would give Adam.
    beta_1, beta_2 : float, default 0.9 and 0.99
        In [0, 1).
    weight_decay : float, default 0
        lambda, at least 0; three to ten times what one would give AdamW.
    **options
        ``l1``, ``clip_value``, ``clip_norm``, ``max_norm``: see `Optimizer`.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    References
    ----------
    X. Chen et al., "Symbolic discovery of optimization algorithms", 2023.
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

    def update(self, block: Block, g: Array, learning_rate: float, state: OptimizerState) -> None:
        """``theta -= learning_rate sign(beta_1 m + (1 - beta_1) g)``, ``m = beta_2 m + (1 - beta_2) g``."""
        m, scratch = block.state["m"], block.scratch
        step = np.subtract(m, g, out=scratch)  # beta_1 m + (1 - beta_1) g = beta_1 (m - g) + g
        step *= self.beta_1
        step += g
        np.sign(step, out=step)
        step *= learning_rate
        block.theta -= step
        m *= self.beta_2
        m += np.multiply(g, 1 - self.beta_2, out=scratch)
