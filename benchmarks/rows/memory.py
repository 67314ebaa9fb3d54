"""Peak memory of a process that trains; that of the run on MNIST comes from the row of that name."""

from __future__ import annotations

from benchmarks.frameworks import FRAMEWORKS
from benchmarks.networks import Network
from benchmarks.processes import PeerError
from benchmarks.session import Session

NETWORK = Network((784, 2048, 2048, 10), 128, "Adam", 1e-3, 4096, epochs=7)
CASE = "784-2048-2048-10, batch 128, Adam"
LEFT_OUT = ("torch-compile",)  # with the compiler in it


def measure(session: Session) -> None:
    """MiB at the peak of a fresh process that imports, makes the network and trains it for 256 steps."""
    if session.options.quick:
        session.note("memory", f"--quick leaves out {CASE}.")
        return
    session.say(f"{CASE}, {(1 + NETWORK.epochs) * NETWORK.steps} steps, peak MiB:", end="")
    for framework in session.options.frameworks:
        if not FRAMEWORKS[framework].trains or framework in LEFT_OUT:
            continue
        entry = session.results.open("memory", CASE, framework, "MiB")
        try:
            *_, answer = session.ask_alone(
                framework,
                [
                    {"command": "begin_training", "network": NETWORK},
                    {"command": "train", "epochs": NETWORK.epochs},
                    {"command": "peak_memory"},
                ],
            )
        except PeerError as error:
            session.fail(framework, CASE, error)
            entry.failure = "failed"
            continue
        entry.samples.append(answer["MiB"])
        session.say(f"  {FRAMEWORKS[framework].title} {answer['MiB']:,.0f}", end="")
    session.say()
