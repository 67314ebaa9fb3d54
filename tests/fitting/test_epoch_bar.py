"""Facts about the progress bar of a training: it counts epochs, and stays silent where nobody looks."""

import os
import subprocess
import sys

import numpy as np
import pytest

import nnlite as nn
from nnlite.fitting.epoch_bar import EpochBar

from ..support import Terminal

SCRIPT = """
import numpy as np, nnlite as nn
model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
model.fit(np.eye(6), np.arange(6) % 3, epochs=4, validation_data=(np.eye(6), np.arange(6) % 3))
"""


@pytest.fixture
def attach_terminal(monkeypatch):
    """A function, because pytest replaces stderr between the fixtures and the test."""

    def attach():
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr

    return attach


def test_the_bar_counts_epochs_with_loss_and_accuracy_beside_it(attach_terminal):
    values = {"loss": 0.25, "accuracy": 0.9, "val_loss": 0.3, "val_accuracy": 0.8, "seconds": 1.0}
    terminal = attach_terminal()
    with EpochBar(2, shown=True) as bar:
        bar.finished(0, values)
        bar.finished(1, values)
    last = terminal.getvalue().rstrip("\n").split("\r")[-1]
    assert last.startswith("epoch 2/2 |########|")
    assert last.endswith("loss 0.250 val 0.300, accuracy 0.900 val 0.800")
    assert len(last) <= 80


def test_the_bar_moves_during_a_long_epoch(attach_terminal):
    terminal = attach_terminal()
    with EpochBar(10, shown=True) as bar:
        bar.within(4, 0.5)
        assert "epoch 5/10 |####" in terminal.getvalue()


def test_a_resumed_training_starts_with_the_epochs_that_are_done(attach_terminal):
    terminal = attach_terminal()
    with EpochBar(4, shown=True, done=2):
        bar = terminal.getvalue().split("|")[1]
        assert abs(bar.count("#") - len(bar) / 2) <= 1


def test_no_bar_without_a_terminal(capfd):
    with EpochBar(1, shown=True) as bar:
        bar.finished(0, {"loss": 0.0})
    assert capfd.readouterr() == ("", "")


def test_no_bar_if_it_is_declined(attach_terminal):
    terminal = attach_terminal()
    with EpochBar(1, shown=False) as bar:
        bar.within(0, 0.5)
        bar.finished(0, {"loss": 0.0})
    assert terminal.getvalue() == ""


def test_no_bar_without_a_stderr(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)  # as in a program without a console
    with EpochBar(1, shown=True) as bar:
        assert not bar.shown


@pytest.mark.parametrize("progress", [True, False])
def test_fit_shows_the_bar_if_progress_is_true(attach_terminal, progress):
    model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
    terminal = attach_terminal()
    model.fit(np.eye(6), np.arange(6) % 3, epochs=2, progress=progress)
    assert ("epoch 2/2 |" in terminal.getvalue()) == progress


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_fit_in_a_real_terminal():
    ours, theirs = os.openpty()
    process = subprocess.run([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert process.stdout == b""
    assert b"epoch 4/4 |" in written
    assert b"accuracy 0." in written
