"""Errors for files that may come from a stranger: whatever goes wrong while reading one is a ModelFileError."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from nnlite.errors import ModelFileError


@contextlib.contextmanager
def refusing(what: str = "is damaged") -> Iterator[None]:
    """Turn every error in the block into ``ModelFileError("what: reason")``; a MemoryError passes through."""
    try:
        yield
    except (ModelFileError, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelFileError(f"{what}: {reason if len(reason) <= 300 else reason[:300] + '...'}") from error


def check_format(header: Mapping[str, Any], expected: str, newest: int) -> None:
    """Raise ModelFileError unless ``header`` names the expected format in a version from 1 to ``newest``."""
    found, version = header.get("format"), header.get("version")
    if found != expected:
        raise ModelFileError(f"is not an {expected}: the format in its header is {found!r:.50}")
    if type(version) is not int or not 1 <= version < 2**63:
        raise ModelFileError(f"is not an {expected}: its header has no version")
    if version > newest:
        writer = header.get("nnlite")
        is_named = isinstance(writer, str) and re.fullmatch(r"[\w.+-]{1,40}", writer, re.ASCII)
        needed = f"nnlite {writer} or newer" if is_named else "a newer nnlite"
        raise ModelFileError(
            f"has version {version} of the format, which needs {needed}; this nnlite reads versions up to {newest}"
        )
