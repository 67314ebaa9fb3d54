"""The benchmarks' machinery, with nnlite alone and one small network: what they say must be what they measured."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from benchmarks import __main__ as command_line
from benchmarks import networks, parts
from benchmarks.frameworks import FRAMEWORKS, Framework
from benchmarks.mnist.common import read_mnist
from benchmarks.networks import NETWORKS, Network
from benchmarks.peers import own
from benchmarks.processes import PeerError, Process, Worker
from benchmarks.quiet import Quiet
from benchmarks.report import number, render
from benchmarks.results import Results
from benchmarks.rows import importing, mnist
from benchmarks.rows.turns import check_losses
from benchmarks.session import Options, Session
from nnlite.engine import openblas

ROOT = Path(__file__).parent.parent
MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "memory_GiB": 4,
    "system": "a system",
    "threads": 2,
    "date": "today",
    "python": "3",
    "versions": {"numpy": "2"},
    "commit": "abc",
    "environment": {},
    "set_by_nnlite": {"OPENBLAS_THREAD_TIMEOUT": "19"},
}
TINY = Network((8, 16, 10), 16, "Adam", 0.01, 256, epochs=20)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("benchmarks.quiet.PAUSE", 0.001)
    monkeypatch.setattr("benchmarks.rows.training.SECONDS_OF_PRODUCTS", 0.01)
    monkeypatch.delenv("NNLITE_MNIST", raising=False)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(NETWORKS, TINY.name, TINY)
    return TINY


def run(tmp_path, *arguments):
    """Exit code and the JSON that was written."""
    code = command_line.main([*arguments, "--patience", "0", "--out", str(tmp_path)])
    return code, json.loads((tmp_path / "results.json").read_text())


def session(**options):
    defaults = {
        "rows": [],
        "frameworks": ["nnlite"],
        "networks": [],
        "rounds": 1,
        "quick": False,
        "mnist": None,
        "patience": 0,
    }
    return Session(Options(**(defaults | options)))


# ---- a whole run -------------------------------------------------------------------------------------------------


def test_a_run_writes_table_picture_and_raw_figures(tmp_path, capsys, tiny):
    chosen = ["--rows", "training,limit", "--networks", tiny.name, "--frameworks", "nnlite", "--rounds", "3"]
    code, document = run(tmp_path, *chosen)
    assert code == 0
    step, products = document["measurements"]
    assert (step["row"], products["row"]) == ("training", "limit")
    assert len(step["samples"]) == len(products["samples"]) == 3
    assert step["median"] == np.median(step["samples"])
    assert step["median"] > products["median"] > 0
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


def test_the_progress_bar_is_really_drawn_while_nnlite_is_measured(tmp_path, tiny):
    _, document = run(
        tmp_path, "--rows", "training", "--networks", tiny.name, "--frameworks", "nnlite", "--rounds", "1"
    )
    (line,) = [line for line in document["run"]["about"] if "progress bar" in line]
    assert int(line.split("progress bar ")[1].split()[0]) >= 2


def test_prediction_growth_memory_and_import_are_measured_too(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.rows.memory.NETWORK", TINY)
    monkeypatch.setattr("benchmarks.rows.growth.POINTS", {"batch": {8: TINY._replace(batch=8), 16: TINY}})
    monkeypatch.setattr("benchmarks.rows.prediction.SECONDS", 0.02)
    monkeypatch.setattr("benchmarks.rows.importing.RUNS", 1)
    rows = ["--rows", "prediction,memory,growth,import", "--frameworks", "nnlite", "--rounds", "1"]
    code, document = run(tmp_path, *rows)
    assert code == 0
    found = {(m["row"], m["case"]): m["median"] for m in document["measurements"]}
    assert 0 < found["prediction", "batch 1"] < found["prediction", "batch 1,024"]
    (peak,) = [value for (row, _), value in found.items() if row == "memory"]
    assert 20 < peak < 500
    assert {case for row, case in found if row == "growth"} == {"batch 8", "batch 16"}
    assert 0.01 < found["import", "import"] < 30
    assert 30 < found["import", "installed size"] < 500


def test_a_step_is_divided_into_its_parts(tmp_path, tiny):
    code, document = run(tmp_path, "--rows", "parts", "--networks", tiny.name, "--rounds", "1")
    assert code == 0
    (found,) = document["measurements"]
    facts = found["facts"]
    assert list(facts) == ["products alone", "Dense layers", "ReLU", "softmax and J", "optimizer", "rest of fit"]
    assert min(facts.values()) > 0
    text = (tmp_path / "results.md").read_text()
    assert "products alone | Dense layers | ReLU | softmax and J | optimizer | rest of fit |" in " ".join(text.split())


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
    answers = iter([{"parts": {"Dense layers": us, "ReLU": 10 - us}, "products": us / 2} for us in (1, 4, 2)])
    monkeypatch.setattr(Session, "ask", lambda *_, **__: next(answers, None))
    chosen = ("--rows", "parts", "--networks", tiny.name, "--frameworks", "nnlite", "--rounds", "3")
    _, document = run(tmp_path, *chosen)
    (found,) = document["measurements"]
    assert found["facts"] == {"products alone": 1, "Dense layers": 2, "ReLU": 8}
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


def test_a_run_that_is_not_quick_takes_its_time(tmp_path, monkeypatch, tiny):
    monkeypatch.setattr("benchmarks.session.HURRY", 0)
    arguments = ("--rows", "training", "--networks", tiny.name, "--frameworks", "nnlite", "--rounds", "2")
    _, document = run(tmp_path, *arguments)
    assert [len(m["samples"]) for m in document["measurements"]] == [2]


# ---- what is compared ----------------------------------------------------------------------------------------------


def test_the_networks_are_called_as_people_call_them():
    assert list(NETWORKS) == [
        "64-32-10",
        "784-128-10",
        "784-512-512-10",
        "784-8x256-10",
        "784-4096-10",
        "784-3x2048-10",
    ]
    assert NETWORKS["784-8x256-10"].title == "784-8x256-10, batch 64, Adam"
    assert all(network.n_examples % network.batch == 0 for network in NETWORKS.values())


def test_everyone_gets_the_same_examples_and_weights():
    for once, again in zip(networks.examples(TINY), networks.examples(TINY), strict=True):
        assert np.array_equal(once, again)
    X, y = networks.examples(TINY)
    assert X.dtype == np.float32
    assert set(y) == set(range(10))
    weights = networks.initial_weights(TINY.sizes)
    assert [W.shape for W, _ in weights] == [(8, 16), (16, 10)]
    assert networks.loss(weights, X, y) == pytest.approx(np.log(10), abs=0.1)


def test_the_yardstick_agrees_with_nnlite():
    X, y = networks.examples(TINY)
    weights = [(W, b + np.float32(0.1)) for W, b in networks.initial_weights(TINY.sizes)]
    model = own.model_of(weights)
    np.testing.assert_allclose(networks.probabilities(weights, X), model.predict_proba(X), atol=1e-6)
    assert networks.loss(weights, X, y) == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-5)


def test_nnlite_trains_as_said_and_hands_out_what_it_has_learned():
    X, y = networks.examples(TINY)
    start = networks.initial_weights(TINY.sizes)
    training = own.Training(TINY, start, X, y)
    assert all(np.array_equal(W, W0) for (W, _), (W0, _) in zip(training.weights(), start, strict=True))
    training.train(20)
    assert networks.loss(training.weights(), X, y) < networks.loss(start, X, y) / 2
    assert repr(training.optimizer) == "Adam(0.01)"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FRAMEWORKS if name != "nnlite"])
def test_a_peer_trains_hands_out_what_it_has_learned_and_predicts(name):
    if FRAMEWORKS[name].missing():
        pytest.skip(f"needs {FRAMEWORKS[name].missing()}")
    X, y = networks.examples(TINY)
    weights = networks.initial_weights(TINY.sizes)
    worker = Worker(FRAMEWORKS[name].module, draws=False)
    try:
        if FRAMEWORKS[name].trains:
            worker.ask("begin_training", network=TINY)
            worker.ask("train", epochs=20)
            assert worker.ask("end_training")["loss"] < networks.loss(weights, X, y) / 2
        if FRAMEWORKS[name].predicts:
            assert worker.ask("begin_prediction", sizes=TINY.sizes, batches=[1, 5])["off_by"] < 1e-5
    finally:
        worker.end()


@pytest.mark.parametrize(
    ("losses", "failing"),
    [({"nnlite": 0.6, "torch": 0.61, "jax": 0.5}, []), ({"nnlite": 0.6, "torch": 2.2, "jax": 0.6}, ["torch"])],
)
def test_who_has_not_learned_does_not_count(losses, failing, capsys):
    run = session()
    entries = []
    for framework, loss in losses.items():
        entry = run.results.open("training", "a case", framework, "us")
        entry.samples, entry.facts = [1.0], {"loss_before": 2.3, "loss": loss}
        entries.append(entry)
    check_losses(run, "a case", entries)
    assert [entry.framework for entry in entries if not entry.counts] == failing
    assert len(run.failures) == len(failing)
    assert capsys.readouterr().out.count("did not learn") == len(failing)


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1.2])
def test_a_loss_that_has_not_fallen_to_half_is_a_failure_even_if_all_share_it(loss):
    run = session()
    entry = run.results.open("training", "a case", "nnlite", "us")
    entry.samples, entry.facts = [1.0], {"loss_before": 2.3, "loss": loss}
    check_losses(run, "a case", [entry])
    assert not entry.counts


# ---- medians, ratios, tables ---------------------------------------------------------------------------------------


def results_of(**samples):
    results = Results()
    for framework, values in samples.items():
        results.open("training", "a case", framework, "us").samples = values
    return results


def test_the_ratio_is_of_the_best_peers_median_to_nnlites():
    results = results_of(nnlite=[2.0, 1.0, 30.0], torch=[5.0, 5.0, 0.1], jax=[3.0, 4.0, 9.0])
    assert results.best_peer("training", "a case").framework == "jax"
    assert results.ratio("training", "a case") == 4 / 2
    assert results.get("training", "a case", "jax").quartiles == (3.5, 6.5)
    results.get("training", "a case", "jax").failure = "did not learn"
    assert results.ratio("training", "a case") == 5 / 2


def test_the_table_says_who_failed_and_who_is_best():
    results = results_of(nnlite=[2.0, 2.0], torch=[5.0, 5.0], jax=[1.0, 1.0])
    results.get("training", "a case", "jax").failure = "did not learn"
    text = render(results, MACHINE, {"growth": ["for another day"]}, ["about"])
    (line,) = [line for line in text.splitlines() if line.startswith("| a case")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["a case, us", "2.00 (2.00-2.00)", "5.00 (5.00-5.00)", "did not learn", "PyTorch", "**2.50**"]
    assert "a processor, 2 cores" in text
    assert "Set by nnlite for itself: OPENBLAS_THREAD_TIMEOUT=19." in text
    assert "In all processes" not in text
    assert "Python 3, numpy 2; nnlite's commit abc." in text
    assert text.index("## A training step") < text.index("## How a step grows") < text.index("for another day")


@pytest.mark.parametrize(
    ("value", "text"), [(94321.4, "94,321"), (312.6, "313"), (31.26, "31.3"), (3.126, "3.13"), (0.3126, "0.313")]
)
def test_figures_have_three_digits(value, text):
    assert number(value) == text


# ---- processes -----------------------------------------------------------------------------------------------------


def test_a_worker_sleeps_while_it_waits():
    worker = Worker("own", draws=True)
    try:
        worker.ask("begin_training", network=TINY)
        time.sleep(0.5)
        worker.ask("train", epochs=1)
        assert worker.idle_seconds > 0.5
        assert worker.idle_cpu < 0.1 * worker.idle_seconds
    finally:
        worker.end()


def test_a_command_that_fails_is_an_error_and_the_worker_lives_on():
    worker = Worker("own", draws=False)
    try:
        with pytest.raises(PeerError, match=r"AttributeError.* 'dance'"):
            worker.ask("dance")
        assert worker.ask("peak_memory")["MiB"] > 10
    finally:
        worker.end()


@pytest.mark.parametrize(
    ("code", "words"),
    [("raise SystemExit(3)", "ended with exit code 3"), ("import sys; sys.exit('out of luck')", "out of luck")],
)
def test_the_last_words_of_a_process_are_heard(code, words):
    process = Process("-c", code)
    try:
        with pytest.raises(PeerError, match=words):
            process.line()
    finally:
        process.end()


def test_a_process_that_hangs_is_given_up():
    process = Process("-c", "import time; time.sleep(60)")
    try:
        with pytest.raises(PeerError, match="no answer within 0 seconds"):
            process.line(patience=0.1)
    finally:
        process.end()


@pytest.mark.parametrize(("module", "told"), [("own", True), ("scikit", False)])
def test_what_nnlite_tells_openblas_it_tells_its_own_process_alone(monkeypatch, module, told):
    monkeypatch.setenv(openblas.TIMEOUT, "19")
    monkeypatch.setattr(openblas, "added", {openblas.TIMEOUT})  # as where this process has set it
    code = (
        f"import sys; sys.argv[1:] = [{module!r}]; import benchmarks.worker; import os; print(*os.environ, flush=True)"
    )
    process = Process("-c", code)
    try:
        assert (openblas.TIMEOUT in process.line().split()) == told
    finally:
        process.end()


def test_a_thread_for_each_core_whatever_is_set_outside(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "17")
    monkeypatch.setenv("TQDM_DISABLE", "1")
    process = Process("-c", "import os; print(os.environ['OMP_NUM_THREADS'], 'TQDM_DISABLE' in os.environ, flush=True)")
    try:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        assert process.line() == f"{cores} False"
    finally:
        process.end()


def busy(monkeypatch, *readings):
    readings = iter(readings)
    monkeypatch.setattr("benchmarks.quiet.busy_seconds", lambda: next(readings))


def test_a_turn_waits_for_quiet_as_long_as_patience_lasts(monkeypatch):
    busy(monkeypatch, 1.0, 1.5, 2.0, 2.5, 3.0, 3.0)  # busy, busy, quiet
    quiet = Quiet(patience=10.0)
    quiet.wait()
    assert quiet.patience == pytest.approx(10.0 - 2 * 0.001)
    busy(monkeypatch, 1.0, 1.5, 2.0, 2.5)
    impatient = Quiet(patience=0.001)
    impatient.wait()
    assert impatient.patience <= 0


@pytest.mark.parametrize(("others", "disturbed"), [(0.0, 0), (5.0, 1)])
def test_turns_that_others_disturb_are_counted(monkeypatch, others, disturbed):
    busy(monkeypatch, 100.0, 103.0 + others)
    quiet = Quiet(patience=0.0)
    quiet.begin()
    quiet.end(cpu_seconds=3.0)
    assert (quiet.n_turns, quiet.n_disturbed) == (1, disturbed)


def test_where_the_machine_does_not_say_how_busy_it_is_nothing_is_counted(monkeypatch):
    busy(monkeypatch, None, None, None, None)
    quiet = Quiet(patience=10.0)
    quiet.wait()
    quiet.begin()
    quiet.end(cpu_seconds=3.0)
    assert (quiet.n_turns, quiet.n_disturbed) == (0, 0)


# ---- who is missing, crashes or is stopped -------------------------------------------------------------------------


def test_a_framework_that_is_not_installed_is_left_out_with_the_command_that_brings_it(
    tmp_path, capsys, monkeypatch, tiny
):
    missing = Framework("PyTorch", "pytorch", ("json", "no_such_package"), ("json", "no-such-distribution"))
    monkeypatch.setitem(FRAMEWORKS, "torch", missing)
    chosen = ["--rows", "training", "--networks", tiny.name, "--frameworks", "torch", "--rounds", "1"]
    code, document = run(tmp_path, *chosen)
    assert code == 0
    line = "PyTorch is left out: pip install no-such-distribution brings it."
    assert line in capsys.readouterr().out
    assert line in (tmp_path / "results.md").read_text()
    assert [m["framework"] for m in document["measurements"]] == ["nnlite"]


def test_a_framework_that_crashes_is_reported_and_the_rest_goes_on(tmp_path, capsys, monkeypatch, tiny):
    monkeypatch.setitem(FRAMEWORKS, "jax", Framework("JAX", "no_such_peer", ("json",), ("numpy",)))
    chosen = ["--rows", "training", "--networks", tiny.name, "--frameworks", "jax,nnlite", "--rounds", "1"]
    code, document = run(tmp_path, *chosen)
    assert code == 1
    assert "FAILED JAX, 8-16-10, batch 16, Adam: ModuleNotFoundError" in capsys.readouterr().out
    own_entry, crashed = document["measurements"]
    assert own_entry["samples"]
    assert crashed["failure"] == "failed"


FLAKY = """
import itertools

def predictor(weights):
    from benchmarks.networks import probabilities

    calls = itertools.count()

    def predict(X):
        if next(calls) > 42 and len(X) > 1:  # all went well while it got ready, and with batches of 1
            raise ValueError("tired")
        return probabilities(weights, X)

    return predict
"""


def test_a_framework_that_fails_once_has_failed_and_is_not_asked_again(tmp_path, monkeypatch):
    (tmp_path / "flaky.py").write_text(FLAKY)
    start = "import benchmarks.peers, runpy, sys; benchmarks.peers.__path__.append(sys.argv.pop(1)); "
    run_worker = "runpy.run_module('benchmarks.worker', run_name='__main__', alter_sys=True)"
    monkeypatch.setattr("benchmarks.processes.WORKER", ("-c", start + run_worker, str(tmp_path)))
    monkeypatch.setattr("benchmarks.rows.prediction.SECONDS", 0.02)
    monkeypatch.setitem(FRAMEWORKS, "jax", Framework("JAX", "flaky", ("json",), ("numpy",)))
    code, document = run(tmp_path, "--rows", "prediction", "--frameworks", "jax,nnlite", "--rounds", "3")
    assert code == 1
    assert sum(line.startswith("FAILED JAX") for line in document["run"]["about"]) == 1
    entries = {(m["framework"], m["case"]): m for m in document["measurements"]}
    assert {entries["jax", case]["failure"] for case in ("batch 1", "batch 1,024")} == {"failed"}
    assert all(len(m["samples"]) == 3 for (framework, _), m in entries.items() if framework == "nnlite")


def test_without_mnist_its_row_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLITE_DATA", str(tmp_path / "nowhere"))
    monkeypatch.delenv("NNLITE_MNIST", raising=False)
    code, document = run(tmp_path, "--rows", "mnist", "--frameworks", "nnlite")
    assert code == 0
    assert document["measurements"] == []
    assert "Left out: MNIST's four .gz files are not in" in (tmp_path / "results.md").read_text()


def test_a_directory_without_mnist_is_refused_before_anything_is_measured(tmp_path, capsys):
    assert command_line.main(["--mnist", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "--mnist: expected train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "patience"),
    [([], 60), (["--quick"], 10), (["--quick", "--patience", "3"], 3), (["--patience", "0"], 0)],
)
def test_a_hurried_run_does_not_wait_long_for_quiet(arguments, patience):
    assert command_line._options(command_line._parser().parse_args(arguments)).patience == patience


@pytest.mark.parametrize(
    ("arguments", "whole"),
    [
        ([], True),
        (["--rounds", "9", "--patience", "0"], True),
        (["--rounds", "6"], False),
        (["--quick"], False),
        (["--rows", "training"], False),
        (["--networks", "64-32-10"], False),
        (["--frameworks", "torch"], False),
    ],
)
def test_a_whole_run_is_one_of_everything(arguments, whole):
    assert command_line._is_whole(command_line._parser().parse_args(arguments)) == whole


def test_a_run_of_a_part_leaves_the_published_figures_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [command_line.PUBLISHED / f"results.{kind}" for kind in ("md", "png", "json")]
    published = {path: path.read_bytes() for path in paths}
    assert command_line.main(["--rows", "limit", "--networks", "64-32-10", "--frameworks", "nnlite", "--quick"]) == 0
    assert {path: path.read_bytes() for path in published} == published
    assert "| 64-32-10" in (tmp_path / "benchmark-results" / "results.md").read_text().split("products alone", 1)[1]


@pytest.fixture
def measured_at_once(tmp_path, monkeypatch):
    """Rows that take no time; what they find is published in a directory of the test."""

    def measure_row(row):
        def measure(session):
            session.results.open(row, "a case", "nnlite", "us").samples = [1.0]

        return measure

    for row in command_line.MEASURES:
        monkeypatch.setitem(command_line.MEASURES, row, measure_row(row))
    monkeypatch.setattr(command_line, "PUBLISHED", tmp_path / "published")
    (tmp_path / "published").mkdir()
    monkeypatch.setattr(command_line, "_leave_out", lambda session, all_asked_for: [])
    monkeypatch.setattr(command_line.machine, "describe", lambda frameworks: MACHINE)
    monkeypatch.setattr(command_line, "busy_cores", lambda: 0.0)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "published" / "results.json"


def test_a_whole_run_is_published(measured_at_once):
    assert command_line.main([]) == 0
    assert measured_at_once.exists()


def left_out(session):
    session.note("mnist", "left out")


def failed(session):
    session.results.open("mnist", "a case", "nnlite", "us").failure = "failed"
    session.failures.append("nnlite, a case: failed")


@pytest.mark.parametrize("mnist_row", [left_out, failed])
def test_a_run_that_lacks_something_is_not_published(measured_at_once, monkeypatch, mnist_row):
    monkeypatch.setitem(command_line.MEASURES, "mnist", mnist_row)
    command_line.main([])
    assert not measured_at_once.exists()


@pytest.fixture
def like_mnist(tmp_path):
    """A directory with 1,280 images to train on and 200 to test with, in MNIST's form: digit d has row d bright."""
    rng = np.random.default_rng(0)
    for part, n in (("train", 1280), ("t10k", 200)):
        labels = rng.integers(10, size=n).astype(np.uint8)
        pixels = rng.integers(100, size=(n, 28, 28)).astype(np.uint8)
        pixels[np.arange(n), labels] += 100
        for kind, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            with gzip.open(tmp_path / f"{part}-{kind}-ubyte.gz", "wb") as file:
                file.write(header + array.tobytes())
    return str(tmp_path)


def test_the_run_to_97_percent_is_timed_from_the_start_of_the_process(tmp_path, like_mnist):
    code, document = run(tmp_path, "--quick", "--rows", "mnist", "--frameworks", "nnlite", "--mnist", like_mnist)
    assert code == 0
    seconds, peak = document["measurements"]
    assert (seconds["row"], seconds["unit"], peak["row"], peak["unit"]) == ("mnist", "s", "memory", "MiB")
    assert 0.05 < seconds["median"] < 30
    assert seconds["facts"]["steps"] == [100]
    assert peak["median"] > 20


def test_the_peers_read_what_nnlite_reads(like_mnist):
    data = nn.load_mnist(like_mnist)
    for theirs, ours in zip(read_mnist(like_mnist), data[:4], strict=True):
        assert theirs.dtype == ours.dtype
        assert np.array_equal(theirs, ours)


def test_mnist_is_found_where_the_option_or_the_variables_say(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLITE_DATA", str(tmp_path))
    assert mnist.find(None) is None
    (tmp_path / "mnist").mkdir()
    for name in mnist.FILES:
        (tmp_path / "mnist" / name).touch()
    assert mnist.find(None) == str(tmp_path / "mnist")
    monkeypatch.setenv("NNLITE_DATA", "elsewhere")
    monkeypatch.setenv("NNLITE_MNIST", str(tmp_path / "mnist"))
    assert mnist.find(None) == mnist.find(str(tmp_path / "mnist")) == str(tmp_path / "mnist")
    assert mnist.find(str(tmp_path)) is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_ctrl_c_ends_the_workers_and_keeps_what_was_measured(tmp_path):
    chosen = "--rows training --networks 64-32-10 --frameworks nnlite --rounds 1000 --patience 0 --out".split()
    benchmarks = subprocess.Popen(
        [sys.executable, "-u", "-m", "benchmarks", *chosen, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  a shell may ignore it
    )
    with benchmarks:
        for line in benchmarks.stdout:
            if "round 1/" in line:
                break
        workers = Path(f"/proc/{benchmarks.pid}/task/{benchmarks.pid}/children").read_text().split()
        benchmarks.send_signal(signal.SIGINT)
        out, _ = benchmarks.communicate(timeout=30)
    assert benchmarks.returncode == 130
    assert "STOPPED before the end." in out
    assert json.loads((tmp_path / "results.json").read_text())["measurements"][0]["samples"]
    assert len(workers) == 1
    assert not Path(f"/proc/{workers[0]}").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "traning"], "--rows: expected some of training, limit, parts, mnist"),
        (["--rows", ""], "--rows: expected some of"),
        (["--frameworks", "nnlite,tensorflow"], "got tensorflow"),
        (["--networks", "784-10"], "expected some of 64-32-10, 784-128-10"),
        (["--rounds", "0"], "--rounds: expected an integer of at least 1, got '0'"),
        (["--rounds", "many"], "got 'many'"),
        (["--patience", "-1"], "--patience: expected a number of at least 0, got '-1'"),
        (["--patience", "long"], "got 'long'"),
        (["--slow"], "unrecognized arguments: --slow"),
    ],
)
def test_a_wrong_option_is_named_with_what_would_be_right(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        command_line.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_a_directory_that_cannot_be_made_is_refused_before_anything_is_measured(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert command_line.main(["--rows", "training", "--out", str(tmp_path / "file" / "out")]) == 2
    assert "--out: cannot make the directory" in capsys.readouterr().err


# ---- installed size ------------------------------------------------------------------------------------------------


def test_the_installed_size_counts_what_is_required_and_each_once():
    needed = importing.required(("nnlite",))
    assert {"nnlite", "numpy", "matplotlib", "tqdm", "pillow"} <= needed
    assert "hypothesis" not in needed  # of an extra
    alone = importing.installed_bytes(("numpy",))
    assert importing.installed_bytes(("numpy", "numpy")) == alone > 10e6
    assert importing.installed_bytes(("no-such-distribution",)) == 0
