"""The encoding of a table as operators of ONNX and ONNX-ML: one input for each column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.onnx.graph import ML_DOMAIN, OUTPUT, Graph
from nnlite.tables.cells import MISSING_TEXT, Missing
from nnlite.tables.encoders import Boolean, Category, Encoder, Numeric
from nnlite.tables.encoding import Encoding


class Block(NamedTuple):
    """Some of the numbers that a table becomes: the name of an array (M, k), and where its columns belong."""

    name: str
    places: list[int]


def column_types(encoding: Encoding) -> dict[str, Any]:
    """Return the type of the input of each column: float or str.

    Raises
    ------
    ArgumentError
        If a column holds dates, or has a name that no input can have.
    """
    for name in encoding.names:
        if name in ("", OUTPUT):
            raise ArgumentError(
                f"model: a column is called {name!r}, which no input of an ONNX file can be; train with another name"
            )
    return {encoder.name: _type_of(encoder) for encoder in encoding.columns}


def _type_of(encoder: Encoder) -> Any:
    if isinstance(encoder, (Numeric, Boolean)):  # a missing value is NaN, also of a boolean
        return float
    if isinstance(encoder, Category):
        return str
    raise ArgumentError(
        f"model: the column {encoder.name!r:.100} holds dates, which ONNX has no operators for; train without it: "
        f"nn.Table(data, target, ignore=[{encoder.name!r:.100}])"
    )


def add_table(graph: Graph, encoding: Encoding) -> str:
    """Add the inputs of a table and its encoding; return the name of the array (M, n) that a table becomes."""
    inputs = [graph.input(name, kind, (1,)) for name, kind in column_types(encoding).items()]
    starts = np.cumsum([0, *(len(encoder.feature_names) for encoder in encoding.columns)]).tolist()
    columns = list(zip(encoding.columns, inputs, starts, strict=False))
    marks = encoding.options.marks
    blocks = _numeric(graph, [c for c in columns if isinstance(c[0], Numeric)], marks)
    blocks += _boolean(graph, [c for c in columns if isinstance(c[0], Boolean)])
    blocks += [_category(graph, *column, marks) for column in columns if isinstance(column[0], Category)]
    joined = _joined(graph, [block.name for block in blocks])
    places = [place for block in blocks for place in block.places]
    if places != sorted(places):
        order = graph.constant("order", np.argsort(places).astype(np.int64))
        joined = graph.add("Gather", joined, order, axis=1)
    return graph.add("Cast", joined, to=graph.library.helper.np_dtype_to_tensor_dtype(graph.dtype))


def _numeric(graph: Graph, columns: Sequence[Any], marks: Missing) -> list[Block]:
    """``(x - center) / scale`` with ``fill`` for a missing x, all columns at once in float64, and the indicators."""
    if not columns:
        return []
    x = _joined(graph, [name for _, name, _ in columns])
    missing = graph.add("IsNaN", x)
    for mark in marks.numbers:
        missing = graph.add("Or", missing, graph.add("Equal", x, graph.number(mark, np.float64)))
    parts = {
        part: graph.constant(part, np.array([getattr(encoder, part) for encoder, *_ in columns], np.float64))
        for part in ("fill", "center", "scale")
    }
    filled = graph.add("Where", missing, parts["fill"], x)
    scaled = graph.add("Div", graph.add("Sub", filled, parts["center"]), parts["scale"])
    return [Block(scaled, [start for *_, start in columns]), *_indicators(graph, columns, missing)]


def _boolean(graph: Graph, columns: Sequence[Any]) -> list[Block]:
    """1 for yes, -1 for no, 0 for a missing value, and the indicators."""
    if not columns:
        return []
    x = _joined(graph, [name for _, name, _ in columns])
    missing = graph.add("IsNaN", x)
    one, two, zero = (graph.number(value, np.float64) for value in (1.0, 2.0, 0.0))
    truth = graph.add("Where", missing, zero, graph.add("Sub", graph.add("Mul", x, two), one))
    return [Block(truth, [start for *_, start in columns]), *_indicators(graph, columns, missing)]


def _indicators(graph: Graph, columns: Sequence[Any], missing: str) -> list[Block]:
    """Return which values are missing, as numbers, for the columns where the network wants to know."""
    which = [i for i, (encoder, *_) in enumerate(columns) if encoder.indicator]
    if not which:
        return []
    numbers = graph.add("Cast", missing, to=graph.library.TensorProto.DOUBLE)
    if len(which) < len(columns):
        numbers = graph.add("Gather", numbers, graph.constant("columns", np.array(which, np.int64)), axis=1)
    return [Block(numbers, [columns[i][2] + 1 for i in which])]


def _category(graph: Graph, encoder: Any, name: str, start: int, marks: Missing) -> Block:
    """A row of a constant table for each category, one for unknown ones and one for a missing value."""
    rows, labels = category_rows(encoder, marks)
    place = graph.add(
        "LabelEncoder",
        name,
        domain=ML_DOMAIN,
        keys_strings=list(labels),
        values_int64s=list(labels.values()),
        default_int64=len(rows) - 2,
    )
    numbers = graph.add("Gather", graph.constant("categories", rows), place, axis=0)  # (M, 1, k)
    return Block(graph.add("Flatten", numbers, axis=1), [start + i for i in range(rows.shape[1])])


def category_rows(encoder: Category, marks: Missing) -> tuple[Array, dict[str, int]]:
    """Return the numbers of each category, of an unknown one and of a missing value; and the row of each text."""
    n = len(encoder.categories)
    width = n + encoder.has_other
    unknown = np.eye(width)[n] if encoder.has_other else np.array(encoder.shares)
    missing = np.zeros(width) if encoder.indicator else unknown
    rows = np.vstack([np.eye(n, width), unknown, missing])
    if encoder.indicator:
        rows = np.column_stack([rows, np.eye(n + 2)[n + 1]])
    labels = {"": n + 1} | dict.fromkeys(_spellings(marks), n + 1)
    labels |= {label: k for k, label in enumerate(encoder.categories)}
    return rows, labels


def _spellings(marks: Missing) -> list[str]:
    """Return texts that stand for a missing value, in the usual spellings: any case is allowed in a table."""
    usual = {spelled for mark in MISSING_TEXT for spelled in (mark, mark.upper(), mark.title())} | {"NaN"}
    return sorted({mark for mark in marks.own if mark} | (usual if marks.has_usual else set()))


def _joined(graph: Graph, names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else graph.add("Concat", *names, axis=1)
