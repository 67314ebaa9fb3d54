"""What the tests of the engine share."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def as_a_user_has_it(monkeypatch):
    """The engine that nnlite chooses by itself: the other tests ask for the textbook."""
    monkeypatch.delenv("NNLITE_ENGINE", raising=False)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """An empty folder for the cache and another for temporary files, which nobody else uses."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("NNLITE_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture(scope="session")
def as_on(tmp_path_factory):
    """``as_on(name)`` is the environment of a process that takes the place of another processor.

    All tests share its kernels.
    """
    folder = tmp_path_factory.mktemp("processors")

    def as_on(name):
        features = {"NUMBA_CPU_FEATURES": ""} if name == "nehalem" else {}
        return {"NUMBA_CPU_NAME": name, "NNLITE_CACHE": str(folder)} | features

    return as_on


@pytest.fixture
def python(places):
    """``python(code, **environment)`` runs code in a new process that succeeds; returns its output and its errors."""

    def python(code, package=ROOT, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
        clean |= {"PYTHONPATH": str(package)} | environment
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, env=clean, cwd=places, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        return run.stdout, run.stderr

    return python
