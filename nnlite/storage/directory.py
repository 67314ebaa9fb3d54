"""The directory of checkpoints of one training: save the newest, keep a few, find the newest that is undamaged."""

import contextlib
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from nnlite.atomic import remove_unfinished
from nnlite.errors import ArgumentError, ModelFileError
from nnlite.storage import snapshots
from nnlite.storage.checkpoints import Checkpoint
from nnlite.storage.lock import Lock, LockedError

LOCK = "lock"  # name of the file
FIELDS = frozenset({"set_up", "entropy", "epoch", "theta", "state", "end"})  # every training saves these


class CheckpointDirectory:
    """A directory of checkpoints, locked for one training until `close`.

    Parameters
    ----------
    options : Checkpoint
    resume : bool
        Whether to resume from the newest checkpoint. False refuses a directory that has checkpoints.

    Attributes
    ----------
    saved : dict or None
        Content of the newest checkpoint that is not damaged; None if there is none.

    Raises
    ------
    ArgumentError
        If it is a file, or another training uses it, or has left checkpoints there and ``resume`` is False.
    ModelFileError
        If there are checkpoints, but all are damaged.
    """

    writes = True  # this process saves the checkpoints

    def __init__(self, options: Checkpoint, resume: bool) -> None:
        self.options = options
        self.path = options.directory
        self.saved: dict[str, Any] | None = None
        if os.path.isfile(self.path):
            raise ArgumentError(f"checkpoint: expected a directory such as 'runs/a', got the file {self.path!r}")
        os.makedirs(self.path, exist_ok=True)
        self._lock = self._take_lock()
        try:
            files = self._files()
            if files and not resume:
                raise ArgumentError(
                    f"checkpoint: {self.path!r} has checkpoints of an earlier training; resume=True continues it, "
                    f"for a new one give another directory"
                )
            self.saved = self._read_newest(files)
        except BaseException:
            self.close()
            raise

    def save(self, step: int, values: Mapping[str, Any]) -> None:
        """Save what the training depends on after ``step`` steps, and remove the files that are no longer needed.

        Those are the oldest files, and files of later steps, which are damaged: this training did not resume from them.
        """
        try:
            snapshots.write(os.path.join(self.path, f"checkpoint-{step:09d}.npz"), values)
        except snapshots.UnsavableError as error:
            raise ArgumentError(f"checkpoint: a file cannot hold {error}, which the training depends on") from None
        files = self._files()
        past = [name for name, n in files.items() if n <= step]
        for name in files.keys() - set(past[: self.options.keep]):
            with contextlib.suppress(OSError):
                os.remove(os.path.join(self.path, name))

    def close(self) -> None:
        """Release the directory for other trainings."""
        self._lock.release()

    def _take_lock(self) -> Lock:
        try:
            return Lock(os.path.join(self.path, LOCK))
        except LockedError as error:
            process = f", process {error.owner}," if error.owner else ""
            raise ArgumentError(
                f"checkpoint: another training{process} is using {self.path!r}; "
                f"give another directory, or wait until it ends"
            ) from None

    def _files(self) -> dict[str, int]:
        """Return the step of each checkpoint by file name, the newest first; remove unfinished files."""
        remove_unfinished(self.path)
        matches = [re.fullmatch(r"checkpoint-(\d+)\.npz", name) for name in os.listdir(self.path)]
        steps = {match[0]: int(match[1]) for match in matches if match}
        return dict(sorted(steps.items(), key=lambda item: item[1], reverse=True))

    def _read_newest(self, files: Mapping[str, int]) -> dict[str, Any] | None:
        """Return the content of the newest checkpoint that is not damaged, and warn about those that are."""
        for name in files:
            try:
                saved = snapshots.read(os.path.join(self.path, name))
                if not saved.keys() >= FIELDS:
                    raise ModelFileError(f"{name}: is a snapshot, but not of a training")
                return saved
            except (ModelFileError, OSError) as error:
                damaged = error
                warnings.warn(f"checkpoint: {error}; trying the one before", stacklevel=2)
        if files:
            raise ModelFileError(f"checkpoint: none of the {len(files)} in {self.path!r} can be read") from damaged
        return None


class ReadDirectory:
    """The checkpoint directory for all processes but the first: it has what that one read, and saves nothing.

    Parameters
    ----------
    options : Checkpoint
    saved : dict or None
    """

    writes = False

    def __init__(self, options: Checkpoint, saved: dict[str, Any] | None) -> None:
        self.options, self.path, self.saved = options, options.directory, saved

    def save(self, step: int, values: Mapping[str, Any]) -> None:
        """Save nothing."""

    def close(self) -> None:
        """Release nothing."""


@contextlib.contextmanager
def open_directory(options: Checkpoint | None, resume: bool) -> Iterator[CheckpointDirectory | None]:
    """Open the directory of a training and close it at the end of the block; None without options."""
    if options is None:
        yield None
        return
    directory = CheckpointDirectory(options, resume)
    try:
        yield directory
    finally:
        directory.close()


def split_seed(directory: CheckpointDirectory | ReadDirectory | None, default: int) -> int:
    """Return the seed that decides the validation split: that of the resumed training, or ``default``."""
    return default if directory is None or directory.saved is None else int(directory.saved["entropy"])
