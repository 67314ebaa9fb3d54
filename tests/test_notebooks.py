"""Every notebook runs, prints what it was committed with, and holds nothing that differs from run to run."""

import contextlib
import importlib.util
import io
import json
import math
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from matplotlib import pyplot as plt

import nnlite as nn

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DATA = ROOT.parent / "shared" / "data"  # where there is a copy of MNIST

# They train for more than a few seconds, or need what may not be here, and run with the slow tests alone.
SLOW = {"4_spirals", "5_training_well", "6_when_it_does_not_learn", "8_mnist_to_98_5"}

# These only compute what is on the page. In a training, on the other hand, rounding grows: processors add up in
# different orders, and after some thousand steps the figures agree about as well as those of two seeds do.
EXACT = {"1_softmax_by_hand", "2_four_lines_a_step"}
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?( ?%)?")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


# ---- what is committed --------------------------------------------------------------------------------------------


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell["outputs"]]


def source(cell):
    return "".join(cell["source"])


def test_there_are_eight_notebooks_numbered_through():
    assert [int(path.stem.split("_")[0]) for path in NOTEBOOKS] == list(range(1, 9))


@each_notebook
def test_a_notebook_holds_no_noise(path):
    notebook = read(path)
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert all(cell["metadata"] == {} for cell in notebook["cells"])
    assert all(cell["execution_count"] is None for cell in code_cells(notebook))
    assert all(output.get("execution_count") is None for output in outputs(notebook))
    assert all(output.get("name") != "stderr" for output in outputs(notebook))
    assert all(output["output_type"] != "error" for output in outputs(notebook))
    kinds = {kind for output in outputs(notebook) for kind in output.get("data", {})}
    assert kinds <= {"image/png", "text/html", "text/plain"}


@each_notebook
def test_a_notebook_was_run_to_its_end_and_is_small(path):
    printing = [cell for cell in code_cells(read(path)) if re.search(r"^ *print\(", source(cell), re.MULTILINE)]
    assert printing
    assert all(cell["outputs"] for cell in printing if not re.search(r"^(def|class) ", source(cell), re.MULTILINE))
    assert path.stat().st_size < 500_000


@each_notebook
def test_a_notebook_teaches(path):
    """It says what was learned, and has an exercise whose solution is folded away."""
    text = "\n".join(source(cell) for cell in read(path)["cells"] if cell["cell_type"] == "markdown")
    assert re.match(rf"# {path.stem[0]}\. ", text)
    assert "## What we learned" in text
    assert "**Exercise" in text
    assert 1 <= text.count("<details><summary>Solution") == text.count("**Exercise")
    assert text.count("<details>") == text.count("</details>")
    assert any("image/png" in output.get("data", {}) for output in outputs(read(path)))


def solutions(notebook):
    """The code that is folded away."""
    text = "\n".join(source(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@each_notebook
def test_the_code_of_the_solutions_is_python(path):
    for block in solutions(read(path)):
        compile(block, path.name, "exec")


# ---- what it prints when it runs ----------------------------------------------------------------------------------


def printed(cell):
    return "".join("".join(output["text"]) for output in cell["outputs"] if output.get("name") == "stdout")


def same(text, shown, exact=False):
    """Whether the words are the same, and the numbers: to the digit, or as far as trainings repeat."""
    if exact or text == shown:
        return text == shown
    words = [re.sub(r"\s+", " ", NUMBER.sub("0", t)) for t in (text, shown)]
    return words[0] == words[1] and all(map(_close, NUMBER.finditer(text), NUMBER.finditer(shown)))


def _close(a, b):
    x, y = (float(match[0].rstrip(" %").replace(",", "")) for match in (a, b))
    return math.isclose(x, y, rel_tol=0.1, abs_tol=10 if a[1] else 0.1)  # percentage points, or one of a loss


@each_notebook
def test_a_fast_notebook_prints_what_it_shows_and_its_solutions_run(path, tmp_path, monkeypatch):
    """Without Jupyter: its cells are plain Python."""
    if path.stem in SLOW:
        pytest.skip("is among the slow tests")
    monkeypatch.chdir(tmp_path)
    backend = matplotlib.get_backend()
    matplotlib.use("Agg")
    namespace = {}
    try:
        for cell in code_cells(read(path)):
            text = io.StringIO()
            with contextlib.redirect_stdout(text):
                exec(compile(source(cell), path.name, "exec"), namespace)
            assert same(text.getvalue(), printed(cell), path.stem in EXACT)
            plt.close("all")
        with contextlib.redirect_stdout(io.StringIO()):
            for block in solutions(read(path)):
                exec(compile(block, path.name, "exec"), namespace)
    finally:
        plt.close("all")
        matplotlib.use(backend)


@pytest.mark.slow
@each_notebook
def test_a_notebook_comes_out_of_jupyter_as_it_is_committed(path, tmp_path):
    for module in ("nbclient", "ipykernel"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install -e '.[notebooks]'")
    committed = read(path)
    environment = dict(os.environ)
    if any("load_mnist" in source(cell) for cell in code_cells(committed)):
        if not (DATA / "mnist").is_dir():
            pytest.skip(f"no copy of MNIST in {DATA / 'mnist'}")
        environment["NNLITE_DATA"] = str(DATA)
    script = ROOT / "notebooks" / "execute.py"
    command = [sys.executable, script, path, "--into", tmp_path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    fresh = read(tmp_path / path.name)
    for new, old in zip(code_cells(fresh), code_cells(committed), strict=True):
        assert same(printed(new), printed(old), path.stem in EXACT)
        assert [output["output_type"] for output in new["outputs"]] == [o["output_type"] for o in old["outputs"]]


@pytest.mark.parametrize(
    ("text", "shown", "agree"),
    [
        ("loss 0.083\n", "loss 0.083\n", True),
        ("  8 units: 98.3%", " 16 units: 98.3%", False),
        ("accuracy 97.8%", "accuracy 96.9%", True),
        ("accuracy 97.8 %", "accuracy 76.9 %", False),
        ("0.3: 9.5%", "0.3: 10.0%", True),
        ("J = 0.012", "J = 0.098", True),
        ("J = 0.3", "J = 2.3", False),
        ("right", "wrong", False),
        ("1,150 examples", "1,150 pictures", False),
        ("1,150 examples", "2,150 examples", False),
        ("1 2 3", "1 2", False),
    ],
)
def test_texts_agree_in_words_and_roughly_in_numbers(text, shown, agree):
    assert same(text, shown) == agree
    assert same(text, shown, exact=True) == (text == shown)


# ---- how it gets clean --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clean():
    return runpy.run_path(str(ROOT / "notebooks" / "execute.py"))["clean"]


def notebook_with(*outputs):
    cell = {"cell_type": "code", "metadata": {"collapsed": True}, "execution_count": 3, "outputs": list(outputs)}
    return {"cells": [cell], "metadata": {"widgets": {}, "kernelspec": {"name": "my-own"}}}


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def result(**data):
    data = {kind.replace("_", "/"): value for kind, value in data.items()}
    return {"output_type": "execute_result", "execution_count": 3, "metadata": {"a": 1}, "data": data}


def test_cleaning_leaves_what_is_printed_and_nothing_of_the_run(clean):
    notebook = notebook_with(stream("J 0.5\n"), result(text_plain="3"))
    clean(notebook)
    assert notebook["metadata"] == read(NOTEBOOKS[0])["metadata"]
    (cell,) = notebook["cells"]
    assert cell["metadata"] == {}
    assert cell["execution_count"] is None
    assert cell["outputs"][0] == stream("J 0.5\n")
    assert cell["outputs"][1] == {
        "output_type": "execute_result",
        "execution_count": None,
        "metadata": {},
        "data": {"text/plain": "3"},
    }


def test_cleaning_takes_out_progress_bars(clean):
    widget = {"output_type": "display_data", "metadata": {}, "data": {"application/vnd.jupyter.widget-view+json": {}}}
    notebook = notebook_with(stream("\repoch 1/2\repoch 2/2", "stderr"), widget)
    clean(notebook)
    assert notebook["cells"][0]["outputs"] == []


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (stream("UserWarning: ...", "stderr"), "must not warn"),
        (stream(f"saved to {ROOT / 'model.npz'}"), "path of this machine"),
        (stream(f"saved to {Path.home() / 'model.npz'}"), "path of this machine"),
        (result(text_plain="<Thing at 0x7f3a5c0d2e90>"), "address in memory"),
        (result(text_html="<b><Thing at 0x7f3a5c0d2e90></b>"), "address in memory"),
    ],
)
def test_cleaning_refuses_what_must_not_be_there(clean, output, message):
    with pytest.raises(ValueError, match=message):
        clean(notebook_with(output))


def test_the_palette_of_the_notebooks_is_that_of_the_plots():
    parameters = matplotlib.rc_params_from_file(ROOT / "notebooks" / "matplotlibrc", use_default_template=False)
    colors = parameters["axes.prop_cycle"].by_key()["color"]
    assert [f"#{color.lstrip('#')}" for color in colors] == list(nn.plots.style.COLORS[:6])
