"""What a cell of a table holds: a missing value, a number, or text."""

import re

MISSING = frozenset(["", "?", "-", "na", "n/a", "nan", "null", "none", "nil", "missing"])
WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+")


def is_missing(cell: str) -> bool:
    """Return whether the cell is empty or holds a common mark of a missing value, such as "NA" or "?"."""
    return cell.strip().lower() in MISSING


def is_whole(cell: str) -> bool:
    """Return whether the cell is an integer of at most 15 digits."""
    return WHOLE.fullmatch(cell) is not None


def has_decimal_comma(cell: str) -> bool:
    """Return whether the cell is a number with a decimal comma, such as "1,5"."""
    return DECIMAL_COMMA.fullmatch(cell.strip()) is not None


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
    """Return the number in the cell (NaN and infinity included), or None if it holds text."""
    return float(cell) if is_float(cell) and not may_mislead_float(cell.strip()) else None


def canonical_label(label: str) -> str:
    """Return the name of a class: "1" for each of "1", "01", "+1" and "1.0"."""
    number = to_number(label)
    if number is not None and number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    return label
