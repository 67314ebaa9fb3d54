"""Facts about progress bars: where one is drawn, and in which form."""

import io
import sys

import pytest

from nnlite.progress import in_notebook, make_bar

from .support import Terminal


class ZMQInteractiveShell:
    """Named as the shell of a Jupyter kernel."""


class TerminalInteractiveShell:
    """Named as the shell of IPython in a terminal."""


@pytest.mark.parametrize(("shell", "expected"), [(ZMQInteractiveShell, True), (TerminalInteractiveShell, False)])
def test_a_notebook_is_recognized_by_its_kernel(monkeypatch, shell, expected):
    class IPython:
        get_ipython = staticmethod(shell)

    monkeypatch.setitem(sys.modules, "IPython", IPython)
    assert in_notebook() == expected


def test_a_plain_process_is_no_notebook():
    assert not in_notebook()


def test_a_terminal_gets_a_bar_that_fits_its_width(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    with make_bar(total=2) as bar:
        bar.update()
    last = sys.stderr.getvalue().rstrip("\n").split("\r")[-1]
    assert "1/2" in last
    assert len(last) <= 60


@pytest.mark.parametrize("stream", [io.StringIO(), None], ids=["a file", "no stream"])
def test_without_a_terminal_there_is_no_bar(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    assert make_bar(total=2) is None
