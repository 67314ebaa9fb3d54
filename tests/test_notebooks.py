"""Every notebook runs, prints its committed outputs, and contains nothing that differs from run to run."""

import base64
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

from .support import for_each

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DATA = ROOT.parent / "shared" / "data"  # may hold a copy of MNIST

# These train for more than a few seconds. The tests that run their solutions make a single epoch in each training.
LONG = {"3_digits", "4_spirals", "5_training_well", "6_when_it_does_not_learn", "9_a_network_that_sees"}
NEEDS_MNIST = {"8_mnist_to_98_5"}

# These must print the same digits everywhere. In a long training, rounding errors grow: processors add numbers in
# different orders, and after thousands of steps the results differ about as much as those of two seeds.
EXACT = {"1_softmax_by_hand", "2_four_lines_a_step"}
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?( ?%)?")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


# ---- the committed files ------------------------------------------------------------------------------------------


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(notebook):
    return [output for cell in code_cells(notebook) for output in cell["outputs"]]


def source(cell):
    return "".join(cell["source"])


def test_the_nine_notebooks_are_numbered_from_1_to_9():
    assert [int(path.stem.split("_")[0]) for path in NOTEBOOKS] == list(range(1, 10))


@each_notebook
def test_a_notebook_contains_nothing_that_differs_from_run_to_run(path):
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
def test_every_cell_of_a_notebook_was_executed_and_the_file_is_small(path):
    printing = [cell for cell in code_cells(read(path)) if re.search(r"^ *print\(", source(cell), re.MULTILINE)]
    assert printing
    assert all(cell["outputs"] for cell in printing if not re.search(r"^(def|class) ", source(cell), re.MULTILINE))
    assert path.stat().st_size < 500_000


@each_notebook
def test_a_notebook_says_what_one_will_learn_and_what_to_remember_and_has_exercises_with_solutions(path):
    first, *_, last = (source(cell) for cell in read(path)["cells"])
    assert re.match(rf"# {path.stem[0]}\. ", first)
    assert re.search(r"You will learn\n\n- ", first)
    assert "## What to remember" in last
    assert 1 <= last.count("<details><summary>Solution") == last.count("**Exercise")
    text = "\n".join(source(cell) for cell in read(path)["cells"])
    assert text.count("<details>") == text.count("</details>")


@each_notebook
def test_code_and_output_of_a_notebook_fit_on_a_page(path):
    """The site shows 92 columns of code, and shrinks wide pictures until their text is too small."""
    notebook = read(path)
    texts = [source(cell) + "\n" + printed(cell) for cell in code_cells(notebook)] + solutions(notebook)
    assert [line for text in texts for line in text.splitlines() if len(line) > 92] == []
    pictures = [output["data"]["image/png"] for output in outputs(notebook) if "image/png" in output.get("data", {})]
    assert pictures
    assert all(200 < width(picture) < 900 for picture in pictures)


def width(png):
    """Return the width of a PNG in pixels: bytes 16 to 20 of the file."""
    return int.from_bytes(base64.b64decode("".join(png))[16:20], "big")


def solutions(notebook):
    """Return the code of the solutions, which readers unfold."""
    text = "\n".join(source(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@each_notebook
def test_the_code_of_the_solutions_is_python(path):
    for block in solutions(read(path)):
        compile(block, path.name, "exec")


# ---- running them -------------------------------------------------------------------------------------------------


def printed(cell):
    return "".join("".join(output["text"]) for output in cell["outputs"] if output.get("name") == "stdout")


def same(text, shown, exact=False):
    """Whether two outputs have the same words and the same numbers (roughly the same, unless ``exact``)."""
    if exact or text == shown:
        return text == shown
    words = [re.sub(r"\s+", " ", NUMBER.sub("0", t)) for t in (text, shown)]
    return words[0] == words[1] and all(map(_close, NUMBER.finditer(text), NUMBER.finditer(shown)))


def _close(a, b):
    x, y = (float(match[0].rstrip(" %").replace(",", "")) for match in (a, b))
    return math.isclose(x, y, rel_tol=0.1, abs_tol=10 if a[1] else 0.1)  # 10 percentage points, or 0.1 of a loss


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a notebook and its solutions as plain Python, and yields (cell, printed text)."""
    monkeypatch.chdir(tmp_path)  # a solution writes a file
    backend = matplotlib.get_backend()
    matplotlib.use("Agg")

    def execute(path):
        namespace = {}
        notebook = read(path)
        for cell in [*code_cells(notebook), *solutions(notebook)]:
            text = io.StringIO()
            code = cell if isinstance(cell, str) else source(cell)
            with contextlib.redirect_stdout(text):
                exec(compile(code, path.name, "exec"), namespace)
            plt.close("all")
            yield cell, text.getvalue()

    yield execute
    plt.close("all")
    matplotlib.use(backend)


SHORT = [
    pytest.param(path, id=path.stem, marks=[] if path.stem in EXACT else pytest.mark.slow)
    for path in NOTEBOOKS
    if path.stem not in LONG | NEEDS_MNIST
]


@pytest.mark.parametrize("path", SHORT)
def test_a_notebook_prints_its_committed_output_and_its_solutions_run(run, path):
    for cell, text in run(path):
        assert isinstance(cell, str) or same(text, printed(cell), path.stem in EXACT)


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in NOTEBOOKS if p.stem in LONG], ids=lambda path: path.stem)
def test_a_long_notebook_and_its_solutions_run_with_short_trainings(run, path, monkeypatch):
    fit = nn.Model.fit
    monkeypatch.setattr(nn.Model, "fit", lambda *arguments, **options: fit(*arguments, **options | {"epochs": 1}))
    for _ in run(path):
        pass


@pytest.mark.slow
@each_notebook
def test_a_notebook_prints_its_committed_output_in_jupyter(path, tmp_path):
    for module in ("nbclient", "ipykernel"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install -e '.[notebooks]'")
    environment = dict(os.environ)
    if path.stem in NEEDS_MNIST:
        if not (DATA / "mnist").is_dir():
            pytest.skip(f"no copy of MNIST in {DATA / 'mnist'}")
        environment["NNLITE_DATA"] = str(DATA)
    script = ROOT / "notebooks" / "execute.py"
    command = [sys.executable, script, path, "--into", tmp_path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    for new, old in zip(code_cells(read(tmp_path / path.name)), code_cells(read(path)), strict=True):
        assert same(printed(new), printed(old), path.stem in EXACT)
        assert [output["output_type"] for output in new["outputs"]] == [o["output_type"] for o in old["outputs"]]


@pytest.mark.slow
def test_a_notebook_needs_no_widgets(tmp_path, monkeypatch):
    """As in Visual Studio Code and Colab: nothing but text, HTML and pictures, which any of them shows."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    (tmp_path / "sitecustomize.py").write_text(
        'import sys\nsys.modules["ipywidgets"] = None  # as if it were missing\n'
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    notebook = nbformat.read(ROOT / "tests" / "browser" / "notebook.ipynb", as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", coalesce_streams=True)
    client.execute()
    shown = outputs(notebook)
    assert {kind for output in shown for kind in output.get("data", {})} == {"image/png", "text/html", "text/plain"}
    (bar,) = [output["text"] for output in shown if output.get("name") == "stderr"]
    assert bar.strip().splitlines()[-1].startswith("epoch 30/30")
    pictures = [output for output in shown if "image/png" in output.get("data", {})]
    assert len(pictures) == 2  # the 20 pictures of the live plot have one place
    tables = [output["data"] for output in shown if "text/html" in output.get("data", {})]
    assert len(tables) >= 6
    assert not any("<script" in table["text/html"] for table in tables)
    assert all(len(table["text/plain"].splitlines()) >= 1 for table in tables)


@for_each(
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
def test_outputs_are_the_same_if_words_agree_and_numbers_roughly_agree(text, shown, agree):
    assert same(text, shown) == agree
    assert same(text, shown, exact=True) == (text == shown)


# ---- cleaning ------------------------------------------------------------------------------------------------------


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


def test_cleaning_keeps_outputs_and_removes_what_belongs_to_one_run(clean):
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


def test_cleaning_removes_progress_bars(clean):
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
def test_cleaning_refuses_warnings_and_traces_of_this_machine(clean, output, message):
    with pytest.raises(ValueError, match=message):
        clean(notebook_with(output))


def test_notebooks_use_the_colors_of_the_plots():
    parameters = matplotlib.rc_params_from_file(ROOT / "notebooks" / "matplotlibrc", use_default_template=False)
    colors = parameters["axes.prop_cycle"].by_key()["color"]
    assert [f"#{color.lstrip('#')}" for color in colors] == list(nn.plots.style.COLORS[:6])
