"""Facts about the checks of the learning curves."""

import numpy as np
import pytest

from nnlite.fitting.history import History
from nnlite.inspect.diagnosis.curves import course, unstable_validation, validation_rise


@pytest.mark.parametrize(("jump", "verdict"), [(0.0, "ok"), (0.2, "notice"), (0.9, "problem")])
def test_a_validation_loss_that_jumps_is_found(jump, verdict):
    even = np.exp(-np.arange(20) / 5) + 0.2
    (finding,) = unstable_validation(History(val_loss=list(even * (1 + jump * (-1.0) ** np.arange(20)))))
    assert finding.verdict == verdict


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [([2.3, np.nan], "problem"), ([2.3, 2.9], "problem"), ([2.3, 2.3], "notice"), ([2.3, 0.5], "ok"), ([2.3], "ok")],
)
def test_a_training_loss_that_does_not_fall_is_found(losses, verdict):
    (finding,) = course(History(loss=losses))
    assert finding.verdict == verdict
    assert bool(finding.advice) == (verdict != "ok")


@pytest.mark.parametrize(
    ("losses", "risen"),
    [([2, 0.3, 0.9, 0.9, 0.9], True), ([2, 0.3, 0.31, 0.31, 0.31], False), ([2, 1e-3, 1e-2, 1e-2, 1e-2], False)],
)
def test_a_validation_loss_that_rises_far_is_found(losses, risen):
    """A rise by a few percent, or one that is small compared with the first loss, does not matter."""
    assert bool(validation_rise(History(val_loss=losses))[1]) == risen


def test_curves_that_were_not_recorded_are_not_judged():
    assert course(History()) == unstable_validation(History()) == []
