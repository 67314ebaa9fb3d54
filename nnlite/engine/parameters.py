"""The parameters of a network in panels, with what the optimizer remembers of them."""

from __future__ import annotations

import math
from typing import Protocol

from nnlite.checks import Array
from nnlite.engine import support
from nnlite.engine.panels import Memory, Panels
from nnlite.layers import Dense, Layer
from nnlite.layers.base import Shape


class Place(Protocol):
    """Where a parameter lies in theta: see `nnlite.network.vectors.Segment`."""

    name: str
    layer: Layer
    attribute: str
    shape: Shape

    @property
    def trainable(self) -> bool:
        """Whether its layer learns."""

    @property
    def decayed(self) -> bool:
        """Whether weight decay acts on it."""

    def view(self, vector: Array) -> Array:
        """Return this parameter's part of a vector."""


class Parameter:
    """A parameter in panels: W with its rows, or a vector with one number for each unit.

    Attributes
    ----------
    theta : Panels
    vectors : dict of str to Panels
        What the optimizer remembers of it.
    gradient : Panels or None
        The gradient, of a vector, or of W if the step of the optimizer waits for the norm of all gradients.
    keeps_gradient : bool
        Whether the whole gradient is in memory before the step of the optimizer: not that of W of a Dense layer.
    group : int
        Number of the table of what changes from step to step: parameters that were frozen for a while have their own.
    """

    def __init__(self, place: Place, memory: Memory, width: int, multiple: int) -> None:
        self.place = place
        self.is_matrix = isinstance(place.layer, (Dense, *support.CONVOLUTIONS)) and place.attribute == "W"
        self.rows = math.prod(place.shape[:-1]) if self.is_matrix else 1
        units = math.prod(place.shape) // self.rows
        panel_rows = -(-self.rows // multiple) * multiple if self.is_matrix else 1
        self.theta = memory.panels(panel_rows, units, width)
        self.vectors: dict[str, Panels] = {}
        self.gradient: Panels | None = None
        self.keeps_gradient = not (self.is_matrix and isinstance(place.layer, Dense))
        self.group = 0


class Parts:
    """Where each thread sums up its part of the gradient of a parameter.

    Attributes
    ----------
    of : Panels
        The parameter.
    address : int
        Of the part of the first thread, in panels as the parameter.
    apart : int
        Bytes from thread to thread.
    """

    def __init__(self, of: Panels, memory: Memory, n_threads: int) -> None:
        self.of = of
        n = -(-of.view.size // 64) * 64 + 64  # threads do not write to the same line of memory
        self._numbers = memory.zeros(n * n_threads)
        self.address: int = self._numbers.ctypes.data
        self.apart = n * self._numbers.itemsize
