"""Frameworks that train one network, round after round in turn: what several rows are made of."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from benchmarks.frameworks import FRAMEWORKS
from benchmarks.images import ImageNetwork
from benchmarks.networks import Network
from benchmarks.results import Measurement
from benchmarks.session import Session

LEARNED = 0.95  # the largest share of the first loss that may be left: some networks make only a few dozen steps


def train_in_turns(
    session: Session,
    row: str,
    case: str,
    network: Network | ImageNetwork,
    frameworks: Sequence[str],
    rounds: int,
    also: Callable[[], None] = lambda: None,
    share: float = 1.0,
    command: str = "begin_training",
) -> bool:
    """Measure microseconds a step of everyone, and see that everyone has learned; ``also`` has its turn in a round.

    ``command`` is that of `benchmarks.worker` which begins.

    A run in a hurry leaves out further rounds when this share of its time is over; return whether it had time for all.
    """
    network = network._replace(all_epochs=1 + rounds * network.epochs)
    session.say(f"{case}: getting ready", end="")
    entries: dict[str, Measurement] = {}
    for framework in frameworks:
        answer = session.ask(framework, case, command, network=network)
        entry = session.results.open(row, case, framework, "us")
        if answer is None:
            entry.failure = "failed"
            continue
        entry.facts |= {"seconds_to_get_ready": answer["seconds"], "loss_before": answer["loss_before"]}
        entries[framework] = entry
        session.say(f"  {FRAMEWORKS[framework].title} {answer['seconds']:.1f} s", end="")
    session.say()
    done = 0
    while done < rounds and not (done and session.late(share)):
        session.say(f"  round {done + 1}/{rounds}, us a step:", end="")
        for framework in session.turns(list(entries), done):
            answer = session.ask(framework, case, "train", epochs=network.epochs)
            if answer is None:
                entries.pop(framework).failure = "failed"
                continue
            entries[framework].samples.append(answer["us"])
            entries[framework].facts["reported_loss"] = answer["loss"]
            session.say(f"  {FRAMEWORKS[framework].title} {answer['us']:,.0f}", end="")
        also()
        session.say()
        done += 1
    for framework, entry in entries.items():
        answer = session.ask(framework, case, "end_training")
        if answer is None:
            entry.failure = "failed"
        else:
            entry.facts["loss"] = answer["loss"]
    check_losses(session, case, [entry for entry in entries.values() if not entry.failure])
    return done == rounds


def check_losses(session: Session, case: str, entries: Sequence[Measurement]) -> None:
    """Leave out who has not learned: the loss has hardly fallen, or is much larger than that of the others."""
    if not entries:
        return
    typical = statistics.median(entry.facts["loss"] for entry in entries)
    for entry in entries:
        loss, before = entry.facts["loss"], entry.facts["loss_before"]
        if not loss < LEARNED * before or not loss < 1.5 * typical + 0.1:
            entry.failure = "did not learn"
            session.fail(
                entry.framework,
                case,
                f"did not learn: loss {before:.3f} before, {loss:.3f} after, {typical:.3f} in the middle of all",
            )
    losses = ", ".join(f"{FRAMEWORKS[entry.framework].title} {entry.facts['loss']:.3f}" for entry in entries)
    session.say(f"  loss {entries[0].facts['loss_before']:.3f} before; after: {losses}")
