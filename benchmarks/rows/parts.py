"""Where a step of nnlite's textbook goes, part by part."""

from __future__ import annotations

import statistics

from benchmarks.frameworks import TEXTBOOK
from benchmarks.session import Session

ROUNDS = 3


def measure(session: Session) -> None:
    """Microseconds of each part, and of the products alone; each part's median over the rounds is a fact."""
    if session.options.quick:
        session.note("parts", "--quick leaves out where a step of nnlite's goes.")
        return
    if TEXTBOOK not in session.options.frameworks:
        return
    for network in session.options.networks:
        session.say(f"where a step of {network.name} goes, us:", end="")
        entry = session.results.open("parts", network.title, TEXTBOOK, "us")
        rounds: list[dict[str, float]] = []
        for _ in range(min(ROUNDS, session.options.rounds)):
            answer = session.ask(TEXTBOOK, network.title, "parts", network=network)
            if answer is None:
                entry.failure = "failed"
                break
            rounds.append({"products alone": answer["products"]} | answer["parts"])
            entry.samples.append(sum(answer["parts"].values()))
        else:
            entry.facts = {part: statistics.median(found[part] for found in rounds) for part in rounds[0]}
            session.say("  " + "  ".join(f"{part} {us:,.0f}" for part, us in entry.facts.items()), end="")
        session.say()
