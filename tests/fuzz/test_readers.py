"""Facts about the readers of files: each of fifty thousand damaged files is read, or refused with one kind of error."""

import contextlib
import importlib.util
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from ..support import Calls
from . import readers

# audit events of the interpreter before it runs code, a module, a pickle or a program, or changes files
FORBIDDEN = ("import", "exec", "compile", "pickle.", "marshal.", "os.system", "os.exec", "os.spawn", "subprocess.",
             "ctypes.", "socket.", "os.remove", "os.rename", "os.mkdir", "code.")  # fmt: skip


class Watch:
    """Record the audit events that reading a file must never cause."""

    def __init__(self):
        self.on, self.seen = False, []
        sys.addaudithook(self.hook)  # cannot be removed, so all tests share one

    def hook(self, event, arguments):
        if self.on and (event.startswith(FORBIDDEN) or (event == "open" and str(arguments[0]) != str(readers.PATH))):
            self.seen.append((event, *map(repr, arguments)))

    def __enter__(self):
        self.on, self.seen = True, []

    def __exit__(self, *exception):
        self.on = False


WATCH = Watch()


def warmed_up(kind):
    """Return the reader after it has imported all that it needs."""
    read = readers.READERS[kind]
    for content in readers.seeds(kind):
        read(content)
    return read


def test_the_watch_sees_forbidden_events():
    with WATCH:
        eval("1")
        with contextlib.suppress(ImportError):
            __import__("there_is_no_such_module")
        with open(__file__):
            pass
    assert {event for event, *_ in WATCH.seen} == {"compile", "exec", "import", "open"}


@pytest.mark.parametrize("kind", readers.READERS)
def test_good_files_are_read(kind):
    for content in readers.SEEDS[kind]:
        assert readers.READERS[kind](content) is not None


@pytest.mark.parametrize("kind", readers.READERS)
def test_the_corpus_is_read_or_refused(kind):
    read, contents = warmed_up(kind), readers.seeds(kind)
    assert len(contents) > 10
    with WATCH:
        for content in contents:
            read(content)
    assert WATCH.seen == []


# readers that are faster get more files; the slow tests have fifty thousand
N_MUTATED = {"model": 300, "header": 200, "idx": 600, "csv": 50}
MOST_CALLS = 100_000  # of functions, for one file


@pytest.mark.parametrize("times", [1, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", readers.READERS)
def test_damaged_files_are_read_or_refused_after_little_work_and_run_nothing(kind, times):
    read, rng, seeds = warmed_up(kind), np.random.default_rng(0), readers.seeds(kind)
    most, n_read, n = 0, 0, times * N_MUTATED[kind]
    contents = [readers.mutated(seeds[i % len(seeds)], kind, rng) for i in range(n)]
    with WATCH:
        for content in contents:
            with Calls() as calls:
                n_read += read(content) is not None
            most = max(most, calls.n)
    assert WATCH.seen == []
    assert 0 < n_read < n  # some changes do no harm
    assert most < MOST_CALLS


@pytest.mark.slow
@pytest.mark.parametrize("kind", readers.READERS)
def test_no_damaged_file_takes_much_memory(kind):
    read, rng, seeds = warmed_up(kind), np.random.default_rng(1), readers.seeds(kind)
    contents = [readers.mutated(seeds[i % len(seeds)], kind, rng) for i in range(100)]
    tracemalloc.start()
    try:
        for content in contents:
            read(content)
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", readers.READERS)
def test_fuzzing_finds_nothing(kind, tmp_path):
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed")
    (tmp_path / "found").mkdir()
    fuzz = [
        sys.executable,
        Path(__file__).with_name("fuzz.py"),
        kind,
        tmp_path / "found",
        "-runs=2000",
        "-max_len=4096",
    ]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    ran = subprocess.run(fuzz, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert list(tmp_path.glob("crash-*")) == []
