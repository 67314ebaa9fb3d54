"""The examples of a training as arrays: a table becomes numbers, labels become class indices, a target gets its scale.

All of it is learned from the training examples alone, never from those of validation.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Identity
from nnlite.network.examples import Examples
from nnlite.network.knowledge import (
    NOTHING,
    Knowledge,
    TargetScale,
    check_number_of_classes,
    class_indices,
    is_table,
    learn_names,
    target_of,
)
from nnlite.network.network import Network
from nnlite.network.signature import Signature
from nnlite.splits import stratified_split
from nnlite.tables.encoding import Encoding
from nnlite.tables.frames import frame_of
from nnlite.tables.labels import ClassIndices, as_labels
from nnlite.tables.table import Table


class Prepared(NamedTuple):
    """Checked examples, and what the network has to know to take such examples.

    Attributes
    ----------
    signature : Signature
    train : Examples
    validation : Examples or None
        What ``validation_split`` holds out.
    """

    signature: Signature
    train: Examples
    validation: Examples | None = None


def prepare(
    network: Network, X: Any, y: Any, sample_weight: Any, *, split: float | None, seed: int, standardize: bool | None
) -> Prepared:
    """Return the examples of a training as arrays. Nothing changes yet.

    Parameters
    ----------
    network : Network
    X, y, sample_weight
        As `nnlite.Model.fit` gets them.
    split : float or None
        The fraction to hold out for validation.
    seed : int
        Decides which examples are held out.
    standardize : bool or None
        Whether the target is standardized inside the network; None: if X is a table, or it was before.
    """
    tabular = is_table(X)
    if standardize is None:
        standardize = tabular or network.target_scale is not None
    y, names = _labels(network, X, target_of(X, y, network.output.classifies))
    knowledge = Knowledge(network.encoding, names, None)
    y = class_indices(y, knowledge)
    rows = None
    if tabular:
        table = X if isinstance(X, Table) else Table(frame_of(X, "X"), name="X")
        if split is not None:
            _check_length(table, y)
            rows = _split_rows(network, np.asarray(y), split, seed)
        if network.encoding is None:
            knowledge = knowledge._replace(encoding=Encoding.learn(table, None if rows is None else rows[0]))
        assert knowledge.encoding is not None
        X = knowledge.encoding.transform(X, dtype=network.dtype.name)
    elif network.encoding is not None:
        network.signature.check(X, y)  # raises ArgumentError: the network wants a table
    signature = network.signature_for_array(X)._replace(knowledge=NOTHING)  # y are indices by now
    train, validation = signature.check_arrays(X, y, sample_weight), None
    if split is not None:
        rows = _split_rows(network, train.y, split, seed) if rows is None else rows
        train, validation = train._replace(rows=rows[0]), train._replace(rows=rows[1])
    if standardize and isinstance(network.output, Identity):
        scale = network.target_scale or TargetScale.learn(train.y if train.rows is None else train.y[train.rows])
        knowledge = knowledge._replace(scale=scale)
    return Prepared(signature._replace(knowledge=knowledge), train, validation)


def _labels(network: Network, X: Any, y: Any) -> tuple[Any, tuple[str, ...] | None]:
    """Return the targets, names as text, and the names of the classes: those of the network, or those that occur."""
    labels = as_labels(y)
    names = _new_names(network, X, y, labels) if network.class_names is None else network.class_names
    return (y if labels is None else labels), names


def _new_names(network: Network, X: Any, y: Any, labels: Any) -> tuple[str, ...] | None:
    """Return the names of the classes for a network without them; ArgumentError if it has not as many classes.

    For a target of numbers (``labels`` is None) it is no error: the numbers may be indices of more classes than occur.
    """
    names = _names_of_data(network, X, y, labels)
    if names is None or (labels is None and network.n_classes != len(names)):
        return None
    check_number_of_classes(names, network.n_classes, network.output)
    return names


def _names_of_data(network: Network, X: Any, y: Any, labels: Any) -> tuple[str, ...] | None:
    """Return the names of the classes that a table or the target tells, or those that occur in the target."""
    if isinstance(X, Table) and X.class_names and y is not None and labels is not None:
        return X.class_names
    if isinstance(y, ClassIndices) and network.n_classes == len(y.names):
        return y.names
    if labels is not None or network.output.classifies:
        return learn_names(y, labels)
    return None


def _check_length(table: Table, y: Any) -> None:
    if not hasattr(y, "__len__") or len(y) != len(table):
        n = len(y) if hasattr(y, "__len__") else y
        raise ArgumentError(f"y: expected {len(table)} labels, one for each row of X, got {n}")


def _split_rows(network: Network, y: Array, fraction: float, seed: int) -> tuple[Array, Array]:
    """Return the rows of training and validation examples; each class has its share in both.

    The seed alone decides the split, so that another `fit` on the same data holds out the same examples.
    """
    output = network.output
    classes = y if y.ndim == 1 else output.predict(y)
    if not output.classifies or classes.ndim > 1 or classes.dtype.kind not in "iub":
        classes = np.zeros(len(y), np.intp)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    return stratified_split(classes.astype(np.intp), fraction, rng, name="validation_split")
