"""What a reader sees of a notebook in JupyterLab, in a real browser.

The tests take a minute. They need JupyterLab, Chromium, Node.js and playwright-core, which
``tests/browser/install.sh`` installs, and are skipped if one of them is missing.
"""

import importlib.util
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

BROWSER = Path(__file__).parent / "browser"
START_TIMEOUT = 60  # seconds
LOOK_TIMEOUT = 240

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def programs():
    """Return the paths of Chromium and Node.js."""
    for module in ("jupyterlab", "ipywidgets"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: tests/browser/install.sh")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    node = shutil.which("node")
    if not (chromium and node):
        pytest.skip(f"there is no {'Node.js' if chromium else 'Chromium'}: tests/browser/install.sh")
    if subprocess.run([node, "-e", "require.resolve('playwright-core')"], check=False, capture_output=True).returncode:
        pytest.skip("there is no playwright-core in NODE_PATH: tests/browser/install.sh")
    return chromium, node


@pytest.fixture(scope="module")
def url(programs, tmp_path_factory):
    """Start JupyterLab with a copy of the notebook, and return the notebook's URL."""
    folder = tmp_path_factory.mktemp("jupyter")
    root = folder / "root"
    root.mkdir()
    shutil.copy(BROWSER / "notebook.ipynb", root)
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "OPENBLAS_NUM_THREADS": "1",
    }
    token = secrets.token_hex(16)
    options = ["--no-browser", "--allow-root", "--ServerApp.port=0", f"--ServerApp.root_dir={root}"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options, f"--IdentityProvider.token={token}"],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    try:
        yield f"{address(server, folder)}lab/tree/notebook.ipynb?token={token}"
    finally:
        server.terminate()
        server.wait(30)


def address(server, folder):
    """Wait until the server has written its URL to a file, and return it."""
    description = folder / "runtime" / f"jpserver-{server.pid}.json"
    until = time.monotonic() + START_TIMEOUT
    while time.monotonic() < until and server.poll() is None:
        if description.is_file() and (text := description.read_text()):
            return json.loads(text)["url"]
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{(folder / 'log').read_text()}")


@pytest.fixture(scope="module")
def seen(programs, url, tmp_path_factory):
    """Run all cells, and return what the page shows then."""
    chromium, node = programs
    folder = tmp_path_factory.mktemp("browser")
    command = [node, str(BROWSER / "look.js"), chromium, url, str(folder)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LOOK_TIMEOUT)
    assert result.returncode == 0, f"{result.stderr}\n(see {folder / 'failed.png'})"
    print(f"screenshot: {folder / 'notebook.png'}")
    return json.loads(result.stdout)


def test_all_cells_run_without_an_error_or_a_warning(seen):
    assert seen["failures"] == []
    assert seen["warnings"] == []
    assert seen["errors"] == []


def test_the_progress_bar_is_a_widget_and_reaches_its_end(seen):
    (bar,) = seen["bars"]
    assert bar["share"] > 0.99
    assert bar["text"].startswith("epoch 30/30")
    assert "loss" in bar["text"]
    assert "accuracy" in bar["text"]


def test_the_learning_curves_and_the_live_plot_are_one_picture_each(seen):
    assert len(seen["pictures"]) == 2  # the 20 pictures of the live plot have one place
    for picture in seen["pictures"]:
        assert picture["kind"] == "data:image/png"
        assert picture["loaded"]
        assert picture["width"] > 300
        assert picture["height"] > 150


def test_a_model_a_history_a_table_and_a_gradient_check_are_tables(seen):
    model, history, table, check, _, _ = seen["tables"]
    assert model["rows"][:3] == [["layer", "output", "parameters"], ["X", "(M, 4)", ""], ["Dense(8)", "(M, 8)", "40"]]
    assert [row[0] for row in history["rows"][1:5]] == ["loss", "val_loss", "accuracy", "val_accuracy"]
    assert [row[0] for row in table["rows"][1:]] == ["price ($)", "<b>job</b> ($)", "class (target)"]
    assert table["equations"] == 0  # the dollar signs begin none
    assert ["layers[0] Dense(8)", "right"] in check["rows"]


def test_the_diagnosis_is_a_table_with_a_verdict_in_each_row(seen):
    *_, diagnosis, _ = seen["tables"]
    findings = [row for row in diagnosis["rows"] if len(row) == 3]
    assert {verdict.split()[-1] for verdict, *_ in findings} <= {"ok", "notice", "problem"}
    assert {"class balance", "calibration"} <= {check for _, check, _ in findings}
    assert all(message for *_, message in findings)


def test_the_trace_is_a_table_with_typeset_equations(seen):
    *_, trace = seen["tables"]
    text = str(trace["rows"])
    assert trace["equations"] >= 20
    assert "layers[0] Dense(8)" in text
    assert "a_prev" not in text  # the plain text of the equations is hidden
    assert "\\(" not in text  # their LaTeX is typeset
