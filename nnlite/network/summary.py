"""A table of the layers of a network."""

from nnlite.layers import chain
from nnlite.layers.base import Shape
from nnlite.network.network import Network


def summary(network: Network) -> str:
    """Return the table: each layer, its output shape, and its number of parameters."""
    shapes = network.require_built("summary")
    rows = [("layer", "output", "parameters"), ("X", _show(shapes[0]), "")]
    for layer, shape in zip(network.layers, shapes[1:], strict=True):
        inside = set(chain.flattened([layer]))
        count = sum(segment.size for segment in network.segments if segment.layer in inside)
        rows.append((repr(layer), _show(shape), f"{count:,}" if count else ""))
    rows.append(("total", str(network.dtype), f"{network.n_parameters:,}"))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in rows]
    rule = "-" * (sum(widths) + 4)
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _show(shape: Shape) -> str:
    return f"(M, {', '.join(map(str, shape))})"
