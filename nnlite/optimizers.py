"""Gradient descent: rules that turn grad into a step of theta.

All parameters of a model lie in one vector, so a rule is written for vectors. It is applied to one block of the
vector after the other: a block and all that the rule reads and writes with it fit the processor's cache together.
"""

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError

if TYPE_CHECKING:
    from nnlite.model import Model

BLOCK = 65_536  # numbers of theta that are updated at once: with grad, velocity and scratch 1 MB in float32


class Block:
    """A part of theta and all that belongs to it: views, made once and used in every step.

    Attributes
    ----------
    theta, grad : ndarray, (n,)
        Parameters and their gradient; a rule writes into theta only.
    decayed : bool
        Whether weight decay acts here: weights yes, biases no.
    state : dict of str to ndarray, (n,)
        What the rule remembers, by the names in `Optimizer.state_names`.
    scratch : ndarray, (n,)
        Memory for one intermediate result, shared by all blocks.
    """

    def __init__(self, theta: Array, grad: Array, decayed: bool, state: dict[str, Array], scratch: Array) -> None:
        self.theta = theta
        self.grad = grad
        self.decayed = decayed
        self.state = state
        self.scratch = scratch


class OptimizerState:
    """What an optimizer remembers of one model.

    Attributes
    ----------
    n_steps : int
        Steps made so far.
    vectors : dict of str to ndarray, (n_parameters,)
        By name, such as "velocity"; 0 before the first step.
    """

    def __init__(self, model: "Model", names: tuple[str, ...]) -> None:
        self.n_steps = 0
        self.vectors = {name: np.zeros_like(model.theta) for name in names}
        self.blocks = list(_blocks(model, self.vectors))


def _blocks(model: "Model", vectors: dict[str, Array]) -> Iterator[Block]:
    """Cut theta and all that is as long into blocks, of which each is all weights or all biases."""
    theta, grad, n_weights = model.theta, model.grad, model.n_weights
    scratch = np.empty(min(BLOCK, theta.size), theta.dtype)
    for start, stop, decayed in ((0, n_weights, True), (n_weights, theta.size, False)):
        for low in range(start, stop, BLOCK):
            part = slice(low, min(low + BLOCK, stop))
            state = {name: vector[part] for name, vector in vectors.items()}
            yield Block(theta[part], grad[part], decayed, state, scratch[: part.stop - part.start])


class Optimizer:
    """Base class of the rules ``theta <- theta - learning_rate * (something made of grad)``.

    A rule of one's own names the vectors that it remembers in `state_names` and overrides `update`. One optimizer
    can train several models: it remembers for each what belongs to it. A copy of an optimizer has the same
    hyperparameters and remembers nothing.

    Parameters
    ----------
    learning_rate : float
        Length of a step, above 0.
    """

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self._states: weakref.WeakKeyDictionary[Model, OptimizerState] = weakref.WeakKeyDictionary()

    @property
    def learning_rate(self) -> float:
        """Length of a step; may be set at any time, for the steps to come."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = checks.real("learning_rate", value, above=0)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the vectors, each as long as theta, that the rule keeps from step to step; by default none."""
        return ()

    def state(self, model: "Model") -> OptimizerState:
        """What this optimizer remembers of ``model``; made at the first call."""
        try:
            state = self._states.get(model)
        except TypeError:  # what cannot be referred to weakly is no model
            state = None
        if state is None:
            if not hasattr(type(model), "n_weights"):
                raise ArgumentError(f"model: expected a Model, got {model!r}")
            state = self._states[model] = OptimizerState(model, self.state_names)
        return state

    def step(self, model: "Model") -> None:
        """Update ``model.theta`` from ``model.grad``, which stays as it is.

        Parameters
        ----------
        model : Model
            After its `backward`.
        """
        state = self.state(model)
        for block in state.blocks:
            self.update(block, self._learning_rate, state.n_steps)
        state.n_steps += 1

    def update(self, block: Block, learning_rate: float, n_steps: int) -> None:
        """Update ``block.theta`` from ``block.grad``; ``n_steps`` steps were made before this one."""
        raise NotImplementedError(f"{type(self).__name__} has no update rule")

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_states"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _states=weakref.WeakKeyDictionary())


class SGD(Optimizer):
    r"""Gradient descent, plain or with momentum: ``theta <- theta - learning_rate grad``.

    With momentum mu and weight decay lambda, one step is::

        g     = grad + lambda theta         (weights only, not biases)
        v     = mu v + g                    (v starts at 0)
        theta = theta - learning_rate v                 or, with Nesterov,
        theta = theta - learning_rate (g + mu v)

    It is stochastic (mini-batch) or full-batch descent according to the batches that it is given.

    Parameters
    ----------
    learning_rate : float
        Length of a step, above 0; 0.01 to 0.5 for most networks, less with momentum 0.9. May be set at any time.
    momentum : float, default 0
        mu in [0, 1): how much of the last step is kept.
    nesterov : bool, default False
        Look ahead along the momentum; needs a momentum above 0.
    weight_decay : float, default 0
        lambda, at least 0: adds ``lambda/2 |W|^2`` to the cost whose gradient is followed.

    Raises
    ------
    ArgumentError
        If a value is out of its range, or ``nesterov`` is asked for without momentum.

    References
    ----------
    B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964 (momentum);
    Y. Nesterov, "A method for solving the convex programming problem with convergence rate O(1/k^2)", 1983;
    I. Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9)
    SGD(0.1, momentum=0.9)
    """

    def __init__(
        self,
        learning_rate: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(learning_rate)
        self.momentum = checks.real("momentum", momentum, minimum=0, below=1)
        self.nesterov = checks.boolean("nesterov", nesterov)
        self.weight_decay = checks.real("weight_decay", weight_decay, minimum=0)
        if self.nesterov and self.momentum == 0:
            raise ArgumentError("nesterov: looks ahead along the momentum, so it needs momentum above 0, got 0")

    @property
    def state_names(self) -> tuple[str, ...]:
        """``velocity``, if there is momentum."""
        return ("velocity",) if self.momentum else ()

    def update(self, block: Block, learning_rate: float, n_steps: int) -> None:
        """Do one step of the rule on a block."""
        theta, g, scratch = block.theta, block.grad, block.scratch
        if self.weight_decay and block.decayed:  # g = grad + lambda theta
            g = np.multiply(theta, self.weight_decay, out=scratch)
            g += block.grad
        if not self.momentum:
            theta -= np.multiply(g, learning_rate, out=scratch)
            return
        v = block.state["velocity"]
        v *= self.momentum
        v += g
        if self.nesterov:  # theta - learning_rate (g + mu v), in two steps for want of a second scratch
            theta -= np.multiply(g, learning_rate, out=scratch)
            theta -= np.multiply(v, learning_rate * self.momentum, out=scratch)
        else:
            theta -= np.multiply(v, learning_rate, out=scratch)

    def __repr__(self) -> str:
        options = {"momentum": self.momentum, "nesterov": self.nesterov, "weight_decay": self.weight_decay}
        given = "".join(f", {name}={value!r}" for name, value in options.items() if value)
        return f"SGD({self.learning_rate!r}{given})"
