"""Facts about writing a file completely or not at all."""

import os
import stat
import subprocess
import sys

import pytest

from nnlite.atomic import remove_unfinished, replacing, write_whole

OLD, NEW = b"old" * 1000, b"new" * 2000


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a").write_bytes(OLD)
    return tmp_path / "a"


def test_the_new_content_replaces_the_old(path):
    write_whole(str(path), NEW)
    assert path.read_bytes() == NEW
    assert list(path.parent.iterdir()) == [path]


def test_the_old_file_is_there_until_the_end(path):
    with replacing(str(path)) as file:
        file.write(NEW)
        file.flush()
        assert path.read_bytes() == OLD
    assert path.read_bytes() == NEW


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("where", ["block", "fsync", "replace"])
def test_after_any_interruption_the_old_file_is_there_and_no_other(path, monkeypatch, interruption, where):
    def interrupt(*arguments):
        raise interruption

    def write():
        with replacing(str(path)) as file:
            file.write(NEW)
            if where == "block":
                interrupt()

    if where != "block":
        monkeypatch.setattr(os, where, interrupt)
    with pytest.raises(type(interruption)):
        write()
    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_the_content_is_on_the_disk_before_the_file_is_renamed_and_the_name_at_the_end(path, monkeypatch):
    steps = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(descriptor):
        steps.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else os.fstat(descriptor).st_size)
        fsync(descriptor)

    def note_replace(*names):
        steps.append("rename")
        replace(*names)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    write_whole(str(path), NEW)
    assert steps == [len(NEW), "rename", "directory"]


def test_a_directory_that_cannot_be_synced_is_not_an_error(path, monkeypatch):
    def forbid(*arguments, **options):
        raise PermissionError

    monkeypatch.setattr(os, "open", forbid)
    write_whole(str(path), NEW)
    assert path.read_bytes() == NEW


def test_permissions_of_the_old_file_are_kept(path):
    path.chmod(0o640)
    write_whole(str(path), NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link(path):
    link = path.parent / "link"
    link.symlink_to(path)
    write_whole(str(link), NEW)
    assert link.is_symlink()
    assert path.read_bytes() == NEW


def test_a_directory_and_a_missing_directory_are_refused(tmp_path):
    with pytest.raises(IsADirectoryError, match="expected the name of a file"), replacing(str(tmp_path)):
        pass
    with pytest.raises(FileNotFoundError, match="no such directory"), replacing(str(tmp_path / "no" / "a")):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_has_its_directory_made_and_the_usual_permissions(tmp_path):
    write_whole(str(tmp_path / "new" / "a"), NEW)
    (tmp_path / "other").touch()
    assert (tmp_path / "new" / "a").read_bytes() == NEW
    assert (tmp_path / "new" / "a").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_an_interrupted_new_file_leaves_nothing(tmp_path, monkeypatch, interruption, where):
    def interrupt(*arguments):
        raise interruption

    monkeypatch.setattr(os, where, interrupt)
    with pytest.raises(type(interruption)):
        write_whole(str(tmp_path / "a"), NEW)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_refused_and_stays(tmp_path):
    """So are devices; a pipe stands for them, because a fault would replace /dev/null on a machine where root tests."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="expected the name of a file, got a device or pipe"):
        write_whole(str(tmp_path / "pipe"), NEW)
    assert [path.is_fifo() for path in tmp_path.iterdir()] == [True]


def test_a_missing_directory_is_made_if_the_whole_content_is_given(tmp_path):
    write_whole(str(tmp_path / "new" / "directory" / "a"), NEW)
    assert (tmp_path / "new" / "directory" / "a").read_bytes() == NEW


def test_what_a_killed_process_left_is_removed_and_nothing_else(path):
    killed = "import os, sys\nfrom nnlite.atomic import replacing\nwith replacing(sys.argv[1]): os._exit(1)"
    subprocess.run([sys.executable, "-c", killed, path], check=False)
    assert len(list(path.parent.iterdir())) == 2
    remove_unfinished(str(path.parent))
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == OLD
