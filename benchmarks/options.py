"""The options of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.frameworks import FRAMEWORKS, OWN
from benchmarks.networks import NETWORKS
from benchmarks.rows import convolutions, growth, importing, memory, mnist, parts, prediction, training
from benchmarks.session import Options, Session

ROUNDS, ROUNDS_WHEN_QUICK = 7, 2
PATIENCE, PATIENCE_WHEN_QUICK = 60, 10
MEASURES: dict[str, Callable[[Session], None]] = {
    "training": training.measure,
    "limit": training.measure,  # in the same rounds
    "convolutions": convolutions.measure,
    "parts": parts.measure,
    "mnist": mnist.measure,
    "prediction": prediction.measure,
    "memory": memory.measure,
    "growth": growth.measure,
    "import": importing.measure,
}
ELSEWHERE = "benchmark-results"  # for a run of a part


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    result = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure nnlite, with and without its compiled engine, beside PyTorch, JAX, Keras,\n"
        "scikit-learn and ONNX Runtime on this machine.\n"
        "Each has a process of its own; they take turns, round after round, while the others sleep.\n"
        "Missing ones are left out: pip install -e '.[bench]' brings them all.",
        epilog="Writes results.md, results.png and results.json. Leave the machine alone while it runs.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--quick", action="store_true", help="under two minutes: fewer rounds, the slowest parts left out"
    )
    result.add_argument(
        "--rows", type=_names(MEASURES), default=list(MEASURES), metavar="ROW,...", help=_listed(MEASURES)
    )
    result.add_argument(
        "--frameworks",
        type=_names(FRAMEWORKS),
        metavar="NAME,...",
        help=f"{_listed(FRAMEWORKS)} (default: all); without any of nnlite's, both of its engines take part",
    )
    result.add_argument(
        "--networks",
        type=_names(NETWORKS),
        default=list(NETWORKS),
        metavar="NAME,...",
        help=f"to train in the rows training, limit and parts: {_listed(NETWORKS)}",
    )
    result.add_argument(
        "--rounds",
        type=_positive,
        metavar="N",
        help=f"measurements of each (default {ROUNDS}, {ROUNDS_WHEN_QUICK} if quick)",
    )
    result.add_argument(
        "--patience",
        type=_seconds,
        metavar="SECONDS",
        help=f"how long to wait in all for other programs to leave the machine alone (default {PATIENCE}, "
        f"{PATIENCE_WHEN_QUICK} if quick)",
    )
    result.add_argument(
        "--mnist",
        metavar="DIR",
        help="directory with MNIST's four .gz files (default: $NNLITE_MNIST, or where nnlite.load_mnist keeps them)",
    )
    result.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"for what is written (default: ./{ELSEWHERE}/, but of a whole run without failures benchmarks/)",
    )
    result.add_argument(
        "--rewrite", action="store_true", help="measure nothing; write the pages again from results.json in --out"
    )
    return result


def _names(known: Mapping[str, object]) -> Callable[[str], list[str]]:
    """A type for argparse: names from ``known``, with commas between."""

    def convert(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",") if name.strip()]
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            raise argparse.ArgumentTypeError(
                f"expected some of {_listed(known)}, got {', '.join(unknown) or repr(text)}"
            )
        return [name for name in known if name in names]

    return convert


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names)


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, got {text!r}")
    return seconds


def is_whole(parsed: argparse.Namespace) -> bool:
    """Return whether everything is asked for, as often as it should be measured."""
    some = len(parsed.rows) < len(MEASURES) or len(parsed.networks) < len(NETWORKS) or parsed.frameworks is not None
    return not (some or parsed.quick or (parsed.rounds or ROUNDS) < ROUNDS)


def _patience(parsed: argparse.Namespace) -> float:
    given: float | None = parsed.patience
    return (PATIENCE_WHEN_QUICK if parsed.quick else PATIENCE) if given is None else given


def options_of(parsed: argparse.Namespace) -> Options:
    """Return what a session needs to know."""
    frameworks = parsed.frameworks or list(FRAMEWORKS)
    if not set(frameworks) & set(OWN):
        frameworks = [*OWN, *frameworks]
    return Options(
        rows=parsed.rows,
        frameworks=frameworks,
        networks=[NETWORKS[name].shortened() if parsed.quick else NETWORKS[name] for name in parsed.networks],
        rounds=parsed.rounds or (ROUNDS_WHEN_QUICK if parsed.quick else ROUNDS),
        quick=parsed.quick,
        mnist=parsed.mnist,
        patience=_patience(parsed),
    )
