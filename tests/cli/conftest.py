"""What the tests of the command line share."""

import io
import os
import shlex
import shutil
import sys

import numpy as np
import pytest

import nnlite as nn
from nnlite import cli


@pytest.fixture
def run(capsys):
    """``run(arguments)`` returns exit code, standard output and standard error; the arguments are one string."""

    def run(arguments):
        try:
            code = cli.main(shlex.split(arguments))
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def standard_input(monkeypatch):
    """``standard_input(text)`` sets what a command reads from standard input."""

    def give(text):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return give


@pytest.fixture
def pictures():
    """The pictures of a run are drawn: without this, no test waits for them, since they take longer than a training."""


def draw_none(patch):
    patch.setattr("nnlite.cli.results.write_pictures", lambda run, directory: {})


@pytest.fixture
def folder(tmp_path, monkeypatch, request):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    if "pictures" not in request.fixturenames:
        draw_none(monkeypatch)
    # speed: a checkpoint per epoch waits for the disk. The tests of storage hold what a power cut leaves.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return tmp_path


def flowers():
    """Rows of the iris data, with names, as a CSV file has them."""
    data = nn.load_iris()
    X, y = np.concatenate([data.X_train, data.X_test]), np.concatenate([data.y_train, data.y_test])
    names = ("sepal length", "sepal width", "petal length", "petal width", "species")
    return [names, *([*(f"{x:.1f}" for x in row), data.class_names[c]] for row, c in zip(X, y, strict=True))]


def houses(n=200, seed=0):
    """Houses whose price follows from area and district, with a missing area here and there."""
    rng = np.random.default_rng(seed)
    area, district = rng.uniform(40, 200, n).round(), rng.choice(["north", "south", "old town"], n)
    price = 3000 * area + np.where(district == "old town", 150_000, 0) + rng.normal(0, 10_000, n)
    cells = ["" if i % 17 == 3 else f"{a:.0f}" for i, a in enumerate(area)]
    rows = zip(range(1000, 1000 + n), cells, district, price.round().astype(int), strict=True)
    return [("id", "area", "district", "price"), *rows]


def write_csv(path, rows, delimiter=","):
    """Write rows to a CSV file and return its name."""
    path.write_text("".join(delimiter.join(map(str, row)) + "\n" for row in rows))
    return path.name


@pytest.fixture
def flowers_csv(folder):
    """A file with 120 flowers to train with, and one with 30 to test with."""
    head, *rows = flowers()
    write_csv(folder / "flowers.csv", [head, *rows[:120]])
    write_csv(folder / "test.csv", [head, *rows[120:]])
    return "flowers.csv"


@pytest.fixture(scope="session")
def flowers_run(tmp_path_factory):
    """The directory of a run that has learned the flowers."""
    folder = tmp_path_factory.mktemp("flowers")
    head, *rows = flowers()
    write_csv(folder / "flowers.csv", [head, *rows[:120]])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(os, "fsync", lambda descriptor: None)
        draw_none(patch)
        options = "--target species --no-report --no-progress --out r --epochs 60"
        assert cli.main(["train", "flowers.csv", *options.split()]) == 0
    return folder / "r"


@pytest.fixture
def trained(flowers_run, flowers_csv, folder):
    """The network of that run, which is copied to ``r``, beside the files with flowers."""
    shutil.copytree(flowers_run, folder / "r")
    return nn.load(folder / "r" / "model.npz")


@pytest.fixture
def houses_csv(folder):
    """A file with 200 houses."""
    return write_csv(folder / "houses.csv", houses())
