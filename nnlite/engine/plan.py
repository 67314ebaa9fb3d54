"""The plan of a training: memory in panels, and the instructions of a step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.engine import support
from nnlite.engine.instructions import Instructions
from nnlite.engine.kernels.products import G_NUMBERS
from nnlite.engine.language import CACHE
from nnlite.engine.library import Library
from nnlite.engine.optimizing import Options
from nnlite.engine.panels import Memory, Panels
from nnlite.engine.parameters import Parameter, Place
from nnlite.engine.stages import Stage, Stages, Unitwise
from nnlite.engine.updates import Updates, uneven
from nnlite.functional import SELU_ALPHA, SELU_LAMBDA
from nnlite.layers import AlphaDropout, BatchNorm, Dropout, Layer, LayerNorm, Softmax
from nnlite.layers.base import Shape


class Plan:
    """The memory and the instructions of a training.

    Parameters
    ----------
    layers : sequence of Layer
    input_shape : tuple
    places : sequence of Place
        Where the parameters lie in theta.
    state_places : sequence of Place
        Where the running averages lie.
    optimizer : Optimizer
    library : Library
    batch_size, n_threads : int
    n_steps : int
        Most steps in a call.
    grad : ndarray
        ``model.grad``, which the last step of a call fills.
    groups : dict of str to int
        The group of each parameter.
    labels : bool
        Whether the targets are class indices.
    """

    def __init__(
        self,
        *,
        layers: Sequence[Layer],
        input_shape: Shape,
        places: Sequence[Place],
        state_places: Sequence[Place],
        optimizer: Any,
        library: Library,
        batch_size: int,
        n_threads: int,
        n_steps: int,
        grad: Array,
        groups: dict[str, int],
        labels: bool,
        variant: str,
    ) -> None:
        self.library, self.batch_size, self.n_threads, self.n_steps = library, batch_size, n_threads, n_steps
        self.memory = Memory(library.dtype)
        self.grad = grad
        self.options = Options(optimizer)
        self.output = layers[-1]
        self.labels, self.variant = labels, variant
        self.instructions = Instructions(library)
        self.structure = Stages(layers, input_shape)
        self.stages = self.structure.stages
        self._kept: list[Any] = []
        self._unit_ops: dict[int, list[tuple[list[Array], Panels | None]]] = {}
        self._sigma: dict[Layer, Panels] = {}
        self._layer_norms: dict[Layer, tuple[Panels, Array]] = {}
        self._skips: dict[int, Panels] = {}  # by number of the residual connection
        self._allocate(places, state_places, groups)
        self.ops = self._step(store=False)
        self.last_ops = self._step(store=True)
        operands = [*self.ops, *self.last_ops, 0, batch_size, 0]
        train = self.instructions.op("train", operands, n_steps=6, n_examples=8)
        self.train, _ = self.instructions.place([train])

    # ---- memory ---------------------------------------------------------------------------------------------------

    def _allocate(self, places: Sequence[Place], state_places: Sequence[Place], groups: dict[str, int]) -> None:
        memory, B = self.memory, self.batch_size
        self.a = [memory.panels(B, stage.units, self._width(stage)) for i, stage in enumerate(self.stages)]
        self.d = [
            memory.panels(B, stage.units, self._width(stage)) if i >= self.structure.first else None
            for i, stage in enumerate(self.stages)
        ]
        width_of: dict[Layer, int] = {}
        for stage in self.stages:
            for layer in stage.layers:
                width_of[layer] = self._width(stage)
        self.parameters: dict[tuple[Layer, str], Parameter] = {}
        for place in [*places, *state_places]:
            parameter = Parameter(place, memory, width_of[place.layer], self._wide)
            self.parameters[place.layer, place.attribute] = parameter
        self.learned = [self.parameters[place.layer, place.attribute] for place in places]
        self.states = [self.parameters[place.layer, place.attribute] for place in state_places]
        n_groups = max(groups.values(), default=0) + 1
        n_columns = self.options.per_step(np.ones(1), np.ones(1), np.ones(1)).shape[1]
        sizes = self.n_steps, n_columns
        self.per_step = [memory.zeros(math.prod(sizes)).reshape(sizes) for _ in range(n_groups)]
        self.norms = memory.zeros(8 * self.n_threads, np.float64)
        self.squares = memory.zeros(self.n_steps * self.n_threads, np.float64).reshape(self.n_steps, self.n_threads)
        self.updates = Updates(
            self.instructions,
            self.options,
            memory,
            self.n_threads,
            self.grad,
            self.per_step,
            self.norms,
            self.squares,
        )
        for parameter in self.learned:
            if not parameter.place.trainable:
                continue
            of = parameter.theta
            parameter.group = groups.get(parameter.place.name, 0)
            parameter.vectors = {name: memory.panels(of.rows, of.units, of.width) for name in self.options.names}
            if not parameter.is_matrix or self.updates.waits:
                parameter.gradient = memory.panels(of.rows, of.units, of.width)
        self.results = memory.zeros(self.n_steps * self.n_threads * 2, np.float64).reshape(
            self.n_steps, self.n_threads, 2
        )
        self.keys = memory.zeros(max(1, self.n_steps * self.structure.n_random), np.int64)
        self.sums = memory.zeros(2 * B)
        widest = max(stage.units for stage in self.stages)
        self._scratch_size = G_NUMBERS + (widest + 2 * self._wide) * self._wide
        self.scratch = memory.zeros(self.n_threads * (self._scratch_size + 272))

    @property
    def _wide(self) -> int:
        return self.library.shape.widths[1]

    def _width(self, stage: Stage) -> int:
        narrow, wide = self.library.shape.widths
        return narrow if stage.units <= narrow else wide

    def scratch_of(self, thread: int) -> int:
        """Return the address of a thread's own memory."""
        return int(self.scratch.ctypes.data) + thread * (self._scratch_size + 272) * self.scratch.itemsize

    def _by_rows(self, stage: Stage, panels: Panels) -> bool:
        """Whether the threads divide the rows of the batch: the panels cannot be divided evenly."""
        if self.n_threads == 1 or stage.needs_all_rows:
            return False
        return uneven(panels.n_panels, self.n_threads)

    # ---- instructions ---------------------------------------------------------------------------------------------

    def _step(self, store: bool) -> tuple[int, int]:
        """The instructions of a step; with ``store`` they fill ``model.grad``."""
        self.updates.storing = store
        ops = []
        if self.updates.waits:
            ops.append(self.instructions.op("clear_squares", [self.norms.ctypes.data]))
        ops += self._forward()
        ops += self._cost()
        ops += self._backward()
        if self.updates.waits:
            ops.append(self._meet())
            ops += [op for parameter in self.learned for op in self.updates.delayed(parameter)]
        return self.instructions.place(ops)

    def _meet(self) -> Array:
        return self.instructions.op("meet", [])

    def _block_rows(self, units: int) -> int:
        """How many rows of that many units stay in the second cache."""
        most = self.library.shape.rows
        cache: int = self.library.tiles[CACHE]
        n_tiles: int = cache // self.memory.dtype.itemsize // units // most
        return most * max(4, n_tiles)

    # ---- forward --------------------------------------------------------------------------------------------------

    def _forward(self) -> list[Array]:
        gather = self.instructions.op("gather", [[0, 0], [0, 0], self.a[0].matrix], variant=self.variant, X=2, order=4)
        ops = [gather, self._meet()]
        for i, stage in enumerate(self.stages):
            if i == 0:
                continue
            x, z = self.a[i - 1], self.a[i]
            after = self.instructions.place([op for one, _ in self._kept_first(i) for op in one])
            by_rows = int(self._by_rows(stage, z))
            if stage.kind == "dense":
                W, b = self.parameters[stage.own, "W"].theta, self.parameters[stage.own, "b"].theta
                block = self.batch_size if stage.needs_all_rows else self._block_rows(x.units)
                ops.append(
                    self.instructions.op(
                        "dense_forward", [x.matrix, W.matrix, b.address, z.matrix, by_rows, block, *after]
                    )
                )
            elif stage.kind == "copy":
                ops.append(self.instructions.op("blocks", [x.matrix, z.matrix, by_rows, *after]))
            else:
                ops.append(self._rows_forward(stage, i))
            ops.append(self._meet())
        return ops

    def _kept_first(self, i: int) -> list[tuple[list[Array], Panels | None]]:
        """For each operation on units of a stage: its forward instructions, and where z or a is kept for backward."""
        if i not in self._unit_ops:
            stage = self.stages[i]
            self._unit_ops[i] = [
                self._unit_forward(i, one, later=stage.unitwise[k + 1 :]) for k, one in enumerate(stage.unitwise)
            ]
        return self._unit_ops[i]

    def _unit_forward(self, i: int, one: Unitwise, later: Sequence[Unitwise]) -> tuple[list[Array], Panels | None]:
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
        kept = self.memory.panels(a.rows, a.units, a.width)
        keep = self.instructions.op("copy", [a.block, kept.block], a.width)
        return ([op, keep] if found.needs == "a" else [keep, op]), kept

    def _noise(self, layer: Any, block: Panels, which: int, forward: bool) -> Array:
        keys = [[self.keys.ctypes.data, len(self.keys)], self.structure.n_random, which, block.units]
        level = support.noise_level(layer)
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

    def _norm_forward(self, i: int, layer: BatchNorm) -> tuple[list[Array], Panels | None]:
        a = self.a[i]
        gamma, beta, mean, variance = (
            self.parameters[layer, name].theta.units_of_panel
            for name in ("gamma", "beta", "running_mean", "running_variance")
        )
        if not layer.trainable:
            operands = [a.block, gamma, beta, mean, variance, float(layer.epsilon)]
            return [self.instructions.op("frozen_norm_forward", operands, a.width)], None
        z_hat = self.memory.panels(a.rows, a.units, a.width)
        mu, sigma = self.memory.panels(1, a.units, a.width), self.memory.panels(1, a.units, a.width)
        self._kept.append((mu, sigma))
        self._sigma[layer] = sigma
        operands = [a.block, gamma, beta, mean, variance, mu.units_of_panel, sigma.units_of_panel, z_hat.block]
        numbers = [float(layer.momentum), float(layer.epsilon)]
        return [self.instructions.op("batch_norm_forward", [*operands, *numbers], a.width)], z_hat

    def _rows_forward(self, stage: Stage, i: int) -> Array:
        layer: Any = stage.layer
        z, a = self.a[i - 1], self.a[i]
        if isinstance(layer, Softmax) and stage.group < stage.units:
            return self.instructions.op("softmax_groups_forward", [z.matrix, a.matrix, stage.group])
        if isinstance(layer, Softmax):
            return self.instructions.op(
                "softmax_forward", [z.matrix, a.matrix, [self.sums.ctypes.data, len(self.sums)]]
            )
        if layer not in self._layer_norms:
            self._layer_norms[layer] = self.memory.panels(a.rows, a.units, a.width), self.memory.zeros(a.rows)
        z_hat, sigma = self._layer_norms[layer]
        gamma, beta = (self.parameters[layer, name].theta.address for name in ("gamma", "beta"))
        operands = [z.matrix, a.matrix, gamma, beta, z_hat.matrix, sigma.ctypes.data, float(layer.epsilon)]
        return self.instructions.op("layer_norm_forward", operands)

    # ---- cost -----------------------------------------------------------------------------------------------------

    def _cost(self) -> list[Array]:
        last = len(self.stages) - 1
        z = self.a[last]
        dz = self.d[last] or self.memory.panels(z.rows, z.units, z.width)
        self._kept.append(dz)
        sums = [self.sums.ctypes.data, len(self.sums)]
        if isinstance(self.output, Softmax) and self.labels:
            smoothing = float(self.output.label_smoothing)
            operands = [z.matrix, dz.matrix, sums, [0, 0], 0, [0, 0], smoothing, 0, self.results.ctypes.data]
            op = self.instructions.op("softmax_labels", operands, y=12, weights=14, order=15, Y_hat=18)
        elif isinstance(self.output, Softmax):
            operands = [z.matrix, dz.matrix, sums, [0, 0], 0, [0, 0], 0, self.results.ctypes.data]
            op = self.instructions.op("softmax_targets", operands, y=12, weights=14, order=15, Y_hat=17)
        else:
            operands = [z.matrix, dz.matrix, [0, 0], 0, [0, 0], 0, self.results.ctypes.data]
            name = support.OUTPUTS[type(self.output)]
            op = self.instructions.op(name, operands, y=10, weights=12, order=13, Y_hat=15)
        ops = [op, self._meet()]
        if last >= self.structure.first and self.stages[last].unitwise:
            ops += [
                self.instructions.op("blocks", [dz.matrix, dz.matrix, self._rows_of(last), *self._unit_backward(last)]),
                self._meet(),
            ]
        return ops

    def _rows_of(self, i: int) -> int:
        return int(self._by_rows(self.stages[i], self.a[i]))

    # ---- backward -------------------------------------------------------------------------------------------------

    def _backward(self) -> list[Array]:
        ops: list[Array] = []
        for i in range(len(self.stages) - 1, self.structure.first - 1, -1):
            stage, dz = self.stages[i], self.d[i]
            assert dz is not None
            before = self.d[i - 1] if i > self.structure.first else None
            if before is not None:
                ops += self._to_previous(stage, i, dz, before)
                ops.append(self._meet())
            if stage.kind == "dense" and stage.layer is not None and stage.layer.trainable:
                ops += self._dense_gradient(stage.layer, self.a[i - 1], dz)
            elif isinstance(stage.layer, LayerNorm) and stage.layer.trainable:
                ops += self._layer_norm_gradient(stage.layer, dz)
        return ops

    def _to_previous(self, stage: Stage, i: int, dz: Panels, da: Panels) -> list[Array]:
        """Dz of a stage becomes da of the stage before, and dz of that one by its operations on units."""
        by_rows, after = self._rows_of(i - 1), self._unit_backward(i - 1)
        if stage.kind == "dense":
            W = self.parameters[stage.own, "W"].theta
            block = self.batch_size
            return [self.instructions.op("dense_backward", [dz.matrix, W.matrix, da.matrix, by_rows, block, *after])]
        if stage.kind == "copy":
            return [self.instructions.op("blocks", [dz.matrix, da.matrix, by_rows, *after])]
        layer: Any = stage.layer
        if isinstance(layer, Softmax) and stage.group < stage.units:
            ops = [
                self.instructions.op("softmax_groups_backward", [dz.matrix, self.a[i].matrix, da.matrix, stage.group])
            ]
        elif isinstance(layer, Softmax):
            ops = [self.instructions.op("softmax_backward", [dz.matrix, self.a[i].matrix, da.matrix])]
        else:
            z_hat, sigma = self._layer_norms[layer]
            gamma = self.parameters[layer, "gamma"].theta.address
            ops = [
                self.instructions.op(
                    "layer_norm_backward", [dz.matrix, da.matrix, gamma, z_hat.matrix, sigma.ctypes.data]
                )
            ]
        if after[1]:
            ops += [self._meet(), self.instructions.op("blocks", [da.matrix, da.matrix, by_rows, *after])]
        return ops

    def _unit_backward(self, i: int) -> tuple[int, int]:
        """Place the backward instructions of the operations on units of a stage."""
        d = self.d[i]
        assert d is not None
        ops: list[Array] = []
        stage = self.stages[i]
        for one, (_, kept) in reversed(list(zip(stage.unitwise, self._kept_first(i), strict=True))):
            layer: Any = one.layer
            if one.kind == "fork":
                ops.append(self.instructions.op("add_block", [d.block, self._skip(one.which, i).block], d.width))
            elif one.kind == "join":
                if one.partner >= self.structure.first:
                    ops.append(self.instructions.op("copy", [d.block, self._skip(one.which, i).block], d.width))
            elif isinstance(layer, BatchNorm):
                ops += self._norm_backward(layer, d, kept)
            elif type(layer) in support.NOISE:
                if isinstance(layer, (Dropout, AlphaDropout)):
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
            a = self.a[i]
            self._skips[which] = self.memory.panels(a.rows, a.units, a.width)
        return self._skips[which]

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

    def _layer_norm_gradient(self, layer: LayerNorm, da: Panels) -> list[Array]:
        gamma, beta = self.parameters[layer, "gamma"], self.parameters[layer, "beta"]
        assert gamma.gradient is not None
        assert beta.gradient is not None
        z_hat, _ = self._layer_norms[layer]
        sums = [gamma.gradient.units_of_panel, beta.gradient.units_of_panel]
        after = [
            self.instructions.op("layer_norm_gradient", [da.block, z_hat.block, *sums], da.width),
            self.updates.on_units([gamma, beta]),
        ]
        return [self.instructions.op("blocks", [da.matrix, da.matrix, 0, *self.instructions.place(after)])]

    def _dense_gradient(self, layer: Layer, x: Panels, dz: Panels) -> list[Array]:
        W, b = self.parameters[layer, "W"], self.parameters[layer, "b"]
        assert b.gradient is not None
        bias = [
            self.instructions.op("sum_rows", [dz.block, b.gradient.units_of_panel], dz.width),
            self.updates.on_units([b]),
        ]
        by_rows = self.updates.by_inputs(W)
        scratch = [self.scratch_of(0), 0, 0, self.scratch_of(1) - self.scratch_of(0)]
        after, last = self.updates.after_gradient(W, scratch)
        state = [panels.address - W.theta.address for panels in W.vectors.values()] + [0, 0]
        ops = []
        if by_rows:
            ops.append(self.instructions.op("in_first_thread", [*self.instructions.place(bias), W.theta.n_panels]))
            bias = []
        operands = [
            x.matrix,
            dz.matrix,
            W.theta.matrix,
            int(by_rows),
            *self.instructions.place(bias),
            *self.instructions.place(after),
        ]
        return [*ops, self.instructions.op("dense_gradient", [*operands, *self.instructions.place(last), *state[:2]])]
