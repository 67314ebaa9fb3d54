"""Facts about the argument ``checkpoint`` of `Model.fit`."""

from pathlib import Path

import pytest

import nnlite as nn
from nnlite.storage.checkpoints import check_checkpoint

from ..support import refuse


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"directory": None}, "directory: expected a path, got None"),
        ({"every": 0}, "every: expected an integer of at least 1, got 0"),
        ({"keep": 0}, "keep: expected an integer of at least 1, got 0"),
        ({"seconds": -1}, "seconds: expected a finite number of at least 0, got -1"),
    ],
)
def test_wrong_options_are_named(arguments, message):
    refuse(lambda: nn.Checkpoint(**{"directory": "runs/a", **arguments}), message)


@pytest.mark.parametrize(
    ("checkpoint", "resume", "message"),
    [
        (None, True, "resume: needs a directory to resume from, such as checkpoint='runs/a'"),
        ("x", "yes", "resume: expected True or False, got 'yes'"),
        (3, False, "checkpoint: expected a path, got 3"),
        ("", False, "checkpoint: expected a path, got ''"),
        (
            nn.ModelCheckpoint("best.npz"),
            False,
            "checkpoint: expected a directory or a Checkpoint, got the callback ModelCheckpoint('best.npz'); "
            "write callbacks=[ModelCheckpoint(...)]",
        ),
    ],
)
def test_wrong_arguments_of_fit_are_named(checkpoint, resume, message):
    refuse(lambda: check_checkpoint(checkpoint, resume), message)


def test_a_path_is_a_checkpoint_with_the_default_options():
    given = nn.Checkpoint("runs/a", every=5, keep=1)
    assert check_checkpoint(given, True) is given
    assert repr(given) == "Checkpoint('runs/a', every=5, keep=1)"
    assert repr(check_checkpoint(Path("runs/a"), False)) == "Checkpoint('runs/a')"
    assert check_checkpoint(None, False) is None
