"""Facts about tables on the command line that are read in pieces: a folder of files, or a large one."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite.cli import stored

QUICK = "--epochs 4 --hidden 8 --no-report --no-progress"


@pytest.fixture(autouse=True)
def in_a_folder_of_people(folder):
    """A folder ``people`` with three CSV files."""
    rng = np.random.default_rng(0)
    Path("people").mkdir()
    for i in range(3):
        rows = [("id", "age", "city", "bought")]
        for k in range(200):
            age, city = int(rng.integers(18, 90)), str(rng.choice(["Bern", "Oslo"]))
            rows.append((f"p{i}-{k}", age, city, "yes" if age + 20 * (city == "Oslo") > 60 else "no"))
        Path(f"people/part-{i}.csv").write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")


def one_file():
    """The rows of the three files."""
    parts = [Path(f"people/part-{i}.csv").read_text().splitlines() for i in range(3)]
    return "\n".join(parts[0] + parts[1][1:] + parts[2][1:]) + "\n"


def test_a_folder_is_learned_evaluated_and_predicted(run):
    code, out, err = run(f"train people --target bought --ignore id {QUICK} --epochs 40")
    assert code == 0, err
    assert "read in pieces" in out
    sizes = nn.open_table("people", "bought").split(0.2, 0)
    n_test = sum(int(sizes[1].selected(piece).sum()) for piece in sizes[1].pieces())
    assert f"for validation, {n_test} test examples" in out
    results = json.loads(Path("runs/people-1/results.json").read_text())
    assert results["test_examples"] == n_test
    model = nn.load("runs/people-1/model.npz")
    assert model.class_names == ("no", "yes")
    assert model.encoding.names == ("age", "city")

    code, out, _ = run("evaluate runs/people-1 people --json --ignore id")
    found = json.loads(out)
    assert (code, found["accuracy"] > 0.85) == (0, True)
    Path("all.csv").write_text(one_file())
    same = json.loads(run("evaluate runs/people-1 all.csv --json")[1])  # of a file that is read as a whole
    assert found == pytest.approx(same, rel=1e-6)
    assert run("evaluate runs/people-1 people")[1] == run("evaluate runs/people-1 all.csv")[1]
    assert json.loads(run("evaluate runs/people-1 people --json")[1]) == found  # the network knows what it ignores
    code, out, _ = run("predict runs/people-1 people --keep id --proba")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, len(rows), rows[-1]["id"]) == (0, 600, "p2-199")
    whole = nn.open_table("people", ignore=["id"])
    assert [row["prediction"] for row in rows] == model.predict(whole, names=True).tolist()
    code, out, _ = run("evaluate runs/people-1 --json")
    assert (code, json.loads(out)) == (0, {name: results[name] for name in found})


def test_a_large_file_is_read_in_pieces_like_a_folder(run, monkeypatch):
    Path("people.csv").write_text(one_file())
    run(f"train people --target bought --ignore id {QUICK}")
    monkeypatch.setattr(stored, "LARGE", 1000)
    code, out, err = run(f"train people.csv --target bought --ignore id {QUICK}")
    assert code == 0, err
    assert "read in pieces" in out
    first, second = (nn.load(f"runs/{name}/model.npz") for name in ("people-1", "people-2"))
    np.testing.assert_array_equal(first.theta, second.theta)


def test_another_folder_is_the_test(run):
    Path("later").mkdir()
    Path("people/part-2.csv").rename("later/part-2.csv")
    code, out, err = run(f"train people --target bought --ignore id --test later {QUICK}")
    assert code == 0, err
    assert "200 test examples" in out
    assert json.loads(Path("runs/people-1/results.json").read_text())["test_examples"] == 200


def test_wrong_use_is_refused(run):
    for arguments, message in [
        ("people", "--target: name the column of people to predict; it has id, age, city, bought"),
        ("people --target price", "--target: there is no column 'price'"),
        ("people --target bought --conv 4", "--conv: is for images"),
        ("people --target bought --test people --test-size 0.1", "--test-size: give either"),
    ]:
        code, _, err = run(f"train {arguments} {QUICK}")
        assert code in (1, 2)
        assert message in err
    Path("people/part-1.csv").write_text("id,age,city,bought\np,1,Bern\n")
    code, _, err = run(f"train people --target bought {QUICK}")
    assert code != 0
    assert "people/part-1.csv: line 2: has 3 columns" in err
