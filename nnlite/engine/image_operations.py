"""Operations on images: convolutions, pooling, padding, and BatchNorm over channels.

Each thread has some examples of the batch and takes them through all these layers. Threads meet for the sums of
BatchNorm, and once at the end of the backward pass: then the sums that each has made for its examples are added in the
order of the threads, and the optimizer makes its step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.engine import support
from nnlite.engine.geometry import Bands, Size, Window
from nnlite.engine.instructions import Instructions
from nnlite.engine.kernels.channels import PIECE
from nnlite.engine.kernels.products import G_NUMBERS
from nnlite.engine.panels import Images, Memory, Panels
from nnlite.engine.parameters import Parts
from nnlite.engine.stages import Stage, Stages
from nnlite.layers import Layer

SPARE = 1.15  # how many more columns, with those that fill up panels, are worth a wider tile
Ops = list[Array]
After = Sequence[int]


def window_of(stage: Stage) -> Window:
    """Return the window of a stage of the kind "convolution" or "pooling"."""
    layer: Any = stage.own
    assert stage.size_before is not None
    windows = getattr(layer, "windows", None)
    if windows is None:  # the whole image
        height, width, _ = stage.size_before
        return Window(height, width, 1, 1, 1, 1, 0, 0)
    size = stage.size_before[: len(windows.kernel)]
    return Window.of(windows.kernel, windows.strides, windows.dilation, [before for before, _ in windows.pads(size)])


def padding_of(layer: Any) -> tuple[int, int]:
    """Return how many lines and pixels of zeros a layer adds in front."""
    before = [first for first, _ in layer.sides]
    return before[0], before[1] if len(before) > 1 else 0


def width_of(n: int, widths: tuple[int, int]) -> int:
    """Return the columns of panels for n columns: narrow ones if wide ones would be filled up much more."""
    narrow, wide = widths
    return narrow if -(-n // wide) * wide > SPARE * -(-n // narrow) * narrow else wide


def width_of_filters(layer: Any, widths: tuple[int, int]) -> int:
    """Return the columns of a panel of W. With groups W has one panel."""
    return layer.filters if layer.groups > 1 else width_of(layer.filters, widths)


class ImageOperations:
    """Makes the instructions of the stages that work on images.

    Parameters
    ----------
    instructions : Instructions
    memory : Memory
    structure : Stages
    a : sequence of Panels
        The output of each stage.
    theta : mapping
        Parameters and running averages by layer and attribute, in panels.
    widths : tuple of int
        Columns of narrow and wide panels.
    n_threads : int
    training : bool
    """

    def __init__(
        self,
        instructions: Instructions,
        memory: Memory,
        structure: Stages,
        a: Sequence[Panels],
        theta: Mapping[tuple[Layer, str], Panels],
        widths: tuple[int, int],
        n_threads: int,
        training: bool,
    ) -> None:
        self.instructions, self.memory, self.structure, self.a, self.theta = instructions, memory, structure, a, theta
        self.widths, self.n_threads, self.training = widths, n_threads, training
        self.parts: dict[tuple[Layer, str], Parts] = {}
        self._kept: dict[tuple[str, int], Array] = {}
        self._ones = memory.zeros(1)
        self._ones[...] = 1

    @property
    def are_needed(self) -> bool:
        """Whether there are stages that work on images."""
        return any(stage.size is not None for stage in self.structure.stages)

    # ---- sizes ----------------------------------------------------------------------------------------------------

    def workspace(self) -> int:
        """Return how many numbers the workspace of a thread has."""
        most = 0
        for stage in self.structure.stages:
            if stage.kind == "convolution":
                most = max(most, self._bands(stage).workspace)
            elif stage.kind == "norm" and stage.size is not None:
                most = max(most, 4 * max(PIECE, stage.size[2]))
        return G_NUMBERS + most

    def _bands(self, stage: Stage) -> Bands:
        width, size = self._input_width(stage), self.memory.dtype.itemsize
        before, after = _sizes(stage)
        return Bands.of(window_of(stage), before, after, max(width, width_of_filters(stage.own, self.widths)), size)

    def _input_width(self, stage: Stage) -> int:
        """Columns of a panel of W, turned for the way back: numbers of a span."""
        before, _ = _sizes(stage)
        return width_of(window_of(stage).span(before[2]), self.widths)

    def _memory(self, name: str, i: int, n: int, dtype: Any = None) -> Array:
        """Return memory of stage i that lives as long as the plan."""
        if (name, i) not in self._kept:
            self._kept[name, i] = self.memory.zeros(n, dtype)
        return self._kept[name, i]

    def _address(self, layer: Layer, attribute: str) -> int:
        return self.theta[layer, attribute].address

    def _image(self, panels: Panels, size: Size) -> list[int]:
        assert isinstance(panels, Images)
        return panels.of_size(size)

    # ---- forward --------------------------------------------------------------------------------------------------

    def forward(self, i: int, after: After) -> Ops:
        """Return the instructions of stage i; those of ``after`` follow on lines of its output."""
        stage = self.structure.stages[i]
        x, a = self.a[stage.source], self.a[i]
        if stage.kind == "copy":
            return [self._copy(x, a, after)]
        before, size = _sizes(stage)
        images = self._image(x, before), self._image(a, size)
        if stage.kind == "convolution":
            return [self._convolution(stage, *images, after)]
        if stage.kind == "pooling":
            return [self._pooling(stage, i, *images, after)]
        if stage.kind == "norm":
            return self._norm(stage, i, *images, after)
        return [self.instructions.op("pad_forward", [*images, *padding_of(stage.own), *after])]

    def _copy(self, x: Panels, target: Panels, after: After) -> Array:
        """Bring images into panels or back, or copy them; x is what the stage gets, or its gradient."""
        op = self.instructions.op
        if isinstance(x, Images) and isinstance(target, Images):
            lines = target.height, 1, target.units
            return op("images", [x.of_size(lines), target.of_size(lines), *after])
        if isinstance(x, Images):
            return op("into_panels", [x.address, target.matrix])
        assert isinstance(target, Images)
        return op("out_of_panels", [x.matrix, target.address, target.height, *after])

    def _convolution(self, stage: Stage, x: list[int], z: list[int], after: After) -> Array:
        layer: Any = stage.own
        W, b = self.theta[layer, "W"], self._address(layer, "b")
        window = window_of(stage)
        if layer.groups > 1:
            return self.instructions.op("grouped_forward", [x, W.address, b, z, window, layer.groups, *after])
        lines = [*window.line(*_sizes(stage)), self._bands(stage).forward]
        return self.instructions.op("convolution_forward", [x, W.matrix, b, z, window, *lines, *after])

    def _pooling(self, stage: Stage, i: int, x: list[int], a: list[int], after: After) -> Array:
        window = window_of(stage)
        if type(stage.own) in support.MAX_POOLS:
            return self.instructions.op("max_pool_forward", [x, a, window, self._largest(i), *after])
        return self.instructions.op("average_pool_forward", [x, a, window, *after])

    def _largest(self, i: int) -> int:
        """Return the address of the numbers of the largest entries."""
        return int(self._memory("largest", i, self.a[i].view.size).ctypes.data)

    def _norm(self, stage: Stage, i: int, x: list[int], a: list[int], after: After) -> Ops:
        layer: Any = stage.own
        op = self.instructions.op
        gamma, beta, mean, variance = (
            self._address(layer, name) for name in ("gamma", "beta", "running_mean", "running_variance")
        )
        if not (self.training and layer.trainable):
            return [op("frozen_channels_forward", [x, a, gamma, beta, mean, variance, float(layer.epsilon), *after])]
        found, mu = self._statistics(stage, i)
        weight = self._address(layer, "running_weight")
        numbers = [float(layer.momentum), float(layer.epsilon), float(np.finfo(self.memory.dtype).eps)]
        return [
            op("channel_statistics", [x, *found]),
            op("meet", []),
            op("channel_norm_forward", [x, a, *found, gamma, beta, mu, mean, variance, weight, *numbers, *after]),
        ]

    def _statistics(self, stage: Stage, i: int) -> tuple[list[int], int]:
        """Return where each thread leaves its sums (address and distance in bytes), and where it keeps mu and sigma."""
        _, (_, _, C) = _sizes(stage)
        apart = -(-(1 + 2 * C) // 8) * 8
        found = self._memory("found", i, self.n_threads * apart, np.float64)
        mu = self._memory("mu", i, self.n_threads * 3 * C)
        return [int(found.ctypes.data), 8 * apart], int(mu.ctypes.data)

    # ---- backward -------------------------------------------------------------------------------------------------

    def turned_filters(self) -> Ops:
        """Return what has to be done with W before the backward pass, at any time after the last step."""
        ops: Ops = []
        for i, stage in enumerate(self.structure.stages):
            if stage.kind == "convolution" and stage.source >= self.structure.first and not _has_groups(stage):
                before, _ = _sizes(stage)
                window, W = window_of(stage), self.theta[stage.own, "W"]
                operands = [W.matrix, self._turned(stage, i), self._input_width(stage), window.span(before[2])]
                ops.append(self.instructions.op("turn_filters", [*operands, window.n_spans()]))
        return ops

    def _turned(self, stage: Stage, i: int) -> int:
        (_, _, C), (_, _, filters) = _sizes(stage)
        window, width = window_of(stage), self._input_width(stage)
        n = window.n_spans() * -(-window.span(C) // width) * width * filters
        return int(self._memory("turned", i, n).ctypes.data)

    def backward(self, i: int, dz: Panels, da: Panels, after: After) -> Ops:
        """Return what makes the gradient ``da`` of the input of stage i of the gradient of its output."""
        stage = self.structure.stages[i]
        if stage.kind == "copy":
            return [self._copy(dz, da, after)]
        before, size = _sizes(stage)
        images = self._image(dz, size), self._image(da, before)
        window = window_of(stage) if stage.kind in ("convolution", "pooling") else None
        if stage.kind == "convolution":
            return [self._convolution_backward(stage, i, *images, after)]
        if stage.kind == "norm":
            return self._norm_backward(stage, i, *images, after)
        if stage.kind == "padding":
            return [self.instructions.op("pad_backward", [*images, *padding_of(stage.own), *after])]
        if type(stage.own) in support.MAX_POOLS:
            operands = [images[0], self._largest(i), images[1], window, *after]
            return [self.instructions.op("max_pool_backward", operands)]
        return [self.instructions.op("average_pool_backward", [*images, window, *after])]

    def _convolution_backward(self, stage: Stage, i: int, dz: list[int], da: list[int], after: After) -> Array:
        layer: Any = stage.own
        window = window_of(stage)
        if layer.groups > 1:
            operands = [dz, self._address(layer, "W"), da, window, layer.groups, *after]
            return self.instructions.op("grouped_backward", operands)
        operands = [dz, self._turned(stage, i), self._input_width(stage), da, window, self._bands(stage).backward]
        return self.instructions.op("convolution_backward", [*operands, *after])

    def _norm_backward(self, stage: Stage, i: int, dz: list[int], da: list[int], after: After) -> Ops:
        layer: Any = stage.own
        op, gamma = self.instructions.op, self._address(layer, "gamma")
        if not layer.trainable:
            variance = self._address(layer, "running_variance")
            return [op("frozen_channels_backward", [dz, da, gamma, variance, float(layer.epsilon), *after])]
        found, mu = self._statistics(stage, i)
        x = self._image(self.a[stage.source], _sizes(stage)[0])
        return [op("channel_norm_backward", [x, dz, da, *found, gamma, mu, *after])]

    # ---- gradients ------------------------------------------------------------------------------------------------

    def sums(self, i: int, dz: Panels) -> Ops:
        """Return what sums up the gradients of the parameters of stage i, before its input gets its gradient."""
        stage = self.structure.stages[i]
        layer: Any = stage.layer
        if stage.kind not in ("convolution", "norm") or not layer.trainable:
            return []
        before, size = _sizes(stage)
        x, of_dz = self._image(self.a[stage.source], before), self._image(dz, size)
        if stage.kind == "norm":
            found, mu = self._statistics(stage, i)
            gamma, beta = (self._parts(layer, name) for name in ("gamma", "beta"))
            assert gamma.apart == beta.apart
            operands = [x, of_dz, *found, mu, gamma.address, beta.address, gamma.apart]
            return [self.instructions.op("channel_sums", operands), self.instructions.op("meet", [])]
        return [self._convolution_sums(stage, layer, x, of_dz)]

    def _convolution_sums(self, stage: Stage, layer: Any, x: list[int], dz: list[int]) -> Array:
        W, b = (self._parts(layer, name) for name in ("W", "b"))
        window = window_of(stage)
        if layer.groups > 1:
            operands = [x, dz, W.address, b.address, W.apart, b.apart, window, layer.groups]
            return self.instructions.op("grouped_gradient", operands)
        matrix = [W.address, *W.of.matrix[1:]]
        operands = [x, dz, matrix, b.address, W.apart, b.apart, self._ones.ctypes.data, window]
        lines = [*window.line(*_sizes(stage)), self._bands(stage).forward]
        return self.instructions.op("convolution_gradient", [*operands, *lines])

    def _parts(self, layer: Layer, name: str) -> Parts:
        """Return where the threads sum up the gradient of a parameter."""
        if (layer, name) not in self.parts:
            self.parts[layer, name] = Parts(self.theta[layer, name], self.memory, self.n_threads)
        return self.parts[layer, name]


def _sizes(stage: Stage) -> tuple[Size, Size]:
    assert stage.size_before is not None
    assert stage.size is not None
    return stage.size_before, stage.size


def _has_groups(stage: Stage) -> bool:
    layer: Any = stage.own
    return bool(layer.groups > 1)
