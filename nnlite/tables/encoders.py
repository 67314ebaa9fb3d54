"""What makes one column into numbers: an encoder for each kind. It learns from the training rows alone.

Each encoder has a name, `learn`, `encode`, the names of its numbers, and a form in JSON for the model file.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.tables.cells import WORDS, canonical_label, label_of_number, to_boolean
from nnlite.tables.choosing import shown
from nnlite.tables.dates import TIME_ALONE, is_date, of_compact, to_dates
from nnlite.tables.frames import Column, Frame, Text
from nnlite.tables.kinds import Kind, WrongCellError, numbers_of, without_marks
from nnlite.tables.notation import Notation, marks_of
from nnlite.tables.options import Options

MOST_CATEGORIES = 100  # of one column; the others are rare
RARE = 10  # a category that occurs less often than in 1 % of the rows, or RARE times, is rare
OTHER, MISSING = "other", "is missing"
PARTS = ("year", "month", "day", "weekday", "hour", "days since")
LARGEST = 1e300  # of what an encoder has learned
FEWEST_UNKNOWN = 3  # values that training did not have, before a word is said about them
MOST_RARE = 0.2  # share of rare values in a column whose values are mostly known
DAY = 86_400  # seconds
NEGLIGIBLE = 1e-14  # a spread that small, compared with the values, is rounding
UNSEEN = 1e30  # divides what never varied in training: weights that learned nothing about it must not judge it later


@dataclass(frozen=True)
class Encoder:
    """What makes one column into numbers.

    Attributes
    ----------
    name : str
        The column.
    indicator : bool
        Whether a further number says that the value is missing: some were in training.
    """

    kind: ClassVar[str]
    name: str
    indicator: bool

    @property
    def own_names(self) -> list[str]:
        """The names of the numbers, but for the indicator."""
        raise NotImplementedError

    def own_numbers(self, column: Column, options: Options) -> tuple[Array, Array]:
        """Return the numbers (M, k), and which rows have no value, (M,)."""
        raise NotImplementedError

    @property
    def feature_names(self) -> list[str]:
        """The names of the numbers."""
        return self.own_names + [f"{self.name} {MISSING}"] * self.indicator

    def encode(self, column: Column, options: Options) -> Array:
        """Return the numbers of a column, (M, k) in float64; ArgumentError, which names it, if a value is wrong."""
        try:
            numbers, missing = self.own_numbers(column, options)
        except WrongCellError as error:
            raise WrongCellError(f"column {self.name!r}: {error}", error.row, error.words, self.name) from None
        except ArgumentError as error:
            raise ArgumentError(f"column {self.name!r}: {error}") from None
        return np.column_stack([numbers, missing]) if self.indicator else numbers

    def as_kind(self) -> Kind:
        """Return the kind of the column."""
        return Kind(self.kind)

    def written(self, kind: Kind) -> Encoder:
        """Return the encoder for a file that writes the column as ``kind`` says."""
        return self

    def doubt(self, column: Column, options: Options) -> str:
        """Return what of the column is probably not what training saw, in words; "" if nothing is."""
        return ""

    def check_plain(self, frame: Frame) -> None:
        """Raise ArgumentError if the numbers of the column were read in another notation than in training."""

    def to_json(self) -> dict[str, Any]:
        """Return the encoder in plain values."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Numeric(Encoder):
    """``(x - center) / scale``; a missing x is ``fill``."""

    kind: ClassVar[str] = "numeric"
    center: float
    scale: float
    fill: float
    decimal: str = "."
    thousands: str | None = None
    unit: str = ""
    mark: str | None = None  # of a currency, or of percent; "" for none; None in older files

    @classmethod
    def learn(cls, name: str, column: Column, kind: Kind, options: Options) -> Numeric:
        """Learn center, scale and fill from the training rows."""
        values = numbers_of(column, kind.notation, options)
        there = values[~np.isnan(values)]
        fill = float(options.fill) if options.fill != "median" else _median(there)
        filled = np.where(np.isnan(values), fill, values)
        center, scale = center_and_scale(filled, options.scaling)
        return cls(name, len(there) < len(values), center, scale, fill, *kind.notation, _mark_of(column, options))

    @property
    def own_names(self) -> list[str]:
        """The names of the numbers, but for the indicator."""
        return [self.name]

    def as_kind(self) -> Kind:
        """Return the kind of the column."""
        return Kind("numeric", self._notation)

    def written(self, kind: Kind) -> Numeric:
        """Return the encoder for a file that writes the column as ``kind`` says."""
        return replace(self, decimal=kind.notation.decimal, thousands=kind.notation.thousands)

    @property
    def _notation(self) -> Notation:
        return Notation(self.decimal, self.thousands, self.unit)

    def to_json(self) -> dict[str, Any]:
        """Return the encoder in plain values; a column without a unit has none, as in older files."""
        left_out = [name for name, lacks in (("unit", not self.unit), ("mark", self.mark is None)) if lacks]
        return {name: value for name, value in super().to_json().items() if name not in left_out}

    def doubt(self, column: Column, options: Options) -> str:
        """Return in words that numbers have another unit than in training; "" if not."""
        if self.mark is None:
            return ""
        marks = _marks_of(column, options)
        marks.pop(self.mark, None)
        if self.mark not in ("%", "‰"):
            marks.pop("", None)  # an amount of money needs no sign
        if not self.mark:
            marks = {mark: cell for mark, cell in marks.items() if mark in ("%", "‰")}
        if not marks:
            return ""
        mark, cell = next(iter(marks.items()))
        here, before = (repr(one) if one else "no unit" for one in (mark, self.mark))
        return (
            f"column {self.name!r} has {here} here, as in {cell!r:.40}, and had {before} in training; the numbers are "
            "taken as they are, so that predictions are probably wrong"
        )

    def check_plain(self, frame: Frame) -> None:
        """Raise ArgumentError if the numbers of the column were read in another notation than in training."""
        if self.decimal != "." and self.name in frame.plain:
            values = frame.columns[self.name]
            if not isinstance(values, Text) and (values[~np.isnan(values)] % 1 != 0).any():
                raise ArgumentError(
                    f"column {self.name!r}: numbers were written with {self._notation} in training, and have points "
                    f"here; read the file with like=model, or with {self._notation}"
                )

    def own_numbers(self, column: Column, options: Options) -> tuple[Array, Array]:
        """Return the numbers (M, k), and which rows have no value, (M,)."""
        if not isinstance(column, Text) and column.dtype.kind not in "buif":
            raise ArgumentError("expected numbers, as in training, got dates")
        values = numbers_of(column, self._notation, options)
        missing = np.isnan(values)
        return ((np.where(missing, self.fill, values) - self.center) / self.scale)[:, None], missing


@dataclass(frozen=True)
class Boolean(Encoder):
    """1 for yes, -1 for no, 0 for a missing value."""

    kind: ClassVar[str] = "boolean"

    @classmethod
    def learn(cls, name: str, column: Column, kind: Kind, options: Options) -> Boolean:
        """Learn whether values are missing in the training rows."""
        return cls(name, bool(np.isnan(truths_of(column, options)).any()))

    @property
    def own_names(self) -> list[str]:
        """The names of the numbers, but for the indicator."""
        return [self.name]

    def own_numbers(self, column: Column, options: Options) -> tuple[Array, Array]:
        """Return the numbers (M, k), and which rows have no value, (M,)."""
        truths = truths_of(column, options)
        return np.nan_to_num(2 * truths - 1, nan=0.0)[:, None], np.isnan(truths)


@dataclass(frozen=True)
class Category(Encoder):
    """One-hot: a 1 in the place of the category, 0 in the others.

    Categories that are rare in training share a place, "other", which those that training never saw take too. If no
    category is rare, an unknown one is an average row: each category's share in training.
    """

    kind: ClassVar[str] = "category"
    categories: list[str]
    shares: list[float]
    has_other: bool

    @classmethod
    def learn(cls, name: str, column: Column, kind: Kind, options: Options) -> Category:
        """Learn the categories from the training rows."""
        labels = labels_of(column, options)
        counts = {label: n for label, n in labels.counts().items() if label}
        n = sum(counts.values())
        enough = min(RARE, max(2, -(-n // 100)))
        often = sorted(counts, key=lambda label: (-counts[label], label))[:MOST_CATEGORIES]
        kept = sorted(label for label in often if counts[label] >= enough) or sorted(often)
        has_other = len(kept) < len(counts)
        return cls(name, n < len(labels), kept, [counts[label] / n for label in kept], has_other)

    @property
    def own_names(self) -> list[str]:
        """The names of the numbers, but for the indicator."""
        return [f"{self.name}={label}" for label in self.categories] + [f"{self.name}={OTHER}"] * self.has_other

    def own_numbers(self, column: Column, options: Options) -> tuple[Array, Array]:
        """Return the numbers (M, k), and which rows have no value, (M,)."""
        labels = labels_of(column, options)
        place = {label: k for k, label in enumerate(self.categories)}
        unknown = np.array(self.shares)
        if self.has_other:
            unknown = np.append(np.zeros(len(self.categories)), 1.0)
        rows = np.tile(unknown, (max(1, len(labels.cells)), 1))
        for i, label in enumerate(labels.cells):
            if label in place:
                rows[i], rows[i, place[label]] = 0, 1
            elif not label and self.indicator:
                rows[i] = 0  # the indicator says it
        missing = np.array([not label for label in labels.cells] or [False])
        return rows[labels.codes], missing[labels.codes]

    def doubt(self, column: Column, options: Options) -> str:
        """Return in words that most values were not, or hardly ever, in training; "" if not."""
        known, labels = {"", *self.categories}, labels_of(column, options).counts()
        n = sum(n for label, n in labels.items() if label)
        unknown = {label: count for label, count in labels.items() if label not in known}
        n_unknown, rare = sum(unknown.values()), max(0.0, 1 - sum(self.shares))
        expected = 0.5 if rare <= MOST_RARE else 0.95  # where many values are rare, most of the new ones may be new
        if n_unknown < FEWEST_UNKNOWN or n_unknown <= expected * n:
            return ""
        example, near = next(((label, near) for label in unknown if (near := self._nearest(label))),
                             (next(iter(unknown)), ""))  # fmt: skip
        there = f"the nearest known value is {near!r:.40}" if near else f"known are {shown(self.categories)}"
        return (
            f"column {self.name!r}: {n_unknown:,} of {n:,} values are unknown to the training, such as "
            f"{example!r:.40}; {there}"
        )

    def _nearest(self, label: str) -> str:
        """Return the known category that is spelled almost like a label; "" if there is none."""
        spelled = {category.casefold().strip(): category for category in self.categories}
        near = difflib.get_close_matches(label.casefold()[:100].strip(), spelled, n=1)
        return spelled[near[0]] if near else ""


@dataclass(frozen=True)
class Date(Encoder):
    """Year, month, day, weekday, hour (if there are times) and days since the first date of training, standardized."""

    kind: ClassVar[str] = "date"
    first: int  # seconds since 1970
    parts: list[str]
    centers: list[float]
    scales: list[float]
    order: str = "ymd"

    @classmethod
    def learn(cls, name: str, column: Column, kind: Kind, options: Options) -> Date:
        """Learn the first date, and mean and standard deviation of each part, from the training rows."""
        moments = moments_of(column, kind.order, options)
        there = moments[~np.isnat(moments)]
        seconds = there.astype(np.int64)
        first = int(seconds.min()) if len(there) else 0
        parts = [part for part in PARTS if part != "hour" or (seconds % DAY).any()]
        if kind.order == TIME_ALONE:
            parts = ["hour"]
        values = {part: _part(part, there, first) for part in parts}
        centers, scales = zip(*(center_and_scale(value, "standardize") for value in values.values()), strict=True)
        return cls(name, len(there) < len(moments), first, list(values), list(centers), list(scales), kind.order)

    def as_kind(self) -> Kind:
        """Return the kind of the column."""
        return Kind("date", order=self.order)

    def written(self, kind: Kind) -> Date:
        """Return the encoder for a file that writes the column as ``kind`` says."""
        return replace(self, order=kind.order)

    @property
    def own_names(self) -> list[str]:
        """The names of the numbers, but for the indicator."""
        return [f"{self.name}: {part}" for part in self.parts]

    def own_numbers(self, column: Column, options: Options) -> tuple[Array, Array]:
        """Return the numbers (M, k), and which rows have no value, (M,)."""
        moments = moments_of(column, self.order, options)
        missing = np.isnat(moments)
        safe = np.where(missing, np.datetime64(0, "s"), moments)
        values = np.column_stack([_part(part, safe, self.first) for part in self.parts])
        numbers = (values - np.array(self.centers)) / np.array(self.scales)
        numbers[missing] = 0.0
        return numbers, missing


ENCODERS: dict[str, type[Encoder]] = {cls.kind: cls for cls in (Numeric, Boolean, Category, Date)}


def learn_encoder(name: str, column: Column, kind: Kind, options: Options) -> Encoder:
    """Return the encoder of a column, learned from its training rows."""
    made: Encoder = ENCODERS[kind.name].learn(name, column, kind, options.of(name))  # type: ignore[attr-defined]
    return made


# ---- the values of a column ------------------------------------------------------------------------------------------


def center_and_scale(values: Array, scaling: str) -> tuple[float, float]:
    """Return what to subtract and to divide by: mean and standard deviation, median and quartile range, or 0 and 1.

    What is the same in all training rows stays near 0, whatever it is later.
    """
    if scaling == "none" or not len(values):
        return 0.0, 1.0
    center, scale = float(values.mean()), float(values.std())
    if scaling == "robust":
        low, center, high = (float(value) for value in np.percentile(values, (25, 50, 75)))
        scale = (high - low) or scale
    if not math.isfinite(scale):
        scale = 1.0
    elif scale <= NEGLIGIBLE * abs(center):
        scale = UNSEEN
    return center, scale


def _marks_of(column: Column, options: Options) -> dict[str, str]:
    """Return the currency and percent signs of numbers, "" for none, each with a number that has it."""
    if isinstance(column, Text):
        return marks_of(cell for cell in column.counts() if not options.marks.in_numbers(cell))
    if column.dtype.kind not in "uif":
        return {}
    there = column[(column != 0) & ~np.isnan(column)]
    return {"": label_of_number(there[0])} if len(there) else {}


def _mark_of(column: Column, options: Options) -> str:
    """Return the currency or percent sign of the numbers of a column; "" for none."""
    return next((mark for mark in _marks_of(column, options) if mark), "")


def _median(there: Array) -> float:
    return float(np.median(there)) if len(there) else 0.0


def truths_of(column: Column, options: Options) -> Array:
    """Return 1 for yes, 0 for no, NaN for a missing value."""
    if not isinstance(column, Text):
        column = without_marks(column, options)
        values = column.astype(np.float64) if column.dtype.kind in "buif" else np.full(len(column), 2.0)
        wrong = ~(np.isin(values, (0, 1)) | np.isnan(values))
        if wrong.any():
            row = int(wrong.argmax())
            raise WrongCellError(f"expected yes or no, as in training, got {values[row]:g}", row)
        return values
    truths, place = np.full(max(1, len(column.cells)), np.nan), {cell: i for i, cell in enumerate(column.cells)}
    for cell in column.counts():
        if not options.marks.in_numbers(cell):
            truth = to_boolean(cell)
            if truth is None:
                raise WrongCellError.of(column, cell, "expected yes or no, as in training", f"; {WORDS}")
            truths[place[cell]] = truth
    return truths[column.codes]


def labels_of(column: Column, options: Options) -> Text:
    """Return the categories of a column, "" for a missing value.

    The number 1 and the text "1.0" are the category "1".
    """
    if isinstance(column, Text):
        cells = ["" if options.marks.in_text(cell) else canonical_label(cell) for cell in column.cells]
        return Text(column.codes, cells)
    column = without_marks(column, options)
    if column.dtype.kind == "M":
        return Text.of("" if value is None else str(value) for value in column.tolist())
    distinct, codes = np.unique(column, return_inverse=True)
    if column.dtype.kind == "b":
        return Text(codes, [str(value) for value in distinct.tolist()])
    return Text(codes, ["" if math.isnan(value) else label_of_number(value) for value in distinct.tolist()])


def moments_of(column: Column, order: str, options: Options) -> Array:
    """Return the dates of a column as datetime64, NaT for a missing value."""
    if not isinstance(column, Text):
        return column if column.dtype.kind == "M" else _of_numbers(without_marks(column, options))
    cells = ["" if options.marks.in_numbers(cell) else cell for cell in column.cells]
    moments = to_dates(cells or [""], order)
    wrong = [cell for cell, moment in zip(cells, moments, strict=False) if cell and np.isnat(moment)]
    if wrong:
        error = WrongCellError.of(column, wrong[0], f"expected a date ({order}), as in training")
        there = column.counts()
        error.words = [cell for cell in wrong if cell in there and not is_date(cell)]
        raise error
    return moments[column.codes]


def _of_numbers(numbers: Array) -> Array:
    """Return numbers such as 20240131 as dates, NaT for NaN."""
    if numbers.dtype.kind not in "uif":
        raise ArgumentError("expected dates, as in training, got booleans")
    moments, missing = of_compact(numbers), np.isnan(numbers)
    wrong = np.isnat(moments) & ~missing
    if wrong.any():
        row = int(wrong.argmax())
        raise WrongCellError(f"expected dates, as in training, got the number {numbers[row]}", row)
    return moments


def _part(part: str, moments: Array, first: int) -> Array:
    """Return one part of each date as a number: a year, a month from 1, a weekday from 0 (Monday), and so on."""
    seconds = moments.astype("datetime64[s]").astype(np.int64)
    days, months = moments.astype("datetime64[D]"), moments.astype("datetime64[M]")
    parts = {
        "year": moments.astype("datetime64[Y]").astype(np.int64) + 1970,
        "month": months.astype(np.int64) % 12 + 1,
        "day": (days - months.astype("datetime64[D]")).astype(np.int64) + 1,
        "weekday": (days.astype(np.int64) + 3) % 7,  # 1 January 1970 was a Thursday
        "hour": seconds % DAY / 3600,
        "days since": (seconds - first) / DAY,
    }
    return np.asarray(parts[part], np.float64)
