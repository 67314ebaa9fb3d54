"""Facts about the package nnlite.datasets as a whole."""

import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "nnlite"


LIGHT = set(
    "__future__ _bisect _csv _heapq _json array bisect copy csv dataclasses difflib heapq json json.decoder "
    "json.encoder json.scanner zlib".split()
)


def test_importing_loads_numpy_nnlite_and_little_else():
    program = (
        "import sys, types, numpy\n"
        "nnlite = sys.modules['nnlite'] = types.ModuleType('nnlite')\n"  # without the rest of the package
        f"nnlite.__path__ = [{str(PACKAGE)!r}]\n"
        "before = set(sys.modules)\n"
        "import nnlite.datasets\n"
        "print(*sorted(name for name in set(sys.modules) - before if not name.startswith('nnlite')))\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) <= LIGHT
