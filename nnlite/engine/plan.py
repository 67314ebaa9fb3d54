"""The plan of a training: memory in panels, and the instructions of a step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from nnlite.checks import Array
from nnlite.engine import kernels, support
from nnlite.engine.kernels.products import G_NUMBERS
from nnlite.engine.language import KERNELS, SIZES, WORDS
from nnlite.engine.library import Library
from nnlite.engine.panels import Memory, Panels
from nnlite.engine.stages import Stage, Stages, Unitwise
from nnlite.engine.support import Rule
from nnlite.functional import SELU_ALPHA, SELU_LAMBDA
from nnlite.layers import AlphaDropout, BatchNorm, Dense, Dropout, Layer, LayerNorm, Softmax
from nnlite.layers.base import Shape

assert kernels  # registers them

Operands = Sequence[Any]
BLOCK_BYTES = 2**20  # numbers of the layer before, for a block of rows, stay in the second cache
PIECE_ROWS = 64  # rows of a panel of W in a piece, where the gradient is kept


class Place(Protocol):
    """Where a parameter lies in theta: see `nnlite.network.vectors.Segment`."""

    name: str
    layer: Layer
    attribute: str
    shape: Shape

    @property
    def trainable(self) -> bool: ...
    @property
    def decayed(self) -> bool: ...
    def view(self, vector: Array) -> Array: ...


class Parameter:
    """A parameter in panels: W with its rows, or a vector with one number for each unit.

    Attributes
    ----------
    theta : Panels
    vectors : dict of str to Panels
        What the optimizer remembers of it.
    gradient : Panels or None
        The gradient, of a vector, or of W if the step of the optimizer waits for the norm of all gradients.
    group : int
        Number of the table of what changes from step to step: parameters that were frozen for a while have their own.
    """

    def __init__(self, place: Place, memory: Memory, width: int, multiple: int) -> None:
        self.place = place
        self.is_matrix = isinstance(place.layer, Dense) and place.attribute == "W"
        self.rows = place.shape[0] if self.is_matrix else 1
        units = math.prod(place.shape) // self.rows
        panel_rows = -(-self.rows // multiple) * multiple if self.is_matrix else 1
        self.theta = memory.panels(panel_rows, units, width)
        self.vectors: dict[str, Panels] = {}
        self.gradient: Panels | None = None
        self.group = 0


class Options:
    """The options of an optimizer that are carried out by kernels of their own."""

    def __init__(self, optimizer: Any) -> None:
        self.rule: Rule = support.rules()[type(optimizer)](optimizer)
        self.names: tuple[str, ...] = optimizer.state_names
        self.weight_decay, self.l1 = optimizer.weight_decay, optimizer.l1
        self.clip_value, self.clip_norm, self.max_norm = optimizer.clip_value, optimizer.clip_norm, optimizer.max_norm
        self.decoupled = optimizer.decoupled


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
        self.structure = Stages(layers, input_shape)
        self.stages = self.structure.stages
        self._kept: list[Any] = []
        self._two_phases = self.options.clip_norm is not None
        self._storing = False
        self._unit_ops: dict[int, list[tuple[list[Array], Panels | None]]] = {}
        self._sigma: dict[Layer, Panels] = {}
        self._layer_norms: dict[Layer, tuple[Panels, Array]] = {}
        self._skips: dict[int, Panels] = {}  # by number of the residual connection
        self._allocate(places, state_places, groups)
        self.operands: dict[str, list[tuple[Array, int]]] = {}  # words that change: by name, instruction and place
        self.ops = self._step(store=False)
        self.last_ops = self._step(store=True)
        train = self._op("train", [*self.ops, *self.last_ops, 0, batch_size, 0])
        self.train, _ = self._place([self._varies(train, n_steps=6, n_examples=8)])

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
        for parameter in self.learned:
            if not parameter.place.trainable:
                continue
            of = parameter.theta
            parameter.group = groups.get(parameter.place.name, 0)
            parameter.vectors = {name: memory.panels(of.rows, of.units, of.width) for name in self.options.names}
            if not parameter.is_matrix or self._two_phases:
                parameter.gradient = memory.panels(of.rows, of.units, of.width)
        n_groups = max(groups.values(), default=0) + 1
        n_columns = self.options.rule.per_step(np.ones(1), np.ones(1)).shape[1]
        self.per_step = [memory.zeros(self.n_steps * n_columns).reshape(self.n_steps, n_columns) for _ in range(n_groups)]
        self.results = memory.zeros(self.n_steps * self.n_threads * 2, np.float64).reshape(self.n_steps, self.n_threads, 2)
        self.keys = memory.zeros(max(1, self.n_steps * self.structure.n_random), np.int64)
        self.norms = memory.zeros(8 * self.n_threads, np.float64)
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
        """Whether the threads divide the rows of the batch among themselves, since the panels cannot be divided evenly."""
        if self.n_threads == 1 or stage.needs_all_rows:
            return False
        return self._uneven(panels.n_panels)

    def _uneven(self, n: int) -> bool:
        return -(-n // self.n_threads) * self.n_threads > 1.15 * n

    # ---- instructions ---------------------------------------------------------------------------------------------

    def _op(self, name: str, operands: Operands, width: int = 0, variant: str = "") -> Array:
        """Return an instruction. A float becomes its bits."""
        words = [self.library.address(name, variant), width]
        for operand in operands:
            for value in operand if isinstance(operand, (list, tuple)) else [operand]:
                words.append(int(np.float64(value).view(np.int64)) if isinstance(value, float) else int(value))
        expected = 2 + sum(SIZES[kind] for kind in KERNELS[name].kinds.values() if kind)
        assert len(words) == expected, (name, len(words), expected)
        return np.array(words + [0] * (WORDS - len(words)), np.int64)

    def _place(self, ops: Sequence[Array]) -> tuple[int, int]:
        """Put instructions one after the other; return their address and number."""
        placed = np.array(ops, np.int64).reshape(-1, WORDS)
        self._kept.append(placed)
        for op, row in zip(ops, placed, strict=True):
            for uses in self.operands.values():
                for i, (array, at) in enumerate(uses):
                    if array is op:
                        uses[i] = (row, at)
        return int(placed.ctypes.data), len(placed)

    def set(self, name: str, words: Sequence[int]) -> None:
        """Change an operand in every instruction that has it."""
        for array, at in self.operands.get(name, ()):
            array[at : at + len(words)] = words

    def _varies(self, op: Array, **places: int) -> Array:
        for name, at in places.items():
            self.operands.setdefault(name, []).append((op, at))
        return op

    def _step(self, store: bool) -> tuple[int, int]:
        """The instructions of a step; with ``store`` they fill ``model.grad``."""
        self._storing = store
        ops = []
        if self._two_phases:
            ops.append(self._op("clear_squares", [self.norms.ctypes.data]))
        ops += self._forward()
        ops += self._cost()
        ops += self._backward()
        if self._two_phases:
            ops.append(self._meet())
            ops += [op for parameter in self.learned for op in self._delayed(parameter)]
        return self._place(ops)

    def _meet(self) -> Array:
        return self._op("meet", [])

    def _block_rows(self, units: int) -> int:
        rows = self.library.shape.rows
        return max(4 * rows, BLOCK_BYTES // self.memory.dtype.itemsize // units // rows * rows)

    # ---- forward --------------------------------------------------------------------------------------------------

    def _forward(self) -> list[Array]:
        gather = self._op("gather", [[0, 0], [0, 0], self.a[0].matrix], variant=self.variant)
        ops = [self._varies(gather, X=2, order=4), self._meet()]
        for i, stage in enumerate(self.stages):
            if i == 0:
                continue
            x, z = self.a[i - 1], self.a[i]
            after = self._place([op for one, _ in self._kept_first(i) for op in one])
            by_rows = int(self._by_rows(stage, z))
            if stage.kind == "dense":
                W, b = self.parameters[stage.layer, "W"].theta, self.parameters[stage.layer, "b"].theta
                block = self.batch_size if stage.needs_all_rows else self._block_rows(x.units)
                ops.append(self._op("dense_forward", [x.matrix, W.matrix, b.address, z.matrix, by_rows, block, *after]))
            elif stage.kind == "copy":
                ops.append(self._op("blocks", [x.matrix, z.matrix, by_rows, *after]))
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
            return [self._op("add_block", [a.block, self.a[one.partner].block], a.width)], None
        layer: Any = one.layer
        if isinstance(layer, BatchNorm):
            return self._norm_forward(i, layer)
        if type(layer) in support.NOISE:
            return [self._noise(layer, a, one.which, forward=True)], None
        found = support.elementwise(layer)
        assert found is not None
        op = self._op(f"{found.name}_forward", [a.block, *map(float, found.numbers(layer))], a.width)
        backward = i >= self.structure.first
        if not backward:
            return [op], None
        if found.needs == "a" and all(other.kind == "fork" for other in later):
            return [op], a
        kept = self.memory.panels(a.rows, a.units, a.width)
        keep = self._op("copy", [a.block, kept.block], a.width)
        return ([op, keep] if found.needs == "a" else [keep, op]), kept

    def _noise(self, layer: Any, block: Panels, which: int, forward: bool) -> Array:
        keys = [[self.keys.ctypes.data, len(self.keys)], self.structure.n_random, which, block.units]
        level = support.noise_level(layer)
        if isinstance(layer, Dropout):
            return self._op("dropout", [block.block, level, *keys], block.width)
        if isinstance(layer, AlphaDropout):
            lowest = -SELU_LAMBDA * SELU_ALPHA
            A = 1 / math.sqrt((1 - level) * (1 + level * lowest**2))
            if forward:
                numbers = [level, A, -A * level * lowest, lowest]
                return self._op("alpha_dropout_forward", [block.block, *numbers, *keys], block.width)
            return self._op("alpha_dropout_backward", [block.block, level, A, *keys], block.width)
        return self._op("gaussian_noise", [block.block, level, *keys], block.width)

    def _norm_forward(self, i: int, layer: BatchNorm) -> tuple[list[Array], Panels | None]:
        a = self.a[i]
        gamma, beta, mean, variance = (
            self.parameters[layer, name].theta.units_of_panel
            for name in ("gamma", "beta", "running_mean", "running_variance")
        )
        if not layer.trainable:
            operands = [a.block, gamma, beta, mean, variance, float(layer.epsilon)]
            return [self._op("frozen_norm_forward", operands, a.width)], None
        z_hat = self.memory.panels(a.rows, a.units, a.width)
        mu, sigma = self.memory.panels(1, a.units, a.width), self.memory.panels(1, a.units, a.width)
        self._kept.append((mu, sigma))
        self._sigma[layer] = sigma
        operands = [a.block, gamma, beta, mean, variance, mu.units_of_panel, sigma.units_of_panel, z_hat.block]
        numbers = [float(layer.momentum), float(layer.epsilon)]
        return [self._op("batch_norm_forward", [*operands, *numbers], a.width)], z_hat

    def _rows_forward(self, stage: Stage, i: int) -> Array:
        layer: Any = stage.layer
        z, a = self.a[i - 1], self.a[i]
        if isinstance(layer, Softmax) and stage.group < stage.units:
            return self._op("softmax_groups_forward", [z.matrix, a.matrix, stage.group])
        if isinstance(layer, Softmax):
            return self._op("softmax_forward", [z.matrix, a.matrix, [self.sums.ctypes.data, len(self.sums)]])
        if layer not in self._layer_norms:
            self._layer_norms[layer] = self.memory.panels(a.rows, a.units, a.width), self.memory.zeros(a.rows)
        z_hat, sigma = self._layer_norms[layer]
        gamma, beta = (self.parameters[layer, name].theta.address for name in ("gamma", "beta"))
        operands = [z.matrix, a.matrix, gamma, beta, z_hat.matrix, sigma.ctypes.data, float(layer.epsilon)]
        return self._op("layer_norm_forward", operands)

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
            op = self._varies(self._op("softmax_labels", operands), y=12, weights=14, order=15, Y_hat=18)
        elif isinstance(self.output, Softmax):
            operands = [z.matrix, dz.matrix, sums, [0, 0], 0, [0, 0], 0, self.results.ctypes.data]
            op = self._varies(self._op("softmax_targets", operands), y=12, weights=14, order=15, Y_hat=17)
        else:
            operands = [z.matrix, dz.matrix, [0, 0], 0, [0, 0], 0, self.results.ctypes.data]
            name = support.OUTPUTS[type(self.output)]
            op = self._varies(self._op(name, operands), y=10, weights=12, order=13, Y_hat=15)
        ops = [op, self._meet()]
        if last >= self.structure.first and self.stages[last].unitwise:
            ops += [self._op("blocks", [dz.matrix, dz.matrix, self._rows_of(last), *self._unit_backward(last)]), self._meet()]
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
        """dz of a stage becomes da of the stage before, and dz of that one by its operations on units."""
        by_rows, after = self._rows_of(i - 1), self._unit_backward(i - 1)
        if stage.kind == "dense":
            W = self.parameters[stage.layer, "W"].theta
            whole = self.stages[i - 1].needs_all_rows
            block = self.batch_size if whole else self._block_rows(dz.units)
            return [self._op("dense_backward", [dz.matrix, W.matrix, da.matrix, by_rows, block, *after])]
        if stage.kind == "copy":
            return [self._op("blocks", [dz.matrix, da.matrix, by_rows, *after])]
        layer: Any = stage.layer
        if isinstance(layer, Softmax) and stage.group < stage.units:
            ops = [self._op("softmax_groups_backward", [dz.matrix, self.a[i].matrix, da.matrix, stage.group])]
        elif isinstance(layer, Softmax):
            ops = [self._op("softmax_backward", [dz.matrix, self.a[i].matrix, da.matrix])]
        else:
            z_hat, sigma = self._layer_norms[layer]
            gamma = self.parameters[layer, "gamma"].theta.address
            ops = [self._op("layer_norm_backward", [dz.matrix, da.matrix, gamma, z_hat.matrix, sigma.ctypes.data])]
        if after[1]:
            ops += [self._meet(), self._op("blocks", [da.matrix, da.matrix, by_rows, *after])]
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
                ops.append(self._op("add_block", [d.block, self._skip(one.which, i).block], d.width))
            elif one.kind == "join":
                if one.partner >= self.structure.first:
                    ops.append(self._op("copy", [d.block, self._skip(one.which, i).block], d.width))
            elif isinstance(layer, BatchNorm):
                ops += self._norm_backward(layer, d, kept)
            elif type(layer) in support.NOISE:
                if isinstance(layer, (Dropout, AlphaDropout)):
                    ops.append(self._noise(layer, d, one.which, forward=False))
            else:
                found = support.elementwise(layer)
                assert found is not None and kept is not None
                numbers = map(float, found.numbers(layer))
                ops.append(self._op(f"{found.name}_backward", [d.block, kept.block, *numbers], d.width))
        return self._place(ops)

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
            return [self._op("frozen_norm_backward", [d.block, scale, variance, float(layer.epsilon)], d.width)]
        assert z_hat is not None and gamma.gradient is not None and beta.gradient is not None
        sums = [gamma.gradient.units_of_panel, beta.gradient.units_of_panel]
        sigma = self._sigma[layer].units_of_panel
        op = self._op("batch_norm_backward", [d.block, scale, *sums, sigma, z_hat.block], d.width)
        return [op, self._on_units([gamma, beta])]

    def _layer_norm_gradient(self, layer: LayerNorm, da: Panels) -> list[Array]:
        gamma, beta = self.parameters[layer, "gamma"], self.parameters[layer, "beta"]
        assert gamma.gradient is not None and beta.gradient is not None
        z_hat, _ = self._layer_norms[layer]
        sums = [gamma.gradient.units_of_panel, beta.gradient.units_of_panel]
        after = [self._op("layer_norm_gradient", [da.block, z_hat.block, *sums], da.width), self._on_units([gamma, beta])]
        return [self._op("blocks", [da.matrix, da.matrix, 0, *self._place(after)])]

    def _dense_gradient(self, layer: Layer, x: Panels, dz: Panels) -> list[Array]:
        W, b = self.parameters[layer, "W"], self.parameters[layer, "b"]
        assert b.gradient is not None
        bias = [self._op("sum_rows", [dz.block, b.gradient.units_of_panel], dz.width), self._on_units([b])]
        by_rows = self._by_inputs(W)
        scratch = [self.scratch_of(0), 0, 0, self.scratch_of(1) - self.scratch_of(0)]
        after, last = self._update(W, scratch)
        state = [panels.address - W.theta.address for panels in W.vectors.values()] + [0, 0]
        ops = []
        if by_rows:
            ops.append(self._op("in_first_thread", [*self._place(bias), W.theta.n_panels]))
            bias = []
        operands = [x.matrix, dz.matrix, W.theta.matrix, int(by_rows), *self._place(bias), *self._place(after)]
        return [*ops, self._op("dense_gradient", [*operands, *self._place(last), *state[:2]])]

    def _by_inputs(self, W: Parameter) -> bool:
        """Whether the threads divide the inputs of a layer among themselves; not if all weights of a unit are needed."""
        return self.n_threads > 1 and self._uneven(W.theta.n_panels) and self.options.max_norm is None

    # ---- the optimizer --------------------------------------------------------------------------------------------

    def _on_units(self, parameters: Sequence[Parameter]) -> Array:
        """The step of the optimizer for vectors, such as biases, for the units of a panel."""
        ops = []
        for parameter in parameters:
            assert parameter.gradient is not None
            after, last = self._update(parameter, parameter.gradient.block)
            ops += after + last
        return self._op("on_units", self._place(ops))

    def _update(self, parameter: Parameter, g: list[int]) -> tuple[list[Array], list[Array]]:
        """What is done with a new piece of the gradient; and at the end of a panel."""
        theta, width = parameter.theta, parameter.theta.width
        ops = [self._op("check_finite", [g], width)]
        if self._storing:
            place = parameter.place.view(self.grad)
            ops.append(self._op("store_gradient", [g, place.ctypes.data, theta.units], width))
        if self._two_phases:
            ops.append(self._op("add_squares", [g, self.norms.ctypes.data], width))
            if parameter.is_matrix:
                assert parameter.gradient is not None
                ops.append(self._op("copy", [g, parameter.gradient.block], width))
            return ops, []
        return [*ops, *self._rule(parameter, g)], self._panel_end(parameter)

    def _rule(self, parameter: Parameter, g: list[int]) -> list[Array]:
        """The rule of the optimizer on a piece of theta."""
        options, width, decayed = self.options, parameter.theta.width, parameter.place.decayed
        theta = parameter.theta.block
        table = self.per_step[parameter.group]
        per_step = [table.ctypes.data, table.shape[1]]
        ops = []
        coupled = options.weight_decay if decayed and not options.decoupled else 0.0
        l1 = options.l1 if decayed else 0.0
        if options.clip_value is not None or coupled or l1:
            limit = math.inf if options.clip_value is None else float(options.clip_value)
            ops.append(self._op("adjust_gradient", [g, theta, limit, float(l1), float(coupled)], width))
        if options.weight_decay and decayed and options.decoupled:
            ops.append(self._op("decay", [theta, per_step, float(options.weight_decay)], width))
        for name, vectors, takes_theta, numbers in options.rule.steps:
            operands: list[Any] = [theta] if takes_theta else []
            operands += [g, *(parameter.vectors[vector].block for vector in vectors)]
            if takes_theta:
                operands.append(per_step)
            ops.append(self._op(name, [*operands, *map(float, numbers)], width))
        return ops

    def _panel_end(self, parameter: Parameter) -> list[Array]:
        if self.options.max_norm is None or not parameter.is_matrix or not parameter.place.decayed:
            return []
        norms = self.memory.panels(1, parameter.theta.units, parameter.theta.width)
        self._kept.append(norms)
        operands = [parameter.theta.block, norms.units_of_panel, float(self.options.max_norm)]
        return [self._op("max_norm", operands, parameter.theta.width)]

    def _delayed(self, parameter: Parameter) -> list[Array]:
        """The step of the optimizer after the norm of all gradients is known."""
        if not parameter.place.trainable:
            return []
        assert parameter.gradient is not None and self.options.clip_norm is not None
        g, width = parameter.gradient.block, parameter.theta.width
        scale = self._op("scale_gradient", [g, self.norms.ctypes.data, float(self.options.clip_norm)], width)
        after, last = [scale, *self._rule(parameter, g)], self._panel_end(parameter)
        by_rows = int(parameter.is_matrix and self._by_inputs(parameter))
        operands = [parameter.theta.matrix, parameter.rows, PIECE_ROWS, by_rows]
        return [self._op("pieces", [*operands, *self._place(after), *self._place(last)])]
