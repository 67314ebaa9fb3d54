"""What a pass over the targets of stored examples tells before the training: classes, their weights, the scale."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError, DataFileError
from nnlite.fitting.class_weights import classes_of
from nnlite.layers import Identity
from nnlite.network.knowledge import Knowledge, TargetScale, check_number_of_classes
from nnlite.network.network import Network
from nnlite.network.pieces import check_shape, check_table, checked_targets, require_targets
from nnlite.network.signature import Signature
from nnlite.stored import StoredArrays, StoredTable
from nnlite.stored.arrays import Part
from nnlite.stored.learning import Learned, learn
from nnlite.stored.numbers import write_numbers
from nnlite.stored.order import selected
from nnlite.tables.cells import sorted_names
from nnlite.tables.labels import as_labels
from nnlite.tables.table import NOTHING_TO_PREDICT

AT_ONCE, BYTES_AT_ONCE = 2**18, 2**22  # targets, and bytes of them
MOST_CLASSES = 10_000


class Survey(NamedTuple):
    """What is known of all targets.

    Attributes
    ----------
    n_of_class, weight_of_class : ndarray, (C,)
        How many examples each class has, and the sum of their weights. Without classes both have one entry.
    mean, std : ndarray, (n[L],)
        Of values.
    n_alike : int
        How many examples have the class of the one before.
    """

    n_of_class: Array
    weight_of_class: Array
    mean: Array
    std: Array
    n_alike: int = 0

    @property
    def are_neighbours_alike(self) -> bool:
        """Whether neighbours have the same class much more often than by chance, as in data that are sorted."""
        n = int(self.n_of_class.sum())
        by_chance = float(np.square(self.n_of_class / max(1, n)).sum())
        return self.n_alike > (n - 1) * (1 + by_chance) / 2

    @property
    def labels(self) -> Array:
        """Class indices that tell which classes occur; as many as there are examples, but not more than 1000."""
        there = np.flatnonzero(self.n_of_class)
        return np.resize(there, max(len(there), min(1000, int(self.n_of_class.sum()))))

    def scale(self) -> TargetScale:
        """Return the scale of the target; the standard deviation of a constant counts as 1."""
        return TargetScale(self.mean, np.where(self.std > 1e-14 * np.abs(self.mean), self.std, 1.0))

    def check_sum(self, of_class: Array | None) -> None:
        """Raise ArgumentError if the weights of all examples are 0 together, or too large to be added."""
        total = float((self.weight_of_class if of_class is None else self.weight_of_class * of_class).sum())
        if not 0 < total < np.inf:
            what = "sample_weight" if of_class is None else "class_weight"
            raise ArgumentError(f"{what}: expected a sum of weights above 0 and finite over all examples, got {total}")


def learn_class_names(network: Network, data: StoredArrays) -> tuple[str, ...] | None:
    """Return the names of the classes: those of the network, those in the targets, or None for class indices."""
    if network.class_names is not None or data.y_rows is None:
        return network.class_names
    if data.y_rows.dtype.kind == "b" and len(data.y_rows.shape) == 1:
        return ("False", "True") if network.n_classes == 2 else None
    if data.y_rows.dtype.kind not in "USTO":
        return None
    found: set[str] = set()
    for part in _targets(data):
        try:
            labels = as_labels(part.y)
        except ArgumentError as error:
            raise DataFileError(f"{data.y_rows.place(part.start)} and the rows after it: {error}") from None
        if labels is None:
            raise ArgumentError(f"y: expected numbers or names of classes in {data.y_rows.name}")
        found.update(label for label, n in labels.counts().items() if n)
        if len(found) > MOST_CLASSES:
            raise DataFileError(f"{data.y_rows.name}: has more than {MOST_CLASSES} different labels")
    names = tuple(sorted_names(sorted(found)))
    check_number_of_classes(names, network.n_classes, network.output)
    return names


def survey(signature: Signature, data: StoredArrays) -> Survey:
    """Go through all targets and weights once, and check them.

    Raises
    ------
    DataFileError
        If one is wrong; the message names the file and the rows.
    """
    classes = signature.n_classes or 1
    n_of, weight_of = np.zeros(classes, np.int64), np.zeros(classes)
    n_alike, last = 0, -1
    moments = _Moments()
    of_values = isinstance(signature.output, Identity)
    for part in _targets(data):
        y, weights = checked_targets(signature, data, part, training=True)
        of_class = classes_of(y) if signature.n_classes is not None else np.zeros(len(y), np.intp)
        n_of += np.bincount(of_class, minlength=classes)
        n_alike += int(np.count_nonzero(of_class[1:] == of_class[:-1])) + bool(of_class[0] == last)
        last = of_class[-1]
        weight_of += np.bincount(of_class, weights, minlength=classes)
        if of_values:
            moments.add(y)
    return Survey(n_of, weight_of, moments.mean, np.sqrt(moments.variance), n_alike)


def _targets(data: StoredArrays) -> Iterator[Part]:
    """Yield targets and weights, without X, in the order of the data."""
    assert data.y_rows is not None
    edges = data.y_rows.edges(max(1, min(AT_ONCE, BYTES_AT_ONCE // max(1, data.y_rows.row_bytes)))).tolist()
    for start, stop in itertools.pairwise(edges):
        kept = selected(data.shares, start, stop)
        rows: list[Any] = [None if rows is None else rows.read(start, stop) for rows in (data.y_rows, data.weight_rows)]
        y, weights = (array if array is None or kept is None else array[kept] for array in rows)
        if len(y):
            yield Part(y, y, weights, start, stop)


class _Moments:
    """Mean and variance of values that come part by part.

    References
    ----------
    T. Chan, G. Golub and R. LeVeque, "Algorithms for computing the sample variance", 1983.
    """

    def __init__(self) -> None:
        self.n, self.mean, self._squares = 0, np.zeros(1), np.zeros(1)

    def add(self, values: Array) -> None:
        """Add values (m, k)."""
        values = values.astype(np.float64).reshape(len(values), -1)
        m, mean = len(values), values.mean(axis=0)
        delta = mean - self.mean
        self._squares = self._squares + ((values - mean) ** 2).sum(axis=0) + delta**2 * self.n * m / (self.n + m)
        self.mean = self.mean + delta * m / (self.n + m)
        self.n += m

    @property
    def variance(self) -> Array:
        """The mean square of the deviations."""
        variance: Array = self._squares / max(1, self.n)
        return variance


class StoredSetup(NamedTuple):
    """Stored examples, and what the network has to know to take them.

    Attributes
    ----------
    signature : Signature
    train : StoredArrays
    validation : StoredArrays or None
        What ``validation_split`` holds out.
    survey : Survey
        Of the training examples.
    """

    signature: Signature
    train: StoredArrays
    validation: StoredArrays | None
    survey: Survey


def prepare_stored(
    network: Network, data: StoredArrays | StoredTable, *, split: float | None, seed: int, standardize: bool | None
) -> StoredSetup:
    """Return the examples of a training that stay on the disk. Nothing changes yet.

    Parameters
    ----------
    network : Network
    data : StoredArrays or StoredTable
        The numbers of a table are written into a temporary file.
    split : float or None
        The fraction to hold out for validation.
    seed : int
        Decides which examples are held out.
    standardize : bool or None
        Whether the target is standardized inside the network; None: if it is a table, or was standardized before.
    """
    if isinstance(data, StoredTable):
        arrays, knowledge = _numbers_of_table(network, data, split, seed)
    else:
        require_targets(data)
        arrays, knowledge = data, Knowledge(network.encoding, learn_class_names(network, data), None)
    signature = network.signature_for_array(np.zeros((1, *arrays.shape[1:]), arrays.dtype))
    of_arrays = network.encoding if data is arrays else None
    check_shape(signature._replace(knowledge=Knowledge(of_arrays, None, None)), arrays)
    signature = signature._replace(knowledge=knowledge)
    train, validation = (arrays, None) if split is None else _split(arrays, split, seed)
    found = survey(signature, train)
    train.warn_of_large_chunks(found.are_neighbours_alike)
    if standardize is None:
        standardize = data is not arrays or network.target_scale is not None
    if standardize and isinstance(network.output, Identity):
        signature = signature._replace(knowledge=knowledge._replace(scale=network.target_scale or found.scale()))
    return StoredSetup(signature, train, validation, found)


def _split(data: Any, fraction: float, seed: int) -> Any:
    try:
        return data.split(fraction, seed)
    except ArgumentError as error:
        raise ArgumentError(str(error).replace("fraction", "validation_split", 1)) from None


def _numbers_of_table(
    network: Network, table: StoredTable, split: float | None, seed: int
) -> tuple[StoredArrays, Knowledge]:
    """Learn a table from its training rows, and write its numbers. Return them, and what the network has to know."""
    if not table.target_name:
        raise ArgumentError(f"y: {table.name} {NOTHING_TO_PREDICT}")
    learned = learn(table if split is None else _split(table, split, seed)[0])
    names = network.class_names
    if network.output.classifies and names is None:
        names = table.settings.class_names or learned.labels
        if names is None:
            raise DataFileError(f"{table.name}: column {table.target_name!r} has too many different labels for classes")
        rare = () if table.settings.class_names else learned.rare
        check_number_of_classes(names, network.n_classes, network.output, rare)
    encoding = learned.encoding if network.encoding is None else network.encoding
    of_classes = names if network.output.classifies else None
    arrays = write_numbers(table, encoding, learned.n_rows, network.dtype.name, of_classes)
    return arrays, Knowledge(encoding, names, None)


def stored_validation(signature: Signature, data: StoredTable) -> StoredArrays:
    """Return a table for validation as numbers in a temporary file."""
    encoding = check_table(signature, data)
    if not data.target_name and encoding.target_name in data.names:
        data = data.with_target(encoding.target_name)
    if not data.target_name:
        raise ArgumentError(f"validation_data: {data.name} {NOTHING_TO_PREDICT}")
    known = data.known  # a pass that has been made has counted them
    n_rows = known.n_rows if isinstance(known, Learned) else sum(piece.stop - piece.start for piece in data.pieces())
    names = signature.knowledge.class_names if signature.output.classifies else None
    return write_numbers(data, encoding, n_rows, signature.dtype.name, names)
