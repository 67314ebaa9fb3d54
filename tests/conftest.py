"""Options of the tests, and the processes in which they run."""

import gc
import os
import signal

import pytest

# files whose tests use the compiled engine
COMPILED = (
    *("tests/engine/", "tests/fitting/test_augmented.py", "tests/fitting/test_class_weights.py"),
    *("tests/fitting/test_parallel", "tests/fitting/test_stored.py", "tests/fitting/test_streams.py"),
    *("tests/fitting/test_validation_batches.py", "tests/network/test_knowledge.py"),
    *("tests/layers/test_running_averages.py", "tests/optimizers/test_base.py", "tests/tensorboard/"),
)


gc.disable()  # thousands of tests are collected: looking through them for garbage takes a third of that time


def pytest_collection_finish(session):
    """Collect garbage again, but never look through what is there for the whole run: the tests and the libraries."""
    gc.freeze()
    gc.enable()


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=30, help="kills in test_killed_trainings.py (default 30)")


def pytest_configure(config):
    """Test the textbook, unless the environment says otherwise: steps are compared with those by hand, bit for bit.

    tests/engine holds the compiled engine against it; .ci/run trains with it in the other tests too.
    """
    os.environ.setdefault("NNLITE_ENGINE", "textbook")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config, specs):
    """Let OpenBLAS use one thread in each worker: there is a worker for each core already."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Let one worker run the tests that compile kernels: two would compile the same ones at the same time."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return "compiled" if file.startswith(COMPILED) else file

    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Collect tests alone: what is in tests has no doctests, for which each file would be searched."""
    return [collector for collector in (yield) if type(collector) is pytest.Module]


@pytest.fixture
def ctrl_c():
    """Let Ctrl-C interrupt this process and those that it starts, although the shell may ignore it (``pytest &``)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
