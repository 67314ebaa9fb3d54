"""Facts about temporary folders: what a killed program leaves is removed, and nothing else."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from nnlite.stored import temporary
from nnlite.stored.temporary import TemporaryFolder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="nothing is removed there")
PROGRAM = """
from nnlite.stored.temporary import TemporaryFolder
folder = TemporaryFolder()
open(folder.name + "/rows", "w").close()
print(folder.name, flush=True)
input()
"""


@pytest.fixture
def parent(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def dead():
    """The id of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def begin():
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=pipe, stdout=pipe, text=True,
                               env=os.environ | {"TMPDIR": tempfile.tempdir})  # fmt: skip
    return process, Path(process.stdout.readline().strip())


@pytest.mark.slow
def test_what_a_killed_program_leaves_is_removed_when_the_next_one_makes_a_folder(parent):
    (killed, left), (living, used) = begin(), begin()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert (left / "rows").exists()
    folder = TemporaryFolder()
    assert sorted(parent.iterdir()) == sorted([used, Path(folder.name)])
    living.communicate("\n")
    assert not used.exists()


def test_a_folder_of_a_dead_process_of_this_machine_is_removed(parent, dead):
    (parent / f"{temporary._prefix()}{dead}-x").mkdir()
    folder = TemporaryFolder()
    assert list(parent.iterdir()) == [Path(folder.name)]


@pytest.mark.parametrize(
    "name",
    ["{host}{pid}", "{host}{pid}-1-x", "{host}x-x", "{host}1-x", "{host}0-x", "{host}{own}-x", "a{host}{pid}-x",
     "nnlite-numbers-x", "nnlite-numbers-another-{pid}-x"],
)  # fmt: skip
def test_all_other_folders_stay(parent, dead, name):
    other = parent / name.format(host=temporary._prefix(), pid=dead, own=os.getpid())
    other.mkdir()
    TemporaryFolder()
    assert other.exists()


@pytest.mark.parametrize("change", ["host", "namespace", "user"])
def test_a_folder_of_another_machine_container_or_user_stays(parent, dead, monkeypatch, change):
    other = parent / f"{temporary._prefix()}{dead}-x"
    other.mkdir()
    if change == "host":
        monkeypatch.setattr("socket.gethostname", lambda: "a/strange name-7")
    elif change == "namespace":
        monkeypatch.setattr(temporary, "_prefix", lambda: "nnlite-numbers-host-1-")
    else:
        monkeypatch.setattr(os, "getuid", lambda: -1)
    folder = TemporaryFolder()
    assert other.exists()
    assert Path(folder.name).parent == parent


def test_the_link_of_a_dead_process_is_not_followed(parent, dead):
    (parent / "kept").mkdir()
    (parent / f"{temporary._prefix()}{dead}-x").symlink_to(parent / "kept")
    TemporaryFolder()
    assert (parent / "kept").exists()
