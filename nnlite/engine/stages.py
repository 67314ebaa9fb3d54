"""A network as stages: the parts between two meetings of the threads.

A stage begins with a product (Dense), a copy, or an operation on rows (LayerNorm, Softmax). What follows works on
single units (activations, BatchNorm, dropout) and is done panel by panel, while the numbers are in the cache.

From the first layer for images on, each thread has examples of its own: those stages begin with a convolution, pooling,
padding, or BatchNorm over channels, and what follows is done on some lines of an image. The first Dense layer, or the
output, ends that part: a stage brings the images into panels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from nnlite.engine import support
from nnlite.engine.geometry import Size, as_image
from nnlite.layers import BatchNorm, Dense, Identity, Layer, LayerNorm, Residual, Softmax
from nnlite.layers.base import Shape


@dataclass
class Unitwise:
    """An operation on single units.

    ``kind`` is "layer", "fork" (the beginning of a residual connection) or "join" (its end, which adds the output of
    the stage ``partner``).
    """

    kind: str
    layer: Layer | None = None
    partner: int = -1
    which: int = -1  # number among the layers that draw random numbers, or among the residual connections
    shortcut: bool = False  # whether layers lie on the residual connection


@dataclass
class Stage:
    """A stage: ``kind`` is "input", "dense", "copy", "rows", or for images "convolution", "pooling", "padding", "norm".

    Attributes
    ----------
    units : int
        Numbers of an example.
    source : int
        The stage from which it gets its input.
    group : int
        The length of the last axis, on which Softmax works: less than ``units`` for images.
    size, size_before : tuple of int or None
        Height, width and channels of its output and its input, if they lie as images. None: they lie in panels. The
        kind "copy" goes from one to the other, if they differ.
    """

    kind: str
    units: int
    layer: Layer | None = None
    group: int = 0
    unitwise: list[Unitwise] = field(default_factory=list)
    source: int = -1
    size: Size | None = None
    size_before: Size | None = None

    @property
    def own(self) -> Layer:
        """The layer with which it begins."""
        assert self.layer is not None
        return self.layer

    @property
    def layers(self) -> list[Layer]:
        """All its layers."""
        return [layer for layer in (self.layer, *(one.layer for one in self.unitwise)) if layer is not None]

    @property
    def needs_all_rows(self) -> bool:
        """Whether an operation needs all rows of the batch at once."""
        return any(isinstance(one.layer, BatchNorm) for one in self.unitwise)

    @property
    def learns(self) -> bool:
        """Whether a layer of it has parameters that learn."""
        kinds = (Dense, BatchNorm, LayerNorm, *support.CONVOLUTIONS)
        return any(isinstance(layer, kinds) and layer.trainable for layer in self.layers)

    @property
    def reads_own(self) -> bool:
        """Whether each thread reads its own examples alone."""
        return self.size is not None or self.size_before is not None

    @property
    def writes_own(self) -> bool:
        """Whether each thread writes its own examples alone."""
        return self.size is not None or self.kind == "input"

    @property
    def turns(self) -> bool:
        """Whether it brings images into panels, or back."""
        return self.kind == "copy" and (self.size is None) != (self.size_before is None)


class Stages:
    """The stages of a network without its output layer.

    Attributes
    ----------
    stages : list of Stage
        The first is the input.
    n_random : int
        Number of layers that draw random numbers.
    draws : dict of int to int
        How many numbers each of them draws for an example.
    first : int
        The first stage that learns: the backward pass ends there. ``len(stages)`` if none does.
    behind : dict of int to list of int
        The stages that get their input from a stage, in ascending order.
    shortcuts : set of int
        The stages with which the layers end that lie on a residual connection.
    """

    def __init__(self, layers: Sequence[Layer], input_shape: Shape) -> None:
        self.stages = [Stage("input", math.prod(input_shape))]
        self.n_random = self._n_residual = 0
        self.draws: dict[int, int] = {}
        self._source = 0  # the stage from which the next one gets its input
        self._add(layers[:-1], input_shape)
        self._into_panels()
        self.behind: dict[int, list[int]] = {}
        for i, stage in enumerate(self.stages[1:], 1):
            self.behind.setdefault(stage.source, []).append(i)
        self.shortcuts = {
            one.partner
            for i, stage in enumerate(self.stages)
            for one in stage.unitwise
            if one.kind == "join" and one.shortcut
        }
        learning = [i for i, stage in enumerate(self.stages) if stage.learns]
        self.first = min(learning, default=len(self.stages))

    # ---- layers ---------------------------------------------------------------------------------------------------

    def _add(self, layers: Sequence[Layer], shape: Shape) -> None:
        for layer in layers:
            after = layer.output_shape(shape)
            if type(layer) is Dense:
                self._into_panels()
                self._append(Stage("dense", math.prod(after), layer))
            elif type(layer) in support.IMAGES:
                self._as_images(shape)
                self._append(self._of_images(support.IMAGES[type(layer)], layer, shape, after))
            elif type(layer) is BatchNorm and (self._last.size is not None or _has_channels(layer, shape)):
                self._channel_norm(layer, shape)
            elif type(layer) in (LayerNorm, Softmax):
                size = self._last.size
                self._append(Stage("rows", math.prod(after), layer, shape[-1], size=size, size_before=size))
            elif type(layer) is Residual:
                self._residual(layer, shape)
            elif type(layer) in support.NOISE:
                if support.noise_level(layer):
                    self._noise(layer, shape)
            elif type(layer) not in support.SHAPES and type(layer) is not Identity:
                self._unitwise(Unitwise("layer", layer))
            shape = after

    @property
    def _last(self) -> Stage:
        """The stage from which the next one gets its input."""
        return self.stages[self._source]

    def _append(self, stage: Stage) -> None:
        stage.source, self._source = self._source, len(self.stages)
        self.stages.append(stage)

    def _copy(self) -> None:
        """Add a stage that copies its input."""
        last = self._last
        self._append(Stage("copy", last.units, size=last.size, size_before=last.size))

    def _noise(self, layer: Layer, shape: Shape) -> None:
        if type(layer) in support.CHANNEL_NOISE:
            self._as_images(shape)
        self.draws[self.n_random] = support.n_draws(layer, shape)
        self._unitwise(Unitwise("layer", layer, which=self.n_random))
        self.n_random += 1

    def _unitwise(self, one: Unitwise) -> None:
        """Add an operation to the last stage, or to a new one, if the numbers of that stage must stay as they are."""
        last = self._last
        forked = any(before.kind == "fork" for before in last.unitwise)
        if last.kind in ("input", "rows") or forked or last.turns:
            self._copy()
        self._last.unitwise.append(one)

    # ---- images ---------------------------------------------------------------------------------------------------

    def _channel_norm(self, layer: Layer, shape: Shape) -> None:
        if not _has_channels(layer, shape):  # each number of an example counts as a channel
            shape = (math.prod(shape),)
        self._as_images(shape)
        self._append(self._of_images("norm", layer, shape, shape))

    def _of_images(self, kind: str, layer: Layer, before: Shape, after: Shape) -> Stage:
        return Stage(kind, math.prod(after), layer, size=as_image(after), size_before=as_image(before))

    def _as_images(self, shape: Shape) -> None:
        """Let the output of the last stage lie as images of that shape: Reshape may have given them other lines."""
        last, size = self._last, as_image(shape)
        if last.kind == "input" and not last.unitwise and len(self.stages) == 1:
            last.size = size
        elif last.size != size:
            self._append(Stage("copy", last.units, size=size, size_before=last.size))

    def _into_panels(self) -> None:
        """Let the output of the last stage lie in panels."""
        last = self._last
        if last.size is not None:
            self._append(Stage("copy", last.units, size_before=last.size))

    # ---- residual connections ---------------------------------------------------------------------------------------

    def _residual(self, layer: Residual, shape: Shape) -> None:
        if len(shape) == 1 and not support.works_on_images(layer):
            self._into_panels()
        elif self._last.size is not None or support.works_on_images(layer):
            self._as_images(shape)
        images = self._last.size is not None
        begin, which = self._source, self._n_residual
        self._n_residual += 1
        shortcut = support.shortcut(layer)
        self.stages[begin].unitwise.append(Unitwise("fork", which=which, shortcut=bool(shortcut)))
        partner = begin
        n_random = self.n_random
        if shortcut:
            self.n_random += support.n_random(layer.layers)
            partner = self._chain(shortcut, shape, begin, images)
            after_shortcut, self.n_random, self._source = self.n_random, n_random, begin
        self._chain(layer.layers, shape, begin, images)
        if shortcut:
            self.n_random = after_shortcut
        self._unitwise(Unitwise("join", partner=partner, which=which, shortcut=bool(shortcut)))

    def _chain(self, layers: Sequence[Layer], shape: Shape, begin: int, images: bool) -> int:
        """Add the layers of a residual connection, at least one stage. Return the number of the last."""
        self._add(layers, shape)
        if images:
            self._as_images(_shape_after(layers, shape))
        else:
            self._into_panels()
        if self._source == begin:
            self._copy()
        return self._source


def _has_channels(layer: Layer, shape: Shape) -> bool:
    """Whether BatchNorm has one mean for each channel of an image, not for each number."""
    return layer.parameter_shapes(shape)["gamma"] != shape


def _shape_after(layers: Sequence[Layer], shape: Shape) -> Shape:
    for layer in layers:
        shape = layer.output_shape(shape)
    return shape
