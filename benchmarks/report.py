"""The tables, in Markdown that a terminal shows as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.frameworks import FRAMEWORKS, OWN
from benchmarks.results import Measurement, Results

TITLES = {
    "training": "A training step",
    "limit": "The matrix products alone",
    "parts": "Where nnlite's step goes",
    "mnist": "From process start to 97 % on MNIST",
    "prediction": "A prediction, 784-128-10",
    "memory": "Peak memory",
    "growth": "How a step grows",
    "import": "Import and installed size",
}
ABOUT = {
    "training": """
Microseconds a step: `fit` with its progress bar drawn and its history kept, the time of a call divided by its steps;
the peers in the fastest way they offer. All start from the same weights, and whoever has not learned is left out.""",
    "limit": """
Microseconds that NumPy takes for the matrix products of a step and nothing else, measured in the same rounds, and their
share of nnlite's step.""",
    "parts": """
Microseconds a step, with a clock at each layer and at the optimizer. Dense layers consist of their products, which also
stand beside, made alone and on data that lie ready; of biases; and of waiting for what the other core has written.
The rest of `fit` is gathering batches, the loop, the progress bar, and the clock itself (a fifth of a microsecond a
call). Rounds of nnlite alone, in which steps take less time than beside the peers; each column has its own median.""",
    "mnist": """
Seconds from starting a process to its word that it has 97 % of the test set right, which it looks at every 100 steps:
import and reading of the data included. Adam with 1e-3, batches of 128, Glorot's initial weights (PyTorch: own).""",
    "prediction": """
Microseconds a call, from a NumPy array to the probabilities in a NumPy array.""",
    "memory": """
MiB that a fresh process has held at its peak, data and libraries included: of the run on MNIST, and of 256 training
steps.""",
    "growth": """
Microseconds a step with Adam, along three lines: the width of 784-n-n-10 at batch 128, the number of layers of 256
units at batch 128, and the batch of 784-512-512-10.""",
    "import": """
Seconds that an import adds to the start of the interpreter, in fresh processes, and megabytes of all files that must be
installed for it.""",
}


def render(results: Results, machine: dict[str, Any], notes: dict[str, list[str]], about_the_run: Sequence[str]) -> str:
    """Everything, as Markdown."""
    parts = [
        "# nnlite beside its peers",
        "\n".join(_machine_lines(machine)),
        "\n".join(f"- {line}" for line in about_the_run),
    ]
    for row, title in TITLES.items():
        tables = TABLES.get(row, _comparison)(results, row)
        if tables or row in notes:
            parts += [f"## {title}", *([_about(results, row), tables] if tables else []), *notes.get(row, [])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _about(results: Results, row: str) -> str:
    n = max(len(m.samples) for m in results.measurements if m.row == row)
    return ABOUT[row].strip() + (f" Medians of {n} measurements." if n > 1 else " Measured once.")


def _machine_lines(machine: dict[str, Any]) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    commit = f"; nnlite's commit {machine['commit']}" if machine["commit"] else ""
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_GiB']} GiB; {machine['system']}; "
        f"{machine['threads']} threads for everyone; {machine['date']}.",
        f"Python {machine['python']}, {versions}{commit}.",
    ]
    for who, what in (("In all processes", "environment"), ("Set by nnlite for itself", "set_by_nnlite")):
        if machine[what]:
            lines.append(f"{who}: " + ", ".join(f"{name}={value}" for name, value in machine[what].items()) + ".")
    return lines


def _comparison(results: Results, row: str) -> str:
    """A line for each case, a column for each framework, and at the end how far the best peer is from nnlite."""
    frameworks = results.frameworks(row)
    if not frameworks:
        return ""
    head = ["", *(FRAMEWORKS[framework].title for framework in frameworks), "best peer", "best peer / nnlite"]
    lines = []
    for case in results.cases(row):
        cells = [_cell(results.get(row, case, framework)) for framework in frameworks]
        best, ratio = results.best_peer(row, case), results.ratio(row, case)
        unit = next(m.unit for m in results.measurements if (m.row, m.case) == (row, case))
        lines.append(
            [
                f"{case}, {unit}",
                *cells,
                FRAMEWORKS[best.framework].title if best else "",
                f"**{ratio:.2f}**" if ratio else "",
            ]
        )
    return _table(head, lines)


def _limit_table(results: Results, row: str) -> str:
    lines = []
    for case in results.cases(row):
        products, step = results.get(row, case, OWN), results.get("training", case, OWN)
        if products is None or not products.counts:
            continue
        share = ""
        if step is not None and step.counts:
            share = f"**{products.median / step.median:.2f}**"
        lines.append([f"{case}, us", _cell(products), _cell(step), share])
    return _table(["", "products alone", "nnlite's step", "share"], lines) if lines else ""


def _parts_table(results: Results, row: str) -> str:
    found = [m for m in (results.get(row, case, OWN) for case in results.cases(row)) if m is not None and m.counts]
    lines = [[f"{m.case}, us", *map(number, m.facts.values()), number(m.median)] for m in found]
    return _table(["", *found[0].facts, "step"], lines) if lines else ""


def _cell(measurement: Measurement | None) -> str:
    """Median and, of several samples, quartiles; or why there is none."""
    if measurement is None:
        return ""
    if not measurement.counts:
        return measurement.failure or "nothing"
    if len(measurement.samples) == 1:
        return number(measurement.median)
    lower, upper = measurement.quartiles
    return f"{number(measurement.median)} ({number(lower)}-{number(upper)})"


TABLES = {"limit": _limit_table, "parts": _parts_table}  # of rows that compare nothing


def number(value: float) -> str:
    """Three figures, and no fewer than its whole part has."""
    magnitude = abs(value)
    digits = 0 if magnitude >= 99.95 else 1 if magnitude >= 9.995 else 2 if magnitude >= 0.9995 else 3
    return f"{value:,.{digits}f}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Markdown with columns as wide as what is in them; the first is words, the rest are figures."""
    widths = [max(3, *(len(line[column]) for line in (head, *lines))) for column in range(len(head))]
    rule = [("-" * width) if column == 0 else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join("| " + " | ".join(_padded(line, widths)) + " |" for line in (head, rule, *lines))


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *rest = zip(line, widths, strict=True)
    return [first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]
