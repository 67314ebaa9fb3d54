"""What one cell of text says: nothing (a missing value), a plain number, yes or no, the name of a class."""

import math
import re
from collections.abc import Collection

# In a column of numbers, dates or booleans each of these marks says that the value is missing; in other columns of
# text only those of MISSING_TEXT do, because "none" or "-" may be a category. An empty cell is always missing.
MISSING_NUMBER = frozenset(["?", "-", "--", ".", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "-nan", "+nan", "null",
                            "none", "nil", "missing", "nat", "(null)"])  # fmt: skip
MISSING_TEXT = frozenset(["?", "na", "n/a", "#n/a", "<na>", "nan", "null", "(null)"])

TRUE_WORDS = frozenset(["true", "yes", "t", "y", "on", "1"])
FALSE_WORDS = frozenset(["false", "no", "f", "n", "off", "0"])
WORD_PAIRS = [{"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"}, {"on", "off"}, {"0", "1"}]

WORDS = "the words for yes and no are yes/no, true/false, t/f, y/n, on/off and 1/0, in small or capital letters"

WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
CODE = r"(?:0[0-9]+|[+-]?[0-9]{17,})"  # float64 would drop zeros in front, and the last digits
WHOLE_CODE = re.compile(CODE)


class Missing:
    """Which cells of text are missing values.

    Parameters
    ----------
    marks : collection of str, optional
        Marks in all columns, beside the usual ones, which depend on the column. If there are none of them (an empty
        collection), only an empty cell is missing.
    """

    def __init__(self, marks: Collection[str] | None = None) -> None:
        self.own = frozenset(mark.strip() for mark in marks or ())
        self.has_usual = marks is None or len(self.own) > 0
        numbers = (to_number(mark) for mark in self.own)
        self.numbers = [number for number in numbers if number is not None]  # such as -999

    def in_numbers(self, cell: str) -> bool:
        """Return whether a cell is missing in a column of numbers, dates or booleans."""
        return not cell or cell in self.own or (self.has_usual and cell.lower() in MISSING_NUMBER)

    def in_text(self, cell: str) -> bool:
        """Return whether a cell is missing in a column of categories."""
        return not cell or cell in self.own or (self.has_usual and cell.lower() in MISSING_TEXT)

    def in_labels(self, cell: str) -> bool:
        """Return whether a cell is missing in a target of classes: the usual marks are labels there."""
        return not cell or cell in self.own


USUAL = Missing()


def is_whole(cell: str) -> bool:
    """Return whether the cell is an integer of at most 15 digits."""
    return WHOLE.fullmatch(cell) is not None


def is_code(cell: str) -> bool:
    """Return whether the cell is a code such as "0123", or of 17 digits or more, which a number would change."""
    return WHOLE_CODE.fullmatch(cell) is not None


def is_float(cell: str) -> bool:
    """Return whether `float` accepts the cell, which may be a number that `to_number` refuses."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def may_mislead_float(text: str) -> bool:
    """Return whether `float` may accept the text although it is not a plain number: "1_0" or digits like "١"."""
    return "_" in text or not text.isascii()


def to_number(cell: str) -> float | None:
    """Return the plain number in the cell (NaN and infinity included), or None if it holds text."""
    return float(cell) if is_float(cell) and not may_mislead_float(cell.strip()) else None


def is_infinite(cell: str) -> bool:
    """Return whether the cell is a number beyond the range of float64, or says that it is infinite."""
    return len(cell) > 2 and math.isinf(to_number(cell) or 0.0)


def to_boolean(cell: str) -> bool | None:
    """Return what the cell says, such as True for "yes"; None if it is neither yes nor no."""
    word = canonical_label(cell.lower())
    if word in TRUE_WORDS:
        return True
    return False if word in FALSE_WORDS else None


def canonical_label(label: str) -> str:
    """Return the name of a class: "1" for each of "1", "01", "+1" and "1.0"."""
    number = to_number(label)
    if number is not None and number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    return label


def label_of_number(number: float) -> str:
    """Return the name of a class that is a number: "1" for 1.0, "0.5" for 0.5."""
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e15 else repr(float(number))


def sorted_names(names: Collection[str]) -> list[str]:
    """Return the different names of classes in their order: as numbers if all of them are whole numbers."""
    distinct = set(names)
    in_order = sorted(distinct)  # of "1" and "01", too
    return sorted(in_order, key=int) if all(map(is_whole, distinct)) else in_order
