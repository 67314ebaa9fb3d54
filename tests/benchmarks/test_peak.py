from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from .common import ROOT

CODE = """
import sys
from benchmarks.peak import peak_MiB
before = peak_MiB()
held = bytes(int(sys.argv[1]) * 2**20)
held = held.replace(b"\\0", b"1")
print(before, peak_MiB())
"""


@pytest.mark.slow
def test_it_is_the_memory_of_this_process_and_not_of_the_one_that_started_it():
    large = np.ones(200 * 2**20, np.uint8)  # 200 MiB, here
    out = subprocess.run([sys.executable, "-c", CODE, "50"], cwd=ROOT, capture_output=True, text=True, check=True)
    before, after = map(float, out.stdout.split())
    assert before < 100 < large.nbytes / 2**20
    assert after - before > 45
