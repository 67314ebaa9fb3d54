"""The results at a glance: every framework's time as a multiple of nnlite's, and how a step grows."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from benchmarks.frameworks import FRAMEWORKS
from benchmarks.report import number
from benchmarks.results import Results

# Okabe and Ito's colors (2008), which color-blind readers can tell apart, and markers that need no color at all.
STYLES = {
    "nnlite-fast": ("#000000", "o"),
    "nnlite": ("#999999", "o"),
    "torch": ("#D55E00", "s"),
    "torch-compile": ("#E69F00", "D"),
    "jax": ("#0072B2", "^"),
    "jax-scan": ("#56B4E9", "v"),
    "keras": ("#CC79A7", "P"),
    "sklearn": ("#009E73", "X"),
    "onnx": ("#F0E442", "*"),
}
LINES = {"nnlite-fast": "-", "nnlite": "-", "torch": "--", "jax": ":"}
NAMES = {"training": "", "mnist": "", "prediction": "prediction 784-128-10, ", "memory": "peak memory, ", "import": ""}
EDGE = {"markersize": 7, "markeredgecolor": "black", "markeredgewidth": 0.6}
LINE = 56  # characters of a label
HEIGHT = 0.56  # over which the marks of a line are spread
GROWTH = {"width": "units in each of two layers", "depth": "layers of 256", "batch": "batch"}


def draw(results: Results, path: Path, title: str) -> None:
    """Draw into a PNG file."""
    from matplotlib.figure import Figure

    cases = [(row, case) for row in NAMES for case in results.cases(row) if _drawable(results, row, case)]
    grown = [q for q in GROWTH if any(case.startswith(q) for case in results.cases("growth"))]
    heights = [max(2.0, 0.9 + 0.42 * len(cases))] * bool(cases) + [3.0] * bool(grown)
    figure = Figure(figsize=(10, 0.4 + sum(heights, start=0.6)), layout="constrained")
    parts = list(figure.subfigures(len(heights), height_ratios=heights, squeeze=False)[:, 0]) if heights else []
    if cases:
        _ratios(parts.pop(0).subplots(), results, cases)
    if grown:
        for ax, quantity in zip(parts.pop(0).subplots(1, len(grown), squeeze=False)[0], grown, strict=True):
            _growth(ax, results, quantity)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=130)


def _drawable(results: Results, row: str, case: str) -> bool:
    own = results.get(row, case, results.reference())
    return own is not None and own.counts


def _ratios(ax: Any, results: Results, cases: list[tuple[str, str]]) -> None:
    """A line for each case, a mark for each framework: right of 1 it needs more than nnlite."""
    seen = set()
    for y, (row, case) in enumerate(cases):
        own = results.get(row, case, results.reference())
        assert own is not None
        for framework in results.frameworks(row):
            measurement = results.get(row, case, framework)
            if measurement is None or not measurement.counts:
                continue
            height = HEIGHT * (list(STYLES).index(framework) / (len(STYLES) - 1) - 0.5)  # so that none hides another
            color, marker = STYLES[framework]
            label = None if framework in seen else FRAMEWORKS[framework].title
            seen.add(framework)
            x = measurement.median / own.median
            ax.plot(x, y + height, marker, color=color, label=label, **EDGE)
    ax.axvline(1, color="black", linewidth=1, zorder=0)
    labels = []
    for row, case in cases:
        own = results.get(row, case, results.reference())
        assert own is not None
        labels.append(textwrap.fill(f"{NAMES[row]}{case} ({number(own.median)} {own.unit})", LINE))
    ax.set_yticks(range(len(cases)), labels, fontsize=8)
    ax.set_ylim(len(cases) - 0.4, -0.6)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(_locator())
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    ax.xaxis.set_minor_formatter(lambda x, _: "")
    title = FRAMEWORKS[results.reference()].title
    ax.set_xlabel(f"multiple of what {title} needs (in brackets); right of 1 is slower, or larger (logarithmic)")
    ax.grid(axis="x", alpha=0.3)
    for y in range(1, len(cases)):
        ax.axhline(y - 0.5, color="black", alpha=0.1, linewidth=0.5)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False)


def _locator() -> Any:
    from matplotlib.ticker import LogLocator

    return LogLocator(subs=(1, 2, 5))


def _growth(ax: Any, results: Results, quantity: str) -> None:
    """Microseconds a step over width, depth or batch, on two logarithmic axes."""
    cases = [case for case in results.cases("growth") if case.startswith(quantity)]
    for framework in results.frameworks("growth"):
        points = []
        for case in cases:
            measurement = results.get("growth", case, framework)
            if measurement is not None and measurement.counts:
                points.append((int(case.split()[1].replace(",", "")), measurement.median))
        if points:
            color, marker = STYLES[framework]
            style = LINES.get(framework, "-.")
            ax.plot(*zip(*points, strict=True), style, marker=marker, color=color, label=FRAMEWORKS[framework].title)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
    ax.tick_params(labelsize=8)
    ax.set_xlabel(GROWTH[quantity])
    ax.set_ylabel("us a step")
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
