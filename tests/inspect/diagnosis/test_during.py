"""Facts about the checks during training: the learning rate and the size of the steps, tried on a copy."""

import pytest

from nnlite.inspect.diagnosis.during import updates
from nnlite.inspect.diagnosis.trial import Trial, shortened
from nnlite.layers import Dense, ReLU, Softmax, Tanh
from nnlite.optimizers import SGD, Adam, RMSProp
from nnlite.schedules import CosineDecay, LinearWarmup

from ...support import chain
from .setups import digits, ready, report_of, subject_of


def examined(*arguments, **options):
    return report_of("during", *arguments, **options)


def verdict_of(check, *arguments, **options):
    return examined(*arguments, **options)[check].verdict


@pytest.mark.parametrize("optimizer", [SGD(1e-5), SGD(1e-4, momentum=0.9), Adam(1e-6), RMSProp(1e-7)])
def test_a_learning_rate_that_is_too_low_is_found(optimizer):
    X, y, *_ = digits()
    finding = examined(ready(), X, y, optimizer=optimizer)["learning rate"]
    assert finding.verdict == "problem", finding
    assert "larger" in finding.advice


@pytest.mark.parametrize("optimizer", [SGD(10), SGD(3, momentum=0.9), Adam(1.0), Adam(30)])
@pytest.mark.parametrize("activation", [ReLU, Tanh])
def test_a_learning_rate_that_is_too_high_is_found(optimizer, activation):
    X, y, *_ = digits()
    report = examined(chain(Dense(32), activation(), Dense(10), Softmax(), seed=0), X, y, optimizer=optimizer)
    assert report["learning rate"].verdict == "problem", report["learning rate"]
    assert "smaller" in report["learning rate"].advice


@pytest.mark.parametrize(
    ("optimizer", "verdict"),
    [(Adam(0.5), "problem"), (Adam(0.05), "notice"), (SGD(1e-6), "problem"), (SGD(3e-5), "notice"), (SGD(0.1), "ok")],
)
def test_steps_of_a_wrong_size_are_found(optimizer, verdict):
    X, y, *_ = digits()
    finding = updates(Trial.run(subject_of(ready(), X, y, optimizer=optimizer)).record)
    assert finding.verdict == verdict


def test_steps_that_kill_all_units_at_once_are_too_large_although_later_ones_change_nothing():
    X, y, *_ = digits()
    record = Trial.run(subject_of(ready(seed=0), X, y, optimizer=SGD(10.0))).record
    assert record.updates["W1"][-1] == 0
    finding = updates(record)
    assert finding.verdict == "problem"
    assert "smaller" in finding.advice


def test_a_trial_reaches_a_late_peak_of_a_schedule_early():
    rate = shortened(LinearWarmup(5000, 0.1), 200)
    assert rate(0) < rate(50) < rate(100) == pytest.approx(0.1, rel=0.05)
    decay = CosineDecay(0.1, 1000)
    assert shortened(decay, 200) is decay
