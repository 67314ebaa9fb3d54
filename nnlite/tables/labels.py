"""Names of classes in place of class indices: arrays and lists of text, categories of pandas, polars and Arrow."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.tables.cells import canonical_label, sorted_names
from nnlite.tables.frames import Text, column_of


class ClassIndices(np.ndarray[Any, Any]):
    """Class indices that remember the names of the classes they were numbered with.

    So the y of a second file is never taken for indices of the first one's classes. What is computed from them is a
    plain array.
    """

    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, indices: Array, names: tuple[str, ...]) -> ClassIndices:
        """Return these indices with these names."""
        made = np.asarray(indices).view(cls)
        made.names = names
        return made

    def __array_finalize__(self, other: Any) -> None:
        self.names = getattr(other, "names", ())

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [np.asarray(value) if isinstance(value, ClassIndices) else value for value in inputs]
        if "out" in options:
            options["out"] = tuple(np.asarray(value) for value in options["out"])
        return getattr(ufunc, method)(*plain, **options)

    def __repr__(self) -> str:
        return repr(np.asarray(self))


def as_labels(y: Any, name: str = "y") -> Text | None:
    """Return names of classes as text, each label in its canonical form; None if ``y`` are numbers.

    Raises
    ------
    ArgumentError
        If a label is missing.
    """
    column = _column(y, name)
    if column is None:
        return None
    labels = Text(column.codes, [canonical_label(cell) for cell in column.cells])
    if "" in labels.counts():
        i = int((labels.codes == labels.cells.index("")).argmax())
        raise ArgumentError(f"{name}: the label {name}[{i}] is missing")
    return labels


def _column(y: Any, name: str) -> Text | None:
    """Return ``y`` as text; None if it are numbers, or has several columns."""
    if isinstance(y, Text):
        return y
    if getattr(y, "ndim", 1) == 2 and np.shape(y)[1] == 1:  # a frame with one column, or (M, 1)
        y = y.iloc[:, 0] if hasattr(y, "iloc") else y[:, 0] if isinstance(y, np.ndarray) else y
    if isinstance(y, np.ndarray):
        if y.ndim != 1 or y.dtype.kind not in "USTO" or not len(y):
            return None
        column = column_of(y.astype(str) if y.dtype.kind == "S" else y, name)
    elif isinstance(y, (list, tuple)):
        if not any(isinstance(label, (str, np.str_)) for label in y[:100]):
            return None
        column = column_of(y, name)
    elif getattr(y, "ndim", 1) == 1 and any(hasattr(y, method) for method in ("iloc", "to_pylist", "is_null")):
        column = column_of(y, name)
    else:
        return None
    return column if isinstance(column, Text) else None


def indices_of_names(y: Any, Y_hat: Any) -> tuple[Any, Any]:
    """Return names of true and predicted classes as class indices, numbered in the order of the sorted names.

    Anything that is no text stays as it is. With probabilities for Y_hat, y must have each of the classes.

    Raises
    ------
    ArgumentError
        If only one of the two has names, or it is not certain which column of Y_hat belongs to which class.
    """
    truth, guess = as_labels(y, "y"), as_labels(Y_hat, "Y_hat")
    if truth is None and guess is None:
        return y, Y_hat
    if truth is None or (guess is None and np.ndim(Y_hat) == 1 and np.asarray(Y_hat).dtype.kind in "iu"):
        name, other = ("Y_hat", "y") if truth is None else ("y", "Y_hat")
        raise ArgumentError(f"{other}: expected names of classes, as in {name}, got numbers")
    names = sorted_names([*truth.counts(), *([] if guess is None else guess.counts())])
    if guess is None:
        n_columns = np.shape(Y_hat)[1] if np.ndim(Y_hat) == 2 and np.shape(Y_hat)[1] > 1 else 2
        if len(names) != n_columns:
            raise ArgumentError(
                f"y: has {len(names)} different names, and Y_hat has {n_columns} classes, so it is not certain which "
                "is which; pass class indices"
            )
    place = {name: k for k, name in enumerate(names)}
    found = [None if text is None else np.array([place.get(cell, -1) for cell in text.cells])[text.codes]
             for text in (truth, guess)]  # fmt: skip
    return found[0], Y_hat if found[1] is None else found[1]


def names_in(y: Any, Y_hat: Any) -> list[str] | None:
    """Return the sorted names of the classes in y and Y_hat; None if they are numbers."""
    found = [text for text in (as_labels(y, "y"), as_labels(Y_hat, "Y_hat")) if text is not None]
    return sorted_names([name for text in found for name in text.counts()]) if found else None
