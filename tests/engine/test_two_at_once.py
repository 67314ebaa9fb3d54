"""Two trainings at once share the cores: both end, with the bits that each has alone. (Their times are in the docs.)"""

import concurrent.futures
import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("numba")

import nnlite as nn

from .conftest import ROOT

pytestmark = pytest.mark.slow
THREADS = 2, 3  # of each training; together more than many machines have cores


def trained(seed, epochs=3):
    """A checksum of all weights of a network whose threads meet thousands of times."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((3000, 50)).astype(np.float32), rng.integers(0, 10, 3000)
    layers = [layer for _ in range(3) for layer in (nn.Dense(100), nn.ReLU())]
    model = nn.Model([*layers, nn.Dense(10), nn.Softmax()], seed=seed)
    history = model.fit(
        X, y, optimizer=nn.Adam(), batch_size=20, epochs=epochs, progress=False, engine="compiled"
    )  # 150 steps in an epoch
    assert history.epochs == epochs
    return hashlib.sha256(model.theta.tobytes()).hexdigest()


@pytest.mark.parametrize("n_threads", THREADS)
def test_two_python_threads_train_at_once(n_threads, monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", str(n_threads))
    alone = [trained(seed) for seed in range(2)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            assert list(pool.map(trained, range(2), timeout=120)) == alone


@pytest.mark.parametrize("n_threads", THREADS)
def test_two_processes_train_at_once(n_threads, monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", str(n_threads))
    alone = [trained(seed, epochs=4) for seed in range(2)]
    code = "import sys; from tests.engine.test_two_at_once import trained; print(trained(int(sys.argv[1]), epochs=4))"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(seed)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(2)
    ]
    try:
        assert [process.communicate(timeout=120)[0].strip() for process in both] == alone
    finally:
        for process in both:
            process.kill()
