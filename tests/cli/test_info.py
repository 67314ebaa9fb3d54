"""Facts about ``nnlite info``."""

import os
import sys

import numpy as np
import pytest

import nnlite as nn
from nnlite.engine import availability

PIP = 'pip install "nnlite[fast]"'


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    for name in "NNLITE_ENGINE", "NNLITE_NUM_THREADS":
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NNLITE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def without_numba(monkeypatch):
    for name in "numba", "llvmlite":
        monkeypatch.setitem(sys.modules, name, None)
    availability.version.cache_clear()
    yield
    availability.version.cache_clear()


@pytest.fixture
def info(run):
    """``info()`` returns what ``nnlite info`` prints, as a dictionary."""

    def info():
        code, out, err = run("info")
        assert (code, err) == (0, "")
        return {line.split()[0]: line.split(maxsplit=1)[1] for line in out.splitlines()}

    return info


def test_it_shows_versions_engine_processor_threads_and_cache(info):
    found = info()
    assert list(found) == "nnlite python numpy numba llvmlite engine processor threads cache".split()
    assert found["nnlite"] == nn.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["numpy"] == np.__version__


def test_with_numba_it_shows_the_vectors_and_what_is_in_the_cache(info, tmp_path):
    numba = pytest.importorskip("numba")
    from nnlite.engine import cache

    found = info()
    assert found["numba"] == numba.__version__
    assert found["engine"] == "compiled, for networks whose parts all have kernels"
    assert found["processor"].endswith(tuple(f" vector registers of {n} bits" for n in (128, 256, 512)))
    assert found["cache"].startswith(str(tmp_path / "cache" / "kernels"))
    assert found["cache"].endswith(": no kernels yet")
    assert not (tmp_path / "cache").exists()  # to ask is not to make
    cache.write("f", bytes(150_000))
    assert info()["cache"].endswith(": 1 kernel, 0.2 MB")


def test_without_numba_it_shows_how_to_install_it(info, without_numba):
    found = info()
    assert found["numba"] == found["llvmlite"] == f"not installed: {PIP}"
    assert found["engine"] == "textbook (Numba is not installed)"
    assert found["cache"] == "no compiled kernels"


def test_the_environment_decides_the_engine(info, monkeypatch):
    pytest.importorskip("numba")
    for engine in "textbook", "compiled":
        monkeypatch.setenv("NNLITE_ENGINE", engine)
        assert info()["engine"] == f"{engine} (NNLITE_ENGINE)"
    monkeypatch.setenv("NNLITE_ENGINE", "quick")
    assert info()["engine"] == "NNLITE_ENGINE: expected auto, textbook or compiled, got 'quick'"


def test_an_engine_that_is_not_possible_is_said_to_be_so(info, monkeypatch, without_numba):
    monkeypatch.setenv("NNLITE_ENGINE", "compiled")
    assert info()["engine"] == "compiled (NNLITE_ENGINE) is not possible: Numba is not installed"


@pytest.mark.parametrize(
    ("machine", "may_use", "threads", "text"),
    [
        (8, 8, 8, "8 (the processors of this machine); small networks use one"),
        (8, 4, 4, "4 (the processors that this process may use, of 8); small networks use one"),
        (8, 4, 2, "2 (the quota of the container; this process may use 4 processors); small networks use one"),
    ],
)
def test_it_says_what_decides_the_number_of_threads(info, monkeypatch, machine, may_use, threads, text):
    monkeypatch.setattr(os, "cpu_count", lambda: machine)
    monkeypatch.setattr("nnlite.cli.info.processors", lambda: may_use)
    monkeypatch.setattr("nnlite.cli.info.available_threads", lambda: threads)
    assert info()["threads"] == text


def test_the_environment_decides_the_number_of_threads(info, monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", "5")
    assert info()["threads"] == "5 (NNLITE_NUM_THREADS)"
    monkeypatch.setenv("NNLITE_NUM_THREADS", "none")
    assert info()["threads"] == "NNLITE_NUM_THREADS: expected an integer of at least 1, got 'none'"


def test_it_says_if_no_cache_can_be_written(info, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("NNLITE_CACHE", os.devnull)
    monkeypatch.setattr("tempfile.tempdir", os.devnull)
    assert info()["cache"] == "no folder can be written (NNLITE_CACHE sets it): each process compiles what it needs"
