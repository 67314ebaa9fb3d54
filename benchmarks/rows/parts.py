"""Where a step of nnlite goes: the parts of the textbook, and the kernels of the compiled engine."""

from __future__ import annotations

import statistics

from benchmarks.frameworks import FAST, FRAMEWORKS, TEXTBOOK
from benchmarks.networks import Network
from benchmarks.session import Session

ROUNDS = 3


def measure(session: Session) -> None:
    """Microseconds of each part, and of the products alone; each part's median over the rounds is a fact."""
    if session.options.quick:
        session.note("parts", "--quick leaves out where a step of nnlite's goes.")
        return
    for framework, what in ((TEXTBOOK, "parts"), (FAST, "kernels")):
        if framework in session.options.frameworks:
            for network in session.options.networks:
                _measure(session, network, framework, what)


def _measure(session: Session, network: Network, framework: str, what: str) -> None:
    session.say(f"where a step of {network.name} goes, {FRAMEWORKS[framework].title}, us:", end="")
    entry = session.results.open("parts", network.title, framework, "us")
    rounds: list[dict[str, float]] = []
    for _ in range(min(ROUNDS, session.options.rounds)):
        answer = session.ask(framework, network.title, what, network=network)
        if answer is None:
            entry.failure = "failed"
            break
        rounds.append(answer["alone"] | answer["parts"])
        entry.samples.append(sum(answer["parts"].values()))
    else:
        entry.facts = {part: statistics.median(found[part] for found in rounds) for part in rounds[0]}
        session.say("  " + "  ".join(f"{part} {us:,.1f}" for part, us in entry.facts.items()), end="")
    session.say()
