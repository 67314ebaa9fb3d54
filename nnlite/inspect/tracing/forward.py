"""The forward pass of a trace: a symbol for each array, and an equation for each layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.inspect.records import Records
from nnlite.inspect.tracing import equations
from nnlite.inspect.tracing.notation import Equation, Symbol, same
from nnlite.inspect.tracing.steps import Steps
from nnlite.inspect.twins import segments_by_layer
from nnlite.layers import Activation, BatchNorm, Layer, LayerNorm, Residual
from nnlite.network.network import Network


@dataclass
class Node:
    """A layer with the symbols of its equations, and the nodes of its inner layers.

    Attributes
    ----------
    layer : Layer
    given, result : Symbol
        Its input and output.
    symbols : dict
        What the placeholders in its equations stand for: symbols and hyperparameters.
    inner : list of Node
        Of the chain F inside a Residual layer.
    shortcut : list of Node
        Of the chain S around it.
    axes : int
        Number of axes of an example.
    """

    layer: Layer
    given: Symbol
    result: Symbol
    symbols: dict[str, Any]
    inner: list[Node]
    shortcut: list[Node]
    axes: int


class ForwardWriter:
    """Writes the steps of a forward pass from what its layers got and returned."""

    def __init__(self, model: Network, records: Records, steps: Steps) -> None:
        self.model = model
        self.records = records
        self.steps = steps
        self.segments = segments_by_layer(model)
        self._used: set[Symbol] = set()

    def write(self, X: Array) -> list[Node]:
        """Write ``a[0] = X`` and the steps of all layers; return a node for each layer of the chain."""
        symbol = Symbol("a", "0")
        self._used.add(symbol)
        self.steps.add("forward", None, symbol, same("<out> = X"), {"out": symbol}, X)
        return self._chain(self.model.layers, symbol)

    def _chain(self, layers: tuple[Layer, ...], given: Symbol) -> list[Node]:
        nodes = []
        for layer in layers:
            nodes.append(self._layer(layer, given))
            given = nodes[-1].result
        return nodes

    def _layer(self, layer: Layer, given: Symbol) -> Node:
        parameters = self._parameters(layer)
        symbols: dict[str, Any] = {name: value for name, value in vars(layer).items() if isinstance(value, float)}
        symbols |= {**parameters, **{f"d{attribute}": symbol.d for attribute, symbol in parameters.items()}}
        symbols |= {"in": given, "din": given.d}
        inner: list[Node] = []
        shortcut: list[Node] = []
        kind = equations.owner(layer, "forward")
        if isinstance(layer, Residual) and kind is Residual:
            inner, shortcut = self._chain(layer.layers, given), self._chain(layer.shortcut or (), given)
            symbols |= {"F": inner[-1].result, "dF": replace(given, differential="d_F")}
            if shortcut:
                symbols |= {"S": shortcut[-1].result, "dS": replace(given, differential="d_S")}
        elif kind in (BatchNorm, LayerNorm):
            self._normalization(layer, symbols)
        result = self._result(layer, inner[-1].result if inner else given, parameters)
        symbols |= {"out": result, "dout": result.d}
        equation = equations.forward_equation(layer, parameters)
        if layer is self.model.output:
            equation = Equation(f"y_hat = {equation.text}", rf"\hat{{y}} = {equation.latex}")
        a_prev, a = self.records[layer].a_prev, self.records[layer].a
        assert a_prev is not None
        self.steps.add("forward", layer, result, equation, symbols, a, note=equations.note(layer))
        return Node(layer, given, result, symbols, inner, shortcut, a_prev.ndim - 1)

    def _parameters(self, layer: Layer) -> dict[str, Symbol]:
        """Write the parameters of a layer; return their symbols by attribute."""
        found = {}
        for segment in self.segments.get(layer, []):
            symbol = Symbol(segment.attribute, segment.name.removeprefix(segment.attribute))
            found[segment.attribute] = symbol
            if segment.size:
                theta = segment.view(self.model.theta)
                self.steps.add("forward", layer, symbol, same("<out>"), {"out": symbol}, theta, whole=True)
        return found

    def _result(self, layer: Layer, given: Symbol, parameters: dict[str, Symbol]) -> Symbol:
        """Return a new symbol: z[l] behind weights W[l], a[l] behind an activation, else the input with a prime."""
        letter, number = given.letter, given.number
        if "W" in parameters:
            letter, number = "z", parameters["W"].number
        elif isinstance(layer, Activation):
            letter = "a"
        primes = 0
        while (symbol := Symbol(letter, number, primes)) in self._used:
            primes += 1
        self._used.add(symbol)
        return symbol

    def _normalization(self, layer: Layer, symbols: dict[str, Any]) -> None:
        """Write mu, sigma^2 and z_hat of BatchNorm or LayerNorm, computed from its input."""
        number = symbols["gamma"].number
        symbols |= {name: Symbol(name, number) for name in ("mu", "sigma", "z_hat", "u")}
        z = self.records[layer].a_prev
        assert z is not None
        if isinstance(layer, LayerNorm):
            units = tuple(range(1, z.ndim))
            mu, variance = z.mean(axis=units, keepdims=True), z.var(axis=units, keepdims=True)
            lines = equations.MU_OF_EXAMPLE, equations.VARIANCE_OF_EXAMPLE
        elif layer.trainable:
            examples = tuple(range(z.ndim - 1))
            mu, variance = z.mean(axis=examples), z.var(axis=examples)
            lines = equations.MU_OF_BATCH, equations.VARIANCE_OF_BATCH
            if z.ndim > 2:
                lines = equations.MU_OF_CHANNEL, equations.VARIANCE_OF_CHANNEL
        else:
            assert isinstance(layer, BatchNorm)
            mu, variance = layer.running_mean, layer.running_variance
            lines = equations.MU_KEPT, equations.VARIANCE_KEPT
        z_hat = (z - mu) / np.sqrt(variance + symbols["epsilon"])
        whole = not isinstance(layer, LayerNorm)
        self.steps.add("forward", layer, symbols["mu"], lines[0], symbols, mu, whole=whole)
        self.steps.add("forward", layer, f"{symbols['sigma']}^2", lines[1], symbols, variance, whole=whole)
        self.steps.add("forward", layer, symbols["z_hat"], equations.NORMALIZED, symbols, z_hat)
