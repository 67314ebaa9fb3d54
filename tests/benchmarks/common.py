"""A run of the benchmarks with nnlite alone and one small network."""

import json
from pathlib import Path

from benchmarks import __main__ as command_line
from benchmarks.networks import Network
from benchmarks.session import Options, Session

ROOT = Path(__file__).parents[2]
MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "memory_GiB": 4,
    "system": "a system",
    "threads": 2,
    "date": "today",
    "python": "3",
    "versions": {"numpy": "2"},
    "commit": "abc",
    "environment": {},
    "set_by_nnlite": {"OPENBLAS_THREAD_TIMEOUT": "19"},
}
TINY = Network((8, 16, 10), 16, "Adam", 0.01, 256, epochs=20)
TINY_REGULARIZED = Network((8, 16, 16, 10), 16, "AdamW", 0.02, 256, epochs=20, dropout=0.1, all_epochs=21)


def run(tmp_path, *arguments):
    """Exit code and the JSON that was written."""
    code = command_line.main([*arguments, "--patience", "0", "--out", str(tmp_path)])
    return code, json.loads((tmp_path / "results.json").read_text())


def session(**options):
    defaults = {
        "rows": [],
        "frameworks": ["nnlite"],
        "networks": [],
        "rounds": 1,
        "quick": False,
        "mnist": None,
        "patience": 0,
    }
    return Session(Options(**(defaults | options)))
