"""``nnlite info``: what a training on this machine would use."""

import argparse
import os
import platform
from typing import Any

from nnlite.cli import codes
from nnlite.engine import availability, cache
from nnlite.engine.openblas import processors
from nnlite.engine.processor import available_threads, processor, wanted_threads
from nnlite.errors import ArgumentError
from nnlite.version import __version__

PACKAGES = "numpy", "numba", "llvmlite"
ENGINES = "auto", "compiled", "textbook"


def add_parser(commands: Any) -> None:
    """Add the command ``info`` to the commands of the program."""
    parser = commands.add_parser(
        "info",
        help="show versions, engine, processor, threads and cache folder",
        description="Show the versions of nnlite and of the packages that it uses, the engine that trains by default,\n"
        "the processor, the number of threads, and the folder in which compiled kernels are kept.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_info)


def _info(options: argparse.Namespace) -> int:
    """Print a line for each fact and return the exit code."""
    facts = {"nnlite": __version__, "python": platform.python_version()}
    facts |= {name: availability.version(name) or f"not installed: {availability.INSTALL}" for name in PACKAGES}
    facts |= {"engine": _engine(), "processor": _processor(), "threads": _threads(), "cache": _cache()}
    for name, text in facts.items():
        print(f"{name:<11}{text}")
    return codes.DONE


def _engine() -> str:
    """Describe the engine that trains by default."""
    lacking = availability.missing()
    chosen = os.environ.get("NNLITE_ENGINE", "").strip()
    if chosen and chosen not in ENGINES:
        return f"NNLITE_ENGINE: expected one of {', '.join(ENGINES)}, got {chosen!r}"
    if chosen == "textbook":
        return "textbook (NNLITE_ENGINE)"
    if lacking:
        return f"{lacking}; NNLITE_ENGINE asks for it" if chosen == "compiled" else f"textbook ({lacking})"
    return "compiled (NNLITE_ENGINE)" if chosen == "compiled" else "compiled, where every part of a network has a kernel"


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
        why = f"the container's quota; this process may use {mine} processors"
    elif mine < all_of_them:
        why = f"the processors that this process may use, of {all_of_them}"
    else:
        why = "the processors of this machine"
    return f"{n} ({why}); small networks use one"


def _cache() -> str:
    """Describe the folder of compiled kernels."""
    if availability.missing():
        return "no compiled kernels"
    found = [f"{place.folder}: {place.kernels} kernels, {place.size / 1e6:.1f} MB" for place in cache.describe()]
    new = cache.folder()
    if new is None:
        found.append("no folder can be written (NNLITE_CACHE sets it): each process compiles what it needs")
    elif not any(text.startswith(f"{new}:") for text in found):
        found.append(f"{new}: empty")
    return "; ".join(found)
