"""Facts about what the doctor puts first: one cause, and what follows from it under it."""

import re

import numpy as np
import pytest

import nnlite as nn
from nnlite.inspect import Diagnosis, Finding
from nnlite.inspect.diagnosis.ranking import CONSEQUENCES, causes_of

from .setups import digits


def examine(X, y, *layers, optimizer=None, **options):
    layers = layers or (nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax())
    return nn.diagnose(nn.Model(list(layers), seed=0), X, y, optimizer=optimizer, **options)


def causes():
    """Set-ups with one fault, and the check that finds it."""
    X, y, *_ = digits()
    rng = np.random.default_rng(0)
    deep = [x for _ in range(9) for x in (nn.Dense(32), nn.Sigmoid())]
    zeros = [nn.Dense(32, nn.Zeros()), nn.Tanh(), nn.Dense(10, nn.Zeros()), nn.Softmax()]
    values = X @ rng.normal(size=X.shape[1])
    to_a_value = [nn.Dense(32), nn.ReLU(), nn.Dense(1), nn.Identity()]
    return {
        "raw pixels": ("scale of inputs", X * 255, y, [], None),
        "far from 0": ("scale of inputs", X + 1e4, y, [], None),
        "shuffled labels": ("labels fit inputs", X, rng.permutation(y), [], None),
        "equal units": ("different units", X, y, zeros, None),
        "vanishing gradients": ("gradients by layer", X, y, [*deep, nn.Dense(10), nn.Softmax()], None),
        "rate too high": ("learning rate", X, y, [], nn.SGD(30.0)),
        "house prices": ("scale of targets", X, 1e5 + 1e4 * values, to_a_value, None),
    }


@pytest.mark.slow
@pytest.mark.parametrize("case", causes())
def test_one_cause_comes_first_and_its_consequences_under_it(case):
    check, X, y, layers, optimizer = causes()[case]
    report = examine(X, y, *layers, optimizer=optimizer)
    root = report.root_problems[0]
    assert root.check == check
    assert len(report.root_problems) == 1
    assert {finding.cause for finding in report.problems} <= {"", check}
    assert report.consequences(root) == [f for v in ("problem", "notice") for f in report if f.cause and f.verdict == v]
    text = str(report)
    assert re.search(rf"Mend this first\n  PROBLEM  {check}", text)
    places = [text.index(f"  {finding.check}") for finding in [root, *report.consequences(root)]]
    assert places == sorted(places)
    assert len(report.problems) == 1 or check in repr(report)


@pytest.mark.slow
def test_every_finding_stands_once_in_the_report():
    X, y, *_ = digits()
    report = examine(X * 255, y)
    assert len(report.problems) > 2
    for finding in report:
        assert len(re.findall(rf"(ok|notice|PROBLEM) +{finding.check}  ", str(report))) == 1
    assert "Probably because of: scale of inputs" in report._repr_html_()


def test_problems_of_different_causes_stay_apart():
    findings = [
        Finding("learning rate", "during", "problem", "It bounces.", advice="less."),
        Finding("leak into validation", "data", "problem", "They are the same.", advice="split."),
        Finding("scale of inputs", "data", "ok", "From 0 to 1."),
        Finding("dead units", "during", "notice", "Some."),
    ]
    report = Diagnosis(findings)
    assert [finding.check for finding in report.root_problems] == ["learning rate", "leak into validation"]
    assert report["dead units"].cause == "learning rate"
    assert report["scale of inputs"].cause == ""


def test_no_cause_is_its_own_consequence_and_none_is_a_consequence_of_a_consequence():
    for root, consequences in CONSEQUENCES.items():
        assert root not in consequences or root not in causes_of({root: "problem"})
    everything = dict.fromkeys(CONSEQUENCES, "problem")
    found = causes_of(everything)
    assert not {*found} & {*found.values()}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("load", [nn.load_digits, nn.load_iris])
def test_no_false_alarm_on_the_data_that_come_with_nnlite(load, seed):
    data = load()
    units = int(data.y_train.max()) + 1
    networks = {
        "linear": lambda: [nn.Dense(units), nn.Softmax()],
        "ReLU": lambda: [nn.Dense(64), nn.ReLU(), nn.Dense(units), nn.Softmax()],
        "Tanh": lambda: [nn.Dense(32), nn.Tanh(), nn.Dense(units), nn.Softmax()],
        "two hidden layers": lambda: [
            *(nn.Dense(64), nn.ReLU(), nn.Dense(32), nn.ReLU(), nn.Dense(units), nn.Softmax()),
        ],
        "BatchNorm, dropout": lambda: [
            *(nn.Dense(64), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.2), nn.Dense(units), nn.Softmax())
        ],
    }
    for name, layers in networks.items():
        rate = 0.1 if load is nn.load_digits else 0.02  # iris is not scaled
        for optimizer in (nn.SGD(rate), nn.Adam(1e-3)):
            model = nn.Model(layers(), seed=seed)
            report = nn.diagnose(model, data.X_train, data.y_train, optimizer=optimizer)
            assert report.ok, (name, optimizer, str(report))
