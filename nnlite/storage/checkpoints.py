"""A directory of checkpoints: the newest few are kept, damaged ones passed over, and one run has it at a time."""

from __future__ import annotations

import contextlib
import os
import warnings
import weakref
from collections.abc import Iterator, Mapping
from typing import IO, Any

from nnlite import checks
from nnlite.errors import ArgumentError, ModelFileError
from nnlite.storage import snapshots

LOCK = "lock"
FIELDS = frozenset({"set_up", "entropy", "epoch", "theta", "state", "end"})  # without which nothing can go on


class Checkpoint:
    """Where and how often `Model.fit` saves all that the training depends on.

    Parameters
    ----------
    directory : path-like
        Made if it does not exist. It belongs to one training; two at once are refused.
    every : int, optional
        Save after so many steps, too, not only at the end of each epoch.
    keep : int, default 3
        How many of the newest files are kept, at least 1. Older ones are of use where the newest is damaged.

    Raises
    ------
    ArgumentError
        If a value is out of its range.

    Examples
    --------
    >>> Checkpoint("runs/a", every=1000)
    Checkpoint('runs/a', every=1000)
    """

    def __init__(self, directory: str | os.PathLike[str], every: int | None = None, keep: int = 3) -> None:
        self.directory = checks.path("directory", directory)
        self.every = None if every is None else checks.integer("every", every)
        self.keep = checks.integer("keep", keep)

    def __repr__(self) -> str:
        every = "" if self.every is None else f", every={self.every}"
        keep = "" if self.keep == 3 else f", keep={self.keep}"
        return f"Checkpoint({self.directory!r}{every}{keep})"


def check(checkpoint: Any, resume: Any) -> Checkpoint | None:
    """The argument ``checkpoint`` of `fit` as a Checkpoint, or None."""
    resume = checks.boolean("resume", resume)
    if checkpoint is None:
        if resume:
            raise ArgumentError("resume: needs a directory to go on from, such as checkpoint='runs/a'")
        return None
    return checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(checks.path("checkpoint", checkpoint))


@contextlib.contextmanager
def opened(options: Checkpoint | None, resume: bool) -> Iterator[Directory | None]:
    """The directory of a run, which nobody else has until the block ends; None without options."""
    if options is None:
        yield None
        return
    directory = Directory(options, resume)
    try:
        yield directory
    finally:
        directory.close()


def entropy(directory: Directory | None, of_model: int) -> int:
    """What decides validation splits: that of the training that goes on, else the model's."""
    return of_model if directory is None or directory.saved is None else int(directory.saved["entropy"])


class Directory:
    """The directory of one run, from `open` to `close`.

    Parameters
    ----------
    options : Checkpoint
    resume : bool
        Whether to go on from what is there.

    Attributes
    ----------
    saved : dict or None
        What the newest whole checkpoint holds, when resuming.
    """

    def __init__(self, options: Checkpoint, resume: bool) -> None:
        self.options = options
        self.path = options.directory
        self.saved: dict[str, Any] | None = None
        self._lock: IO[str] | None = None
        _open.add(self)
        try:
            os.makedirs(self.path, exist_ok=True)
            self._lock = _locked(os.path.join(self.path, LOCK), self.path)
            files = self._files()
            if files and not resume:
                raise ArgumentError(
                    f"checkpoint: {self.path!r} has checkpoints of an earlier training; resume=True goes on with it, "
                    f"for a new one give another directory"
                )
            self.saved = self._newest(files)
        except BaseException:
            self.close()
            raise

    def save(self, step: int, values: Mapping[str, Any]) -> None:
        """Write what the training depends on after ``step`` steps, and remove the files that are too many.

        Files of later steps, which could not be read or are of a longer training, are no longer of use.
        """
        try:
            snapshots.write(os.path.join(self.path, f"checkpoint-{step:09d}.npz"), values)
        except snapshots.UnsavableError as error:
            raise ArgumentError(f"checkpoint: a file cannot hold {error}, which the training depends on") from None
        files = self._files()
        present = [name for name in files if (snapshots.step_of(name) or 0) <= step]
        for old in {*files} - {*present[: self.options.keep]}:
            with contextlib.suppress(OSError):
                os.remove(os.path.join(self.path, old))

    def close(self) -> None:
        """Let others have the directory."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _files(self) -> list[str]:
        """Names of the checkpoints, the newest first; what a killed run left unfinished is removed."""
        names = os.listdir(self.path)
        for name in names:
            if name.startswith(".unfinished-"):
                with contextlib.suppress(OSError):
                    os.remove(os.path.join(self.path, name))
        steps = {name: step for name in names if (step := snapshots.step_of(name)) is not None}
        return sorted(steps, key=lambda name: steps[name], reverse=True)

    def _newest(self, files: list[str]) -> dict[str, Any] | None:
        """What the newest whole checkpoint holds; those that are damaged are reported."""
        for name in files:
            try:
                saved = snapshots.read(os.path.join(self.path, name))
                if not saved.keys() >= FIELDS:
                    raise ModelFileError(f"{name}: is a snapshot, but of no training")
                return saved
            except (ModelFileError, OSError) as error:
                damaged = error
                warnings.warn(f"checkpoint: {error}; going on from the one before", stacklevel=2)
        if files:
            raise ModelFileError(f"checkpoint: none of the {len(files)} in {self.path!r} can be read") from damaged
        return None


_open: weakref.WeakSet[Directory] = weakref.WeakSet()


def _close_all() -> None:
    """In a forked process: the lock is its parent's."""
    for directory in list(_open):
        directory.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)


def _locked(path: str, directory: str) -> IO[str]:
    """The lock file, held by this process until it is closed or the process ends, however it does."""
    file = open(path, "a+", encoding="utf-8")  # noqa: SIM115
    try:
        _lock(file)
    except (BlockingIOError, PermissionError):
        file.seek(0)
        owner = file.read(20).strip()
        file.close()
        raise ArgumentError(
            f"checkpoint: another training{f', process {owner},' if owner else ''} is using {directory!r}; "
            f"give another directory, or wait until it ends"
        ) from None
    except OSError:
        pass  # some network disks have no locks
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _lock(file: IO[str]) -> None:
    """Take the lock, or raise OSError at once if another has it."""
    try:
        import fcntl
    except ImportError:  # Windows; the bytes that are locked lie behind all that is written
        import msvcrt

        file.seek(1000)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
