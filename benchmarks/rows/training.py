"""Training steps through each framework's public way, and the limit: the matrix products of these steps alone."""

from __future__ import annotations

from benchmarks.frameworks import FAST, FRAMEWORKS, LIMITS
from benchmarks.networks import Network
from benchmarks.rows.turns import train_in_turns
from benchmarks.session import Session

SECONDS_OF_PRODUCTS = 0.15
SHARE_WHEN_QUICK = 0.6  # of the time, for this row


def measure(session: Session) -> None:
    """Microseconds a step on every network, and in the same rounds those of its products: the rows asked for."""
    networks, rounds = session.options.networks, session.options.rounds
    hurried = []
    for number, network in enumerate(networks, start=1):
        frameworks = [name for name in session.options.frameworks if FRAMEWORKS[name].can_train(network)]
        if "training" not in session.options.rows:
            frameworks = [name for name in frameworks if name == FAST]  # for the share
        products = Products(session, network)
        share = SHARE_WHEN_QUICK * number / len(networks)
        if not train_in_turns(session, "training", network.title, network, frameworks, rounds, products.measure, share):
            hurried.append(network.name)
    if hurried:
        session.note("training", f"--quick had no time for {rounds} rounds of {', '.join(hurried)}.")


class Products:
    """The matrix products of a network's step, by every BLAS that takes part."""

    def __init__(self, session: Session, network: Network) -> None:
        self.session, self.network = session, network
        asked = "limit" in session.options.rows
        self.libraries = [name for name in LIMITS if asked and name in session.options.frameworks]
        self.steps: dict[str, int] = {}

    def measure(self) -> None:
        """Add a sample of each library to the row of limits."""
        for library in list(self.libraries):
            entry = self.session.results.open("limit", self.network.title, library, "us")
            if library not in self.steps:  # the first time tells how many make a measurement
                self.steps[library] = max(2, round(SECONDS_OF_PRODUCTS / ((self._us(library, 2) or 1e6) * 1e-6)))
            us = self._us(library, self.steps[library])
            if us is None:
                entry.failure = "failed"
                self.libraries.remove(library)
                continue
            entry.samples.append(us)
            self.session.say(f"  {FRAMEWORKS[library].title}'s products alone {us:,.0f}", end="")

    def _us(self, library: str, steps: int) -> float | None:
        answer = self.session.ask(library, self.network.title, "products", network=self.network, steps=steps)
        return None if answer is None else float(answer["us"])
