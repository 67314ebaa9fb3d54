"""Facts about publishing: only a whole run without a gap replaces the published figures."""

import pytest

from benchmarks import __main__ as command_line

from .common import MACHINE


@pytest.mark.parametrize(
    ("arguments", "whole"),
    [
        ([], True),
        (["--rounds", "9", "--patience", "0"], True),
        (["--rounds", "6"], False),
        (["--quick"], False),
        (["--rows", "training"], False),
        (["--networks", "64-32-10"], False),
        (["--frameworks", "torch"], False),
    ],
)
def test_a_whole_run_is_one_of_everything(arguments, whole):
    assert command_line._is_whole(command_line._parser().parse_args(arguments)) == whole


def test_a_run_of_a_part_leaves_the_published_figures_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [command_line.PUBLISHED / f"results.{kind}" for kind in ("md", "png", "json")]
    published = {path: path.read_bytes() for path in paths}
    assert command_line.main(["--rows", "limit", "--networks", "64-32-10", "--frameworks", "nnlite", "--quick"]) == 0
    assert {path: path.read_bytes() for path in published} == published
    assert "| 64-32-10" in (tmp_path / "benchmark-results" / "results.md").read_text().split("products alone", 1)[1]


@pytest.fixture
def measured_at_once(tmp_path, monkeypatch):
    """Rows that take no time; what they find is published in a directory of the test."""

    def measure_row(row):
        def measure(session):
            session.results.open(row, "a case", "nnlite", "us").samples = [1.0]

        return measure

    for row in command_line.MEASURES:
        monkeypatch.setitem(command_line.MEASURES, row, measure_row(row))
    monkeypatch.setattr(command_line, "PUBLISHED", tmp_path / "published")
    (tmp_path / "published").mkdir()
    monkeypatch.setattr(command_line, "_leave_out", lambda session, all_asked_for: [])
    monkeypatch.setattr(command_line.machine, "describe", lambda frameworks: MACHINE)
    monkeypatch.setattr(command_line, "busy_cores", lambda: 0.0)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "published" / "results.json"


def test_a_whole_run_is_published(measured_at_once):
    assert command_line.main([]) == 0
    assert measured_at_once.exists()


def left_out(session):
    session.note("mnist", "left out")


def failed(session):
    session.results.open("mnist", "a case", "nnlite", "us").failure = "failed"
    session.failures.append("nnlite, a case: failed")


@pytest.mark.parametrize("mnist_row", [left_out, failed])
def test_a_run_that_lacks_something_is_not_published(measured_at_once, monkeypatch, mnist_row):
    monkeypatch.setitem(command_line.MEASURES, "mnist", mnist_row)
    command_line.main([])
    assert not measured_at_once.exists()
