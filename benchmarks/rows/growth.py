"""How a step grows with width, depth and batch: nnlite, and the peers that are fast and compile quickly."""

from __future__ import annotations

import itertools
import math

from benchmarks.networks import Network
from benchmarks.rows.turns import train_in_turns
from benchmarks.session import Session

FRAMEWORKS = ("nnlite", "nnlite-fast", "torch", "jax", "jax-scan")
ROUNDS = 3
EXAMPLES = 4096
MOST_STEPS = 256  # to an epoch, for small batches
FEWEST_STEPS = 8  # to a measurement, for large ones
SECONDS = 0.2  # that a measurement should take at least
SECONDS_OF_A_PRODUCT = 1e-11  # about, for a multiplication and an addition
SECONDS_OF_A_WEIGHT = 2e-9  # about, for Adam


def _network(hidden: tuple[int, ...], batch: int) -> Network:
    n_examples = max(batch, min(EXAMPLES, MOST_STEPS * batch) // batch * batch)
    # smaller for many layers and small batches, which do not always learn at 1e-3
    rate = 1e-3 if len(hidden) <= 4 and batch >= 64 else 3e-4
    steps = n_examples // batch
    n_weights = sum(n_in * n_out for n_in, n_out in itertools.pairwise((784, *hidden, 10)))
    step = n_weights * (3 * batch * SECONDS_OF_A_PRODUCT + SECONDS_OF_A_WEIGHT)
    epochs = math.ceil(max(FEWEST_STEPS / steps, SECONDS / (steps * step)))
    return Network((784, *hidden, 10), batch, "Adam", rate, n_examples, epochs)


POINTS = {
    "width": {width: _network((width, width), 128) for width in (64, 256, 1024, 4096)},
    "depth": {depth: _network((256,) * depth, 128) for depth in (1, 2, 4, 8, 16, 32)},
    "batch": {batch: _network((512, 512), batch) for batch in (1, 8, 64, 512, 4096)},
}


def measure(session: Session) -> None:
    """Microseconds a step along three lines."""
    if session.options.quick:
        session.note("growth", "--quick leaves out how a step grows with width, depth and batch.")
        return
    frameworks = [name for name in session.options.frameworks if name in FRAMEWORKS]
    for quantity, points in POINTS.items():
        for value, network in points.items():
            case = f"{quantity} {value:,}"
            train_in_turns(session, "growth", case, network, frameworks, ROUNDS)
