"""Every notebook runs, and prints what it was committed with."""

import contextlib
import io
import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs_and_prints_what_it_shows(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    namespace = {}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert cells
    for cell in cells:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("".join(cell["source"]), str(path), "exec"), namespace)
        shown = "".join("".join(output["text"]) for output in cell["outputs"] if output.get("name") == "stdout")
        assert printed.getvalue() == shown


def test_there_are_notebooks():
    assert NOTEBOOKS
