"""The lines of a trace."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.inspect.tracing.notation import Equation, written
from nnlite.layers import Layer


@dataclass(frozen=True)
class Step:
    """One line of a `Trace`: an equation and its numbers.

    Attributes
    ----------
    part : {"forward", "cost", "backward", "update"}
    layer : str
        The layer that computes it, such as "layers[0] Dense(3)"; "" if no layer does.
    name : str
        What it computes: "z[1]", "a[1]", "L", "J", "dz[2]", "dW[1]", ...; in the update "W[1] after".
    equation, latex : str
        The equation as text and as LaTeX.
    values : ndarray
        The numbers; in a trace of one example those of this example.
    note : str
        Explains the equation.
    """

    part: str
    layer: str
    name: str
    equation: str
    latex: str
    values: Array = field(repr=False)
    note: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the numbers."""
        shape: tuple[int, ...] = self.values.shape
        return shape

    @property
    def statistics(self) -> dict[str, float]:
        """``min``, ``mean`` (0 if it is rounding alone), ``max`` and ``zeros``, the share of numbers that are 0."""
        if self.values.size == 0:
            return dict.fromkeys(("min", "mean", "max", "zeros"), math.nan)
        with np.errstate(all="ignore"):  # a trace also shows where a network overflows
            mean = float(self.values.mean(dtype=np.float64))
            return {
                "min": float(self.values.min()),
                "mean": 0.0 if abs(mean) < rounding(self.values) else mean,
                "max": float(self.values.max()),
                "zeros": float(np.mean(self.values == 0)),
            }


def rounding(values: Array) -> float:
    """Return how large the mean of floats can be by rounding alone: a few eps times the largest of them."""
    return float(4 * np.finfo(values.dtype).eps * np.abs(values).max()) if values.dtype.kind == "f" else 0.0


class Steps:
    """Collects the steps of a trace in order.

    Parameters
    ----------
    places : mapping of Layer to str
        The place of each layer, such as "layers[0]".
    example : int, optional
        Keep the numbers of this example only.
    """

    def __init__(self, places: Mapping[Layer, str], example: int | None) -> None:
        self.places = places
        self.example = example
        self.all: list[Step] = []

    def add(
        self,
        part: str,
        layer: Layer | None,
        name: Any,
        equation: Equation,
        symbols: Mapping[str, Any],
        values: Any,
        *,
        whole: bool = False,
        note: str = "",
    ) -> None:
        """Append a step; ``whole`` if the numbers do not have one row per example."""
        values = np.array(values)
        if self.example is not None and not whole:
            values = values[self.example]
        text, latex = written(equation, symbols)
        place = "" if layer is None else f"{self.places[layer]} {layer!r}"
        self.all.append(Step(part, place, str(name), text, latex, values, note))
