"""``nnlite warm-up``: compiles the engine, so that no training waits for it."""

import argparse
import contextlib
import sys
import time
from typing import Any

from nnlite.cli.codes import DONE, FAILED
from nnlite.cli.parser import Parser
from nnlite.engine import availability, cache, waiting
from nnlite.progress import make_bar


def add_warm_up(commands: Any) -> Parser:
    """Add the command ``warm-up`` to the commands of the program."""
    parser: Parser = commands.add_parser(
        "warm-up",
        help="compile the engine for this processor now; the first training then does not wait",
        description="Compile all kernels of the engine for this processor and keep them in the cache folder. What is\n"
        "there already is not compiled again. Run it in the image of a container, or after an upgrade.",
    )
    parser.set_defaults(run=_warm_up)
    parser.add_argument(
        "--dtype",
        choices=("float32", "float64", "both"),
        default="both",
        help="numbers of the networks that will be trained (default both)",
    )
    return parser


def _warm_up(options: argparse.Namespace) -> int:
    """Compile the kernels of each type of numbers and return the exit code."""
    if lacking := availability.missing():
        return _failed(f"the compiled engine cannot be used, since {lacking}; {availability.INSTALL}")
    folder = cache.folder()
    if folder is None:
        return _failed("no cache folder can be written; set the environment variable NNLITE_CACHE to one that can")
    for dtype in ("float32", "float64") if options.dtype == "both" else (options.dtype,):
        start = time.perf_counter()
        n = _compile(dtype)
        print(f"{dtype}: {n} kernels in {time.perf_counter() - start:.1f} s", flush=True)
    print(f"kept in {folder}")
    return DONE


def _compile(dtype: str) -> int:
    """Compile the kernels of a type of numbers, with a progress bar, and return their number."""
    from nnlite.engine.warm_up import all_kernels, warm_up

    bar = make_bar(desc=dtype, total=len(all_kernels()), unit=" kernels", leave=False)
    with waiting.silent(), contextlib.nullcontext() if bar is None else bar:
        return warm_up(dtype, bar.update if bar is not None else lambda: None)


def _failed(why: str) -> int:
    print(f"nnlite: error: {why}", file=sys.stderr)
    return FAILED
