"""The tables, in Markdown that a terminal shows as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks import goals
from benchmarks.frameworks import FAST, FRAMEWORKS, LIMITS, OWN, TEXTBOOK
from benchmarks.results import Measurement, Ratio, Results

TITLES = {
    "training": "A training step",
    "limit": "The matrix products alone",
    "convolutions": "A training step on images",
    "parts": "Where a step of nnlite goes",
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
Microseconds that the matrix products of a step take and nothing else, by Intel's MKL and by NumPy's OpenBLAS with one
thread on each core, measured in the same rounds. The share is that of the faster library in nnlite's step.""",
    "convolutions": """
Microseconds a step of three convolutional networks, by SGD with momentum 0.9: LeNet-5 (6 filters of 5 x 5, 16 of 5 x 5,
120-84-10); 16, 16, 32 and 32 filters of 3 x 3; and a residual network of eight layers with BatchNorm (16, 32, 64
filters). Images lie in memory with their channels last in every framework.""",
    "parts": """
Microseconds a step. Without Numba, there is a clock at each layer and at the optimizer. Dense layers consist of their
products, which also stand beside, made alone and on data that lie ready; of biases; and of waiting for what the other
core has written. The rest of `fit` is gathering batches, the loop, the progress bar, and the clock itself (a fifth of a
microsecond a call). nnlite[fast] is measured kernel by kernel, in one thread and in processor time: dense_forward
includes the activations, BatchNorm and Dropout, and dense_gradient includes the optimizer, unless clipping makes it
wait. These rounds are without peers; each column has its own median.""",
    "mnist": """
Seconds from starting a process to its word that it has 97 % of the test set right, which it looks at every 100 steps:
import and reading of the data included. Adam with 1e-3, batches of 128, Glorot's initial weights (PyTorch: own). What
nnlite[fast] compiles in the first run is on disk in the second. JAX, alone and under Keras, compiles in every run,
unless it is told to keep its programs.""",
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
    """Return everything as Markdown."""
    summary = goals_table(results)
    parts = [
        "# nnlite beside its peers",
        "\n".join(machine_lines(machine)),
        "\n".join(f"- {line}" for line in about_the_run),
        *(["## What nnlite wants to reach", *summary] if summary else []),
    ]
    for row, title in TITLES.items():
        tables = TABLES.get(row, _comparison)(results, row)
        if tables or row in notes:
            parts += [f"## {title}", *([_about(results, row), tables] if tables else []), *notes.get(row, [])]
    return "\n\n".join(part for part in parts if part) + "\n"


def goals_table(results: Results) -> list[str]:
    """Return the goals as a paragraph and a table; an empty list if nothing was measured that they speak of."""
    lines = [
        [
            goal.text,
            f"{goal.at_least:g}",
            f"**{found.median:.2f}**",
            f"{found.minimum:.2f}",
            "yes" if found.median >= goal.at_least else "no",
            found.by,
        ]
        for goal, found in goals.reached(results)
    ]
    if not lines:
        return []
    about = (
        "Best peer / nnlite[fast], unless the line says otherwise: above 1, nnlite is ahead. The share of the limit is "
        "that of the matrix products in a step. The medians decide; the figures of the minima stand beside."
    )
    return [about, table(["", "at least", "medians", "minima", "reached", "decided by"], lines)]


def machine_lines(machine: dict[str, Any]) -> list[str]:
    """Return what the figures were measured on."""
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


def _about(results: Results, row: str) -> str:
    n = max(len(m.samples) for m in results.measurements if m.row == row)
    counted = f" Medians of {n} measurements, in brackets the smallest." if n > 1 else " Measured once."
    return ABOUT[row].strip() + counted


def _comparison(results: Results, row: str) -> str:
    """Return a line for each case, with a column for each framework and for how far the best peer is from nnlite."""
    frameworks = results.frameworks(row)
    if not frameworks:
        return ""
    own = [name for name in OWN if name in frameworks]
    titles = [FRAMEWORKS[framework].title for framework in frameworks]
    head = ["", *titles, "best peer", *(f"best peer / {FRAMEWORKS[name].title}" for name in own)]
    lines = []
    for case in results.cases(row):
        cells = [_cell(results.get(row, case, framework)) for framework in frameworks]
        best = next(iter(results.peers(row, case)), None)
        unit = next(m.unit for m in results.measurements if (m.row, m.case) == (row, case))
        ratios = [_ratio(results.ratio(row, case, name)) for name in own]
        lines.append([f"{case}, {unit}", *cells, FRAMEWORKS[best.framework].title if best else "", *ratios])
    return table(head, lines)


def _limit_table(results: Results, row: str) -> str:
    lines = []
    for case in results.cases(row):
        limit = results.limit(case)
        products = [_cell(results.get(row, case, library)) for library in LIMITS]
        shares = []
        for name in OWN:
            step = results.get("training", case, name)
            counts = limit is not None and step is not None and step.counts
            shares.append(f"**{limit.median / step.median:.2f}**" if counts and limit and step else "")
        lines.append([f"{case}, us", *products, _cell(results.get("training", case, FAST)), *reversed(shares)])
    titles = [FRAMEWORKS[library].title for library in LIMITS]
    fast, textbook = FRAMEWORKS[FAST].title, FRAMEWORKS[TEXTBOOK].title
    head = ["", *titles, f"step of {fast}", f"share, {fast}", f"share, {textbook}"]
    return table(head, lines) if lines else ""


def _parts_table(results: Results, row: str) -> str:
    return "\n\n".join(filter(None, (_parts_of(results, row, framework) for framework in (TEXTBOOK, FAST))))


def _parts_of(results: Results, row: str, framework: str) -> str:
    found = [
        m for m in (results.get(row, case, framework) for case in results.cases(row)) if m is not None and m.counts
    ]
    lines = [[f"{m.case}, us", *map(number, m.facts.values()), number(m.median)] for m in found]
    title = FRAMEWORKS[framework].title + (", one thread" if framework == FAST else "")
    return table([title, *found[0].facts, "step"], lines) if lines else ""


def _cell(measurement: Measurement | None) -> str:
    """Return the median and, of several samples, the minimum; or why there is none."""
    if measurement is None:
        return ""
    if not measurement.counts:
        return measurement.failure or "nothing"
    if len(measurement.samples) == 1:
        return number(measurement.median)
    return f"{number(measurement.median)} ({number(measurement.minimum)})"


def _ratio(ratio: Ratio | None) -> str:
    return "" if ratio is None else f"**{ratio.median:.2f}** ({ratio.minimum:.2f})"


TABLES = {"limit": _limit_table, "parts": _parts_table}  # of rows that compare nothing


def number(value: float) -> str:
    """Return three figures, and no fewer than the whole part has."""
    magnitude = abs(value)
    digits = 0 if magnitude >= 99.95 else 1 if magnitude >= 9.995 else 2 if magnitude >= 0.9995 else 3
    return f"{value:,.{digits}f}"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return Markdown with columns as wide as what is in them; the first column is words, the rest are figures."""
    widths = [max(3, *(len(line[column]) for line in (head, *lines))) for column in range(len(head))]
    rule = [("-" * width) if column == 0 else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join("| " + " | ".join(_padded(line, widths)) + " |" for line in (head, rule, *lines))


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *rest = zip(line, widths, strict=True)
    return [first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]
