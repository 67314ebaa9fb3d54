"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import machine, picture, report
from benchmarks.frameworks import FRAMEWORKS, ON_DEMAND, OWN
from benchmarks.networks import NETWORKS
from benchmarks.quiet import DISTURBING, busy_cores
from benchmarks.rows import growth, importing, memory, mnist, parts, prediction, training
from benchmarks.session import Options, Session

ROUNDS, ROUNDS_WHEN_QUICK = 7, 2
TOO_SLOW_FOR_QUICK = ("torch-compile", "keras")  # they compile each network, for 10 to 60 s and for 3 s
PATIENCE, PATIENCE_WHEN_QUICK = 60, 10
MEASURES: dict[str, Callable[[Session], None]] = {
    "training": training.measure,
    "limit": training.measure,  # in the same rounds
    "parts": parts.measure,
    "mnist": mnist.measure,
    "prediction": prediction.measure,
    "memory": memory.measure,
    "growth": growth.measure,
    "import": importing.measure,
}
PUBLISHED = Path(__file__).parent  # where the README shows it from
ELSEWHERE = "benchmark-results"  # for a run of a part


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, 1 if something failed, 2 for a wrong call, 130 after Ctrl-C."""
    parsed = _parser().parse_args(arguments)
    session = Session(_options(parsed))
    started = time.perf_counter()
    stopped = False
    out = parsed.out or Path(ELSEWHERE)
    if parsed.mnist and "mnist" in parsed.rows and mnist.find(parsed.mnist) is None:
        print(f"benchmarks: --mnist: expected {', '.join(mnist.FILES)} in {parsed.mnist}", file=sys.stderr)
        return 2
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"benchmarks: --out: cannot make the directory {out} ({error.strerror})", file=sys.stderr)
        return 2
    skipped = _leave_out(session, all_asked_for=parsed.frameworks is not None)
    busy = busy_cores()
    if busy > DISTURBING:
        skipped.append(f"At the start other programs kept {busy:.1f} cores busy: the figures are off.")
        session.say(skipped[-1])
    try:
        for measure in dict.fromkeys(MEASURES[row] for row in session.options.rows):
            measure(session)
    except KeyboardInterrupt:
        stopped = True
        print("\nstopped; what was measured until now:")
    finally:
        session.end()
    measured = {measurement.row for measurement in session.results.measurements if measurement.counts}
    complete = measured == MEASURES.keys() and not (skipped or stopped or session.failures)
    if not parsed.out and _is_whole(parsed) and complete:
        out = PUBLISHED
    about = [*skipped, *_about_the_run(session, time.perf_counter() - started, stopped)]
    _write(session, out, about)
    return 130 if stopped else 1 if session.failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure nnlite beside PyTorch, JAX, Keras, scikit-learn and ONNX Runtime on this machine.\n"
        "Each has a process of its own; they take turns, round after round, while the others sleep.\n"
        "Missing ones are left out: pip install -e '.[bench]' brings them all.",
        epilog="Writes results.md, results.png and results.json. Leave the machine alone while it runs.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="under two minutes: fewer rounds, the slowest parts left out"
    )
    parser.add_argument(
        "--rows", type=_names(MEASURES), default=list(MEASURES), metavar="ROW,...", help=_listed(MEASURES)
    )
    parser.add_argument(
        "--frameworks",
        type=_names(FRAMEWORKS),
        metavar="NAME,...",
        help=f"{_listed(FRAMEWORKS)}; nnlite always takes part; all by default but {_listed(ON_DEMAND)}",
    )
    parser.add_argument(
        "--networks",
        type=_names(NETWORKS),
        default=list(NETWORKS),
        metavar="NAME,...",
        help=f"to train in the rows training, limit and parts: {_listed(NETWORKS)}",
    )
    parser.add_argument(
        "--rounds",
        type=_positive,
        metavar="N",
        help=f"measurements of each (default {ROUNDS}, {ROUNDS_WHEN_QUICK} if quick)",
    )
    parser.add_argument(
        "--patience",
        type=_seconds,
        metavar="SECONDS",
        help=f"how long to wait in all for other programs to leave the machine alone (default {PATIENCE}, "
        f"{PATIENCE_WHEN_QUICK} if quick)",
    )
    parser.add_argument(
        "--mnist",
        metavar="DIR",
        help="directory with MNIST's four .gz files (default: $NNLITE_MNIST, or where nnlite.load_mnist keeps them)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"for what is written (default: ./{ELSEWHERE}/, but of a whole run without failures benchmarks/)",
    )
    return parser


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


def _is_whole(parsed: argparse.Namespace) -> bool:
    """Whether everything is asked for, as often as it should be measured."""
    some = len(parsed.rows) < len(MEASURES) or len(parsed.networks) < len(NETWORKS) or parsed.frameworks is not None
    return not (some or parsed.quick or (parsed.rounds or ROUNDS) < ROUNDS)


def _patience(parsed: argparse.Namespace) -> float:
    given: float | None = parsed.patience
    return (PATIENCE_WHEN_QUICK if parsed.quick else PATIENCE) if given is None else given


def _options(parsed: argparse.Namespace) -> Options:
    frameworks = parsed.frameworks or [name for name in FRAMEWORKS if name not in ON_DEMAND]
    return Options(
        rows=parsed.rows,
        frameworks=[OWN, *(name for name in frameworks if name != OWN)],
        networks=[NETWORKS[name].shortened() if parsed.quick else NETWORKS[name] for name in parsed.networks],
        rounds=parsed.rounds or (ROUNDS_WHEN_QUICK if parsed.quick else ROUNDS),
        quick=parsed.quick,
        mnist=parsed.mnist,
        patience=_patience(parsed),
    )


def _leave_out(session: Session, *, all_asked_for: bool) -> list[str]:
    """Go on without those not installed or, if not asked for, too slow for the hurried; return a line for each."""
    lines = []
    for name in list(session.options.frameworks):
        missing = FRAMEWORKS[name].missing()
        hurry = session.options.quick and name in TOO_SLOW_FOR_QUICK and not all_asked_for
        if missing or hurry:
            session.options.frameworks.remove(name)
            why = (
                f"pip install {' '.join(missing)} brings it"
                if missing
                else "it compiles too long for --quick, and may be the best peer in a whole run"
            )
            lines.append(f"{FRAMEWORKS[name].title} is left out: {why}.")
            session.say(lines[-1])
    return lines


def _about_the_run(session: Session, seconds: float, stopped: bool) -> list[str]:
    """How it was measured, and what a skeptic would ask."""
    lines = ["STOPPED before the end."] if stopped else []
    lines.append(
        "Medians, in brackets the quartiles. All take turns, round after round, each in a process of its own, with the "
        "same data, batch size, initial weights and learning rate, in float32; each shuffles for itself. Less is "
        "better everywhere; in the last column, above 1, nnlite is ahead of its best peer, below 1 behind."
    )
    if session.idle_seconds:
        lines.append(
            f"Processes that waited for their turn used {session.idle_cpu / session.idle_seconds:.2%} of a core. "
            f"nnlite drew its progress bar {session.drawings:,} times. The run took {seconds:,.0f} s."
        )
    if session.quiet.n_turns:
        lines.append(
            f"Other programs took more than {DISTURBING} cores away in {session.quiet.n_disturbed} of "
            f"{session.quiet.n_turns} turns."
        )
    lines += [f"FAILED {failure}" for failure in session.failures]
    return lines


def _write(session: Session, out: Path, about: list[str]) -> None:
    described = machine.describe(session.options.frameworks)
    text = report.render(session.results, described, session.notes, about)
    (out / "results.md").write_text(text, encoding="utf-8")
    document = {
        "machine": described,
        "run": {"quick": session.options.quick, "rounds": session.options.rounds, "about": about},
        "measurements": session.results.as_json(),
    }
    (out / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    title = f"{described['processor']}, {described['threads']} threads, {described['date'][:10]}"
    title += ", --quick" if session.options.quick else ""
    picture.draw(session.results, out / "results.png", title)
    print("\n" + text)
    for name in ("results.md", "results.png", "results.json"):
        print(f"written: {out / name}")


if __name__ == "__main__":
    sys.exit(main())
