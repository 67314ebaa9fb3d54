"""Whether the compiled engine can be used: it needs Numba."""

from __future__ import annotations

import functools
import importlib.util
import re

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
