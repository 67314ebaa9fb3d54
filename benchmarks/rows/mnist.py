"""From process start to 97 % on MNIST's test set: what a person waits for, import and reading of the data included."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.frameworks import FRAMEWORKS
from benchmarks.processes import PeerError
from benchmarks.session import Session

FILES = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
WARM = "784-256-10 to 97 %, compiled before"
COLD = "784-256-10 to 97 %, for the first time"
PEAK = "784-256-10 to 97 % on MNIST"
RUNS, COLD_RUNS = 5, 3
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
    if session.late(SHARE_WHEN_QUICK):
        session.note("mnist", "--quick had no time for this.")
        return
    frameworks = [name for name in session.options.frameworks if FRAMEWORKS[name].script]
    with tempfile.TemporaryDirectory() as caches:
        runs = Runs(session, folder, caches, frameworks)
        runs.warm()
        if not session.options.quick:
            runs.cold()
    _note_steps(session, frameworks)


class Runs:
    """The runs of all frameworks, in turn.

    Parameters
    ----------
    session : Session
    folder : str
        That of MNIST's files.
    caches : str
        A directory for compiled programs, empty at first.
    frameworks : list of str
    """

    def __init__(self, session: Session, folder: str, caches: str, frameworks: list[str]) -> None:
        self.session, self.folder, self.caches, self.frameworks = session, folder, caches, frameworks

    def warm(self) -> None:
        """Measure with compiled programs on disk, where a framework keeps them."""
        kept = os.path.join(self.caches, "kept")
        self._round(WARM, self._compiling(), kept, "a run that compiles and does not count", 0, counts=False)
        runs = 1 if self.session.options.quick else RUNS
        for number in range(runs):
            self._round(WARM, self.frameworks, kept, f"run {number + 1}/{runs}", number)

    def cold(self) -> None:
        """Measure with empty caches. Frameworks that keep nothing need the same time as before."""
        for number in range(COLD_RUNS):
            empty = os.path.join(self.caches, f"empty {number}")
            self._round(COLD, self._compiling(), empty, f"run {number + 1}/{COLD_RUNS}", number)
        for framework in self.frameworks:
            measured = self.session.results.get("mnist", WARM, framework)
            if framework not in self._compiling() and measured is not None:
                entry = self.session.results.open("mnist", COLD, framework, "s")
                entry.samples, entry.failure = list(measured.samples), measured.failure

    def _compiling(self) -> list[str]:
        return [name for name in self.frameworks if FRAMEWORKS[name].compiles]

    def _round(
        self, case: str, frameworks: list[str], cache: str, number: str, seed: int, *, counts: bool = True
    ) -> None:
        self.session.say(f"{case}, {number}, seconds:", end="")
        os.makedirs(cache, exist_ok=True)
        for framework in self.session.turns(frameworks, seed):
            self._run(case, framework, settings_of_caches(cache), seed, counts)
        self.session.say()

    def _run(self, case: str, framework: str, caches: Mapping[str, str], seed: int, counts: bool) -> None:
        session, chosen = self.session, FRAMEWORKS[framework]
        entry = session.results.open("mnist", case, framework, "s")
        memory = session.results.open("memory", PEAK, framework, "MiB")
        if entry.failure:
            return
        command = ("-m", f"benchmarks.mnist.{chosen.script}", self.folder, str(seed))
        try:
            seconds, line = session.run_alone(*command, draws=chosen.draws, settings={**chosen.settings, **caches})
            answer = json.loads(line)
            if answer["accuracy"] < 0.97:
                raise PeerError(f"came to {answer['accuracy']:.2%} only")
        except (PeerError, ValueError) as error:
            session.fail(framework, case, error)
            entry.failure = memory.failure = "failed"
            return
        session.say(f"  {chosen.title} {seconds:.2f} ({answer['steps']} steps)", end="")
        if counts:
            entry.samples.append(seconds)
            entry.facts.setdefault("steps", []).append(answer["steps"])
        if counts and case == WARM:
            memory.samples.append(answer["MiB"])


def settings_of_caches(folder: str) -> dict[str, str]:
    """Return the variables with which compiled programs are kept in this folder, and nowhere else.

    JAX does not keep any by default; here it does, as nnlite. Temporary files are nnlite's second cache.
    """
    return {
        "NNLITE_CACHE": folder,
        "TMPDIR": folder,
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def _note_steps(session: Session, frameworks: list[str]) -> None:
    reached = [(name, session.results.get("mnist", WARM, name)) for name in frameworks]
    steps = [
        f"{FRAMEWORKS[name].title} {statistics.median(entry.facts['steps']):,.0f}"
        for name, entry in reached
        if entry is not None and entry.counts
    ]
    if steps:
        session.note("mnist", f"Steps that it took: {', '.join(steps)}.")
