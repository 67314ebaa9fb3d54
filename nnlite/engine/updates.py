"""The step of the optimizer, on a piece of the gradient that has just been made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nnlite.checks import Array
from nnlite.engine.instructions import Instructions
from nnlite.engine.optimizing import Options
from nnlite.engine.panels import Memory, Panels
from nnlite.engine.parameters import Parameter, Parts

PIECE_NUMBERS = 2**12  # numbers of a piece of a vector: what a rule reads stays in the first cache
PIECE_ROWS = 64  # rows of a panel of W in a piece, where the gradient is kept
UNEVEN = 1.15  # the largest share of a thread, beside an even one, that is still called even


def uneven(n: int, n_threads: int) -> bool:
    """Whether n things cannot be divided evenly among the threads."""
    return -(-n // n_threads) * n_threads > UNEVEN * n


class Updates:
    """Makes the instructions that follow a gradient.

    If the gradient is clipped by the norm of all of it, the step of the optimizer waits until the whole gradient is
    known: `delayed`.

    Parameters
    ----------
    instructions : Instructions
    options : Options
    memory : Memory
    n_threads : int
    grad : ndarray
        ``model.grad``.
    per_step : list of ndarray
        For each group of parameters, what changes from step to step.
    norms : ndarray
        The squared norm of the gradient, in parts of each thread.
    squares : ndarray
        ``|W|^2`` before each step, in parts of each thread.

    Attributes
    ----------
    storing : bool
        Whether the instructions also fill ``model.grad``.
    """

    def __init__(
        self,
        instructions: Instructions,
        options: Options,
        memory: Memory,
        n_threads: int,
        grad: Array,
        per_step: Sequence[Array],
        norms: Array,
        squares: Array,
    ) -> None:
        self.instructions, self.options, self.memory = instructions, options, memory
        self.n_threads, self.grad, self.per_step, self.norms = n_threads, grad, per_step, norms
        self.squares = squares
        self.waits = options.clip_norm is not None
        self.storing = False
        self._kept: list[Panels] = []

    def by_inputs(self, W: Parameter) -> bool:
        """Whether the threads divide the inputs of a layer among themselves.

        They do not if all weights of a unit are needed at once.
        """
        return self.n_threads > 1 and uneven(W.theta.n_panels, self.n_threads) and self.options.max_norm is None

    def on_units(self, parameters: Sequence[Parameter]) -> Array:
        """The step of the optimizer for vectors, such as biases, for the units of a panel."""
        ops = []
        for parameter in parameters:
            assert parameter.gradient is not None
            after, last = self.after_gradient(parameter, parameter.gradient.block)
            ops += after + last
        return self.instructions.op("on_units", self.instructions.place(ops))

    def after_gradient(self, parameter: Parameter, g: list[int]) -> tuple[list[Array], list[Array]]:
        """What is done with a new piece of the gradient; and at the end of a panel."""
        theta, width = parameter.theta, parameter.theta.width
        ops = [self.instructions.op("check_finite", [g], width)]
        if self.storing:
            place = parameter.place.view(self.grad)
            ops.append(self.instructions.op("store_gradient", [g, place.ctypes.data, theta.units], width))
        if self.waits:
            ops.append(self.instructions.op("add_squares", [g, self.norms.ctypes.data], width))
            assert parameter.gradient is not None
            if g[0] != parameter.gradient.address:
                ops.append(self.instructions.op("copy", [g, parameter.gradient.block], width))
            return ops, []
        return [*ops, *self.rule(parameter, g)], self._panel_end(parameter)

    def rule(self, parameter: Any, g: list[int]) -> list[Array]:
        """The rule of the optimizer on a piece of theta."""
        options, width, decayed = self.options, parameter.theta.width, parameter.place.decayed
        theta = parameter.theta.block
        table = self.per_step[parameter.group]
        per_step = [table.ctypes.data, table.shape[1]]
        ops = []
        coupled = decayed and options.decays and not options.decoupled
        l1 = options.l1 if decayed else 0.0
        if decayed and options.penalty:
            ops.append(self.instructions.op("add_weights", [theta, self.squares.ctypes.data], width))
        if options.clip_value is not None or coupled or l1:
            limit = math.inf if options.clip_value is None else float(options.clip_value)
            ops.append(
                self.instructions.op("adjust_gradient", [g, theta, per_step, limit, float(l1), float(coupled)], width)
            )
        if options.decays and decayed and options.decoupled:
            ops.append(self.instructions.op("decay", [theta, per_step], width))
        for name, vectors, takes_theta, numbers in options.rule.steps:
            operands: list[Any] = [theta] if takes_theta else []
            operands += [g, *(parameter.vectors[vector].block for vector in vectors)]
            if takes_theta:
                operands.append(per_step)
            ops.append(self.instructions.op(name, [*operands, *map(float, numbers)], width))
        return ops

    def _panel_end(self, parameter: Parameter) -> list[Array]:
        if self.options.max_norm is None or not parameter.is_matrix or not parameter.place.decayed:
            return []
        norms = self.memory.panels(1, parameter.theta.units, parameter.theta.width)
        self._kept.append(norms)
        operands = [parameter.theta.block, norms.units_of_panel, float(self.options.max_norm)]
        return [self.instructions.op("max_norm", operands, parameter.theta.width)]

    def of_parts(self, parameter: Parameter, parts: Parts) -> Array:
        """Add what the threads have summed up, and make the step of the optimizer."""
        assert parameter.gradient is not None
        g, theta = parameter.gradient.block, parameter.theta
        add = self.instructions.op("add_parts", [g, parts.address, *theta.block[1:3], parts.apart], theta.width)
        after, last = self.after_gradient(parameter, g)
        return self._pieces(parameter, [add, *after], last)

    def delayed(self, parameter: Parameter) -> list[Array]:
        """The step of the optimizer after the norm of all gradients is known."""
        if not parameter.place.trainable:
            return []
        assert parameter.gradient is not None
        assert self.options.clip_norm is not None
        g, width = parameter.gradient.block, parameter.theta.width
        scale = self.instructions.op(
            "scale_gradient", [g, self.norms.ctypes.data, float(self.options.clip_norm)], width
        )
        return [self._pieces(parameter, [scale, *self.rule(parameter, g)], self._panel_end(parameter))]

    def _pieces(self, parameter: Parameter, after: Sequence[Array], last: Sequence[Array]) -> Array:
        """Carry out instructions on pieces of a parameter, and others at the end of each panel."""
        by_rows = int(parameter.is_matrix and self.by_inputs(parameter))
        operands = [parameter.theta.matrix, parameter.rows, PIECE_ROWS, by_rows]
        return self.instructions.op(
            "pieces", [*operands, *self.instructions.place(after), *self.instructions.place(last)]
        )
