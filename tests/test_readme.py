"""What the README shows is what happens: its code runs, and prints what its comments say."""

import re
from pathlib import Path

import pytest

from .docs.blocks import code_blocks, run_code

README = Path(__file__).parent.parent / "README.md"
BLOCKS = code_blocks(README)


@pytest.mark.parametrize("code", BLOCKS, ids=[f"block {i}" for i in range(1, len(BLOCKS) + 1)])
def test_the_code_runs_and_prints_what_its_comments_say(code, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_code(code, {}, capsys, README)


def test_the_course_example_is_eight_lines():
    assert len([line for line in BLOCKS[0].splitlines() if line]) == 8


def test_the_two_commands_stand_there_exactly():
    text = README.read_text(encoding="utf-8")
    commands = re.findall(r"^    (pip install -e .*)$", text, re.MULTILINE)
    assert commands == ["pip install -e . && nnlite train digits", "pip install -e '.[test]' && pytest"]


def test_it_can_be_read_in_one_go():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 140


@pytest.mark.parametrize("page", [README, README.parent / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_linked_files_exist(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert links
    for link in links:
        assert (page.parent / link).exists(), link


def test_the_figures_of_speed_are_those_of_the_published_run():
    results = (README.parent / "benchmarks" / "results.md").read_text(encoding="utf-8")
    published = [float(number.replace(",", "")) for number in re.findall(r"\| +([\d,.]+)(?= )", results)]
    table = README.read_text(encoding="utf-8").partition("## How fast it is")[2].partition("\n\n|")[2]
    figures = re.findall(r"(?<=\| )\**([\d,.]+)\**(?= \|)", table.partition("\n\n")[0])
    assert len(figures) == 34
    for figure in figures:
        value, digits = float(figure.replace(",", "")), len(figure.partition(".")[2])
        assert any(round(number / unit, digits) == value for number in published for unit in (1, 1000)), figure
