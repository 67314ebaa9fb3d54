"""``nnlite info``: what a training on this machine would use."""

import argparse
import os
import platform
from typing import Any

from nnlite.cli.codes import DONE
from nnlite.cli.parser import Parser
from nnlite.cli.summary import show_summary
from nnlite.engine import availability, cache
from nnlite.engine.availability import check_engine
from nnlite.engine.openblas import processors
from nnlite.engine.processor import available_threads, processor, wanted_threads
from nnlite.errors import ArgumentError
from nnlite.version import __version__

PACKAGES = "numpy", "numba", "llvmlite"


def add_info(commands: Any) -> Parser:
    """Add the command ``info`` to the commands of the program."""
    parser: Parser = commands.add_parser(
        "info",
        usage="nnlite info [RUN|FILE]",
        help="show versions, engine, processor, threads and cache folder; or what a run is",
        description="Show the versions of nnlite and of the packages that it uses, the engine that trains by default,\n"
        "the processor, the number of threads, and the folder in which compiled kernels are kept. With a run\n"
        "directory, a model file or a table: show that, as nnlite summary does.",
    )
    parser.add_argument("path", nargs="?", metavar="RUN|FILE", help="a run directory, a model file or a table")
    parser.set_defaults(run=_info, target=None)
    return parser


def _info(options: argparse.Namespace) -> int:
    """Print a line for each fact, or what a run is, and return the exit code."""
    if options.path is not None:
        return show_summary(options)
    facts = {"nnlite": __version__, "python": platform.python_version()}
    facts |= {name: availability.version(name) or f"not installed: {availability.INSTALL}" for name in PACKAGES}
    facts |= {"engine": _engine(), "processor": _processor(), "threads": _threads(), "cache": _cache()}
    for name, text in facts.items():
        print(f"{name:<11}{text}")
    return DONE


def _engine() -> str:
    """Describe the engine that trains by default."""
    try:
        engine = check_engine("auto")
    except ArgumentError as error:
        return str(error)
    asked = "" if engine == "auto" else " (NNLITE_ENGINE)"
    if engine == "textbook":
        return engine + asked
    if lacking := availability.missing():
        return f"compiled{asked} is not possible: {lacking}" if asked else f"textbook ({lacking})"
    return f"compiled{asked}" if asked else "compiled, for networks whose parts all have kernels"


def _processor() -> str:
    if availability.missing():
        return platform.machine()
    found = processor()
    return f"{found.name}, {platform.machine()}, {found.registers} vector registers of {8 * found.vector_bytes} bits"


def _threads() -> str:
    """Return the number of threads for large networks, and what decides it."""
    try:
        wanted = wanted_threads()
    except ArgumentError as error:
        return str(error)
    if wanted is not None:
        return f"{wanted} (NNLITE_NUM_THREADS)"
    n, mine, all_of_them = available_threads(), processors(), os.cpu_count() or 1
    if n < mine:
        why = f"the quota of the container; this process may use {mine} processors"
    elif mine < all_of_them:
        why = f"the processors that this process may use, of {all_of_them}"
    else:
        why = "the processors of this machine"
    return f"{n} ({why}); small networks use one"


def _cache() -> str:
    """Describe the folder of compiled kernels."""
    if availability.missing():
        return "no compiled kernels"
    found = [
        f"{place.folder}: {place.kernels} kernel{'s' * (place.kernels != 1)}, {place.size / 1e6:.1f} MB"
        for place in cache.describe()
    ]
    planned = cache.planned_folder()
    if planned is None:
        found.append("no folder can be written (NNLITE_CACHE sets it): each process compiles what it needs")
    elif not found:
        found.append(f"{planned}: no kernels yet")
    return "; ".join(found)
