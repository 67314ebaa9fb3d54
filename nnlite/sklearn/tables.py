"""Data frames with text, dates or missing values: their columns become numbers as in a `Table`."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import sparse

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.network.knowledge import is_table
from nnlite.tables.encoding import Encoding
from nnlite.tables.frames import column_of, columns_of, frame_of
from nnlite.tables.labels import ClassIndices
from nnlite.tables.table import Table


def as_table(X: Any) -> Table | None:
    """Return X as a `Table` if it has named columns, and some of them hold text, dates or missing values.

    None stands for arrays, sparse matrices and data frames of numbers, which scikit-learn takes.
    """
    if isinstance(X, Table):
        return X
    if sparse.issparse(X) or not is_table(X):  # a matrix of the form DOK is a mapping
        return None
    for_scikit_learn = not isinstance(X, (Mapping, list, tuple, np.ndarray))
    if for_scikit_learn and (
        len(getattr(X, "shape", ())) == 1 or _is_sparse(X) or all(map(_is_complete, columns_of(X, "X")))
    ):
        return None
    return Table(frame_of(X, "X"), name="X")


def _is_sparse(X: Any) -> bool:
    """Return whether X is a frame of pandas that scikit-learn makes into a sparse matrix."""
    dtypes = [type(dtype).__name__ for dtype in getattr(X, "dtypes", ())]
    return bool(dtypes) and set(dtypes) == {"SparseDtype"}


def _is_complete(column: tuple[str, Any]) -> bool:
    """Return whether a column holds a number or a boolean in each row. Infinity is for scikit-learn to refuse."""
    name, values = column
    array = np.asarray(values)
    if array.dtype.kind == "O":
        inner = column_of(values, f"X: column {name!r}")
        if not isinstance(inner, np.ndarray):
            return False
        array = inner
    return array.dtype.kind in "bui" or (array.dtype.kind == "f" and not np.isnan(array).any())


@contextlib.contextmanager
def hinting(X: Any) -> Iterator[None]:
    """Let scikit-learn's errors about text and missing values say what would be right."""
    try:
        yield
    except ValueError as error:
        message = str(error)
        if "could not convert string" in message:
            what = "text needs a data frame, also in fit: an array has no columns by name"
        elif "contains NaN" in message and hasattr(X, "columns"):
            what = "the data frame of the training had no missing values, so nothing is known that could stand for them"
        else:
            raise
        raise ValueError(f"{message}\n{what}") from None


def refuse_text(y: Any) -> None:
    """Raise ValueError for targets of a regressor that are text and no numbers."""
    array = np.asarray(y)
    if array.dtype.kind not in "UO":
        return
    for value in array.ravel().tolist():
        try:
            float(value)
        except ValueError:
            raise ValueError(
                f"y: could not convert string to float: {value!r:.100}; a regressor needs numbers. For classes there "
                f"is MLPClassifier"
            ) from None
        except TypeError:
            return  # scikit-learn says what is wrong


def learn_encoding(table: Table, rows: Array) -> Encoding:
    """Return the encoding of a table, learned from some rows; an error says where the arguments go that it names."""
    try:
        return Encoding.learn(table, rows)
    except ArgumentError as error:
        hint = "; these are arguments of nnlite.Table(X), which fit takes" if "pass " in str(error) else ""
        raise ArgumentError(f"{error}{hint}") from None


def plain_labels(y: Any) -> Any:
    """Return the names of classes of a `Table` as scikit-learn takes them; anything else as it is."""
    if isinstance(y, ClassIndices) and y.names:
        return np.array(y.names, object)[np.asarray(y)]
    if isinstance(y, np.ndarray) and y.dtype.kind == "T":
        return y.astype(object)
    return y


def numbers_of(X: Any, encoding: Encoding, names: Array, estimator: str) -> Array:
    """Return the numbers (M, n) of a table, float64, in the encoding of the training.

    An array has the columns of the training in their order: tools of scikit-learn pass frames on as arrays of objects.

    Parameters
    ----------
    X : Table, what becomes one, or array_like
    encoding : Encoding
    names : ndarray of str
        The columns of the training, in order.
    estimator : str
        What the warning about an array calls the estimator.

    Raises
    ------
    ValueError
        If a column is missing or unknown, a value is not of its kind, or an array has another number of columns.
    """
    if not sparse.issparse(X) and is_table(X):
        return encoding.transform(X, dtype="float64")
    array = X if sparse.issparse(X) else np.asarray(X)
    if sparse.issparse(X) or array.ndim != 2 or array.shape[1] != len(names):
        raise ValueError(
            f"X: expected a data frame with the columns {', '.join(map(repr, names[:10]))}, as in fit, got "
            f"{type(X).__name__} of shape {array.shape}"
        )
    warnings.warn(
        f"X does not have valid feature names, but {estimator} was fitted with feature names", UserWarning, stacklevel=2
    )
    return encoding.transform(dict(zip(names.tolist(), array.T, strict=True)), dtype="float64")
