"""Facts about saves that a full disk, a kill or Ctrl-C interrupts: the file is the old one or the new one."""

import errno
import io
import itertools
import os
import shutil
import signal
import subprocess
import time
import warnings

import numpy as np
import pytest

import nnlite as nn
from nnlite import atomic

from ..support import network
from .round_trips import assert_same


class FullDisk:
    """Record every call that goes to the disk (write, fsync, rename, permissions); the n-th finds the disk full."""

    def __init__(self, monkeypatch, full_at=None, *, stays_full=True):
        self.calls, self.full_at, self.stays_full = [], full_at, stays_full
        for name in ("fsync", "replace", "chmod"):
            monkeypatch.setattr(os, name, self.counting(name, UNPATCHED[name]))
        monkeypatch.setattr(atomic, "open", self.open, raising=False)

    def counting(self, name, call):
        def counted(*arguments):
            self.calls.append(name)
            place = len(self.calls) - 1
            if self.full_at is not None and (place == self.full_at or (self.stays_full and place > self.full_at)):
                raise OSError(errno.ENOSPC, "No space left on device")
            return call(*arguments)

        return counted

    def open(self, path, mode):
        raw = io.FileIO(path, mode.replace("b", ""))

        class Raw(io.RawIOBase):
            write = staticmethod(self.counting("write", raw.write))
            seek, tell, fileno = raw.seek, raw.tell, raw.fileno

            def writable(self):
                return True

            def seekable(self):
                return True

            def close(self):
                super().close()
                raw.close()

        return io.BufferedWriter(Raw(), buffer_size=64)  # so small that almost every write goes to the disk


UNPATCHED = {name: getattr(os, name) for name in ("fsync", "replace", "chmod")}


@pytest.mark.parametrize("stays_full", [True, False])
def test_a_disk_that_is_full_at_any_call_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, stays_full):
    old, new = network(units=3, seed=0), network(units=4, seed=1)
    path = tmp_path / "a.npz"
    old.save(path)
    content = path.read_bytes()
    disk = FullDisk(monkeypatch)
    old.save(path)
    calls = disk.calls
    assert calls.count("write") > 10
    assert calls[-4:] == ["fsync", "chmod", "replace", "fsync"]  # first of the file, at the end of the directory
    for place, call in enumerate(calls):
        path.write_bytes(content)
        FullDisk(monkeypatch, place, stays_full=stays_full)
        if place == len(calls) - 1 or (call == "chmod" and not stays_full):  # these may fail
            new.save(path)
            assert_same(nn.load(path), new)
        else:
            with pytest.raises(OSError, match="No space left"):
                new.save(path)
            assert path.read_bytes() == content
        assert os.listdir(tmp_path) == ["a.npz"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 kB, if one can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        shutil.which("mount") is None
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("cannot mount a small disk here (only root can)")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_really_full_leaves_the_old_file_and_no_other(small_disk):
    old = network(units=3)
    path = small_disk / "a.npz"
    old.save(path)
    content = path.read_bytes()
    for units in (10_000, 100_000):
        with pytest.raises(OSError, match="No space left"):
            network(units=units).save(path)
        assert path.read_bytes() == content
        assert os.listdir(small_disk) == ["a.npz"]
    old.save(path)
    assert_same(nn.load(path), old)


def save_forever(path):
    """Save one model after the other; all parameters of a model are the same number."""
    model = network(units=200, n_features=200)
    for i in itertools.count(1):
        model.theta = i
        model.save(path)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("n_kills", [25, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_save_that_is_killed_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path, n_kills):
    path, rng = tmp_path / "a.npz", np.random.default_rng(0)
    model = network(units=200, n_features=200)
    model.theta = 0
    model.save(path)
    found, unfinished, n = set(), 0, 0
    while n < n_kills or (n < 20 * n_kills and not (len(found) > 1 and unfinished > 0)):  # more on a busy machine
        n += 1
        child = fork(lambda: save_forever(path))
        time.sleep(rng.uniform(0.005, 0.03))
        os.kill(child, signal.SIGKILL)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        theta = nn.load(path).theta
        assert (theta == theta[0]).all()
        found.add(float(theta[0]))
        for name in set(os.listdir(tmp_path)) - {"a.npz"}:
            assert name.startswith(".unfinished-")
            unfinished += 1
            (tmp_path / name).unlink()
    assert len(found) > 1
    assert unfinished > 0  # so some were killed while they wrote


def fork(work):
    """Start a child process that does ``work`` and nothing else; return its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about forking a process with threads
        child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    return child


@pytest.mark.parametrize("what", ["fsync", "replace"])
def test_an_interrupted_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, what):
    network(units=3).save(tmp_path / "a.npz")
    content = (tmp_path / "a.npz").read_bytes()

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, what, interrupt)
    with pytest.raises(KeyboardInterrupt):
        network(units=4).save(tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == content
    assert os.listdir(tmp_path) == ["a.npz"]
