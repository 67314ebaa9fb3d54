"""The step of an optimizer on all of theta, after the gradients of several processes were added up."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.engine.instructions import Instructions
from nnlite.engine.library import library
from nnlite.engine.optimizing import Options
from nnlite.engine.panels import Memory, Panels
from nnlite.engine.team import Team
from nnlite.engine.trainer import numbers_of
from nnlite.engine.updates import PIECE_NUMBERS, Updates
from nnlite.optimizers.state import runs_of


def changes_theta_alone(optimizer: Any) -> bool:
    """Whether the kernels of an optimizer leave the gradient as it is, and need no sum over all of theta."""
    options = Options(optimizer)
    changes_gradient = options.clip_value is not None or options.l1 or (options.decays and not options.decoupled)
    changes_gradient = changes_gradient or len(options.rule.steps) > 1  # the first makes it what the second takes
    needs_sums = options.clip_norm is not None or options.max_norm is not None or options.penalty
    return not (changes_gradient or needs_sums)


class Run(NamedTuple):
    """A run of numbers of theta, as the instructions see a parameter."""

    theta: Panels
    gradient: Panels
    vectors: dict[str, Panels]
    place: Any  # with ``decayed``
    group: int


class Decayed(NamedTuple):
    """Whether weight decay acts on a run."""

    decayed: bool


class WholeSteps:
    """Makes the steps of an optimizer with compiled kernels, on the vectors of a network as they lie there.

    What the kernels cannot do so is left to the optimizer itself: see `changes_theta_alone`.

    Parameters
    ----------
    network : Network
        Built.
    optimizer : Optimizer
        Of a class that has a kernel.
    n_threads : int
    """

    def __init__(self, network: Any, optimizer: Any, n_threads: int) -> None:
        self.network, self.optimizer, self.n_threads = network, optimizer, n_threads
        self._made_for: Any = None
        self._team: Team | None = None

    def step(self) -> None:
        """Update ``network.theta`` from ``network.grad``, as `Optimizer.step` does to rounding."""
        network, optimizer = self.network, self.optimizer
        state = optimizer.state(network)
        if state.n_steps == 0 or not changes_theta_alone(optimizer):  # the first step has checks of its own
            optimizer.step(network)
            return
        rate, decay = optimizer.rate_of(state.n_steps), optimizer.decay_of(state.n_steps)
        state.arrange(network, optimizer.state_names, optimizer.initial_values)
        self._prepare(state)
        assert self._team is not None
        for missed, table in self._per_step.items():
            t = np.maximum(1.0, np.array([state.n_steps + 1.0 - missed]))
            table[...] = self._options.per_step(t, np.array([rate]), np.array([decay]))
        self._team.run(self._train, lambda n: False)
        optimizer.count_steps(network, 1, rate)

    def _prepare(self, state: Any) -> None:
        """Write the instructions. They stay the same until layers, numbers of the optimizer or vectors change."""
        network = self.network
        vectors = {name: state.vectors[name] for name in self.optimizer.state_names}
        runs = list(runs_of(network, state.n_missed))
        arrays = [network.theta, network.grad, *vectors.values()]
        made_for = runs, numbers_of(self.optimizer), [array.ctypes.data for array in arrays]
        if made_for == self._made_for:
            return
        of_dtype = library(network.dtype.name)
        instructions, memory = Instructions(of_dtype), Memory(network.dtype)
        self._options = options = Options(self.optimizer)
        n_columns = options.per_step(np.ones(1), np.ones(1), np.ones(1)).shape[1]
        groups = sorted({missed for *_, missed in runs})
        tables = [memory.zeros(n_columns).reshape(1, -1) for _ in groups]
        nothing = np.zeros(1)
        updates = Updates(instructions, options, memory, self.n_threads, network.grad, tables, nothing, nothing)
        ops = []
        for start, stop, decayed, missed in runs:
            theta, gradient, *of_rule = (_as_column(array[start:stop]) for array in arrays)
            run = Run(theta, gradient, dict(zip(vectors, of_rule, strict=True)), Decayed(decayed), groups.index(missed))
            rule = updates.rule(run, gradient.block)
            operands = [theta.matrix, stop - start, PIECE_NUMBERS, 1]
            ops.append(instructions.op("pieces", [*operands, *instructions.place(rule), *instructions.place([])]))
        placed = instructions.place(ops)
        train = instructions.op("train", [*placed, *placed, 1, 1, 1])
        self._train, _ = instructions.place([train])
        self._per_step = dict(zip(groups, tables, strict=True))
        kept = instructions, updates, arrays, tables
        self._team = Team(of_dtype.address("train"), of_dtype.tiles, [0] * self.n_threads, kept)
        self._made_for = made_for


def _as_column(vector: Array) -> Panels:
    return Panels(vector, len(vector), 1, 1)
