"""Facts about the training scripts in notebooks/: they run, and write what they promise."""

import csv
import json
import runpy
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

import nnlite as nn

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    backend = matplotlib.get_backend()
    matplotlib.use("Agg")
    yield
    matplotlib.use(backend)


def run(name, *arguments):
    """Call the script's ``main`` and return its global variables."""
    script = runpy.run_path(str(NOTEBOOKS / name))
    script["main"](arguments)
    return script


def is_drawn(path):
    """Return whether the file is a picture that is not blank."""
    with Image.open(path) as image:
        return np.ptp(np.asarray(image.convert("L"))) > 100


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("script_*.py")), ids=lambda path: path.stem)
def test_importing_a_script_runs_nothing(path, capsys):
    script = runpy.run_path(str(path))
    assert callable(script["main"])
    assert capsys.readouterr() == ("", "")
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("script_*.py")), ids=lambda path: path.stem)
def test_a_script_explains_itself(path, capsys):
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(path))["main"](["--help"])
    assert stop.value.code == 0
    assert "--out" in capsys.readouterr().out


@pytest.mark.slow
def test_digits_are_learned_and_the_report_is_written(capsys):
    run("script_digits.py", "--epochs", "15", "--out", "here/run")
    folder = Path("here/run")
    report = json.loads((folder / "report.json").read_text())
    assert report["accuracy"] > 0.95
    assert f"accuracy       {report['accuracy']:.3f}" in capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {
        "model.npz", "history.csv", "report.json", "learning_curves.png", "confusion_matrix.png", "mistakes.png",
    }  # fmt: skip
    assert all(is_drawn(picture) for picture in folder.glob("*.png"))

    data = nn.load_digits()
    assert nn.load(folder / "model.npz").evaluate(data.X_test, data.y_test)["accuracy"] == report["accuracy"]
    with (folder / "history.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) <= 15


@pytest.mark.slow
def test_without_hidden_layers_the_digits_are_learned_by_softmax_regression():
    run("script_digits.py", "--hidden", "--epochs", "1", "--out", "run")
    assert len(nn.load("run/model.npz").layers) == 2


@pytest.mark.slow
def test_optimizers_are_compared_over_seeds(capsys):
    script = run("script_compare_optimizers.py", "--epochs", "2", "--seeds", "0", "1", "--out", "picture.png")
    *lines, last = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == list(script["OPTIMIZERS"])
    assert all(0.3 < float(line.split()[-1].rstrip("%")) / 100 <= 1 for line in lines)
    assert last.endswith("picture.png")
    assert is_drawn("picture.png")


@pytest.mark.slow
def test_the_film_of_the_spirals_has_a_picture_for_every_second_epoch(capsys):
    run("script_spirals_film.py", "--epochs", "4", "--every", "2", "--activation", "tanh", "--out", "films/spirals.gif")
    with Image.open("films/spirals.gif") as film:
        assert film.n_frames == 3  # before the first epoch, too
    assert "3 pictures" in capsys.readouterr().out
