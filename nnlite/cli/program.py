"""The program ``nnlite``: its commands, and what it says when one fails."""

import argparse
import os
import sys
from collections.abc import Sequence

from nnlite.cli.codes import FAILED, INTERRUPTED, WRONG_CALL
from nnlite.cli.info import add_info
from nnlite.cli.train import add_train
from nnlite.cli.warm_up import add_warm_up
from nnlite.errors import NnliteError
from nnlite.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 1 for a failure, 2 for a wrong call, or 130 after Ctrl-C.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default the arguments of the process.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except BrokenPipeError:  # the reader of our output closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (NnliteError, OSError) as error:
        print(f"nnlite: error: {error}", file=sys.stderr)
        return WRONG_CALL
    except KeyboardInterrupt:
        print("nnlite: stopped", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nnlite",
        description="Train multilayer neural networks, from scratch in NumPy.",
        epilog="examples:\n"
        "  nnlite train digits                         learn handwritten digits in seconds\n"
        "  nnlite train mnist --hidden 128 64 --seed 1\n"
        "  nnlite train --help                         all options and their defaults\n"
        "  nnlite info                                 processor, threads, engine and versions\n"
        "  nnlite warm-up                              compile the engine now instead of in the first training",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"nnlite {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (add_train, add_info, add_warm_up):
        add(commands)
    return parser
