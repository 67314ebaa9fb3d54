"""The memory and the instructions with which one thread predicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.engine import cache, support
from nnlite.engine.image_operations import ImageOperations, width_of_filters
from nnlite.engine.instructions import Instructions
from nnlite.engine.kernels.prediction import PADDING
from nnlite.engine.kernels.products import G_NUMBERS
from nnlite.engine.language import NOW, NOW_WORDS, SHARED_WORDS, WRONG
from nnlite.engine.library import Library
from nnlite.engine.panels import Memory, Panels
from nnlite.engine.processor import processor
from nnlite.engine.shapes import tile_shape
from nnlite.engine.stages import Stage, Stages
from nnlite.engine.starting import START, start
from nnlite.layers import BatchNorm, Layer, Softmax
from nnlite.layers.base import Shape

CONFLICT = 2048  # bytes: rows of X of a multiple of them share few lines of the first cache
EXTRA_ROWS = 8  # of a panel, for the same reason


class Subject(NamedTuple):
    """The network that is predicted with.

    Attributes
    ----------
    layers : tuple of Layer
    input_shape : tuple of int
    values : mapping
        The parameters and running averages, by layer and attribute: views into theta and state.
    """

    layers: tuple[Layer, ...]
    input_shape: Shape
    values: Mapping[tuple[Layer, str], Array]

    @classmethod
    def of(cls, network: Any) -> Subject:
        """Return what a program has to know of a network. It must not hold the network, which holds the program."""
        values = {(place.layer, place.attribute): place.view(network.theta) for place in network.segments}
        values |= {(place.layer, place.attribute): place.view(network.state) for place in network.state_segments}
        return cls(network.layers, network.input_shape, values)


class Kind(NamedTuple):
    """What a program is made for.

    Attributes
    ----------
    rows : int
        Most examples of a block.
    panels : bool
        Whether matrices lie in panels. Otherwise they lie row by row.
    variant : str
        The type of X, if the examples are gathered into panels. "" if they are read as they lie.
    cost : str
        What comes after the last layer: "" for Y_hat, "labels" or "targets" for the cost too.
    """

    rows: int
    panels: bool = False
    variant: str = ""
    cost: str = ""


class Program:
    """The memory and the instructions with which one thread predicts.

    Parameters
    ----------
    subject : Subject
    library : Library
    kind : Kind
    pool : list of Program
        Where it waits for the next call.

    Attributes
    ----------
    x, y : ndarray
        X and Y_hat of a program whose matrices lie row by row.
    start : callable
        ``start(words)`` carries out the instructions, and returns whether a number is NaN or infinite.
    """

    def __init__(self, subject: Subject, library: Library, kind: Kind, pool: list[Program]) -> None:
        self.subject, self.library, self.kind, self.pool = subject, library, kind, pool
        self.memory, self.instructions = Memory(library.dtype), Instructions(library)
        self.structure = structure_of(subject, with_output=not kind.cost)
        self.stages = self.structure.stages
        self.a = [self._numbers(stage) for stage in self.stages]
        self._kept: list[Any] = []
        self._theta: dict[tuple[Layer, str], Panels] = {}
        widths = library.shape.widths
        self.images = ImageOperations(
            self.instructions, self.memory, self.structure, self.a, self._theta, widths, 1, training=False
        )
        ops = [*self._gathering(), *self._forward(), *self._end()]
        entry = self.instructions.op(
            "predict",
            [*self.instructions.place(ops), kind.rows, kind.rows, 1, 0, 0],
            n_examples=4, alone=6,
        )  # fmt: skip
        self._make_call(*self.instructions.place([entry]))
        self.x = self.a[0].view[0].reshape(kind.rows, *subject.input_shape) if not kind.panels else self.a[0].view
        self.y = self.a[-1].view[0]

    def _matrix(self, units: int) -> Panels:
        if not self.kind.panels:
            return self.memory.panels(self.kind.rows, units, units)
        narrow, wide = self.library.shape.widths
        return self.memory.panels(self.kind.rows + EXTRA_ROWS, units, narrow if units <= narrow else wide)

    def _numbers(self, stage: Stage) -> Panels:
        """Return room for the output of a stage."""
        if stage.size is not None:
            return self.memory.images(self.kind.rows, stage.size[0], stage.units)
        return self._matrix(stage.units)

    def _make_call(self, entry: int, _: int) -> None:
        """Make what `start` needs."""
        widest = max(stage.units for stage in self.stages if stage.size is None)
        n = max(G_NUMBERS, widest * self.library.shape.widths[1] + PADDING) if self.kind.panels else 1
        workspace = self.memory.zeros(max(n, self.images.workspace()) if self.images.are_needed else n)
        shared, now = np.zeros(SHARED_WORDS, np.int64), np.zeros(NOW_WORDS, np.int64)
        known = {
            "n_threads": 1,
            "tiles": self.library.tiles.ctypes.data,
            "workspace": workspace.ctypes.data,
            "shared": shared.ctypes.data,
        }
        for name, value in known.items():
            now[NOW.index(name)] = value
        self.entry, self.shared = entry, int(shared.ctypes.data)
        self.now, self.now_address = now, int(now.ctypes.data)
        call = np.array([self.library.address("predict"), entry, now.ctypes.data, shared[WRONG:].ctypes.data], np.int64)
        self.start = start()
        self.words = int(call.ctypes.data)
        self._kept += [workspace, shared, call]

    def prepare(self, words: Mapping[str, Sequence[int]], *, boxes: tuple[int, int] = (0, 0), shared: int = 0) -> None:
        """Set the words of the instructions that change from call to call, before `start`.

        ``boxes`` are those in which helpers find their jobs. ``shared`` is for the program of a helper: the address of
        the memory that it shares with the caller.
        """
        for name, values in words.items():
            self.instructions.set(name, *values)
        self.instructions.set("alone", int(not shared and not boxes[1]), *boxes)
        self.now[NOW.index("shared")] = shared or self.shared

    # ---- instructions ---------------------------------------------------------------------------------------------

    def _gathering(self) -> list[Array]:
        """Bring the examples into panels, and check them if the first layer does not."""
        op, ops = self.instructions.op, []
        if self.kind.variant:
            operands = [[0, 0], [0, 0], self.a[0].matrix]
            ops.append(op("gather", operands, variant=self.kind.variant, X=2, order=4))
        if not self.kind.cost and self.stages[1].kind != "dense":
            ops.append(op("check_rows", [self.a[0].matrix]))
        return ops

    def _forward(self) -> list[Array]:
        ops = []
        for i, stage in enumerate(self.stages[1:], 1):
            x, z = self.a[stage.source], self.a[i]
            before, after = self._unitwise(stage, i)
            ops += before
            if stage.kind == "rows":
                ops.append(self._rows(stage, x.examples, z.examples))
            elif stage.reads_own:
                ops += self._of_images(stage, i, after)
            elif stage.kind == "dense":
                ops.append(self._dense(stage, x, z, i == 1, self.instructions.place(after)))
            else:
                ops.append(self.instructions.op("blocks", [x.matrix, z.matrix, 0, *self.instructions.place(after)]))
        return ops

    def _of_images(self, stage: Stage, i: int, after: list[Array]) -> list[Array]:
        """Return the instructions of a stage that works on images: first they bring its parameters into panels."""
        ops: list[Array] = []
        layer: Any = stage.layer
        if stage.kind == "convolution":
            K, width = math.prod(layer.W.shape[:-1]), width_of_filters(layer, self.library.shape.widths)
            W = self._theta[layer, "W"] = self.memory.panels(K, layer.filters, width)
            source = self.subject.values[layer, "W"].ctypes.data
            ops.append(self.instructions.op("load_filters", [source, W.matrix]))
            ops.append(self._load_vector(layer, "b", width))
            after = [self.instructions.op("check_block", [self.a[i].block], self.a[i].width), *after]
        elif stage.kind == "norm":
            width = self.library.shape.widths[1]
            ops += [
                self._load_vector(layer, name, width) for name in ("gamma", "beta", "running_mean", "running_variance")
            ]
        return [*ops, *self.images.forward(i, self.instructions.place(after))]

    def _load_vector(self, layer: Layer, name: str, width: int) -> Array:
        source = self.subject.values[layer, name]
        target = self._theta[layer, name] = self.memory.panels(1, source.size, width)
        return self.instructions.op("copy_vector", [source.ctypes.data, source.size, target.address, source.size])

    def _dense(self, stage: Stage, x: Panels, z: Panels, first: bool, after: Sequence[int]) -> Array:
        op = self.instructions.op
        W, b = (self.subject.values[stage.own, name].ctypes.data for name in ("W", "b"))
        if not self.kind.panels:
            return op("dense_rows", [x.matrix, W, b, z.matrix, 1, *after])
        if first and not self.kind.variant:
            rows = [0, 0, x.units, x.units]
            return op("dense_blocks", [rows, 1, W, b, z.matrix, 1, *after], X=2)
        return op("dense_blocks", [x.matrix, 0, W, b, z.matrix, 1, *after])

    def _unitwise(self, stage: Stage, i: int) -> tuple[list[Array], list[Array]]:
        """Return the instructions before a stage, and those on each panel of it."""
        a, op = self.a[i], self.instructions.op
        before: list[Array] = []
        after: list[Array] = []
        for one in stage.unitwise:
            layer: Any = one.layer
            if one.kind == "join":
                after.append(op("add_block", [a.block, self.a[one.partner].block], a.width))
            elif isinstance(layer, BatchNorm):
                vectors = []
                for name in ("gamma", "beta", "running_mean", "running_variance"):
                    source, target = self.subject.values[layer, name], self.memory.panels(1, a.units, a.width)
                    self._kept.append(target)
                    before.append(op("copy_vector", [source.ctypes.data, a.units, target.address, a.units]))
                    vectors.append(target.units_of_panel)
                after.append(op("frozen_norm_forward", [a.block, *vectors, float(layer.epsilon)], a.width))
            elif one.kind == "layer" and type(layer) not in support.NOISE:
                found = support.elementwise(layer)
                assert found is not None
                after.append(op(f"{found.name}_forward", [a.block, *map(float, found.numbers(layer))], a.width))
        return before, after

    def _rows(self, stage: Stage, z: Panels, a: Panels) -> Array:
        layer: Any = stage.own
        if isinstance(layer, Softmax):
            if stage.group != stage.units:
                return self.instructions.op("softmax_groups_forward", [z.matrix, a.matrix, stage.group])
            return self.instructions.op("softmax_forward", [z.matrix, a.matrix, self._sums()])
        z_hat, sigma = self.memory.panels(a.rows, a.units, a.width), self.memory.zeros(a.rows)
        self._kept += [z_hat, sigma]
        gamma, beta = (self.subject.values[layer, name].ctypes.data for name in ("gamma", "beta"))
        operands = [z.matrix, a.matrix, gamma, beta, z_hat.matrix, sigma.ctypes.data, float(layer.epsilon)]
        return self.instructions.op("layer_norm_forward", operands)

    def _sums(self) -> list[int]:
        """Return the operand of a softmax in which it leaves the sums and the largest number of each row."""
        sums = self.memory.zeros(2 * (self.kind.rows + EXTRA_ROWS))
        self._kept.append(sums)
        return [int(sums.ctypes.data), len(sums)]

    def _end(self) -> list[Array]:
        """Return what comes after the last layer: Y_hat in rows, or the output layer with its cost."""
        z, op = self.a[-1], self.instructions.op
        if not self.kind.panels:
            return []
        if not self.kind.cost:
            return [op("leave_rows", [z.matrix, 0], Y_hat=6)]
        dz, output = self._matrix(z.units), self.subject.layers[-1]
        self._kept.append(dz)
        first, last = [z.matrix, dz.matrix], [0, 0]
        varying: dict[str, Any]
        if self.kind.cost == "labels":
            operands = [*first, self._sums(), [0, 0], 0, [0, 0], 0.0, *last]
            varying = {"y": 12, "weights": 14, "smoothing": 17, "Y_hat": 18, "results": 19}
            return [op("softmax_labels", operands, **varying)]
        if isinstance(output, Softmax):
            operands = [*first, self._sums(), [0, 0], 0, [0, 0], *last]
            varying = {"y": 12, "weights": 14, "Y_hat": 17, "results": 18}
            return [op("softmax_targets", operands, **varying)]
        varying = {"y": 10, "weights": 12, "Y_hat": 15, "results": 16}
        return [op(support.OUTPUTS[type(output)], [*first, [0, 0], 0, [0, 0], *last], **varying)]


def structure_of(subject: Subject, *, with_output: bool = True) -> Stages:
    """Return the stages of a network. With its output layer there are at least two."""
    layers = (*subject.layers, subject.layers[-1]) if with_output else subject.layers
    structure = Stages(layers, subject.input_shape)
    if with_output and len(structure.stages) == 1:
        structure.stages.append(Stage("copy", structure.stages[0].units, source=0))
    return structure


def reads_rows(subject: Subject, dtype: np.dtype[Any]) -> bool:
    """Whether tiles can read X as it lies: the first layer is Dense, and no connection goes around it."""
    stages = structure_of(subject).stages
    around = any(one.kind == "fork" for one in stages[0].unitwise)
    return stages[1].kind == "dense" and not around and stages[0].units * dtype.itemsize % CONFLICT != 0


class _Names:
    """Stands in for a library, and notes which kernels are asked for."""

    def __init__(self, dtype: str) -> None:
        of = processor()
        self.dtype, self.shape = dtype, tile_shape(of.vector_bytes, of.registers, dtype)
        self.tiles = np.zeros(1, np.int64)
        self.kernels: set[tuple[str, str]] = set()

    def address(self, name: str, variant: str = "") -> int:
        self.kernels.add((name, variant))
        return 0


def kernels_of(subject: Subject, dtype: str, kinds: Sequence[Kind]) -> set[tuple[str, str]]:
    """Return name and variant of each kernel for programs of these kinds, that of helpers included."""
    names = _Names(dtype)
    library: Any = names
    for kind in kinds:
        Program(subject, library, kind, [])
    return names.kernels | {("stand_by", "")}


def are_cached(subject: Subject, dtype: str, kinds: Sequence[Kind]) -> bool:
    """Whether the cache on disk has all kernels for programs of these kinds."""
    symbols = {
        "_".join(["nnlite", *filter(None, (name, dtype, variant))])
        for name, variant in kernels_of(subject, dtype, kinds)
    }
    return all(cache.read(symbol) is not None for symbol in symbols | {f"nnlite_tiles_{dtype}", START})
