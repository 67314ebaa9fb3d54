"""Prediction with a trained network: NumPy in, probabilities in NumPy out."""

from __future__ import annotations

from benchmarks.frameworks import FRAMEWORKS
from benchmarks.session import Session

SIZES = (784, 128, 10)
BATCHES = {"batch 1": 1, "batch 1,024": 1024}
SECONDS, SECONDS_WHEN_QUICK = 0.3, 0.1  # of a measurement
ROW = "prediction"


def measure(session: Session) -> None:
    """Microseconds a call: of one example, the latency; of 1,024, the throughput."""
    case = "-".join(map(str, SIZES))
    session.say(f"{case}: getting ready", end="")
    ready = []
    for framework in session.options.frameworks:
        if not FRAMEWORKS[framework].predicts:
            continue
        answer = session.ask(framework, case, "begin_prediction", sizes=SIZES, batches=list(BATCHES.values()))
        if answer is not None:
            ready.append(framework)
            session.say(f"  {FRAMEWORKS[framework].title} {answer['seconds']:.1f} s", end="")
    session.say()
    for number in range(session.options.rounds):
        for case, batch in BATCHES.items():
            session.say(f"  round {number + 1}/{session.options.rounds}, {case}, us a call:", end="")
            for framework in session.turns(ready, number):
                if not _sample(session, framework, case, batch):
                    ready.remove(framework)
            session.say()
    many, n_many = list(BATCHES.items())[-1]
    rates = [
        f"{FRAMEWORKS[m.framework].title} {n_many / m.median:.2f}"
        for m in session.results.measurements
        if (m.row, m.case) == (ROW, many) and m.counts
    ]
    if not rates:
        return
    session.note(ROW, f"Million examples a second, in batches of {n_many:,}: {', '.join(rates)}.")


def _sample(session: Session, framework: str, case: str, batch: int) -> bool:
    """Add a sample; a framework that fails has failed in every case, since its process begins anew."""
    entry = session.results.open(ROW, case, framework, "us")
    seconds = SECONDS_WHEN_QUICK if session.options.quick else SECONDS
    answer = session.ask(framework, case, "time_prediction", width=SIZES[0], batch=batch, seconds=seconds)
    if answer is None:
        for every_case in BATCHES:
            session.results.open(ROW, every_case, framework, "us").failure = "failed"
        return False
    entry.samples.append(answer["us"])
    session.say(f"  {FRAMEWORKS[framework].title} {answer['us']:,.1f}", end="")
    return True
