"""What the tests of the command line share."""

import pytest

from nnlite import cli


@pytest.fixture
def run(capsys):
    """``run(arguments)`` returns exit code, standard output and standard error; the arguments are one string."""

    def run(arguments):
        try:
            code = cli.main(arguments.split())
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run
