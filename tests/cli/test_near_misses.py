"""Facts about mistyped words: each is answered with the right one, exit code 2, and nothing is written."""

from pathlib import Path

import pytest

from nnlite.cli.parser import did_you_mean


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
