"""A table of the layers of a network, as text and as HTML."""

from collections.abc import Sequence
from typing import NamedTuple

from nnlite import markup
from nnlite.engine import support
from nnlite.layers import chain
from nnlite.layers.base import Shape
from nnlite.network.network import Network

MOST_NAMES = 10


class Row(NamedTuple):
    """A layer, what it gives, and its number of parameters."""

    layer: str
    output: str
    parameters: str = ""


def layer_rows(network: Network) -> list[Row]:
    """Return name, output shape and number of parameters of X and of each layer, as text."""
    shapes = network.require_built("summary")
    rows = [Row("X", _show(shapes[0]))]
    for layer, shape in zip(network.layers, shapes[1:], strict=True):
        inside = set(chain.flattened([layer]))
        count = sum(segment.size for segment in network.segments if segment.layer in inside)
        rows.append(Row(repr(layer), _show(shape), f"{count:,}" if count else ""))
    return rows


def summary(network: Network) -> str:
    """Return the table: each layer, its output shape, and its number of parameters; then what the network knows."""
    network.require_built("summary")
    total = Row("total", str(network.dtype), f"{network.n_parameters:,}")
    rows = [Row("layer", "output", "parameters"), *layer_rows(network), total]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in rows]
    rule = "-" * (sum(widths) + 4)
    known = [f"{name:<{widths[0]}}  {text}" for name, text in _known(network).items()]
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], *known])


def as_html(network: Network) -> str:
    """Return the table as HTML, with what else the network knows. It need not be built."""
    layers = layer_rows(network) if network.built else [Row(repr(layer), "") for layer in network.layers]
    rows = [markup.row([markup.cell(markup.code(row.layer)), *_cells(row.output, row.parameters)]) for row in layers]
    n = f"{network.n_parameters:,}" if network.built else ""
    rows.append(markup.row([markup.cell("total"), *_cells(network.dtype.name, n)], "total"))
    known = [] if network.built else ["The first training decides the size of the input."]
    known += [f"{name}: {text}" for name, text in _known(network).items()]
    return markup.box(
        markup.paragraph(markup.text(type(network).__name__)),
        markup.table(Row("layer", "output", "parameters"), rows, numbers=(2,)),
        *(markup.paragraph(markup.text(line), "quiet") for line in known),
    )


def _known(network: Network) -> dict[str, str]:
    """Return what trains the network, and what it knows of its data, in words."""
    known = {"engine": _engine(network)}
    encoding = network.encoding
    if encoding is not None:
        known["columns"] = f"{_first(encoding.names)} (as {len(encoding.feature_names)} numbers)"
        if encoding.target_name:
            known["target"] = encoding.target_name
    if network.class_names is not None:
        known["classes"] = _first(network.class_names)
    return known


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMES]) + f", ... ({len(names)})" * (len(names) > MOST_NAMES)


def _cells(output: str, parameters: str) -> list[str]:
    return [markup.cell(markup.text(output)), markup.cell(markup.text(parameters), "number")]


def _engine(network: Network) -> str:
    """Say what trains the network: whether each layer has a kernel does not depend on what is installed."""
    layer = support.without_kernel(network.layers)
    if layer is not None:
        return f"textbook, since {layer!r} has no kernel"
    return "compiled if nnlite[fast] is installed, else textbook"


def _show(shape: Shape) -> str:
    return f"(M, {', '.join(map(str, shape))})"
