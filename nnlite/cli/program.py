"""The program ``nnlite``: its commands, and what it says when one fails."""

import sys
from collections.abc import Sequence

from nnlite.cli.codes import BROKEN_PIPE, FAILED, INTERRUPTED, WRONG_CALL
from nnlite.cli.compare import add_compare
from nnlite.cli.diagnose import add_diagnose
from nnlite.cli.evaluate import add_evaluate
from nnlite.cli.export import add_export
from nnlite.cli.info import add_info
from nnlite.cli.output import plain_warnings, silence
from nnlite.cli.parser import Parser
from nnlite.cli.predict import add_predict
from nnlite.cli.summary import add_summary
from nnlite.cli.train import add_train
from nnlite.cli.warm_up import add_warm_up
from nnlite.cli.wording import as_options
from nnlite.errors import ArgumentError, NnliteError
from nnlite.version import __version__

INSTALL = "; run pip install"  # in the message for a missing library
COMMANDS = {
    "train": add_train,
    "predict": add_predict,
    "evaluate": add_evaluate,
    "compare": add_compare,
    "diagnose": add_diagnose,
    "summary": add_summary,
    "export": add_export,
    "info": add_info,
    "warm-up": add_warm_up,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    The code is 0, or 1 if something fails (a file, the data, a training that diverges), 2 for a wrong call, 130 after
    Ctrl-C, or 141 if the reader of the output is gone, as for programs that the signals SIGINT and SIGPIPE end.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default the arguments of the process.
    """
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else list(arguments))
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output closed it, as `head` does
        silence(sys.stdout, sys.stderr)
        return BROKEN_PIPE


def _run(arguments: list[str]) -> int:
    try:
        with plain_warnings():
            options = parser().parse(arguments)
            return int(options.run(options))
    except BrokenPipeError:
        raise
    except ArgumentError as error:
        return _failed(error, WRONG_CALL)
    except (NnliteError, OSError, MemoryError) as error:
        return _failed(error, FAILED)
    except ImportError as error:
        if INSTALL not in str(error):  # no library that is optional
            raise
        return _failed(error, FAILED)
    except KeyboardInterrupt:
        print("nnlite: stopped", file=sys.stderr)
        return INTERRUPTED


def parser() -> Parser:
    """Return the parser of all commands."""
    found = Parser(
        prog="nnlite",
        description="Train multilayer neural networks, from scratch in NumPy.",
        epilog="examples:\n"
        "  nnlite train digits                              learn handwritten digits in seconds\n"
        "  nnlite train flowers.csv --target species        learn a table, and write a report\n"
        "  nnlite predict runs/flowers-1 new.csv -o out.csv\n"
        "  nnlite evaluate runs/flowers-1 test.csv\n"
        "  nnlite compare runs/*\n"
        "  nnlite train --help                              all options and their defaults",
    )
    found.add_argument("--version", action="version", version=f"nnlite {__version__}")
    commands = found.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for name, add in COMMANDS.items():
        found.commands[name] = add(commands)
    return found


def _failed(error: BaseException, code: int) -> int:
    """Print an error and return the exit code."""
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror[0].lower()}{error.strerror[1:]}"
    print(f"nnlite: error: {as_options(text)}", file=sys.stderr)
    return code
