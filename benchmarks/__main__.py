"""The command line: ``python -m benchmarks``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine, publishing
from benchmarks.frameworks import FRAMEWORKS
from benchmarks.options import ELSEWHERE, MEASURES, is_whole, options_of, parser
from benchmarks.quiet import DISTURBING, busy_cores
from benchmarks.rows import mnist
from benchmarks.session import Session

TOO_SLOW_FOR_QUICK = ("torch-compile", "keras")  # they compile each network, for 10 to 60 s and for 3 s


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, 1 if something failed, 2 for a wrong call, 130 after Ctrl-C."""
    parsed = parser().parse_args(arguments)
    if parsed.rewrite:
        publishing.rewrite(parsed.out or publishing.PUBLISHED)
        return 0
    out = parsed.out or Path(ELSEWHERE)
    if parsed.mnist and "mnist" in parsed.rows and mnist.find(parsed.mnist) is None:
        print(f"benchmarks: --mnist: expected {', '.join(mnist.FILES)} in {parsed.mnist}", file=sys.stderr)
        return 2
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"benchmarks: --out: cannot make the directory {out} ({error.strerror})", file=sys.stderr)
        return 2
    session = Session(options_of(parsed))
    about = _leave_out(session, all_asked_for=parsed.frameworks is not None)
    busy = busy_cores()
    if busy > DISTURBING:
        about.append(f"At the start other programs kept {busy:.1f} cores busy: the figures are off.")
        session.say(about[-1])
    stopped = _measure(session)
    about += _about_the_run(session, stopped)
    if not parsed.out and is_whole(parsed) and busy <= DISTURBING and _is_complete(session, stopped):
        out = publishing.PUBLISHED
    publishing.write(_document(session, about), out)
    return 130 if stopped else 1 if session.failures else 0


def _leave_out(session: Session, *, all_asked_for: bool) -> list[str]:
    """Leave out who is not installed or, if not asked for, too slow for a quick run; return a line for each."""
    lines = []
    for name in list(session.options.frameworks):
        missing = FRAMEWORKS[name].missing()
        hurry = session.options.quick and name in TOO_SLOW_FOR_QUICK and not all_asked_for
        if missing or hurry:
            session.options.frameworks.remove(name)
            session.left_out.append(name)
            why = (
                f"pip install {' '.join(missing)} brings it"
                if missing
                else "it compiles too long for --quick, and may be the best peer in a whole run"
            )
            lines.append(f"{FRAMEWORKS[name].title} is left out: {why}.")
            session.say(lines[-1])
    return lines


def _measure(session: Session) -> bool:
    """Measure all rows that are asked for; return whether Ctrl-C has stopped it."""
    try:
        for measure in dict.fromkeys(MEASURES[row] for row in session.options.rows):
            measure(session)
    except KeyboardInterrupt:
        print("\nstopped; what was measured until now:")
        return True
    finally:
        session.end()
    return False


def _is_complete(session: Session, stopped: bool) -> bool:
    """Return whether every row was measured with everybody; MKL, which does not run everywhere, may be missing."""
    measured = {measurement.row for measurement in session.results.measurements if measurement.counts}
    return measured == MEASURES.keys() and set(session.left_out) <= {"mkl"} and not (stopped or session.failures)


def _about_the_run(session: Session, stopped: bool) -> list[str]:
    """How it was measured, and what a skeptic would ask."""
    lines = ["STOPPED before the end."] if stopped else []
    lines.append(
        "Medians, in brackets the minima. All take turns, round after round, each in a process of its own, with the "
        "same data, batch size, initial weights and learning rate, in float32; each shuffles for itself. Less is "
        "better everywhere; in the last columns, above 1, nnlite is ahead of its best peer, below 1 behind."
    )
    if session.idle_seconds:
        lines.append(
            f"Processes that waited for their turn used {session.idle_cpu / session.idle_seconds:.2%} of a core. "
            f"nnlite drew its progress bars {session.drawings:,} times. The run took {session.seconds:,.0f} s."
        )
    if session.quiet.n_turns:
        lines.append(
            f"Other programs took more than {DISTURBING} cores away in {session.quiet.n_disturbed} of "
            f"{session.quiet.n_turns} turns."
        )
    lines += [f"FAILED {failure}" for failure in session.failures]
    return lines


def _document(session: Session, about: list[str]) -> dict[str, Any]:
    run = {"quick": session.options.quick, "rounds": session.options.rounds, "about": about, "notes": session.notes}
    return {
        "machine": machine.describe(session.options.frameworks),
        "run": run,
        "measurements": session.results.as_json(),
    }


if __name__ == "__main__":
    sys.exit(main())
