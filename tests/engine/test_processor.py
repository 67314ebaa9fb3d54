"""Facts about the processor: its vectors, and how many threads it is given."""

import builtins
import io
import os
import platform

import pytest

from nnlite.engine import processor
from nnlite.engine.processor import available_threads, wanted_threads

from ..support import refuse

QUOTA_2, QUOTA_1, PERIOD_1 = (
    f"/sys/fs/cgroup/{name}" for name in ("cpu.max", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")
)


@pytest.fixture
def machine(monkeypatch):
    """``machine(processors, files)`` sets how many processors this process may use, and the files on its container."""

    def machine(processors, files):
        def open(path, *arguments, real=builtins.open, **options):
            if not str(path).startswith("/sys/fs/cgroup"):
                return real(path, *arguments, **options)
            if path not in files:
                raise FileNotFoundError(path)
            return io.StringIO(files[path])

        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(processors)), raising=False)
        monkeypatch.setattr(builtins, "open", open)

    return machine


@pytest.mark.parametrize(
    ("processors", "files", "threads"),
    [
        (4, {}, 4),
        (4, {QUOTA_2: "max 100000\n"}, 4),
        (4, {QUOTA_2: "200000 100000\n"}, 2),
        (4, {QUOTA_2: "150000 100000\n"}, 2),
        (4, {QUOTA_2: "20000 100000\n"}, 1),
        (4, {QUOTA_2: "900000 100000\n"}, 4),
        (4, {QUOTA_2: "strange\n"}, 4),
        (4, {QUOTA_1: "-1\n", PERIOD_1: "100000\n"}, 4),
        (4, {QUOTA_1: "300000\n", PERIOD_1: "100000\n"}, 3),
        (1, {QUOTA_1: "300000\n", PERIOD_1: "100000\n"}, 1),
        (4, {QUOTA_1: "300000\n"}, 4),
    ],
)
def test_threads_are_limited_by_the_processors_and_by_the_quota_of_the_container(machine, processors, files, threads):
    machine(processors, files)
    assert available_threads() == threads


def test_the_environment_can_ask_for_a_number_of_threads(monkeypatch):
    monkeypatch.delenv("NNLITE_NUM_THREADS", raising=False)
    assert wanted_threads() is None
    for text, number in ("", None), ("  ", None), ("3", 3), (" 12 ", 12):
        monkeypatch.setenv("NNLITE_NUM_THREADS", text)
        assert wanted_threads() == number


@pytest.mark.parametrize("text", ["0", "-1", "2.0", "many", "²"])
def test_a_number_of_threads_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv("NNLITE_NUM_THREADS", text)
    refuse(wanted_threads, "NNLITE_NUM_THREADS: expected an integer of at least 1", repr(text))


DESCRIBE = "from nnlite.engine.processor import processor; p = processor(); print(p.name, p.vector_bytes, p.registers)"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these processors are of this kind")
@pytest.mark.parametrize(
    ("name", "size", "registers"), [("skylake-avx512", 64, 32), ("haswell", 32, 16), ("nehalem", 16, 16)]
)
def test_the_vectors_of_other_processors(python, name, size, registers):
    pytest.importorskip("numba")
    assert python(DESCRIBE, NUMBA_CPU_NAME=name) == (f"{name} {size} {registers}\n", "")


def test_features_can_be_taken_away(python):
    pytest.importorskip("numba")
    if processor.processor().vector_bytes < 64:
        pytest.skip("the processor has no AVX-512")
    name = processor.processor().name
    features = processor.processor().features.replace("+avx512", "-avx512")
    _, size, registers = python(DESCRIBE, NUMBA_CPU_NAME=name, NUMBA_CPU_FEATURES=features)[0].split()
    assert (size, registers) == ("32", "16")


COMPARE = """
import numpy as np, nnlite as nn
rng = np.random.default_rng(0)
X, y = rng.normal(size=(200, 37)), rng.integers(0, 5, 200)
def train(engine):
    model = nn.Model([nn.Dense(67), nn.ReLU(), nn.Dense(5), nn.Softmax()], seed=0, dtype=DTYPE)
    model.fit(X, y, optimizer=nn.Adam(), batch_size=33, epochs=3, progress=False, engine=engine)
    return model.theta
print(abs(train("compiled") - train("textbook")).max())
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="these processors are of this kind")
@pytest.mark.parametrize("name", ["haswell", "nehalem"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_a_network_learns_the_same_on_a_processor_with_narrow_vectors(python, as_on, name, dtype, tolerance):
    pytest.importorskip("numba")
    out, _ = python(COMPARE.replace("DTYPE", repr(dtype)), **as_on(name))
    assert float(out) < tolerance
