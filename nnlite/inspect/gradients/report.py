"""The report of a gradient check: verdicts on layers and parameters, as text and as HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nnlite import markup
from nnlite.inspect.gradients.comparison import Comparison
from nnlite.layers import Layer

WIDTH = 99
COLUMNS = {"error": 9, "worst entry": 14, "analytic": 11, "numerical": 11}


@dataclass(eq=False)
class LayerCheck:
    """The verdict on one layer by itself: from da it must compute the right da_prev and gradients.

    Attributes
    ----------
    name : str
        Its place and the layer: "layers[1] ReLU()".
    layer : Layer
        The layer in the model that was checked.
    comparisons : list of Comparison
        Of the gradients of its input and of its parameters.
    faults : list of str
        Rules that it breaks.
    inner : list of LayerCheck
        The verdicts on the layers inside it.
    """

    name: str
    layer: Layer
    comparisons: list[Comparison] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    inner: list[LayerCheck] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the layer and all layers inside it are right."""
        return not self.faults and all(comparison.ok for comparison in self.comparisons) and self.inside_ok

    @property
    def inside_ok(self) -> bool:
        """Whether all layers inside it are right."""
        return all(inner.ok for inner in self.inner)

    @property
    def verdict(self) -> str:
        """Return "right", "WRONG" or "wrong inside"."""
        return "right" if self.ok else "WRONG" if self.inside_ok else "wrong inside"

    @property
    def place(self) -> str:
        """Return "layers[1]"."""
        return self.name.split()[0]

    def reasons(self) -> list[str]:
        """Return in words what is wrong with it."""
        return [*self.faults, *(comparison.reason() for comparison in self.comparisons if not comparison.ok)]

    def with_inner(self) -> Iterator[LayerCheck]:
        """Yield this check, then those of the layers inside it."""
        yield self
        for inner in self.inner:
            yield from inner.with_inner()


@dataclass(repr=False)
class GradientCheck:
    """What `gradient_check` returns; ``print`` shows it as a table, a notebook as HTML.

    Attributes
    ----------
    ok : bool
        Whether all gradients are right.
    layers : list of LayerCheck
        Each layer by itself.
    parameters : dict of str to Comparison
        dJ/dtheta in the whole network, by the name of the parameter ("W1").
    culprits : list of LayerCheck
        The layers that are wrong by themselves.
    title : str
        The network.
    M : int
        Number of examples.
    tolerance : float
    max_entries : int

    Examples
    --------
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
    >>> check = nn.gradient_check(model, [[1.0, 2.0], [3.0, 4.0]], [0, 1])
    >>> check.ok
    True
    >>> check.parameters["W1"].relative_error < 1e-7
    True
    """

    title: str
    M: int
    tolerance: float
    max_entries: int
    layers: list[LayerCheck]
    parameters: dict[str, Comparison]

    @property
    def culprits(self) -> list[LayerCheck]:
        """The layers that are wrong, except those that are wrong because of a layer inside them."""
        return [check for check in self._all_layers() if not check.ok and check.inside_ok]

    @property
    def ok(self) -> bool:
        """Whether all gradients are right."""
        return not self.culprits and all(comparison.ok for comparison in self.parameters.values())

    def verdict(self, parameter: str) -> str:
        """Return "right", "WRONG", or the layer that makes the gradient of a parameter wrong.

        Parameters
        ----------
        parameter : str
            Its name, such as "W1".
        """
        comparison = self.parameters[parameter]
        if comparison.ok:
            return "right"
        layers, culprits = self._all_layers(), self.culprits
        for i, owner in enumerate(layers):
            if any(own.name == comparison.name for own in owner.comparisons):
                behind = [check for check in layers[i + 1 :] if check in culprits]
                return "WRONG" if owner in culprits or not behind else f"wrong through {behind[0].place}"
        return "WRONG"

    def conclusion(self) -> list[str]:
        """Return the verdict in sentences."""
        if self.ok:
            kinks = sum(comparison.n_kinks for comparison in self._comparisons())
            left_out = f" {kinks} entries on a kink were left out." if kinks else ""
            return [f"All gradients are right.{left_out}"]
        said = [f"{check.name} is wrong: {'; '.join(check.reasons())}." for check in self.culprits]
        return said or [
            "Each layer is right by itself, but the gradients of the network are not: does a layer depend on anything "
            "else than its input, its parameters and its cache?"
        ]

    def __str__(self) -> str:
        lines = textwrap.wrap(f"gradient check of {self.title}", WIDTH, subsequent_indent="  ")
        lines += textwrap.wrap(self._about(), WIDTH)
        heads = "".join(f"{head:>{width}}" for head, width in COLUMNS.items())
        lines += ["", f"{'':<26}{heads}  verdict", "-" * WIDTH]
        for row in self._rows():
            if row.comparison is None:
                name = row.name if len(row.name) <= 70 else f"{row.name[:67]}..."
                lines.append(f"{name:<73}{row.verdict}")
            else:
                cells = "".join(
                    f"{cell:>{width}}" for cell, width in zip(_cells(row.comparison), COLUMNS.values(), strict=True)
                )
                lines.append(f"  {row.name:<24}{cells}  {row.verdict}")
        lines += ["-" * WIDTH]
        for sentence in self.conclusion():
            lines += textwrap.wrap(sentence, WIDTH, subsequent_indent="  ")
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = []
        for found in self._rows():
            verdict = markup.text(found.verdict) if found.verdict in ("", "right") else _wrong(found.verdict)
            name = markup.text(found.name)
            if found.comparison is not None:
                cells = (markup.cell(markup.text(number), "number") for number in _cells(found.comparison))
                rows.append(markup.row([markup.cell(name, "inside"), *cells, markup.cell(verdict)]))
            elif found.is_layer:
                rows.append(markup.row([markup.cell(markup.code(found.name), span=5), markup.cell(verdict)]))
            else:
                rows.append(markup.row([markup.cell(name, span=6)], "part"))
        return markup.box(
            markup.paragraph(f"{markup.code(self.title)}<br>{markup.text(self._about())}"),
            markup.table(("", *COLUMNS, "verdict"), rows, numbers=(1, 2, 3, 4)),
            *(markup.paragraph(markup.text(sentence)) for sentence in self.conclusion()),
        )

    def _about(self) -> str:
        drawn = any(found.n_compared + found.n_kinks < found.n_entries for found in self._comparisons())
        sample = f"; of larger arrays, {self.max_entries} entries were drawn" if drawn else ""
        return f"M = {self.M} examples, in float64, tolerance {self.tolerance:g}{sample}"

    def _all_layers(self) -> list[LayerCheck]:
        return [inner for check in self.layers for inner in check.with_inner()]

    def _comparisons(self) -> Iterator[Comparison]:
        yield from self.parameters.values()
        for check in self._all_layers():
            yield from check.comparisons

    def _rows(self) -> Iterator[_Row]:
        """Yield the rows of the table."""
        yield _Row("each layer by itself")
        for check in self._all_layers():
            yield _Row(check.name, check.verdict, is_layer=True)
            for comparison in check.comparisons:
                yield _Row(comparison.name, "" if comparison.ok else "WRONG", comparison)
        yield _Row("dJ/dtheta in the network")
        for name, comparison in self.parameters.items():
            yield _Row(comparison.name, self.verdict(name), comparison)
        if not self.parameters:
            yield _Row("  (no gradient to compare)")


@dataclass
class _Row:
    """A row of the table: a heading, a layer or a comparison."""

    name: str
    verdict: str = ""
    comparison: Comparison | None = None
    is_layer: bool = False


def _cells(comparison: Comparison) -> Sequence[str]:
    if not comparison.n_compared:
        return "", "on a kink" if comparison.n_kinks else "", "", ""
    worst = f"[{', '.join(map(str, comparison.worst))}]"
    return f"{comparison.relative_error:.1e}", worst, f"{comparison.analytic:.4g}", f"{comparison.numerical:.4g}"


def _wrong(verdict: str) -> str:
    return f'<b style="color: {markup.RED}">{markup.text(verdict)}</b>'
