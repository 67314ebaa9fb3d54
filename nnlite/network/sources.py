"""Batches from elsewhere: pairs, dictionaries and the tensors of other libraries as arrays, and their checks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.errors import ArgumentError
from nnlite.network.examples import Examples
from nnlite.network.signature import Signature
from nnlite.tables.encoding import Encoding
from nnlite.tables.table import Table

# What the entries of a batch are called elsewhere: Hugging Face's data sets, Keras, and loaders of dictionaries.
TARGETS = ("y", "label", "labels", "target", "targets")
WEIGHTS = ("sample_weight", "sample_weights")
PAIR = "(X, y) or (X, y, sample_weight)"


def gives_batches(X: Any) -> bool:
    """Return whether ``X`` is a source of batches, not an array of examples."""
    if isinstance(X, np.ndarray) or hasattr(X, "__array__") or isinstance(X, (str, bytes, dict)):
        return False
    return hasattr(X, "__iter__") or (hasattr(X, "__getitem__") and hasattr(X, "__len__"))


def are_batches(items: Sequence[Any]) -> bool:
    """Return whether each of the items is a batch: a dictionary, or a pair or triple that begins with examples.

    So a list of two batches is not taken for the X and y of one.
    """
    return bool(items) and all(
        isinstance(item, Mapping)
        or (isinstance(item, (tuple, list)) and len(item) in (2, 3) and len(getattr(item[0], "shape", ())) > 1)
        for item in items[:100]
    )


def items_of(source: Any) -> Iterator[Any]:
    """Return an iterator over the batches; a source with items by number need not have ``__iter__``."""
    if hasattr(source, "__getitem__") and hasattr(source, "__len__"):
        return (source[i] for i in range(len(source)))
    return iter(source)


def length_of(source: Any) -> int | None:
    """Return the number of batches; None if the source does not know it.

    Loaders of PyTorch and TensorFlow have ``__len__`` in any case, which raises TypeError for a stream.
    """
    try:
        return len(source)
    except TypeError:
        return None


def as_array(value: Any) -> Any:
    """Return a tensor as an array of NumPy, without a copy where that is possible; anything else as it is.

    A tensor of PyTorch may be on another device, part of a graph of gradients, or of a type that NumPy does not have.
    """
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    if not isinstance(value, np.ndarray) and hasattr(value, "__array__") and hasattr(value, "numpy"):
        return np.asarray(value)  # TensorFlow
    return value


def parts_of(batch: Any, name: str, encoding: Encoding | None = None) -> tuple[Any, Any, Any]:
    """Return X, y and weights (or None) of a batch.

    Parameters
    ----------
    batch : (X, y), (X, y, sample_weight), mapping, or Table with a target
        A mapping has the target as "y", "label", "labels", "target" or "targets", weights as "sample_weight", and X
        as its only other entry. The columns of a table may be several entries, for a network that knows them.
    name : str
        What messages call the batch: "batch 3".
    encoding : Encoding, optional
        The columns that the network knows.

    Raises
    ------
    ArgumentError
        If the batch is something else.
    """
    if isinstance(batch, Table):
        return batch, None, None
    if isinstance(batch, Mapping):
        return _entries(batch, name, encoding)
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        got = f"{type(batch).__name__} of {len(batch)}" if hasattr(batch, "__len__") else type(batch).__name__
        raise ArgumentError(f"X: expected a source of batches {PAIR}, got {got} for {name}")
    X, y, *weights = batch
    X = {key: as_array(value) for key, value in X.items()} if isinstance(X, Mapping) else as_array(X)
    return X, as_array(y), as_array(weights[0]) if weights else None


def _entries(batch: Mapping[Any, Any], name: str, encoding: Encoding | None) -> tuple[Any, Any, Any]:
    """Return X, y and weights of a mapping."""
    entries = {key: as_array(value) for key, value in batch.items()}
    known = (*TARGETS, encoding.target_name) if encoding is not None else TARGETS
    targets = [key for key in entries if key in known]
    weights = [key for key in entries if key in WEIGHTS]
    rest = {key: value for key, value in entries.items() if key not in targets and key not in weights}
    if len(targets) != 1 or len(weights) > 1 or not rest or (len(rest) > 1 and encoding is None):
        raise ArgumentError(
            f"X: expected a source of batches {PAIR}, or of dictionaries with X and one of "
            f"{', '.join(map(repr, TARGETS))}, got dict of {', '.join(map(repr, batch)) or 'nothing'} for {name}"
        )
    X = rest if encoding is not None and rest.keys() & set(encoding.names) else next(iter(rest.values()))
    return X, entries[targets[0]], entries[weights[0]] if weights else None


def check_batch(signature: Signature, batch: Any, name: str) -> Examples:
    """Return a batch of a source as Examples, or raise ArgumentError. All weights of one batch may be 0."""
    X, y, weights = parts_of(batch, name, signature.knowledge.encoding)
    return signature.check(X, y, weights, prefix=f"{name} ", all_zero=True)
