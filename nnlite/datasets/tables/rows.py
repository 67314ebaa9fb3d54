"""The rows of a CSV file as text, read one at a time, each of bounded length."""

import csv
import io
from collections.abc import Iterator
from typing import Never

from nnlite.errors import DataFileError

LONGEST_ROW = 2**20  # characters
MOST_COLUMNS = 2**16


class Rows:
    """Iterator over the rows of a CSV file; a row is a list of cells. Empty rows are skipped.

    Parameters
    ----------
    text : text file
        Opened with ``newline=""``.
    source : str
        Name of the file for error messages.
    delimiter : str
        Character between two cells.

    Attributes
    ----------
    line : int
        Number of lines read so far, which is the line where the current row ends.

    Raises
    ------
    DataFileError
        While iterating, if a row is too long, has too many columns, or is not valid CSV or text.
    """

    def __init__(self, text: io.TextIOWrapper, source: str, delimiter: str) -> None:
        self.source, self.line = source, 0
        self._text, self._delimiter = text, delimiter
        self._length = self._n_delimiters = 0  # of the current row so far
        self._rows = csv.reader(self._lines(), delimiter=delimiter, strict=True)

    def __iter__(self) -> "Rows":
        return self

    def __next__(self) -> list[str]:
        try:
            for row in self._rows:
                self._length = self._n_delimiters = 0
                if len(row) > 1 or (row and row[0].strip()):
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
            yield line

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
