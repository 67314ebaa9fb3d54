"""The kind of each column: numeric, category, boolean or date, or one that says nothing and is left out.

An id has another value in each row, a constant the same value; neither helps to predict.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.tables.cells import WORD_PAIRS, WORDS, is_code, label_of_number, to_boolean, to_number
from nnlite.tables.choosing import shown
from nnlite.tables.dates import COMPACT, TIME_ALONE, AmbiguousDate, are_compact, guess_order, is_date, misfits, to_dates
from nnlite.tables.frames import Column, Frame, Text
from nnlite.tables.notation import (
    PLAIN,
    Ambiguous,
    Notation,
    guess_notation,
    has_doubtful_points,
    is_number,
    unfitting,
    usual_unit,
)
from nnlite.tables.options import Options

FEW_ROWS = 20  # with fewer rows, a value of its own in each row does not make an id
ID_NAME = re.compile(r"(?i:.*[ _.-])?(?i:id|ids|uuid|guid|key|index|idx|rownum|rowid|row_number)|.*[a-z](?:Id|ID)")
INDEX_NAME = re.compile(r"Unnamed: ?[0-9]+(?:_level_[0-9]+)?|__index_level_[0-9]+__|")  # of an index without a name
MOSTLY = 0.8  # this share of numbers, and MANY of them, make a column of numbers; other cells are mistakes there
MANY = 10
SHOWN = 5  # values in a message


class Kind(NamedTuple):
    """What a column is.

    Attributes
    ----------
    name : str
        "numeric", "category", "boolean" or "date"; or, for a column that is left out, "id", "constant", "index" or
        "ignore".
    notation : Notation
        How numbers are written, if they are text.
    order : str
        The order of day, month and year, if dates are text.
    reason : str
        Why the column is left out.
    """

    name: str
    notation: Notation = PLAIN
    order: str = "ymd"
    reason: str = ""

    @property
    def used(self) -> bool:
        """Whether the column becomes numbers."""
        return not self.reason


IGNORED = Kind("ignore", reason="as you said")


def text_columns(known: Mapping[str, Kind]) -> set[str]:
    """Return the columns that are read as text, as in the table whose kinds are known."""
    return {name for name, kind in known.items() if kind.name != "numeric" or kind.notation.decimal != "."}


def unused_columns(known: Mapping[str, Kind]) -> set[str]:
    """Return the columns that were left out there, so that they may be there or not."""
    return {name for name, kind in known.items() if not kind.used}


class WrongCellError(ArgumentError):
    """A cell, in row ``row`` of ``column``, that is not what the others are; ``words`` may all mean a missing value."""

    def __init__(self, message: str, row: int, words: Sequence[str] = (), column: str = "") -> None:
        super().__init__(message)
        self.row, self.words, self.column = row, list(words), column

    @classmethod
    def of(cls, column: Text, cell: str, expected: str, hint: str = "") -> WrongCellError:
        """Return the error for the first row that has a cell."""
        return cls(f"{expected}, got {cell!r:.100}{hint}", int((column.codes == column.cells.index(cell)).argmax()))


class OddWordsError(ArgumentError):
    """Most cells of a column are numbers, dates or booleans, and a few ``words`` are not; they may mean "missing".

    Parameters
    ----------
    problem : str
        What is wrong, with the name of the column.
    words : list of str
        At most five.
    otherwise : str
        What to do if nothing is missing; empty for nothing.
    options : Options
        Its marks of missing values stay in the advice.
    """

    def __init__(self, problem: str, words: Sequence[str], otherwise: str, options: Options) -> None:
        self.problem, self.words, self.otherwise, self.options = problem, list(words[:SHOWN]), otherwise, options
        one = "this means" if len(self.words) == 1 and not otherwise else "these mean"
        marks = shown_all([*(options.missing or ()), *self.words])
        super().__init__(f"{problem}; if {one} that a value is missing, pass missing=[{marks}]{otherwise}")

    def located(self, frame: Frame, name: str) -> OddWordsError:
        """Return the error with the place of the first of these words in a column, if the frame knows it."""
        column = frame.columns[name]
        if not frame.tells_places or not isinstance(column, Text):
            return self
        odd = np.array([cell in self.words for cell in column.cells])[column.codes]
        first = "" if odd.sum() == 1 else "first in "
        problem = f"{self.problem} ({first}{frame.place(int(odd.argmax()))})"
        return OddWordsError(problem, self.words, self.otherwise, self.options)

    @classmethod
    def joined(cls, errors: Sequence[OddWordsError]) -> OddWordsError:
        """Return one error for several columns, whose advice has the words of all."""
        if len(errors) == 1:
            return errors[0]
        made = cls("", [], "", errors[0].options)
        words = list(dict.fromkeys(word for error in errors for word in error.words))
        marks = shown_all([*(made.options.missing or ()), *words])
        made.problem = "; ".join(error.problem for error in errors)
        made.args = (f"{made.problem}; if all these mean that a value is missing, pass missing=[{marks}]",)
        return made


def shown_all(words: Sequence[str]) -> str:
    """Return words as a list in Python has them, each once."""
    return ", ".join(map(repr, dict.fromkeys(words)))


def kinds_of(frame: Frame, options: Options, known: Mapping[str, Kind] | None = None) -> dict[str, Kind]:
    """Return the kind of each column; kinds that are known already are taken over.

    Raises
    ------
    ArgumentError
        If a column of text may be read in two ways, or most of it are numbers and some are not.
    """
    unknown = [name for name in options.kinds if name not in frame.columns]
    if unknown:
        raise ArgumentError(f"kinds: there is no column {unknown[0]!r}; the columns are {shown(frame.names)}")
    kinds: dict[str, Kind] = {}
    odd: list[OddWordsError] = []
    for name, column in frame.columns.items():
        if known and name in known and name not in options.kinds:
            kinds[name] = as_written(known[name], column, options.of(name))
        else:
            try:
                kinds[name] = kind_of(name, column, options.of(name), first=name == frame.names[0])
            except OddWordsError as error:
                odd.append(error.located(frame, name))
            except WrongCellError as error:
                raise ArgumentError(f"{frame.place(error.row)}: column {name!r}: {error}") from None
    if odd:
        raise OddWordsError.joined(odd)
    if not any(kind.used for kind in kinds.values()):  # better a number of the row than nothing
        kinds |= {
            name: Kind("numeric") for name, kind in kinds.items() if kind.name == "id" and _is_numeric(frame, name)
        }
    return kinds


def as_written(kind: Kind, column: Column, options: Options) -> Kind:
    """Return a kind that is known, with the notation or order of a file of which the user says how it is written."""
    if not isinstance(column, Text):
        return kind
    cells = [cell for cell in column.counts() if not options.marks.in_numbers(cell)]
    if kind.name == "date" and options.dates not in (None, kind.order):
        found = guess_order(cells, options.dates)
        if isinstance(found, str):
            return kind._replace(order=found)
        compact = kind.order == "ymd" and all(map(COMPACT.fullmatch, cells))  # 20240131 has one order only
        return kind if compact or kind.order == TIME_ALONE else kind._replace(order=options.dates)
    if kind.name == "numeric":
        return kind._replace(notation=_notation_of_file(kind.notation, cells, options))
    return kind


def _notation_of_file(known: Notation, cells: list[str], options: Options) -> Notation:
    if options.decimal in (None, known.decimal) and options.thousands in (None, known.thousands):
        return known
    decimal = options.decimal or (known.decimal if known.decimal != options.thousands else None)
    bare = [cell.removesuffix(known.unit).rstrip() for cell in cells]
    found = guess_notation(bare, decimal=decimal, thousands=options.thousands)
    if isinstance(found, Notation) and not found.unit:
        return found._replace(unit=known.unit)
    decimal = decimal or ("," if options.thousands == "." else ".")
    return Notation(decimal, options.thousands, known.unit)  # the error names the cell that does not fit


def refuse_doubtful_points(frame: Frame, kinds: Mapping[str, Kind], options: Options, target: str) -> None:
    """Raise ArgumentError if 1.234 may be 1234 in one column, because another has decimal commas."""
    commas = [name for name, kind in kinds.items() if kind.notation.decimal == ","]
    doubtful = [name for name, kind in kinds.items() if kind.name == "numeric" and frame.plain.get(name)]
    labels = frame.columns.get(target)
    if isinstance(labels, Text):
        cells = [cell for cell in labels.counts() if not options.marks.in_numbers(cell)]
        if has_doubtful_points(cells):
            doubtful.append(target)
        elif doubtful and isinstance(found := guess_notation(cells), Notation) and found.decimal == ",":
            commas.append(target)
    for name in doubtful:
        if commas and name not in options.columns:
            values = numbers_of(frame.columns[name], PLAIN, options.of(name))
            cell = f"{values[np.nanargmax(values % 1)]:.3f}"  # one with a fraction, if there is one
            raise ArgumentError(
                f"column {name!r}: {cell!r} may be {cell} or {cell.replace('.', '')}, since column {commas[0]!r} has "
                f"decimal commas; pass decimal=',' for {cell.replace('.', '')}, or decimal={{{name!r}: '.'}} for {cell}"
            )


def _is_numeric(frame: Frame, name: str) -> bool:
    column = frame.columns[name]
    return not isinstance(column, Text) and column.dtype.kind in "uif"


def kind_of(name: str, column: Column, options: Options, *, first: bool = False) -> Kind:
    """Return the kind of one column; ``first`` says that it is the first of a table, which may number the rows."""
    wanted = options.kinds.get(name)
    if wanted is not None:
        return _as_wanted(name, column, wanted, options)
    if isinstance(column, Text):
        return _of_text(name, column, options)
    if column.dtype.kind == "M":
        there = column[~np.isnat(column)]
        return _constant_or(there, Kind("date"))
    if column.dtype.kind == "b":
        return _constant_or(column, Kind("boolean"))
    return _of_numbers(name, without_marks(column, options), first=first)


def _as_wanted(name: str, column: Column, wanted: str, options: Options) -> Kind:
    """Return the kind that the user wants, or raise ArgumentError if the column cannot be that."""
    if wanted == "ignore":
        return IGNORED
    if wanted == "category":
        return Kind(wanted)
    if not isinstance(column, Text):
        if not _can_be(column, wanted):
            raise ArgumentError(f"kinds: column {name!r} holds {_holds(column)}, so it cannot be {wanted!r}")
        return Kind(wanted)
    cells = [cell for cell in column.counts() if not options.marks.in_numbers(cell)]
    if wanted == "boolean":
        wrong = [cell for cell in cells if to_boolean(cell) is None]
        if not wrong:
            return Kind("boolean")
    elif wanted == "date":
        order = _order(name, cells, options)
        compact = [cell for cell, moment in zip(cells, to_dates(cells, "ymd"), strict=True) if np.isnat(moment)]
        if order is None and cells and not compact:
            order = "ymd"
        if order is not None:
            return Kind("date", order=order)
        wrong = min(misfits(cells, options.dates), compact, key=len)
    else:
        found = _notation(name, cells, options)
        if found is not None:
            numbers_of(column, found, options)  # refuses infinite ones
            return Kind("numeric", found)
        wrong = _without(cells, _numbers(cells))
        wrong = wrong or unfitting(cells, options.decimal, options.thousands)
    problem = f"kinds: column {name!r} cannot be {wanted!r}, because it has {_some(wrong)}"
    problem += f"; {WORDS}" if wanted == "boolean" else ""
    if wrong and len(wrong) <= SHOWN and len(wrong) < len(cells):
        raise OddWordsError(problem, wrong, "", options)
    raise ArgumentError(problem)


def _numbers(cells: list[str]) -> list[str]:
    """Return the cells that are numbers in some notation, with the unit that most of them have, or without."""
    unit = usual_unit(cells)
    return [cell for cell in cells if is_number(cell.removesuffix(unit).rstrip() if unit else cell)]


def _some(cells: list[str]) -> str:
    return shown(cells[:SHOWN]) + (f" and {len(cells) - SHOWN} more" if len(cells) > SHOWN else "")


def _without(cells: list[str], others: Collection[str]) -> list[str]:
    left_out = set(others)
    return [cell for cell in cells if cell not in left_out]


def _can_be(column: Array, wanted: str) -> bool:
    """Return whether a column of numbers, booleans or dates can be numeric, boolean or a date."""
    if wanted == "date" and column.dtype.kind in "uif":
        return are_compact(column[~np.isnan(column)])
    if (column.dtype.kind == "M") != (wanted == "date"):
        return False
    return wanted != "boolean" or bool(np.isin(column[~np.isnan(column)], (0, 1)).all())


def _of_numbers(name: str, column: Array, *, first: bool = False) -> Kind:  # noqa: PLR0911  a line for each kind
    there = column[~np.isnan(column)] if column.dtype.kind == "f" else column
    if not len(there) or there.min() == there.max() or (there != np.floor(there)).any():
        return _constant_or(there, Kind("numeric"))
    distinct = np.unique(there)  # whole numbers
    if len(distinct) == len(column) and INDEX_NAME.fullmatch(name):
        return Kind("index", reason="it numbers the rows, and has no name")
    if len(distinct) == len(column) >= FEW_ROWS:
        if ID_NAME.fullmatch(name):
            return Kind("id", reason="each row has its own value")
        if first and _counts_rows(there):
            return Kind("id", reason="it numbers the rows")
    if len(distinct) == 2 and distinct[0] == 0 and distinct[1] == 1:
        return Kind("boolean")
    if len(distinct) >= MANY and are_compact(distinct):
        return Kind("date")
    return Kind("numeric")


def _counts_rows(values: Array) -> bool:
    """Return whether the values go up by 1 from 0 or 1, as a number of the row does."""
    return values[0] in (0, 1) and bool((np.diff(values) == 1).all())


def _of_text(name: str, column: Text, options: Options) -> Kind:
    counts = column.counts()
    if column.is_category:
        return _of_labels(column, counts, options)
    cells = [cell for cell in counts if not options.marks.in_numbers(cell)]
    if {cell.lower() for cell in cells} in WORD_PAIRS:
        return Kind("boolean")
    codes = any(map(is_code, cells))
    found = _notation(name, cells, options) if cells and not codes else None
    if found is not None and (not found.unit or len(cells) >= MANY):
        kind = _of_numbers(name, numbers_of(column, found, options))
        if kind.name in ("boolean", "date") and any(to_number(cell) is None for cell in cells):
            kind = Kind("numeric")  # "0 %" and "1 %" are not no and yes
        return kind._replace(notation=found)
    if cells and (order := _order(name, cells, options)) is not None:
        return _constant_or(np.array(cells), Kind("date", order=order))
    if not codes:
        _refuse_mixture(name, counts, cells, options)
    return _of_labels(column, counts, options)


def _of_labels(column: Text, counts: dict[str, int], options: Options) -> Kind:
    labels = {cell: n for cell, n in counts.items() if not options.marks.in_text(cell)}
    n = sum(labels.values())
    if n < len(column) and len(labels) == 1:
        return Kind("category")  # whether it is there may say something
    if len(labels) <= 1:
        return _constant_or(np.array(list(labels)), Kind("category"))
    if n >= FEW_ROWS and len(labels) == n:
        return Kind("id", reason="each row has its own value")
    if n >= FEW_ROWS and len(labels) > n / 2:
        return Kind("id", reason=f"{len(labels)} of {n} values are different")
    return Kind("category")


def _constant_or(there: Array, kind: Kind) -> Kind:
    """Return ``kind``, unless there is only one value, or none."""
    if not len(there):
        return Kind("constant", reason="it is empty")
    if (there == there[0]).all():
        value = there[0].item() if hasattr(there[0], "item") else there[0]
        shown = (
            label_of_number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
        )
        return Kind("constant", reason=f"it is always {shown:.40}")
    return kind


def _notation(name: str, cells: list[str], options: Options) -> Notation | None:
    found = guess_notation(cells, decimal=options.decimal, thousands=options.thousands)
    if isinstance(found, Ambiguous):
        raise ArgumentError(
            f"column {name!r}: {found.cell!r} may be {found.first.number(found.cell):g} or "
            f"{found.second.number(found.cell):g}; pass {found.first} or {found.second} (for this column alone "
            f"{found.first.for_column(name)} or {found.second.for_column(name)}), or kinds={{{name!r}: 'category'}}"
        )
    return found


def _order(name: str, cells: list[str], options: Options) -> str | None:
    found = guess_order(cells, options.dates)
    if isinstance(found, AmbiguousDate):
        raise ArgumentError(
            f"column {name!r}: the date {found.cell!r} may have the day or the month first; "
            f"pass dates={found.first!r} or dates={found.second!r} (for this column alone dates={{{name!r}: "
            f"{found.first!r}}}), or kinds={{{name!r}: 'category'}}"
        )
    return found


def _refuse_mixture(name: str, counts: dict[str, int], cells: list[str], options: Options) -> None:
    """Raise ArgumentError if most cells are numbers, or dates, and some are not: these would else become categories."""
    readings = {
        "numbers": _numbers(cells),
        "dates": [cell for cell in cells if is_date(cell)],
    }
    n = sum(counts[cell] for cell in cells)
    as_names = f"pass kinds={{{name!r}: 'category'}}"
    for what, ones in readings.items():
        n_ones = sum(counts[cell] for cell in ones)
        if 0 < len(ones) == len(cells):
            _refuse_form(name, what, cells, options)
        if len(ones) < MANY or n_ones < MOSTLY * n:
            continue
        others = _without(cells, ones)
        if not others:
            notation = "notation of numbers" if what == "numbers" else "order of day, month and year"
            arguments = "decimal= and thousands=" if what == "numbers" else "dates="
            raise ArgumentError(
                f"column {name!r}: no {notation} fits all of {shown(_contrary(what, ones))}; pass {arguments}, or "
                f"kinds={{{name!r}: 'category'}}"
            )
        raise OddWordsError(
            f"column {name!r}: {n_ones:,} of {n:,} values are {what}, but not {_some(others)}",
            others,
            f"; if all are names, {as_names}",
            options,
        )


def _refuse_form(name: str, what: str, cells: list[str], options: Options) -> None:
    """Raise ArgumentError if all cells are numbers, or dates, but not in the form that the user asks for."""
    asked = {"numbers": ("decimal", "thousands"), "dates": ("dates",)}[what]
    given = {option: value for option in asked if (value := getattr(options, option)) is not None}
    if not given:
        return
    wrong = unfitting(cells, options.decimal, options.thousands) if what == "numbers" else misfits(cells, options.dates)
    other = next(option for option in given)
    raise ArgumentError(
        f"column {name!r}: {', '.join(f'{option}={value!r}' for option, value in given.items())} does not fit "
        f"{shown(wrong[:SHOWN])}; if it is for other columns only, name them, as in {other}={{'price': "
        f"{given[other]!r}}}; pass kinds={{{name!r}: 'category'}} if these are names"
    )


def _contrary(what: str, cells: list[str]) -> list[str]:
    """Return some cells that no notation, or no order, reads all of."""
    if what == "numbers":
        return cells[:6]
    wrong = misfits(cells)[:3]
    return [*[cell for cell in cells if cell not in wrong][:3], *wrong]


def numbers_of(column: Column, written: Notation, options: Options) -> Array:
    """Return a numeric column as float64, with NaN where a value is missing.

    Raises
    ------
    ArgumentError
        If a cell is not a number; the message names it.
    """
    if not isinstance(column, Text):
        return without_marks(column.astype(np.float64, copy=False), options)
    values = [_number(cell, written, options) for cell in column.cells]
    if None in values:
        wrong = [cell for cell, value in zip(column.cells, values, strict=True) if value is None]
        error = WrongCellError.of(column, wrong[0], "expected a finite number")
        there = column.counts()
        error.words = [cell for cell in wrong if cell in there and not is_number(cell)]
        raise error
    return np.array(values or [np.nan])[column.codes]


def without_marks(column: Array, options: Options) -> Array:
    """Return a column of numbers with NaN in place of those that stand for a missing value, such as -999."""
    if not options.marks.numbers or column.dtype.kind not in "uif":
        return column
    missing = np.isin(column, options.marks.numbers)
    return np.where(missing, np.nan, column) if missing.any() else column


def _number(cell: str, written: Notation, options: Options) -> float | None:
    """Return the number, NaN for a missing value, or None for text and infinity."""
    if options.marks.in_numbers(cell):
        return np.nan
    value = written.number(cell)
    if value is None and written == PLAIN:
        other = guess_notation([cell], decimal=options.decimal, thousands=options.thousands)
        value = other.number(cell) if isinstance(other, Notation) and not other.unit else None
    if value is None or not np.isfinite(value):
        return None
    return np.nan if value in options.marks.numbers else value


def _holds(column: Column) -> str:
    if isinstance(column, Text):
        return "text"
    return {"b": "booleans", "M": "dates"}.get(column.dtype.kind, "numbers")
