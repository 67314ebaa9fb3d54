"""How a CSV file is written: its encoding, its delimiter, its comments. Each is recognized from its first bytes."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections import Counter
from typing import Any, NamedTuple

from nnlite.errors import ArgumentError
from nnlite.tables.notation import bare_number

BEGINNING = 2**16  # bytes that are looked at
LINES = 50
DELIMITERS = ",;\t|:"
COMMENTS = ("#", "%")
MARKS = [(codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
         (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")]  # fmt: skip
MANY_LINES = 3
SINGLE_QUOTED = re.compile(r"'[^']*'")
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # how Excel is told the delimiter


class Dialect(NamedTuple):
    """How a CSV file is written.

    Attributes
    ----------
    delimiter : str
        One character; " " stands for runs of spaces and tabs.
    comment : str
        Lines that begin with it are skipped; empty for none.
    n_skipped : int
        Lines at the beginning that are no rows, such as ``sep=;``.
    quote : str
        What stands around cells: a double quote, or a single one where there is no double one.
    """

    delimiter: str
    comment: str = ""
    n_skipped: int = 0
    quote: str = '"'


def encoding_of(beginning: bytes) -> str:
    """Return the encoding that a byte order mark tells, or else UTF-8."""
    for mark, encoding in MARKS:
        if beginning.startswith(mark):
            return encoding
    return "utf-8-sig"


def recognize(beginning: str, delimiter: str | None, comment: str | None) -> Dialect:
    """Return the dialect of a file from its first characters; what the user has said stays."""
    text = io.StringIO(beginning, newline=None)
    lines = [line.rstrip("\n") for line in itertools.islice(text, 4 * LINES)]
    if not text.read(1) and len(beginning) >= BEGINNING // 4 and len(lines) > 1:
        lines.pop()  # it may be cut
    n_skipped = 0
    if lines and delimiter is None and (match := SEPARATOR_LINE.fullmatch(lines[0].strip())):
        delimiter, n_skipped = match[1], 1
    lines = [line for line in lines[n_skipped:] if line.strip()][: 2 * LINES]
    if comment is None:
        comment = _comment(lines, delimiter)
    rows = [line for line in lines if not (comment and line.lstrip().startswith(comment))][:LINES]
    if delimiter is None:
        delimiter = _delimiter(rows)
    return Dialect(delimiter, comment, n_skipped, _quote(rows, delimiter))


def _quote(lines: list[str], delimiter: str) -> str:
    """Return what stands around cells: a single quote if it is around all cells of a column, below the header."""
    if len(lines) < MANY_LINES or any('"' in line for line in lines):
        return '"'
    rows = cells_of(lines[1:], delimiter)
    columns = [[row[i].strip() for row in rows if i < len(row)] for i in range(len(rows[0]))]
    return "'" if any(all(map(SINGLE_QUOTED.fullmatch, column)) for column in columns) else '"'


def _comment(lines: list[str], delimiter: str | None) -> str:
    """Return what comments begin with: a mark before lines of another width than the rows; empty for none."""
    for mark in COMMENTS:
        marked = [line for line in lines if line.startswith(mark)]
        others = [line for line in lines if not line.startswith(mark)][:LINES]
        if marked and others:
            best = delimiter or _delimiter(others)
            width = max(map(len, cells_of(others, best)))
            is_header = len(marked) == 1 and lines[0] == marked[0] and len(cells_of(marked, best)[0]) == width > 1
            if not is_header:
                return mark
    return ""


def _delimiter(lines: list[str]) -> str:
    """Return the delimiter with which the lines have the same number of columns, more than one."""
    agree = {}
    for delimiter in (*DELIMITERS, " "):
        rows = cells_of(lines, delimiter)
        width, n = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
        needed = len(lines) if delimiter in ": " else len(lines) / 2
        if width > 1 and n >= needed:
            agree[delimiter] = n == len(lines)
    if not agree:
        return ","
    best: str = max(agree, key=lambda delimiter: (agree[delimiter], -(*DELIMITERS, " ").index(delimiter)))
    if best == ",":
        for other in ";\t|":
            if agree.get(other) and _has_decimal_commas(cells_of(lines, other)):
                return other
    if best == "\t" and agree.get(" ") and any("  " in cell for row in cells_of(lines, best) for cell in row):
        return " "
    return best


def _has_decimal_commas(rows: list[list[str]]) -> bool:
    """Return whether all commas in the cells are those of numbers."""
    return all(bare_number(cell) is not None for row in rows[1:] for cell in row if "," in cell)


def cells_of(lines: list[str], delimiter: str) -> list[list[str]]:
    """Return the cells of some lines; a quote that is left open is taken for text."""
    if delimiter == " ":
        lines = [one_space(line) for line in lines]
    try:
        return list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return [line.split(delimiter) for line in lines]


def one_space(line: str) -> str:
    """Return a line whose cells stand between spaces, without tabs and without spaces around it."""
    return line.replace("\t", " ").strip()


# ---- arguments -------------------------------------------------------------------------------------------------------


def check_delimiter(delimiter: Any) -> str | None:
    """Return the delimiter, None for one that is recognized; ArgumentError if it cannot be one."""
    if delimiter is None:
        return None
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter.isalnum() or delimiter in '"+-.\r\n\0':
        raise ArgumentError(
            "delimiter: expected one character that does not occur in numbers, such as ',', ';' or '\\t', "
            f"got {delimiter!r}"
        )
    return delimiter


def check_comment(comment: Any) -> str | None:
    """Return what comments begin with, "" for no comments, None for recognized ones; or raise ArgumentError."""
    if comment is None or comment == "":
        return comment  # type: ignore[no-any-return]
    if not isinstance(comment, str) or len(comment) > 4 or comment[0].isalnum() or comment[0] in '"+-.,;\r\n\t ':
        raise ArgumentError(f"comment: expected what comment lines begin with, such as '#', got {comment!r:.100}")
    return comment


def check_encoding(encoding: Any) -> str | None:
    """Return the name of a text encoding, None for one that is recognized. UTF-8 skips a byte order mark."""
    if encoding is None:
        return None
    try:
        "".encode(encoding)
        return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else str(encoding)
    except (LookupError, TypeError, ValueError):
        raise ArgumentError(
            f"encoding: expected the name of a text encoding such as 'utf-8' or 'latin-1', got {encoding!r}"
        ) from None
