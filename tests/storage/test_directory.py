"""Facts about a directory of checkpoints: the newest that is not damaged is found, and old ones are removed."""

import os

import numpy as np
import pytest

import nnlite as nn
from nnlite.storage import snapshots
from nnlite.storage.directory import CheckpointDirectory, open_directory, split_seed

from ..support import refuse

VALUES = {"set_up": {}, "entropy": 7, "epoch": 0, "theta": np.ones(3), "state": np.zeros(0), "end": None}


def opened(path, *, resume=True, **options):
    """The directory, open: to be used in a with statement."""
    return open_directory(nn.Checkpoint(path, **options), resume)


def save(path, *steps, **options):
    """Save a checkpoint after each of these steps."""
    with opened(path, **options) as directory:
        for step in steps:
            directory.save(step, VALUES | {"epoch": step})


def steps(path):
    return sorted(int(name[11:-4]) for name in os.listdir(path) if name.startswith("checkpoint-"))


def damage(path, step):
    (path / f"checkpoint-{step:09d}.npz").write_bytes(b"damaged")


def test_a_file_is_not_a_directory(tmp_path):
    (tmp_path / "c.npz").write_bytes(b"")
    with pytest.raises(
        nn.ArgumentError, match=r"^checkpoint: expected a directory such as 'runs/a', got the file '.*c.npz'"
    ):
        save(tmp_path / "c.npz", 1)


def test_the_newest_checkpoint_is_read(tmp_path):
    with opened(tmp_path / "new" / "directory") as directory:
        assert directory.saved is None
    save(tmp_path, 5, 9, 10)
    with opened(tmp_path) as directory:
        assert directory.saved["epoch"] == 10
        assert directory.saved["theta"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_the_newest_checkpoints_are_kept(tmp_path, keep):
    save(tmp_path, *range(8, 13), keep=keep)
    assert steps(tmp_path) == list(range(8, 13))[-keep:]


def test_a_damaged_checkpoint_is_reported_and_the_one_before_it_is_read(tmp_path):
    save(tmp_path, 1, 2, 3)
    damage(tmp_path, 3)
    with pytest.warns(UserWarning, match=r"000000003\.npz: is not an .npz file.*; trying the one before"):
        directory = CheckpointDirectory(nn.Checkpoint(tmp_path), True)
    assert directory.saved["epoch"] == 2
    directory.save(3, VALUES)
    directory.close()
    assert steps(tmp_path) == [1, 2, 3]


@pytest.mark.filterwarnings("ignore:checkpoint")
def test_damaged_files_of_later_steps_are_removed(tmp_path):
    save(tmp_path, 1, 2, 3)
    damage(tmp_path, 2)
    damage(tmp_path, 3)
    save(tmp_path, 2, keep=3)
    assert steps(tmp_path) == [1, 2]


@pytest.mark.filterwarnings("ignore:checkpoint")
def test_if_all_are_damaged_none_is_passed_over(tmp_path):
    save(tmp_path, 1, 2)
    damage(tmp_path, 1)
    damage(tmp_path, 2)
    refuse(lambda: save(tmp_path, 3), "checkpoint: none of the 2 in", "can be read", error=nn.ModelFileError)


def test_a_snapshot_of_something_else_is_not_a_checkpoint(tmp_path):
    snapshots.write(str(tmp_path / "checkpoint-000000001.npz"), {"theta": np.ones(3)})
    with pytest.warns(UserWarning, match="is a snapshot, but not of a training"):
        refuse(lambda: save(tmp_path), "checkpoint: none of the 1 in", error=nn.ModelFileError)


def test_other_files_are_left_alone_and_unfinished_ones_are_removed(tmp_path):
    for name in ("checkpoint-a.npz", "checkpoint-1.txt", "notes", ".unfinished-12ab"):
        (tmp_path / name).write_bytes(b"half a file")
    save(tmp_path, 4)
    expected = ["checkpoint-000000004.npz", "checkpoint-1.txt", "checkpoint-a.npz", "lock", "notes"]
    assert sorted(os.listdir(tmp_path)) == expected


def test_a_directory_with_checkpoints_is_refused_without_resume_and_free_again_at_once(tmp_path):
    save(tmp_path, 1)
    refuse(
        lambda: save(tmp_path, 2, resume=False), f"checkpoint: {str(tmp_path)!r} has checkpoints of an earlier training"
    )
    assert steps(tmp_path) == [1]
    save(tmp_path, 2)


def test_a_directory_belongs_to_one_training_until_it_is_closed(tmp_path):
    directory = CheckpointDirectory(nn.Checkpoint(tmp_path), False)
    expected = f"checkpoint: another training, process {os.getpid()}, is using {str(tmp_path)!r}; give another"
    refuse(lambda: save(tmp_path), expected)
    directory.close()
    save(tmp_path)


def test_what_no_file_can_hold_is_refused_and_the_files_stay(tmp_path):
    save(tmp_path, 1, keep=1)
    with opened(tmp_path, keep=1) as directory:
        refuse(lambda: directory.save(2, {"a": object()}), "checkpoint: a file cannot hold <object")
    assert steps(tmp_path) == [1]


def test_a_resumed_training_decides_the_validation_split(tmp_path):
    with open_directory(None, False) as directory:
        assert split_seed(directory, 3) == 3
    with opened(tmp_path) as directory:
        assert split_seed(directory, 3) == 3
        directory.save(0, VALUES)
    with opened(tmp_path) as directory:
        assert split_seed(directory, 3) == 7
