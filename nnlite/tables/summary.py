"""What a table holds, in words: printed, and as HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from nnlite import markup
from nnlite.checks import Array
from nnlite.tables.cells import USUAL, is_whole, label_of_number
from nnlite.tables.encoders import labels_of, learn_encoder, moments_of
from nnlite.tables.frames import Column, Text
from nnlite.tables.kinds import Kind, numbers_of, without_marks
from nnlite.tables.notation import PLAIN, Notation
from nnlite.tables.options import Options

HEADINGS = ("column", "kind", "missing", "values", "what becomes of it")
MOST_SHOWN = 4  # categories in one cell
WIDEST = 48
FEWEST_MARKS, FEWEST_OTHERS = 3, 5  # rows with the same far number, and other numbers


class ColumnSummary(NamedTuple):
    """What one column holds, and what becomes of it, in words.

    Attributes
    ----------
    name : str
    kind : str
        "numeric", "category", "boolean", "date"; "id", "constant", "index" or "ignore" for a column that is left out;
        "classes" or "values" for a target.
    n_missing : int
    shown : str
        The range of numbers and dates, or the most frequent categories.
    becomes : str
        What the network gets of it.

    Examples
    --------
    >>> import nnlite as nn
    >>> pets = nn.Table({"size": [10, 30, 20], "kind": ["cat", "dog", "cat"]}, target="kind")
    >>> pets.columns[0].kind, pets.columns[0].shown, pets.target.shown
    ('numeric', '10 to 30', 'cat 2, dog 1')
    """

    name: str
    kind: str
    n_missing: int
    shown: str
    becomes: str


def column_summary(name: str, column: Column, kind: Kind, options: Options) -> ColumnSummary:
    """Return what a column holds."""
    options = options.of(name)
    n_missing = _n_missing(column, kind, options)
    becomes = _becomes(name, column, kind, options, n_missing) if kind.used else f"left out: {kind.reason}"
    return ColumnSummary(name, kind.name, n_missing, _values(column, kind, options), becomes)


def target_summary(name: str, y: Array, class_names: Sequence[str]) -> ColumnSummary:
    """Return what a target holds."""
    if class_names:
        counts = np.bincount(y, minlength=len(class_names))
        shown = _frequent({label: int(n) for label, n in zip(class_names, counts, strict=True)})
        n = len(class_names)
        numbers = ": each whole number is taken as a class" if _may_be_values(class_names) else ""
        return ColumnSummary(
            name,
            "classes",
            0,
            shown,
            f"{n} class{'es' * (n > 1)}{numbers}{_differing_in_case(class_names)}{_mark_of_classes(class_names)}",
        )
    return ColumnSummary(name, "values", 0, f"{y.min():.6g} to {y.max():.6g}", "a value, standardized in training")


def _may_be_values(class_names: Sequence[str]) -> bool:
    """Return whether the names of classes are more than two whole numbers."""
    return len(class_names) > 2 and all(map(is_whole, class_names))


def _mark_of_classes(class_names: Sequence[str]) -> str:
    """Return the end of a message that asks about classes such as "NA", "none" or "-"; "" if there are none."""
    marks = [name for name in class_names if name and USUAL.in_numbers(name)]
    if not marks:
        return ""
    names = f"{', '.join(map(repr, marks))} {'is a class' if len(marks) == 1 else 'are classes'}"
    return f"; {names}; or does that mean that the label is missing?"


def _differing_in_case(names: Iterable[str]) -> str:
    """Return the end of a message that names categories which are the same but for capital letters; "" if none are."""
    spelled: dict[str, str] = {}
    for name in names:
        other = spelled.setdefault(name.casefold(), name)
        if other != name:
            return f"; {other!r:.40} and {name!r:.40} differ only in capital letters"
    return ""


def cell_text(column: Column, i: int) -> str:
    """Return one cell as a person reads it."""
    if isinstance(column, Text):
        return str(column.cells[column.codes[i]])
    value = column[i]
    if column.dtype.kind == "f":
        return "" if np.isnan(value) else label_of_number(value)
    if column.dtype.kind == "M":
        return "" if np.isnat(value) else str(value).replace("T00:00:00", "")
    return str(value)


def _n_missing(column: Column, kind: Kind, options: Options) -> int:
    if isinstance(column, Text):
        is_missing = _mark(kind, options)
        return sum(n for text, n in column.counts().items() if is_missing(text))
    if column.dtype.kind == "M":
        return int(np.isnat(column).sum())
    column = without_marks(column, options)
    return int(np.isnan(column).sum()) if column.dtype.kind == "f" else 0


def _mark(kind: Kind, options: Options) -> Callable[[str], bool]:
    """Return what tells whether a cell of text is missing in a column of this kind."""
    marks = options.marks
    return marks.in_numbers if kind.name in ("numeric", "boolean", "date") else marks.in_text


def _values(column: Column, kind: Kind, options: Options) -> str:
    """Return a range, or the most frequent values."""
    if kind.name == "numeric":
        values = numbers_of(column, kind.notation, options)
        there = values[~np.isnan(values)]
        return f"{there.min():.6g} to {there.max():.6g}" if len(there) else ""
    if isinstance(column, Text):
        if kind.name != "date":
            is_missing = _mark(kind, options)
            return _frequent({text: n for text, n in column.counts().items() if not is_missing(text)})
        column = moments_of(column, kind.order, options)
    column = without_marks(column, options)
    there = column[~np.isnan(column)] if column.dtype.kind != "M" else column[~np.isnat(column)]
    if not len(there):
        return ""
    if kind.name in ("category", "boolean"):
        values, counted = np.unique(there, return_counts=True)
        return _frequent({cell_text(values, i): int(n) for i, n in enumerate(counted)})
    first, last = np.sort(there)[[0, -1]]
    ends = np.array([first, last])
    return f"{cell_text(ends, 0)} to {cell_text(ends, 1)}"


def _frequent(counts: dict[str, int]) -> str:
    """Return the most frequent values with their numbers."""
    often = sorted(counts, key=lambda text: -counts[text])
    shown = ", ".join(f"{text:.20} {counts[text]}" for text in often[:MOST_SHOWN])
    return shown + (f", {len(often) - MOST_SHOWN} more" if len(often) > MOST_SHOWN else "")


def mark_among(values: Array) -> float | None:
    """Return the lowest or highest number if it comes again and lies far from all others, as -999 does; or None.

    Far means: farther than the others lie from one another.
    """
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    enough = max(FEWEST_MARKS, 0.002 * counts.sum())
    if len(distinct) < FEWEST_OTHERS + 1:
        return None
    if counts[0] >= enough and distinct[1] - distinct[0] > distinct[-1] - distinct[1]:
        return float(distinct[0])
    if counts[-1] >= enough and distinct[-1] - distinct[-2] > distinct[-2] - distinct[0]:
        return float(distinct[-1])
    return None


def _sample(notation: Notation) -> str:
    """Return a number as a notation writes it."""
    return f"1{notation.thousands or ''}234{notation.decimal}5"


def _becomes(name: str, column: Column, kind: Kind, options: Options, n_missing: int) -> str:
    missing = "; missing: {}, and whether" if n_missing else ""
    if kind.name == "numeric":
        scaled = {"standardize": ", standardized", "robust": ", scaled by quartiles", "none": ""}[options.scaling]
        fill = "the median" if options.fill == "median" else f"{options.fill:g}"
        unit, notation = kind.notation.unit, kind.notation._replace(unit="")
        written = f" (written as {_sample(notation)})" if notation != PLAIN else ""
        mark = mark_among(numbers_of(column, kind.notation, options))
        doubt = "" if mark is None else f"; does {label_of_number(mark)} mean that it is missing?"
        return f"a number{f' of {unit}' * bool(unit)}{scaled}{written}{missing.format(fill)}{doubt}"
    if kind.name == "boolean":
        return f"a number, 1 or -1{missing.format('0')}"
    encoder = learn_encoder(name, column, kind, options)
    n = len(encoder.own_names)
    if kind.name == "date":
        return ", ".join(label.split(": ", 1)[-1] for label in encoder.own_names) + missing.format("0")
    other = getattr(encoder, "has_other", False)
    there = f"one-hot, {n - other} categor{'y' if n - other == 1 else 'ies'}{' and a place for rare ones' * other}"
    labels = labels_of(column, options)
    return f"{there}{'; missing: a place' * bool(n_missing)}{_differing_in_case(sorted(labels.counts()))}"


# ---- printed and HTML ------------------------------------------------------------------------------------------------


def _table(columns: Sequence[ColumnSummary], target: ColumnSummary | None) -> list[tuple[str, ...]]:
    rows = [*columns, *([] if target is None else [target._replace(name=f"{target.name} (target)")])]
    return [(_short(row.name), row.kind, str(row.n_missing), _short(row.shown), row.becomes) for row in rows]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= WIDEST else text[: WIDEST - 3] + "..."


def as_text(title: str, columns: Sequence[ColumnSummary], target: ColumnSummary | None) -> str:
    """Return the summary as lines of text."""
    rows = [HEADINGS, *_table(columns, target)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    alignment = ["<", "<", ">", "<", "<"]  # how many are missing is a number
    lines = []
    for row in rows:
        cells = [f"{text:{side}{width}}" for text, side, width in zip(row, alignment, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([title, lines[0], "-" * max(map(len, lines)), *lines[1:]])


def as_html(title: str, columns: Sequence[ColumnSummary], target: ColumnSummary | None) -> str:
    """Return the summary as a table in HTML. Whatever the file says is escaped."""
    rows = [
        markup.row(markup.cell(markup.text(text), "number" if i == 2 else "") for i, text in enumerate(row))
        for row in _table(columns, target)
    ]
    table = markup.table(HEADINGS, rows, numbers=(2,)).replace("<table>", '<table class="nnlite-table">')
    return markup.box(markup.paragraph(markup.text(title)), table)
