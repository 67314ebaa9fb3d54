"""What a network has learned of its data before it computes: columns, names of classes, the scale of the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.tables.cells import canonical_label, is_whole, sorted_names
from nnlite.tables.encoding import Encoding
from nnlite.tables.frames import Text, has_named_columns
from nnlite.tables.labels import ClassIndices, as_labels
from nnlite.tables.table import NOTHING_TO_PREDICT, Table


class TargetScale(NamedTuple):
    """The target inside the network: ``(y - mean) / std``.

    Attributes
    ----------
    mean, std : ndarray, (n[L],)
        Of the training examples, in float64.
    """

    mean: Array
    std: Array

    @classmethod
    def learn(cls, y: Array) -> TargetScale:
        """Return the scale of values (M, n[L]); the standard deviation of a constant counts as 1."""
        values = y.astype(np.float64)
        mean, std = values.mean(axis=0), values.std(axis=0)
        return cls(mean, np.where(std > 1e-14 * np.abs(mean), std, 1.0))

    def inside(self, y: Array) -> Array:
        """Return values as the network learns them."""
        inside: Array = (y - self.mean) / self.std
        return inside

    def outside(self, Y_hat: Array) -> Array:
        """Return what the network computes in the units of the target."""
        return (Y_hat * self.std + self.mean).astype(Y_hat.dtype, copy=False)


class Knowledge(NamedTuple):
    """What a network has learned of its data before it computes.

    Attributes
    ----------
    encoding : Encoding or None
        What makes a table into numbers; None for a network that was trained on arrays.
    class_names : tuple of str, or None
    scale : TargetScale or None
        Of a target that is standardized inside the network.
    """

    encoding: Encoding | None = None
    class_names: tuple[str, ...] | None = None
    scale: TargetScale | None = None


NOTHING = Knowledge()


# ---- examples --------------------------------------------------------------------------------------------------------


def is_table(X: Any) -> bool:
    """Return whether ``X`` has columns with names."""
    return (type(X) is not np.ndarray and (isinstance(X, Table) or has_named_columns(X))) or (
        type(X) is np.ndarray and X.dtype.names is not None
    )


def as_numbers(X: Any, encoding: Encoding | None, dtype: Any, name: str = "X", *, arrays: bool = False) -> Any:
    """Return a table as an array of numbers; anything else as it is.

    Parameters
    ----------
    X : array_like or table
    encoding : Encoding or None
        Of the network. A network that was trained on arrays takes the numbers of a table in their order.
    dtype : numpy.dtype
    name : str
        What messages call X.
    arrays : bool, default False
        Whether an array is what `Encoding.transform` returned. If not, a network that knows its columns refuses arrays.

    Raises
    ------
    ArgumentError
        If a column is missing or unknown, or the network knows its columns by name and X is an array.
    """
    if is_table(X):
        if encoding is not None:
            return encoding.transform(X, dtype=np.dtype(dtype).name, name=name)
        return X.X if isinstance(X, Table) else X
    if encoding is not None and not arrays:
        raise ArgumentError(
            f"{name}: expected a table with the columns {_shown(encoding.names)}, as in training, got "
            f"{type(X).__name__}; a dictionary of columns or a data frame will do"
        )
    return X


def target_of(X: Any, y: Any, classifies: bool) -> Any:
    """Return the target of a table where ``y`` is None or its y: text for classes, values otherwise; else ``y``."""
    if not isinstance(X, Table) or not (y is None or y is X.y):
        return y
    if X.y is None:
        raise ArgumentError(f"y: {X.name} {NOTHING_TO_PREDICT}")
    return X.target_as(classes=classifies)


# ---- labels ----------------------------------------------------------------------------------------------------------


def learn_names(y: Any, labels: Text | None) -> tuple[str, ...] | None:
    """Return the names of the classes that occur, sorted; those of booleans are "False" and "True"."""
    if labels is not None:
        return tuple(sorted_names([label for label, n in labels.counts().items() if n]))
    return ("False", "True") if _kind(y) == "b" else None


def _kind(y: Any) -> str:
    """Return the kind of the numbers in y: "b" for booleans, "i" and "u" for integers; "" for a list of others."""
    dtype = getattr(y, "dtype", None)
    if isinstance(dtype, np.dtype):
        return dtype.kind if y.ndim == 1 else ""
    if dtype is not None:  # of another library
        return str(dtype)[:1].lower()
    if isinstance(y, (list, tuple)) and len(y):
        types = set(map(type, y))
        return "b" if types <= {bool} else "i" if types <= {int} else ""
    return ""


def class_indices(y: Any, knowledge: Knowledge, name: str = "y") -> Any:
    """Return names of classes as indices; numbers as they are.

    Raises
    ------
    ArgumentError
        If a label is not one of the network's classes, the network has no names, or whole numbers may be names as well
        as indices.
    """
    labels, names = as_labels(y, name), knowledge.class_names
    if labels is None and isinstance(y, ClassIndices) and names is not None and _numbered_otherwise(y, names):
        labels = Text(np.asarray(y), y.names)
    if labels is None:
        _refuse_ambiguous(y, knowledge, name)
        return y
    if names is None:
        first = labels.cells[labels.codes[0]]
        raise ArgumentError(
            f"{name}: expected numbers, the indices of classes, got the text {first!r:.100}; the network has no names "
            f"of classes: set model.class_names, or train it with such labels"
        )
    place = {canonical_label(label): k for k, label in enumerate(names)} | {label: k for k, label in enumerate(names)}
    for label, n in labels.counts().items():
        if n and label not in place:
            raise ArgumentError(
                f"{name}: the class {label!r:.100} is not one of the network, which has {_shown(names)}"
            )
    return np.array([place.get(label, -1) for label in labels.cells], np.intp)[labels.codes]


def _numbered_otherwise(y: ClassIndices, names: tuple[str, ...]) -> bool:
    """Return whether indices of a table belong to other classes than the network's, which are not just renamed."""
    renamed = len(names) == len(y.names) and not set(names) & set(y.names)
    return bool(y.names) and y.names != names and not renamed


def _refuse_ambiguous(y: Any, knowledge: Knowledge, name: str) -> None:
    """Raise ArgumentError for integers if the classes of the table were other whole numbers than their indices."""
    names = knowledge.class_names
    if knowledge.encoding is None or names is None or not all(map(is_whole, names)):
        return
    if isinstance(y, ClassIndices) and y.names:  # certainly indices
        return
    if names != tuple(map(str, range(len(names)))) and _kind(y) in ("i", "u"):
        raise ArgumentError(
            f"{name}: integers may be class indices or the names {_shown(names)}; pass a table with a target, or "
            f"names as text: np.asarray({name}).astype(str)"
        )


def check_number_of_classes(names: Sequence[str], n_classes: int | None, output: Any, rare: Sequence[str] = ()) -> None:
    """Raise ArgumentError if the labels have another number of classes than the network.

    ``rare`` is what to say of the classes with the fewest examples: if the labels are too many, one may be a mistake.
    """
    if not output.classifies:
        raise ArgumentError(f"y: expected numbers for a network that ends in {output}, got the text {names[0]!r:.100}")
    if n_classes is None or 1 < len(names) == n_classes:
        return
    rarest = f"; the rarest are {', '.join(rare)}" if rare and len(names) > n_classes else ""
    wrong = (
        f"y: has {len(names)} classes ({_shown(names)}), and the network chooses from "
        f"{n_classes}{rarest}; let it end in Dense({len(names)}), Softmax()"
    )
    if len(names) == 1:
        wrong = f"y: all labels are {names[0]!r:.100}, so there is nothing to learn; expected two or more"
    error = ArgumentError(wrong)
    error.of_classes = True
    raise error


def named(classes: Any, class_names: tuple[str, ...] | None, output: Any) -> Array:
    """Return the names of class indices; ArgumentError if the network has none."""
    if not output.classifies:
        raise ArgumentError(f"names: a network that ends in {output} gives values, which have no names")
    if class_names is None:
        raise ArgumentError("names: the network has no names of classes; set model.class_names")
    indices = checks.numeric_array("classes", classes)
    if indices.ndim > 1:
        raise ArgumentError("names: several labels for an example have no single name; pass names=False")
    return np.array(class_names)[indices]


def _shown(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:10])) + (", ..." if len(names) > 10 else "")
