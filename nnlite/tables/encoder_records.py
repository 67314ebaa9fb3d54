"""Encoders from a model file, which may come from a stranger: each value is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from nnlite.tables.dates import ORDERS, TIME_ALONE
from nnlite.tables.encoders import ENCODERS, LARGEST, MOST_CATEGORIES, PARTS, Encoder
from nnlite.tables.notation import LONGEST_UNIT
from nnlite.tables.options import THOUSANDS


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST


def _is_scale(value: Any) -> bool:
    return _is_number(value) and value > 0


def _list_of(accept: Callable[[Any], bool], most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and 0 < len(value) <= most and all(map(accept, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


MAY_LACK = {"unit", "mark"}
FIELDS: dict[str, Callable[[Any], bool]] = {
    "name": _is_text,
    "indicator": _is_flag,
    "center": _is_number,
    "scale": _is_scale,
    "fill": _is_number,
    "decimal": lambda value: value in (".", ","),
    "thousands": lambda value: value in (*THOUSANDS, None),
    "unit": lambda value: _is_text(value) and 0 < len(value) <= LONGEST_UNIT,
    "mark": lambda value: _is_text(value) and len(value) <= LONGEST_UNIT,
    "categories": _list_of(_is_text, MOST_CATEGORIES),
    "shares": _list_of(_is_number, MOST_CATEGORIES),
    "has_other": _is_flag,
    "first": lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**50,
    "parts": _list_of(lambda part: part in PARTS, len(PARTS)),
    "centers": _list_of(_is_number, len(PARTS)),
    "scales": _list_of(_is_scale, len(PARTS)),
    "order": lambda value: value in (*ORDERS, TIME_ALONE),
}


def encoder_from_json(record: Any) -> Encoder:
    """Return the encoder that `Encoder.to_json` wrote; it may come from a stranger.

    Raises
    ------
    ValueError
        If the record is not one that `Encoder.to_json` returns.
    """
    kind = record.get("kind") if isinstance(record, dict) else None
    cls = ENCODERS.get(kind) if isinstance(kind, str) else None
    names = set() if cls is None else {"kind", *(entry.name for entry in fields(cls))}
    if cls is None or not names - MAY_LACK <= record.keys() <= names:
        raise ValueError("the encoding of the table is damaged: a column has other fields than its kind")
    arguments = {name: value for name, value in record.items() if name != "kind"}
    for name, value in arguments.items():
        if not FIELDS[name](value):
            raise ValueError(f"the encoding of the table is damaged: {name} of a column has a wrong value")
    lengths = {
        len(arguments[name]) for name in ("parts", "centers", "scales", "categories", "shares") if name in arguments
    }
    if len(lengths) > 1:
        raise ValueError("the encoding of the table is damaged: two lists of a column differ in length")
    return cls(**arguments)
