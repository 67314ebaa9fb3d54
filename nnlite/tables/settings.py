"""The arguments of a table, checked, and what it takes over from another table or a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from nnlite import checks
from nnlite.errors import ArgumentError
from nnlite.tables.choosing import check_names, shown
from nnlite.tables.kinds import IGNORED, Kind
from nnlite.tables.options import Options, check_dtype, check_options


class Pattern(NamedTuple):
    """What a table takes over from ``like``: kinds, target, classes, options."""

    kinds: Mapping[str, Kind] = {}
    target: str | None = None
    classification: bool | None = None
    class_names: tuple[str, ...] | None = None
    options: Options = Options()

    @classmethod
    def of(cls, like: Any) -> Pattern:
        """Return what to take over from a Table or a Model; ArgumentError for anything else."""
        if like is None:
            return cls()
        if hasattr(like, "column_kinds"):  # a Table
            names = like.class_names or None
            classification = None if like.y is None else names is not None
            return cls(
                {**dict.fromkeys(like.ignored, IGNORED), **like.column_kinds},
                like.target_name or None,
                classification,
                names,
                like.options,
            )
        encoding, output = getattr(like, "encoding", None), getattr(like, "output", None)
        if output is None:
            raise ArgumentError(f"like: expected a Table or a Model, got {type(like).__name__}")
        if encoding is None:
            raise ArgumentError("like: the model was not trained on a table, so it knows no columns")
        names = like.class_names if output.classifies else None
        return cls(encoding.kinds, encoding.target_name or None, bool(output.classifies), names, encoding.options)


class Settings(NamedTuple):
    """The arguments of a table, checked. `Table` explains them."""

    options: Options
    classification: bool | None
    class_names: tuple[str, ...] | None
    dtype: str
    pattern: Pattern


def check_settings(
    *, classification: Any, kinds: Any, class_names: Any, like: Any, missing: Any, decimal: Any, thousands: Any,
    dates: Any, scaling: Any, fill: Any, dtype: Any,
) -> Settings:  # fmt: skip
    """Return the arguments of a table, or raise ArgumentError for one that is wrong."""
    classification = None if classification is None else checks.boolean("classification", classification)
    options = check_options(kinds=kinds, missing=missing, decimal=decimal, thousands=thousands, dates=dates,
                            scaling=scaling, fill=fill)  # fmt: skip
    pattern = Pattern.of(like)
    if like is not None:
        _refuse_decided(options, pattern, classification, class_names)
        options = replace(options, scaling=pattern.options.scaling, fill=pattern.options.fill)
    if missing is None and pattern.options.missing is not None:
        options = replace(options, missing=pattern.options.missing)
    if class_names is None:
        class_names = pattern.class_names if classification is not False else None
    elif classification is False:
        raise ArgumentError("class_names: are for classes, and classification=False asks for values")
    names = None if class_names is None else check_names(class_names)
    if classification is None:
        classification = True if names is not None else pattern.classification
    return Settings(options, classification, names, check_dtype(dtype), pattern)


def _refuse_decided(options: Options, pattern: Pattern, classification: bool | None, class_names: Any) -> None:
    """Raise ArgumentError for an option that ``like`` has decided in another way, so that it could not act."""
    stays = "like= decides this, as the training did; leave it out, or leave out like="
    for name, kind in options.kinds.items():
        known = pattern.kinds.get(name)
        if known is not None and known.name != kind:
            raise ArgumentError(f"kinds: column {name!r} is {known.name!r} in like=, got {kind!r}; {stays}")
    defaults = Options()
    for name in ("scaling", "fill"):
        value = getattr(options, name)
        if value not in (getattr(defaults, name), getattr(pattern.options, name)):
            raise ArgumentError(f"{name}: got {value!r} with like=; {stays}")
    if classification is not None and pattern.classification not in (None, classification):
        raise ArgumentError(f"classification: got {classification} with like=; {stays}")
    if class_names is not None and pattern.class_names is not None and pattern.class_names != check_names(class_names):
        raise ArgumentError(f"class_names: like= has the classes {shown(pattern.class_names)}; {stays}")
