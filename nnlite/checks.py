"""Checks of arguments: each returns the value in the type that nnlite computes with, or raises ArgumentError."""

import inspect
import itertools
import math
import operator
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from nnlite.errors import ArgumentError, TrainingWarning

Array = np.ndarray[Any, np.dtype[Any]]
Option = TypeVar("Option")
FRACTIONS = ("fraction", "label_smoothing", "rate", "test_fraction", "test_size", "validation_split")


def integer(name: str, value: object, *, minimum: int = 1) -> int:
    """Return ``value`` as an int; raise ArgumentError unless it is an integer of at least ``minimum``."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ArgumentError(f"{name}: expected an integer of at least {minimum}, got {value!r}") from None
    if number < minimum:
        raise ArgumentError(f"{name}: expected an integer of at least {minimum}, got {number}")
    return number


def real(
    name: str,
    value: object,
    *,
    above: float | None = None,
    minimum: float | None = None,
    below: float | None = None,
    maximum: float | None = None,
) -> float:
    """Return ``value`` as a float; raise ArgumentError unless it is finite and within the bounds that are given.

    ``above`` and ``below`` are exclusive bounds, ``minimum`` and ``maximum`` inclusive ones.
    """
    try:
        if isinstance(value, (bool, np.bool_, str, bytes)) or getattr(value, "ndim", 0) != 0:
            raise TypeError
        number = float(value)  # type: ignore[arg-type]
        inside = (
            math.isfinite(number)
            and (above is None or number > above)
            and (minimum is None or number >= minimum)
            and (below is None or number < below)
            and (maximum is None or number <= maximum)
        )
    except (TypeError, ValueError, OverflowError):
        inside = False
    if not inside:
        bounds = {"above": above, "of at least": minimum, "below": below, "of at most": maximum}
        expected = " and".join(f" {word} {bound:g}" for word, bound in bounds.items() if bound is not None)
        hint = _as_fraction(value) if name in FRACTIONS else ""
        raise ArgumentError(f"{name}: expected a finite number{expected}, got {value!r}{hint}")
    return number


def _as_fraction(value: object) -> str:
    """Return what to write for a percentage in place of a fraction."""
    text = str(value).strip().removesuffix("%")
    if isinstance(value, bool) or not text.replace(".", "", 1).isdigit() or not 1 < float(text) <= 100:
        return ""
    return f"; it is a fraction: write {float(text) / 100:g} for {float(text):g} %"


def boolean(name: str, value: object) -> bool:
    """Return ``value`` as a bool; raise ArgumentError for anything but True and False, such as "no"."""
    if not isinstance(value, (bool, np.bool_)):
        raise ArgumentError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def choice(name: str, value: object, choices: Sequence[Option]) -> Option:
    """Return ``value``; raise ArgumentError unless it is one of ``choices``, which are strings or None."""
    for option in choices:
        if value is option or (isinstance(value, str) and value == option):
            return option
    raise ArgumentError(f"{name}: expected {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}, got {value!r}")


def wrong_arguments(method: Callable[..., Any], *arguments: str) -> str:
    """Return what is wrong with ``method``, which a user has written, unless it can be called with these arguments."""
    signature = inspect.signature(method)
    try:
        signature.bind(*arguments)
    except TypeError:
        taken = [str(parameter) for parameter in signature.parameters.values()]
        return f"must take ({', '.join(['self', *arguments])}), but takes ({', '.join(['self', *taken])})"
    return ""


def path(name: str, value: Any) -> str:
    """Return ``value`` as a file name; raise ArgumentError if it cannot be one."""
    try:
        decoded = os.fsdecode(value)
    except TypeError:
        decoded = ""
    if not decoded or "\0" in decoded:
        raise ArgumentError(f"{name}: expected a path, got {value!r}")
    return decoded


def is_mapping(value: Any) -> bool:
    """Whether ``value`` has keys and values: a dict, another mapping, or a Series of pandas."""
    return isinstance(value, Mapping) or (hasattr(value, "keys") and hasattr(value, "items"))


def mapping(name: str, value: Any) -> dict[Any, Any]:
    """Return a mapping or a Series of pandas as a dict with plain keys: NumPy's scalars become Python's.

    ArgumentError if it is none, or if a key occurs twice.
    """
    if not is_mapping(value):
        raise ArgumentError(f"{name}: expected a mapping such as a dict, got {value!r}")
    pairs = [(key.item() if isinstance(key, np.generic) else key, entry) for key, entry in value.items()]
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ArgumentError(f"{name}: a key occurs twice, got {[key for key, _ in pairs]!r}")
    return found


def collection(name: str, value: Any, such_as: str) -> list[Any]:
    """Return the entries of a list, tuple, set, array, index or mapping; ArgumentError for a string or anything else.

    ``such_as`` shows in the message what is expected, such as "a list of columns such as ['id']". NumPy's scalars
    become Python's.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, (Iterable, Sequence)) or getattr(value, "ndim", 1) != 1:
        raise ArgumentError(f"{name}: expected {such_as}, got {value!r}")
    return [entry.item() if isinstance(entry, np.generic) else entry for entry in value]


def one_array(name: str, value: Any) -> None:
    """Raise ArgumentError for a data set, which has several arrays."""
    fields = getattr(value, "_fields", ())
    for x, y in (("X_train", "y_train"), ("X", "y")):
        if x in fields:
            what = type(value).__name__
            raise ArgumentError(f"{name}: expected an array, got {what}, which has several; pass its {x}, and its {y}")


def numeric_array(name: str, value: Any) -> Array:
    """Return ``value`` as an array of booleans, integers or floats; an ndarray is not copied."""
    if hasattr(value, "toarray"):
        raise ArgumentError(f"{name}: sparse matrices are not supported; pass {name}.toarray()")
    if isinstance(value, np.ndarray) and hasattr(value, "mask"):
        raise ArgumentError(f"{name}: masked arrays are not supported; pass {name}.filled(value)")
    one_array(name, value)
    try:
        array = np.asarray(value)
    except ArgumentError as error:  # from the value itself
        raise ArgumentError(f"{name}: {error}") from None
    except ValueError:
        raise ArgumentError(f"{name}: the rows have different lengths; expected a rectangular array") from None
    if array.dtype.kind not in "buif":
        raise ArgumentError(
            f"{name}: expected numbers, got an array of dtype {array.dtype}{_first_non_number(name, array)}"
        )
    return array


def floats(name: str, value: Any) -> Array:
    """Return ``value`` as an array of float32 or float64; all other numbers become float64."""
    array = numeric_array(name, value)
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def _first_non_number(name: str, array: Array) -> str:
    """Say where the first entry is that is not a number, and how to convert class names or objects."""
    for index, entry in itertools.islice(np.ndenumerate(array), 10_000):
        if not isinstance(entry, (bool, int, float, np.integer, np.floating, np.bool_)):
            shown = entry.item() if isinstance(entry, np.generic) else entry
            where = f" ({name}[{', '.join(map(str, index))}] is {shown!r})"
            class_names = isinstance(entry, str) and array.ndim == 1
            hint = f"; names, {name} = np.unique({name}, return_inverse=True) turns names into class indices"
            return where + (hint if class_names else "")
    return f"; {name}.astype(float) converts it if all entries are numbers" if array.dtype == object else ""


def squares(array: Array) -> float:
    """Return the sum of the squares. If it is finite, all entries are. (Unlike a sum, vdot overflows silently.)"""
    return float(np.vdot(array, array))


def finite(name: str, array: Array, dtype: Any = None) -> None:
    """Raise ArgumentError unless every entry is finite, also after a cast to ``dtype``."""
    if array.dtype.kind != "f" or array.size == 0:
        return
    largest = np.finfo(array.dtype if dtype is None else dtype).max
    if -largest <= array.min() and array.max() <= largest:  # False if there is a NaN
        return
    where = np.argwhere(~(np.abs(array) <= largest))
    first = tuple(int(i) for i in where[0])
    index = ", ".join(map(str, first))
    raise ArgumentError(
        f"{name}: expected finite numbers, got {array[first]} at {name}[{index}] "
        f"({len(where)} of {array.size} entries are NaN, infinite or too large for {np.dtype(dtype or array.dtype)})"
    )


def in_unit_interval(name: str, array: Array, expected: str) -> None:
    """Raise ArgumentError unless every entry is in [0, 1]; ``expected`` says in the message what the entries are."""
    if array.size and not (array.min() >= 0 and array.max() <= 1):
        raise ArgumentError(
            f"{name}: expected {expected} in [0, 1], got values from {array.min():g} to {array.max():g}"
        )


def warn_if_swapped(call: str, *, prediction: Array, truth: Array) -> None:
    """Warn if the prediction is all 0 and 1, as a truth is, and the truth is not; ``call`` shows the right order."""
    if np.isin(prediction, (0, 1)).all() and not np.isin(truth, (0, 1)).all():
        warnings.warn(f"{call}: the prediction is all 0 and 1, but the truth is not; are they swapped?", stacklevel=3)


def warn(text: str, category: type[Warning] = TrainingWarning) -> None:
    """Warn, as if at the line of the user's code that called nnlite."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "nnlite":
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)


def class_indices(name: str, y: Any, n_classes: int | None, *, of: str = "") -> Array:
    """Return ``y`` as integers; raise ArgumentError for floats and for labels outside 0 .. n_classes-1.

    ``of`` says in the message what limits the labels, such as " for a network with 10 output units".
    """
    array = numeric_array(name, y)
    if array.size == 0:
        return array.astype(np.intp)
    if array.dtype.kind == "f":
        missing = np.isnan(array).ravel()
        if missing.any() and not missing.all():
            raise ArgumentError(
                f"{name}: class indices must be integers, and {name}[{missing.argmax()}] is missing (nan)"
            )
        raise ArgumentError(
            f"{name}: class indices must be integers, got {array.dtype} (first entry {array.flat[0]}); "
            f"if they are whole numbers, pass {name}.astype(int)"
        )
    for label in (array.min(), array.max()):
        if label < 0 or (n_classes is not None and label >= n_classes):
            allowed = "labels start at 0" if n_classes is None else f"labels are 0..{n_classes - 1}"
            hint = "; subtract 1?" if n_classes is not None and array.min() == 1 and array.max() == n_classes else ""
            raise ArgumentError(f"{name}: label {label} is out of range{of} ({allowed}{hint})")
    return array.astype(np.intp, copy=False)
