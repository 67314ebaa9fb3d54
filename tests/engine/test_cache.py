"""Facts about compiled kernels on disk: what is kept where, what is trusted, and what is removed."""

import os
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

import pytest

pytest.importorskip("numba")

from nnlite.engine import cache

from ..support import for_each

CODE = bytes(range(256)) * 10
DAY = 86_400
pytestmark = pytest.mark.usefixtures("places")
of_unix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows keeps other users out in its own way")


def kept():
    """The file of the only kernel that is kept, wherever that is."""
    (file,) = [file for place in cache.places() if os.path.isdir(place) for file in Path(place).iterdir()]
    return file


def temporary():
    """The cache's folder for temporary files."""
    return Path(cache.places()[1]).parents[1]


# ---- reading and writing -----------------------------------------------------------------------------------------


def test_what_was_written_is_read():
    assert cache.read("f") is None
    cache.write("f", CODE)
    assert cache.read("f") == CODE
    assert cache.read("g") is None


@for_each(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: b"\1" + content[1:],
        lambda content: content[:-1] + b"\0",
        lambda content: content[:1000] + b"?" + content[1001:],
    ],
    ids=["empty", "short", "cut", "longer", "checksum", "last byte", "byte"],
)
def test_a_damaged_file_counts_as_missing_and_is_written_anew(damage):
    cache.write("f", CODE)
    kept().write_bytes(damage(kept().read_bytes()))
    assert cache.read("f") is None
    cache.write("f", CODE)
    assert cache.read("f") == CODE


def test_the_file_of_another_kernel_is_not_taken():
    cache.write("f", CODE)
    kept().rename(str(kept()).replace("f.", "g."))
    assert cache.read("g") is None


def test_a_write_that_fails_leaves_nothing_behind(monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    cache.write("f", CODE)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        cache.write("f", CODE * 2)
        cache.write("g", CODE)
    assert cache.read("f") == CODE
    assert kept().name.startswith("f.")


def test_what_is_kept_can_be_described():
    assert cache.describe() == []
    for symbol in "f", "g":
        cache.write(symbol, CODE)
    (content,) = cache.describe()
    assert content.folder == cache.folder() == cache.places()[0]
    assert content.kernels == 2
    assert 2 * len(CODE) < content.size < 2 * len(CODE) + 200


# ---- where -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other folders")
def test_the_folder_is_that_of_the_environment_or_of_the_user(monkeypatch, tmp_path):
    def folder():
        return str(Path(cache.places()[0]).parents[1])

    assert folder() == str(tmp_path / "cache")
    monkeypatch.setenv("NNLITE_CACHE", "here")
    assert folder() == os.path.join(os.getcwd(), "here")
    monkeypatch.delenv("NNLITE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert folder() == "/x/nnlite"
    for unset in "", "relative":
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert folder() == str(tmp_path / ".cache" / "nnlite")


@pytest.mark.parametrize("variable", ["HOME", "NNLITE_CACHE"])
def test_without_a_home_or_with_a_folder_that_cannot_be_made_it_is_a_temporary_one(monkeypatch, tmp_path, variable):
    monkeypatch.delenv("NNLITE_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    (tmp_path / "file").touch()
    monkeypatch.setenv(variable, {"HOME": "/nonexistent", "NNLITE_CACHE": str(tmp_path / "file")}[variable])
    cache.write("f", CODE)
    assert cache.read("f") == CODE
    assert kept().is_relative_to(tempfile.gettempdir())
    assert cache.folder() == str(kept().parent)
    assert not os.path.exists("/nonexistent")


def as_a_user(check):
    """Run a check as a user who is not root, to whom the permissions of files apply."""
    if os.getuid() != 0:
        check()
        return
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            check()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def open_to_all(monkeypatch):
    """Folders as in `places`, in one that each user may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        path = Path(name)
        path.chmod(0o755)
        (path / "temporary").mkdir()
        (path / "temporary").chmod(0o1777)
        monkeypatch.setattr(tempfile, "tempdir", str(path / "temporary"))
        monkeypatch.setenv("NNLITE_CACHE", str(path / "cache"))
        yield path


@of_unix
def test_a_folder_that_cannot_be_written_is_read_and_new_kernels_go_to_a_temporary_one(open_to_all):
    """The image of a container: root has warmed it up, and another user runs it."""
    cache.write("f", CODE)
    main = Path(cache.folder())
    main.chmod(0o555)

    def check():
        assert cache.read("f") == CODE
        cache.write("g", CODE)
        assert cache.read("g") == CODE
        assert len(list(main.iterdir())) == 1
        assert cache.folder() == cache.places()[1]
        assert temporary().stat().st_mode & 0o777 == 0o700
        shutil.rmtree(temporary())

    as_a_user(check)
    main.chmod(0o755)


@of_unix
def test_if_nothing_can_be_written_nothing_is_kept(open_to_all):
    for path in open_to_all, open_to_all / "temporary":
        path.chmod(0o555)

    def check():
        cache.write("f", CODE)
        assert cache.read("f") is None
        assert cache.folder() is None
        assert cache.describe() == []

    as_a_user(check)
    for path in open_to_all, open_to_all / "temporary":
        path.chmod(0o755)


# ---- trust -------------------------------------------------------------------------------------------------------


@of_unix
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757, 0o1777])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_machine_code_that_others_can_write_is_not_loaded(what, mode):
    cache.write("f", CODE)
    path = kept() if what == "file" else kept().parent
    before = path.stat().st_mode
    path.chmod(mode)
    assert cache.read("f") is None
    path.chmod(before)
    assert cache.read("f") == CODE


@of_unix
@pytest.mark.parametrize("level", [0, 1], ids=["key", "base"])
def test_a_temporary_folder_that_others_can_write_is_not_used(monkeypatch, level):
    monkeypatch.setenv("NNLITE_CACHE", os.devnull)
    cache.write("f", CODE)
    path = temporary() if level else kept().parent
    path.chmod(0o777)
    assert cache.read("f") is None
    assert cache.folder() is None
    assert cache.describe() == []
    cache.write("g", CODE)
    assert kept().name.startswith("f.")


@of_unix
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can make files of other users")
@pytest.mark.parametrize("what", ["file", "folder", "base"])
def test_what_belongs_to_another_user_is_not_used(monkeypatch, what):
    monkeypatch.setenv("NNLITE_CACHE", os.devnull)
    cache.write("f", CODE)
    path = {"file": kept(), "folder": kept().parent, "base": temporary()}[what]
    os.chown(path, 12345, 12345)
    assert cache.read("f") is None


@of_unix
def test_a_link_in_the_place_of_the_temporary_folder_is_not_followed(monkeypatch, tmp_path):
    monkeypatch.setenv("NNLITE_CACHE", os.devnull)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    temporary().symlink_to(tmp_path / "elsewhere")
    cache.write("f", CODE)
    assert cache.read("f") is None
    assert cache.folder() is None


@of_unix
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_files_are_trusted_whatever_the_umask_is(umask):
    before = os.umask(umask)
    try:
        cache.write("f", CODE)
    finally:
        os.umask(before)
    assert cache.read("f") == CODE


# ---- old folders -----------------------------------------------------------------------------------------------


def make_old(path, days):
    path.mkdir(parents=True, exist_ok=True)
    (path / "f.kernel").touch()
    then = time.time() - days * DAY
    os.utime(path, (then, then))


def test_folders_of_old_keys_are_removed_when_a_new_one_is_made():
    kernels = Path(cache.places()[0]).parent
    old, recent, strange = kernels / ("a" * 32), kernels / ("b" * 32), kernels / "mine"
    make_old(old, 91)
    make_old(recent, 89)
    make_old(strange, 1000)
    cache.write("f", CODE)
    assert not old.exists()
    assert recent.exists()
    assert strange.exists()


def test_a_folder_that_is_read_is_not_old():
    cache.write("f", CODE)
    folder = kept().parent
    make_old(folder, 100)
    cache.write("f", CODE)
    make_old(folder, 100)
    assert cache.read("f") == CODE
    assert time.time() - folder.stat().st_mtime < DAY
