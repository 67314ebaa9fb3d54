"""From process start to 97 % on MNIST's test set: what a person waits for, import and reading of the data included."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.frameworks import ALWAYS, FRAMEWORKS, ON_REQUEST
from benchmarks.processes import PeerError
from benchmarks.session import Session

FILES = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
FIRST = "784-256-10 to 97 %, first run"
SECOND = "784-256-10 to 97 %, second run"
KEPT = "784-256-10 to 97 %, second run, JAX told to keep its programs"
PEAK = "784-256-10 to 97 % on MNIST"
RUNS = 5
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
    with tempfile.TemporaryDirectory() as folders:
        runs = Runs(session, folder, folders)
        runs.measure(frameworks)
    _note_steps(session, frameworks)


class Runs:
    """The runs of all frameworks, in turn.

    Parameters
    ----------
    session : Session
    data : str
        The directory of MNIST's files.
    folders : str
        A directory for folders of compiled programs.
    """

    def __init__(self, session: Session, data: str, folders: str) -> None:
        self.session, self.data, self.folders = session, data, folders

    def measure(self, frameworks: list[str]) -> None:
        """Fill the cases. What a framework does in the same way in several of them is measured once."""
        always = [name for name in frameworks if FRAMEWORKS[name].keeps == ALWAYS]
        on_request = [name for name in frameworks if FRAMEWORKS[name].keeps == ON_REQUEST]
        self._round(SECOND, always, "kept", 0, counts=False)
        self._round(KEPT, on_request, "kept on request", 0, counts=False)
        for number in range(1 if self.session.options.quick else RUNS):
            self._round(SECOND, frameworks, "kept", number)
            self._round(KEPT, on_request, "kept on request", number)
            if not self.session.options.quick:
                self._round(FIRST, always, f"empty {number}", number)
        self._same(frameworks, KEPT, on_request)
        if not self.session.options.quick:
            self._same(frameworks, FIRST, always)

    def _same(self, frameworks: list[str], case: str, others: list[str]) -> None:
        """Take over the measurements of the second run for all but these."""
        for framework in frameworks:
            measured = self.session.results.get("mnist", SECOND, framework)
            if framework not in others and measured is not None:
                entry = self.session.results.open("mnist", case, framework, "s")
                entry.samples, entry.failure = list(measured.samples), measured.failure

    def _round(self, case: str, frameworks: list[str], cache: str, number: int, *, counts: bool = True) -> None:
        if not frameworks:
            return
        run = f"run {number + 1}" if counts else "a run that compiles and does not count"
        self.session.say(f"{case}, {run}, seconds:", end="")
        folder = os.path.join(self.folders, cache)
        os.makedirs(folder, exist_ok=True)
        for framework in self.session.turns(frameworks, number):
            self._run(case, framework, settings_of_caches(folder, on_request=case == KEPT), number, counts)
        self.session.say()

    def _run(self, case: str, framework: str, caches: Mapping[str, str], seed: int, counts: bool) -> None:
        session, chosen = self.session, FRAMEWORKS[framework]
        entry = session.results.open("mnist", case, framework, "s")
        memory = session.results.open("memory", PEAK, framework, "MiB")
        if entry.failure:
            return
        command = ("-m", f"benchmarks.mnist.{chosen.script}", self.data, str(seed))
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
        if counts and case == SECOND:
            memory.samples.append(answer["MiB"])


def settings_of_caches(folder: str, *, on_request: bool) -> dict[str, str]:
    """Return the variables with which compiled programs are kept in this folder and looked for nowhere else.

    Parameters
    ----------
    folder : str
    on_request : bool
        Whether to tell JAX to keep its programs, which it does not do by default.
    """
    of_jax = {
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    # a folder for temporary files is nnlite's second cache
    return {"NNLITE_CACHE": folder, "TMPDIR": folder} | (of_jax if on_request else {})


def _note_steps(session: Session, frameworks: list[str]) -> None:
    reached = [(name, session.results.get("mnist", SECOND, name)) for name in frameworks]
    steps = [
        f"{FRAMEWORKS[name].title} {statistics.median(entry.facts['steps']):,.0f}"
        for name, entry in reached
        if entry is not None and entry.counts
    ]
    if steps:
        session.note("mnist", f"Steps that it took: {', '.join(steps)}.")
