"""Operations on the units of a stage: activations, noise, BatchNorm, and where a residual connection begins or ends.

They work on a panel of units, forward after the numbers z of the stage, backward after its numbers da.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.engine import support
from nnlite.engine.instructions import Instructions
from nnlite.engine.panels import Images, Memory, Panels
from nnlite.engine.parameters import Parameter
from nnlite.engine.stages import Stages, Unitwise
from nnlite.engine.updates import Updates
from nnlite.functional import SELU_ALPHA, SELU_LAMBDA
from nnlite.layers import AlphaDropout, BatchNorm, Dropout, GaussianNoise, Layer


class UnitOperations:
    """Makes the instructions of the operations on units.

    Parameters
    ----------
    instructions : Instructions
    memory : Memory
    structure : Stages
    parameters : mapping
        The parameters of each layer, by layer and attribute.
    updates : Updates
    a, d : sequence of Panels
        The activations of each stage, and their gradients (None where nobody needs them).
    keys : ndarray of int64
        The keys of the random numbers.
    """

    def __init__(
        self,
        instructions: Instructions,
        memory: Memory,
        structure: Stages,
        parameters: Mapping[tuple[Layer, str], Parameter],
        updates: Updates,
        a: Sequence[Panels],
        d: Sequence[Panels | None],
        keys: Array,
    ) -> None:
        self.instructions, self.memory, self.structure = instructions, memory, structure
        self.parameters, self.updates, self.a, self.d, self.keys = parameters, updates, a, d, keys
        self._kept: list[Any] = []
        self._of_stage: dict[int, list[tuple[list[Array], Panels | None]]] = {}
        self._sigma: dict[Layer, Panels] = {}
        self._skips: dict[int, Panels] = {}  # by number of the residual connection
        self._branches: dict[int, Panels] = {}  # by the first stage of each branch behind another stage

    # ---- forward --------------------------------------------------------------------------------------------------

    def forward(self, i: int) -> tuple[int, int]:
        """Place the forward instructions of stage i."""
        return self.instructions.place([op for ops, _ in self._kept_first(i) for op in ops])

    def _kept_first(self, i: int) -> list[tuple[list[Array], Panels | None]]:
        """For each operation on units of a stage: its forward instructions, and where z or a is kept for backward."""
        if i not in self._of_stage:
            stage = self.structure.stages[i]
            self._of_stage[i] = [
                self._one_forward(i, one, later=stage.unitwise[k + 1 :]) for k, one in enumerate(stage.unitwise)
            ]
        return self._of_stage[i]

    def _one_forward(self, i: int, one: Unitwise, later: Sequence[Unitwise]) -> tuple[list[Array], Panels | None]:
        a = self.a[i]
        if one.kind == "fork":
            return [], None
        if one.kind == "join":
            return [self.instructions.op("add_block", [a.block, self.a[one.partner].block], a.width)], None
        layer: Any = one.layer
        if isinstance(layer, BatchNorm):
            return self._norm_forward(i, layer)
        if type(layer) in support.NOISE:
            return [self._noise(layer, a, one.which, forward=True)], None
        return self._activation_forward(i, layer, later)

    def _activation_forward(self, i: int, layer: Layer, later: Sequence[Unitwise]) -> tuple[list[Array], Panels | None]:
        a, found = self.a[i], support.elementwise(layer)
        assert found is not None
        op = self.instructions.op(f"{found.name}_forward", [a.block, *map(float, found.numbers(layer))], a.width)
        if i < self.structure.first:
            return [op], None
        if found.needs == "a" and all(other.kind == "fork" for other in later):
            return [op], a
        kept = self._like(a)
        keep = self.instructions.op("copy", [a.block, kept.block], a.width)
        return ([op, keep] if found.needs == "a" else [keep, op]), kept

    def _noise(self, layer: Any, block: Panels, which: int, forward: bool) -> Array:
        keys = [[self.keys.ctypes.data, len(self.keys)], self.structure.n_random, which, block.units]
        level = support.noise_level(layer)
        if type(layer) in support.CHANNEL_NOISE:
            return self._channel_noise(layer, block, which)
        if isinstance(layer, Dropout):
            return self.instructions.op("dropout", [block.block, level, *keys], block.width)
        if isinstance(layer, AlphaDropout):
            lowest = -SELU_LAMBDA * SELU_ALPHA
            A = 1 / math.sqrt((1 - level) * (1 + level * lowest**2))
            if forward:
                numbers = [level, A, -A * level * lowest, lowest]
                return self.instructions.op("alpha_dropout_forward", [block.block, *numbers, *keys], block.width)
            return self.instructions.op("alpha_dropout_backward", [block.block, level, A, *keys], block.width)
        return self.instructions.op("gaussian_noise", [block.block, level, *keys], block.width)

    def _channel_noise(self, layer: Any, block: Panels, which: int) -> Array:
        stage = next(stage for stage in self.structure.stages if layer in stage.layers)
        assert stage.size is not None
        height, _, channels = stage.size
        keys = [[self.keys.ctypes.data, len(self.keys)], self.structure.n_random, which]
        operands = [block.block, support.noise_level(layer), *keys, height, channels]
        return self.instructions.op("drop_channels", operands, block.width)

    def _norm_forward(self, i: int, layer: BatchNorm) -> tuple[list[Array], Panels | None]:
        a = self.a[i]
        gamma, beta, mean, variance, weight = (
            self.parameters[layer, name].theta.units_of_panel
            for name in ("gamma", "beta", "running_mean", "running_variance", "running_weight")
        )
        if not layer.trainable:
            operands = [a.block, gamma, beta, mean, variance, float(layer.epsilon)]
            return [self.instructions.op("frozen_norm_forward", operands, a.width)], None
        z_hat = self.memory.panels(a.rows, a.units, a.width)
        mu, sigma = self.memory.panels(1, a.units, a.width), self.memory.panels(1, a.units, a.width)
        self._kept.append((mu, sigma))
        self._sigma[layer] = sigma
        operands = [a.block, gamma, beta, mean, variance, weight, mu.units_of_panel, sigma.units_of_panel, z_hat.block]
        resolution = float(np.finfo(self.memory.dtype).eps)
        numbers = [float(layer.momentum), float(layer.epsilon), resolution]
        return [self.instructions.op("batch_norm_forward", [*operands, *numbers], a.width)], z_hat

    # ---- backward -------------------------------------------------------------------------------------------------

    def backward(self, i: int) -> tuple[int, int]:
        """Place the backward instructions of stage i."""
        d = self.d[i]
        assert d is not None
        ops: list[Array] = []
        stage = self.structure.stages[i]
        ops += [
            self.instructions.op("add_block", [d.block, self.branch(other).block], d.width)
            for other in self.structure.behind.get(i, [])[1:]
        ]
        for one, (_, kept) in reversed(list(zip(stage.unitwise, self._kept_first(i), strict=True))):
            layer: Any = one.layer
            if one.kind == "fork":
                if not one.shortcut:
                    ops.append(self.instructions.op("add_block", [d.block, self._skip(one.which, i).block], d.width))
            elif one.kind == "join":
                if one.partner >= self.structure.first:
                    target = self.d[one.partner] if one.shortcut else self._skip(one.which, i)
                    assert target is not None
                    ops.append(self.instructions.op("copy", [d.block, target.block], d.width))
            elif isinstance(layer, BatchNorm):
                ops += self._norm_backward(layer, d, kept)
            elif type(layer) in support.NOISE:
                if not isinstance(layer, GaussianNoise):
                    ops.append(self._noise(layer, d, one.which, forward=False))
            else:
                found = support.elementwise(layer)
                assert found is not None
                assert kept is not None
                numbers = map(float, found.numbers(layer))
                ops.append(self.instructions.op(f"{found.name}_backward", [d.block, kept.block, *numbers], d.width))
        return self.instructions.place(ops)

    def _skip(self, which: int, i: int) -> Panels:
        """The gradient that goes around the layers of a residual connection, which begins or ends in stage i."""
        if which not in self._skips:
            self._skips[which] = self._like(self.a[i])
        return self._skips[which]

    def branch(self, i: int) -> Panels:
        """The gradient that stage i gives to the stage before it, if others give it theirs."""
        if i not in self._branches:
            self._branches[i] = self._like(self.a[self.structure.stages[i].source])
        return self._branches[i]

    def _like(self, a: Panels) -> Panels:
        if isinstance(a, Images):
            return self.memory.images(a.rows // a.height, a.height, a.height * a.units)
        return self.memory.panels(a.rows, a.units, a.width)

    def _norm_backward(self, layer: BatchNorm, d: Panels, z_hat: Panels | None) -> list[Array]:
        gamma, beta = self.parameters[layer, "gamma"], self.parameters[layer, "beta"]
        scale = gamma.theta.units_of_panel
        if not layer.trainable:
            variance = self.parameters[layer, "running_variance"].theta.units_of_panel
            return [
                self.instructions.op("frozen_norm_backward", [d.block, scale, variance, float(layer.epsilon)], d.width)
            ]
        assert z_hat is not None
        assert gamma.gradient is not None
        assert beta.gradient is not None
        sums = [gamma.gradient.units_of_panel, beta.gradient.units_of_panel]
        sigma = self._sigma[layer].units_of_panel
        op = self.instructions.op("batch_norm_backward", [d.block, scale, *sums, sigma, z_hat.block], d.width)
        return [op, self.updates.on_units([gamma, beta])]
