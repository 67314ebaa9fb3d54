"""Writing a file so that it is there as a whole or not at all: after a full disk, a kill or a power cut, too."""

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of ``path`` when the block ends well; else ``path`` stays as it was.

    It is written under another name in the same directory, brought to the disk, and then renamed, which is one step.

    Parameters
    ----------
    path : str
        If it is a symbolic link, what it points to is replaced. The permissions of an existing file are kept.

    Yields
    ------
    binary file

    Raises
    ------
    OSError
        If the directory does not exist, ``path`` is something else than a file, or writing fails.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    mode = _mode_of_existing(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{folder}: there is no such directory")
    unfinished = os.path.join(folder, f".unfinished-{os.urandom(8).hex()}")
    try:
        with open(unfinished, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            with contextlib.suppress(OSError):  # some disks know no permissions
                os.chmod(unfinished, mode)
        os.replace(unfinished, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(unfinished)
        raise
    _sync_directory(folder)


def write_whole(path: str, content: bytes) -> None:
    """Write ``content`` to ``path`` as a whole, and make its directory where there is none."""
    os.makedirs(os.path.dirname(os.path.realpath(path)), exist_ok=True)
    with replacing(path) as file:
        file.write(content)


def _mode_of_existing(target: str) -> int | None:
    """Permissions of the file that is replaced; OSError if it is a directory or a device."""
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
    """Bring the new name to the disk as well; not every system lets a directory be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
