import csv
import subprocess
import sys
from pathlib import Path

import pytest

import nnlite as nn
from nnlite import cli

MNIST = Path(__file__).parent.parent.parent / "shared" / "data" / "mnist"


@pytest.fixture(autouse=True)
def empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(capsys, *arguments):
    """Exit code, standard output, standard error."""
    try:
        code = cli.main(arguments)
    except SystemExit as stop:
        code = stop.code
    return code, *capsys.readouterr()


def accuracy(out):
    (line,) = [line for line in out.splitlines() if line.startswith("test accuracy: ")]
    return float(line.split()[2].rstrip("%")) / 100


def test_digits_are_learned_to_97_percent_and_the_run_is_written(capsys):
    code, out, err = run(capsys, "train", "digits")
    assert (code, err) == (0, "")
    assert accuracy(out) >= 0.97
    assert "runs/digits-1/learning_curves.png" in out
    assert Path("runs/digits-1/learning_curves.png").read_bytes().startswith(b"\x89PNG")
    with open("runs/digits-1/history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == cli.RECIPES["digits"].epochs
    assert set(rows[0]) >= {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}


@pytest.mark.parametrize(("dataset", "least"), [("iris", 0.85), ("spirals", 0.9)])
def test_the_other_data_sets_are_learned_too(capsys, dataset, least):
    code, out, _ = run(capsys, "train", dataset)
    assert code == 0
    assert accuracy(out) >= least


def test_mnist_is_read_from_a_directory(capsys):
    if not MNIST.is_dir():
        pytest.skip(f"no copy of MNIST in {MNIST}")
    code, out, _ = run(capsys, "train", "mnist", "--data", str(MNIST), "--epochs", "1", "--batch-size", "256")
    assert code == 0
    assert accuracy(out) > 0.8


def test_options_reach_the_network(capsys):
    code, out, _ = run(
        capsys,
        *[
            "train",
            "digits",
            "--hidden",
            "20",
            "10",
            "--epochs",
            "3",
            "--batch-size",
            "64",
            "--learning-rate",
            "0.05",
            "--out",
            "a/b",
        ],
    )
    assert code == 0
    assert "Dense(20)" in out
    assert "Dense(10)" in out
    assert "SGD(0.05, momentum=0.9), batches of 64" in out
    assert len(Path("a/b/history.csv").read_text().splitlines()) == 1 + 3
    assert not Path("runs").exists()


def test_no_hidden_layer_is_softmax_regression(capsys):
    code, out, _ = run(capsys, *["train", "iris", "--epochs", "2", "--hidden"])
    assert code == 0
    assert "ReLU" not in out


def test_the_seed_decides_the_run(capsys):
    def losses(directory, *options):
        run(capsys, "train", "iris", "--epochs", "3", "--out", directory, *options)
        with open(f"{directory}/history.csv", newline="") as file:
            return [row["loss"] for row in csv.DictReader(file)]

    assert losses("a", "--seed", "1") == losses("b", "--seed", "1") != losses("c", "--seed", "2")


def test_every_run_gets_a_directory_of_its_own(capsys):
    for _ in range(2):
        run(capsys, "train", "iris", "--epochs", "1")
    assert sorted(path.name for path in Path("runs").iterdir()) == ["iris-1", "iris-2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--epochs 0", "argument --epochs: expected an integer of at least 1, got '0'"),
        ("--batch-size many", "argument --batch-size: expected an integer of at least 1, got 'many'"),
        ("--hidden 8 0", "argument --hidden: expected an integer of at least 1, got '0'"),
        ("--learning-rate nan", "argument --learning-rate: expected a finite number above 0, got 'nan'"),
        ("--learning-rate -1", "argument --learning-rate: expected a finite number above 0, got '-1'"),
        ("--momentum 1", "argument --momentum: expected a number in [0, 1), got '1'"),
        ("--seed -1", "argument --seed: expected an integer of at least 0, got '-1'"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_written(capsys, arguments, message):
    code, out, err = run(capsys, "train", "digits", *arguments.split())
    assert code == 2
    assert out == ""
    assert message in err
    assert not list(Path().iterdir())


def test_an_unknown_data_set_and_a_missing_command_say_what_there_is(capsys):
    code, _, err = run(capsys, "train", "cifar")
    assert code == 2
    assert "choose from" in err
    assert "spirals" in err
    assert run(capsys)[0] == 2


def test_mnist_from_a_directory_without_it_is_one_line_of_error(capsys):
    code, _, err = run(capsys, "train", "mnist", "--data", "nowhere")
    assert code == 2
    assert err.startswith("nnlite: error: ")
    assert "train-images-idx3-ubyte" in err


def test_a_run_directory_that_cannot_be_made_is_known_before_the_training(capsys):
    Path("file").write_text("")
    code, out, err = run(capsys, "train", "digits", "--out", "file/run")
    assert code == 2
    assert "test accuracy" not in out
    assert "file" in err


def test_help_leads_from_the_program_to_the_options(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "nnlite train digits" in out
    assert "nnlite train --help" in out
    code, out, _ = run(capsys, "train", "--help")
    assert code == 0
    for option in ("--hidden", "--epochs", "--batch-size", "--learning-rate", "--seed", "--out", "digits", "mnist"):
        assert option in out


def test_ctrl_c_is_no_traceback(capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_train", interrupted)
    assert run(capsys, "train", "digits") == (130, "", "nnlite: stopped\n")


def test_the_module_runs_as_the_command_does():
    result = subprocess.run([sys.executable, "-m", "nnlite", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout == f"nnlite {nn.__version__}\n"


def test_a_training_goes_on_where_it_was(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "iris", "--epochs", "4"]) == 0
    expected = capsys.readouterr().out.splitlines()[-4].split("after")[0]  # the accuracy, without the seconds
    for epochs in "2", "4", "4":  # the last has nothing left to do
        assert cli.main(["train", "iris", "--epochs", epochs, "--out", "a", "--resume"]) == 0
    assert capsys.readouterr().out.splitlines()[-4].split("after")[0] == expected
    whole, parts = (nn.load(tmp_path / run / "model.npz") for run in ("runs/iris-1", "a"))
    assert (whole.theta == parts.theta).all()


def test_without_a_directory_the_last_training_goes_on(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for options in [], [], ["--resume"]:
        assert cli.main(["train", "iris", "--epochs", "1", *options]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("runs/iris-2/model.npz")
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["iris-1", "iris-2"]


def test_a_training_is_not_written_over(tmp_path, capsys):
    out = str(tmp_path / "a")
    assert cli.main(["train", "iris", "--epochs", "1", "--out", out]) == 0
    assert cli.main(["train", "iris", "--epochs", "1", "--out", out]) == 2
    assert f"--out: there is a training in {out!r}; --resume goes on with it" in capsys.readouterr().err
