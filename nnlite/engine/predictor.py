"""Prediction with compiled kernels."""

from __future__ import annotations

import _thread
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.engine import processor, support
from nnlite.engine.instructions import Instructions
from nnlite.engine.language import NOW, NOW_WORDS, SHARED_WORDS, WRONG
from nnlite.engine.library import CALL, Library, library
from nnlite.engine.panels import Memory, Panels
from nnlite.engine.stages import Stage, Stages
from nnlite.layers import BatchNorm, Layer, LayerNorm, Softmax

FEW = 16  # examples up to which W is read as it lies, and not copied into panels
BLOCK = 256  # examples that go through the network together
CALL_WORK = 2e10  # multiplications of a call, between two looks at Ctrl-C
SHARE = 2e7  # multiplications that are worth a thread


class Program:
    """The memory and the instructions with which one thread predicts.

    Parameters
    ----------
    network : Network
    library : Library
    rows : int
        Most examples of a block.
    panels : bool
        Whether matrices lie in panels; otherwise they lie row by row.
    """

    def __init__(self, network: Any, library: Library, rows: int, *, panels: bool) -> None:
        self.library, self.rows, self.panels = library, rows, panels
        self.memory, self.instructions = Memory(library.dtype), Instructions(library)
        self.stages = prediction_stages(network)
        self.places = {(place.layer, place.attribute): place.view(network.theta) for place in network.segments}
        self.places |= {(place.layer, place.attribute): place.view(network.state) for place in network.state_segments}
        self.in_place = panels and takes_rows(self.stages, library)
        self.a = [self._matrix(stage.units) for stage in self.stages]
        self._kept: list[Any] = []
        ops = self._forward()
        if panels:
            ops.append(self.instructions.op("leave_rows", [self.a[-1].matrix, 0], Y_hat=6))
        entry = self.instructions.op(
            "predict", [*self.instructions.place(ops), rows, rows, 1, 0], n_examples=4, alone=6, waits=7
        )
        self.entry, _ = self.instructions.place([entry])
        self._prepare_call()

    def _prepare_call(self) -> None:
        widest = max(stage.units for stage in self.stages)
        self.scratch = self.memory.zeros((widest + 16) * 64 if self.panels else 1)
        self.shared, unused = np.zeros(SHARED_WORDS, np.int64), np.zeros(2, np.int64)
        self.now = np.zeros(NOW_WORDS, np.int64)
        known = {"n_threads": 1, "tiles": self.library.tiles.ctypes.data, "shared": self.shared.ctypes.data}
        for name, value in {**known, "scratch": self.scratch.ctypes.data}.items():
            self.now[NOW.index(name)] = value
        self._kept += [unused]
        self.function = CALL(self.library.address("predict"))
        types = self.function.argtypes
        words = [unused.ctypes.data, unused.ctypes.data, self.entry, self.now.ctypes.data, 0, 0, 0]
        self.arguments = tuple(kind(word) for kind, word in zip(types, words, strict=True))
        self.flag = memoryview(self.shared)[WRONG : WRONG + 1]
        if not self.panels:
            self.x, self.y = self.a[0].view[0], self.a[-1].view[0]

    def _matrix(self, units: int) -> Panels:
        narrow, wide = self.library.shape.widths
        return self.memory.panels(self.rows, units, units if not self.panels else narrow if units <= narrow else wide)

    # ---- instructions ---------------------------------------------------------------------------------------------

    def _forward(self) -> list[Array]:
        op, ops = self.instructions.op, []
        first = self.stages[1]
        if self.panels and not self.in_place:
            ops.append(op("gather", [[0, 0], [0, 0], self.a[0].matrix], variant=self.library.dtype, X=2))
        if first.kind != "dense":
            ops.append(op("check_rows", [self.a[0].matrix]))
        for i, stage in enumerate(self.stages[1:], 1):
            x, z = self.a[i - 1], self.a[i]
            before, after = self._unitwise(stage, i)
            ops += before
            if stage.kind == "dense":
                ops.append(self._dense(stage, x, z, i == 1, self.instructions.place(after)))
            elif stage.kind == "copy":
                ops.append(op("blocks", [x.matrix, z.matrix, 0, *self.instructions.place(after)]))
            else:
                ops.append(self._rows(stage.layer, x, z))
        return ops

    def _dense(self, stage: Stage, x: Panels, z: Panels, first: bool, after: Sequence[int]) -> Array:
        W, b = self.places[stage.layer, "W"].ctypes.data, self.places[stage.layer, "b"].ctypes.data
        if not self.panels:
            return self.instructions.op("dense_rows", [x.matrix, W, b, z.matrix, int(first), *after])
        if first and self.in_place:
            matrix = [0, 0, x.units, x.units]
            return self.instructions.op("dense_blocks", [matrix, 1, W, b, z.matrix, 1, *after], X=2)
        return self.instructions.op("dense_blocks", [x.matrix, 0, W, b, z.matrix, int(first), *after])

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
                    source, target = self.places[layer, name], self.memory.panels(1, a.units, a.width)
                    self._kept.append(target)
                    before.append(op("copy_vector", [source.ctypes.data, a.units, target.address, a.units]))
                    vectors.append(target.units_of_panel)
                after.append(op("frozen_norm_forward", [a.block, *vectors, float(layer.epsilon)], a.width))
            elif one.kind == "layer" and type(layer) not in support.NOISE:
                found = support.elementwise(layer)
                assert found is not None
                after.append(op(f"{found.name}_forward", [a.block, *map(float, found.numbers(layer))], a.width))
        return before, after

    def _rows(self, layer: Any, z: Panels, a: Panels) -> Array:
        if isinstance(layer, Softmax):
            sums = self.memory.zeros(self.rows)
            self._kept.append(sums)
            return self.instructions.op("softmax_forward", [z.matrix, a.matrix, [sums.ctypes.data, self.rows]])
        z_hat, sigma = self._matrix(a.units), self.memory.zeros(self.rows)
        self._kept += [z_hat, sigma]
        gamma, beta = (self.places[layer, name].ctypes.data for name in ("gamma", "beta"))
        operands = [z.matrix, a.matrix, gamma, beta, z_hat.matrix, sigma.ctypes.data, float(layer.epsilon)]
        return self.instructions.op("layer_norm_forward", operands)


def prediction_stages(network: Any) -> list[Stage]:
    """Return the stages of a network, the output layer included."""
    stages = Stages((*network.layers, network.output), network.input_shape).stages
    if len(stages) == 1:
        stages.append(Stage("copy", stages[0].units))
    return stages


def takes_rows(stages: Sequence[Stage], library: Library) -> bool:
    """Whether the tiles can read X as it lies: its first layer is Dense, and no connection goes around it."""
    around = any(one.kind == "fork" for one in stages[0].unitwise)
    return stages[1].kind == "dense" and not around and stages[0].units * np.dtype(library.dtype).itemsize % 2048 != 0


class Predictor:
    """Predicts with compiled kernels.

    Parameters
    ----------
    network : Network
        Built; every layer has a kernel.
    """

    def __init__(self, network: Any) -> None:
        self.library: Library = library(network.dtype.name)
        self.network = network
        self.dtype = network.dtype
        self.one_shape = (1, *network.input_shape)
        self.input_shape = network.input_shape
        self.n_units = network.n_units
        self.n_multiplications = sum(place.size for place in network.segments if len(place.shape) == 2)
        self._ones: list[Program] = []
        self._few: list[Program] = []
        self._many: list[Program] = []

    def rows(self, X: Any) -> Array | None:
        """Return Y_hat, or None for an X that is unusual or wrong."""
        if type(X) is not np.ndarray or X.dtype is not self.dtype:
            return None
        if X.shape == self.one_shape:
            return self._predict_one(X)
        if X.shape[1:] != self.input_shape or len(X) == 0:
            return None
        return self._predict_few(X) if len(X) <= FEW else self._predict_many(X)

    def _predict_one(self, X: Array) -> Array | None:
        try:
            program = self._ones.pop()
        except IndexError:
            program = Program(self.network, self.library, 1, panels=False)
        program.x[...] = X.reshape(-1) if X.ndim > 2 else X
        program.function(*program.arguments)
        Y_hat = program.y.copy()
        wrong = program.flag[0]
        self._ones.append(program)
        return None if wrong else Y_hat

    def _predict_few(self, X: Array) -> Array | None:
        try:
            program = self._few.pop()
        except IndexError:
            program = Program(self.network, self.library, FEW, panels=False)
        M = len(X)
        program.x[:M] = X.reshape(M, -1)
        program.instructions.set("n_examples", M)
        program.function(*program.arguments)
        Y_hat = program.y[:M].copy()
        wrong = program.flag[0]
        self._few.append(program)
        return None if wrong else Y_hat

    def _predict_many(self, X: Array) -> Array | None:
        X = np.ascontiguousarray(X)
        Y_hat = np.empty((len(X), self.n_units), self.dtype)
        n = max(BLOCK, int(CALL_WORK / self.n_multiplications) // BLOCK * BLOCK)
        for start in range(0, len(X), n):
            if not self._call(X[start : start + n], Y_hat[start : start + n]):
                return None
        return Y_hat

    def _call(self, X: Array, Y_hat: Array) -> bool:
        n_threads = min(-(-len(X) // BLOCK), self._n_threads(len(X) * self.n_multiplications))
        shared = np.zeros(SHARED_WORDS, np.int64)
        job = X, Y_hat, shared
        for _ in range(n_threads - 1):
            _thread.start_new_thread(self._work, (*job, False))
        self._work(*job, True)
        return not shared[WRONG]

    def _n_threads(self, work: float) -> int:
        wanted = processor.wanted_threads()
        if wanted is not None:
            return wanted
        return min(available_threads(), max(1, int(work / SHARE)))

    def _work(self, X: Array, Y_hat: Array, shared: Array, waits: bool) -> None:
        try:
            program = self._many.pop()
        except IndexError:
            program = Program(self.network, self.library, BLOCK, panels=True)
        program.instructions.set("X", X.ctypes.data) if program.in_place else program.instructions.set("X", X.ctypes.data, X.size)
        program.instructions.set("Y_hat", Y_hat.ctypes.data)
        program.instructions.set("n_examples", len(X))
        program.instructions.set("alone", 0)
        program.instructions.set("waits", int(waits))
        program.now[NOW.index("shared")] = shared.ctypes.data
        program.function(*program.arguments)
        self._many.append(program)


available_threads = functools.cache(processor.available_threads)
