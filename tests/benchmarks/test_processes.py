"""Facts about the processes that are measured, one at a time, and about waiting for a quiet machine."""

import os
import time

import pytest

from benchmarks.frameworks import FRAMEWORKS
from benchmarks.processes import PeerError, Process, Worker
from benchmarks.quiet import Quiet
from nnlite.engine import openblas

from .common import TINY


@pytest.mark.slow
def test_a_worker_sleeps_while_it_waits():
    worker = Worker(FRAMEWORKS["nnlite"])
    try:
        worker.ask("begin_training", network=TINY)
        time.sleep(0.5)
        worker.ask("train", epochs=1)
        assert worker.idle_seconds > 0.5
        assert worker.idle_cpu < 0.1 * worker.idle_seconds
    finally:
        worker.end()


def test_a_command_that_fails_is_an_error_and_the_worker_lives_on():
    worker = Worker(FRAMEWORKS["nnlite"])
    try:
        with pytest.raises(PeerError, match=r"AttributeError.* 'dance'"):
            worker.ask("dance")
        assert worker.ask("peak_memory")["MiB"] > 10
    finally:
        worker.end()


@pytest.mark.parametrize(
    ("code", "words"),
    [("raise SystemExit(3)", "ended with exit code 3"), ("import sys; sys.exit('out of luck')", "out of luck")],
)
def test_the_last_words_of_a_process_are_heard(code, words):
    process = Process("-c", code)
    try:
        with pytest.raises(PeerError, match=words):
            process.line()
    finally:
        process.end()


def test_a_process_that_hangs_is_given_up():
    process = Process("-c", "import time; time.sleep(60)")
    try:
        with pytest.raises(PeerError, match="no answer within 0 seconds"):
            process.line(patience=0.1)
    finally:
        process.end()


@pytest.mark.parametrize(("module", "told"), [("own", True), ("scikit", False)])
def test_what_nnlite_tells_openblas_it_tells_its_own_process_alone(monkeypatch, module, told):
    monkeypatch.setenv(openblas.TIMEOUT, "19")
    monkeypatch.setattr(openblas, "added", {openblas.TIMEOUT})  # as where this process has set it
    code = (
        f"import sys; sys.argv[1:] = [{module!r}]; import benchmarks.worker; import os; print(*os.environ, flush=True)"
    )
    process = Process("-c", code)
    try:
        assert (openblas.TIMEOUT in process.line().split()) == told
    finally:
        process.end()


def test_a_thread_for_each_core_whatever_is_set_outside(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "17")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    process = Process("-c", "import os; print(os.environ['OMP_NUM_THREADS'], 'TQDM_DISABLE' in os.environ, flush=True)")
    try:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        assert process.line() == f"{cores} False"
    finally:
        process.end()


def busy(monkeypatch, *readings):
    readings = iter(readings)
    monkeypatch.setattr("benchmarks.quiet.busy_seconds", lambda: next(readings))


def test_a_turn_waits_for_quiet_as_long_as_patience_lasts(monkeypatch):
    busy(monkeypatch, 1.0, 1.5, 2.0, 2.5, 3.0, 3.0)  # busy, busy, quiet
    quiet = Quiet(patience=10.0)
    quiet.wait()
    assert quiet.patience == pytest.approx(10.0 - 2 * 0.001)
    busy(monkeypatch, 1.0, 1.5, 2.0, 2.5)
    impatient = Quiet(patience=0.001)
    impatient.wait()
    assert impatient.patience <= 0


@pytest.mark.parametrize(("others", "disturbed"), [(0.0, 0), (5.0, 1)])
def test_turns_that_others_disturb_are_counted(monkeypatch, others, disturbed):
    busy(monkeypatch, 100.0, 103.0 + others)
    quiet = Quiet(patience=0.0)
    quiet.begin()
    quiet.end(cpu_seconds=3.0)
    assert (quiet.n_turns, quiet.n_disturbed) == (1, disturbed)


def test_where_the_machine_does_not_say_how_busy_it_is_nothing_is_counted(monkeypatch):
    busy(monkeypatch, None, None, None, None)
    quiet = Quiet(patience=10.0)
    quiet.wait()
    quiet.begin()
    quiet.end(cpu_seconds=3.0)
    assert (quiet.n_turns, quiet.n_disturbed) == (0, 0)


@pytest.mark.parametrize(("name", "engine"), [("nnlite", "textbook"), ("nnlite-fast", "auto")])
def test_each_engine_of_nnlite_has_its_own_setting_whatever_is_set_outside(monkeypatch, name, engine):
    monkeypatch.setenv("NNLITE_ENGINE", "compiled")
    monkeypatch.setenv("NNLITE_NUM_THREADS", "17")
    code = "import os; print(os.environ['NNLITE_ENGINE'], 'NNLITE_NUM_THREADS' in os.environ, flush=True)"
    process = Process("-c", code, settings=FRAMEWORKS[name].settings)
    try:
        assert process.line() == f"{engine} False"
    finally:
        process.end()
