"""Whether the compiled engine can be used, which needs Numba, and whether it is asked for."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
from typing import Any

from nnlite.errors import ArgumentError

ENGINES = ("auto", "textbook", "compiled")
LEAST = 0, 62  # the first version of Numba whose LLVM has pointers without a type
INSTALL = 'pip install "nnlite[fast]"'


@functools.cache
def version(package: str) -> str | None:
    """Return the version of a package without importing it, or None if it is not installed."""
    if importlib.util.find_spec(package) is None:
        return None
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # an application in one file may leave it out
        return "unknown"


def missing() -> str:
    """Return what the compiled engine lacks, as a sentence, or "" if it can be used."""
    found = version("numba")
    if found is None:
        return "Numba is not installed"
    numbers = re.match(r"(\d+)\.(\d+)", found)
    if numbers and tuple(map(int, numbers.groups())) < LEAST:
        return f"Numba {found} is older than {'.'.join(map(str, LEAST))}"
    return ""


def check_engine(engine: Any) -> str:
    """Return the engine that an argument asks for; NNLITE_ENGINE decides in place of "auto"."""
    if not isinstance(engine, str) or engine not in ENGINES:
        raise ArgumentError(f"engine: expected 'auto', 'textbook' or 'compiled', got {engine!r}")
    if engine != "auto":
        return engine
    wanted = os.environ.get("NNLITE_ENGINE", "").strip() or "auto"
    if wanted not in ENGINES:
        raise ArgumentError(f"NNLITE_ENGINE: expected auto, textbook or compiled, got {wanted!r}")
    return wanted
