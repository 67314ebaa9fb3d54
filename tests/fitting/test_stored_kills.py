"""A training on stored examples that is killed within an epoch and started again ends like one that was not."""

import os
import signal
import time

import numpy as np
import pytest

import nnlite as nn

from .stored_examples import examples, stored, trained


class Pause(nn.Callback):
    """Makes a training last."""

    def __init__(self, seconds):
        self.seconds = seconds

    def on_batch_end(self, batch, logs):
        time.sleep(self.seconds)


def until_killed(data, folder):
    """Train in a process of its own, and kill it in the middle of an epoch."""
    child = os.fork()
    if child == 0:
        try:
            trained(data, epochs=3, checkpoint=nn.Checkpoint(folder, every=5), resume=True, callbacks=[Pause(0.01)],
                    engine="textbook")  # fmt: skip
        finally:
            os._exit(0)
    end = time.monotonic() + 20
    before = {path.name for path in folder.glob("*.npz")}
    while time.monotonic() < end and {path.name for path in folder.glob("*.npz")} <= before:
        time.sleep(0.002)  # until there is a checkpoint of this process
    time.sleep(0.12)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_killed_training_ends_like_one_that_was_not(tmp_path):
    (tmp_path / "data").mkdir()
    data = stored(tmp_path / "data", *examples())
    whole = trained(data, epochs=3, engine="textbook", callbacks=[Pause(0)])
    killed = sum(until_killed(data, tmp_path / "run") for _ in range(4))
    assert killed >= 2
    options = {"epochs": 3, "engine": "textbook", "callbacks": [Pause(0)]}
    found = trained(data, checkpoint=nn.Checkpoint(tmp_path / "run", every=5), resume=True, **options)
    np.testing.assert_array_equal(found[0].theta, whole[0].theta)
    assert found[1] == whole[1]
