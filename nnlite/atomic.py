"""Write a file atomically: after a full disk, a kill or a power cut there is the old file or the new one."""

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

UNFINISHED = ".unfinished-"  # start of the temporary names; a killed process leaves such a file behind


@contextlib.contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Open a file that replaces ``path`` if the block ends without an error; otherwise ``path`` stays unchanged.

    The content is written to another name in the same directory, synced to the disk and then renamed, which is one
    step for the file system.

    Parameters
    ----------
    path : str
        A symbolic link is followed: the file it points to is replaced. An existing file keeps its permissions.

    Yields
    ------
    binary file

    Raises
    ------
    OSError
        If the directory does not exist, ``path`` is not a regular file, or writing fails.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    mode = _mode_of_existing(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{folder}: there is no such directory")
    unfinished = os.path.join(folder, f"{UNFINISHED}{os.urandom(8).hex()}")
    try:
        with open(unfinished, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            with contextlib.suppress(OSError):  # some file systems have no permissions
                os.chmod(unfinished, mode)
        os.replace(unfinished, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(unfinished)
        raise
    _sync_directory(folder)


def write_whole(path: str, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically; make the directory if it does not exist."""
    os.makedirs(os.path.dirname(os.path.realpath(path)), exist_ok=True)
    with replacing(path) as file:
        file.write(content)


def remove_unfinished(folder: str) -> None:
    """Remove the temporary files that killed processes left in ``folder``."""
    for name in os.listdir(folder):
        if name.startswith(UNFINISHED):
            with contextlib.suppress(OSError):
                os.remove(os.path.join(folder, name))


def _mode_of_existing(target: str) -> int | None:
    """Return the permissions of the file to be replaced, None if there is none; OSError for a directory or device."""
    try:
        found = os.stat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(f"{target}: expected the name of a file, got a directory")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{target}: expected the name of a file, got a device or pipe")
    return stat.S_IMODE(found.st_mode)


def _sync_directory(folder: str) -> None:
    """Sync the new name to the disk; some systems cannot open a directory, and there it is left out."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
