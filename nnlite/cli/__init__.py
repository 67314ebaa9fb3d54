"""The command line, for example ``nnlite train digits``."""

from nnlite.cli.program import main

__all__ = ["main"]
