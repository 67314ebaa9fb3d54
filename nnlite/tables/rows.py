"""The rows of a CSV file as text, read one at a time, each of bounded length."""

import csv
import io
from collections.abc import Iterator
from typing import Never

from nnlite.errors import DataFileError
from nnlite.tables.dialect import Dialect, one_space

LONGEST_ROW = 2**20  # characters
MOST_COLUMNS = 2**16


class Rows:
    """Iterator over the rows of a CSV file; a row is a list of cells. Rows without any text are skipped.

    Parameters
    ----------
    text : text file
        Opened with ``newline=""``.
    source : str
        Name of the file for error messages.
    dialect : Dialect
        What is between two cells, and which lines are no rows.

    Attributes
    ----------
    line : int
        Number of lines read so far, which is the line where the current row ends.

    Raises
    ------
    DataFileError
        While iterating, if a row is too long, has too many columns, or is not valid CSV or text.
    """

    def __init__(self, text: io.TextIOWrapper, source: str, dialect: Dialect) -> None:
        self.source, self.line, self.dialect = source, 0, dialect
        self._text, self._delimiter = text, dialect.delimiter
        self._may_skip = bool(dialect.comment or dialect.n_skipped)
        self._length = self._n_delimiters = 0  # of the current row so far
        self._rows = csv.reader(
            self._lines(), delimiter=dialect.delimiter, quotechar=dialect.quote, skipinitialspace=True, strict=True
        )

    def __iter__(self) -> "Rows":
        return self

    def __next__(self) -> list[str]:
        try:
            for row in self._rows:
                self._length = self._n_delimiters = 0
                if any(row) and any(map(str.strip, row)):
                    return row
        except csv.Error as error:
            self.refuse(f"is not a row of a CSV file ({error}); is a quote left open?")
        raise StopIteration

    def refuse(self, problem: str, line: int | None = None) -> Never:
        """Raise a DataFileError for a line, by default the last line read."""
        raise DataFileError(f"{self.source}: line {self.line if line is None else line}: {problem}")

    def _lines(self) -> Iterator[str]:
        """Yield the lines for the CSV parser, and refuse a row as soon as it exceeds a limit."""
        while line := self._read_line():
            self.line += 1
            # counted over the whole row: an open quote continues it in the next line
            self._length += len(line)
            self._n_delimiters += line.count(self._delimiter)
            if self._length > LONGEST_ROW:
                self.refuse(f"the row is longer than {LONGEST_ROW} characters")
            if self._n_delimiters >= MOST_COLUMNS:
                self.refuse(f"the row has more than {MOST_COLUMNS} columns")
            if "\0" in line:
                self.refuse("contains a NUL byte, so the file is not text or needs encoding='utf-16'")
            if self._may_skip and self._is_skipped(line):
                self._length -= len(line)
                continue
            yield one_space(line) + "\n" if self._delimiter == " " else line

    def _is_skipped(self, line: str) -> bool:
        """Return whether a line between two rows is a comment, or comes before the first row."""
        comment, between = self.dialect.comment, self._length == len(line)
        return between and (self.line <= self.dialect.n_skipped or bool(comment and line.lstrip().startswith(comment)))

    def _read_line(self) -> str:
        try:
            return self._text.readline(LONGEST_ROW + 1)
        except UnicodeError as error:
            before = getattr(error, "object", b"")[: getattr(error, "start", 0)]
            self.refuse(
                f"is not text in {self._text.encoding.removesuffix('-sig')} ({getattr(error, 'reason', error)}); "
                "pass the encoding of the file, such as encoding='latin-1' or encoding='utf-16'",
                self.line + 1 + before.count(b"\n"),
            )
