"""``nnlite compare``: a table of runs, and their learning curves side by side."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nnlite.cli.codes import DONE
from nnlite.cli.output import note, say, table
from nnlite.cli.parser import Parser
from nnlite.cli.pictures import unused_name, write_comparison
from nnlite.cli.runs import HISTORY, read_history, read_results
from nnlite.errors import DataFileError

BLOCKS = "▁▂▃▄▅▆▇█"
CURVE = 16  # characters of a curve in the table
WIDEST = 48  # characters for the layers of a network


class Compared(NamedTuple):
    """A run that is compared."""

    path: str
    history: dict[str, list[float]]
    results: Mapping[str, Any]


def add_compare(commands: Any) -> Parser:
    """Add the command ``compare`` to the commands of the program."""
    parser: Parser = commands.add_parser(
        "compare",
        usage="nnlite compare RUN [RUN ...] [-o FILE]",
        help="compare runs: a table, and learning curves side by side",
        description="Print a line for each run, the best first, and draw the learning curves of all in one picture.\n"
        "What is not a run directory is left out. The picture is comparison.png in the current folder, or FILE. An\n"
        "earlier comparison.png is replaced; if nnlite has not drawn it, the picture is comparison-1.png.",
        epilog="example:\n  nnlite compare runs/*",
    )
    parser.set_defaults(run=_compare)
    parser.add_argument("models", nargs="+", metavar="RUN", help="run directories")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the picture; an existing file is replaced (default: comparison.png)"
    )
    return parser


def _compare(options: argparse.Namespace) -> int:
    """Print the table, write the picture and return the exit code."""
    compared = []
    for path in dict.fromkeys(os.path.normpath(path) for path in options.models):
        if not os.path.isfile(os.path.join(path, HISTORY)):
            note(f"{path} is left out: it is not a run directory with a {HISTORY}")
            continue
        compared.append(Compared(path, read_history(path), read_results(path)))
    if not compared:
        raise DataFileError("there is no run directory to compare")
    for kind in ("classes", "values"):
        group = [run for run in compared if run.results.get("kind", "classes") == kind]
        if group:
            say(_table(sorted(group, key=lambda run: _order(run, kind)), kind))
            say()
    output = options.output or unused_name("comparison.png")
    write_comparison({run.path: run.history for run in compared}, output)
    say(f"learning curves:  {output}")
    return DONE


def _order(run: Compared, kind: str) -> tuple[bool, float]:
    """Return what sorts runs, the best first; a run without scores is the last."""
    score = run.results.get("accuracy" if kind == "classes" else "rmse")
    if not isinstance(score, (int, float)):
        return True, 0.0
    return False, -score if kind == "classes" else score


def _table(group: Sequence[Compared], kind: str) -> str:
    shown = {"accuracy": "accuracy", "f1": "F1", "log_loss": "log loss"}
    if kind == "values":
        shown = {"r2": "R2", "mae": "MAE", "rmse": "RMSE"}
    head = ["run", "validation loss", *shown.values(), "epochs", "seconds", "parameters", "network"]
    rows = []
    for run in group:
        found = run.results
        rows.append(
            [
                run.path,
                sparkline(run.history.get("val_loss") or run.history.get("loss") or []),
                *(_number(found.get(key)) for key in shown),
                _number(found.get("epochs")),
                _number(found.get("seconds")),
                f"{found['parameters']:,}" if isinstance(found.get("parameters"), int) else "",
                short_network(str(found.get("network", ""))),
            ]
        )
    return table(head, rows, left=2, last_left=True)


def short_network(text: str) -> str:
    """Return the layers in the text of a network; of many, the first ones and the last."""
    text = text.removeprefix("Model([").removesuffix("])")
    if len(text) <= WIDEST:
        return text
    layers = re.split(r"(?<=\)), ", text)
    last, room = layers[-1], WIDEST - len(layers[-1]) - len(", ..., ")
    shown = ""
    for layer in layers[:-1]:
        if len(shown) + len(layer) + 2 > room:
            break
        shown += f"{layer}, "
    return f"{shown}..., {last}"[: WIDEST + 20]


def _number(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return f"{value:.4g}" if isinstance(value, float) else ""


def sparkline(values: Sequence[float]) -> str:
    """Return a curve of blocks: the lowest value is the lowest block."""
    finite = [value for value in values if abs(value) < float("inf")]  # False for NaN
    if not finite:
        return ""
    n = min(CURVE, len(finite))
    points = [finite[round(i * (len(finite) - 1) / max(1, n - 1))] for i in range(n)]
    low, high = min(points), max(points)
    height = high - low or 1.0
    return "".join(BLOCKS[min(len(BLOCKS) - 1, int((value - low) / height * len(BLOCKS)))] for value in points)
