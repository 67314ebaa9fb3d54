"""Facts about a run of the benchmarks: what it says must be what it measured."""

import numpy as np
import pytest

import nnlite as nn
from benchmarks import parts
from benchmarks.session import Session

from .common import TINY, run

pytestmark = pytest.mark.slow


def test_a_run_writes_table_picture_and_raw_figures(tmp_path, capsys, tiny):
    chosen = ["--rows", "training,limit", "--networks", tiny.name, "--frameworks", "nnlite,openblas", "--rounds", "3"]
    code, document = run(tmp_path, *chosen)
    assert code == 0
    step, products = document["measurements"]
    assert (step["row"], products["row"], products["framework"]) == ("training", "limit", "openblas")
    assert len(step["samples"]) == len(products["samples"]) == 3
    assert step["median"] == np.median(step["samples"])
    assert min(step["median"], products["median"]) > 0
    assert step["facts"]["loss"] < step["facts"]["loss_before"] / 2
    text = (tmp_path / "results.md").read_text()
    assert f"{products['median'] / step['median']:.2f}" in text
    assert "8-16-10, batch 16, Adam" in text
    assert f"numpy {np.__version__}" in text
    assert f"nnlite {nn.__version__}" in text
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")
    out = capsys.readouterr().out
    assert "round 3/3" in out
    assert text in out


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["nnlite", "nnlite-fast"])
def test_the_progress_bar_is_really_drawn_while_nnlite_is_measured(tmp_path, tiny, engine):
    chosen = ["--rows", "training", "--networks", tiny.name, "--frameworks", engine, "--rounds", "1"]
    _, document = run(tmp_path, *chosen)
    (line,) = [line for line in document["run"]["about"] if "progress bars" in line]
    assert int(line.split("progress bars ")[1].split()[0]) >= 2


@pytest.mark.slow
def test_prediction_growth_memory_and_import_are_measured_too(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.rows.memory.NETWORK", TINY)
    monkeypatch.setattr("benchmarks.rows.growth.POINTS", {"batch": {8: TINY._replace(batch=8), 16: TINY}})
    monkeypatch.setattr("benchmarks.rows.prediction.SECONDS", 0.02)
    monkeypatch.setattr("benchmarks.rows.importing.RUNS", 1)
    rows = ["--rows", "prediction,memory,growth,import", "--frameworks", "nnlite", "--rounds", "1"]
    code, document = run(tmp_path, *rows)
    assert code == 0
    found = {(m["row"], m["case"]): m["median"] for m in document["measurements"]}
    assert min(found["prediction", "batch 1"], found["prediction", "batch 1,024"]) > 0
    (peak,) = [value for (row, _), value in found.items() if row == "memory"]
    assert 20 < peak < 500
    assert {case for row, case in found if row == "growth"} == {"batch 8", "batch 16"}
    assert np.isfinite(found["import", "import"])  # a difference of two times
    assert 30 < found["import", "installed size"] < 500


def test_a_step_is_divided_into_its_parts(tmp_path, tiny):
    code, document = run(
        tmp_path, "--rows", "parts", "--networks", tiny.name, "--frameworks", "nnlite", "--rounds", "1"
    )
    assert code == 0
    (found,) = document["measurements"]
    facts = found["facts"]
    assert list(facts) == [
        "products alone",
        "Dense layers",
        "other layers",
        "softmax and J",
        "optimizer",
        "rest of fit",
    ]
    assert min(facts.values()) > 0
    text = (tmp_path / "results.md").read_text()
    assert "products alone | Dense layers | other layers | softmax and J | optimizer | rest of fit |" in " ".join(
        text.split()
    )


@pytest.mark.slow
def test_a_compiled_step_is_divided_into_its_kernels(tmp_path, tiny):
    chosen = ("--rows", "parts", "--networks", tiny.name, "--frameworks", "nnlite-fast", "--rounds", "1")
    _, document = run(tmp_path, *chosen)
    (found,) = document["measurements"]
    kernels = ["gather", "dense_forward", "softmax and J", "dense_backward", "dense_gradient"]
    assert list(found["facts"]) == [*kernels, "rest of the optimizer"]
    assert found["facts"]["dense_forward"] > 0
    assert "nnlite[fast], one thread | gather | dense_forward |" in " ".join(
        (tmp_path / "results.md").read_text().split()
    )


def test_the_clock_counts_each_part_where_it_belongs():
    model = nn.Model([nn.Dense(4), nn.ReLU(), nn.Dense(2), nn.Softmax()], n_features=3, seed=0)
    optimizer = nn.SGD(0.1)
    seconds = parts.Clock(model, optimizer).seconds

    def running(act):
        """Of which parts the clock was running meanwhile."""
        before = dict(seconds)
        act()
        return [part for part in seconds if seconds[part] > before[part]]

    assert running(lambda: model.forward(np.ones((5, 3)))) == [parts.DENSE, parts.HIDDEN, parts.OUTPUT]
    assert running(lambda: model.backward(np.zeros(5, int))) == [parts.DENSE, parts.HIDDEN, parts.OUTPUT]
    assert running(lambda: optimizer.step(model)) == [parts.OPTIMIZER]
    y = np.zeros(5, int)
    assert running(lambda: model.cost(y)) == [parts.OUTPUT]
    assert running(lambda: model.output.n_correct(y, np.ones((5, 2)))) == [parts.OUTPUT]


def test_of_each_part_the_median_counts_and_what_failed_is_told(tmp_path, monkeypatch, tiny):
    answers = iter(
        [{"parts": {"Dense layers": us, "optimizer": 10 - us}, "alone": {"products alone": us / 2}} for us in (1, 4, 2)]
    )
    monkeypatch.setattr(Session, "ask", lambda *_, **__: next(answers, None))
    chosen = ("--rows", "parts", "--networks", tiny.name, "--frameworks", "nnlite", "--rounds", "3")
    _, document = run(tmp_path, *chosen)
    (found,) = document["measurements"]
    assert found["facts"] == {"products alone": 1, "Dense layers": 2, "optimizer": 8}
    assert found["samples"] == [10, 10, 10]
    _, document = run(tmp_path, *chosen)
    assert document["measurements"][0]["failure"] == "failed"


def test_quick_says_what_it_leaves_out(tmp_path):
    code, document = run(tmp_path, "--quick", "--rows", "parts,memory,growth", "--frameworks", "nnlite")
    assert (code, document["measurements"]) == (0, [])
    text = (tmp_path / "results.md").read_text()
    assert "--quick leaves out where a step of nnlite's goes" in text
    assert "--quick leaves out how a step grows" in text
    assert "--quick leaves out 784-2048-2048-10" in text


@pytest.mark.slow
def test_quick_does_not_take_longer_on_a_slow_machine(tmp_path, monkeypatch, tiny, like_mnist):
    monkeypatch.setattr("benchmarks.session.HURRY", 0)
    rows = "training,mnist,import"
    arguments = ("--quick", "--rows", rows, "--networks", tiny.name, "--frameworks", "nnlite", "--mnist", like_mnist)
    code, document = run(tmp_path, *arguments)
    assert code == 0
    assert [(m["row"], len(m["samples"])) for m in document["measurements"] if m["case"] != "installed size"] == [
        ("training", 1),
        ("import", 1),
    ]
    text = (tmp_path / "results.md").read_text()
    assert f"--quick had no time for 2 rounds of {tiny.name}." in text
    assert "--quick had no time for this." in text
    assert "the first, with files still to be read, counts" in text


@pytest.mark.slow
def test_a_run_that_is_not_quick_takes_its_time(tmp_path, monkeypatch, tiny):
    monkeypatch.setattr("benchmarks.session.HURRY", 0)
    arguments = ("--rows", "training", "--networks", tiny.name, "--frameworks", "nnlite", "--rounds", "2")
    _, document = run(tmp_path, *arguments)
    assert [len(m["samples"]) for m in document["measurements"]] == [2]
