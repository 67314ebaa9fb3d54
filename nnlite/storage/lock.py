"""Lock a file, so that only one training at a time uses a directory."""

import os
import weakref
from typing import IO


class LockedError(Exception):
    """Another training has the lock.

    Attributes
    ----------
    owner : str
        The id of its process; empty if the file does not say.
    """

    def __init__(self, owner: str) -> None:
        super().__init__(owner)
        self.owner = owner


class Lock:
    """A lock on a file, held until `release` or until the process ends, in whatever way.

    A process made by fork does not hold the lock of its parent.

    Parameters
    ----------
    path : str
        The file; it is made if it does not exist, and contains the id of the process that holds the lock.

    Raises
    ------
    LockedError
        If another training has the lock.
    OSError
        If the file cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._file: IO[str] | None = None
        _locks.add(self)
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115
        self._file = file
        try:
            _take(file)
        except (BlockingIOError, PermissionError):
            file.seek(0)
            owner = file.read(20).strip()
            self.release()
            raise LockedError(owner) from None
        except OSError:
            pass  # some network file systems have no locks
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()

    def release(self) -> None:
        """Let others take the lock."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _take(file: IO[str]) -> None:
    """Take the lock on the file, or raise OSError at once if another process has it."""
    try:
        import fcntl
    except ImportError:  # Windows; the locked byte lies behind the text, which others must be able to read
        import msvcrt

        file.seek(1000)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


def _release_all() -> None:
    for lock in list(_locks):
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_all)
