"""The plan of a training: memory in panels, and the instructions of a step."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.engine import support
from nnlite.engine.image_operations import ImageOperations, width_of_filters
from nnlite.engine.instructions import Instructions
from nnlite.engine.kernels.products import G_NUMBERS
from nnlite.engine.language import CACHE, WORDS
from nnlite.engine.library import Library
from nnlite.engine.optimizing import Options
from nnlite.engine.panels import Images, Memory, Panels
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
        self.train = self._train(self.ops, self.last_ops)

    def _train(self, ops: tuple[int, int], last_ops: tuple[int, int]) -> int:
        """Return the address of an instruction that makes steps of those instructions."""
        operands = [*ops, *last_ops, 0, self.batch_size, 0]
        train = self.instructions.op("train", operands, n_steps=6, n_examples=8)
        return self.instructions.place([train])[0]

    def stretches(self, layers: Container[Layer]) -> list[tuple[int, Layer | None]]:
        """Divide the last step behind the gradients of the weights of some dense layers.

        Return the address of an instruction for each stretch, and the layer whose gradient is then in ``model.grad``:
        None for the last, which has all others.
        """
        address, n = self.last_ops
        ends: list[tuple[int, Layer | None]] = [(end, layer) for end, layer in self._gradients if layer in layers]
        start, found = 0, []
        for end, layer in [*ends, (n, None)]:
            part = address + 8 * WORDS * start, end - start
            found.append((self._train(part, part), layer))
            start = end
        return found

    # ---- memory ---------------------------------------------------------------------------------------------------

    def _allocate(self, places: Sequence[Place], state_places: Sequence[Place], groups: dict[str, int]) -> None:
        memory, B = self.memory, self.batch_size
        self.a = [self._numbers(stage) for stage in self.stages]
        self.d = [self._numbers(stage) if i >= self.structure.first else None for i, stage in enumerate(self.stages)]
        width_of = {layer: self._width(stage) for stage in self.stages for layer in stage.layers}
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
            if parameter.keeps_gradient or self.updates.waits:
                parameter.gradient = memory.panels(of.rows, of.units, of.width)
        self.results = memory.zeros(self.n_steps * self.n_threads * 2, np.float64).reshape(
            self.n_steps, self.n_threads, 2
        )
        self.keys = memory.zeros(max(1, self.n_steps * self.structure.n_random), np.int64)
        self.sums = memory.zeros(2 * B)
        theta = {key: parameter.theta for key, parameter in self.parameters.items()}
        self.images = ImageOperations(
            self.instructions, memory, self.structure, self.a, theta, self.library.shape.widths, self.n_threads, True
        )
        widest = max(stage.units for stage in self.stages if stage.size is None)
        turned = G_NUMBERS + (widest + 2 * self._wide) * self._wide
        self._scratch_size = max(turned, self.images.workspace())
        self.workspace = memory.zeros(self.n_threads * (self._scratch_size + 272))

    @property
    def _wide(self) -> int:
        return self.library.shape.widths[1]

    def _width(self, stage: Stage) -> int:
        """Columns of a panel of the parameters of a stage, and of its output if that is a matrix."""
        narrow, wide = self.library.shape.widths
        if stage.kind == "convolution":
            return width_of_filters(stage.own, (narrow, wide))
        if stage.kind == "rows" and stage.size is not None:
            return stage.units
        return narrow if stage.units <= narrow else wide

    def _numbers(self, stage: Stage) -> Panels:
        """Return room for the output of a stage."""
        if stage.size is not None:
            return self.memory.images(self.batch_size, stage.size[0], stage.units)
        return self.memory.panels(self.batch_size, stage.units, self._width(stage))

    def workspace_of(self, thread: int) -> int:
        """Return the address of a thread's own memory."""
        return int(self.workspace.ctypes.data) + thread * (self._scratch_size + 272) * self.workspace.itemsize

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
        ops += self.images.turned_filters()
        ops += self._forward()
        ops += self._cost()
        n = len(ops)
        ops += self._backward()
        self._gradients = [(n + end, layer) for end, layer in self._dense_gradients]
        if self.images.parts:
            ops.append(self._meet())
            ops += [self.updates.of_parts(self.parameters[key], parts) for key, parts in self.images.parts.items()]
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
        ops = [gather]
        for i, stage in enumerate(self.stages):
            if i == 0:
                continue
            if not (self.stages[i - 1].writes_own and stage.reads_own):
                ops.append(self._meet())
            x, z = self.a[stage.source], self.a[i]
            after = self.units.forward(i)
            by_rows = int(self._by_rows(stage, z))
            if stage.kind == "rows":
                ops.append(self._rows_forward(stage, i))
            elif stage.reads_own:
                ops += self.images.forward(i, after)
            elif stage.kind == "dense":
                W, b = self.parameters[stage.own, "W"].theta, self.parameters[stage.own, "b"].theta
                block = self.batch_size if stage.needs_all_rows else self._block_rows(x.units)
                ops.append(
                    self.instructions.op(
                        "dense_forward", [x.matrix, W.matrix, b.address, z.matrix, by_rows, block, *after]
                    )
                )
            else:
                ops.append(self.instructions.op("blocks", [x.matrix, z.matrix, by_rows, *after]))
        return [*ops, self._meet()]

    def _rows_forward(self, stage: Stage, i: int) -> Array:
        layer: Any = stage.layer
        z, a = self.a[stage.source].examples, self.a[i].examples
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
            ops += [self._in_place(last, dz, self.units.backward(last)), self._meet()]
        return ops

    def _rows_of(self, i: int) -> int:
        return int(self._by_rows(self.stages[i], self.a[i]))

    # ---- backward -------------------------------------------------------------------------------------------------

    def _backward(self) -> list[Array]:
        ops: list[Array] = []
        self._dense_gradients: list[tuple[int, Layer]] = []  # how many instructions make them
        for i in range(len(self.stages) - 1, self.structure.first - 1, -1):
            stage, dz = self.stages[i], self.d[i]
            assert dz is not None
            if i in self.structure.shortcuts:
                ops += self._after_join(i, dz)
            if stage.reads_own:
                ops += self.images.sums(i, dz)
            if stage.source >= self.structure.first:
                ops += self._to_source(stage, i, dz)
                if not (stage.size_before is not None and self.stages[i - 1].size is not None):
                    ops.append(self._meet())
            if stage.kind == "dense" and stage.layer is not None and stage.layer.trainable:
                ops += self._dense_gradient(stage.layer, self.a[stage.source], dz)
                self._dense_gradients.append((len(ops), stage.layer))
            elif isinstance(stage.layer, LayerNorm) and stage.layer.trainable:
                ops += self._layer_norm_gradient(stage.layer, dz)
        return ops

    def _after_join(self, i: int, dz: Panels) -> list[Array]:
        """The last stage of a shortcut has got its gradient where the connection ends; its operations on units."""
        after = self.units.backward(i)
        if not after[1]:
            return []
        op = self._in_place(i, dz, after)
        return [op] if self.stages[i].size is not None else [op, self._meet()]

    def _in_place(self, i: int, d: Panels, after: tuple[int, int]) -> Array:
        """Carry out operations on units of stage i."""
        if self.stages[i].size is not None:
            size = self.stages[i].size
            assert isinstance(d, Images)
            assert size is not None
            return self.instructions.op("images", [d.of_size(size), d.of_size(size), *after])
        return self.instructions.op("blocks", [d.matrix, d.matrix, self._rows_of(i), *after])

    def _to_source(self, stage: Stage, i: int, dz: Panels) -> list[Array]:
        """Dz of a stage becomes da of the stage from which it gets its input.

        The first of several stages behind that one comes last: then the sum of all is known, and dz of that stage.
        """
        d = self.d[stage.source]
        assert d is not None
        if i != self.structure.behind[stage.source][0]:
            return self._to_previous(stage, i, dz, self.units.branch(i), (0, 0))
        return self._to_previous(stage, i, dz, d, self.units.backward(stage.source))

    def _to_previous(self, stage: Stage, i: int, dz: Panels, da: Panels, after: tuple[int, int]) -> list[Array]:
        if stage.kind == "rows":
            return self._rows_backward(stage, i, dz, da, after)
        if stage.turns and stage.size is not None:
            ops = self.images.backward(i, dz, da, (0, 0))
            return [*ops, self._meet(), self._in_place(stage.source, da, after)] if after[1] else ops
        if stage.reads_own:
            return self.images.backward(i, dz, da, after)
        by_rows = self._rows_of(stage.source)
        if stage.kind == "dense":
            W = self.parameters[stage.own, "W"].theta
            block = self.batch_size
            return [self.instructions.op("dense_backward", [dz.matrix, W.matrix, da.matrix, by_rows, block, *after])]
        return [self.instructions.op("blocks", [dz.matrix, da.matrix, by_rows, *after])]

    def _rows_backward(self, stage: Stage, i: int, dz: Panels, da: Panels, after: tuple[int, int]) -> list[Array]:
        layer: Any = stage.layer
        op, a, gradients = self.instructions.op, self.a[i].matrix, (dz.matrix, da.matrix)
        if isinstance(layer, Softmax) and stage.group < stage.units:
            ops = [op("softmax_groups_backward", [gradients[0], a, gradients[1], stage.group])]
        elif isinstance(layer, Softmax):
            ops = [op("softmax_backward", [gradients[0], a, gradients[1]])]
        else:
            z_hat, sigma = self._layer_norms[layer]
            gamma = self.parameters[layer, "gamma"].theta.address
            ops = [op("layer_norm_backward", [*gradients, gamma, z_hat.matrix, sigma.ctypes.data])]
        if after[1]:
            ops += [*([] if stage.reads_own else [self._meet()]), self._in_place(stage.source, da, after)]
        return ops

    def _layer_norm_gradient(self, layer: LayerNorm, da: Panels) -> list[Array]:
        gamma, beta = self.parameters[layer, "gamma"], self.parameters[layer, "beta"]
        assert gamma.gradient is not None
        assert beta.gradient is not None
        z_hat, _ = self._layer_norms[layer]
        of_images, da = isinstance(da, Images), da.examples
        sums = [gamma.gradient.units_of_panel, beta.gradient.units_of_panel]
        after = [
            self.instructions.op("layer_norm_gradient", [da.block, z_hat.block, *sums], da.width),
            self.updates.on_units([gamma, beta]),
        ]
        op = self.instructions.op("blocks", [da.matrix, da.matrix, 0, *self.instructions.place(after)])
        return [self._meet(), op] if of_images else [op]

    def _dense_gradient(self, layer: Layer, x: Panels, dz: Panels) -> list[Array]:
        W, b = self.parameters[layer, "W"], self.parameters[layer, "b"]
        assert b.gradient is not None
        bias = [
            self.instructions.op("sum_rows", [dz.block, b.gradient.units_of_panel], dz.width),
            self.updates.on_units([b]),
        ]
        by_rows = self.updates.by_inputs(W)
        workspace = [self.workspace_of(0), 0, 0, self.workspace_of(1) - self.workspace_of(0)]
        after, last = self.updates.after_gradient(W, workspace)
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
