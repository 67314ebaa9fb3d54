"""Facts about the program as a whole."""

import pytest

from nnlite.cli.program import COMMANDS


def test_the_help_lists_the_commands(run):
    code, out, _ = run("--help")
    assert code == 0
    for command in COMMANDS:
        assert f"\n    {command} " in out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help(run, command):
    code, out, _ = run(f"{command} --help")
    assert code == 0
    assert out.startswith(f"usage: nnlite {command}")


def test_a_command_that_does_not_exist_is_answered_with_those_that_do(run):
    code, _, err = run("teach")
    assert code == 2
    assert "warm-up" in err
