"""Facts about frameworks that are missing or crash, and about a run that is stopped."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.frameworks import FRAMEWORKS, Framework

from .common import ROOT, run

pytestmark = pytest.mark.slow


def test_a_framework_that_is_not_installed_is_left_out_with_the_command_that_brings_it(
    tmp_path, capsys, monkeypatch, tiny
):
    missing = Framework("PyTorch", "pytorch", ("numpy", "no-such-distribution"))
    monkeypatch.setitem(FRAMEWORKS, "torch", missing)
    chosen = ["--rows", "training", "--networks", tiny.name, "--frameworks", "torch,nnlite", "--rounds", "1"]
    code, document = run(tmp_path, *chosen)
    assert code == 0
    line = "PyTorch is left out: pip install no-such-distribution brings it."
    assert line in capsys.readouterr().out
    assert line in (tmp_path / "results.md").read_text()
    assert [m["framework"] for m in document["measurements"]] == ["nnlite"]


@pytest.mark.slow
def test_a_framework_that_crashes_is_reported_and_the_rest_goes_on(tmp_path, capsys, monkeypatch, tiny):
    monkeypatch.setitem(FRAMEWORKS, "jax", Framework("JAX", "no_such_peer", ("numpy",)))
    chosen = ["--rows", "training", "--networks", tiny.name, "--frameworks", "jax,nnlite", "--rounds", "1"]
    code, document = run(tmp_path, *chosen)
    assert code == 1
    assert "FAILED JAX, 8-16-10, batch 16, Adam: ModuleNotFoundError" in capsys.readouterr().out
    own_entry, crashed = document["measurements"]
    assert own_entry["samples"]
    assert crashed["failure"] == "failed"


FLAKY = """
import itertools

def predictor(weights):
    from benchmarks.networks import probabilities

    calls = itertools.count()

    def predict(X):
        if next(calls) > 42 and len(X) > 1:  # all went well while it got ready, and with batches of 1
            raise ValueError("tired")
        return probabilities(weights, X)

    return predict
"""


@pytest.mark.slow
def test_a_framework_that_fails_once_has_failed_and_is_not_asked_again(tmp_path, monkeypatch):
    (tmp_path / "flaky.py").write_text(FLAKY)
    start = "import benchmarks.peers, runpy, sys; benchmarks.peers.__path__.append(sys.argv.pop(1)); "
    run_worker = "runpy.run_module('benchmarks.worker', run_name='__main__', alter_sys=True)"
    monkeypatch.setattr("benchmarks.processes.WORKER", ("-c", start + run_worker, str(tmp_path)))
    monkeypatch.setattr("benchmarks.rows.prediction.SECONDS", 0.02)
    monkeypatch.setitem(FRAMEWORKS, "jax", Framework("JAX", "flaky", ("numpy",)))
    code, document = run(tmp_path, "--rows", "prediction", "--frameworks", "jax,nnlite", "--rounds", "3")
    assert code == 1
    assert sum(line.startswith("FAILED JAX") for line in document["run"]["about"]) == 1
    entries = {(m["framework"], m["case"]): m for m in document["measurements"]}
    assert {entries["jax", case]["failure"] for case in ("batch 1", "batch 1,024")} == {"failed"}
    assert all(len(m["samples"]) == 3 for (framework, _), m in entries.items() if framework == "nnlite")


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_ctrl_c_ends_the_workers_and_keeps_what_was_measured(tmp_path, ctrl_c):
    chosen = "--rows training --networks 64-32-10 --frameworks nnlite --rounds 1000 --patience 0 --out".split()
    benchmarks = subprocess.Popen(
        [sys.executable, "-u", "-m", "benchmarks", *chosen, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
        start_new_session=True,
    )
    with benchmarks:
        for line in benchmarks.stdout:
            if "round 1/" in line:
                break
        workers = Path(f"/proc/{benchmarks.pid}/task/{benchmarks.pid}/children").read_text().split()
        benchmarks.send_signal(signal.SIGINT)
        out, _ = benchmarks.communicate(timeout=30)
    assert benchmarks.returncode == 130
    assert "STOPPED before the end." in out
    assert json.loads((tmp_path / "results.json").read_text())["measurements"][0]["samples"]
    assert len(workers) == 1
    assert not Path(f"/proc/{workers[0]}").exists()
