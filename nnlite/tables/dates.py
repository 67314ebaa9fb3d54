"""Dates in text: ISO 8601, day and month in either order, names of months; with or without a time of day.

Numbers such as 20240131 are dates, too.
"""

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nnlite.checks import Array

TIME = (
    r"(?:(?:[T ]|,? )(?P<hour>[0-2]?[0-9])[:.](?P<minute>[0-5][0-9])(?:[:.](?P<second>[0-5][0-9])(?:[.,][0-9]+)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?(?:Z| ?[+-][0-9]{2}:?[0-9]{2}| (?:GMT|UTC|[A-Z][SD]T|[A-Z]{2}[SD]T))?)?"
)
WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,? )?"
COMPACT_TIME = r"T(?P<hour>[0-2][0-9])(?P<minute>[0-5][0-9])(?P<second>[0-5][0-9])Z?"
NUMBERS = r"(?P<{}>[0-9]{{1,2}})(?P<mark>[./-])(?P<{}>[0-9]{{1,2}})(?P=mark)(?P<year>[0-9]{{4}}|[0-9]{{2}})"
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
MONTH = r"(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
OLDEST_CENTURY = 69  # two digits: 69 to 99 are 1969 to 1999, as in POSIX
ORDERS = ("ymd", "dmy", "mdy")
COMPACT = re.compile(r"[0-9]{8}")
ISO_LINES = re.compile(r"(?:(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?\n)+")
TIME_ALONE = "time"  # the order of a time of day without a date

PATTERNS = {
    "ymd": [
        r"(?P<year>[0-9]{4})(?P<mark>[./-])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})" + TIME,
        r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})" + COMPACT_TIME,
    ],
    "dmy": [
        NUMBERS.format("day", "month") + TIME,
        WEEKDAY + r"(?P<day>[0-9]{1,2})\.?[ -]" + MONTH + r"[ ,-]+(?P<year>[0-9]{4}|[0-9]{2})" + TIME,
    ],
    "mdy": [
        NUMBERS.format("month", "day").replace("./-", "/-") + TIME,  # with dots, the day is always first
        WEEKDAY + MONTH + r" (?P<day>[0-9]{1,2})(?:st|nd|rd|th)?,? (?P<year>[0-9]{4})" + TIME,
    ],
}  # fmt: skip
PATTERNS[TIME_ALONE] = [
    r"(?P<hour>[0-2]?[0-9])(?P<mark>[:.])(?P<minute>[0-5][0-9])(?:(?P=mark)(?P<second>[0-5][0-9])(?:[.,][0-9]+)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
]
COMPILED = {order: [re.compile(pattern, re.IGNORECASE) for pattern in patterns] for order, patterns in PATTERNS.items()}
# Where numbers have the day or the month first, dates that can be read in one way only may stand beside them.
CERTAIN = {
    "ymd": [],
    "dmy": [*COMPILED["ymd"], COMPILED["mdy"][1]],
    "mdy": [*COMPILED["ymd"], COMPILED["dmy"][1]],
    TIME_ALONE: [],
}


class AmbiguousDate(NamedTuple):
    """A date that two orders of day and month read differently."""

    cell: str
    first: str
    second: str


def parse(cell: str, order: str) -> datetime.datetime | None:
    """Return the date in a cell, whose parts stand in ``order`` ("ymd", "dmy" or "mdy"); None if it is not one.

    With "dmy" and "mdy", a date that can be read in one way only, such as "2024-01-31", may have another order. A time
    zone is not regarded.
    """
    return _parse(cell, (*COMPILED[order], *CERTAIN[order]))


def _parse(cell: str, patterns: Iterable[re.Pattern[str]]) -> datetime.datetime | None:
    for pattern in patterns:
        match = pattern.fullmatch(cell)
        if match is not None:
            return _date(match.groupdict())
    return None


def is_date(cell: str) -> bool:
    """Return whether a cell is a date or a time of day, in some order."""
    return any(_parse(cell, patterns) is not None for patterns in COMPILED.values())


def misfits(cells: Sequence[str], order: str | None = None) -> list[str]:
    """Return the cells that are no dates in the order that fits most of them, or in ``order``."""
    orders = (*ORDERS, TIME_ALONE) if order is None else (order, TIME_ALONE)
    return min(([cell for cell in cells if parse(cell, one) is None] for one in orders), key=len)


def guess_order(cells: Iterable[str], order: str | None = None) -> str | AmbiguousDate | None:
    """Return the order of the parts of the dates in a column, from its different cells.

    Parameters
    ----------
    cells : iterable of str
        Without missing values.
    order : {"ymd", "dmy", "mdy"}, optional
        What the user said.

    Returns
    -------
    str, AmbiguousDate or None
        None if the cells are not dates, in no order.
    """
    cells = list(cells)
    if order in (None, "ymd") and _iso_dates(cells) is not None:
        return "ymd"
    candidates = (*ORDERS, TIME_ALONE) if order is None else (order, TIME_ALONE)
    found = _fitting(cells, {candidate: COMPILED[candidate] for candidate in candidates})
    if not found:
        found = _fitting(cells, {one: [*COMPILED[one], *CERTAIN[one]] for one in candidates if CERTAIN[one]})
    if not cells or not found:
        return None
    for other, values in found[1:]:
        for cell, first, second in zip(cells, found[0][1], values, strict=True):
            if first != second:
                return AmbiguousDate(cell, found[0][0], other)
    return found[0][0]


def _fitting(
    cells: Sequence[str], patterns: Mapping[str, Iterable[re.Pattern[str]]]
) -> list[tuple[str, list[datetime.datetime]]]:
    """Return the orders in which all cells are dates, each with the dates."""
    found = []
    for order, of_order in patterns.items():
        values = []
        for cell in cells:
            value = _parse(cell, of_order)
            if value is None:
                break
            values.append(value)
        else:
            found.append((order, values))
    return found


def to_dates(cells: Sequence[str], order: str) -> Array:
    """Return the dates in the cells, also such as "20240131", as datetime64 in seconds; NaT where a cell is not one."""
    if order == "ymd":
        if (moments := _iso_dates(cells)) is not None:
            return moments
        cells = [f"{cell[:4]}-{cell[4:6]}-{cell[6:]}" if COMPACT.fullmatch(cell) else cell for cell in cells]
    parsed = [parse(cell, order) for cell in cells]
    return np.array(["NaT" if value is None else value.isoformat() for value in parsed], "datetime64[s]")


def _iso_dates(cells: Sequence[str]) -> Array | None:
    """Return the dates if all cells are such as "2024-01-31" or "2024-01-31 17:30", which NumPy reads; else None."""
    if ISO_LINES.fullmatch("\n".join([*cells, ""])) is None:
        return None
    try:
        return np.array(cells, "datetime64[s]")
    except ValueError:  # there is no such day
        return None


def are_compact(numbers: Array) -> bool:
    """Return whether whole numbers are dates such as 20240131, all of them from the years 1900 to 2099."""
    low, high = (int(bound) for bound in (numbers.min(), numbers.max())) if len(numbers) else (0, 0)
    if not 19_000_101 <= low <= high <= 20_991_231:
        return False
    return not np.isnat(of_compact(numbers)).any()


def of_compact(numbers: Array) -> Array:
    """Return numbers such as 20240131 as datetime64 in seconds; NaT for NaN, and where there is no such day."""
    whole = np.where(np.isfinite(numbers), numbers, 0).astype(np.int64)
    year, month, day = whole // 10_000, whole // 100 % 100, whole % 100
    right = (whole == numbers) & (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = (np.where(right, year - 1970, 0) * 12 + np.where(right, month - 1, 0)).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(right, day - 1, 0)
    right &= days.astype("datetime64[M]") == months  # no 31 June
    return np.where(right, days, np.datetime64("NaT")).astype("datetime64[s]")


def _date(parts: dict[str, str | None]) -> datetime.datetime | None:
    parts = {**{"year": "1970", "month": "1", "day": "1"}, **parts}
    year, day = str(parts["year"]), int(parts["day"] or 0)
    month = MONTHS.index(str(parts["name"]).lower()) + 1 if parts.get("name") else int(parts["month"] or 0)
    full_year = int(year) if len(year) == 4 else int(year) + (1900 if int(year) >= OLDEST_CENTURY else 2000)
    hour = int(parts.get("hour") or 0)
    half = (parts.get("half") or "").lower()
    if half:
        hour = hour % 12 + 12 * half.startswith("p")
    try:
        return datetime.datetime(
            full_year, month, day, hour, int(parts.get("minute") or 0), int(parts.get("second") or 0)
        )
    except ValueError:
        return None
