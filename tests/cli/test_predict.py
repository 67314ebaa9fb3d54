"""Facts about ``nnlite predict``: rows in, predictions out, from file to file or from standard input to output."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn

from .conftest import flowers, write_csv


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def expected(model):
    return list(model.predict(nn.read_table("test.csv", like=model), names=True))


def test_predictions_have_class_names_and_the_order_of_the_rows(run, trained):
    code, out, err = run("predict r test.csv")
    assert (code, err) == (0, "")
    rows = rows_of(out)
    assert [row["prediction"] for row in rows] == expected(trained)
    P = trained.predict_proba(nn.read_table("test.csv", like=trained))
    assert [float(row["probability"]) for row in rows] == pytest.approx(P.max(axis=1))


def test_from_standard_input_to_standard_output(run, trained, standard_input):
    _, from_file, _ = run("predict r test.csv")
    for file in ("", "-"):
        standard_input(Path("test.csv").read_text())
        code, out, err = run(f"predict r {file}")
        assert (code, err) == (0, "")
        assert out == from_file


def test_an_output_file_has_what_standard_output_would_have(run, trained):
    _, shown, _ = run("predict r test.csv")
    for option in ("-o", "--output"):
        code, out, _ = run(f"predict r test.csv {option} p.csv")
        assert (code, out) == (0, "")
        assert Path("p.csv").read_text() == shown
    assert run("predict r test.csv -o /dev/null") == (0, "", "")


def test_the_target_may_be_absent_and_columns_in_another_order(run, trained, folder):
    _, shown, _ = run("predict r test.csv")
    head, *rows = flowers()
    order = [2, 0, 3, 1]
    write_csv(folder / "new.csv", [[row[j] for j in order] for row in [head, *rows[120:]]], delimiter=";")
    code, out, _ = run("predict r new.csv")
    assert code == 0
    assert out == shown


def test_a_missing_column_is_a_failure_that_names_it(run, trained, folder):
    head, *rows = flowers()
    write_csv(folder / "new.csv", [row[:3] for row in [head, *rows]])
    code, out, err = run("predict r new.csv -o p.csv")
    assert (code, out) == (1, "")
    assert "petal width" in err
    assert not Path("p.csv").exists()


def test_probabilities_of_all_classes(run, trained):
    rows = rows_of(run("predict r test.csv --proba")[1])
    P = [[float(row[f"probability_{name}"]) for name in trained.class_names] for row in rows]
    assert np.sum(P, axis=1) == pytest.approx(1, abs=1e-5)
    assert [trained.class_names[c] for c in np.argmax(P, axis=1)] == [row["prediction"] for row in rows]


def test_columns_of_the_input_can_be_kept(run, trained):
    rows = rows_of(run("predict r test.csv --keep species,'petal width'")[1])
    assert list(rows[0])[:3] == ["species", "petal width", "prediction"]
    assert [row["species"] for row in rows] == [row[-1] for row in flowers()[121:]]
    assert len(rows_of(run("predict r test.csv --keep all")[1])[0]) == 7
    code, _, err = run("predict r test.csv --keep nothing")
    assert code == 2
    assert "nothing" in err


def test_columns_that_the_network_does_not_know_are_refused_copied_or_left_out(run, trained, folder):
    head, *rows = flowers()
    write_csv(folder / "new.csv", [[*head, "note"], *([*row, f"n{i}"] for i, row in enumerate(rows))])
    code, out, err = run("predict r new.csv")
    assert (code, out) == (1, "")
    assert "unknown column 'note'" in err
    assert "--ignore leaves it out" in err
    expected = rows_of(run("predict r new.csv --ignore note")[1])
    kept = rows_of(run("predict r new.csv --keep note,species")[1])
    assert [row.pop("note") for row in kept] == [f"n{i}" for i in range(len(rows))]
    assert [row.pop("species") for row in kept] == [row[-1] for row in rows]
    assert kept == expected
    assert run("evaluate r new.csv --ignore note")[0] == 0


def test_a_column_that_training_ignored_may_be_there_or_not(run, folder):
    head, *rows = flowers()
    write_csv(folder / "train.csv", [["code", *head], *([f"k{i % 7}", *row] for i, row in enumerate(rows))])
    write_csv(folder / "without.csv", [head, *rows])
    assert run("train train.csv --target species --ignore code --epochs 3 --no-report --no-progress --out r")[0] == 0
    with_it, without = (run(f"predict r {name}") for name in ("train.csv", "without.csv"))
    assert with_it == without
    assert with_it[0] == 0
    scores = [json.loads(run(f"evaluate r {name} --json")[1]) for name in ("train.csv", "without.csv")]
    assert scores[0] == scores[1]
    kept = rows_of(run("predict r train.csv --keep code")[1])
    assert kept[3]["code"] == "k3"
    assert run("train train.csv --target species --ignore code --test without.csv --epochs 1 --no-report "
               "--no-progress")[0] == 0  # fmt: skip


def test_values_are_numbers_in_the_unit_of_the_target(run, houses_csv):
    run("train houses.csv --target price --values --no-report --no-progress --out r")
    rows = rows_of(run("predict r houses.csv")[1])
    assert list(rows[0]) == ["prediction"]
    prices = np.array([float(row["prediction"]) for row in rows])
    truth = nn.load_csv("houses.csv", "price", classification=False).y
    assert np.corrcoef(prices, truth)[0, 1] > 0.9
    assert prices.mean() == pytest.approx(truth.mean(), rel=0.1)
    code, _, err = run("predict r houses.csv --proba")
    assert code == 2
    assert "--proba" in err


def test_a_network_that_learned_pixels_takes_columns_of_numbers(run, folder):
    run("train digits --epochs 3 --no-report --no-progress --out d")
    data = nn.load_digits()
    names = [f"p{j}" for j in range(64)]
    write_csv(folder / "pixels.csv", [names, *data.X_test[:20].tolist()])
    rows = rows_of(run("predict d pixels.csv")[1])
    assert [int(row["prediction"]) for row in rows] == nn.load("d/model.npz").predict(data.X_test[:20]).tolist()
    write_csv(folder / "few.csv", [names[:60], *data.X_test[:20, :60].tolist()])
    code, _, err = run("predict d few.csv")
    assert code == 1
    assert "60" in err
    assert "64" in err


@pytest.mark.parametrize("path", ["nowhere", "r/nothing.npz", "empty"])
def test_a_run_that_does_not_exist_is_a_failure(run, trained, path):
    Path("empty").mkdir()
    code, out, err = run(f"predict {path} test.csv")
    assert (code, out) == (1, "")
    assert path in err
    assert len(err.splitlines()) == 1


def test_a_model_file_is_enough(run, trained):
    assert run("predict r/model.npz test.csv") == run("predict r test.csv")


def test_the_options_of_the_command_line_say_how_this_file_is_written(run, folder):
    days = [f"{day:02d}/{month:02d}/2023" for month in range(1, 13) for day in (5, 15, 25)]
    write_csv(
        folder / "a.csv", [["day", "price", "y"], *([day, f'"{i},5"', "ab"[i < 18]] for i, day in enumerate(days))]
    )
    assert run("train a.csv --target y --decimal , --thousands . --epochs 3 --no-report --no-progress --out r")[0] == 0
    write_csv(
        folder / "de.csv", [["day", "price", "y"], ["09/03/2023", '"1.000,5"', "a"], ["02/11/2023", '"30,5"', "b"]]
    )
    write_csv(folder / "us.csv", [["day", "price", "y"], ["03/09/2023", '"1,000.5"', "a"], ["11/02/2023", "30.5", "b"]])
    code, right, _ = run("predict r de.csv")
    assert code == 0
    for options in ("--dates mdy --decimal .", "--dates day=mdy --decimal price=. --thousands price=,"):
        assert run(f"predict r us.csv {options}")[:2] == (0, right)
        assert run(f"evaluate r us.csv --json {options}")[1] == run("evaluate r de.csv --json")[1]
    (folder / "pieces").mkdir()
    (folder / "us.csv").rename(folder / "pieces" / "us.csv")
    assert run("predict r pieces --dates mdy --decimal .")[:2] == (0, right)
