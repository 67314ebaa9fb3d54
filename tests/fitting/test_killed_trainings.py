"""Facts about a real training that is killed at random moments and started again: it ends like one without kills.

``pytest -m slow tests/fitting/test_killed_trainings.py --kills 1000`` kills a thousand times.
"""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TRAINING = Path(__file__).with_name("killed_training.py")


def end(directory):
    """Return weights, history and the rows of the log, without the seconds."""
    with open(directory / "log.csv", newline="", encoding="utf-8") as file:
        rows = [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]
    return np.load(directory / "theta.npy"), json.loads((directory / "history.json").read_text()), rows


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.parametrize("slow", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_killed_training_ends_like_one_that_was_not(slow, tmp_path, request):
    kills = request.config.getoption("--kills") if slow else 1
    command = [sys.executable, TRAINING, tmp_path, str(kills), str(kills)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60 + 60 * kills, check=False)
    assert ran.returncode == 0, ran.stderr
    theta, history, rows = end(tmp_path / "whole")
    trainings = [directory for directory in tmp_path.iterdir() if directory.name != "whole"]
    assert trainings
    for directory in trainings:
        found = end(directory)
        np.testing.assert_array_equal(found[0], theta)
        assert found[1:] == (history, rows)
