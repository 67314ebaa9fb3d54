"""Facts about the report of the doctor."""

import functools

import numpy as np
import pytest

from nnlite.initializers import Zeros
from nnlite.inspect import Diagnosis, Finding, diagnose
from nnlite.layers import Dense, Softmax, Tanh
from nnlite.optimizers import SGD

from ...support import chain
from ..networks import Page
from .setups import digits, ready, trained_on, with_entry


@functools.cache
def sick():
    X, y, X_test, y_test = digits()
    return diagnose(
        chain(Dense(32, Zeros()), Tanh(), Dense(10, Zeros()), Softmax()),
        with_entry(255 * X, np.nan),
        y,
        validation_data=(X_test, y_test),
        optimizer=SGD(1e-6),
    )


@pytest.mark.slow
def test_a_report_fits_100_columns_and_has_all_findings():
    report = sick()
    text = str(report)
    assert max(map(len, text.splitlines())) <= 100
    plain = " ".join(text.split())
    for finding in report:
        assert finding.check in text
        assert finding.verdict.lower() in text.lower()
    for finding in report.problems:
        assert finding.advice
        assert finding.advice.split()[0] in plain
    assert all(not finding.advice for finding in report if finding.verdict == "ok")


def test_a_report_is_a_sequence_of_findings():
    report = sick()
    assert list(report) == report.findings
    assert len(report) == len(report.findings)
    assert report[0] is report["finite numbers"]
    assert {finding.verdict for finding in report} <= {"ok", "notice", "problem"}
    assert report.problems == [finding for finding in report if finding.verdict == "problem"]
    assert not report.ok
    assert str(len(report.problems)) in repr(report)
    assert str(report[0]).startswith("finite numbers: problem: ")
    with pytest.raises(KeyError, match="was not checked"):
        report["no such"]


def test_a_report_has_a_table_for_notebooks():
    report = sick()
    page = Page(report._repr_html_())
    assert all(finding.check in page.texts for finding in report)
    nasty = Finding("a & b", "data", "notice", "1 < 2", {"x": 1.0}, "<script>")
    assert "<script>" not in Diagnosis([nasty])._repr_html_()


def test_a_report_lists_what_was_not_checked():
    X, y, *_ = digits()
    report = diagnose(ready(), X, y)
    assert "calibration" in report.skipped
    assert "has not been trained" in str(report)
    model, history = trained_on(X, y, epochs=1)
    assert diagnose(model, X, y, history=history).skipped["learning rate"] == "the network has been trained"


def test_the_same_call_gives_the_same_report():
    X, y, *_ = digits()
    assert str(diagnose(ready(seed=0), X, y)) == str(diagnose(ready(seed=0), X, y))
