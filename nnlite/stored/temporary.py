"""Rows in a temporary file: the numbers of a table, and targets that lie in chunks which are larger than a block."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.errors import DataFileError
from nnlite.stored.rows import FileRows, Rows

AT_ONCE = 2**22  # bytes of rows that are copied at once, if they are not stored together


class TemporaryFolder:
    """A temporary folder, which is removed when nobody needs it any more, or when the program ends.

    The folders of programs that were killed are removed when a new one is made.
    """

    def __init__(self) -> None:
        import tempfile

        _remove_abandoned(tempfile.gettempdir())
        self.name = tempfile.mkdtemp(prefix=f"{_prefix()}{os.getpid()}-")
        weakref.finalize(self, _remove, self.name, os.getpid())

    def require(self, n_bytes: int, what: str) -> None:
        """Raise DataFileError if there is not enough room; ``what`` takes so many bytes."""
        import shutil

        free = shutil.disk_usage(self.name).free
        if n_bytes > free:
            raise DataFileError(
                f"{what} {n_bytes / 2**30:.1f} GiB in {os.path.dirname(self.name)}, which has {free / 2**30:.1f}; the "
                f"environment variable TMPDIR names another folder"
            )


def _prefix() -> str:
    """Return how the names of folders begin whose processes can be seen from here: those of this machine.

    A process in another container has ids of its own, also if the container has the name of this machine.
    """
    import socket
    import urllib.parse

    try:
        namespace = os.stat("/proc/self/ns/pid").st_ino
    except OSError:  # not on Linux
        namespace = 0
    return f"nnlite-numbers-{urllib.parse.quote(socket.gethostname(), safe='')}-{namespace}-"


def _remove_abandoned(parent: str) -> None:
    """Remove the folders of this user's processes on this machine that do not live any more."""
    import shutil

    if os.name != "posix":  # there os.kill would end the process
        return
    begins = re.compile(re.escape(_prefix()) + r"(\d{1,9})-[^-]+")
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            found = begins.fullmatch(entry.name)
            if found and not _lives(int(found[1])) and entry.stat(follow_symlinks=False).st_uid == os.getuid():
                shutil.rmtree(entry.path, ignore_errors=True)


def _lives(pid: int) -> bool:
    """Whether there is a process with this id, of any user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _remove(folder: str, pid: int) -> None:
    """Remove the folder, but not in a process that was forked from the one that made it."""
    import shutil

    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)


class WrittenRows(FileRows):
    """Rows in a temporary folder."""

    def __init__(self, folder: TemporaryFolder, name: str, shape: Sequence[int], dtype: Any, source: str) -> None:
        super().__init__(os.path.join(folder.name, name), 0, shape, dtype, name=source)
        self._folder = folder


def copied(rows: Rows) -> Rows:
    """Return the same rows, copied into a temporary file, from which any of them are read without the others.

    Raises
    ------
    DataFileError
        If there is not enough room for them, or they cannot be read.
    """
    folder = TemporaryFolder()
    folder.require(len(rows) * rows.row_bytes, f"{rows.name}: a copy takes")
    with open(os.path.join(folder.name, "rows"), "wb") as file:
        for start, stop in itertools.pairwise(rows.edges(max(1, AT_ONCE // rows.row_bytes)).tolist()):
            file.write(np.ascontiguousarray(rows.read(start, stop)).data)
    made = WrittenRows(folder, "rows", rows.shape, rows.dtype, rows.name)
    made.place = rows.place  # type: ignore[method-assign]
    return made
