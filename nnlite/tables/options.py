"""What a user says about a table: kinds of columns, marks of missing values, notations, scaling."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.errors import ArgumentError
from nnlite.tables.cells import Missing
from nnlite.tables.dates import ORDERS

KINDS = ("numeric", "category", "boolean", "date", "ignore")
SCALINGS = ("standardize", "robust", "none")
THOUSANDS = (",", ".", " ", "'")
BY_COLUMN = {"decimal": (".", ","), "thousands": THOUSANDS, "dates": ORDERS}


@dataclass(frozen=True)
class Options:
    """The options of a table, checked. `nnlite.read_table` explains them."""

    kinds: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] | None = None
    decimal: Any = None  # of these three, a dictionary has one for each column that it names
    thousands: Any = None
    dates: Any = None
    scaling: str = "standardize"
    fill: str | float = "median"

    @functools.cached_property
    def marks(self) -> Missing:
        """Which cells are missing values."""
        return Missing(self.missing)

    def of(self, column: str) -> Options:
        """Return the options for one column, in which no dictionary is left but ``kinds``."""
        own: dict[str, Any] = {
            name: value.get(column) for name in BY_COLUMN if isinstance(value := getattr(self, name), Mapping)
        }
        return replace(self, **own) if own else self

    @property
    def text_columns(self) -> set[str]:
        """The columns that are read as text, since an option says what their text means."""
        found = {name for name, kind in self.kinds.items() if kind in ("category", "date")}
        return found | {name for name, option in self.columns.items() if option != "kinds"}

    @property
    def all_text(self) -> bool:
        """Whether all columns are read as text, since numbers have a notation of their own."""
        return self.decimal == "," or isinstance(self.thousands, str)

    @property
    def columns(self) -> dict[str, str]:
        """The columns that an option names, and the option that does."""
        found = dict.fromkeys(self.kinds, "kinds")
        for name in BY_COLUMN:
            value = getattr(self, name)
            if isinstance(value, Mapping):
                found |= dict.fromkeys(value, name)
        return found


def check_options(
    *, kinds: Any = None, missing: Any = None, decimal: Any = None, thousands: Any = None, dates: Any = None,
    scaling: Any = "standardize", fill: Any = "median",
) -> Options:  # fmt: skip
    """Return the options, or raise ArgumentError for one that is wrong."""
    kinds = {} if kinds is None else kinds
    if not isinstance(kinds, Mapping):
        raise ArgumentError(f"kinds: expected a dictionary such as {{'zip': 'category'}}, got {kinds!r:.200}")
    for name, kind in kinds.items():
        if not isinstance(name, str) or kind not in KINDS:
            raise ArgumentError(
                f"kinds: expected names of columns with one of {', '.join(map(repr, KINDS))}, got {name!r}: {kind!r}"
            )
    if isinstance(missing, str) or not (missing is None or _all_strings(missing)):
        raise ArgumentError(f"missing: expected a list of texts such as ['NA', '-'], got {missing!r:.200}")
    options = Options(
        kinds=dict(kinds),
        missing=None if missing is None else tuple(missing),
        decimal=_by_column("decimal", decimal),
        thousands=_by_column("thousands", thousands),
        dates=_by_column("dates", dates),
        scaling=checks.choice("scaling", scaling, SCALINGS),
        fill=fill if isinstance(fill, str) and fill == "median" else _fill(fill),
    )
    for own in (options, *map(options.of, options.columns)):
        if isinstance(own.decimal, str) and own.decimal == own.thousands:
            raise ArgumentError(f"thousands: {own.thousands!r} is the decimal mark already")
    return options


def _by_column(name: str, value: Any) -> Any:
    """Return a mark for all columns, or a dictionary with one for some, checked."""
    if not isinstance(value, Mapping):
        return checks.choice(name, value, (*BY_COLUMN[name], None))
    for column, mark in value.items():
        if not isinstance(column, str):
            raise ArgumentError(f"{name}: expected names of columns, got {column!r:.100}")
        checks.choice(name, mark, BY_COLUMN[name])
    return dict(value) or None


def _fill(fill: Any) -> float:
    try:
        return checks.real("fill", fill)
    except ArgumentError:
        raise ArgumentError(f"fill: expected 'median' or a finite number, got {fill!r:.100}") from None


def check_dtype(dtype: Any) -> str:
    """Return "float32" or "float64", or raise ArgumentError."""
    for allowed in ("float32", "float64"):
        if isinstance(dtype, (str, type, np.dtype)) and dtype in (allowed, np.dtype(allowed), np.dtype(allowed).type):
            return allowed
    raise ArgumentError(f"dtype: expected 'float32' or 'float64', got {dtype!r}")


def _all_strings(values: Any) -> bool:
    return hasattr(values, "__iter__") and all(isinstance(value, str) for value in values)
