"""Facts about the options of the benchmarks."""

import pytest

from benchmarks import __main__ as command_line
from benchmarks.frameworks import FRAMEWORKS
from benchmarks.options import options_of, parser


@pytest.mark.parametrize(
    ("arguments", "patience"),
    [([], 60), (["--quick"], 10), (["--quick", "--patience", "3"], 3), (["--patience", "0"], 0)],
)
def test_a_hurried_run_does_not_wait_long_for_quiet(arguments, patience):
    assert options_of(parser().parse_args(arguments)).patience == patience


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "traning"], "--rows: expected some of training, limit, convolutions, parts, mnist"),
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


@pytest.mark.parametrize(
    ("arguments", "frameworks"),
    [
        ([], list(FRAMEWORKS)),
        (["--frameworks", "jax,torch"], ["nnlite", "nnlite-fast", "torch", "jax"]),
        (["--frameworks", "jax,nnlite-fast"], ["nnlite-fast", "jax"]),
    ],
)
def test_nnlite_takes_part_with_both_engines_unless_one_is_named(arguments, frameworks):
    assert options_of(parser().parse_args(arguments)).frameworks == frameworks
