"""Compiled kernels on disk, so that only the first training on a machine waits for the compiler.

A folder holds the kernels of one `key`, a hash of everything that decides the machine code. Each kernel has a file: a
checksum, then the code. A file that is damaged counts as missing and is written anew.

Whoever can write to these files can run code as this user. So a folder or a file is used only if it belongs to the user
or to root and nobody else can write to it.

`read` looks in the user's cache folder, then in a folder for temporary files; `write` takes the first of them that can
be written. If there is none, each process compiles the kernels that it needs.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import platform
import stat
import sys
import tempfile
import time
from typing import NamedTuple

from nnlite.engine import llvm
from nnlite.engine.availability import version
from nnlite.version import __version__

# The files of this folder that decide the machine code, with those of kernels/. A change of any other keeps the cache.
SOURCES = "cache compiler functions intrinsics language llvm processor shapes starting tiles".split()
OF_THE_PROCESSOR = (  # entries of /proc/cpuinfo, on x86 and on ARM
    *("vendor_id", "cpu family", "model", "model name", "stepping", "flags"),
    *("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Features"),
)
NO_MATTER = ("NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT", "NUMBA_NUM_THREADS")  # and whatever begins with NUMBA_THREADING
UNUSED_DAYS = 90  # a folder of another key that was not used for so long is removed
DAY = 86_400.0  # seconds
DIGEST = 32  # bytes of a checksum
KEY_LETTERS = 32
KERNEL, UNFINISHED = ".kernel", ".unfinished"  # how names of files end
PROCESSOR = "processor"  # the file that is no kernel: see `nnlite.engine.processor`


class Content(NamedTuple):
    """What a folder of the cache has.

    Attributes
    ----------
    folder : str
    kernels : int
        Number of compiled kernels.
    size : int
        Their bytes.
    """

    folder: str
    kernels: int
    size: int


def read(symbol: str) -> bytes | None:
    """Return the object code of a kernel, or None if it is not in the cache."""
    for place in places():
        code = _read(os.path.join(place, symbol + KERNEL), symbol)
        if code is not None:
            _mark_as_used(place)
            return code
    return None


def write(symbol: str, code: bytes) -> None:
    """Keep the object code of a kernel. If no folder can be written, nothing happens."""
    for place in places():
        try:
            _make(place)
            _write(os.path.join(place, symbol + KERNEL), _checksum(symbol, code) + code)
        except OSError:
            continue
        return


def folder() -> str | None:
    """Make and return the folder in which new kernels are kept, or return None if none can be written."""
    for place in places():
        with contextlib.suppress(OSError):
            _make(place)
            if os.access(place, os.W_OK | os.X_OK):
                return place
    return None


def planned_folder() -> str | None:
    """Return the folder in which new kernels would be kept, or None. Nothing is made."""
    return next(filter(_can_be_written, places()), None)


def describe() -> list[Content]:
    """Return what is in the folders of the present key that exist."""
    return [_content(place) for place in places() if _may_be_used(place)]


# ---- places --------------------------------------------------------------------------------------------------------


def places() -> list[str]:
    """Return the folders of the present key: that of the user, and that for temporary files."""
    chosen = os.environ.get("NNLITE_CACHE", "")
    bases = [os.path.abspath(os.path.expanduser(chosen)) if chosen else _of_the_user(), _for_temporary_files()]
    return [os.path.join(base, "kernels", key()) for base in bases if base]


def _of_the_user() -> str | None:
    """Return nnlite's folder among the user's caches, or None if the user has no home."""
    if sys.platform != "win32" and os.path.isabs(chosen := os.environ.get("XDG_CACHE_HOME", "")):
        return os.path.join(chosen, "nnlite")
    home = os.path.expanduser("~")
    if not os.path.isabs(home) or not os.path.isdir(home):
        return None
    if sys.platform == "win32":
        return os.path.join(os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local"), "nnlite")
    caches = ("Library", "Caches") if sys.platform == "darwin" else (".cache",)
    return os.path.join(home, *caches, "nnlite")


def _for_temporary_files() -> str | None:
    """Return the folder for the temporary files of this user, or None if the system has no such folder."""
    with contextlib.suppress(OSError):
        return os.path.join(tempfile.gettempdir(), f"nnlite-{os.getuid()}" if hasattr(os, "getuid") else "nnlite")
    return None


@functools.cache
def key() -> str:
    """Return a hash of all that decides the machine code."""
    parts = [__version__, str(version("numba")), str(version("llvmlite")), str(sys.version_info[:2])]
    parts += [sys.platform, platform.machine(), *_this_processor()]
    parts += sorted(f"{name}={value}" for name, value in os.environ.items() if _decides_code(name))
    digest = hashlib.sha256("\n".join(parts).encode())
    for path in sources():
        with contextlib.suppress(OSError), open(path, "rb") as file:  # without sources, the version must do
            digest.update(file.read())
    return digest.hexdigest()[:KEY_LETTERS]


def _this_processor() -> list[str]:
    """Return what tells this processor from others: on Linux its entry in /proc/cpuinfo, elsewhere LLVM's word."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        first = itertools.takewhile(str.strip, file)  # up to an empty line: the first of the processors
        known = [line.strip() for line in first if line.partition(":")[0].strip() in OF_THE_PROCESSOR]
        if known:
            return known
    return list(llvm.host())


def _decides_code(variable: str) -> bool:
    return variable.startswith("NUMBA_") and not variable.startswith(("NUMBA_THREADING", *NO_MATTER))


def sources() -> list[str]:
    """Return the files that decide the machine code."""
    here = os.path.dirname(os.path.abspath(__file__))
    kernels = os.path.join(here, "kernels")
    names = sorted(os.listdir(kernels)) if os.path.isdir(kernels) else []
    return [os.path.join(here, f"{name}.py") for name in SOURCES] + [
        os.path.join(kernels, name) for name in names if name.endswith(".py")
    ]


# ---- folders -------------------------------------------------------------------------------------------------------


def _is_safe(status: os.stat_result) -> bool:
    """Return whether a file or folder belongs to the user or to root, and nobody else can write to it.

    Windows keeps other users out of these folders.
    """
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid in (0, os.getuid()) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _may_be_used(place: str) -> bool:
    """Return whether the folder of a key exists and is safe.

    For temporary files, where everybody can make folders, the folders around it must be safe too.
    """
    temporary = _base(place) == _for_temporary_files()
    paths = [_base(place), os.path.dirname(place), place] if temporary else [place]
    try:
        found = [os.lstat(path) for path in paths]  # of a link, somebody else may choose what it points to
    except OSError:
        return False
    return all(stat.S_ISDIR(status.st_mode) and _is_safe(status) for status in found)


def _base(place: str) -> str:
    return os.path.dirname(os.path.dirname(place))


def _make(place: str) -> None:
    """Make the folder of a key, if it does not exist, and remove the folders of old keys.

    Raises
    ------
    OSError
        If it cannot be made, or may not be used.
    """
    if not os.path.isdir(place):
        os.makedirs(os.path.dirname(_base(place)), exist_ok=True)
        mode = 0o700 if _base(place) == _for_temporary_files() else 0o755
        for path in (_base(place), os.path.dirname(place), place):
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, mode)
        _remove_unused(os.path.dirname(place))
    if not _may_be_used(place):
        raise PermissionError(f"{place}: expected a folder that belongs to this user and that nobody else can write to")


def _can_be_written(place: str) -> bool:
    """Return whether the folder of a key can be written, or can be made."""
    if os.path.isdir(place):
        return _may_be_used(place) and os.access(place, os.W_OK | os.X_OK)
    nearest = os.path.dirname(place)
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    return os.path.isdir(nearest) and os.access(nearest, os.W_OK | os.X_OK)


def _remove_unused(kernels: str) -> None:
    """Remove the folders of other keys that were not used for a long time."""
    import shutil

    for name in os.listdir(kernels):
        path = os.path.join(kernels, name)
        with contextlib.suppress(OSError):
            if _is_key(name) and time.time() - os.lstat(path).st_mtime > UNUSED_DAYS * DAY:
                shutil.rmtree(path, ignore_errors=True)


def _is_key(name: str) -> bool:
    return len(name) == KEY_LETTERS and set(name) <= set("0123456789abcdef")


def _mark_as_used(place: str) -> None:
    """Set the time of the folder, at most once a day."""
    with contextlib.suppress(OSError):
        if time.time() - os.stat(place).st_mtime > DAY:
            os.utime(place)


def _is_kernel(name: str) -> bool:
    return name.endswith(KERNEL) and name != PROCESSOR + KERNEL


def _content(place: str) -> Content:
    sizes = [entry.stat().st_size for entry in os.scandir(place) if _is_kernel(entry.name)]
    return Content(place, len(sizes), sum(sizes))


# ---- files ---------------------------------------------------------------------------------------------------------


def _checksum(symbol: str, code: bytes) -> bytes:
    """Return a hash that also tells files of other kernels and other keys apart."""
    return hashlib.sha256(b"\n".join([key().encode(), symbol.encode(), code])).digest()


def _read(path: str, symbol: str) -> bytes | None:
    """Return the code in a file; None if there is no such file, it is damaged, or others can write to it."""
    if not _may_be_used(os.path.dirname(path)):
        return None
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            content = file.read() if stat.S_ISREG(status.st_mode) and _is_safe(status) else b""
    except OSError:
        return None
    code = content[DIGEST:]
    return code if content[:DIGEST] == _checksum(symbol, code) else None


def _write(path: str, content: bytes) -> None:
    """Write a file in one step: another process sees the whole file or none. The last of several writers wins."""
    unfinished = f"{path}.{os.urandom(8).hex()}{UNFINISHED}"
    try:
        with open(unfinished, "xb", opener=lambda path, flags: os.open(path, flags, 0o644)) as file:
            file.write(content)
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(unfinished)
        raise
