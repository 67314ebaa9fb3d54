"""From process start to 97 % on MNIST's test set: what a person waits for, import and reading of the data included."""

from __future__ import annotations

import json
import os
import statistics
from pathlib import Path

from benchmarks.frameworks import FRAMEWORKS, OWN
from benchmarks.processes import PeerError
from benchmarks.session import Session

FILES = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
CASE = "784-256-10, from process start to 97 %"
PEAK = "784-256-10 to 97 % on MNIST"
RUNS, RUNS_WHEN_QUICK = 5, 1
SHARE_WHEN_QUICK = 0.65  # of the time, after which this row does not begin


def find(directory: str | None) -> str | None:
    """Where the four compressed files are: there, in $NNLITE_MNIST, or where `nnlite.load_mnist` keeps them."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    kept = Path(os.environ.get("NNLITE_DATA") or Path(cache) / "nnlite") / "mnist"
    for folder in (directory,) if directory else (os.environ.get("NNLITE_MNIST"), kept):
        if folder and all((Path(folder) / name).is_file() for name in FILES):
            return os.path.abspath(folder)
    return None


def measure(session: Session) -> None:
    """Seconds from starting the process to its word that it has reached 97 %; and its peak memory."""
    folder = find(session.options.mnist)
    if folder is None:
        where = session.options.mnist or "$NNLITE_MNIST or nnlite's cache"
        session.note(
            "mnist",
            f"Left out: MNIST's four .gz files are not in {where}. `nnlite.load_mnist()` fetches them once, or "
            "`--mnist DIR` says where they are.",
        )
        return
    frameworks = [name for name in session.options.frameworks if FRAMEWORKS[name].script]
    runs = RUNS_WHEN_QUICK if session.options.quick else RUNS
    if session.late(SHARE_WHEN_QUICK):
        session.note("mnist", "--quick had no time for this.")
        return
    for number in range(runs):
        session.say(f"{CASE}, run {number + 1}/{runs}, seconds:", end="")
        for framework in session.turns(frameworks, number):
            _run(session, framework, folder, number)
        session.say()
    reached = [(name, session.results.get("mnist", CASE, name)) for name in frameworks]
    steps = [
        f"{FRAMEWORKS[name].title} {statistics.median(entry.facts['steps']):,.0f}"
        for name, entry in reached
        if entry is not None and entry.counts
    ]
    if steps:
        session.note("mnist", f"Steps that it took: {', '.join(steps)}.")


def _run(session: Session, framework: str, folder: str, seed: int) -> None:
    entry = session.results.open("mnist", CASE, framework, "s")
    memory = session.results.open("memory", PEAK, framework, "MiB")
    if entry.failure:
        return
    script = f"benchmarks.mnist.{FRAMEWORKS[framework].script}"
    try:
        seconds, line = session.run_alone("-m", script, folder, str(seed), draws=framework == OWN)
        answer = json.loads(line)
        if answer["accuracy"] < 0.97:
            raise PeerError(f"came to {answer['accuracy']:.2%} only")
    except (PeerError, ValueError) as error:
        session.fail(framework, CASE, error)
        entry.failure = memory.failure = "failed"
        return
    entry.samples.append(seconds)
    entry.facts.setdefault("steps", []).append(answer["steps"])
    memory.samples.append(answer["MiB"])
    session.say(f"  {FRAMEWORKS[framework].title} {seconds:.2f} ({answer['steps']} steps)", end="")
