"""Facts about arrays in files on the command line: HDF5, Zarr, folders of .npz and .npy."""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite.cli import stored

from ..support import for_each

QUICK = "--epochs 12 --hidden 16 --no-report --no-progress"
DIGITS = nn.load_digits()
X, Y = DIGITS.X_train[:600].astype(np.float32), DIGITS.y_train[:600]


@pytest.fixture(autouse=True)
def in_a_folder(folder):
    pass


def write(kind):
    """Write the digits in one of the forms, and return its path."""
    path = f"digits-{kind}"
    if kind == "hdf5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            file["X"], file["y"] = X, Y
    elif kind == "zarr":
        group = pytest.importorskip("zarr").open_group(path, mode="w")
        for name, array in (("X", X), ("y", Y)):
            group.create_array(name, shape=array.shape, dtype=array.dtype, chunks=(100, *array.shape[1:]))[...] = array
    else:
        Path(path).mkdir()
        if kind == "npy":
            np.save(f"{path}/X.npy", X)
            np.save(f"{path}/y.npy", Y)
        else:
            for i in range(3):
                np.savez(f"{path}/part-{i}.npz", X=X[200 * i : 200 * i + 200], y=Y[200 * i : 200 * i + 200])
    return path


def scores_of(directory):
    return json.loads(Path(directory, "results.json").read_text())


@for_each("kind", ["npz", "npy", "hdf5", "zarr"])
def test_arrays_are_learned_evaluated_and_predicted(run, kind):
    path = write(kind)
    code, out, err = run(f"train {path} {QUICK} --out {kind}")
    assert code == 0, err
    assert "read in pieces" in out
    found = scores_of(kind)
    assert (found["kind"], found["accuracy"] > 0.5) == ("classes", True)
    assert len(json.loads(run(f"evaluate {kind} --json")[1])) == 8
    assert json.loads(run(f"evaluate {kind} --json")[1])["accuracy"] == found["accuracy"]
    of_all = json.loads(run(f"evaluate {kind} {path} --json")[1])
    model = nn.load(f"{kind}/model.npz")
    assert of_all["accuracy"] == pytest.approx(model.evaluate(X, Y)["accuracy"])
    code, out, _ = run(f"predict {kind} {path}")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["prediction"] for row in rows] == [str(k) for k in model.predict(X)]
    code, out, _ = run(f"summary {path}")
    assert (code, "600 x 64" in out, "float32" in out) == (0, True, True)


def test_other_names_and_names_of_classes(run):
    h5py = pytest.importorskip("h5py")
    with h5py.File("a.h5", "w") as file:
        file["images"], file["labels"] = X.reshape(-1, 8, 8), [f"digit {k}" for k in Y]
    code, out, err = run(f"train a.h5 --features images --target labels {QUICK} --out r")
    assert code == 0, err
    assert "Flatten()" in out
    assert nn.load("r/model.npz").class_names == tuple(f"digit {k}" for k in range(10))
    assert json.loads(run("evaluate r a.h5 --json")[1])["accuracy"] > 0.5  # by the names of the run
    assert run("predict r a.h5")[1].splitlines()[1].startswith("digit ")
    code, out, err = run(f"train a.h5 --features images --target labels --conv 2 {QUICK} --epochs 1")
    assert code == 0, err
    assert "Reshape" in out
    for arguments, message in [
        ("a.h5", "--features: a.h5 has no array 'X'; it has 'images', 'labels'"),
        (
            "a.h5 --features images",
            "--target: name the array of a.h5 with the targets, since none is called 'y'; it has",
        ),
        ("a.h5 --features images --target z", "--target: a.h5 has no array 'z'; it has 'images', 'labels'"),
        ("a.h5 --features images --target labels --decimal ,", "--decimal: is for a table"),
        ("a.h5 --features images --target labels --gray", "--gray: is for pictures"),
    ]:
        code, _, err = run(f"train {arguments} {QUICK}")
        assert (code, message in err) == (2, True), err
    assert "--keep: is for the columns" in run("predict r a.h5 --keep a")[2]


def test_targets_of_a_file_of_their_own_values_and_many_whole_numbers(run):
    np.save("X.npy", X)
    np.save("y.npy", np.stack([X.sum(axis=1), X[:, 20]], axis=1))
    np.save("n.npy", np.arange(600) % 30)
    np.save("half.npy", np.arange(600) / 2 % 3)
    code, _, err = run(f"train X.npy --target y.npy {QUICK} --epochs 30 --out r")
    assert code == 0, err
    assert (scores_of("r")["kind"], scores_of("r")["r2"] > 0.2) == ("values", True)
    assert run("predict r X.npy")[1].startswith("prediction_0,prediction_1\n")
    assert (
        "--target: X.npy has no targets; give the file with them, such as --target y.npy" in run("evaluate r X.npy")[2]
    )
    assert json.loads(run("evaluate r X.npy --target y.npy --json")[1])["r2"] > 0.2
    code, _, err = run(f"train X.npy --target n.npy {QUICK}")
    assert (code, "30 different whole numbers; give --classes if" in err) == (2, True)
    assert run(f"train X.npy --target n.npy --values {QUICK} --epochs 1 --out v")[0] == 0
    code, _, err = run(f"train X.npy --target half.npy --classes {QUICK}")
    assert (code, "--classes: half.npy has numbers from 0 to 2.5; expected indices of classes" in err) == (2, True)


def test_a_large_npz_file_is_read_in_pieces_and_a_table_in_npy_as_before(run, monkeypatch):
    monkeypatch.setattr(stored, "LARGE", 1000)
    np.savez("a.npz", X=X, y=Y)
    code, out, err = run(f"train a.npz {QUICK} --out r")
    assert (code, "read in pieces" in out) == (0, True), err
    np.save("table.npy", np.column_stack([X[:, 20:24], Y % 2]))
    code, out, err = run(f"train table.npy --target -1 {QUICK} --epochs 1")
    assert (code, "read in pieces" in out) == (0, False), err


def test_a_missing_library_is_named_without_a_traceback(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    Path("a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    for command in ("train", "summary"):
        code, _, err = run(f"{command} a.h5")
        assert (code, err) == (1, 'nnlite: error: reading a.h5 needs h5py; run pip install "nnlite[hdf5]"\n')


def test_an_empty_folder_is_called_empty(run):
    Path("empty").mkdir()
    for command in ("train empty --target y", "summary empty"):
        code, _, err = run(command)
        assert (code, "empty: is an empty folder; expected tables, arrays" in err) == (1, True), err


def test_a_file_of_another_kind_in_a_folder_is_named(run):
    for i, (one, other) in enumerate([("a.npz", "README.md"), ("a.csv", "b.npy"), ("b.parquet", "z.pdf")]):
        Path(f"f{i}").mkdir()
        for name in (one, other):
            Path(f"f{i}", name).write_text("a,y\n1,2\n")
        code, _, err = run(f"train f{i} --target y")
        assert (code, f"f{i}: has {other} beside {one}; expected tables alone" in err) == (1, True), err
