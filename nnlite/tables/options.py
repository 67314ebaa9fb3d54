"""What a user says about a table: kinds of columns, marks of missing values, notations, scaling."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.errors import ArgumentError
from nnlite.tables.cells import Missing
from nnlite.tables.dates import ORDERS

KINDS = ("numeric", "category", "boolean", "date", "ignore")
SCALINGS = ("standardize", "robust", "none")
THOUSANDS = (",", ".", " ", "'")


@dataclass(frozen=True)
class Options:
    """The options of a table, checked. `nnlite.read_table` explains them."""

    kinds: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] | None = None
    decimal: str | None = None
    thousands: str | None = None
    dates: str | None = None
    scaling: str = "standardize"
    fill: str | float = "median"

    @functools.cached_property
    def marks(self) -> Missing:
        """Which cells are missing values."""
        return Missing(self.missing)


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
    decimal = checks.choice("decimal", decimal, (".", ",", None))
    thousands = checks.choice("thousands", thousands, (*THOUSANDS, None))
    if decimal is not None and decimal == thousands:
        raise ArgumentError(f"thousands: {thousands!r} is the decimal mark already")
    return Options(
        kinds=dict(kinds),
        missing=None if missing is None else tuple(missing),
        decimal=decimal,
        thousands=thousands,
        dates=checks.choice("dates", dates, (*ORDERS, None)),
        scaling=checks.choice("scaling", scaling, SCALINGS),
        fill=fill if isinstance(fill, str) and fill == "median" else _fill(fill),
    )


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
