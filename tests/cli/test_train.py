"""Facts about ``nnlite train``: it trains, writes the run down, and says in one line what is wrong."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import nnlite as nn
from nnlite.cli import data as cli_data
from nnlite.cli.recipe import RECIPES

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"


@pytest.fixture(autouse=True)
def in_an_empty_directory(folder):
    """All tests here."""


def accuracy(out):
    (line,) = [line for line in out.splitlines() if line.startswith("test accuracy: ")]
    return float(line.split()[2].rstrip("%")) / 100


def history(directory):
    with open(f"{directory}/history.csv", newline="") as file:
        return list(csv.DictReader(file))


# --- training -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_digits_are_learned_to_97_percent_and_the_run_is_written(run, pictures):
    code, out, err = run("train digits")
    assert code == 0
    assert all(line.startswith(("epoch ", "nnlite: compiling ")) for line in err.splitlines())
    assert accuracy(out) >= 0.97
    assert "runs/digits-1/learning_curves.png" in out
    assert Path("runs/digits-1/learning_curves.png").read_bytes().startswith(b"\x89PNG")
    rows = history("runs/digits-1")
    assert RECIPES["digits"].patience < len(rows) <= RECIPES["digits"].epochs
    assert set(rows[0]) >= {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}
    data = nn.load_digits()
    model = nn.load("runs/digits-1/model.npz")
    assert model.class_names == data.class_names
    assert model.evaluate(data.X_test, data.y_test)["accuracy"] == pytest.approx(accuracy(out), abs=1e-4)


@pytest.mark.parametrize(("dataset", "least"), [("iris", 0.85), pytest.param("spirals", 0.9, marks=pytest.mark.slow)])
def test_the_other_data_sets_are_learned_too(run, dataset, least):
    code, out, _ = run(f"train {dataset} --no-report")
    assert code == 0
    assert accuracy(out) >= least


@pytest.mark.slow
def test_mnist_is_read_from_a_directory(run):
    if not MNIST.is_dir():
        pytest.skip(f"no copy of MNIST in {MNIST}")
    code, out, _ = run(f"train mnist --data {MNIST} --no-report --epochs 1 --batch-size 256")
    assert code == 0
    assert accuracy(out) > 0.8


def test_options_reach_the_network(run):
    code, out, _ = run(
        "train digits --no-report --hidden 20 10 --epochs 3 --batch-size 64 --learning-rate 0.05 --out a/b"
    )
    assert code == 0
    assert "Dense(20)" in out
    assert "Dense(10)" in out
    assert "SGD(0.05, momentum=0.9), batches of 64" in out
    assert len(history("a/b")) == 3
    assert not Path("runs").exists()


def test_no_hidden_layer_is_softmax_regression(run):
    code, out, _ = run("train iris --no-report --epochs 2 --hidden")
    assert code == 0
    assert "ReLU" not in out


def test_the_seed_decides_the_run(run):
    def losses(directory, seed):
        run(f"train iris --no-report --epochs 3 --out {directory} --seed {seed}")
        return [row["loss"] for row in history(directory)]

    assert losses("a", 1) == losses("b", 1) != losses("c", 2)


def test_every_run_gets_its_own_directory(run):
    for _ in range(2):
        run("train iris --no-report --epochs 1")
    assert sorted(path.name for path in Path("runs").iterdir()) == ["iris-1", "iris-2"]


@pytest.mark.slow
def test_the_module_runs_as_the_command_does():
    result = subprocess.run([sys.executable, "-m", "nnlite", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout == f"nnlite {nn.__version__}\n"


# --- interrupted and resumed --------------------------------------------------------------------------------------


def test_a_resumed_training_ends_as_one_that_was_not_stopped(run):
    _, whole, _ = run("train iris --no-report --epochs 4")
    for epochs, said in (2, ""), (4, "\nresumed after epoch 2\n"), (4, "\nresumed after epoch 4, the last one\n"):
        code, out, _ = run(f"train iris --no-report --epochs {epochs} --out a --resume")
        assert code == 0
        assert said in out
    assert accuracy(out) == accuracy(whole)
    assert (nn.load("runs/iris-1/model.npz").theta == nn.load("a/model.npz").theta).all()


def test_ctrl_c_during_the_training_says_how_to_continue(run, monkeypatch, ctrl_c):
    calls = []

    def interrupt(descriptor):
        calls.append(descriptor)
        if len(calls) == 5:  # while a checkpoint is written
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        patch.setattr("nnlite.cli.train.SECONDS", 0.0)
        code, out, err = run("train iris --no-report --epochs 9 --out a")
    assert code == 130
    assert "test accuracy" not in out
    assert "\nstopped in epoch " in err
    assert err.endswith("; continue with --out a --resume\n")
    code, out, _ = run("train iris --no-report --epochs 9 --out a --resume")
    assert code == 0
    assert "resumed after epoch" in out
    assert len(history("a")) == 9


def test_ctrl_c_before_the_training_is_no_traceback(run, monkeypatch):
    def interrupt(**options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_data, "load_digits", interrupt)
    assert run("train digits") == (130, "", "nnlite: stopped\n")


def test_without_a_directory_the_last_training_is_resumed(run):
    for options in "", "", "--resume":
        code, out, _ = run(f"train iris --no-report --epochs 1 {options}")
        assert code == 0
    assert "runs/iris-2/model.npz" in out
    assert sorted(path.name for path in Path("runs").iterdir()) == ["iris-1", "iris-2"]


def test_a_training_is_not_overwritten(run):
    assert run("train iris --no-report --epochs 1 --out a")[0] == 0
    code, _, err = run("train iris --no-report --epochs 1 --out a")
    assert code == 2
    assert err == "nnlite: error: --out: 'a' has a training already; continue it with --resume, or choose another\n"


# --- wrong calls --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--epochs 0", "argument --epochs: expected an integer of at least 1, got '0'"),
        ("--batch-size many", "argument --batch-size: expected an integer of at least 1, got 'many'"),
        ("--hidden 8 0", "argument --hidden: expected an integer of at least 1, got '0'"),
        ("--learning-rate nan", "argument --learning-rate/--lr: expected a finite number above 0, got 'nan'"),
        ("--learning-rate -1", "argument --learning-rate/--lr: expected a finite number above 0, got '-1'"),
        ("--momentum 1", "argument --momentum: expected a number in [0, 1), got '1'"),
        ("--seed -1", "argument --seed: expected an integer of at least 0, got '-1'"),
        ("--data folder", "nnlite: error: --data: expected with mnist only, got it with digits"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_written(run, options, message):
    code, out, err = run(f"train digits {options}")
    assert code == 2
    assert out == ""
    assert message in err
    assert not list(Path().iterdir())


def test_an_unknown_data_set_or_a_missing_command_is_answered_with_the_choices(run):
    code, _, err = run("train cifar")
    assert code == 2
    assert "choose from" in err
    assert "spirals" in err
    assert run("")[0] == 2


def test_mnist_from_a_directory_without_it_is_one_line_of_error(run):
    code, _, err = run("train mnist --data nowhere")
    assert code == 1
    assert err.startswith("nnlite: error: ")
    assert "train-images-idx3-ubyte" in err


def test_a_run_directory_that_cannot_be_created_is_refused_before_the_training(run):
    Path("file").write_text("")
    code, out, err = run("train digits --out file/run")
    assert (code, out) == (2, "")
    assert err.startswith("nnlite: error: --out: cannot create the directory 'file/run' (")


def test_help_leads_from_the_program_to_the_options(run):
    code, out, _ = run("--help")
    assert code == 0
    assert "nnlite train digits" in out
    assert "nnlite train --help" in out
    code, out, _ = run("train --help")
    assert code == 0
    for option in ("--hidden", "--epochs", "--batch-size", "--learning-rate", "--seed", "--out", "digits", "mnist"):
        assert option in out
