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
from nnlite.engine.stages import Stage, Stages
from nnlite.engine.unit_operations import UnitOperations
from nnlite.engine.updates import Updates, uneven
from nnlite.layers import Layer, LayerNorm, Softmax
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
        self._layer_norms: dict[Layer, tuple[Panels, Array]] = {}
        self._allocate(places, state_places, groups)
        self.units = UnitOperations(
            self.instructions, self.memory, self.structure, self.parameters, self.updates, self.a, self.d, self.keys
        )
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
            after = self.units.forward(i)
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
                self.instructions.op("blocks", [dz.matrix, dz.matrix, self._rows_of(last), *self.units.backward(last)]),
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
        by_rows, after = self._rows_of(i - 1), self.units.backward(i - 1)
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
