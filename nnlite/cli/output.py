"""What the commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from nnlite.atomic import replacing
from nnlite.cli.wording import as_options
from nnlite.errors import NothingLearnedWarning


def say(text: str = "") -> None:
    """Print to standard output now. If its reader is gone, as after ``| head``, go on in silence."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        silence(sys.stdout)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding
        print(text.encode(encoding, "replace").decode(encoding), flush=True)


def note(text: str) -> None:
    """Print to standard error."""
    print(f"nnlite: {text}", file=sys.stderr, flush=True)


def silence(*streams: Any) -> None:
    """Let streams lead nowhere, so that nothing fails when Python flushes them at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def write_bytes(path: str | None, pieces: Iterable[bytes]) -> None:
    """Write to a file, completely or not at all, or to standard output for None and ``-``.

    What is not a regular file, such as ``/dev/null`` or a pipe with a name, is written to directly.
    """
    if path in (None, "-"):
        for piece in pieces:
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        return
    assert path is not None
    is_special = os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
    with open(path, "wb") if is_special else replacing(path) as file:
        for piece in pieces:
            file.write(piece)


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Show warnings as one line on standard error, without file and line of the program."""

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if not issubclass(category, NothingLearnedWarning):  # `train` says it itself, of the test rows
            note(f"warning: {as_options(str(message))}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def table(head: list[str], rows: list[list[str]], left: int = 1, *, last_left: bool = False) -> str:
    """Return rows of text in columns: the first ``left`` columns, and perhaps the last, to the left; others right."""
    texts = {*range(left), *([len(head) - 1] if last_left else [])}
    cells = [head, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(w) if i in texts else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    return "\n".join(line.rstrip() for line in lines)
