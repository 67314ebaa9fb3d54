"""Facts about the progress of a training: a bar that counts epochs, or lines in a log."""

import os
import re
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


def lines(capfd, epochs, done=0, until=None):
    """Which epochs have a line in a log, and the lines."""
    with EpochBar(epochs, shown=True, done=done) as bar:
        for epoch in range(done, until or epochs):
            bar.within(epoch, 0.5)
            bar.finished(epoch, {"loss": 0.25, "val_loss": 0.5})
    out, error = capfd.readouterr()
    assert out == ""
    printed = error.splitlines()
    return [int(re.match(rf"epoch (\d+)/{epochs} \(\d+\.\d s\): loss 0.250 val 0.500$", line)[1]) for line in printed]


def test_a_log_has_a_line_for_each_epoch(capfd):
    assert lines(capfd, 3) == [1, 2, 3]
    assert lines(capfd, 20) == [*range(1, 21)]


@pytest.mark.parametrize("epochs", [21, 30, 99, 1000])
def test_a_log_of_a_long_training_has_about_20_lines_at_equal_distances(capfd, epochs):
    printed = lines(capfd, epochs)
    assert printed[0] == 1
    assert printed[-1] == epochs
    assert 20 <= len(printed) <= 21
    distances = np.diff(printed[1:])
    assert distances.max() - distances.min() <= 1


def test_a_log_shows_the_last_epoch_also_of_a_training_that_ended_early(capfd):
    assert lines(capfd, 1000, until=73) == [1, 50, 73]


def test_a_log_of_a_resumed_training_begins_with_its_first_epoch(capfd):
    assert lines(capfd, 200, done=171) == [172, 180, 190, 200]
    assert lines(capfd, 200, done=200) == []


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_is_shown_if_it_is_declined(attach_terminal, capfd, terminal):
    if terminal:
        attach_terminal()
    with EpochBar(1, shown=False) as bar:
        bar.within(0, 0.5)
        bar.finished(0, {"loss": 0.0})
    assert capfd.readouterr() == ("", "")
    assert not terminal or sys.stderr.getvalue() == ""


def test_no_bar_without_a_stderr(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)  # as in a program without a console
    with EpochBar(1, shown=True) as bar:
        bar.finished(0, {"loss": 0.0})
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


@pytest.mark.slow
def test_fit_in_a_script_prints_lines():
    process = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert process.stdout == ""
    assert [line.partition(" (")[0] for line in process.stderr.splitlines()] == [f"epoch {n}/4" for n in (1, 2, 3, 4)]
