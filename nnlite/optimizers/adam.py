"""Adam and its relatives: running averages of the gradient and of its square."""

import math
from typing import Unpack

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.optimizers.base import Block, Optimizer, OptimizerState, Options
from nnlite.schedules import Rate


class Adam(Optimizer):
    r"""Steps from running averages m of the gradient and v of its square, corrected for their start at 0.

    In step t = 1, 2, ...::

        m = beta_1 m + (1 - beta_1) g           m_hat = m / (1 - beta_1^t)
        v = beta_2 v + (1 - beta_2) g^2         v_hat = v / (1 - beta_2^t)
        theta = theta - learning_rate m_hat / (sqrt(v_hat) + epsilon)

    Parameters
    ----------
    learning_rate : float or schedule, default 0.001
    beta_1, beta_2 : float, default 0.9 and 0.999
        In [0, 1).
    epsilon : float, default 1e-8
        Above 0.
    weight_decay : float, default 0
        Coupled: ``lambda theta`` is added to the gradient. `AdamW` decouples it.
    amsgrad : bool, default False
        Take the largest v so far for v.
    **options
        ``l1``, ``clip_value``, ``clip_norm``, ``max_norm``: see `Optimizer`.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    References
    ----------
    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015; S. J. Reddi, S. Kale and S. Kumar,
    "On the convergence of Adam and beyond", 2018 (amsgrad).
    """

    def __init__(
        self,
        learning_rate: "float | Rate" = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **options)
        self.beta_1 = checks.real("beta_1", beta_1, minimum=0, below=1)
        self.beta_2 = checks.real("beta_2", beta_2, minimum=0, below=1)
        self.epsilon = checks.real("epsilon", epsilon, above=0)
        self.amsgrad = checks.boolean("amsgrad", amsgrad)

    @property
    def state_names(self) -> tuple[str, ...]:
        """``m`` and ``v``, and with amsgrad ``largest_v``."""
        return ("m", "v", "largest_v") if self.amsgrad else ("m", "v")

    def update(self, block: Block, g: Array, learning_rate: float, state: OptimizerState) -> None:
        """``m``, ``v``, then ``theta -= learning_rate m_hat / (sqrt(v_hat) + epsilon)``.

        The corrections are folded into two numbers: with ``m_hat = c_m m`` and ``v_hat = c_v^2 v`` the step is
        ``learning_rate c_m / c_v  m / (sqrt(v) + epsilon / c_v)``.
        """
        c_m, c_v = self._corrections(state.t(block))
        root = self._averages(block, g)
        root += self.epsilon / c_v
        step = np.divide(block.state["m"], root, out=root)
        step *= learning_rate * c_m / c_v
        block.theta -= step

    def prepare(self, state: OptimizerState) -> None:
        """Keep m and v divided by ``1 - beta``, which saves a pass over each; another beta is another factor."""
        for beta, names in ((self.beta_1, ("m",)), (self.beta_2, ("v", "largest_v"))):
            before = state.numbers.setdefault(f"beta of {names[0]}", beta)
            if beta != before:
                for name in state.vectors.keys() & names:
                    state.vectors[name] *= (1 - before) / (1 - beta)
                state.numbers[f"beta of {names[0]}"] = beta

    def _corrections(self, t: int) -> tuple[float, float]:
        """c_m and c_v, with ``m_hat = c_m m`` and ``v_hat = c_v^2 v``."""
        return (1 - self.beta_1) / (1 - self.beta_1**t), math.sqrt((1 - self.beta_2) / (1 - self.beta_2**t))

    def _averages(self, block: Block, g: Array) -> Array:
        """Bring m and v up to date, and return sqrt(v) in the scratch; m comes last, since the step needs it next."""
        m, v, scratch = block.state["m"], block.state["v"], block.scratch
        v *= self.beta_2
        v += np.multiply(g, g, out=scratch)
        if self.amsgrad:
            v = np.maximum(block.state["largest_v"], v, out=block.state["largest_v"])
        root = np.sqrt(v, out=scratch)
        m *= self.beta_1
        m += g
        return root


class AdamW(Adam):
    r"""`Adam` with decoupled weight decay: ``theta = theta - learning_rate lambda theta``, then Adam's step.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.001
    beta_1, beta_2 : float, default 0.9 and 0.999
        In [0, 1).
    epsilon : float, default 1e-8
        Above 0.
    weight_decay : float, default 0.01
        lambda, at least 0.
    amsgrad : bool, default False
        Take the largest v so far for v.
    **options
        ``l1``, ``clip_value``, ``clip_norm``, ``max_norm``: see `Optimizer`.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    References
    ----------
    I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", 2019.
    """

    decoupled = True

    def __init__(
        self,
        learning_rate: "float | Rate" = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, weight_decay, amsgrad, **options)


class NAdam(Adam):
    r"""`Adam` that looks ahead along the momentum, as Nesterov's does.

    With ``mu_t = beta_1 (1 - 0.96^{t momentum_decay} / 2)`` and P_t the product of mu_1 .. mu_t::

        theta = theta - learning_rate ((1 - mu_t) / (1 - P_t) g + mu_{t+1} / (1 - P_{t+1}) m) / (sqrt(v_hat) + epsilon)

    Parameters
    ----------
    learning_rate : float or schedule, default 0.002
    beta_1, beta_2 : float, default 0.9 and 0.999
        In [0, 1).
    epsilon : float, default 1e-8
        Above 0.
    weight_decay : float, default 0
        Coupled.
    momentum_decay : float, default 0.004
        At least 0.
    **options
        ``l1``, ``clip_value``, ``clip_norm``, ``max_norm``: see `Optimizer`.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    References
    ----------
    T. Dozat, "Incorporating Nesterov momentum into Adam", 2016.
    """

    def __init__(
        self,
        learning_rate: "float | Rate" = 0.002,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 0.004,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, weight_decay, False, **options)
        self.momentum_decay = checks.real("momentum_decay", momentum_decay, minimum=0)

    def _mu(self, t: int) -> float:
        return float(self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay)))

    def prepare(self, state: OptimizerState) -> None:
        """P_t, the product of all mu so far, for each t that a block is at."""
        super().prepare(state)
        before = state.numbers
        state.numbers = {name: number for name, number in before.items() if not name.startswith("P_")}
        for t in {state.t(block) for block in state.blocks}:
            product = before.get(f"P_{t - 1}")
            if product is None:  # the first step, or the first of a layer that was freed
                product = math.prod(self._mu(k) for k in range(1, t))
            state.numbers[f"P_{t}"] = product * self._mu(t)

    def update(self, block: Block, g: Array, learning_rate: float, state: OptimizerState) -> None:
        """Adam's averages, then the step with a look ahead."""
        t = state.t(block)
        product = state.numbers[f"P_{t}"]
        mu, mu_next = self._mu(t), self._mu(t + 1)
        _, c_v = self._corrections(t)
        root = self._averages(block, g)
        root += self.epsilon / c_v
        look_ahead = np.multiply(g, (1 - mu) / (1 - product), out=block.g)
        look_ahead /= root
        look_ahead *= learning_rate / c_v
        step = np.divide(block.state["m"], root, out=root)
        step *= learning_rate / c_v * (1 - self.beta_1) * mu_next / (1 - product * mu_next)
        block.theta -= look_ahead
        block.theta -= step
