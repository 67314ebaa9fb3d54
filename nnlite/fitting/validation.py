"""Validation data: arrays, a table, stored examples, or a source of batches that can be begun again in every epoch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nnlite.errors import ArgumentError, DataFileError
from nnlite.fitting.survey import stored_validation, survey
from nnlite.network.examples import Examples
from nnlite.network.foreign import adapted, untouched_torch
from nnlite.network.pieces import check_shape, checked_pieces, require_targets
from nnlite.network.signature import Signature
from nnlite.network.sources import are_batches, check_batch, gives_batches, items_of
from nnlite.stored import StoredArrays, StoredTable
from nnlite.stored.opening import as_stored
from nnlite.tables.table import Table

PREFIX = "validation_data "


class ValidationBatches:
    """Batches that are evaluated after every epoch, always from the beginning and in their own order.

    Parameters
    ----------
    signature : Signature
        What the network takes.
    source : iterable
        Its first batch is checked.

    Raises
    ------
    ArgumentError
        If the source is empty or cannot be begun again, or its first batch does not fit the network.
    """

    def __init__(self, signature: Signature, source: Any) -> None:
        self.signature = signature
        self.source = adapted(source, 1024)
        if iter_is_itself(self.source):
            raise ArgumentError(
                "validation_data: expected batches that can be gone through after every epoch, got a "
                f"{type(source).__name__}, which is used up after one; pass list(batches), or an object whose __iter__ "
                f"begins anew"
            )
        if next(self.batches(), None) is None:
            raise ArgumentError("validation_data: the source of batches is empty")

    def batches(self) -> Iterator[Examples]:
        """Yield the batches. The random generators of the training stay as they are."""
        with untouched_torch():
            n = 0
            for n, batch in enumerate(items_of(self.source), start=1):
                yield check_batch(self.signature, batch, f"{PREFIX}batch {n - 1}")

    def some(self, n: int) -> Examples | None:
        """Return up to n examples of the first batch."""
        first = next(self.batches(), None)
        return None if first is None else first.some(n)

    def fingerprint(self) -> str:
        """Return a fixed text: batches to come have no checksum."""
        return f"from a {type(self.source).__name__}"


class StoredValidation(ValidationBatches):
    """Stored examples that are evaluated after every epoch, in their order.

    Parameters
    ----------
    signature : Signature
    data : StoredArrays

    Raises
    ------
    ArgumentError
        If there are no targets, or all weights are 0.
    DataFileError
        If a target or a weight is wrong: all of them are read once.
    """

    def __init__(self, signature: Signature, data: StoredArrays) -> None:
        require_targets(data)
        self.signature, self.data = signature, data.with_targets_at_hand()
        with _naming_validation():
            found, first = survey(signature, data), next(checked_pieces(signature, data))
        if not found.weight_of_class.any():
            raise ArgumentError(
                f"validation_data sample_weight: expected weights of at least 0, not all 0, but all {len(data)} are 0"
            )
        self._first = first.some(min(first.size, 256)).batch(slice(None))

    def batches(self) -> Iterator[Examples]:
        """Yield the examples, a few megabytes at a time."""
        with _naming_validation():
            yield from checked_pieces(self.signature, self.data)

    def some(self, n: int) -> Examples:
        """Return up to n of the first examples."""
        return self._first.some(n)

    def fingerprint(self) -> str:
        """Return a checksum of some rows, which identifies the data."""
        return self.data.fingerprint()


@contextmanager
def _naming_validation() -> Iterator[None]:
    """Let an error about stored examples say that they are those of the validation."""
    try:
        yield
    except DataFileError as error:
        raise DataFileError(f"validation_data: {error}") from error.__cause__


def iter_is_itself(source: Any) -> bool:
    """Return whether the source gives its batches only once: it is an iterator, and has no length.

    A source with a length begins again when ``iter`` is called.
    """
    return hasattr(source, "__next__") and not hasattr(source, "__len__")


def check_validation_data(signature: Signature, validation_data: Any) -> Examples | ValidationBatches:
    """Return the validation examples, or the batches of a source.

    Parameters
    ----------
    signature : Signature
        What the network takes.
    validation_data : (X, y), (X, y, sample_weight), Table, StoredArrays, StoredTable, or source of batches

    Raises
    ------
    ArgumentError
        If they do not fit the network, or are something else.
    """
    if isinstance(validation_data, Table):
        return signature.check(validation_data, None, prefix=PREFIX)
    if isinstance(validation_data, StoredTable):
        return StoredValidation(signature, stored_validation(signature, validation_data))
    if isinstance(validation_data, StoredArrays):
        check_shape(signature, validation_data)
        return StoredValidation(signature, validation_data)
    if isinstance(validation_data, (tuple, list)) and not are_batches(validation_data):
        if len(validation_data) in (2, 3):
            stored = as_stored(*validation_data)
            if stored is not None:
                check_shape(signature, stored)
                return StoredValidation(signature, stored)
            return signature.check(*validation_data, prefix=PREFIX)
    elif gives_batches(validation_data):
        return ValidationBatches(signature, validation_data)
    size = f" of {len(validation_data)}" if hasattr(validation_data, "__len__") else ""
    raise ArgumentError(
        f"validation_data: expected (X, y) or (X, y, sample_weight), or a source of such batches, got "
        f"{type(validation_data).__name__}{size}"
    )
