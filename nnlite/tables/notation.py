"""Notations of numbers in text: decimal commas, separators of thousands, currencies, percent, units, minus signs."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from nnlite.tables.cells import to_number

CURRENCIES = "$€£¥₹₽₩₺₪฿"
CODES = "Rs\\.?|USD|EUR|GBP|JPY|CHF|INR|CNY|AUD|CAD|Fr|kr|zł|Kč|R\\$"
MINUS = str.maketrans(dict.fromkeys("−–‒﹣－", "-"))
SPACES = str.maketrans(dict.fromkeys("\u00a0\u202f\u2009\u2007", " "))
AROUND = re.compile(
    rf"(?P<sign>[+-]?)\s*(?:[{CURRENCIES}]|(?:{CODES})\s*)?\s*(?P<inner_sign>[+-]?)"
    rf"(?P<digits>[0-9.,' ’]*[0-9.,](?:[eE][+-]?[0-9]+)?)\s*(?:[{CURRENCIES}%‰]|\s*(?:{CODES}))?"
)
MARK = re.compile(rf"[%‰{CURRENCIES}]|{CODES}")
SAME = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "Rs": "₹", "Rs.": "₹"}
POINT_CURRENCIES = ("$", "£", "USD", "GBP")  # where these stand before a number, its decimal mark is a point


class Notation(NamedTuple):
    """How numbers are written.

    Attributes
    ----------
    decimal : str
        The decimal mark.
    thousands : str or None
        The separator of thousands; None if there is none.
    unit : str
        What stands behind the numbers, such as "kg".
    """

    decimal: str = "."
    thousands: str | None = None
    unit: str = ""

    def __str__(self) -> str:
        return f"decimal={self.decimal!r}" + (f", thousands={self.thousands!r}" if self.thousands else "")

    def for_column(self, name: str) -> str:
        """Return the arguments of a table that say this of one column."""
        mark = f"decimal={{{name!r}: {self.decimal!r}}}"
        return mark + (f", thousands={{{name!r}: {self.thousands!r}}}" if self.thousands else "")

    def number(self, cell: str) -> float | None:
        """Return the number in a cell, with or without the unit; None if it holds something else."""
        if self.unit:
            return self._replace(unit="").number(cell.removesuffix(self.unit).rstrip())
        if self == PLAIN and (number := to_number(cell)) is not None:
            return number
        bare = bare_number(cell)
        if bare is None:
            return None
        if self.thousands is not None and self.thousands in bare:
            if not self._grouped(bare):
                return None
            bare = bare.replace(self.thousands, "")
        if self.decimal != ".":
            if "." in bare:
                return None
            bare = bare.replace(self.decimal, ".")
        return to_number(bare)

    def _grouped(self, bare: str) -> bool:
        """Return whether the separators stand before groups of three digits (in India also of two)."""
        assert self.thousands is not None
        whole, _, fraction = bare.lstrip("+-").partition(self.decimal)
        first, *groups = whole.split(self.thousands)
        if not groups or self.thousands in fraction:
            return False
        right = all(group.isdigit() and len(group) == 3 for group in groups)
        indian = groups[-1].isdigit() and len(groups[-1]) == 3 and all(len(g) == 2 and g.isdigit() for g in groups[:-1])
        return first.isdigit() and len(first) <= 3 and first != "0" and (right or indian)


PLAIN = Notation()
# The notations that are tried, the more usual ones first.
KNOWN = [
    PLAIN,
    Notation(".", ","),
    Notation(",", None),
    Notation(",", "."),
    Notation(".", " "),
    Notation(",", " "),
    Notation(".", "'"),
    Notation(",", "'"),
]


LONGEST_UNIT = 16
UNIT = re.compile(r"[0-9][.,]?\s*(?P<unit>(?:[^\W\d_]|°)[^\d\s]*(?: [^\d\s]+)?)$")  # behind a number
# A number whose point may be the decimal mark or separate thousands.
EITHER = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
SHORT = re.compile(r"[+-]?[0-9]{1,3}")  # a number that needs neither


def is_number(cell: str) -> bool:
    """Return whether a cell is a number in some notation."""
    if bare_number(cell) is None:
        return to_number(cell) is not None  # such as "nan"
    return any(written.number(cell) is not None for written in KNOWN)


class Ambiguous(NamedTuple):
    """Two notations that read the same cells as different numbers; ``cell`` is one of these."""

    cell: str
    first: Notation
    second: Notation


def bare_number(cell: str) -> str | None:
    """Return the cell without currency sign, percent sign and parentheses of a negative amount; None if it is text."""
    cell = cell.translate(MINUS).translate(SPACES).strip().replace("’", "'")
    negative = cell.startswith("(") and cell.endswith(")")
    match = AROUND.fullmatch(cell[1:-1] if negative else cell)
    if match is None or (match["sign"] and match["inner_sign"]) or not match["digits"].strip(".,' "):
        return None
    sign = "-" if negative else match["sign"] or match["inner_sign"]
    return sign + match["digits"].strip()


def guess_notation(
    cells: Iterable[str], *, decimal: str | None = None, thousands: str | None = None
) -> Notation | Ambiguous | None:
    """Return the notation of a column from its different cells.

    Parameters
    ----------
    cells : iterable of str
        Without missing values.
    decimal, thousands : str, optional
        What the user said.

    Returns
    -------
    Notation, Ambiguous or None
        None if no notation reads every cell as a number.
    """
    cells = list(cells)
    if decimal is None and thousands is None and all(to_number(cell) is not None for cell in cells):
        return PLAIN
    found = _guess(cells, decimal, thousands)
    if found is None and (unit := unit_of(cells)):
        bare = [cell.removesuffix(unit).rstrip() for cell in cells]
        found = guess_notation(bare, decimal=decimal, thousands=thousands)
        return found._replace(unit=unit) if isinstance(found, Notation) else found
    return found


def unit_of(cells: Sequence[str]) -> str:
    """Return the text that stands behind the number in each of the cells, such as "kg"; "" if it is not the same."""
    match = UNIT.search(cells[0]) if cells else None
    if match is None or len(match["unit"]) > LONGEST_UNIT or not all(cell.endswith(match["unit"]) for cell in cells):
        return ""
    return match["unit"]


def usual_unit(cells: Iterable[str]) -> str:
    """Return the text that stands behind the number in most of the cells, such as "kg"; "" if there is none."""
    units = [match["unit"] if (match := UNIT.search(cell)) else "" for cell in cells]
    unit, n = Counter(units).most_common(1)[0] if units else ("", 0)
    return unit if n > len(units) / 2 and len(unit) <= LONGEST_UNIT else ""


def unfitting(cells: Sequence[str], decimal: str | None, thousands: str | None) -> list[str]:
    """Return the cells that are no numbers in the notation that fits most of them, of those that the user allows."""
    notations = _allowed(decimal, thousands)
    return min(([cell for cell in cells if one.number(cell) is None] for one in notations), key=len)


def _allowed(decimal: str | None, thousands: str | None) -> list[Notation]:
    """Return the notations that are tried, with what the user said."""
    if decimal is None and thousands is None:
        return KNOWN
    mark = decimal or ("," if thousands == "." else ".")
    return [Notation(mark, thousands)] if thousands else [n for n in KNOWN if n.decimal == mark]


def has_doubtful_points(cells: Iterable[str]) -> bool:
    """Return whether each number has a point that may separate thousands, as 1.234 has, or needs none, as 12."""
    doubtful = False
    for cell in cells:
        if EITHER.fullmatch(cell):
            doubtful = True
        elif not SHORT.fullmatch(cell):
            return False
    return doubtful


def marks_of(cells: Iterable[str]) -> dict[str, str]:
    """Return the currency and percent signs of all numbers but 0, "" for none, each with a cell that has it."""
    found: dict[str, str] = {}
    for cell in cells:
        if cell.strip("0.,%‰ "):
            mark = MARK.search(cell)
            found.setdefault("" if mark is None else SAME.get(mark[0], mark[0]), cell)
    return found


def have_one_mark(cells: Iterable[str]) -> bool:
    """Return whether all numbers but 0 have the same mark: one currency; or percent, without which none is then."""
    marks = set(marks_of(cells))
    return len(marks) <= 1 or (len(marks) == 2 and "" in marks and not marks & {"%", "‰"})


def _guess(cells: list[str], decimal: str | None, thousands: str | None) -> Notation | Ambiguous | None:
    if not have_one_mark(cells):
        return None
    candidates = _allowed(decimal, thousands)
    if any(cell.lstrip("+-(").startswith(POINT_CURRENCIES) for cell in cells) and decimal is None:
        candidates = [n for n in candidates if n.decimal == "."]  # "$1,234" has no decimal comma
    fitting = []
    for notation in candidates:
        values = []
        for cell in cells:
            number = notation.number(cell)
            if number is None:
                break
            values.append(number)
        else:
            fitting.append((notation, values))
    if not fitting:
        return None
    first, values = fitting[0]
    for other, other_values in fitting[1:]:
        if values != other_values:
            differ = next(i for i, (a, b) in enumerate(zip(values, other_values, strict=True)) if a != b)
            return Ambiguous(cells[differ], first, other)
    return first
