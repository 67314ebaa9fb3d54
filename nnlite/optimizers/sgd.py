"""Gradient descent, plain or with momentum."""

from typing import Unpack

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.optimizers.base import Optimizer, Options
from nnlite.optimizers.state import Part
from nnlite.schedules import Rate


class SGD(Optimizer):
    r"""Gradient descent, plain or with momentum: ``theta <- theta - learning_rate grad``.

    With momentum mu and weight decay lambda, one step is::

        g     = grad + lambda theta         (weights only, not biases)
        v     = mu v + g                    (v starts at 0)
        theta = theta - learning_rate v                 or, with Nesterov,
        theta = theta - learning_rate (g + mu v)

    The batches decide whether this is stochastic (mini-batch) or full-batch descent.

    Parameters
    ----------
    learning_rate : float or schedule, default 0.1
        Length of a step, above 0; 0.01 to 0.5 for most networks, less with momentum 0.9.
    momentum : float, default 0
        mu in [0, 1): the share of the previous step that is kept.
    nesterov : bool, default False
        Look ahead along the momentum, which must be above 0.
    weight_decay : float, default 0
        lambda, at least 0: adds ``lambda/2 |W|^2`` to the cost whose gradient is followed.
    **options
        ``l1``, ``clip_value``, ``clip_norm``, ``max_norm``: see `Optimizer`.

    Raises
    ------
    ArgumentError
        If a value is out of its range, or ``nesterov`` is True without momentum.

    References
    ----------
    B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964 (momentum);
    Y. Nesterov, "A method for solving the convex programming problem with convergence rate O(1/k^2)", 1983;
    I. Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.SGD(0.1, momentum=0.9)
    SGD(0.1, momentum=0.9)
    """

    def __init__(
        self,
        learning_rate: "float | Rate" = 0.1,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **options)
        self.momentum = checks.real("momentum", momentum, minimum=0, below=1)
        self.nesterov = checks.boolean("nesterov", nesterov)
        if self.nesterov and self.momentum == 0:
            raise ArgumentError("nesterov: looks ahead along the momentum, so it needs momentum above 0, got 0")

    @property
    def state_names(self) -> tuple[str, ...]:
        """``velocity``, if there is momentum."""
        return ("velocity",) if self.momentum else ()

    def update(self, part: Part, g: Array, learning_rate: float) -> None:
        """``v = mu v + g``, ``theta = theta - learning_rate v`` (or ``g``, or ``g + mu v``)."""
        if self.momentum:
            v = part.velocity
            v *= self.momentum
            v += g
            g = g + self.momentum * v if self.nesterov else v
        part.theta -= learning_rate * g
