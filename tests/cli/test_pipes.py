"""Facts about the program among others: exit codes, and what happens if the reader of its output is gone."""

import os
import signal
import subprocess
import sys
import time

import pytest

import nnlite as nn

from .conftest import write_csv

pytestmark = pytest.mark.slow

NNLITE = [sys.executable, "-m", "nnlite"]


def shell(command, folder):
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; nnlite() {{ '{sys.executable}' -m nnlite \"$@\"; }}; {command}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A directory with a run, and many rows to predict."""
    folder = tmp_path_factory.mktemp("pipes")
    data = nn.load_iris()
    model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=4, seed=0)
    model.class_names = data.class_names
    model.save(folder / "model.npz")
    write_csv(folder / "rows.csv", [data.feature_names, *(data.X_train.tolist() * 100)])
    return folder


def test_a_reader_that_has_enough_ends_the_command_quietly(trained):
    result = shell("nnlite predict model.npz rows.csv | head -2", trained)
    assert result.stdout.count("\n") == 2
    assert result.stderr == ""
    assert result.returncode == 141  # as programs that SIGPIPE ends


def test_a_help_that_is_cut_off_is_no_error(trained):
    result = shell("nnlite train --help | head -1", trained)
    assert result.stdout.startswith("usage: nnlite train")
    assert result.stderr == ""


def test_a_pipe_from_and_to_other_programs(trained):
    result = shell("cat rows.csv | nnlite predict model.npz | tail -n +2 | wc -l", trained)
    assert (result.returncode, int(result.stdout)) == (0, 12_000)


@pytest.mark.slow
def test_a_training_goes_on_if_nobody_reads_what_it_says(trained):
    result = shell("nnlite train iris --epochs 2 --no-report --no-progress --out q | head -1", trained)
    assert result.returncode == 0
    assert result.stderr == ""
    assert (trained / "q" / "model.npz").exists()


@pytest.mark.slow
def test_errors_go_to_standard_error_with_their_codes(trained):
    for command, code in [("nnlite predict nowhere rows.csv", 1), ("nnlite predict", 2), ("nnlite --version", 0)]:
        result = shell(f"{command} > out", trained)
        assert result.returncode == code
        assert bool(result.stderr) == (code != 0)
        assert ((trained / "out").read_text() == "") == (code != 0)


@pytest.mark.skipif(os.name != "posix", reason="signals are those of Unix")
def test_ctrl_c_ends_a_prediction_that_waits_for_its_input_with_130(trained, ctrl_c):
    process = subprocess.Popen(
        [*NNLITE, "predict", "model.npz"],
        cwd=trained,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(100):  # until it reads: an interrupt while Python starts belongs to Python
        time.sleep(0.1)
        if process.poll() is not None or _waits_for_input(process.pid):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "nnlite: stopped\n"


def _waits_for_input(pid):
    """Whether a process is blocked in a system call that reads a pipe."""
    try:
        with open(f"/proc/{pid}/wchan") as file:
            return "pipe" in file.read()
    except OSError:
        return False
