"""Facts about ``nnlite evaluate``, ``compare``, ``summary``, ``export`` and ``diagnose``: what they say of a run."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite.cli.compare import short_network, sparkline
from nnlite.cli.pictures import unused_name

from .conftest import flowers, write_csv

# --- evaluate -------------------------------------------------------------------------------------------------------


def test_a_file_is_scored_with_the_classes_of_the_training(run, trained, folder):
    code, out, _ = run("evaluate r test.csv --json")
    assert code == 0
    expected = trained.evaluate(nn.read_table("test.csv", like=trained))["accuracy"]
    assert json.loads(out)["accuracy"] == pytest.approx(expected)
    head, *rows = flowers()
    write_csv(folder / "one.csv", [head, *(row for row in rows if row[-1] == "virginica")])
    assert json.loads(run("evaluate r one.csv --json")[1])["accuracy"] > 0.8


def test_without_a_file_the_test_rows_of_the_run_are_scored(run, trained):
    found = json.loads(run("evaluate r --json")[1])
    written = json.loads(Path("r/results.json").read_text())
    assert found == {key: pytest.approx(written[key]) for key in found}
    assert run("evaluate r")[1].startswith(" ")


@pytest.mark.parametrize("command", ["evaluate", "diagnose"])
def test_data_that_have_changed_since_the_training_are_not_split_again(run, flowers_csv, folder, command):
    run("train flowers.csv --target species --epochs 1 --out a --no-report --no-progress")
    head, *rows = Path("flowers.csv").read_text().splitlines(keepends=True)
    for other in [*rows, rows[0]], rows[::-1]:
        Path("flowers.csv").write_text("".join([head, *other]))
        code, out, err = run(f"{command} a")
        assert (code, out) == (1, "")
        assert "flowers.csv: has changed since the training of a" in err
        assert "nnlite evaluate a FILE" in err
    assert run("evaluate a flowers.csv")[0] == 0
    Path("flowers.csv").write_text("".join([head, *rows]))
    assert run(f"{command} a")[0] == 0


def test_the_trivial_guess_knows_the_training_whatever_file_is_scored(run, flowers_csv, folder):
    """The commonest class of the training, and its frequencies; the test file has other ones."""
    head, *rows = flowers()
    chosen = [row for i, row in enumerate(rows) if row[-1] != "setosa" or i % 3 == 0]
    write_csv(folder / "uneven.csv", [head, *chosen])
    assert run("train uneven.csv --target species --epochs 2 --no-report --no-progress --out r")[0] == 0
    trained = json.loads(Path("r/results.json").read_text())
    again = json.loads(run("evaluate r --json")[1])
    assert all(again[key] == pytest.approx(trained[key]) for key in again)
    config = json.loads(Path("r/config.json").read_text())["options"]
    _, test = nn.read_table("uneven.csv", "species").split(0.2, seed=config["seed"])
    lines = [",".join(head), *(",".join(test.row(i).values()) for i in range(len(test)))]
    Path("same.csv").write_text("\n".join(lines) + "\n")
    of_file = json.loads(run("evaluate r same.csv --json")[1])  # the same rows, as a file of their own
    assert all(of_file[key] == pytest.approx(trained[key]) for key in of_file)
    assert "in training" in run("evaluate r same.csv")[1]
    shutil.copy("r/model.npz", "alone.npz")
    assert "in these rows" in run("evaluate alone.npz same.csv")[1]


def test_a_class_that_the_training_did_not_have_is_a_failure_that_names_it(run, trained, folder):
    head, *rows = flowers()
    write_csv(folder / "new.csv", [head, *rows[:9], [*rows[9][:-1], "orchid"]])
    code, out, err = run("evaluate r new.csv")
    assert (code, out) == (1, "")
    assert "orchid" in err


def test_a_file_without_the_target_is_a_failure(run, trained, folder):
    head, *rows = flowers()
    write_csv(folder / "new.csv", [row[:-1] for row in [head, *rows]])
    code, out, err = run("evaluate r new.csv")
    assert (code, out) == (1, "")
    assert "species" in err


def test_a_data_set_of_nnlite_is_scored_again(run, folder):
    run("train iris --no-report --no-progress --epochs 5 --out i")
    found = json.loads(run("evaluate i --json")[1])
    assert found["accuracy"] == json.loads(Path("i/results.json").read_text())["accuracy"]


def test_a_network_that_learned_pixels_is_scored_with_the_last_column_as_target(run, folder):
    run("train digits --epochs 3 --no-report --no-progress --out d")
    data = nn.load_digits()
    rows = [[*x, c] for x, c in zip(data.X_test.tolist(), data.y_test, strict=True)]
    write_csv(folder / "pixels.csv", [[*(f"p{j}" for j in range(64)), "digit"], *rows])
    expected = nn.load("d/model.npz").evaluate(data.X_test, data.y_test)["accuracy"]
    for options in ("", "--target digit", "--target 64"):
        code, out, _ = run(f"evaluate d pixels.csv --json {options}")
        assert code == 0
        assert json.loads(out)["accuracy"] == pytest.approx(expected)


# --- compare --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_runs_stand_side_by_side_the_best_first(run, flowers_csv):
    run("train flowers.csv --target species --no-report --no-progress --out good")
    run("train flowers.csv --target species --no-report --no-progress --epochs 1 --lr 1e-6 --out bad")
    Path("note.txt").write_text("")
    code, out, err = run("compare bad good note.txt")
    assert code == 0
    assert out.index("\ngood") < out.index("\nbad")
    assert "note.txt is left out" in err
    assert Path("comparison.png").read_bytes().startswith(b"\x89PNG")
    assert unused_name("comparison.png") == "comparison.png"  # it is replaced, but not a picture of somebody else
    Path("comparison.png").write_bytes(b"\x89PNG of somebody else")
    assert unused_name("comparison.png") == "comparison-1.png"
    assert run("compare good bad -o c.png")[0] == 0
    assert Path("c.png").exists()


def test_a_long_network_is_shortened_in_the_table_of_runs():
    layers = [
        nn.Dense(64),
        nn.BatchNorm(),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Dense(64),
        nn.ReLU(),
        nn.Dense(3),
        nn.Softmax(),
    ]
    text = short_network(repr(nn.Model(layers, seed=0)))
    assert text == "Dense(64), BatchNorm(), ReLU(), ..., Softmax()"
    assert short_network("Model([Dense(3), Softmax()])") == "Dense(3), Softmax()"


def test_classes_and_values_have_a_table_each(run, flowers_csv, houses_csv):
    run("train flowers.csv --target species --no-report --no-progress --epochs 2")
    run("train houses.csv --target price --values --no-report --no-progress --epochs 2")
    code, out, _ = run("compare runs/flowers-1 runs/houses-1")
    assert code == 0
    assert "accuracy" in out
    assert "RMSE" in out


def test_nothing_to_compare_is_a_failure(run, folder):
    code, _, err = run("compare nowhere")
    assert code == 1
    assert "nowhere" in err


def test_a_sparkline_falls_with_its_numbers():
    assert sparkline([3.0, 2.0, 1.0]) == "█▅▁"
    assert sparkline([1.0, 1.0]) == "▁▁"
    assert sparkline([float("nan")]) == ""
    assert len(sparkline(list(range(1000)))) == 16


# --- summary, export, diagnose --------------------------------------------------------------------------------------


def test_a_summary_of_a_run_has_layers_classes_and_scores(run, trained):
    code, out, _ = run("summary r")
    assert code == 0
    for text in ("Dense", f"{trained.n_parameters:,}", "setosa, versicolor, virginica", "test examples are right"):
        assert text in out
    assert "Dense" in run("summary r/model.npz")[1]


def test_info_of_a_run_is_its_summary(run, trained):
    _, out, _ = run("summary r")
    assert {"columns", "target", "classes"} <= {line.split()[0] for line in out.splitlines() if line}
    assert run("info r") == (0, out, "")


def test_a_summary_of_a_table_has_its_columns(run, flowers_csv):
    code, out, _ = run("summary flowers.csv")
    assert code == 0
    assert "petal length" in out
    assert run("summary nowhere.csv")[0] == 1


def test_exported_weights_are_those_of_the_network(run, trained):
    assert run("export r -o w.npz")[0] == 0
    with np.load("w.npz") as arrays:
        assert set(arrays) == set(trained.parameters)
        for name, array in trained.parameters.items():
            assert (arrays[name] == array).all()


def test_an_exported_network_runs_in_onnx_runtime(run, trained):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    assert run("export r -o m.onnx")[0] == 0
    table = nn.read_table("test.csv", like=trained)
    session = runtime.InferenceSession("m.onnx", providers=["CPUExecutionProvider"])
    (Y_hat,) = session.run(None, nn.onnx.inputs(trained, table))
    np.testing.assert_allclose(Y_hat, trained.predict_proba(table), atol=1e-6)


def test_exported_tensors_are_those_of_the_network(run, trained):
    safetensors = pytest.importorskip("safetensors.numpy")
    assert run("export r -o m.safetensors")[0] == 0
    tensors = safetensors.load_file("m.safetensors")
    np.testing.assert_array_equal(tensors["0.weight"], trained.parameters["W1"].T)


def test_an_exported_history_is_the_history(run, trained):
    assert run("export r -o h.csv")[0] == 0
    exported, written = ([*csv.DictReader(Path(name).read_text().splitlines())] for name in ("h.csv", "r/history.csv"))
    assert [{k: float(v) for k, v in row.items()} for row in exported] == [
        {k: float(v) for k, v in row.items()} for row in written
    ]


def test_an_exported_description_is_json(run, trained):
    code, out, _ = run("export r -o - --format json --parameters")
    found = json.loads(out)
    assert code == 0
    assert found["n_parameters"] == trained.n_parameters
    assert np.allclose(found["parameters"]["W1"], trained.parameters["W1"])
    assert found["results"]["accuracy"] > 0.5


@pytest.mark.parametrize("wrong", ["-o w.pt", "-o w", "-o w.npz --parameters", "", "-o w.csv --format xml"])
def test_a_format_that_does_not_exist_is_a_wrong_call(run, trained, wrong):
    assert run(f"export r {wrong}")[0] == 2
    assert not Path("w").exists()


def test_the_doctor_examines_the_training_of_a_run(run, trained):
    code, out, _ = run("diagnose r")
    assert code == 0
    assert re.match("Diagnosis: ", out)
