"""What the README shows is what happens: its code runs, and prints what its comments say."""

import re
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest

matplotlib.use("Agg")

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=[f"block {i}" for i in range(1, len(BLOCKS) + 1)])
def test_the_code_runs_and_prints_what_its_comments_say(code, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(README), "exec"), {})
    plt.close("all")
    printed = capsys.readouterr().out
    for expected in re.findall(r"^print\(.*\)\s+# (.*)$", code, re.MULTILINE):
        assert expected in printed.splitlines()


def test_the_course_example_is_eight_lines():
    assert len([line for line in BLOCKS[0].splitlines() if line]) == 8


def test_the_two_commands_stand_there_exactly():
    text = README.read_text(encoding="utf-8")
    commands = re.findall(r"^    (pip install -e .*)$", text, re.MULTILINE)
    assert commands == ["pip install -e . && nnlite train digits", "pip install -e '.[test]' && pytest"]


def test_linked_files_exist():
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert links
    for link in links:
        assert (README.parent / link).exists(), link
