"""Training steps of convolutional networks through each framework's public way."""

from __future__ import annotations

from benchmarks.frameworks import FRAMEWORKS
from benchmarks.images import IMAGE_NETWORKS
from benchmarks.rows.turns import train_in_turns
from benchmarks.session import Session


def measure(session: Session) -> None:
    """Microseconds a step on every network."""
    if session.options.quick:
        session.note("convolutions", "--quick leaves out convolutional networks.")
        return
    frameworks = [name for name in session.options.frameworks if FRAMEWORKS[name].convolves]
    for network in IMAGE_NETWORKS:
        train_in_turns(
            session,
            "convolutions",
            network.title,
            network,
            frameworks,
            session.options.rounds,
            command="begin_training_on_images",
        )
