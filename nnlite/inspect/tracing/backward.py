"""The backward pass of a trace: the gradients of each layer's parameters and of its input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.inspect.records import Records
from nnlite.inspect.tracing import equations
from nnlite.inspect.tracing.forward import Node
from nnlite.inspect.tracing.notation import Equation, Symbol
from nnlite.inspect.tracing.steps import Steps
from nnlite.inspect.twins import segments_by_layer
from nnlite.layers import Layer, LayerNorm
from nnlite.network.network import Network


class BackwardWriter:
    """Writes the steps of a backward pass from what its layers got and returned.

    In the pass, da is the gradient of J, the mean of M losses. The trace shows M times as much: the gradient of each
    example's own loss, as in the course.
    """

    def __init__(self, model: Network, records: Records, steps: Steps, M: int) -> None:
        self.model = model
        self.records = records
        self.steps = steps
        self.M = M
        self.segments = segments_by_layer(model)

    def write(self, nodes: Sequence[Node], dz: Array) -> None:
        """Write ``dz[L] = y_hat - y`` and the steps of all layers down to the first that learns."""
        output, first = nodes[-1], self.model.first_trainable
        line = equations.start_equation(output.layer)
        self.steps.add("backward", output.layer, output.given.d, line, output.symbols, dz)
        for i in range(len(nodes) - 2, first - 1, -1):
            self._layer(nodes[i], to_input=i > first)

    def _layer(self, node: Node, to_input: bool, differential: str = "d") -> None:
        """Write the gradients of the parameters and, with ``to_input``, that of the input."""
        layer, record = node.layer, self.records[node.layer]
        for chain, name in ((node.shortcut, "d_S"), (node.inner, "d_F")):
            for i, inner in reversed(list(enumerate(chain))):
                if i == len(chain) - 1:
                    line = Equation(f"{inner.result.d} = <dout>", f"{inner.result.d.latex()} = <dout>")
                    self._da(inner.layer, inner.result.d, line, node.symbols, self.records[inner.layer].da)
                self._layer(inner, to_input or i > 0, differential="d" if i else name)
        for segment in self.segments.get(layer, []):
            if segment.trainable and segment.size:
                line = equations.parameter_equation(layer, segment.attribute, node.axes)
                symbol, gradient = node.symbols[f"d{segment.attribute}"], segment.view(self.model.grad)
                self.steps.add("backward", layer, symbol, line, node.symbols, gradient, whole=True)
        if to_input:
            if isinstance(layer, LayerNorm) and record.da is not None:
                self._da(layer, node.symbols["u"], equations.DZ_HAT, node.symbols, record.da * layer.gamma)
            symbol = replace(node.given, differential=differential)
            symbols = node.symbols | {"din": symbol}
            self._da(layer, symbol, equations.backward_equation(layer, node.axes), symbols, record.da_prev)

    def _da(self, layer: Layer, symbol: Symbol, line: Equation, symbols: Mapping[str, Any], da: Array | None) -> None:
        if da is not None:
            self.steps.add("backward", layer, symbol, line, symbols, da * np.asarray(self.M, da.dtype))
