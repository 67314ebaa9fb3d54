"""Options of the tests, and the processes in which they run."""

import os

import pytest


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=30, help="kills in test_killed_trainings.py (default 30)")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config, specs):
    """Let OpenBLAS use one thread in each worker: there is a worker for each core already."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
