"""Facts about memory: a training on a file larger than its memory stays within a quarter of it, epoch after epoch.

``NNLITE_HOURS=1 pytest -m slow tests/fitting/test_stored_memory.py`` also makes 8 GB of data.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

CHILD = Path(__file__).with_name("in_little_memory.py")
WIDTH = 256
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell the peak of memory"),
]


def write(folder, n_bytes):
    """A file of zeros, which takes no room on the disk, but for a column that tells the class in some rows."""
    n = n_bytes // (4 * WIDTH)
    X = np.lib.format.open_memmap(folder / "X.npy", mode="w+", dtype=np.float32, shape=(n, WIDTH))
    y = np.arange(n) * 4 // n
    step = 2**16
    for start in range(0, n, step):
        X[start : start + step, 0] = y[start : start + step]
    X.flush()
    del X
    np.save(folder / "y.npy", y)
    return n


def run(folder, how, limit):
    ran = subprocess.run([sys.executable, CHILD, folder, how, str(limit)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout)


@pytest.mark.parametrize("how", ["open", "map"])
def test_memory_stays_flat_and_within_a_quarter_of_the_data(tmp_path, how):
    size = 192 * 2**20
    n = write(tmp_path, size)
    before, after, end, accuracy, predicted, losses = run(tmp_path, how, 0)
    assert end - before < size / 4 / 2**20
    assert after[-1] - after[0] < 4  # MiB, from the first to the last epoch
    assert (predicted, accuracy > 0.9, losses[-1] < losses[0]) == (n, True, True)


@pytest.mark.skipif(not os.environ.get("NNLITE_HOURS"), reason="8 GB; set NNLITE_HOURS=1")
@pytest.mark.parametrize("how", ["open", "map"])
def test_eight_gigabytes_within_two(tmp_path, how):
    size = 8 * 2**30
    n = write(tmp_path, size)
    before, after, end, accuracy, predicted, losses = run(tmp_path, how, size // 4)
    assert end < size / 4 / 2**20
    assert after[-1] - after[0] < 32
    assert (predicted, accuracy > 0.9) == (n, True)
    print(before, after, end, accuracy, losses)
