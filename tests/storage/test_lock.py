"""Facts about the lock on a directory of checkpoints: one training has it, and only as long as its process lives."""

import errno
import os
import subprocess
import sys

import pytest

from nnlite.storage.lock import Lock, LockedError


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "lock")


def hold_in_another_process(path, then):
    """Take the lock in another process, which then runs a line of Python; return the process, once it has the lock."""
    script = f"import os, sys, time\nfrom nnlite.storage.lock import Lock\nlock = Lock(sys.argv[1])\n{then}"
    process = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"locked\n"
    return process


def test_only_one_has_the_lock_until_it_is_released(path):
    lock = Lock(path)
    with pytest.raises(LockedError) as refused:
        Lock(path)
    assert refused.value.owner == str(os.getpid())
    lock.release()
    lock.release()  # once more does no harm
    Lock(path).release()


def test_the_lock_of_another_process_ends_when_it_is_killed(path):
    process = hold_in_another_process(path, "print('locked', flush=True); time.sleep(60)")
    try:
        with pytest.raises(LockedError) as refused:
            Lock(path)
        assert refused.value.owner == str(process.pid)
    finally:
        process.kill()
        process.communicate()
    Lock(path).release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_process_does_not_hold_the_lock_of_its_parent(path):
    """The parent ends while its child, which was forked later, lives on."""
    fork = "if os.fork(): os._exit(0)\nprint('locked', os.getpid(), sep='\\n', flush=True)\ntime.sleep(60)"
    process = hold_in_another_process(path, fork)
    child = int(process.stdout.readline())
    try:
        process.wait()
        Lock(path).release()
    finally:
        os.kill(child, 9)
        process.stdout.close()


def test_a_file_left_by_a_process_that_ended_does_not_lock(path):
    with open(path, "w") as file:
        file.write("12345\n")
    lock = Lock(path)
    with open(path) as file:
        assert file.read() == f"{os.getpid()}\n"
    lock.release()


def test_on_a_disk_without_locks_everybody_gets_one(path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def flock(*arguments):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", flock)
    for lock in [Lock(path), Lock(path)]:
        lock.release()
