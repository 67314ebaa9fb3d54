"""A table of the layers of a network."""

from nnlite.engine import support
from nnlite.layers import chain
from nnlite.layers.base import Shape
from nnlite.network.network import Network


def layer_rows(network: Network) -> list[tuple[str, str, str]]:
    """Return name, output shape and number of parameters of X and of each layer, as text."""
    shapes = network.require_built("summary")
    rows = [("X", _show(shapes[0]), "")]
    for layer, shape in zip(network.layers, shapes[1:], strict=True):
        inside = set(chain.flattened([layer]))
        count = sum(segment.size for segment in network.segments if segment.layer in inside)
        rows.append((repr(layer), _show(shape), f"{count:,}" if count else ""))
    return rows


def summary(network: Network) -> str:
    """Return the table: each layer, its output shape, and its number of parameters."""
    rows = [("layer", "output", "parameters"), *layer_rows(network)]
    rows.append(("total", str(network.dtype), f"{network.n_parameters:,}"))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in rows]
    rule = "-" * (sum(widths) + 4)
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], f"{'engine':<{widths[0]}}  {_engine(network)}"])


def _engine(network: Network) -> str:
    """Say what trains the network: whether each layer has a kernel does not depend on what is installed."""
    layer = support.without_kernel(network.layers)
    return "compiled, with nnlite[fast]" if layer is None else f"textbook, since {layer!r} has no kernel"


def _show(shape: Shape) -> str:
    return f"(M, {', '.join(map(str, shape))})"
