"""A real training in a process of its own is killed at random moments, and begun again by the same command.

``pytest -m slow tests/test_kill.py --kills 1000`` kills as often as one likes.
"""

import csv
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

TRAINING = Path(__file__).with_name("killed.py")


def begin(directory):
    with open(directory / "errors.txt", "w", encoding="utf-8") as errors:
        return subprocess.Popen([sys.executable, str(TRAINING), str(directory)], stderr=errors)


def end(directory):
    """Weights, history and the rows of the log, but for the seconds."""
    with open(directory / "log.csv", newline="", encoding="utf-8") as file:
        rows = [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]
    return np.load(directory / "theta.npy"), json.loads((directory / "history.json").read_text()), rows


@pytest.mark.slow
def test_a_killed_training_ends_like_one_that_was_not(tmp_path, request):
    whole = tmp_path / "whole"
    whole.mkdir()
    start = time.monotonic()
    process = begin(whole)
    assert process.wait(120) == 0, (whole / "errors.txt").read_text()
    seconds = time.monotonic() - start
    theta, history, rows = end(whole)

    wanted, killed, trainings = request.config.getoption("--kills"), 0, 0
    rng = random.Random(0)
    while killed < wanted:
        directory = tmp_path / f"training-{trainings}"
        directory.mkdir()
        while True:
            process = begin(directory)
            try:
                process.wait(rng.uniform(0.2, 0.8) * seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                killed += 1
                continue
            assert process.returncode == 0, (directory / "errors.txt").read_text()
            break
        trainings += 1
        found = end(directory)
        np.testing.assert_array_equal(found[0], theta)
        assert found[1:] == (history, rows)
    print(f"{killed} kills in {trainings} trainings")
