"""A network as stages: the parts between two meetings of the threads.

A stage begins with a product (Dense), a copy, or an operation on rows (LayerNorm, Softmax). What follows works on
single units (activations, BatchNorm, dropout) and is done panel by panel, while the numbers are in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from nnlite.engine import support
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


@dataclass
class Stage:
    """A stage: ``kind`` is "input", "dense", "copy" or "rows".

    ``group`` is the length of the last axis, on which Softmax works: less than ``units`` for images.
    """

    kind: str
    units: int
    layer: Layer | None = None
    group: int = 0
    unitwise: list[Unitwise] = field(default_factory=list)

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
        return any(isinstance(layer, (Dense, BatchNorm, LayerNorm)) and layer.trainable for layer in self.layers)


class Stages:
    """The stages of a network without its output layer.

    Attributes
    ----------
    stages : list of Stage
        The first is the input.
    n_random : int
        Number of layers that draw random numbers.
    first : int
        The first stage that learns: the backward pass ends there. ``len(stages)`` if none does.
    """

    def __init__(self, layers: Sequence[Layer], input_shape: Shape) -> None:
        self.stages = [Stage("input", math.prod(input_shape))]
        self.n_random = self._n_residual = 0
        self._add(layers[:-1], input_shape)
        learning = [i for i, stage in enumerate(self.stages) if stage.learns]
        self.first = min(learning, default=len(self.stages))

    def _add(self, layers: Sequence[Layer], shape: Shape) -> None:
        for layer in layers:
            units = math.prod(layer.output_shape(shape))
            if type(layer) is Dense:
                self.stages.append(Stage("dense", units, layer))
            elif type(layer) in (LayerNorm, Softmax):
                self.stages.append(Stage("rows", units, layer, shape[-1]))
            elif type(layer) is Residual:
                self._residual(layer, shape)
            elif type(layer) in support.NOISE:
                if support.noise_level(layer):
                    self._unitwise(Unitwise("layer", layer, which=self.n_random))
                    self.n_random += 1
            elif type(layer) not in support.SHAPES and type(layer) is not Identity:
                self._unitwise(Unitwise("layer", layer))
            shape = layer.output_shape(shape)

    def _unitwise(self, one: Unitwise) -> None:
        """Add an operation to the last stage, or to a new one, if the numbers of that stage must stay as they are."""
        last = self.stages[-1]
        if last.kind in ("input", "rows") or any(before.kind == "fork" for before in last.unitwise):
            last = Stage("copy", last.units)
            self.stages.append(last)
        last.unitwise.append(one)

    def _residual(self, layer: Layer, shape: Shape) -> None:
        begin = len(self.stages) - 1
        which, self._n_residual = self._n_residual, self._n_residual + 1
        self.stages[begin].unitwise.append(Unitwise("fork", which=which))
        self._add(layer.inner_layers, shape)
        if len(self.stages) - 1 == begin:
            self.stages.append(Stage("copy", self.stages[-1].units))
        self._unitwise(Unitwise("join", partner=begin, which=which))
