"""Facts about mistyped words: each is answered with the right one, exit code 2, and nothing is written."""

from pathlib import Path

import pytest

import nnlite as nn
from nnlite.cli.parser import did_you_mean

from .conftest import flowers, houses, write_csv


@pytest.fixture(autouse=True)
def in_an_empty_directory(folder):
    """All tests here."""


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ("trian digits", "train"),
        ("prdict r x.csv", "predict"),
        ("evalute r", "evaluate"),
        ("warmup", "warm-up"),
        ("train digit", "digits"),
        ("train MNIST", "mnist"),
        ("train spiral", "spirals"),
        ("train digits --epoch 3", "--epochs"),
        ("train digits --resume runs/a", "--out runs/a --resume"),
        ("train digits --optimiser adam", "--optimizer"),
        ("train digits --batchsize 3", "--batch-size"),
        ("train digits --learning_rate 3", "--learning-rate"),
        ("train digits --hiden 3", "--hidden"),
        ("train digits --droput=0.1", "--dropout"),
        ("train digits --optimizer adm", "adam"),
        ("train digits --optimizer nadm", "nadam"),
        ("train digits --activation rleu", "relu"),
        ("train digits --activation leakyrelo", "leakyrelu"),
        ("train digits --schedule cosin", "cosine"),
        ("train digits --initializer he_norml", "henormal"),
        ("train digits --output sotfmax", "softmax"),
        ("train digits --layers 'Dens(3), ReLU()'", "dense"),
        ("train digits --optimizer 'Adam(lr=0.1)'", "learning_rate"),
        ("train digits --metrics f2", "f1"),
        ("predict r x.csv --ouput y.csv", "--output"),
        ("export r -o a.json --parameter", "--parameters"),
        ("compare a --outptu x", "--output"),
    ],
)
def test_a_near_miss_is_answered_with_what_was_meant(run, arguments, meant):
    code, out, err = run(arguments)
    assert code == 2
    assert out == ""
    assert "did you mean" in err or "write" in err
    assert meant in err
    assert not list(Path().iterdir())


def test_a_word_that_is_near_to_nothing_is_answered_with_the_choices():
    assert did_you_mean("zzz", ["digits", "iris"]) == "; choose from digits, iris"
    assert did_you_mean("--zzz", [f"--option-{i}" for i in range(30)]) == "; --help lists them"


def test_a_word_too_many_is_named(run):
    code, _, err = run("train digits iris")
    assert code == 2
    assert "iris" in err


def test_an_option_is_not_shortened(run):
    code, _, err = run("train digits --see 3")
    assert code == 2
    assert "--seed" in err


def test_what_does_not_fit_the_target_is_refused_in_options_before_the_table_is_printed(run, folder):
    write_csv(folder / "h.csv", houses())
    write_csv(folder / "f.csv", flowers())
    for data, option, said in (
        ("h.csv --target price --values", "--class-weight balanced", "--class-weight: is for classes"),
        ("h.csv --target price --values", "--metrics f1", "--metrics: 'f1' is for classes"),
        ("f.csv --target species", "--metrics top_5_accuracy", "--metrics: 'top_5_accuracy' is not possible"),
        (
            "h.csv --target price --values",
            "--thousands none",
            """--thousands: expected ',', '.', ' ', "'", got 'none'""",
        ),
    ):
        code, out, err = run(f"train {data} {option} --out a")
        assert (code, out) == (2, ""), err
        assert err.startswith(f"nnlite: error: {said}")
        assert not Path("a").exists()
    code, _, err = run("train h.csv --target price --values --lr 1e9 --optimizer sgd --out a --no-progress")
    assert (code, "--clip-norm 1" in err, "clip_norm" in err) == (1, True, False)


def test_the_run_comes_first(run, folder):
    write_csv(folder / "f.csv", flowers())
    run("train f.csv --target species --epochs 1 --no-report --no-progress --out a")
    for command in "predict", "evaluate":
        for run_name in "a", "a/model.npz":
            code, out, err = run(f"{command} f.csv {run_name}")
            assert (code, out) == (2, "")
            assert err == f"nnlite: error: RUN: the run comes first, then the file: {run_name} f.csv\n"
    assert "the run comes first" in run("predict f.csv")[2]
    write_csv(folder / "rows.csv", [row[:-1] for row in flowers()])
    code, out, err = run("evaluate a rows.csv")
    assert (code, out) == (1, "")
    for words in "'species', the target", "petal length", "nnlite predict":
        assert words in err
    with pytest.raises(nn.ModelFileError, match=r"the network of a run is in a.model\.npz"):
        nn.load("a")


def test_processes_of_mpiexec_without_the_option_are_a_warning_of_the_first(run, monkeypatch):
    for name in "OMPI_COMM_WORLD", "PMI":
        for size, rank, warned in ("2", "0", True), ("2", "1", False), ("1", "0", False):
            with monkeypatch.context() as patch:
                patch.setenv(f"{name}_SIZE", size)
                patch.setenv(f"{name}_RANK", rank)
                assert ("--mpi" in run("train digit")[2]) == warned
