"""Facts about ``nnlite train`` with a table: it splits, learns, scores, and writes a run that can be repeated."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn

from .conftest import flowers, houses, write_csv

QUICK = "--no-report --no-progress --epochs 3"


def history(directory):
    with open(f"{directory}/history.csv", newline="") as file:
        return list(csv.DictReader(file))


def results(directory):
    return json.loads(Path(directory, "results.json").read_text())


def theta(directory):
    return nn.load(f"{directory}/model.npz").theta


# --- classes and values ---------------------------------------------------------------------------------------------


def test_a_table_with_classes_is_learned_with_the_defaults(run, flowers_csv, pictures):
    code, out, err = run("train flowers.csv --target species --no-report --no-progress")
    assert (code, err) == (0, "")
    assert "petal width" in out  # the summary of the table
    assert "learned nothing" not in out
    for column in ("precision", "recall", "versicolor"):
        assert column in out
    assert results("runs/flowers-1")["accuracy"] >= 0.9
    assert results("runs/flowers-1")["baseline_accuracy"] == pytest.approx(1 / 3, abs=0.05)
    written = {path.name for path in Path("runs/flowers-1").iterdir()}
    assert written >= {"model.npz", "history.csv", "learning_curves.png", "confusion_matrix.png", "config.json"}


def test_a_table_with_values_is_learned_with_the_defaults(run, houses_csv, pictures):
    code, out, err = run("train houses.csv --target price --values --no-report --no-progress")
    assert (code, err) == (0, "")
    found = results("runs/houses-1")
    assert found["r2"] > 0.8
    assert found["baseline_r2"] <= 0
    assert found["rmse"] < found["baseline_rmse"]
    for word in ("R2", "MAE", "RMSE", "mean"):
        assert word in out
    assert Path("runs/houses-1/prediction_error.png").read_bytes().startswith(b"\x89PNG")


def test_the_split_is_stratified_and_its_parts_are_as_large_as_asked_for(run, flowers_csv):
    code, out, _ = run(f"train flowers.csv --target species --test-size 0.25 --validation-size 0.2 {QUICK}")
    assert code == 0
    assert "72 training examples, 18 for validation, 30 test examples" in out


def test_a_second_file_tests_with_the_classes_of_the_first(run, folder):
    head, *rows = flowers()
    write_csv(folder / "train.csv", [head, *rows])
    virginica = [row for row in rows if row[-1] == "virginica"]
    write_csv(folder / "test.csv", [head, *virginica])
    code, _, _ = run("train train.csv --target species --test test.csv --no-report --no-progress")
    assert code == 0
    assert results("runs/train-1")["accuracy"] > 0.9  # numbered anew, virginica would be class 0


def test_the_target_may_be_a_position(run, flowers_csv):
    assert run(f"train flowers.csv --target -1 {QUICK}")[0] == 0
    assert nn.load("runs/flowers-1/model.npz").encoding.target_name == "species"


def test_early_stopping_keeps_the_best_epoch(run, flowers_csv):
    options = "--lr 0.3 --optimizer sgd --hidden 8 --patience 2 --epochs 60"
    code, out, _ = run(f"train flowers.csv --target species --no-report --no-progress {options}")
    assert code == 0
    rows = history("runs/flowers-1")
    best = min(range(len(rows)), key=lambda i: float(rows[i]["val_loss"])) + 1
    assert len(rows) == best + 2 < 60
    assert f"the weights of epoch {best} were kept" in out
    assert results("runs/flowers-1")["best_epoch"] == best


def test_without_patience_every_epoch_is_made(run, flowers_csv):
    assert run("train flowers.csv --target species --no-report --patience 0 --epochs 20")[0] == 0
    assert len(history("runs/flowers-1")) == 20


# --- nothing learned ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["label", "value"])
def test_a_run_that_learned_nothing_says_so_and_points_to_the_doctor(run, folder, target):
    rng = np.random.default_rng(0)
    labels, values = rng.choice(["a", "b", "c"], 300), rng.normal(5, 1, 300).round(3)
    rows = zip(rng.normal(size=300).round(3), rng.normal(size=300).round(3), labels, values, strict=True)
    write_csv(folder / "noise.csv", [("x", "z", "label", "value"), *rows])
    other = {"label": "value", "value": "label"}[target]
    code, _, err = run(f"train noise.csv --target {target} --ignore {other} --no-report --no-progress --epochs 5")
    assert code == 0
    assert "learned nothing" in err
    assert "nnlite diagnose runs/noise-1" in err
    assert results("runs/noise-1")["learned_nothing"]


# --- repeated -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        "flowers.csv --target species --hidden 16,8 --dropout 0.2 --optimizer nadam --schedule cosine",
        "flowers.csv --target species --hidden 64 --batch-size 5",  # small networks train with one thread
        "iris --batch-norm --activation gelu --seed 3",
    ],
)
def test_a_config_repeats_the_run_bit_for_bit(run, flowers_csv, options):
    assert run(f"train {options} --out a {QUICK}")[0] == 0
    assert run("train --config a/config.json --out b --no-report --no-progress")[0] == 0
    assert (theta("a") == theta("b")).all()
    without_time = [[{k: v for k, v in row.items() if k != "seconds"} for row in history(d)] for d in "ab"]
    assert without_time[0] == without_time[1]
    first, second = (json.loads(Path(d, "config.json").read_text()) for d in "ab")
    assert first["options"] == second["options"]


def test_a_config_is_found_in_its_run_directory_and_from_elsewhere(run, flowers_csv, monkeypatch):
    run(f"train flowers.csv --target species --out a {QUICK}")
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert run("train --config ../a --out b --no-report --no-progress")[0] == 0
    assert (theta("../a") == theta("b")).all()


def test_options_beside_a_config_change_it(run, flowers_csv):
    run(f"train flowers.csv --target species --out a {QUICK}")
    assert run("train --config a --out b --seed 1 --epochs 2 --no-report")[0] == 0
    config = json.loads(Path("b/config.json").read_text())
    assert (config["options"]["seed"], config["options"]["epochs"]) == (1, 2)
    assert len(history("b")) == 2
    assert (theta("a") != theta("b")).any()


def test_a_file_that_has_changed_since_is_a_warning(run, flowers_csv):
    run(f"train flowers.csv --target species --out a {QUICK}")
    with open("flowers.csv", "a") as file:
        file.write("5.0,3.0,1.5,0.2,setosa\n")
    code, _, err = run("train --config a --out b --no-report --no-progress")
    assert code == 0
    assert "flowers.csv has changed" in err


def test_a_run_directory_alone_is_enough_to_resume(run, flowers_csv):
    run(f"train flowers.csv --target species --hidden 9 --lr 0.01 --out a {QUICK}")
    whole = theta("a")
    run("train flowers.csv --target species --hidden 9 --lr 0.01 --epochs 1 --out b --no-report --no-progress")
    code, out, _ = run("train --resume --out b --epochs 3 --no-report --no-progress")
    assert code == 0
    assert "resumed after epoch 1" in out
    assert (theta("b") == whole).all()


def test_a_refused_call_to_resume_leaves_the_run_as_it_was(run, flowers_csv):
    run(f"train flowers.csv --target species --out a {QUICK}")
    files = {path: path.read_bytes() for path in Path("a").rglob("*") if path.is_file()}
    for other in "--seed 7", "--class-weight balanced", "--dropout 0.3", "--test-size 0.4", "--optimizer sgd":
        code, _, err = run(f"train flowers.csv --target species --out a --resume {other} {QUICK}")
        assert (code, "is of another training" in err) == (2, True), other
        assert {path: path.read_bytes() for path in Path("a").rglob("*") if path.is_file()} == files, other
    code, out, _ = run("train --out a --resume --epochs 4 --no-report --no-progress")
    assert (code, "resumed after epoch 3" in out) == (0, True)
    assert json.loads(Path("a/config.json").read_text())["options"]["epochs"] == 4


@pytest.mark.parametrize("out", ["--out runs/flowers-1", ""])
def test_the_options_of_a_run_hold_when_it_is_resumed_with_its_data_named_again(run, flowers_csv, out):
    options = "--hidden 9 --lr 0.01 --weight-decay 0.1 --patience 7 --batch-size 8"
    run(f"train flowers.csv --target species {options} {QUICK}")
    before = json.loads(Path("runs/flowers-1/config.json").read_text())["options"]
    code, said, err = run(f"train flowers.csv {out} --resume --epochs 4 --patience 6 --no-report --no-progress")
    assert (code, err) == (0, "")
    assert "resumed after epoch 3" in said
    after = json.loads(Path("runs/flowers-1/config.json").read_text())["options"]
    assert after == before | {"epochs": 4, "patience": 6}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "nnlite run", "options": {"lr": 1}}', "\x00"])
def test_what_is_no_config_is_refused(run, folder, content):
    (folder / "config.json").write_text(content)
    code, out, err = run("train --config config.json")
    assert code in (1, 2)
    assert out == ""
    assert "config" in err
    assert len(err.splitlines()) == 1


@pytest.mark.slow
def test_a_run_with_class_weights_is_judged_with_them(run, folder):
    rng = np.random.default_rng(0)
    fraud = rng.uniform(size=1200) < 0.08
    amount = rng.normal(size=(1200, 3)) + 1.0 * fraud[:, None]
    rows = [[*(f"{x:.3f}" for x in row), "fraud" if bad else "fine"] for row, bad in zip(amount, fraud, strict=True)]
    write_csv(folder / "pay.csv", [("a", "b", "c", "kind"), *rows])
    code, out, err = run("train pay.csv --target kind --class-weight balanced --hidden none --epochs 12 --no-progress")
    assert (code, err) == (0, "")
    assert "balanced accuracy (mean recall)" in out
    found = results("runs/pay-1")
    assert found["balanced_accuracy"] > 0.7
    assert not found["learned_nothing"]
    assert "balanced accuracy" in found["verdict"]
    page = Path("runs/pay-1/report.html").read_text()
    for words in "balanced accuracy", "not comparable with the validation loss":
        assert words in page
    assert "--class-weight" not in run("diagnose runs/pay-1")[1]
    assert json.loads(run("evaluate runs/pay-1 --json")[1])["balanced_accuracy"] == found["balanced_accuracy"]


# --- wrong calls ----------------------------------------------------------------------------------------------------


def test_a_table_without_a_target_is_answered_with_its_columns(run, flowers_csv):
    code, out, err = run("train flowers.csv")
    assert (code, out) == (2, "")
    assert "--target" in err
    assert "petal length" in err
    assert "species" in err


def test_a_target_that_is_no_column_is_answered_with_the_columns(run, flowers_csv):
    code, _, err = run("train flowers.csv --target specie")
    assert code == 2
    assert "species" in err


def test_a_file_that_does_not_exist_is_a_failure_of_one_line(run, folder):
    code, out, err = run("train nowhere.csv --target y")
    assert (code, out) == (1, "")
    assert "nowhere.csv" in err
    assert len(err.splitlines()) == 1


def test_a_training_that_is_refused_leaves_no_run_directory(run, flowers_csv):
    code, _, err = run("train flowers.csv --target species --no-report --layers 'Reshape((7, 7)), Dense(3)'")
    assert code == 2
    assert err.startswith("nnlite: error: ")
    assert not list(Path().glob("runs/*"))
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("")
    assert run("train flowers.csv --target species --out mine --no-report --layers 'Reshape((7, 7)), Dense(3)'")[0] == 2
    assert Path("mine/notes.txt").exists()


def test_both_ways_to_test_are_one_too_many(run, flowers_csv):
    code, _, err = run("train flowers.csv --target species --test test.csv --test-size 0.1")
    assert code == 2
    assert "--test-size" in err


def test_too_few_rows_are_a_failure_of_the_data(run, folder):
    write_csv(folder / "few.csv", [("x", "y"), (1, "a"), (2, "b")])
    code, _, err = run("train few.csv --target y")
    assert code in (1, 2)
    assert "few.csv" in err or "too few" in err
    write_csv(folder / "same.csv", [("x", "y"), *((i, "a") for i in range(30))])
    assert run("train same.csv --target y") == (
        1,
        "",
        "nnlite: error: same.csv: all labels are 'a', so there is nothing to learn\n",
    )
    write_csv(folder / "constant.csv", [("x", "y"), *((5, "ab"[i % 2]) for i in range(30))])
    code, _, err = run("train constant.csv --target y")
    assert code == 1
    assert err == "nnlite: error: every column of constant.csv is left out ('x': it is always 5)\n"
    assert not Path("runs").exists()


def test_a_test_file_without_the_target_is_a_failure(run, folder):
    head, *rows = houses(60)
    write_csv(folder / "train.csv", [head, *rows])
    write_csv(folder / "test.csv", [head[:-1], *(row[:-1] for row in rows)])
    code, _, err = run("train train.csv --target price --values --test test.csv")
    assert code in (1, 2)
    assert "price" in err


def test_a_target_that_may_be_classes_or_values_asks_with_the_options(run, houses_csv):
    code, out, err = run("train houses.csv --target price")
    assert code in (1, 2)
    assert out == ""
    assert "--classes" in err
    assert "--values" in err
    assert "classification" not in err


def test_the_advice_on_missing_values_can_be_typed_as_it_stands(run, folder):
    rows = [[f"{i}.5", f"{i}.25", "xy"[i % 2]] for i in range(30)]
    rows[3][0], rows[4][0], rows[5][1] = "n.d.", "so so", "k.A."
    write_csv(folder / "m.csv", [["a", "b", "k"], *rows])
    code, _, err = run("summary m.csv")
    assert code == 1
    advice = err.strip().rpartition("give ")[2]
    assert advice == "--missing 'n.d.,so so,k.A.'"
    for options in (advice, "--missing n.d. --missing 'so so' --missing k.A."):
        code, out, _ = run(f"summary m.csv {options}")
        assert code == 0
        assert out.count("numeric") == 2
