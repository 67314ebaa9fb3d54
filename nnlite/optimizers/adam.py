"""Adam and its relatives, which keep running averages of the gradient and of its square."""

from collections.abc import Mapping
from typing import Unpack

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.optimizers.base import Optimizer, Options
from nnlite.optimizers.state import Part
from nnlite.schedules import Rate


class Adam(Optimizer):
    r"""Adam: running averages m of the gradient and v of its square, corrected for their start at 0.

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
        Use the largest v so far instead of v.
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

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.Adam()
    Adam(0.001)
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

    def update(self, part: Part, g: Array, learning_rate: float) -> None:
        """``m``, ``v``, their corrections, and the step."""
        m, v = self._averages(part, g)
        if self.amsgrad:
            v = np.maximum(part.largest_v, v, out=part.largest_v)
        m_hat = m / (1 - self.beta_1**part.t)
        v_hat = v / (1 - self.beta_2**part.t)
        part.theta -= learning_rate * m_hat / (np.sqrt(v_hat) + self.epsilon)

    def _averages(self, part: Part, g: Array) -> tuple[Array, Array]:
        """``m = beta_1 m + (1 - beta_1) g`` and ``v = beta_2 v + (1 - beta_2) g^2``, in place."""
        m, v = part.m, part.v
        m *= self.beta_1
        m += (1 - self.beta_1) * g
        v *= self.beta_2
        v += (1 - self.beta_2) * g**2
        return m, v


class AdamW(Adam):
    r"""`Adam` with decoupled weight decay: ``theta = theta - learning_rate lambda theta``, then the step of Adam.

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
        Use the largest v so far instead of v.
    **options
        ``l1``, ``clip_value``, ``clip_norm``, ``max_norm``: see `Optimizer`.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    References
    ----------
    I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", 2019.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.AdamW(3e-3, weight_decay=0.05)
    AdamW(0.003, weight_decay=0.05)
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
    r"""`Adam` that looks ahead along the momentum, as Nesterov's method does.

    With ``mu_t = beta_1 (1 - 0.96^{t momentum_decay} / 2)`` and ``P_t = mu_1 mu_2 ... mu_t``::

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

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.NAdam()
    NAdam(0.002)
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

    @property
    def state_names(self) -> tuple[str, ...]:
        """``m``, ``v`` and ``P``, the product of the mu of all steps so far."""
        return ("m", "v", "P")

    @property
    def initial_values(self) -> Mapping[str, float]:
        """``P_0 = 1``."""
        return {"P": 1.0}

    def update(self, part: Part, g: Array, learning_rate: float) -> None:
        """``m``, ``v``, ``P``, and the step with a look ahead."""
        m, v = self._averages(part, g)
        v_hat = v / (1 - self.beta_2**part.t)
        mu, mu_next = self.mu(part.t), self.mu(part.t + 1)
        part.P *= mu
        look_ahead = (1 - mu) / (1 - part.P) * g + mu_next / (1 - part.P * mu_next) * m
        part.theta -= learning_rate * look_ahead / (np.sqrt(v_hat) + self.epsilon)

    def mu(self, t: int) -> float:
        """``mu_t = beta_1 (1 - 0.96^{t momentum_decay} / 2)``."""
        return float(self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay)))
