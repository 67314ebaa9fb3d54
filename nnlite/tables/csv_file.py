"""Reading a CSV file as a `Frame`.

The file is treated as untrusted: memory is bounded, and nothing in the file is executed. A column is read as numbers
until a cell is no plain number; then the file is read once more, with that column as text.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from nnlite.content import decompressed, open_file, refuse_foreign, refusing_damage
from nnlite.errors import DataFileError
from nnlite.tables.builders import MOST_DIFFERENT, NotNumbersError, NumberBuilder, TextBuilder
from nnlite.tables.cells import Missing, is_float
from nnlite.tables.dialect import BEGINNING, Dialect, encoding_of, recognize
from nnlite.tables.frames import Column, Frame
from nnlite.tables.notation import is_number
from nnlite.tables.rows import Rows

NUMBERED = re.compile(r"column [0-9]+")  # a column of a file without a header
SEEN = 100  # rows that may tell whether the first one is a header
BLOCK = 2**17  # cells that are converted at once


class Form(NamedTuple):
    """What a user says about the form of a file; None for what is recognized."""

    header: bool | None = None
    delimiter: str | None = None
    encoding: str | None = None
    comment: str | None = None


class Layout(NamedTuple):
    """The columns of a file.

    Attributes
    ----------
    names : tuple of str
        From the header, or "column 1", "column 2", ...
    has_header : bool
    n_cells : int
        Cells of each row; a last one without a name, which is always empty, is not a column.
    """

    names: tuple[str, ...]
    has_header: bool
    n_cells: int


def read_frame(
    path: str, source: str, form: Form, missing: Missing, *, text_columns: Collection[str] = (), all_text: bool = False,
    named: bool = False, known: Sequence[str] = (), unused: Collection[str] = (), target: int | str | None = None,
) -> tuple[Frame, tuple[str, ...]]:  # fmt: skip
    """Read the columns of a CSV file. Return them, and their names as the header has them, even if two are the same.

    Parameters
    ----------
    path : str
    source : str
        What messages call the file.
    form : Form
    missing : Missing
        Which cells of columns of numbers are missing values.
    text_columns : collection of str
        Columns that are read as text, even if every cell is a plain number.
    all_text : bool, default False
        Read all columns so.
    named : bool, default False
        Whether a column was asked for by name, so that there must be a header.
    known : sequence of str
        The columns of another table that this one is read like, the target excepted.
    unused : collection of str
        Those of them that were left out there, so that they may be there or not.
    target : int or str, optional
        The target: it is read as text, and does not tell whether there is a header.

    Raises
    ------
    DataFileError
        If the file is missing or damaged, rows differ in length, or a limit is exceeded. The message names the line.
    """
    reader = _Reader(path, source, form, missing, frozenset(text_columns), all_text)
    layout = reader.lay_out(named, known, unused, target)
    frame = reader.read(layout, target)
    if frame is None:  # columns that begin with numbers have text later: they are known now
        frame = reader.read(layout, target)
        assert frame is not None
    return frame, layout.names


class Pieces:
    """The rows of a CSV file, some at a time. The file is read once in each iteration, and memory stays bounded.

    In one piece a column may be numbers, and in the next one text.

    Parameters
    ----------
    path, source, form, missing, text_columns, all_text, named, known, unused, target
        See `read_frame`.

    Attributes
    ----------
    names : tuple of str
        The columns, as the header has them.
    """

    def __init__(
        self, path: str, source: str, form: Form, missing: Missing, *, text_columns: Collection[str] = (),
        all_text: bool = False, named: bool = False, known: Sequence[str] = (), unused: Collection[str] = (),
        target: int | str | None = None,
    ) -> None:  # fmt: skip
        self._reader = _Reader(path, source, form, missing, frozenset(text_columns), all_text)
        self._layout, self._target = self._reader.lay_out(named, known, unused, target), target
        self.names = self._layout.names

    def __iter__(self) -> Iterator[Frame]:
        """Yield the pieces. What is wrong with a row is a DataFileError that names its line."""
        return self._reader.pieces(self._layout, self._target)


class _Reader:
    """Reads one file, twice if it must."""

    def __init__(
        self, path: str, source: str, form: Form, missing: Missing, text_columns: frozenset[str], all_text: bool
    ) -> None:
        self._path, self._source, self._form, self._missing = path, source, form, missing
        self._text_columns, self._all_text = text_columns, all_text
        self._as_text: set[int] = set()
        with self._content() as content:
            self._start = content.read(BEGINNING)
        refuse_foreign(self._start, source)
        self._encoding = form.encoding or encoding_of(self._start)
        beginning = self._start.decode(self._encoding, "replace")
        self._dialect = recognize(beginning, form.delimiter, form.comment)

    @contextlib.contextmanager
    def _content(self) -> Iterator[BinaryIO]:
        with (
            open_file(self._path) as file,
            refusing_damage(self._source),
            decompressed(file, self._source) as content,
        ):
            yield content

    @contextlib.contextmanager
    def _rows(self) -> Iterator[Rows]:
        with self._content() as content, io.TextIOWrapper(content, encoding=self._encoding, newline="") as text:
            yield Rows(text, self._source, self._dialect)

    # ---- names ---------------------------------------------------------------------------------------------------

    def lay_out(self, named: bool, known: Sequence[str], unused: Collection[str], target: int | str | None) -> Layout:
        """Return the columns of the file, from its first rows."""
        with self._rows() as rows:
            first = next(rows, None)
            if first is None:
                raise DataFileError(f"{self._source}: is empty")
            following = list(itertools.islice(rows, SEEN))
        header = self._form.header
        if header is None and known and not named:
            header = _knows_names([cell.strip() for cell in first], known)
        if header is None:
            header = named or self._is_header(first, following, target)
        first = [cell.strip().strip("\ufeff") for cell in first]  # a byte order mark, where two files were joined
        n_cells = len(first)
        if header and following and len(following[0]) == n_cells + 1 and not following[0][-1].strip():
            n_cells += 1  # each row ends with a delimiter, the header does not
        if header and not first[-1] and following and len(following[0]) == n_cells - 1 > 0:
            n_cells -= 1  # the header ends with a delimiter, the rows do not
            first.pop()
        while len(first) > 1 and not first[-1] and self._is_empty(len(first) - 1):
            first.pop()
        if header:
            names = tuple(name or f"Unnamed: {i}" for i, name in enumerate(first))  # as pandas calls them
        else:
            names = tuple(f"column {i + 1}" for i in range(len(first)))
            for features in (known, [name for name in known if name not in unused]):  # the target is not there
                if len(features) == len(names) and all(map(NUMBERED.fullmatch, features)):
                    names = tuple(sorted(features, key=lambda name: int(name.split()[1])))
                    break
        return Layout(names, header, n_cells)

    def _is_header(self, first: Sequence[str], following: Sequence[Sequence[str]], target: int | str | None) -> bool:
        """Return whether the first row has names: text and no numbers, and not what the rows below it have.

        The target, which may be text, and missing values do not count.
        """
        at = target % len(first) if isinstance(target, int) and -len(first) <= target < len(first) else None
        features = {i: cell.strip() for i, cell in enumerate(first) if i != at} or dict(enumerate(first))
        there = {i: cell for i, cell in features.items() if not self._missing.in_numbers(cell)}
        if not there or any(is_float(cell) or is_number(cell) for cell in there.values()):
            return False
        again = [any(i < len(row) and row[i].strip() == cell for row in following) for i, cell in there.items()]
        return sum(again) <= len(again) / 2

    def _is_empty(self, i: int) -> bool:
        """Return whether a column without a name has no cell with text."""
        with self._rows() as rows:
            next(rows, None)
            return not any(len(row) > i and row[i].strip() for row in rows)

    # ---- cells ---------------------------------------------------------------------------------------------------

    def read(self, layout: Layout, target: int | str | None) -> Frame | None:
        """Return the columns; None if a column that began with numbers has text later."""
        with self._rows() as rows:
            if layout.has_header:
                next(rows)
            columns = _Columns(self, layout, target)
            n, lines = 0, list[tuple[int, int]]()
            for block in _blocks(rows, layout.n_cells, len(layout.names), lines):
                columns.add(block, rows)
                n += len(block)
        if not n:
            raise DataFileError(f"{self._source}: has a header, but no examples")
        if columns.refuted:
            self._as_text |= columns.refuted
            return None
        return columns.frame(lines, self._source)

    def pieces(self, layout: Layout, target: int | str | None) -> Iterator[Frame]:
        """Yield the columns, some rows at a time."""
        with self._rows() as rows:
            if layout.has_header:
                next(rows)
            lines, n = list[tuple[int, int]](), 0
            for block in _blocks(rows, layout.n_cells, len(layout.names), lines):
                columns = _Columns(self, layout, target)
                columns.add(block, rows)
                before = [line + n - first for first, line in lines if first <= n][-1:]
                own = [(0, line) for line in before] + [(first - n, line) for first, line in lines if first > n]
                yield columns.frame(own, self._source)
                n += len(block)
                lines[:-1] = []
        if not n:
            raise DataFileError(f"{self._source}: has a header, but no examples")

    def is_text(self, i: int, name: str) -> bool:
        """Return whether a column is read as text whatever its cells are."""
        return self._all_text or i in self._as_text or name in self._text_columns

    @property
    def missing(self) -> Missing:
        """Which cells of columns of numbers are missing values."""
        return self._missing


def _knows_names(first: Sequence[str], known: Sequence[str]) -> bool | None:
    """Return whether the first row has the names of known columns; None if that is not certain."""
    if set(first) & set(known):
        return True
    return False if all(map(NUMBERED.fullmatch, known)) else None


class _Columns:
    """The columns of one reading."""

    def __init__(self, reader: _Reader, layout: Layout, target: int | str | None) -> None:
        self._reader, self._layout = reader, layout
        self._target = target
        self._builders: list[NumberBuilder | TextBuilder | None] = []
        self._n_different = [0]
        self.refuted: set[int] = set()

    def add(self, block: list[list[str]], rows: Rows) -> None:
        """Append some rows."""
        cells = list(zip(*block, strict=False))
        is_first = not self._builders
        for i in range(len(self._layout.names)):
            try:
                if is_first:
                    self._builders.append(self._begin(i, cells[i]))
                elif (builder := self._builders[i]) is not None:
                    builder.add(cells[i])
            except NotNumbersError:
                self.refuted.add(i)
                self._builders[i] = None  # frees its memory
            except OverflowError:
                name = self._layout.names[i]
                rows.refuse(
                    f"there are more than {MOST_DIFFERENT} different texts; leave out columns such as {name!r:.100}"
                )

    def _begin(self, i: int, cells: Sequence[str]) -> NumberBuilder | TextBuilder:
        """Return a builder that holds the first cells of a column: of numbers, if these are numbers, or of text."""
        if not self._is_target(i) and not self._reader.is_text(i, self._layout.names[i]):
            numbers = NumberBuilder(self._reader.missing)
            with contextlib.suppress(NotNumbersError):
                numbers.add(cells)
                if not numbers.is_empty():
                    return numbers
        text = TextBuilder(self._n_different)
        text.add(cells)
        return text

    def _is_target(self, i: int) -> bool:
        names, target = self._layout.names, self._target
        return target == names[i] or (isinstance(target, int) and target % len(names) == i)

    def frame(self, lines: list[tuple[int, int]], source: str) -> Frame:
        """Return the columns as a frame; DataFileError if a number is infinite."""
        columns: dict[str, Column] = {}
        plain: dict[str, bool] = {}
        for name, builder in zip(_different(self._layout.names), self._builders, strict=True):
            assert builder is not None
            columns[name] = builder.column()
            if isinstance(builder, NumberBuilder):
                plain[name] = bool(builder.has_doubtful_points)
        frame = Frame(columns, plain, lines)
        for i, builder in enumerate(self._builders):
            if isinstance(builder, NumberBuilder) and len(infinite := builder.infinite()):
                where, label = frame.place(infinite[0]), self._layout.names[i]
                raise DataFileError(
                    f"{source}: {where}: column {i + 1} ({label!r:.100}): expected a finite number, got inf"
                )
        return frame


def _different(names: Sequence[str]) -> list[str]:
    """Return names that are all different: a second "a" becomes "a.1", as in pandas."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        n = seen.get(name, -1) + 1
        seen[name] = n
        made.append(f"{name}.{n}" if n else name)
    return made


def _blocks(rows: Rows, n_cells: int, n_columns: int, lines: list[tuple[int, int]]) -> Iterator[list[list[str]]]:
    """Yield the rows, some at a time, each of the right length; note in ``lines`` where each row ends."""
    most, offset = max(1, BLOCK // n_columns), None
    block: list[list[str]] = []
    for n, row in enumerate(rows):
        if len(row) != n_cells and not (len(row) == n_cells + 1 and not row[-1].strip()):
            line, is_last = rows.line, len(row) < n_cells and n > 0 and next(rows, None) is None
            rows.refuse(
                f"has {len(row)} column{'s' * (len(row) != 1)}, expected {n_columns} as in the first row"
                + _hint(row, n_cells, rows.dialect)
                + "; it is the last line: is the file cut off?" * is_last,
                line,
            )
        if rows.line - n != offset:
            offset = rows.line - n
            lines.append((n, rows.line))
        block.append(row)
        if len(block) == most:
            yield block
            block = []
    if block:
        yield block


def _hint(row: Sequence[str], n_cells: int, dialect: Dialect) -> str:
    if len(row) == 1:
        return "; if it is a comment, pass comment= with what it begins with"
    if n_cells == 1:
        return "; if the lines above are a title, remove them"
    if len(row) > n_cells and dialect.delimiter == ",":
        return "; a cell with a comma in it needs quotes, and numbers with decimal commas another delimiter"
    return ""
