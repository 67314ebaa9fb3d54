"""Facts about messages: on the command line they name the options as they are typed, which can be typed back."""

import shlex

import pytest

from nnlite.cli.parser import Parser
from nnlite.cli.train_options import add_data_options
from nnlite.cli.wording import advice_as_options, as_options, joined, split

from ..support import for_each
from .conftest import write_csv


@for_each(
    ("python", "typed"),
    [
        ("pass missing=['n.d.', '7 kg']; if", "give --missing 'n.d.,7 kg'; if"),
        ("pass missing=['a,b']", """give --missing '"a,b"'"""),
        ("pass kinds={'zip': 'category'}", "give --kinds zip=category"),
        ("or kinds={'zip code': 'category'}", "or --kinds 'zip code=category'"),
        (
            "pass decimal='.', thousands=',' or decimal=',', or",
            "give --decimal '.' --thousands ',' or --decimal ',', or",
        ),
        ("alone decimal={'x': ','}) or", "alone --decimal 'x=,') or"),
        ("pass thousands=' '", "give --thousands ' '"),
        ("pass dates='dmy' or dates='mdy'", "give --dates dmy or --dates mdy"),
        ("pass classification=True if, or classification=False if", "give --classes if, or --values if"),
        ("; is delimiter= right?", "; is --delimiter right?"),
        ("pass decimal= and thousands=, or", "give --decimal and --thousands, or"),
        ("pass decimal={'y': '.'}, thousands={'y': ','}", "give --decimal 'y=.' --thousands 'y=,'"),
        ("kinds: column 'x' cannot", "--kinds: column 'x' cannot"),
        ("grayscale: is for", "--gray: is for"),
        ("missing: expected", "--missing: expected"),
        ("size=(rows, columns) resizes it", "--size ROWS,COLUMNS resizes it"),
        ("  skip_bad=True leaves them out", "  --skip-bad leaves them out"),
        ("pass header=False", "give --no-header"),
        ("column 'x' has 'missing'", "column 'x' has 'missing'"),
        ("write learning_rate=0.1", "write learning_rate=0.1"),
        ("missing=['never closed", "--missing['never closed"),
        ("", ""),
    ],
)
def test_an_argument_is_an_option(python, typed):
    assert as_options(python) == typed


@for_each(
    "words", [["a"], ["a b", "c"], ["a,b", "c"], ['say "no"', "x"], ["'", "ä;"], ["-999", "n/a"], ["-", "--"]], ids=repr
)
def test_what_a_message_advises_can_be_typed(words):
    assert split(joined(words)) == words
    parser = Parser()
    add_data_options(parser)
    typed = shlex.split(as_options(f"pass missing={words!r}").removeprefix("give "))
    assert parser.parse_args(typed).missing == words
    kinds = dict.fromkeys(words, "category")
    typed = shlex.split(as_options(f"pass kinds={kinds!r}").removeprefix("give "))
    assert parser.parse_args(typed).kinds == kinds


def test_the_doctor_advises_options():
    assert advice_as_options("more data; EarlyStopping; weight_decay, Dropout; fewer units.") == (
        "more data; --patience; --weight-decay, --dropout; fewer units."
    )
    advice = "a smaller learning rate (find_learning_rate suggests one), a warm-up, or clip_norm=1 in the optimizer."
    assert advice_as_options(advice) == "a smaller learning rate, a warm-up, or --clip-norm 1."


def test_marks_of_single_columns_are_given_one_after_the_other():
    parser = Parser()
    add_data_options(parser)
    given = parser.parse_args(["--decimal", "price=,", "--decimal", "unit price=.", "--thousands", "price=."])
    assert (given.decimal, given.thousands) == ({"price": ",", "unit price": "."}, {"price": "."})
    assert parser.parse_args(["--decimal", ","]).decimal == ","
    assert parser.parse_args(["--thousands", "a= "]).thousands == {"a": " "}
    for wrong in (["--decimal", ",", "--decimal", "a=,"], ["--decimal", "a=,", "--decimal", ","]):
        with pytest.raises(SystemExit):
            parser.parse_args(wrong)


def test_no_message_about_a_table_speaks_python_or_names_the_file_twice(run, folder):
    n = 40
    columns = {
        "word": [*map(str, range(n - 1)), "n.d."],
        "date": [*(f"2024-01-{i % 28 + 1:02}" for i in range(n - 1)), "soon"],
        "either": [f"{i},234" for i in range(1, n + 1)],
        "order": [f"0{i % 9 + 1}/0{i % 7 + 1}/2024" for i in range(n)],
        "notations": [f"{i}.{i}" if i % 2 else f"{i},{i}" for i in range(1, n + 1)],
    }
    x, y = [f"{i}.5" for i in range(n)], ["a", "b"] * (n // 2)
    for name, cells in columns.items():
        write_csv(folder / "t.csv", [("x", name, "y"), *zip(x, cells, y, strict=True)], ";")
        for command in ("train t.csv --target y", "summary t.csv", "summary t.csv --target y"):
            code, _, err = run(command)
            assert code != 0
            assert err.count("t.csv") == 1, err
            assert not any(sign in err for sign in ("={", "=[", "='", "= ", "pass ")), err
            assert "--" in err
            assert len(err.splitlines()) == 1
        if "--missing" in err:
            assert run(f"summary t.csv --missing {cells[-1]}")[0] == 0
        assert run(f"summary t.csv --kinds {name}=category")[0] == 0
