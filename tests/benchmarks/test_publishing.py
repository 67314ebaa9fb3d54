"""Facts about publishing: only a whole run without a gap replaces the published figures."""

import pytest

from benchmarks import __main__ as command_line
from benchmarks import publishing
from benchmarks.options import MEASURES, is_whole, parser
from benchmarks.publishing import BEGIN, END

from ..support import for_each
from .common import MACHINE


@for_each(
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
    assert is_whole(parser().parse_args(arguments)) == whole


@pytest.mark.slow
def test_a_run_of_a_part_leaves_the_published_figures_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [publishing.PUBLISHED / name for name in ("results.md", "results.png", "results.json", "README.md")]
    published = {path: path.read_bytes() for path in paths}
    chosen = ["--rows", "limit", "--networks", "64-32-10", "--frameworks", "nnlite,openblas", "--quick"]
    assert command_line.main(chosen) == 0
    assert {path: path.read_bytes() for path in published} == published
    text = (tmp_path / "benchmark-results" / "results.md").read_text()
    assert "| 64-32-10" in text.split("matrix products alone", 1)[1]


@pytest.fixture
def measured_at_once(tmp_path, monkeypatch):
    """Rows that take no time; what they find is published in a directory of the test."""

    def measure_row(row):
        def measure(session):
            session.results.open(row, "a case", "nnlite", "us").samples = [1.0]

        return measure

    for row in MEASURES:
        monkeypatch.setitem(MEASURES, row, measure_row(row))
    monkeypatch.setattr(publishing, "PUBLISHED", tmp_path / "published")
    (tmp_path / "published").mkdir()
    monkeypatch.setattr(command_line, "_leave_out", lambda session, all_asked_for: [])
    monkeypatch.setattr(command_line.machine, "describe", lambda frameworks: MACHINE)
    monkeypatch.setattr(command_line, "busy_cores", lambda: 0.0)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "published" / "results.json"


def test_a_whole_run_is_published(measured_at_once):
    assert command_line.main([]) == 0
    assert measured_at_once.exists()


@pytest.mark.parametrize(("missing", "published"), [("torch", False), ("mkl", True)])
def test_only_mkl_may_be_missing_since_it_does_not_run_everywhere(measured_at_once, monkeypatch, missing, published):
    def leave_out(session, all_asked_for):
        session.left_out.append(missing)
        return []

    monkeypatch.setattr(command_line, "_leave_out", leave_out)
    command_line.main([])
    assert measured_at_once.exists() == published


def test_a_run_on_a_busy_machine_is_not_published(measured_at_once, monkeypatch):
    monkeypatch.setattr(command_line, "busy_cores", lambda: 0.5)
    assert command_line.main([]) == 0
    assert not measured_at_once.exists()


def test_the_figures_of_a_published_run_stand_in_the_readme(measured_at_once, monkeypatch):
    def measure(session):
        for framework, us in (("nnlite-fast", 1.0), ("jax-scan", 4.0)):
            session.results.open("prediction", "batch 1", framework, "us").samples = [us]

    monkeypatch.setitem(MEASURES, "prediction", measure)
    readme = measured_at_once.parent / "README.md"
    readme.write_text(f"before\n\n{BEGIN}\nof long ago\n{END}\n\nafter\n")
    assert command_line.main([]) == 0
    text = readme.read_text()
    assert "a processor, 2 cores" in text
    assert "| prediction, batch 1: against all others |      2.5 | **4.00** |" in text
    assert "of long ago" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")


def test_the_readme_has_a_place_for_the_figures():
    text = (publishing.PUBLISHED / "README.md").read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.index(BEGIN) < text.index(END)


def test_the_pages_can_be_written_again_without_measuring(measured_at_once, monkeypatch):
    command_line.main([])
    page, figures = measured_at_once.with_suffix(".md"), measured_at_once.read_text()
    first = page.read_text()
    page.unlink()
    monkeypatch.setattr(command_line, "_measure", None)
    assert command_line.main(["--rewrite"]) == 0
    assert page.read_text() == first
    assert measured_at_once.read_text() == figures


def left_out(session):
    session.note("mnist", "left out")


def failed(session):
    session.results.open("mnist", "a case", "nnlite", "us").failure = "failed"
    session.failures.append("nnlite, a case: failed")


@pytest.mark.parametrize("mnist_row", [left_out, failed])
def test_a_run_that_lacks_something_is_not_published(measured_at_once, monkeypatch, mnist_row):
    monkeypatch.setitem(MEASURES, "mnist", mnist_row)
    command_line.main([])
    assert not measured_at_once.exists()
