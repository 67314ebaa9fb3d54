"""Training steps through each framework's public way, and the matrix products of these steps alone."""

from __future__ import annotations

from benchmarks.frameworks import FRAMEWORKS, OWN
from benchmarks.networks import Network
from benchmarks.rows.turns import train_in_turns
from benchmarks.session import Session

SECONDS_OF_PRODUCTS = 0.25
SHARE_WHEN_QUICK = 0.6  # of the time, for this row


def measure(session: Session) -> None:
    """Microseconds a step on every network, and in the same rounds those of its products: the rows asked for."""
    networks, rounds = session.options.networks, session.options.rounds
    hurried = []
    for number, network in enumerate(networks, start=1):
        frameworks = [name for name in session.options.frameworks if FRAMEWORKS[name].trains]
        if "training" not in session.options.rows:
            frameworks = [OWN]  # for the share
        products = Products(session, network)
        also = products.measure if "limit" in session.options.rows else lambda: None
        share = SHARE_WHEN_QUICK * number / len(networks)
        if not train_in_turns(session, "training", network.title, network, frameworks, rounds, also, share):
            hurried.append(network.name)
    if hurried:
        session.note("training", f"--quick had no time for {rounds} rounds of {', '.join(hurried)}.")


class Products:
    """The matrix products of a network's step, which nnlite's process computes with ``a.dot(W, out=z)``."""

    def __init__(self, session: Session, network: Network) -> None:
        self.session, self.network = session, network
        self.steps = 2

    def measure(self) -> None:
        """Add a sample to the row of limits."""
        entry = self.session.results.open("limit", self.network.title, OWN, "us")
        if not entry.samples:  # the first time tells how many make a measurement
            self.steps = max(2, round(SECONDS_OF_PRODUCTS / ((self._us() or 1e6) * 1e-6)))
        us = self._us()
        if us is None:
            entry.failure = "failed"
        else:
            entry.samples.append(us)
            self.session.say(f"  nnlite's products alone {us:,.0f}", end="")

    def _us(self) -> float | None:
        answer = self.session.ask(OWN, self.network.title, "products", network=self.network, steps=self.steps)
        return None if answer is None else float(answer["us"])
