"""docs/errors.md: for every public argument a wrong value and the message."""

from pathlib import Path

from .refusal import arguments_of, shown
from .table import REFUSALS, SECTIONS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
HEAD = """# What is refused, and with which words

For every public argument, a wrong value and the message with which it is refused. Most errors are `ArgumentError`,
which is a `ValueError` and a `TypeError`. A damaged file is a `DataFileError` or a `ModelFileError`, and what needs a
network that knows its input size is a `NotBuiltError`; all of these are `NnliteError`. Files that do not exist or
cannot be written raise Python's own `OSError`. A call that is refused leaves the network, the optimizer and the data as
they were.

The tests compare this page with the messages and fail where an argument is missing;
`python tests/refusals/write_errors.py` writes it.
"""


def cell(text):
    """``text`` in one cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def document():
    """The whole page."""
    first = {(refusal.name, refusal.argument): refusal for refusal in reversed(REFUSALS)}
    lines = [HEAD]
    for title, calls in SECTIONS.items():
        lines += [f"## {title}", "", "| call | argument | wrong | message |", "| --- | --- | --- | --- |"]
        for name in sorted(calls, key=str.lower):
            for argument in arguments_of(name):
                refusal = first[name, argument]
                value = cell(shown(refusal.case.value))
                lines.append(f"| `{name}` | `{argument}` | `{value}` | {cell(refusal.message)} |")
        lines.append("")
    return "\n".join(lines)
