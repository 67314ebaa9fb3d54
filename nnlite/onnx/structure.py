"""Take a program apart into layers.

A value through which every path from the input to the output leads is a cut. Between two cuts lies one layer, or
several operators that are one layer together; which cuts belong together is found by trying. A Residual is an addition
whose other side is a chain from the same cut.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from nnlite import layers
from nnlite.checks import Array
from nnlite.errors import ModelFileError
from nnlite.onnx.evaluation import OPERATORS, Call, evaluate
from nnlite.onnx.items import Item, dense
from nnlite.onnx.layout import OfImages, Transposed
from nnlite.onnx.parsing import MOST_NUMBERS, Node, Program
from nnlite.onnx.recognition import recognized
from nnlite.onnx.windows import kernel_of, pads_of

MOST_TOGETHER = 128  # operators that are one layer together
MOST_CUTS = 16  # that lie inside of one layer
LARGEST_TOGETHER = 2**24  # numbers that they compute
LARGEST_AT_ONCE = 2**25  # numbers in memory, besides the constants and as many again
DEEPEST = 32  # Residuals inside Residuals
OF_IMAGES = ("Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "Pad", "Transpose")
STRUCTURAL = ("MatMul", "Gemm", "BatchNormalization", *OF_IMAGES)


class Structure:
    """The layers of a program.

    Parameters
    ----------
    program : Program
    rows : int
        How many rows are sent through it.
    shape : tuple of int
        Of one example of the input.

    Raises
    ------
    ModelFileError
        If an operator is unknown; the message names the first.
    """

    def __init__(self, program: Program, rows: int, shape: tuple[int, ...], output: str) -> None:
        self.program, self.rows = program, rows
        self.nodes = _needed(program.nodes, output)
        self.producers = {name: i for i, node in enumerate(self.nodes) for name in node.outputs}
        for node in self.nodes:
            if node.operator not in OPERATORS:
                raise ModelFileError(f"has the operator {node}, for which nnlite has no layer")
        self.known: dict[str, Array] = dict(program.constants)  # constants, and what follows from shapes
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._run_once(shape)
        self.output = output

    def _run_once(self, shape: tuple[int, ...]) -> None:
        """Compute everything once: note all shapes, and the values that depend on shapes alone."""
        data = {self.program.input: np.random.default_rng(1).normal(0, 1, (self.rows, *shape))}
        most = LARGEST_AT_ONCE + 2 * sum(array.size for array in self.known.values())
        computed = 0  # numbers that follow from constants
        self.shapes[self.program.input] = (self.rows, *shape)
        last_use = {name: i for i, node in enumerate(self.nodes) for name in node.inputs}
        for i, node in enumerate(self.nodes):
            values = self._values(node, data)
            result = self._evaluated(node, values)
            name = node.outputs[0]
            if node.operator == "Shape" or all(not given or given in self.known for given in node.inputs):
                self.known[name] = result
                computed += result.size if result.base is None else 0
            else:
                data[name], self.shapes[name] = result, result.shape
                if result.size > self.rows * MOST_NUMBERS:
                    raise ModelFileError(f"{node} computes {result.size // self.rows} numbers for one example")
            for given in node.inputs:
                if last_use.get(given) == i:
                    data.pop(given, None)
            if computed + sum(array.size for array in data.values()) > most:
                raise ModelFileError(f"{node} computes more numbers than nnlite keeps")

    def _values(self, node: Node, data: Mapping[str, Array]) -> list[Array | None]:
        """Return the values of the inputs of a node; None for one that is left out."""
        for name in node.inputs:
            if name and name not in data and name not in self.known:
                raise ModelFileError(f"{node} takes a second output of an operator, which nnlite does not have")
        return [None if not name else data[name] if name in data else self.known[name] for name in node.inputs]

    def _evaluated(self, node: Node, values: Sequence[Array | None]) -> Array:
        try:
            return evaluate(node, values, self.program.opset)
        except (ModelFileError, MemoryError):
            raise
        except Exception as error:
            reason = " ".join(str(error).split())
            raise ModelFileError(f"{node} cannot be computed: {reason:.200}") from error

    # ---- chains ----------------------------------------------------------------------------------------------------

    def items(self) -> list[Item]:
        """Return the layers from the input to the output; ModelFileError if nnlite has none for some operators."""
        if self.output == self.program.input:
            return []
        if self.output not in self.shapes:
            raise ModelFileError("its output does not depend on its input")
        return self._chain(self.program.input, self.output, 0)

    def _chain(self, start: str, end: str, depth: int) -> list[Item]:
        """Return the layers from one value to another."""
        if depth > DEEPEST:
            raise ModelFileError(f"has additions nested more than {DEEPEST} deep")
        between = self._between(start, end)
        cuts = _cuts(self.nodes, between, start, set(self.known))
        furthest, problem = -1, ""
        tried: list[tuple[int, Item]] = []  # the cut where a layer begins, and the layer
        at, to, dead = 0, 1, set[int]()
        while at < len(cuts) - 1:
            found = None
            while found is None and to < len(cuts) and to - at <= MOST_CUTS:
                if to not in dead:
                    nodes = [i for i in between if cuts[at][0] < i <= cuts[to][0]]
                    try:
                        found = self._segment([self.nodes[i] for i in nodes], cuts[at][1], cuts[to][1], depth)
                    except ModelFileError as error:
                        if at > furthest:
                            furthest, problem = at, str(error)
                to += found is None
            if found is not None:
                tried.append((at, found))
                at, to = to, to + 1
                continue
            if at > furthest or (at == furthest and not problem):
                furthest, problem = at, self._problem(between, cuts, at)
            dead.add(at)
            if not tried or at < furthest - 2 * MOST_CUTS:
                raise ModelFileError(problem)
            back, _ = tried.pop()
            at, to = back, at + 1
        return [item for _, item in tried]

    def _problem(self, between: Sequence[int], cuts: Sequence[tuple[int, str]], at: int) -> str:
        """Say which operators no layer computes: those up to the next cut."""
        nodes = [self.nodes[i] for i in between if cuts[at][0] < i <= cuts[at + 1][0]]
        others = f", together with {', '.join(node.operator for node in nodes[1:9])}" if len(nodes) > 1 else ""
        return f"has the operator {nodes[0]}{others}, for which nnlite has no layer"

    def _between(self, start: str, end: str) -> list[int]:
        """Return the nodes on which the value ``end`` depends, up to the value ``start``, in order."""
        found, waiting = set[int](), [end]
        while waiting:
            name = waiting.pop()
            if name == start or name in self.known or not name:
                continue
            i = self.producers.get(name)
            if i is None:
                raise ModelFileError("has an addition of values that do not come from the same layer")
            if i not in found:
                found.add(i)
                waiting.extend(self.nodes[i].inputs)
        return sorted(found)

    # ---- one layer -------------------------------------------------------------------------------------------------

    def _segment(self, nodes: Sequence[Node], start: str, end: str, depth: int) -> Item | None:
        """Return the layer that these operators compute together; None if there is none."""
        if len(nodes) == 1 and nodes[0].operator in STRUCTURAL:
            return self._structural(nodes[0], start)
        if len(nodes) == 1 and nodes[0].operator == "ReduceMean" and len(self.shapes[start]) > 2:
            return self._structural(nodes[0], start)
        shape = self.shapes[start][1:]
        numbers = sum(math.prod(self.shapes.get(node.outputs[0], ())) for node in nodes)
        small = len(nodes) == 1 or (len(nodes) <= MOST_TOGETHER and numbers <= LARGEST_TOGETHER)
        if small and self.shapes[start][0] == self.rows and not any(node.operator in STRUCTURAL for node in nodes):
            try:
                found = recognized(lambda rows: self._computed(nodes, start, end, rows), self.rows, shape)
            except (ValueError, TypeError, IndexError, ArithmeticError):
                found = None
            if found is not None:
                return found
        return self._residual(nodes[-1], start, depth)

    def _computed(self, nodes: Sequence[Node], start: str, end: str, rows: Array) -> Array:
        """Return the value ``end`` that follows from rows in place of the value ``start``."""
        values: dict[str, Array] = {start: rows}
        for node in nodes:
            values[node.outputs[0]] = evaluate(node, self._values(node, values), self.program.opset)
        return values[end]

    def _structural(self, node: Node, start: str) -> Item | None:
        """Return the layer of one operator: Dense, BatchNorm, or one of images."""
        call = Call(node, [self.known.get(name) for name in node.inputs], self.program.opset)
        if node.inputs[0] != start or start in node.inputs[1:]:
            return None
        shape = self.shapes[start][1:]
        if node.operator in (*OF_IMAGES, "ReduceMean"):
            return _of_images(Call(node, [np.empty(self.shapes[start]), *call.values[1:]], self.program.opset))
        if node.operator == "BatchNormalization":
            gamma, beta, mean, variance = (_broadcast(call[i], shape) for i in range(1, 5))
            epsilon = call.number("epsilon", 1e-5)
            arrays = {"gamma": gamma, "beta": beta, "running_mean": mean, "running_variance": variance}
            return Item(lambda: layers.BatchNorm(epsilon=epsilon), arrays | {"running_weight": np.ones(shape)})
        W = call[1].T if call.attribute("transB", 0) else call[1]
        if len(shape) != 1 or W.ndim != 2 or W.shape[0] != shape[0] or call.attribute("transA", 0):
            return None
        b = call.get(2)
        b = np.zeros(W.shape[1]) if b is None else np.broadcast_to(call.number("beta", 1.0) * b, (1, W.shape[1]))[0]
        return dense(W * call.number("alpha", 1.0) if call.number("alpha", 1.0) != 1 else W, b)

    def _residual(self, last: Node, start: str, depth: int) -> Item | None:
        """Return a Residual if the last operator adds the value ``start``, or a projection of it, to a chain."""
        if last.operator not in ("Add", "Sum") or len(last.inputs) != 2:
            return None
        if start not in last.inputs:
            return self._projection(last, start, depth)
        if last.inputs.count(start) != 1:
            return None
        other = last.inputs[1 - last.inputs.index(start)]
        if other in self.known or self.shapes.get(other) != self.shapes[start]:
            return None
        return Item(None, {}, tuple(self._chain(start, other, depth + 1)))

    def _projection(self, last: Node, start: str, depth: int) -> Item | None:
        """Return a Residual whose shortcut is the shorter of two chains from the value ``start``."""
        one, other = last.inputs
        if one == other or one in self.known or other in self.known:
            return None
        if self.shapes.get(one) != self.shapes.get(other):
            return None
        if not set(self._between(start, one)).isdisjoint(self._between(start, other)):  # layers that both would have
            return None
        chains = sorted((tuple(self._chain(start, end, depth + 1)) for end in (one, other)), key=len)
        return Item(None, {}, inner=chains[1], shortcut=chains[0])


def _of_images(call: Call) -> Item | None:
    """Return the operator on images as an item; its first value has the shape of the image, and no numbers."""
    operator, ndim = call.node.operator, call[0].ndim
    if operator in ("Transpose", "ReduceMean"):
        return _along_axes(call)
    if operator == "Pad":
        return OfImages(None, operator=operator, pads=pads_of(call)[1:])
    if operator == "GlobalAveragePool":
        return OfImages(None, operator=operator, axes=tuple(range(1, ndim - 1)))
    size = call[0].shape[2:]
    if operator == "Conv":
        W, b = call[1], call.get(2)
        arrays = {"W": W, "b": np.zeros(W.shape[0]) if b is None else b}
        groups = call.attribute("group", 1)
        return OfImages(None, arrays, operator=operator, kernel=kernel_of(call, size, W.shape[2:]), groups=groups)
    kernel = kernel_of(call, size, tuple(call.attribute("kernel_shape", ())))
    counts = operator == "MaxPool" or bool(call.attribute("count_include_pad", 0))
    return OfImages(None, operator=operator, kernel=kernel, padding_counts=counts)


def _along_axes(call: Call) -> Item | None:
    """Return a Transpose or a ReduceMean that leaves the batch as it is."""
    ndim = call[0].ndim
    if call.node.operator == "Transpose":
        axes = [axis % ndim for axis in call.attribute("perm") or [*range(ndim)][::-1]]
        return Transposed(None, axes=tuple(axis - 1 for axis in axes[1:])) if axes[0] == 0 else None
    given = call.axes(1, ndim) or ()
    if 0 in given or not given:
        return None
    keeps = bool(call.attribute("keepdims", 1))
    return OfImages(None, operator="Mean", axes=tuple(axis - 1 for axis in given), keeps_axes=keeps)


def _needed(nodes: Sequence[Node], output: str) -> list[Node]:
    """Return the nodes on which the output depends, in order."""
    wanted, needed = {output}, []
    for node in reversed(nodes):
        if wanted & set(node.outputs):
            needed.append(node)
            wanted.update(node.inputs)
    return needed[::-1]


def _cuts(nodes: Sequence[Node], between: Sequence[int], start: str, known: set[str]) -> list[tuple[int, str]]:
    """Return the values through which every path leads, each with the index of its node, the start first."""
    last_use = {name: i for i in between for name in nodes[i].inputs if name not in known}
    cuts = [(-1, start)]
    alive = {start}
    for i in between:
        alive -= {name for name in nodes[i].inputs if last_use.get(name) == i}
        result = nodes[i].outputs[0]
        if not alive:
            cuts.append((i, result))
        alive.add(result)
    return cuts


def _broadcast(values: Array, shape: tuple[int, ...]) -> Array:
    """Return one number for each channel as an array of the shape of an example."""
    return np.broadcast_to(values.reshape(-1, *[1] * (len(shape) - 1)), shape)
