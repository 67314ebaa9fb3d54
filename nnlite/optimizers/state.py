"""What an optimizer remembers of a network, and the parts of theta that it updates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.engine import memory
from nnlite.errors import ArgumentError
from nnlite.network.network import Network
from nnlite.network.vectors import is_unset

SAVED = ("n_steps", "learning_rate", "vectors", "n_missed", "trainable", "n_counted")


class Part:
    """A part of theta and what belongs to it, as the rule of an optimizer takes it.

    The vectors that the rule remembers are attributes with the names in `Optimizer.state_names`: ``part.m``.

    Attributes
    ----------
    theta, grad : ndarray, (n,)
        Views of the parameters and their gradients; grad is read-only. The rule changes theta: ``part.theta -= step``.
        An assignment, ``part.theta = ...`` or ``part.m = ...``, also copies into the view.
    decayed : bool
        Whether weight decay acts on these parameters: True for weights, False for biases.
    t : int
        Number of this step, from 1. Steps during which the part was frozen do not count.
    """

    _views: frozenset[str] = frozenset()  # names of the attributes that are views into vectors

    def __init__(self, theta: Array, grad: Array, decayed: bool, n_missed: int, vectors: Mapping[str, Array]) -> None:
        self.theta = theta
        self.grad = grad.view()
        self.grad.setflags(write=False)
        self.decayed = decayed
        self.n_missed = n_missed
        self.t = 1
        vars(self).update(vectors)
        self._views = frozenset({"theta", *vectors})

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._views:
            super().__setattr__(name, value)
        elif value is not vars(self)[name]:  # not the result of part.theta -= ..., which is in the view already
            vars(self)[name][...] = value

    def __getattr__(self, name: str) -> Any:
        text = f"part.{name}: name the vectors that the rule remembers in state_names"
        raise AttributeError(text, name=name, obj=self)


class OptimizerState:
    """What an optimizer remembers of one network.

    Attributes
    ----------
    n_steps : int
        Number of steps so far.
    learning_rate : float
        The learning rate of the latest step.
    vectors : dict of str to ndarray, (n_parameters,)
        By name, such as "velocity"; 0 before the first step, or the value in `Optimizer.initial_values`.
    n_missed : dict of str to int
        By parameter ("W1"): the number of steps in which it was frozen.
    parts : list of Part
        The parts of theta that are learned, since the last call of `arrange`.
    """

    def __init__(self) -> None:
        self.n_steps = 0
        self.learning_rate = math.nan
        self.vectors: dict[str, Array] = {}
        self.n_missed: dict[str, int] = {}
        self.trainable: tuple[bool, ...] = ()
        self.n_counted = 0  # steps that n_missed takes into account
        self.parts: list[Part] = []
        self._arranged: object = None

    def arrange(self, network: Network, names: tuple[str, ...], initial: Mapping[str, float]) -> None:
        """Bring `parts` up to date: layers may have been frozen or freed, and the rule may have changed."""
        trainable = tuple([segment.trainable for segment in network.segments])
        if (trainable, names) != self._arranged:
            self._count_missed(network, trainable)
            for name in names:
                if name not in self.vectors:
                    self.vectors[name] = np.full(network.n_parameters, initial.get(name, 0.0), network.dtype)
            self.parts = [
                Part(
                    network.theta[piece],
                    network.grad[piece],
                    decayed,
                    missed,
                    {name: vector[piece] for name, vector in self.vectors.items()},
                )
                for start, stop, decayed, missed in runs_of(network, self.n_missed)
                for piece in memory.pieces(start, stop)
            ]
            self._arranged = trainable, names
        for part in self.parts:
            part.t = self.n_steps + 1 - part.n_missed

    def _count_missed(self, network: Network, trainable: tuple[bool, ...]) -> None:
        """Count the steps since the last change for the parameters that were frozen in them."""
        if trainable != self.trainable:
            for segment, learned in zip(network.segments, self.trainable, strict=False):
                if not learned:
                    missed = self.n_steps - self.n_counted
                    self.n_missed[segment.name] = self.n_missed.get(segment.name, 0) + missed
            self.n_counted = self.n_steps
            self.trainable = trainable

    def get_state(self) -> dict[str, Any]:
        """Return the state for a checkpoint; its arrays are live."""
        saved = {name: getattr(self, name) for name in SAVED}
        return saved | {"n_missed": dict(self.n_missed)}

    @classmethod
    def restored(cls, network: Network, saved: Mapping[str, Any]) -> OptimizerState:
        """Return the state from what `get_state` returned."""
        state = cls()
        for name in SAVED:
            setattr(state, name, saved[name])
        state.n_missed = dict(saved["n_missed"])
        state.vectors = {name: vector.astype(network.dtype) for name, vector in saved["vectors"].items()}
        return state


def require_gradient(network: Network) -> None:
    """Raise ArgumentError if no backward pass has set the gradient, or if a layer has not set its part."""
    if network.n_parameters and is_unset(network.grad):
        raise ArgumentError("model: its gradient is not set; call model.backward(Y) before optimizer.step(model)")
    for segment in network.segments:
        if segment.trainable:
            network.require_gradient(segment)


def runs_of(network: Network, n_missed: Mapping[str, int]) -> Iterator[tuple[int, int, bool, int]]:
    """Start, stop, whether weight decay acts, and missed steps of each run of learned parameters."""
    runs: list[tuple[int, int, bool, int]] = []
    for segment in sorted(network.segments, key=lambda segment: segment.start):
        if segment.trainable and segment.size:
            kind = segment.decayed, n_missed.get(segment.name, 0)
            if runs and runs[-1][1:] == (segment.start, *kind):
                runs[-1] = (runs[-1][0], segment.stop, *kind)
            else:
                runs.append((segment.start, segment.stop, *kind))
    yield from runs
