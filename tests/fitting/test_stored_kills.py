"""A training on stored examples that is killed within an epoch and started again ends like one that was not."""

import os
import signal
import time

import numpy as np
import pytest

import nnlite as nn

from .stored_examples import examples, stored, trained


def until_killed(data, folder):
    """Train in a process of its own, and kill it in the middle of an epoch."""
    child = os.fork()
    if child == 0:
        try:
            pause = nn.LambdaCallback(on_batch_end=lambda batch, logs: time.sleep(0.01))
            trained(data, epochs=3, checkpoint=nn.Checkpoint(folder, every=5), resume=True, callbacks=[pause],
                    engine="textbook")  # fmt: skip
        finally:
            os._exit(0)
    end = time.monotonic() + 20
    wanted = len(list(folder.glob("*"))) + 2 if folder.exists() else 2
    while time.monotonic() < end and (not folder.exists() or len(list(folder.glob("*"))) < wanted):
        time.sleep(0.005)
    time.sleep(0.15)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_killed_training_ends_like_one_that_was_not(tmp_path):
    (tmp_path / "data").mkdir()
    data = stored(tmp_path / "data", *examples())
    pause = nn.LambdaCallback(on_batch_end=lambda batch, logs: None)
    whole = trained(data, epochs=3, engine="textbook", callbacks=[pause])
    killed = sum(until_killed(data, tmp_path / "run") for _ in range(4))
    assert killed >= 2
    found = trained(data, epochs=3, checkpoint=nn.Checkpoint(tmp_path / "run", every=5), resume=True, callbacks=[pause],
                    engine="textbook")  # fmt: skip
    np.testing.assert_array_equal(found[0].theta, whole[0].theta)
    assert found[1] == whole[1]
