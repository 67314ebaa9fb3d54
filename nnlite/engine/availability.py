"""Whether the compiled engine can be used: it needs Numba."""

from __future__ import annotations

import functools
import importlib.util
import re

LEAST = 0, 62  # the first version of Numba whose LLVM has pointers without a type
INSTALL = "pip install 'nnlite[fast]'"


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


def missing() -> str | None:
    """Return a sentence that says what the compiled engine lacks, or None if it can be used."""
    least = ".".join(map(str, LEAST))
    found = version("numba")
    if found is None:
        return f"the compiled engine needs Numba, which is not installed: {INSTALL}"
    if (numbers := re.match(r"(\d+)\.(\d+)", found)) and tuple(map(int, numbers.groups())) < LEAST:
        return f"the compiled engine needs Numba {least} or newer, found {found}: {INSTALL}"
    return None
