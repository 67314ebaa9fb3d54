"""One step of a network written out: every equation of the forward and backward pass, with its numbers."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.inspect import equations
from nnlite.inspect.equations import Equation, Symbol, written
from nnlite.inspect.story import Outcome, check_class_names, tell
from nnlite.inspect.walk import (
    MOST_EXAMPLES,
    Walk,
    check_batch,
    first_that_learns,
    places,
    recording,
    segments_of,
    target_rows,
)
from nnlite.layers import Activation, BatchNorm, Layer, LayerNorm, Output, Residual
from nnlite.model import Model
from nnlite.optimizers import SGD, Optimizer


@dataclass(frozen=True)
class Step:
    """One line of a `Trace`.

    Attributes
    ----------
    part : {"forward", "cost", "backward", "update"}
    layer : str
        The layer that it belongs to: "layers[0] Dense(3)"; "" for those that belong to none.
    name : str
        What it computes: "z[1]", "a[1]", "L", "J", "dz[2]", "dW[1]", ...; in the update "W[1] after".
    equation, latex : str
        How, as text and as LaTeX.
    values : ndarray
        The numbers; of a single example its row of them.
    note : str
        What one should know to read it.
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
        """``min``, ``mean``, ``max`` and ``zeros``, the share of numbers that are exactly 0."""
        if self.values.size == 0:
            return dict.fromkeys(("min", "mean", "max", "zeros"), math.nan)
        with np.errstate(all="ignore"):  # a network may have run into infinity, which is what one wants to see
            return {
                "min": float(self.values.min()),
                "mean": float(self.values.mean(dtype=np.float64)),
                "max": float(self.values.max()),
                "zeros": float(np.mean(self.values == 0)),
            }


@dataclass(frozen=True, repr=False, eq=False)
class Trace:
    """What `trace` returns: the steps of one forward pass, backward pass and update.

    ``print(trace)`` is a table, a notebook shows it with typeset equations, `to_latex` gives it for a paper, and
    ``trace["z[1]"]`` are the numbers of a step.

    Attributes
    ----------
    title : str
        The network.
    M : int
        Number of examples.
    dtype : str
        What the network computes in.
    steps : tuple of Step
        In the order in which they are computed.
    J, J_after : float
        The cost of the batch, and that after the step (on the same batch, with the same random draws).
    optimizer : str
        Whose step it is.
    example : int or None
        Which of the examples the trace is about; None: all of them.
    story : str or None
        What happened to that example, in words.
    max_numbers : int
        Larger arrays are shown by their statistics alone.
    """

    title: str
    M: int
    dtype: str
    steps: tuple[Step, ...]
    J: float
    J_after: float
    optimizer: str
    example: int | None
    story: str | None
    max_numbers: int

    def __getitem__(self, name: str) -> Array:
        """The numbers of the step with that name."""
        for step in self.steps:
            if step.name == name:
                return step.values
        raise KeyError(f"{name!r} is no step of this trace; there are {', '.join(step.name for step in self.steps)}")

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __str__(self) -> str:
        from nnlite.inspect.rendering import as_text

        return as_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from nnlite.inspect.rendering import as_html

        return as_html(self)

    def to_latex(self) -> str:
        """Return a fragment of a LaTeX document, which needs the package amsmath.

        Returns
        -------
        str
        """
        from nnlite.inspect.rendering import as_latex

        return as_latex(self)


def trace(
    model: Model,
    X: Any = None,
    y: Any = None,
    *,
    example: int | None = None,
    optimizer: Optimizer | None = None,
    class_names: Sequence[Any] | None = None,
    max_numbers: int = 40,
) -> Trace:
    r"""Write out one training step, from a[0] = X to J, from ``dz[L] = y_hat - y`` to dW[1], and the update.

    Every layer has its equation in the course's notation, with shapes, statistics and, where there are few, the
    numbers themselves, as a training step on this batch would compute them now: with dropout, with the statistics of
    the batch, and with the random numbers that would be drawn next.

    Parameters
    ----------
    model : Model
        Stays as it is in everything. Of one that does not know its input size yet, the trace is that of its first
        step.
    X : array_like, (M, n[0])
        At most 1,024 examples; a trace of a handful shows numbers.
    y : array_like, (M,) or (M, n[L])
        The truth in any form that the output layer takes.
    example : int, optional
        Index of one example in X, whose story is told: a, z, da and dz are its rows (the other examples still count
        in dW, in db and in the statistics of a batch).
    optimizer : Optimizer, default SGD(0.1)
        Whose step the update is. It stays as it is; what it remembers of the model counts.
    class_names : sequence, optional
        Names for the story: of the C classes, of both classes of a single Sigmoid unit, or of the outputs.
    max_numbers : int, default 40
        Arrays of at most so many numbers are shown in full.

    Returns
    -------
    Trace

    Raises
    ------
    ArgumentError
        If X and y are missing, too many or not what the network takes, or ``example`` is out of range.

    Notes
    -----
    As in the course, dz and da belong to the loss L of each example, and dW and db to J, the mean of the M losses:
    hence ``1/M`` in ``dW = 1/M a^T dz``. (The code divides once, at dz[L].)

    The l-th layer with weights W[l] gives z[l], an activation behind it a[l]. Where further layers stand in between,
    primes tell their results apart: z[1], normalized z'[1].

    Examples
    --------
    The course's example: a cat, of which the network is 20 % certain.

    >>> import numpy as np
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Softmax()], n_features=4)
    >>> print(trace(model, np.log([[0.3, 0.2, 0.1, 0.4]]), [1], example=0,
    ...             class_names=["dog", "cat", "chick", "other"]).story)
    Example 0 is a cat. The network is 20 % certain that it is a cat; L = -log 0.2 = 1.61. It would rather say other
    (40 %).
    """
    X, y, twin = check_batch(model, X, y, "a trace", MOST_EXAMPLES)
    example = _check_example(example, len(X))
    max_numbers = checks.integer("max_numbers", max_numbers, minimum=0)
    if optimizer is None:
        optimizer = SGD(0.1)
    elif not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"optimizer: expected an Optimizer such as nn.SGD(0.1), got {optimizer!r}")
    targets = target_rows(twin, y)
    given = model.class_names if class_names is None else class_names
    names = check_class_names(given, twin.output, targets.shape[1])
    writer = _Writer(twin, len(X), example)
    with np.errstate(all="ignore"):  # where a network runs into infinity, one wants to see where
        before = writer.pass_through(X.astype(twin.dtype), targets)
        after = writer.update(X.astype(twin.dtype), targets, _carried_over(optimizer, model, twin))
    story = None
    if example is not None:
        outcomes = [Outcome(Y_hat[example], float(L[example])) for Y_hat, L in (before, after)]
        learned = f"one step of {optimizer!r}" + (f" on these {len(X)} examples" if len(X) > 1 else "")
        story = tell(twin.output, example, targets[example], outcomes, names, learned if writer.learns else "")
    return Trace(
        title=repr(model),
        M=len(X),
        dtype=str(twin.dtype),
        steps=tuple(writer.steps),
        J=float(before[1].mean()),
        J_after=float(after[1].mean()),
        optimizer=repr(optimizer),
        example=example,
        story=story,
        max_numbers=max_numbers,
    )


def _check_example(example: Any, M: int) -> int | None:
    if example is None:
        return None
    index = checks.integer("example", example, minimum=-M)
    if index >= M:
        raise ArgumentError(f"example: expected the index of one of {M} examples (0..{M - 1}), got {index}")
    return index % M


def _carried_over(optimizer: Optimizer, model: Model, twin: Model) -> Optimizer:
    """A copy of the optimizer that remembers of the twin what the original remembers of the model."""
    copied = copy.deepcopy(optimizer)  # remembers nothing
    remembered = optimizer._states.get(model)
    if remembered is not None:
        kept = {name: value for name, value in vars(remembered).items() if name not in ("_blocks", "_cut")}
        vars(copied.state(twin)).update(copy.deepcopy(kept))
    return copied


@dataclass
class _Node:
    """A layer, its symbols, and the nodes inside it."""

    layer: Layer
    given: Symbol
    result: Symbol
    symbols: dict[str, Any]
    inner: list[_Node]


class _Writer:
    """Sends a batch through a network and writes down the steps."""

    def __init__(self, model: Model, M: int, example: int | None) -> None:
        self.model = model
        self.M = M
        self.example = example
        self.steps: list[Step] = []
        self.segments = segments_of(model)
        self.places = places(model.layers)
        self.first = first_that_learns(model)
        self.learns = self.first < len(model.layers)
        self.nodes: list[_Node] = []
        self._used: set[Symbol] = set()
        self._before = model.rng.bit_generator.state
        self._state = model.state.copy()

    # ---- the passes ------------------------------------------------------------------------------------------

    def pass_through(self, X: Array, targets: Array) -> tuple[Array, Array]:
        """Forward, cost and backward; return Y_hat (M, n[L]) and the losses (M,)."""
        walk = Walk(self.model, training=True, first=self.first)
        with recording(self.model.all_layers()) as self.records:
            Y_hat = walk.forward(X).copy()
            Y = self.model.output.smoothed(targets, walk.caches[-1]).copy()
            losses = walk.losses(Y).copy()
            dz = self.model.output.start_backward(Y, walk.caches[-1]).copy()
            self.model.grad[...] = 0
            walk.backward(Y, self.M)
        self._write_forward(X)
        self._write_cost(Y, losses)
        self._write_backward(dz)
        return Y_hat, losses

    def update(self, X: Array, targets: Array, optimizer: Optimizer) -> tuple[Array, Array]:
        """One step of the optimizer; return Y_hat and the losses after it, with the same random draws."""
        if self.learns:
            before = {name: theta.copy() for name, theta in self.model.parameters.items()}
            optimizer.step(self.model)
            self._write_update(before, optimizer)
        self.model.rng.bit_generator.state = self._before
        self.model.state = self._state
        walk = Walk(self.model, training=True)
        Y_hat = walk.forward(X).copy()
        losses = walk.losses(self.model.output.smoothed(targets, walk.caches[-1])).copy()
        if self.learns:
            self._add("update", None, "J after", equations.COST_AFTER, {}, losses.mean(keepdims=True)[0], whole=True)
        return Y_hat, losses

    # ---- forward ---------------------------------------------------------------------------------------------

    def _write_forward(self, X: Array) -> None:
        symbol = Symbol("a", "0")
        self._used.add(symbol)
        self._add("forward", None, str(symbol), Equation("<out> = X", "<out> = X"), {"out": symbol}, X)
        for layer in self.model.layers:
            node = self._forward(layer, symbol)
            self.nodes.append(node)
            symbol = node.result

    def _forward(self, layer: Layer, given: Symbol) -> _Node:
        own = {
            segment.attribute: Symbol(segment.attribute, segment.name.removeprefix(segment.attribute))
            for segment in self.segments.get(layer, [])
        }
        symbols: dict[str, Any] = {name: value for name, value in vars(layer).items() if isinstance(value, float)}
        symbols |= {**own, **{f"d{attribute}": symbol.d for attribute, symbol in own.items()}}
        symbols |= {"in": given, "din": given.d}
        for attribute, symbol in own.items():
            if getattr(layer, attribute).size:
                equation = Equation("<out>", "<out>")
                self._add(
                    "forward", layer, str(symbol), equation, {"out": symbol}, getattr(layer, attribute), whole=True
                )
        inner: list[_Node] = []
        if equations.owner(layer, "forward") is Residual:
            inner = self._inside(layer, given)
            symbols |= {"F": inner[-1].result, "dF": replace(given, differential="d_F")}
        elif equations.owner(layer, "forward") in (BatchNorm, LayerNorm):
            self._write_normalization(layer, symbols)
        result = self._result(layer, inner[-1].result if inner else given, own)
        symbols |= {"out": result, "dout": result.d}
        equation = equations.forward_equation(layer, own)
        if layer is self.model.output:
            equation = Equation(f"y_hat = {equation.text}", rf"\hat{{y}} = {equation.latex}")
        self._add("forward", layer, str(result), equation, symbols, self.records[layer].a, note=equations.note(layer))
        return _Node(layer, given, result, symbols, inner)

    def _inside(self, layer: Layer, given: Symbol) -> list[_Node]:
        nodes = []
        for inner in layer.inner_layers:
            nodes.append(self._forward(inner, given))
            given = nodes[-1].result
        return nodes

    def _result(self, layer: Layer, given: Symbol, own: dict[str, Symbol]) -> Symbol:
        """A name for what the layer puts out: z[l] behind weights W[l], a[l] behind an activation."""
        letter, number = given.letter, given.number
        if "W" in own:
            letter, number = "z", own["W"].number
        elif isinstance(layer, Activation):
            letter = "a"
        primes = 0
        while (symbol := Symbol(letter, number, primes)) in self._used:
            primes += 1
        self._used.add(symbol)
        return symbol

    def _write_normalization(self, layer: Layer, symbols: dict[str, Any]) -> None:
        """mu, sigma^2 and z_hat, from what went into the layer."""
        number = symbols["gamma"].number
        symbols |= {name: Symbol(name, number) for name in ("mu", "sigma", "z_hat", "u")}
        z = self.records[layer].a_prev
        assert z is not None
        by_example = isinstance(layer, LayerNorm)
        axes = tuple(range(1, z.ndim)) if by_example else 0
        if isinstance(layer, BatchNorm) and not layer.trainable:
            mu, variance = layer.running_mean[None].copy(), layer.running_variance[None].copy()
            lines = equations.MU_KEPT, equations.VARIANCE_KEPT
        else:
            mu, variance = z.mean(axis=axes, keepdims=True), z.var(axis=axes, keepdims=True)
            lines = (
                (equations.MU_OF_EXAMPLE, equations.VARIANCE_OF_EXAMPLE)
                if by_example
                else (equations.MU_OF_BATCH, equations.VARIANCE_OF_BATCH)
            )
        z_hat = (z - mu) / np.sqrt(variance + symbols["epsilon"])
        for name, line, values in zip(("mu", "sigma"), lines, (mu, variance), strict=True):
            shown = values if by_example else values[0]
            square = "^2" if name == "sigma" else ""
            self._add("forward", layer, f"{symbols[name]}{square}", line, symbols, shown, whole=not by_example)
        self._add("forward", layer, str(symbols["z_hat"]), equations.NORMALIZED, symbols, z_hat)

    # ---- cost ------------------------------------------------------------------------------------------------

    def _write_cost(self, Y: Array, losses: Array) -> None:
        output = self.model.output
        epsilon = getattr(output, "label_smoothing", 0)
        note = f"with label smoothing {epsilon:g}" if epsilon else ""
        self._add("cost", None, "y", Equation("y", "y"), {}, Y, note=note)
        self._add("cost", None, "L", equations.loss_equation(output, Y.shape[1]), {}, losses)
        self._add("cost", None, "J", equations.COST, {}, losses.mean(keepdims=True)[0], whole=True)

    # ---- backward --------------------------------------------------------------------------------------------

    def _write_backward(self, dz: Array) -> None:
        output = self.nodes[-1]
        own = equations.owner(output.layer, "start_backward") is not Output
        line = equations.start_of(output.layer) if own else equations.START
        self._add("backward", output.layer, str(output.given.d), line, output.symbols, dz)
        for i in range(len(self.nodes) - 2, self.first - 1, -1):
            self._backward(self.nodes[i], asked=i > self.first)

    def _backward(self, node: _Node, asked: bool, differential: str = "d") -> None:
        """Gradients of the parameters, then that of what went in, as far as it is asked for."""
        layer, record = node.layer, self.records[node.layer]
        for i, inner in reversed(list(enumerate(node.inner))):
            if i == len(node.inner) - 1:
                line = Equation(f"{inner.result.d} = <dout>", f"{inner.result.d.latex()} = <dout>")
                self._add_da(inner.layer, inner.result.d, line, node.symbols, self.records[inner.layer].da)
            self._backward(inner, asked or i > 0, differential="d" if i else "d_F")
        for segment in self.segments.get(layer, []) if layer.trainable else []:
            symbol = node.symbols[f"d{segment.attribute}"]
            line = equations.parameter_equation(layer, segment.attribute)
            values = segment.view(self.model.grad)
            if values.size:
                self._add("backward", layer, str(symbol), line, node.symbols, values, whole=True)
        if asked:
            if isinstance(layer, LayerNorm) and record.da is not None:
                self._add_da(layer, node.symbols["u"], equations.DZ_HAT, node.symbols, record.da * layer.gamma)
            symbol = replace(node.given, differential=differential)
            symbols = node.symbols | {"din": symbol}
            self._add_da(layer, symbol, equations.backward_equation(layer), symbols, record.da_prev)

    def _add_da(self, layer: Layer, symbol: Symbol, line: Equation, symbols: dict[str, Any], da: Array | None) -> None:
        if da is not None:  # as the passes have it, it belongs to J; times M to the loss of each example
            self._add("backward", layer, str(symbol), line, symbols, da * np.asarray(self.M, da.dtype))

    # ---- update ----------------------------------------------------------------------------------------------

    def _write_update(self, before: dict[str, Array], optimizer: Optimizer) -> None:
        rate = optimizer.state(self.model).learning_rate
        for layer, segments in self.segments.items():
            for segment in segments if layer.trainable else []:
                if not math.prod(segment.shape):
                    continue
                symbol = Symbol(segment.attribute, segment.name.removeprefix(segment.attribute))
                symbols = {"theta": symbol, "dtheta": symbol.d, "rate": rate}
                line = equations.update_of(optimizer)
                after = segment.view(self.model.theta)
                norm = float(np.linalg.norm(before[segment.name]))
                change = float(np.linalg.norm(after - before[segment.name]))
                note = f"|change| / |{symbol}| = {change / norm:.2g}" if norm else f"|change| = {change:.2g}"
                self._add("update", layer, f"{symbol} after", line, symbols, after, whole=True, note=note)

    # ---- lines -----------------------------------------------------------------------------------------------

    def _add(
        self,
        part: str,
        layer: Layer | None,
        name: str,
        equation: Equation,
        symbols: dict[str, Any],
        values: Any,
        *,
        whole: bool = False,
        note: str = "",
    ) -> None:
        """Write down a step; ``whole`` where the numbers do not belong to single examples."""
        if values is None:
            return
        values = np.array(values)
        if self.example is not None and not whole:
            values = values[self.example]
        text, latex = written(equation, symbols)
        place = f"{self.places[layer]} {layer!r}" if isinstance(layer, Layer) else ""
        self.steps.append(Step(part, place, name, text, latex, values, note))
