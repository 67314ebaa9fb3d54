"""Facts about compiled prediction by many threads, in children and at the end of a process."""

import multiprocessing
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn

pytest.importorskip("numba")

from .predictions import FILLED, PREDICT, SIZES, TOLERANCE, both, data, small

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _engine(monkeypatch):
    monkeypatch.delenv("NNLITE_ENGINE", raising=False)
    monkeypatch.delenv("NNLITE_NUM_THREADS", raising=False)


@pytest.mark.parametrize("M", [300, 1030, 5000])
def test_the_number_of_threads_changes_no_bit(M, monkeypatch):
    model, _ = small()
    X, y = data(M), np.arange(M) % 5
    found = set()
    for n in ("1", "2", "3"):
        monkeypatch.setenv("NNLITE_NUM_THREADS", n)
        found |= {(model.predict_rows(X).tobytes(), str(model.evaluate(X, y))) for _ in range(20)}
    assert len(found) == 1


def test_many_threads_at_once(monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", "2")
    model, _ = small()
    sets = [data(M) for M in SIZES]
    expected = [model.copy().predict_rows(X) for X in sets]
    wrong = []

    def work(i):
        for k in range(60):
            j = (i + k) % len(sets)
            if not np.array_equal(model.predict_rows(sets[j]), expected[j]):
                wrong.append((i, j))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_hyperparameters_may_change_while_others_predict():
    model, _ = both([nn.Dense(9), nn.LeakyReLU(0.5), nn.Dense(3), nn.Identity()], "float64")
    sets = [data(M) for M in SIZES]
    allowed = []
    for slope in (0.5, 0.1):
        model.layers[1].negative_slope = slope
        allowed.append([model.predict_rows(X) for X in sets])
    wrong, stop = [], threading.Event()

    def work():
        while not stop.is_set():
            for j, X in enumerate(sets):
                Y_hat = model.predict_rows(X)
                if not any(np.array_equal(Y_hat, right[j]) for right in allowed):
                    wrong.append(j)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for k in range(40):
        model.layers[1].negative_slope = (0.5, 0.1)[k % 2]
        model.predict_rows(sets[3])
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    for j, X in enumerate(sets):
        np.testing.assert_array_equal(model.predict_rows(X), allowed[1][j])


def _predict_in_child(model, X, queue):
    queue.put(model.predict_rows(X))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_predicts_after_a_fork():
    model, _ = small()
    context = multiprocessing.get_context("fork")
    for M in SIZES:
        X = data(M)
        expected = model.predict_rows(X)
        queue = context.Queue()
        child = context.Process(target=_predict_in_child, args=(model, X, queue))
        child.start()
        np.testing.assert_array_equal(queue.get(timeout=60), expected)
        child.join()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
def test_helpers_end_when_nothing_is_predicted(monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", "3")
    model, _ = small()

    def n_threads():
        return len(list(Path("/proc/self/task").iterdir()))

    before = n_threads()
    for _ in range(20):
        model.predict(data(1030))
    end = time.monotonic() + 10
    while n_threads() > before:
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_may_end_at_once(python):
    of_child = """
import os
for _ in range(12):
    model.predict(X)
    child = os.fork()
    if child == 0:
        model.predict(X)
        break
    assert os.waitpid(child, 0)[1] == 0
"""
    python(PREDICT, NNLITE_ENGINE="compiled", **FILLED)  # the process below need not load the compiler
    python(PREDICT + of_child, NNLITE_ENGINE="compiled", NNLITE_NUM_THREADS="3", **FILLED)


@pytest.mark.slow
@pytest.mark.parametrize("processor", ["haswell", "nehalem"])
def test_older_processors(processor, python):
    out, _ = python(PREDICT, NUMBA_CPU_NAME=processor, NUMBA_CPU_FEATURES="", NNLITE_ENGINE="compiled", **FILLED)
    assert float(out.split()[0]) < TOLERANCE["float32"]
