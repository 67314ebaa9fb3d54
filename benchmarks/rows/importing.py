"""What it costs to have the framework at all: the time to import it and the space on the disk."""

from __future__ import annotations

import importlib.metadata
import statistics
from pathlib import Path

from packaging.requirements import Requirement

from benchmarks.frameworks import FRAMEWORKS, TEXTBOOK, is_installed
from benchmarks.processes import ROOT, PeerError
from benchmarks.session import Session

RUNS, RUNS_WHEN_QUICK = 7, 1
WARMING = 1  # run that fills the disk's cache and does not count
SHARE_WHEN_QUICK = 0.8  # of the time, after which the first run has to do: all have been imported before
CASE = "import"
READY = "; print('ready', flush=True)"


def measure(session: Session) -> None:
    """Seconds that an import adds to the start of an interpreter, and MB of all that must be installed for it."""
    runs = RUNS_WHEN_QUICK if session.options.quick else RUNS
    frameworks = [name for name in session.options.frameworks if FRAMEWORKS[name].imports]
    bare: list[float] = []
    whole: dict[str, list[float]] = {name: [] for name in frameworks}
    for number in range(WARMING + runs):
        if number and session.late(SHARE_WHEN_QUICK):
            session.note(
                "import", "--quick had no time for a second run: the first, with files still to be read, counts."
            )
            break
        session.say(f"import, run {number + 1}/{WARMING + runs}, seconds:", end="")
        bare.append(session.run_alone("-c", "pass" + READY)[0])
        for framework in session.turns(list(whole), number):
            try:
                whole[framework].append(session.run_alone("-c", FRAMEWORKS[framework].imports + READY)[0])
            except PeerError as error:
                session.fail(framework, CASE, error)
                del whole[framework]
                continue
            session.say(f"  {FRAMEWORKS[framework].title} {whole[framework][-1] - bare[-1]:.2f}", end="")
        session.say()
    start = statistics.median(bare[WARMING:] or bare)
    for framework in frameworks:
        entry = session.results.open("import", CASE, framework, "s")
        if framework not in whole:
            entry.failure = "failed"
            continue
        entry.samples = [seconds - start for seconds in whole[framework][WARMING:] or whole[framework]]
        size = session.results.open("import", "installed size", framework, "MB")
        size.samples = [installed_bytes(FRAMEWORKS[framework].distributions) / 1e6]
    session.note("import", f"A bare interpreter starts in {start:.3f} s, which is taken off.")


def installed_bytes(distributions: tuple[str, ...]) -> int:
    """Sum of the sizes of all files of some distributions and of all that they require, byte code aside."""
    return sum(_bytes_of(name) for name in required(distributions))


def required(distributions: tuple[str, ...]) -> set[str]:
    """These distributions and, without their extras, those that they require, and so on."""
    found: set[str] = set()
    wanted = list(distributions)
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name in found or not is_installed(name):
            continue
        found.add(name)
        for text in importlib.metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.append(requirement.name)
    return found


def _bytes_of(name: str) -> int:
    files = [Path(str(path.locate())) for path in importlib.metadata.files(name) or ()]
    if name == TEXTBOOK and not any(path.name == "model.py" for path in files):
        files += (ROOT / TEXTBOOK).rglob("*")  # installed from the checkout, with pip install -e
    return sum(path.stat().st_size for path in files if path.is_file() and path.suffix != ".pyc")
